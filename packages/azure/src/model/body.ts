/** Request bodies. */
import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import { readOnlyPaths } from "../resources/read-only.js";
import { copyOf, type MutableJson, setAt, valueAt } from "./path.js";
import { isReference, type Property, type Resource } from "./resource.js";

/** The body that creates a resource. References stay; see `resolveReferences`. */
export function createBody(resource: Resource): JsonObject {
  const body: MutableJson = {};
  for (const { path, value } of resource.properties) if (value !== undefined) setAt(body, path, value);
  return body;
}

/**
 * The body that updates a resource: what it is now, without what the service alone may write, with the differing
 * properties as desired; one that shall not be there goes out as its default. A PUT replaces the whole object, so that what nobody changed has to be sent along.
 */
export function updateBody(
  { kind, properties }: Pick<Resource, "kind" | "properties">,
  live: JsonObject,
  differing: readonly Property[],
): JsonObject {
  const body = copyOf(live);
  for (const path of readOnlyPaths(kind)) removeAt(body, path);
  for (const { path, value, compare } of properties) {
    // The service answers some names in another case than its own schema has them.
    if (compare === "caseless" && value !== undefined && valueAt(body, path) !== undefined)
      setAt(body, path, value);
  }
  for (const property of differing) setAt(body, property.path, updatedValue(live, property));
  return body;
}

/** Members that others have added, to tags for one, stay. */
function updatedValue(live: JsonObject, { path, value, absent, compare }: Property): JsonValue | undefined {
  const before = valueAt(live, path);
  if (compare === "include" && isJsonObject(before) && isJsonObject(value)) return merged(before, value);
  return value ?? absent;
}

function merged(before: JsonObject, value: JsonObject): JsonObject {
  const ours = new Set(Object.keys(value).map((key) => key.toLowerCase()));
  const others = Object.entries(before).filter(([key]) => !ours.has(key.toLowerCase()));
  return { ...Object.fromEntries(others), ...value };
}

/** Removes a path, also inside every member of lists written as `name[]`. */
function removeAt(target: MutableJson, path: string): void {
  const split = path.indexOf("[].");
  if (split < 0) {
    setAt(target, path, undefined);
    return;
  }
  const [list, rest] = [path.slice(0, split), path.slice(split + 3)];
  let current: JsonValue | MutableJson | undefined = target;
  for (const key of list.split(".")) {
    if (typeof current !== "object" || current === null || Array.isArray(current)) return;
    current = (current as MutableJson)[key];
  }
  if (Array.isArray(current)) for (const member of current) removeAt(member as MutableJson, rest);
}

/** The value with each reference replaced by what it stands for; `lookUp` throws for what is not known. */
export function resolveReferences(
  value: JsonValue,
  lookUp: (address: string, path: string) => JsonValue,
): JsonValue {
  if (isReference(value)) return lookUp(value.$ref, value.path);
  if (Array.isArray(value)) return value.map((member: JsonValue) => resolveReferences(member, lookUp));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value as JsonObject);
  return Object.fromEntries(members.map(([key, member]) => [key, resolveReferences(member, lookUp)]));
}
