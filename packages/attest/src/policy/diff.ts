/** What changes from one policy to the next, for reviewers. */
import { canonicalJson, compareCodeUnits, isJsonObject } from "@sealflow/core";

/** One change; a side that is missing is undefined. Values are canonical JSON. */
export interface PolicyChange {
  readonly path: string;
  readonly before?: string;
  readonly after?: string;
}

/** All changes between two policies of one kind, sorted by path. Lists are compared as sets of entries: their order means nothing. */
export function diffPolicies<Policy extends object>(before: Policy, after: Policy): PolicyChange[] {
  const [old, fresh] = [flatten(before), flatten(after)];
  const paths = [...new Set([...old.keys(), ...fresh.keys()])].sort(compareCodeUnits);
  return paths
    .filter((path) => old.get(path) !== fresh.get(path))
    .map((path) => change(path, old.get(path), fresh.get(path)));
}

function change(path: string, before: string | undefined, after: string | undefined): PolicyChange {
  return { path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}

function flatten(value: unknown, path = "", into = new Map<string, string>()): Map<string, string> {
  if (Array.isArray(value)) {
    for (const item of value) into.set(`${path}[${canonicalJson(item)}]`, canonicalJson(item));
  } else if (isJsonObject(value)) {
    for (const [key, child] of Object.entries(value)) flatten(child, path ? `${path}.${key}` : key, into);
  } else {
    into.set(path, canonicalJson(value));
  }
  return into;
}
