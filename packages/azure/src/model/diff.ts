/** Differences between what shall be and what is. */
import { canonicalJson, isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import { valueAt } from "./path.js";
import { isReference, type Property, type Resource } from "./resource.js";

/** A property that is not as it shall be. */
export interface Difference {
  readonly property: Property;
  readonly before: JsonValue | undefined;
}

/**
 * What differs, in the order of the resource's table. Properties that matter only at creation never differ, nor do
 * references: what they stand for is decided elsewhere, unless `known` tells it.
 */
export function differences(
  resource: Resource,
  live: unknown,
  known: (address: string, path: string) => JsonValue | undefined = () => undefined,
): Difference[] {
  return resource.properties.flatMap((property) => {
    if (property.change === "never") return [];
    const value = isReference(property.value)
      ? known(property.value.$ref, property.value.path)
      : property.value;
    if (isReference(property.value) && value === undefined) return [];
    const before = valueAt(live, property.path);
    return agrees({ ...property, value }, before) ? [] : [{ property: withValue(property, value), before }];
  });
}

function withValue(property: Property, value: JsonValue | undefined): Property {
  return { ...property, value };
}

/** True when the live value is what the property asks for, whatever form the service has given it. */
export function agrees(property: Property, live: JsonValue | undefined): boolean {
  const { absent, compare = "exact" } = property;
  const wanted = property.value ?? absent;
  const found = live ?? absent;
  if (found === undefined || found === null) return wanted === undefined || wanted === null || empty(wanted);
  if (wanted === undefined) return false;
  return comparisons[compare](wanted, found);
}

function empty(value: JsonValue): boolean {
  return value === "" || (typeof value === "object" && value !== null && Object.keys(value).length === 0);
}

type Compare = (wanted: JsonValue, found: JsonValue) => boolean;

const exact: Compare = (wanted, found) => canonicalJson(wanted) === canonicalJson(found);

const comparisons: Readonly<Record<NonNullable<Property["compare"]>, Compare>> = {
  exact,
  caseless: (wanted, found) => String(wanted).toLowerCase() === String(found).toLowerCase(),
  set: (wanted, found) => exact(sorted(wanted), sorted(found)),
  include: (wanted, found) =>
    isJsonObject(wanted) &&
    isJsonObject(found) &&
    Object.entries(wanted).every(([key, value]) => exact(value, memberNamed(found, key) ?? null)),
  labels: (wanted, found) => exact(wanted, isJsonObject(found) ? ownLabels(found) : found),
  region: (wanted, found) => regionOf(wanted) === regionOf(found),
  version: (wanted, found) => wanted === "" || found === wanted || String(found).startsWith(`${wanted}.`),
};

function ownLabels(labels: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(labels).filter(([name]) => !name.startsWith("kubernetes.azure.com/")),
  );
}

/** `East US` and `eastus` are the same. */
function regionOf(value: JsonValue): string {
  return String(value).replaceAll(" ", "").toLowerCase();
}

/** Names of tags are caseless. */
function memberNamed(object: { readonly [key: string]: JsonValue }, key: string): JsonValue | undefined {
  const lower = key.toLowerCase();
  const found = Object.keys(object).find((name) => name.toLowerCase() === lower);
  return found === undefined ? undefined : object[found];
}

/** The service writes single addresses as ranges of one. */
function sorted(value: JsonValue): JsonValue {
  const members = Array.isArray(value) ? value : [value];
  return members.map((member) => String(member).toLowerCase().replace(/\/32$/, "")).sort();
}
