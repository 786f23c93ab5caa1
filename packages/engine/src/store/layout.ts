/** Where things stand in a store. Nothing else in the engine builds these paths. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { isDigest, SealflowError } from "@sealflow/core";
import type { TaskPath } from "@sealflow/pipeline";

/** Version of the layout and of the journal's events; a store of a later version is refused. */
export const STORE_FORMAT = 1;

/** Longest file name made of a task's path; ext4 and APFS allow 255 bytes, suffixes need some. */
const LONGEST_NAME = 180;

/** Paths inside one run's directory. */
export interface RunLayout {
  readonly directory: string;
  /** The pipeline document and what else a resume needs. */
  readonly document: string;
  /** Append-only record: one event per line. */
  readonly journal: string;
  /** Derived header, written when the run ends; may be deleted at any time. */
  readonly header: string;
  /** What a sealed run is verified by, from its end on. */
  readonly bundle: string;
  /** Present when another process asked for cancellation. */
  readonly cancel: string;
  readonly logs: string;
  /** Working directories of running attempts; gone when the run ends. */
  readonly work: string;
  /** The run's shared workspace directory. */
  readonly workspace: string;
  /** Volume claims that the run made, by name. */
  readonly volumes: string;
  /** Where the pipeline root is for runs that speak of it and have no other. */
  readonly root: string;
}

/** Paths inside a store. */
export interface StoreLayout {
  readonly directory: string;
  readonly format: string;
  readonly runs: string;
  readonly locks: string;
  readonly artifacts: string;
  readonly cache: string;
  readonly temporary: string;
  /** Component sources by digest, for workers to read. */
  readonly sources: string;
  /** Volume claims that no run made, by name. */
  readonly volumes: string;
}

/** Paths of the store in a directory. */
export function storeLayout(directory: string): StoreLayout {
  return {
    directory,
    format: join(directory, "store.json"),
    runs: join(directory, "runs"),
    locks: join(directory, "locks"),
    artifacts: join(directory, "artifacts", "sha256"),
    cache: join(directory, "cache"),
    temporary: join(directory, "tmp"),
    sources: join(directory, "sources"),
    volumes: join(directory, "volumes"),
  };
}

/**
 * Paths of one run.
 *
 * @throws SealflowError `ENGINE_RUN_UNKNOWN` for an id that could leave the store's directory.
 */
export function runLayout(store: StoreLayout, runId: string): RunLayout {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(runId)) {
    throw new SealflowError({
      code: "ENGINE_RUN_UNKNOWN",
      message: `run id: expected letters, digits, '.', '_' and '-', got ${JSON.stringify(runId)}`,
    });
  }
  const directory = join(store.runs, runId);
  return {
    directory,
    document: join(directory, "document.json"),
    bundle: join(directory, "bundle.json"),
    journal: join(directory, "journal.jsonl"),
    header: join(directory, "run.json"),
    cancel: join(directory, "cancel"),
    logs: join(directory, "logs"),
    work: join(directory, "work"),
    workspace: join(directory, "workspace"),
    volumes: join(directory, "volumes"),
    root: join(directory, "root"),
  };
}

/**
 * A task's path as one file name: `/` becomes `~`, characters that file systems or shells dislike become `%XX`.
 * Different paths give different names; very long ones are cut and end in a digest.
 */
export function taskFileName(path: TaskPath): string {
  const name = path.replace(/[^A-Za-z0-9._[\]/-]/gu, percentEncoded).replaceAll("/", "~");
  if (name.length <= LONGEST_NAME) return name;
  const digest = createHash("sha256").update(path).digest("hex").slice(0, 16);
  return `${name.slice(0, LONGEST_NAME - 17)}~${digest}`;
}

function percentEncoded(character: string): string {
  return [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
}

/** The log file of one attempt. */
export function taskLog(run: RunLayout, path: TaskPath, attempt: number): string {
  return join(run.logs, `${taskFileName(path)}.${attempt}.log`);
}

/** Where the content of a digest is or would be stored. */
export function blobPath(store: StoreLayout, digest: string): string {
  if (!isDigest(digest)) throw new TypeError(`expected a sha256 digest, got ${digest}`);
  const hex = digest.slice("sha256:".length);
  return join(store.artifacts, hex.slice(0, 2), hex);
}

/** Where the cache entry of a key is or would be stored. */
export function cachePath(store: StoreLayout, key: string): string {
  const hex = key.slice("sha256:".length);
  return join(store.cache, hex.slice(0, 2), `${hex}.json`);
}
