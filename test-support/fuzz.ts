/** Inputs that nobody meant, made fast enough for a million of them: genuine ones with something done to them. */
import { canonicalJson, isSealflowError, utf8 } from "@sealflow/core";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** A whole number below a bound. */
export type Numbers = (below: number) => number;

/** Set in the slow suite: each parser then sees a million inputs. */
export const slow = process.env.SEALFLOW_SLOW !== undefined;

/** How long a test of this many may take, in milliseconds: a parser that hangs ends it. */
export const fuzzTimeout = slow ? 4 * 3_600_000 : 60_000;

/** Runs one parser under many inputs. */
export interface Fuzzing {
  /** Of inputs; a million in the slow suite. */
  readonly count: number;
  /** What a parser may throw. */
  readonly isRefusal?: (error: unknown) => boolean;
}

/**
 * Gives a parser its inputs, the same ones each time. Anything thrown but a refusal is a defect, and is shown with its input's
 * number; `one` throws it too when something is accepted that must not be. It gets its numbers at once, before it waits
 * for anything, and the number of a place that nothing else uses at the time.
 */
export async function fuzz(
  name: string,
  { count, isRefusal = isSealflowError }: Fuzzing,
  one: (next: Numbers, place: number) => unknown,
): Promise<void> {
  const next = numbers(seedOf(name));
  const restore = withoutTraces();
  let refused = 0;
  const given = async (i: number) => {
    try {
      await one(next, i % together);
    } catch (error) {
      if (!isRefusal(error)) throw new Error(`${name}: input ${i}`, { cause: error });
      refused++;
    }
  };
  try {
    for (let i = 0; i < count; i += together) {
      await Promise.all(Array.from({ length: Math.min(together, count - i) }, (_, k) => given(i + k)));
    }
  } finally {
    restore();
  }
  if (slow) console.log(`${name}: ${count} inputs, ${refused} refused, ${count - refused} gone through`);
}

/** How many inputs are under way: WebCrypto works in other threads, and waiting for each in turn takes longer than the work. */
const together = 64;

/** The parser's value, or undefined when it refused. */
export async function refusedOr<Value>(work: () => Value | Promise<Value>): Promise<Value | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isSealflowError(error)) return undefined;
    throw error;
  }
}

function seedOf(name: string): number {
  let seed = 7919;
  for (const letter of name) seed = (seed * 31 + letter.charCodeAt(0)) | 0;
  return seed;
}

/** Refusals are made a million times: without their traces, which nobody reads, they cost a fraction. */
function withoutTraces(): () => void {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  return () => {
    Error.stackTraceLimit = before;
  };
}

/** Numbers that are fast to make and the same each time (xorshift32). */
export function numbers(seed: number): Numbers {
  let state = (seed ^ 0x9e3779b9) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** The bytes with bits turned, pieces cut, repeated, exchanged or put in, or lengths made large. */
export function mutatedBytes(bytes: Uint8Array, next: Numbers): Uint8Array<ArrayBuffer> {
  let result = Uint8Array.from(bytes);
  for (let count = 1 + next(3); count > 0 && result.length > 0; count--) {
    const at = next(result.length);
    const kind = next(7);
    if (kind < 2) result[at] = (result[at] ?? 0) ^ (1 << next(8));
    else if (kind === 2) result = result.slice(0, at);
    else if (kind === 3) {
      const again = result.subarray(next(result.length));
      result = Uint8Array.from(Buffer.concat([result.subarray(0, at), again]));
    } else if (kind === 4) result.fill(255, at, Math.min(at + 4, result.length));
    else if (kind === 5) result = result.slice(at);
    else result[at] = next(256);
  }
  return result;
}

const odd: readonly Json[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  "",
  "\u0000",
  "\ud800",
  "__proto__",
  "a".repeat(3000),
  [],
  {},
  [[[[[]]]]],
];

const oddOne = (next: Numbers): Json => structuredClone(odd[next(odd.length)] ?? null);

/** A copy of a JSON value with one place put wrong: left out, made odd, doubled, renamed, or taken from elsewhere in it. */
export function mutatedValue<Value>(value: Value, next: Numbers): Value {
  const places: Place[] = [];
  const copy = copied(value as Json, places);
  for (let count = 1 + next(2); count > 0; count--) {
    const place = places[next(places.length)];
    if (place === undefined) return oddOne(next) as Value;
    const donor = places[next(places.length)] ?? place;
    // What was put in before may have taken a place away: then it is put in again.
    putWrong(place, next, (donor.parent[donor.key as never] as Json | undefined) ?? null);
  }
  return copy as Value;
}

interface Place {
  readonly parent: { [name: string]: Json } | Json[];
  readonly key: string | number;
}

/** A deep copy, several times as fast as `structuredClone`, and the places in it. */
function copied(value: Json, places: Place[]): Json {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const copy: Json[] = [];
    for (const [key, item] of value.entries()) {
      places.push({ parent: copy, key });
      copy.push(copied(item, places));
    }
    return copy;
  }
  const copy: { [name: string]: Json } = {};
  for (const key of Object.keys(value)) {
    places.push({ parent: copy, key });
    copy[key] = copied(value[key] ?? null, places);
  }
  return copy;
}

function putWrong({ parent, key }: Place, next: Numbers, donor: Json): void {
  const old = parent[key as never] as Json;
  const put = (value: Json) => {
    parent[key as never] = value as never;
  };
  const kind = next(7);
  if (kind === 0 && Array.isArray(parent)) parent.splice(Number(key), 1);
  else if (kind === 0) delete parent[key as never];
  else if (kind === 1) put(oddOne(next));
  else if (kind === 2 && Array.isArray(parent)) parent.push(structuredClone(old));
  else if (kind === 2) Object.assign(parent, { [`${key}${next(10)}`]: old });
  else if (kind === 3) put(structuredClone(donor));
  else if (typeof old === "string" && old !== "") {
    const at = next(old.length);
    put(`${old.slice(0, at)}${String.fromCharCode(32 + next(95))}${old.slice(at + next(2))}`);
  } else if (typeof old === "number") put(old + next(5) - 2);
  else put(oddOne(next));
}

/** JSON of a value that may hold what canonical JSON refuses. */
export function spelled(value: unknown): Uint8Array<ArrayBuffer> {
  try {
    return utf8(canonicalJson(value));
  } catch {
    return utf8((JSON.stringify(value) ?? "null").toWellFormed());
  }
}

/** A document with something done to its bytes, or to what they say. */
export function mutatedDocument(
  document: Uint8Array,
  value: unknown,
  next: Numbers,
): Uint8Array<ArrayBuffer> {
  return next(2) === 0 ? mutatedBytes(document, next) : spelled(mutatedValue(value, next));
}
