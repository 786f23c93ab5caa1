/** Secrets and config maps from files of this machine that the user names. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { SealflowError } from "@sealflow/core";

/** What stands for objects of a cluster: paths by the objects' names. */
export interface ClusterObjects {
  /** A directory with one file per key, or a file of `KEY=value` lines. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly configMaps: Readonly<Record<string, string>>;
  /** Directories that stand for persistent volume claims. */
  readonly volumes: Readonly<Record<string, string>>;
}

/** What kind of object, and what it is called in options and messages. */
export type ObjectKind = "secret" | "config map";

/** An object's keys and values. */
export type ObjectData = ReadonlyMap<string, Buffer>;

/** Largest object, as in Kubernetes. */
const LARGEST = 1_048_576;

/**
 * The data of a secret or config map; undefined when the user named none of that name.
 *
 * @throws SealflowError `ENGINE_OBJECT_UNREADABLE`
 */
export function readObject(
  kind: ObjectKind,
  name: string,
  { secrets, configMaps }: ClusterObjects,
): ObjectData | undefined {
  const known = kind === "secret" ? secrets : configMaps;
  const path = Object.hasOwn(known, name) ? known[name] : undefined;
  if (path === undefined) return undefined;
  try {
    const data = statSync(path).isDirectory() ? filesOf(path) : linesOf(readFileSync(path, "utf8"));
    const size = [...data.values()].reduce((sum, value) => sum + value.length, 0);
    if (size > LARGEST) throw new RangeError(`expected at most ${LARGEST} bytes, got ${size}`);
    return data;
  } catch (cause) {
    throw new SealflowError({
      code: "ENGINE_OBJECT_UNREADABLE",
      message: `${kind} ${name}: expected a directory with one file per key, or a file of KEY=value lines: ${reasonOf(cause)}`,
      where: { file: path },
      cause,
    });
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** Files of a directory; those that begin with a dot are the mount's own business, as in a cluster. */
function filesOf(directory: string): ObjectData {
  const names = readdirSync(directory).filter((name) => !name.startsWith("."));
  const files = names.sort().filter((name) => statSync(join(directory, name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(join(directory, name))]));
}

function linesOf(text: string): ObjectData {
  const data = new Map<string, Buffer>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, key, value = ""] = /^\s*(?:export\s+)?([A-Za-z0-9._-]+)\s*=(.*)$/.exec(line) ?? [];
    if (key === undefined) throw new SyntaxError(`line ${index + 1}: expected KEY=value`);
    data.set(key, Buffer.from(unquoted(value.trim())));
  }
  return data;
}

function unquoted(value: string): string {
  const single = /^'(.*)'$/s.exec(value)?.[1];
  if (single !== undefined) return single;
  const double = /^"(.*)"$/s.exec(value)?.[1];
  return double === undefined ? value : double.replace(/\\(["\\n])/g, (_, c) => (c === "n" ? "\n" : c));
}

/** The error for an object that a task needs and nobody named. */
export function missingObject(kind: ObjectKind, name: string): SealflowError {
  const flag = kind === "secret" ? "--secret" : "--config-map";
  return new SealflowError({
    code: "ENGINE_OBJECT_MISSING",
    message: `${kind} ${name}: expected files that stand for it on this machine, got none`,
    hint: `Name a directory with one file per key, or a file of KEY=value lines: ${flag} ${name}=PATH`,
  });
}

/** The error for a key that a task needs and an object has not. */
export function missingKey(kind: ObjectKind, name: string, key: string): SealflowError {
  return new SealflowError({
    code: "ENGINE_OBJECT_KEY_MISSING",
    message: `${kind} ${name}: expected a key ${key}, got an object without`,
  });
}
