import { compareCodeUnits } from "@sealflow/core";

/**
 * Member of a record that came from a document. Unlike plain indexing it never finds what objects inherit, so that a
 * task may be called `constructor`.
 */
export function member<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}

/** Keys of a record in code-unit order: the order in which everything here is decided and reported. */
export function sortedKeys(record: Readonly<Record<string, unknown>> | undefined): string[] {
  return record === undefined ? [] : Object.keys(record).sort(compareCodeUnits);
}

/** Sets a member, also one called `__proto__`, as an own property. */
export function setMember<T>(record: Record<string, T>, key: string, value: T): void {
  if (key === "__proto__") {
    Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    record[key] = value;
  }
}
