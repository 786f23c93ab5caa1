/** Messages of protocol buffers, read and written field by field. */

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type JsonObject, type JsonValue, SealflowError } from "@sealflow/core";

/** Reads one field into a message. */
interface Field<T> {
  readonly wire: WireType;
  readonly take: (into: T, reader: BinaryReader) => void;
}

/** Fields by number; others are passed over. */
export type Fields<T> = Readonly<Record<number, Field<T>>>;

/** Reads a message from its bytes. */
export type Reads<T> = (bytes: Uint8Array) => T;

/** A message of these fields. @param empty The message without any field. */
export function message<T>(empty: () => T, fields: Fields<T>): Reads<T> {
  return (bytes) => {
    const reader = new BinaryReader(bytes);
    const into = empty();
    while (reader.pos < reader.len) {
      const [number, wire] = reader.tag();
      const field = Object.hasOwn(fields, number) ? fields[number] : undefined;
      if (field === undefined || field.wire !== wire) reader.skip(wire, number);
      else field.take(into, reader);
    }
    return into;
  };
}

/** A text. */
export function text<T>(set: (into: T, value: string) => void): Field<T> {
  return { wire: WireType.LengthDelimited, take: (into, reader) => set(into, reader.string()) };
}

/** A whole number of up to 53 bits: ids, enumerations, times. */
export function whole<T>(set: (into: T, value: number) => void): Field<T> {
  return { wire: WireType.Varint, take: (into, reader) => set(into, Number(reader.int64())) };
}

/** A truth value. */
export function truth<T>(set: (into: T, value: boolean) => void): Field<T> {
  return { wire: WireType.Varint, take: (into, reader) => set(into, reader.bool()) };
}

/** A number of double precision. */
export function double<T>(set: (into: T, value: number) => void): Field<T> {
  return { wire: WireType.Bit64, take: (into, reader) => set(into, reader.double()) };
}

/** A message inside the message; of a repeated one it is called for each. */
export function nested<T, N>(reads: Reads<N>, set: (into: T, value: N) => void): Field<T> {
  return { wire: WireType.LengthDelimited, take: (into, reader) => set(into, reads(reader.bytes())) };
}

/** One entry of a map whose keys are texts. */
export function entry<N>(reads: Reads<N>): Reads<{ key: string; value: N | undefined }> {
  return message<{ key: string; value: N | undefined }>(() => ({ key: "", value: undefined }), {
    1: text((into, key) => {
      into.key = key;
    }),
    2: nested(reads, (into, value) => {
      into.value = value;
    }),
  });
}

/** Levels that a value may be nested: more than any parameter has, and no danger to the stack. */
const MAX_DEPTH = 100;

interface Holder {
  value: JsonValue;
}

/** `google.protobuf.Value`. Source: protobuf, `struct.proto`. */
function valueAt(depth: number): Reads<JsonValue> {
  if (depth > MAX_DEPTH) throw new RangeError(`values nested more than ${MAX_DEPTH} levels`);
  const set = (into: Holder, value: JsonValue) => {
    into.value = value;
  };
  const holder = message<Holder>(() => ({ value: null }), {
    1: whole((into) => set(into, null)),
    2: double(set),
    3: text(set),
    4: truth(set),
    5: nested((bytes) => structAt(depth + 1)(bytes), set),
    6: nested((bytes) => listAt(depth + 1)(bytes), set),
  });
  return (bytes) => holder(bytes).value;
}

function listAt(depth: number): Reads<readonly JsonValue[]> {
  const item: Reads<JsonValue> = (bytes) => valueAt(depth)(bytes);
  return message<JsonValue[]>(() => [], { 1: nested(item, (into, value) => into.push(value)) });
}

function structAt(depth: number): Reads<JsonObject> {
  const member: Reads<JsonValue> = (bytes) => valueAt(depth)(bytes);
  const members = message<[string, JsonValue][]>(() => [], {
    1: nested(entry(member), (into, { key, value }) => into.push([key, value ?? null])),
  });
  return (bytes) => Object.fromEntries(members(bytes));
}

/** `google.protobuf.Struct`. */
export const struct: Reads<JsonObject> = structAt(0);

/** Writes a message. */
export function written(fields: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  fields(writer);
  return writer.finish();
}

/** A field with a text. */
export function putText(writer: BinaryWriter, number: number, value: string): void {
  writer.tag(number, WireType.LengthDelimited).string(value);
}

/** A field with a whole number; called for each of a repeated one. */
export function putWhole(writer: BinaryWriter, number: number, value: number): void {
  writer.tag(number, WireType.Varint).int64(value);
}

/** A field with a message. */
export function putMessage(
  writer: BinaryWriter,
  number: number,
  fields: (writer: BinaryWriter) => void,
): void {
  writer.tag(number, WireType.LengthDelimited).fork();
  fields(writer);
  writer.join();
}

/**
 * Reads an answer.
 *
 * @throws SealflowError `KFP_ANSWER_INVALID` for bytes that are no such message
 */
export function readAnswer<T>(what: string, reads: Reads<T>, bytes: Uint8Array): T {
  try {
    return reads(bytes);
  } catch (cause) {
    throw new SealflowError({
      code: "KFP_ANSWER_INVALID",
      message: `${what}: expected a message, got ${bytes.length} bytes that are none: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: "Check that the address is that of ML Metadata.",
      cause,
    });
  }
}
