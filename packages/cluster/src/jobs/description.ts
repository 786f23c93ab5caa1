/** What a pod is told of its attempt: one JSON file in a secret, since its addresses are credentials. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { isDigest, type JsonObject, SealflowError } from "@sealflow/core";
import type { ExecutorJob } from "@sealflow/engine";
import type { ArtifactValue } from "@sealflow/pipeline";
import { isConfidential } from "../overlay/confidential.js";
import { type ArtifactStore, keyOf, uriOf } from "../stores/store.js";
import { artifactPrefix, type Recorded, resultKey } from "./names.js";

/** Where an attempt works in its pod. */
export const workDirectory = "/sealflow/work";

/** Where its description and its source are mounted. */
export const taskDirectory = "/sealflow/task";

/** End of the URI of a directory, which travels as one tar. */
const PACKED = ".dir.tar";

/** Variables that tell the shim of a confidential pod its place, and where its outputs are kept before they count. */
const TASK_PATH_VARIABLE = "SEALFLOW_TASK_PATH";
const DEPOT_VARIABLE = "SEALFLOW_DEPOT";

/** Where the shim notes what it has written already. */
const KEPT_FILE = `${workDirectory}/kept.json`;

/** For how long addresses are good: a task may wait for its node, then run. A week is the most that S3 signs. */
const ADDRESS_SECONDS = 7 * 86_400;

/** What goes into the pod. */
export interface Description {
  /** Contents of the secret, by file name. */
  readonly files: Readonly<Record<string, string>>;
  readonly image: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Describes an attempt. Artifacts of this machine that it reads are brought into the store first, once per content.
 *
 * @throws SealflowError `CLUSTER_STORE_…`, `CLUSTER_COMMAND_MISSING`
 */
export async function describeAttempt(job: ExecutorJob, store: ArtifactStore): Promise<Description> {
  const inputs: JsonObject[] = [];
  const paths = new Map<ArtifactValue, string>();
  for (const [name, list] of Object.entries(job.task.inputs.artifacts)) {
    for (const [index, artifact] of list.entries()) {
      const path = artifact.customPath ?? `${workDirectory}/inputs/${name}/${index}`;
      const source = await sourceOf(store, artifact);
      if (source === undefined) continue;
      paths.set(artifact, path);
      inputs.push({ ...source, path });
    }
  }
  const own = (name: string) => `${workDirectory}/outputs/${name}`;
  const at = job.at({
    outputFile: `${workDirectory}/executor_output.json`,
    outputParameter: own,
    outputArtifact: own,
    inputArtifact: (artifact) => paths.get(artifact) ?? artifact.uri,
  });
  const { python, task } = job;
  const command = [...at.command, ...at.args];
  if (python === undefined && command.length === 0) throw withoutCommand(job);
  const confidential = isConfidential(job.task);
  const description = {
    attempt: job.attempt,
    ...(confidential ? { kept: KEPT_FILE } : {}),
    directory: workDirectory,
    directories: [`${workDirectory}/outputs`],
    executorInput: at.executorInput,
    inputs,
    outputs: await outputsOf(job, store, own),
    recorded: await readable(store, resultKey(recordedOf(job))),
    records: await eachPlace((place) => writable(store, resultKey(recordedOf(job), place))),
    ...(python === undefined
      ? { command }
      : {
          source: `${taskDirectory}/component.py`,
          function: python.function,
          installations: python.installations,
          indexUrls: python.indexUrls,
          trustedHosts: python.trustedHosts,
        }),
  };
  return {
    image: at.image,
    env: {
      ...at.env,
      ...(confidential
        ? { [TASK_PATH_VARIABLE]: task.path, [DEPOT_VARIABLE]: `${taskDirectory}/depot.json` }
        : {}),
    },
    files: {
      "task.json": JSON.stringify(description),
      ...(confidential ? { "depot.json": JSON.stringify(await depotOf(job, store)) } : {}),
      ...(python === undefined ? {} : { "component.py": python.source }),
    },
  };
}

/** The record that an attempt shares with others. */
export function recordedOf({ runId, task, since }: ExecutorJob): Recorded {
  return { runId, path: task.path, since };
}

/** An address, and what it is called in messages. */
async function readable(store: ArtifactStore, key: string): Promise<JsonObject> {
  return {
    ...(await store.address(key, { method: "GET", seconds: ADDRESS_SECONDS })),
    uri: uriOf(store, key),
  };
}

/** An address that writes only where nothing is. */
async function writable(store: ArtifactStore, key: string): Promise<JsonObject> {
  const address = await store.address(key, { method: "PUT", seconds: ADDRESS_SECONDS, ifAbsent: true });
  return { ...address, uri: uriOf(store, key) };
}

/** How many pods of one attempt may write an output: its node may be given up while the pod there goes on. */
const PLACES = 3;

function eachPlace<T>(of: (place: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: PLACES }, (_, index) => of(index + 1)));
}

/** Places of the outputs: each pod of the attempt writes to the first one that none has written to. */
async function outputsOf(
  { runId, task: { path, outputArtifacts }, attempt }: ExecutorJob,
  store: ArtifactStore,
  local: (name: string) => string,
): Promise<JsonObject[]> {
  const at = (place: number, name: string) =>
    writable(store, `${artifactPrefix({ runId, path, attempt }, place)}/${name}`);
  return Promise.all(
    Object.keys(outputArtifacts).map(async (name) => ({
      name,
      path: local(name),
      plain: await eachPlace((place) => at(place, name)),
      packed: await eachPlace((place) => at(place, `${name}${PACKED}`)),
      absent: `${store.root}/absent/${name}`,
    })),
  );
}

/**
 * Addresses of sealed outputs: places where this attempt writes them before it commits, each once, and where earlier ones wrote
 * theirs, its own other pods among them, since a commit stands even when its pod died before the record of its outputs was written.
 */
async function depotOf(
  { runId, task: { path, outputArtifacts }, attempt }: ExecutorJob,
  store: ArtifactStore,
): Promise<JsonObject> {
  const key = (number: number, name: string, place: number) =>
    `${artifactPrefix({ runId, path, attempt: number })}/kept/${name}.${place}`;
  const attempts = Array.from({ length: attempt }, (_, index) => attempt - index);
  const outputs: Record<string, JsonObject> = {};
  for (const name of Object.keys(outputArtifacts)) {
    const earlier = attempts.map((number) => eachPlace((place) => readable(store, key(number, name, place))));
    outputs[name] = {
      put: await eachPlace((place) => writable(store, key(attempt, name, place))),
      earlier: (await Promise.all(earlier)).flat(),
    };
  }
  return { outputs, kept: KEPT_FILE };
}

/** Where a pod gets an input from; undefined for what it must reach by itself, or what was never written. */
async function sourceOf(store: ArtifactStore, artifact: ArtifactValue): Promise<JsonObject | undefined> {
  const { uri, digest } = artifact;
  if (digest === undefined) return undefined;
  const key = keyOf(store, uri) ?? (uri.startsWith("file:") ? await brought(store, artifact) : undefined);
  if (key === undefined) return undefined;
  return { ...(await readable(store, key)), packed: key.endsWith(PACKED), digest };
}

/** A file of this machine, in the store under its content. */
async function brought(store: ArtifactStore, { uri, digest = "", name }: ArtifactValue): Promise<string> {
  if (!isDigest(digest)) throw notSent(name, `expected a digest, got ${digest}`);
  const key = `content/${digest.slice("sha256:".length)}`;
  if (await store.has(key)) return key;
  let content: Uint8Array;
  try {
    content = await readFile(fileURLToPath(uri));
  } catch (cause) {
    const directory = (cause as NodeJS.ErrnoException).code === "EISDIR";
    throw notSent(name, directory ? "expected a file, got a directory" : String(cause));
  }
  await store.put(key, content);
  return key;
}

function notSent(name: string, reason: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_INPUT_UNSENT",
    message: `artifact ${name}: can't be brought into the cluster's store: ${reason}`,
    hint: "Import a single file, or one that is in the store already.",
  });
}

function withoutCommand({ task }: ExecutorJob): SealflowError {
  return new SealflowError({
    code: "CLUSTER_COMMAND_MISSING",
    message: `task ${task.displayName}: expected a command in the component, got only an image`,
    hint: "Name the command: an image's own entrypoint can't be read here.",
  });
}
