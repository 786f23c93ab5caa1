/** What a task leaves behind, read by KFP's rules: the executor's output file wins, then each parameter's own file. */
import { existsSync, readFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { isAbsolute, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  type Digest,
  type ErrorDetails,
  isDigest,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  SealflowError,
} from "@sealflow/core";
import type { ArtifactValue, DueTask, ParameterType, TaskOutputs } from "@sealflow/pipeline";
import { storeContent } from "../store/artifacts.js";
import { contentOf } from "../store/content-digest.js";
import { systemCode, writingAsync } from "../store/disk-errors.js";
import type { StoreLayout } from "../store/layout.js";
import { parameterFromText, parameterFromValue } from "./output-values.js";

/** Where one attempt was told to put its outputs. */
export interface OutputPlaces {
  /** The attempt's directory; artifacts found in it are moved into the store. */
  readonly directory: string;
  readonly executorOutput: string;
  readonly parameter: (name: string) => string;
  readonly artifact: (name: string) => string;
}

/** Outputs, and when they are on the disk. */
export interface ReadOutputs {
  readonly outputs: TaskOutputs;
  readonly durable: Promise<void>;
}

/**
 * Reads and stores what a successful attempt left behind.
 *
 * @throws SealflowError `ENGINE_OUTPUT_MISSING`, `ENGINE_OUTPUT_TYPE`, `ENGINE_OUTPUT_UNREADABLE`, `ENGINE_STORE_…`
 */
export async function readOutputs(
  store: StoreLayout,
  task: DueTask,
  places: OutputPlaces,
): Promise<ReadOutputs> {
  const report = executorReport(places.executorOutput);
  const parameters = readParameters(task, places, report);
  const durable: Promise<void>[] = [];
  const artifacts: Record<string, readonly ArtifactValue[]> = {};
  for (const [name, definition] of Object.entries(task.outputArtifacts)) {
    const reported = reportedArtifacts(report, name);
    if (definition.isArtifactList !== true && reported.length > 1) throw tooMany(name, reported.length);
    const several = reported.length > 0 ? reported : definition.isArtifactList ? [] : [{}];
    const values = several.map((artifact) => ({
      name,
      type: definition.artifactType,
      metadata: { ...definition.metadata, ...objectOf(artifact.metadata) },
      path: pathOf(artifact, places, name),
      ...(typeof artifact.digest === "string" && isDigest(artifact.digest)
        ? { remoteDigest: artifact.digest }
        : {}),
      ...(typeof artifact.customPath === "string" ? { customPath: artifact.customPath } : {}),
    }));
    artifacts[name] = await Promise.all(values.map((value) => keep(store, places, value, durable)));
  }
  return { outputs: { parameters, artifacts }, durable: Promise.all(durable).then(() => {}) };
}

function readParameters(task: DueTask, places: OutputPlaces, report: JsonObject): JsonObject {
  const reported = objectOf(report.parameterValues);
  const parameters: Record<string, JsonValue> = {};
  for (const [name, { parameterType }] of Object.entries(task.outputParameters)) {
    parameters[name] =
      reported[name] === undefined
        ? parameterFromFile(name, parameterType, places.parameter(name))
        : parameterFromValue(name, parameterType, reported[name]);
  }
  return parameters;
}

function parameterFromFile(name: string, type: ParameterType, path: string): JsonValue {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (systemCode(cause) !== "ENOENT") throw unreadable(path, cause);
    throw new SealflowError({
      code: "ENGINE_OUTPUT_MISSING",
      message: `output parameter ${name}: expected a value of type ${type}, got none`,
      hint: "Return the value, or write it to the output file that the task is given.",
    });
  }
  return parameterFromText(name, type, text);
}

function executorReport(path: string): JsonObject {
  try {
    const report: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (isJsonObject(report)) return report;
    throw new TypeError("expected a JSON object");
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return {};
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): SealflowError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const details: ErrorDetails = {
    code: "ENGINE_OUTPUT_UNREADABLE",
    message: `task's output file: expected KFP's executor output as JSON: ${reason}`,
    where: { file: path },
    cause,
  };
  return new SealflowError(details);
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function reportedArtifacts(report: JsonObject, name: string): JsonObject[] {
  const list = objectOf(objectOf(report.artifacts)[name]).artifacts;
  return Array.isArray(list) ? list.filter(isJsonObject).map(withCustomPath) : [];
}

/** The Python executors write the field's proto name, and protojson reads both. */
function withCustomPath(artifact: JsonObject): JsonObject {
  const { custom_path: customPath, ...rest } = artifact;
  return customPath === undefined ? artifact : { ...rest, customPath };
}

function tooMany(name: string, count: number): SealflowError {
  return new SealflowError({
    code: "ENGINE_OUTPUT_TYPE",
    message: `output artifact ${name}: expected one artifact, got ${count}`,
  });
}

/** A local path, or the remote URI that the task chose instead. */
function pathOf(artifact: JsonObject, places: OutputPlaces, name: string): string {
  if (typeof artifact.customPath === "string" && artifact.customPath !== "") {
    return resolve(places.directory, artifact.customPath);
  }
  const uri = typeof artifact.uri === "string" && artifact.uri !== "" ? artifact.uri : places.artifact(name);
  if (uri.startsWith("file://")) return fileURLToPath(uri);
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(uri) ? uri : resolve(places.directory, uri);
}

interface Found extends Omit<ArtifactValue, "uri" | "digest"> {
  readonly path: string;
  /** Of content elsewhere, as the executor that ran the task says. */
  readonly remoteDigest?: Digest;
}

/**
 * Content in the attempt's directory moves into the store. Content at a custom path elsewhere is copied, since the next
 * task with that path overwrites it. Other content of this machine stays, known by its digest. A task need not write its
 * artifact: metrics are often metadata only. Such an artifact points to a path that never exists.
 */
async function keep(
  store: StoreLayout,
  places: OutputPlaces,
  { path, customPath, remoteDigest, ...artifact }: Found,
  durable: Promise<void>[],
): Promise<ArtifactValue> {
  if (!isAbsolute(path))
    return { ...artifact, uri: path, ...(remoteDigest === undefined ? {} : { digest: remoteDigest }) };
  if (!existsSync(path)) {
    const nowhere = join(store.directory, "artifacts", "absent", artifact.name);
    return { ...artifact, uri: pathToFileURL(nowhere).href };
  }
  const own = isInside(places.directory, path);
  if (!own && customPath === undefined) {
    return { ...artifact, uri: pathToFileURL(path).href, digest: (await contentOf(path)).digest };
  }
  const content = own ? path : await copyIn(places, artifact.name, path);
  const stored = await storeContent(store, content);
  durable.push(stored.durable);
  return { ...artifact, uri: stored.uri, digest: stored.digest };
}

async function copyIn(places: OutputPlaces, name: string, path: string): Promise<string> {
  const copy = join(places.directory, `custom-${name}`);
  await writingAsync(copy, () => cp(path, copy, { recursive: true, verbatimSymlinks: true }));
  return copy;
}

function isInside(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way !== "" && !way.startsWith("..") && !isAbsolute(way);
}
