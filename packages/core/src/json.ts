import { SealflowError } from "./errors.js";

/** Any JSON value. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** True for objects that are neither null nor arrays. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Canonical JSON (RFC 8785, JSON Canonicalization Scheme): keys sorted by UTF-16 code units, numbers as ECMAScript
 * prints them, no white space. Properties that are `undefined` are left out, as `JSON.stringify` does.
 *
 * @throws SealflowError `CORE_JSON_NOT_REPRESENTABLE` for NaN, infinities, lone surrogates, functions, bigints.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return canonicalString(value);
  if (typeof value === "number") return canonicalNumber(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value === "object") return canonicalObject(value as Record<string, unknown>);
  throw notRepresentable(typeof value);
}

function canonicalObject(value: Record<string, unknown>): string {
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort(compareCodeUnits)
    .map((key) => `${canonicalString(key)}:${canonicalJson(value[key])}`);
  return `{${members.join(",")}}`;
}

function canonicalString(value: string): string {
  if (!value.isWellFormed()) throw notRepresentable("a string with a lone surrogate");
  return JSON.stringify(value);
}

function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw notRepresentable(String(value));
  return JSON.stringify(value);
}

function notRepresentable(what: string): SealflowError {
  return new SealflowError({
    code: "CORE_JSON_NOT_REPRESENTABLE",
    message: `canonical JSON: expected a JSON value, got ${what}`,
  });
}

/** Orders strings by UTF-16 code units: the order of RFC 8785 and the same on every machine and locale. */
export function compareCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
