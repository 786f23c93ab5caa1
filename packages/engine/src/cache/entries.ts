/** Cache entries: outputs by key, one small file each, replaced in one step. */
import { existsSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { type Digest, isDigest, isJsonObject } from "@sealflow/core";
import type { ArtifactValue, TaskOutputs } from "@sealflow/pipeline";
import { replaceFile } from "../store/artifacts.js";
import { blobPath, cachePath, type StoreLayout } from "../store/layout.js";

const FORMAT = 1;

interface Entry {
  readonly formatVersion: number;
  readonly outputs: TaskOutputs;
}

/** The outputs stored under a key, when all their content still exists; undefined otherwise. */
export function lookUp(store: StoreLayout, key: Digest): TaskOutputs | undefined {
  const entry = readEntry(cachePath(store, key));
  if (entry === undefined) return undefined;
  const artifacts: Record<string, readonly ArtifactValue[]> = {};
  for (const [name, values] of Object.entries(entry.outputs.artifacts)) {
    const restored = values.map((value) => restore(store, value));
    if (!restored.every((value) => value !== undefined)) return undefined;
    artifacts[name] = restored;
  }
  return { parameters: entry.outputs.parameters, artifacts };
}

/** A damaged or foreign entry is no entry: the task just runs. */
function readEntry(path: string): Entry | undefined {
  try {
    const entry: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (!isJsonObject(entry) || entry.formatVersion !== FORMAT || !isJsonObject(entry.outputs))
      return undefined;
    // The border where the file's JSON becomes typed; entries are replaced whole, so a marked one is complete.
    return entry as unknown as Entry;
  } catch {
    return undefined;
  }
}

/** Content in the store is found by digest, so that a store may be moved; other content must be where it was. */
function restore(store: StoreLayout, value: ArtifactValue): ArtifactValue | undefined {
  if (value.digest === undefined || !isDigest(value.digest) || isElsewhere(value)) return value;
  const path = blobPath(store, value.digest);
  return existsSync(path) ? { ...value, uri: pathToFileURL(path).href } : undefined;
}

/** Content of another store, where an executor ran the task; whether it is still there, the executor says. */
function isElsewhere({ uri }: ArtifactValue): boolean {
  return !uri.startsWith("file:");
}

/** True when outputs were kept under the key; whether their content still exists is not looked at. */
export function isKnown(store: StoreLayout, key: Digest): boolean {
  return existsSync(cachePath(store, key));
}

/** Marks a key as known without outputs of its own: for content that stays outside the store. */
export function mark(store: StoreLayout, key: Digest): void {
  const entry: Entry = { formatVersion: FORMAT, outputs: { parameters: {}, artifacts: {} } };
  replaceFile(store, cachePath(store, key), `${JSON.stringify(entry)}\n`);
}

/** Keeps outputs under a key. Outputs whose content lies outside the store are not kept: nobody guards it there. */
export function keep(store: StoreLayout, key: Digest, outputs: TaskOutputs): void {
  for (const value of Object.values(outputs.artifacts).flat()) {
    if (value.digest !== undefined && !isElsewhere(value) && !existsSync(blobPath(store, value.digest)))
      return;
  }
  const entry: Entry = { formatVersion: FORMAT, outputs };
  replaceFile(store, cachePath(store, key), `${JSON.stringify(entry)}\n`);
}
