/** How a field's JSON is read. */
export type FieldKind =
  | { readonly kind: "string" | "bool" | "int32" | "int64" | "double" | "duration" | "value" | "struct" }
  | { readonly kind: "enum"; readonly values: readonly string[] }
  | { readonly kind: "message"; readonly message: string }
  | { readonly kind: "list" | "map"; readonly of: FieldKind };

/** A message: its fields, the groups of which at most one may be set, and what must be there and not be empty. */
export interface MessageSchema {
  readonly fields: Readonly<Record<string, FieldKind>>;
  readonly oneofs?: readonly (readonly string[])[];
  readonly required?: readonly string[];
}

/** A string. */
export const string: FieldKind = { kind: "string" };
/** True or false. */
export const bool: FieldKind = { kind: "bool" };
/** A 32-bit integer, also as a decimal string. */
export const int32: FieldKind = { kind: "int32" };
/** A 64-bit integer, also as a decimal string. */
export const int64: FieldKind = { kind: "int64" };
/** A number, also as a string. */
export const double: FieldKind = { kind: "double" };
/** Seconds with the suffix `s`. */
export const duration: FieldKind = { kind: "duration" };
/** Any JSON (`google.protobuf.Value`). */
export const value: FieldKind = { kind: "value" };
/** Any JSON object (`google.protobuf.Struct`). */
export const struct: FieldKind = { kind: "struct" };
/** A list of strings. */
export const strings: FieldKind = { kind: "list", of: string };
/** A map of strings. */
export const labels: FieldKind = { kind: "map", of: string };
/** A message by name. */
export const message = (name: string): FieldKind => ({ kind: "message", message: name });
/** A list of messages. */
export const list = (name: string): FieldKind => ({ kind: "list", of: message(name) });
/** A map of messages. */
export const map = (name: string): FieldKind => ({ kind: "map", of: message(name) });
/** An enumeration; values in the order of their numbers. */
export const oneOf = (...values: readonly string[]): FieldKind => ({ kind: "enum", values });
