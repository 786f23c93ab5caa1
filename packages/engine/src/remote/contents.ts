/** Artifacts in object stores, brought to this machine for the tasks that read them. */
import { randomBytes } from "node:crypto";
import { createWriteStream, mkdirSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { type Digest, isSealflowError } from "@sealflow/core";
import type { ArtifactValue, DueTask } from "@sealflow/pipeline";
import type { RunInProgress } from "../run/run-context.js";
import { discard, storeContent } from "../store/artifacts.js";
import { writing } from "../store/disk-errors.js";
import { type Bucket, bucketOf } from "./object-store.js";
import { downloadModels } from "./registry.js";

/** Content on this machine. */
export interface LocalContent {
  readonly path: string;
  readonly digest: Digest;
}

const brought = new WeakMap<RunInProgress, Map<string, Promise<LocalContent | undefined>>>();

/**
 * The task with its remote input artifacts at hand: their URIs stay, their paths lead to what was downloaded, once per
 * run, and their content counts for the cache. What can't be downloaded stays a URI, and the run says why.
 */
export async function withContents(run: RunInProgress, task: DueTask): Promise<DueTask> {
  const inputs = Object.entries(task.inputs.artifacts);
  if (!inputs.some(([, list]) => list.some(isRemote))) return task;
  const entries = await Promise.all(
    inputs.map(async ([name, list]) => [name, await Promise.all(list.map((each) => atHand(run, each)))]),
  );
  return { ...task, inputs: { ...task.inputs, artifacts: Object.fromEntries(entries) } };
}

/** True for artifacts that are not on this machine. */
export function isRemote({ uri }: Pick<ArtifactValue, "uri">): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(uri) && !uri.startsWith("file:");
}

async function atHand(run: RunInProgress, artifact: ArtifactValue): Promise<ArtifactValue> {
  const local = isRemote(artifact) ? await contentHere(run, artifact.uri) : undefined;
  return local === undefined ? artifact : { ...artifact, localPath: local.path, digest: local.digest };
}

/** The content of a remote URI on this machine, downloaded once per run; undefined where it can't be had. */
export async function contentHere(run: RunInProgress, uri: string): Promise<LocalContent | undefined> {
  const known = brought.get(run) ?? new Map<string, Promise<LocalContent | undefined>>();
  brought.set(run, known);
  const content = known.get(uri) ?? bring(run, uri);
  known.set(uri, content);
  return content;
}

async function bring(run: RunInProgress, uri: string): Promise<LocalContent | undefined> {
  const [, scheme = "", name = "", key = ""] = /^([^:]+):\/\/([^/]*)\/?(.*)$/s.exec(uri) ?? [];
  const { fetch, environment, now, store } = run.services;
  const temporary = join(store.temporary, `remote-${randomBytes(8).toString("hex")}`);
  try {
    const access = { fetch, environment, now, signal: run.signal };
    if (scheme === "oci") await downloadModels(`${name}/${key}`, temporary, access);
    else {
      const bucket = bucketOf(scheme.toLowerCase(), name, access);
      if (bucket === undefined) throw new Error(`${scheme}:// is not read here`);
      await download(bucket, key, temporary);
    }
    const { uri: stored, digest } = await storeContent(store, temporary);
    return { path: fileURLToPath(stored), digest };
  } catch (cause) {
    run.signal.throwIfAborted();
    if (isSealflowError(cause)) throw cause;
    run.notice(
      "ENGINE_REMOTE_UNAVAILABLE",
      `${uri} was not downloaded: ${reasonOf(cause)}. Tasks get the URI, and nothing to read at its path.`,
    );
    return undefined;
  } finally {
    discard(temporary);
  }
}

/** An object as a file; without one of that name, all objects below it as a directory. */
async function download(bucket: Bucket, key: string, place: string): Promise<void> {
  const single = key === "" || key.endsWith("/") ? undefined : await bucket.get(key);
  if (single !== undefined) {
    await write(single, place);
    return;
  }
  const prefix = key === "" || key.endsWith("/") ? key : `${key}/`;
  const keys = (await bucket.list(prefix)).filter((each) => !each.endsWith("/"));
  if (keys.length === 0) throw new Error("there is no such object");
  for (const each of keys) {
    const target = join(place, each.slice(prefix.length));
    // A key may hold `..`: it must not lead out of the directory.
    if (!target.startsWith(place + sep)) throw new Error(`the object ${each} has no place in a directory`);
    const response = await bucket.get(each);
    if (response !== undefined) await write(response, target);
  }
}

async function write(response: Response, file: string): Promise<void> {
  writing(file, () => mkdirSync(dirname(file), { recursive: true }));
  const body = response.body ?? new Blob([]).stream();
  await pipeline(Readable.fromWeb(body as import("node:stream/web").ReadableStream), createWriteStream(file));
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? `${cause.message} (${cause.cause.message})` : cause.message;
}
