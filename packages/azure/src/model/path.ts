/** Reading and writing JSON by dotted paths. */
import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";

/** A JSON object under construction. */
export interface MutableJson {
  [key: string]: JsonValue | MutableJson;
}

/**
 * The value at a path such as `properties.sku.name`, or undefined. Keys of objects are compared without regard to case
 * where the exact one is missing, as the resource manager itself compares them.
 */
export function valueAt(value: unknown, path: string): JsonValue | undefined {
  let current: unknown = value;
  for (const key of path.split(".")) {
    if (!isJsonObject(current)) return undefined;
    current = current[key] ?? caselessMember(current, key);
  }
  return current as JsonValue | undefined;
}

function caselessMember(object: JsonObject, key: string): JsonValue | undefined {
  const lower = key.toLowerCase();
  const found = Object.keys(object).find((name) => name.toLowerCase() === lower);
  return found === undefined ? undefined : object[found];
}

/** Text at a path, or undefined. */
export function textAt(value: unknown, path: string): string | undefined {
  const found = valueAt(value, path);
  return typeof found === "string" ? found : undefined;
}

/** Sets the value at a path in place, making objects on the way; `undefined` removes it. */
export function setAt(target: MutableJson, path: string, value: JsonValue | undefined): void {
  const keys = path.split(".");
  const last = keys.pop() ?? path;
  let current = target;
  for (const key of keys) {
    const next = current[existingKey(current, key)];
    if (next !== undefined && isJsonObject(next)) {
      current = next as MutableJson;
      continue;
    }
    if (value === undefined) return;
    const fresh: MutableJson = {};
    current[existingKey(current, key)] = fresh;
    current = fresh;
  }
  const key = existingKey(current, last);
  if (value === undefined) delete current[key];
  else current[key] = value;
}

function existingKey(object: MutableJson, key: string): string {
  if (key in object) return key;
  const lower = key.toLowerCase();
  return Object.keys(object).find((name) => name.toLowerCase() === lower) ?? key;
}

/** A deep copy that may be changed. */
export function copyOf(value: JsonObject): MutableJson {
  return structuredClone(value) as MutableJson;
}

/** True for two ids or names that the resource manager holds for the same. */
export function sameName(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a.toLowerCase() === b.toLowerCase();
}
