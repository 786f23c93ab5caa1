/** Strict readers of JSON values: what is missing, unknown or of another type is an error that names its path. */
import { isJsonObject, SealflowError } from "@sealflow/core";

/** A value and where it stands in its document. */
export interface JsonPlace {
  readonly value: unknown;
  readonly path: string;
}

/** Gets a member that `object` has listed; missing ones have the value `undefined`. */
export type Members<Name extends string> = (name: Name) => JsonPlace;

/** Readers for one kind of document. */
export interface JsonReader {
  error(path: string, expected: string, got: unknown): SealflowError;
  /** An object with exactly the required members and any of the optional ones. */
  object<Name extends string>(
    place: JsonPlace,
    required: readonly Name[],
    optional?: readonly Name[],
  ): Members<Name>;
  list(place: JsonPlace, limits: { readonly min: number; readonly max: number }): JsonPlace[];
  text(place: JsonPlace, pattern: RegExp, expected: string): string;
  integer(place: JsonPlace, limits: { readonly min: number; readonly max: number }): number;
}

/** Readers that throw with the given code; `what` leads their messages. */
export function jsonReader(code: string, what: string): JsonReader {
  const error = (path: string, expected: string, got: unknown) =>
    new SealflowError({
      code,
      message: `${what}: expected ${expected}, got ${describe(got)}`,
      ...(path === "" ? {} : { where: { path } }),
    });
  return {
    error,
    object: (place, required, optional = []) => {
      const { value, path } = place;
      if (!isJsonObject(value)) throw error(path, "an object", value);
      const known: readonly string[] = [...required, ...optional];
      for (const name of Object.keys(value)) {
        if (!known.includes(name))
          throw error(join(path, name), `only the members ${known.join(", ")}`, name);
      }
      for (const name of required) {
        if (!Object.hasOwn(value, name)) throw error(join(path, name), `the member ${name}`, undefined);
      }
      return (name) => ({
        value: Object.hasOwn(value, name) ? value[name] : undefined,
        path: join(path, name),
      });
    },
    list: ({ value, path }, { min, max }) => {
      if (!Array.isArray(value) || value.length < min || value.length > max) {
        throw error(path, `a list of ${min} to ${max}`, Array.isArray(value) ? value.length : value);
      }
      return value.map((item: unknown, i) => ({ value: item, path: `${path}[${i}]` }));
    },
    text: ({ value, path }, pattern, expected) => {
      if (typeof value !== "string" || !pattern.test(value)) throw error(path, expected, value);
      return value;
    },
    integer: ({ value, path }, { min, max }) => {
      if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
        throw error(path, `a whole number from ${min} to ${max}`, value);
      }
      return value;
    },
  };
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function describe(got: unknown): string {
  if (got === undefined) return "nothing";
  if (typeof got === "string") return JSON.stringify(got.length > 80 ? `${got.slice(0, 80)}…` : got);
  if (typeof got === "object") return got === null ? "null" : Array.isArray(got) ? "a list" : "an object";
  return String(got);
}
