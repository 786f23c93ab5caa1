/**
 * The types of values as the compiler of TypeScript sees them. They exist in types only; at run time a `TypeSpec`
 * says the same. A reference to a value of type `A` may be wired into an input of type `B` when `A` is assignable to
 * `B`, so the members are chosen to make exactly the right pairs assignable.
 */
import type { JsonValue } from "@sealflow/core";
import type { ParameterType } from "../ir/types.js";

/** Text; `L` are the values it may have. */
export interface StringType<L extends string = string> {
  readonly accepts: "STRING";
  readonly value: L;
}

/** A whole number. */
export interface IntegerType<L extends number = number> {
  readonly accepts: "NUMBER_INTEGER";
  readonly value: L;
}

/** A number with a fraction; whole numbers are welcome too. */
export interface DoubleType {
  readonly accepts: "NUMBER_DOUBLE" | "NUMBER_INTEGER";
  readonly value: number;
}

/** True or false. */
export interface BooleanType {
  readonly accepts: "BOOLEAN";
  readonly value: boolean;
}

/** A list whose elements have type `E`. */
export interface ListType<E> {
  readonly accepts: "LIST";
  readonly element: E;
}

/** A JSON object: `F` names its fields, or gives one type for all keys. */
export interface StructType<F> {
  readonly accepts: "STRUCT";
  readonly fields: F;
}

/** What any value may be wired into: the elements of a plain `list`. */
export type AnyType = unknown;

/** The JavaScript constants that may stand for a value of type `T`. */
export type ConstantOf<T> = [T] extends [never]
  ? JsonValue
  : unknown extends T
    ? JsonValue
    : T extends { readonly accepts: "STRING"; readonly value: infer L }
      ? L
      : T extends { readonly accepts: "BOOLEAN" }
        ? boolean
        : T extends { readonly element: infer E }
          ? readonly ConstantOf<E>[]
          : T extends { readonly fields: infer F }
            ? { readonly [K in keyof F]: ConstantOf<F[K]> }
            : T extends { readonly value: infer N extends number }
              ? N
              : never;

/** The type of a constant: what an item of a static list is. */
export type TypeOfConstant<V> = V extends string
  ? StringType<V>
  : V extends number
    ? number extends V
      ? IntegerType & DoubleType
      : `${V}` extends `${bigint}`
        ? IntegerType<V>
        : DoubleType
    : V extends boolean
      ? BooleanType
      : V extends readonly (infer E)[]
        ? ListType<TypeOfConstant<E>>
        : V extends object
          ? StructType<{ readonly [K in keyof V]: TypeOfConstant<V[K]> }>
          : never;

/** The run-time form of a value's type. */
export interface TypeSpec {
  readonly parameterType: ParameterType;
  /** Of a list's elements, or of all members of a struct. Anything when absent. */
  readonly element?: TypeSpec;
  /** Of a struct's members by name. */
  readonly fields?: Readonly<Record<string, TypeSpec>>;
  /** The values allowed. */
  readonly literals?: readonly JsonValue[];
}

/** True when a value of type `from` may be wired into an input of type `to`. */
export function isAssignable(from: TypeSpec, to: TypeSpec): boolean {
  if (to.parameterType === "NUMBER_DOUBLE" && from.parameterType === "NUMBER_INTEGER") return true;
  if (from.parameterType !== to.parameterType) return false;
  if (to.literals !== undefined) return isSubset(from.literals, to.literals);
  if (to.fields !== undefined) return fieldsAssignable(from, to.fields);
  if (to.element === undefined || (from.element === undefined && from.fields === undefined)) return true;
  const element = to.element;
  return membersOf(from).every((member) => isAssignable(member, element));
}

function isSubset(values: readonly JsonValue[] | undefined, allowed: readonly JsonValue[]): boolean {
  return values?.every((value) => allowed.includes(value)) ?? false;
}

function membersOf(type: TypeSpec): readonly TypeSpec[] {
  if (type.fields !== undefined) return Object.values(type.fields);
  return type.element === undefined ? [] : [type.element];
}

function fieldsAssignable(from: TypeSpec, fields: Readonly<Record<string, TypeSpec>>): boolean {
  if (from.fields === undefined && from.element === undefined) return true;
  return Object.entries(fields).every(([name, type]) => {
    const given = from.fields?.[name] ?? from.element;
    return given !== undefined && isAssignable(given, type);
  });
}

/** True when a constant is a value of the type. */
export function fits(value: unknown, type: TypeSpec): value is JsonValue {
  if (type.literals !== undefined) return type.literals.includes(value as JsonValue);
  switch (type.parameterType) {
    case "STRING":
      return typeof value === "string";
    case "NUMBER_INTEGER":
      return Number.isSafeInteger(value);
    case "NUMBER_DOUBLE":
      return Number.isFinite(value);
    case "BOOLEAN":
      return typeof value === "boolean";
    case "LIST":
      return Array.isArray(value) && value.every((item) => fitsMember(item, type.element));
    default:
      return fitsStruct(value, type);
  }
}

function fitsStruct(value: unknown, type: TypeSpec): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  const members = value as Readonly<Record<string, unknown>>;
  const named = type.fields ?? {};
  return (
    Object.entries(members).every(([key, member]) => fitsMember(member, named[key] ?? type.element)) &&
    Object.keys(named).every((key) => key in members)
  );
}

function fitsMember(value: unknown, type: TypeSpec | undefined): boolean {
  return type === undefined ? isJson(value) : fits(value, type);
}

function isJson(value: unknown): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  return fitsStruct(value, { parameterType: "STRUCT" });
}

/** How a type is written in messages, for example `LIST of NUMBER_INTEGER`. */
export function typeText(type: TypeSpec): string {
  if (type.literals !== undefined)
    return `one of ${type.literals.map((value) => JSON.stringify(value)).join(", ")}`;
  if (type.fields !== undefined) {
    const fields = Object.entries(type.fields).map(([name, field]) => `${name}: ${typeText(field)}`);
    return `STRUCT { ${fields.join(", ")} }`;
  }
  return type.element === undefined
    ? type.parameterType
    : `${type.parameterType} of ${typeText(type.element)}`;
}

/** The type of a constant, for items of static lists. Elements of different types make it open. */
export function typeOfConstant(value: JsonValue): TypeSpec {
  if (typeof value === "string") return { parameterType: "STRING" };
  if (typeof value === "boolean") return { parameterType: "BOOLEAN" };
  if (typeof value === "number")
    return { parameterType: Number.isInteger(value) ? "NUMBER_INTEGER" : "NUMBER_DOUBLE" };
  if (Array.isArray(value)) return listOf(commonType(value.map(typeOfConstant)));
  const fields = Object.entries(value ?? {}).map(([key, member]) => [key, typeOfConstant(member)] as const);
  return { parameterType: "STRUCT", fields: Object.fromEntries(fields) };
}

/** A list type with these elements. */
export function listOf(element: TypeSpec | undefined): TypeSpec {
  return element === undefined ? { parameterType: "LIST" } : { parameterType: "LIST", element };
}

/** The narrowest type that all given types are assignable to, or undefined when there is none. */
export function commonType(types: readonly TypeSpec[]): TypeSpec | undefined {
  return types.find((candidate) => types.every((type) => isAssignable(type, candidate)));
}
