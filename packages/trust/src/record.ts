/** Records whose names come from documents. */

/** Member of a record; never what objects inherit. */
export function member<Value>(
  record: Readonly<Record<string, Value>> | undefined,
  name: string,
): Value | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

/** Sets a member, also one called `__proto__`, as an own property. */
export function setMember<Value>(record: Record<string, Value>, name: string, value: Value): void {
  Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
}

/** A record made of entries; names may repeat what objects inherit. */
export function recordOf<Value>(entries: Iterable<readonly [string, Value]>): Record<string, Value> {
  const record: Record<string, Value> = {};
  for (const [name, value] of entries) setMember(record, name, value);
  return record;
}
