import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import type { Findings } from "../finding.js";
import type { DocumentPath } from "../path.js";
import { member, setMember } from "../record.js";
import type { FieldKind, MessageSchema } from "./fields.js";
import { nearest } from "./nearest.js";
import { PLATFORM_MESSAGES } from "./platform-schema.js";
import { SPEC_MESSAGES } from "./spec-schema.js";

/** Names of the messages that JSON is decoded as. */
export type RootMessage = "PipelineSpec" | "PlatformSpec" | "KubernetesExecutor";

const MESSAGES: Readonly<Record<string, MessageSchema>> = { ...SPEC_MESSAGES, ...PLATFORM_MESSAGES };

/**
 * Reads JSON as a message, as strictly as protojson: unknown fields, wrong types and two members of a oneof are
 * findings. What protojson treats alike comes out alike: `snake_case` names, nulls for unset fields, numbers as
 * strings, enumerations by number.
 */
export function decodeMessage(json: JsonValue, name: RootMessage, findings: Findings): JsonObject {
  return new Decoder(findings).message(json, name, []);
}

class Decoder {
  private readonly findings: Findings;

  constructor(findings: Findings) {
    this.findings = findings;
  }

  message(json: JsonValue, name: string, path: DocumentPath): JsonObject {
    const schema = member(MESSAGES, name);
    if (schema === undefined) throw new TypeError(`no schema for message ${name}`);
    const result: Record<string, JsonValue> = {};
    if (!isJsonObject(json)) {
      this.wrongType(path, "an object", json);
      return withRequired(result, schema);
    }
    for (const key of Object.keys(json)) {
      const value = json[key];
      const field = fieldName(schema, key);
      if (field === undefined) this.unknownField(schema, [...path, key]);
      else if (field in result) {
        this.findings.error(
          "PIPELINE_FIELD_DUPLICATE",
          [...path, key],
          `expected ${field} once, got it twice`,
        );
      } else if (value !== undefined) this.field(result, field, { value, schema, path: [...path, key] });
    }
    this.checkOneofs(schema, result, path);
    for (const field of schema.required ?? []) {
      if (!(field in result) || result[field] === "") {
        this.findings.error("PIPELINE_FIELD_MISSING", path, `expected ${field}, got nothing`);
      }
    }
    return withRequired(result, schema);
  }

  private field(
    result: Record<string, JsonValue>,
    field: string,
    at: { value: JsonValue; schema: MessageSchema; path: DocumentPath },
  ): void {
    const kind = at.schema.fields[field];
    if (kind === undefined || (at.value === null && kind.kind !== "value")) return;
    const decoded = this.value(at.value, kind, at.path);
    if (decoded !== undefined) result[field] = decoded;
  }

  private value(json: JsonValue, kind: FieldKind, path: DocumentPath): JsonValue | undefined {
    switch (kind.kind) {
      case "message":
        return this.message(json, kind.message, path);
      case "list":
        return this.list(json, kind.of, path);
      case "map":
        return this.map(json, kind.of, path);
      case "value":
        return json;
      case "struct":
        return isJsonObject(json) ? json : this.wrongType(path, "an object", json);
      case "enum":
        return this.enumeration(json, kind.values, path);
      case "string":
        return typeof json === "string" ? json : this.wrongType(path, "a string", json);
      case "bool":
        return typeof json === "boolean" ? json : this.wrongType(path, "true or false", json);
      case "duration":
        return typeof json === "string" && /^-?\d{1,12}(\.\d{1,9})?s$/.test(json)
          ? json
          : this.wrongType(path, 'a duration such as "30s"', json);
      default:
        return this.number(json, kind.kind, path);
    }
  }

  private list(json: JsonValue, of: FieldKind, path: DocumentPath): JsonValue | undefined {
    if (!Array.isArray(json)) return this.wrongType(path, "a list", json);
    const items: JsonValue[] = [];
    for (const [index, item] of json.entries()) {
      const decoded = this.value(item, of, [...path, index]);
      if (decoded !== undefined) items.push(decoded);
    }
    return items;
  }

  private map(json: JsonValue, of: FieldKind, path: DocumentPath): JsonValue | undefined {
    if (!isJsonObject(json)) return this.wrongType(path, "a map", json);
    const result: Record<string, JsonValue> = {};
    for (const key of Object.keys(json)) {
      const decoded = this.value(json[key] ?? null, of, [...path, key]);
      if (decoded !== undefined) setMember(result, key, decoded);
    }
    return result;
  }

  private number(
    json: JsonValue,
    kind: "int32" | "int64" | "double",
    path: DocumentPath,
  ): JsonValue | undefined {
    const integer = kind !== "double";
    const number =
      typeof json === "string" && /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(json) ? Number(json) : json;
    const limit = kind === "int32" ? 2 ** 31 : 2 ** 63;
    const fits =
      typeof number === "number" &&
      Number.isFinite(number) &&
      (!integer || (Number.isInteger(number) && number >= -limit && number < limit));
    if (!fits)
      return this.wrongType(path, integer ? `an integer of ${kind.slice(3)} bits` : "a number", json);
    return kind === "int64" && !Number.isSafeInteger(number) ? json : number;
  }

  private enumeration(json: JsonValue, values: readonly string[], path: DocumentPath): JsonValue | undefined {
    const name = typeof json === "number" ? values[json] : json;
    if (typeof name === "string" && values.includes(name)) return name;
    const guess = typeof json === "string" ? nearest(json, values) : undefined;
    this.findings.error(
      "PIPELINE_VALUE_UNKNOWN",
      path,
      `expected one of ${values.join(", ")}, got ${shown(json)}`,
      guess === undefined ? undefined : `Did you mean ${guess}?`,
    );
    return undefined;
  }

  private checkOneofs(schema: MessageSchema, result: JsonObject, path: DocumentPath): void {
    for (const group of schema.oneofs ?? []) {
      const set = group.filter((field) => field in result);
      if (set.length > 1) {
        this.findings.error(
          "PIPELINE_FIELD_CONFLICT",
          path,
          `expected one of ${set.join(", ")}, got ${set.length}`,
        );
      }
    }
  }

  private unknownField(schema: MessageSchema, path: DocumentPath): void {
    const key = String(path.at(-1));
    const known = Object.keys(schema.fields);
    const guess = nearest(key, known);
    this.findings.error(
      "PIPELINE_FIELD_UNKNOWN",
      path,
      `expected one of ${known.join(", ")}, got ${JSON.stringify(key)}`,
      guess === undefined ? undefined : `Did you mean ${guess}?`,
    );
  }

  private wrongType(path: DocumentPath, expected: string, json: JsonValue): undefined {
    this.findings.error("PIPELINE_FIELD_TYPE", path, `expected ${expected}, got ${shown(json)}`);
    return undefined;
  }
}

/** Fills in empty values for what is required and missing, so that the types hold while all findings are gathered. */
function withRequired(result: Record<string, JsonValue>, schema: MessageSchema): JsonObject {
  for (const field of schema.required ?? []) {
    const kind = schema.fields[field];
    if (field in result || kind === undefined) continue;
    const inner = kind.kind === "message" ? member(MESSAGES, kind.message) : undefined;
    result[field] = kind.kind === "string" ? "" : inner === undefined ? {} : withRequired({}, inner);
  }
  return result;
}

/** The field that a key names: its own name or the proto's `snake_case` one. */
function fieldName(schema: MessageSchema, key: string): string | undefined {
  if (Object.hasOwn(schema.fields, key)) return key;
  if (!key.includes("_")) return undefined;
  const camel = key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.hasOwn(schema.fields, camel) ? camel : undefined;
}

/** A value in an error message: short, and its kind where it is large. */
export function shown(json: JsonValue | undefined): string {
  if (json === undefined) return "nothing";
  if (Array.isArray(json)) return "a list";
  if (isJsonObject(json)) return "an object";
  const text = JSON.stringify(json);
  return text.length <= 80 ? text : `${text.slice(0, 77)}…`;
}
