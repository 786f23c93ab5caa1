/** Importers as tasks: their one output is an artifact from outside. */
import { mkdirSync } from "node:fs";
import { cp } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isJsonObject, type JsonObject, type JsonValue, SealflowError } from "@sealflow/core";
import { type ArtifactValue, type DueTask, type ImporterExecutor, localPathOf } from "@sealflow/pipeline";
import { importArtifact } from "../executors/importer.js";
import { contentHere, isRemote } from "../remote/contents.js";
import { writingAsync } from "../store/disk-errors.js";
import { resolver } from "./placeholders.js";
import type { RunInProgress } from "./run-context.js";

/**
 * Imports the task's artifact.
 *
 * @throws SealflowError `ENGINE_IMPORT_…`
 */
export async function runImporter(
  run: RunInProgress,
  task: DueTask,
  importer: ImporterExecutor,
): Promise<ArtifactValue> {
  const resolve = resolver(run, task);
  const name = Object.keys(task.outputArtifacts)[0] ?? "artifact";
  const metadata = resolveDeep(importer.metadata ?? {}, resolve);
  const artifact = await importArtifact({
    uri: uriOf(task, importer, resolve),
    type: importer.typeSchema,
    metadata: isJsonObject(metadata) ? metadata : {},
    baseDirectory: run.settings.baseDirectory,
    store: run.services.store,
    fetch: run.services.fetch,
    signal: run.signal,
  });
  const named = { ...artifact, name };
  return importer.downloadToWorkspace === true ? inWorkspace(run, named) : named;
}

/** A copy in the run's workspace, where tasks may change it; at the place where the official backend has it. */
async function inWorkspace(run: RunInProgress, artifact: ArtifactValue): Promise<ArtifactValue> {
  const remote = isRemote(artifact);
  const content = remote ? (await contentHere(run, artifact.uri))?.path : fileURLToPath(artifact.uri);
  if (content === undefined) return artifact;
  const place = localPathOf(remote ? artifact.uri : content).replace(/^\/+/, "");
  const target = join(run.layout.workspace, ".artifacts", place);
  await writingAsync(target, async () => {
    mkdirSync(dirname(target), { recursive: true });
    await cp(content, target, { recursive: true, verbatimSymlinks: true });
  });
  return { ...artifact, uri: pathToFileURL(target).href };
}

function uriOf(task: DueTask, { artifactUri }: ImporterExecutor, resolve: (text: string) => string): string {
  const { constant, constantValue, runtimeParameter } = artifactUri;
  const value =
    runtimeParameter === undefined
      ? (constant ?? constantValue?.stringValue)
      : task.inputs.parameters[runtimeParameter];
  if (typeof value === "string" && value !== "") return resolve(value);
  throw new SealflowError({
    code: "ENGINE_IMPORT_MISSING",
    message: `importer: expected a path or URI, got ${JSON.stringify(value ?? null)}`,
  });
}

function resolveDeep(value: JsonValue, resolve: (text: string) => string): JsonValue {
  if (typeof value === "string") return resolve(value);
  if (Array.isArray(value)) return value.map((item: JsonValue) => resolveDeep(item, resolve));
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value as JsonObject);
  return Object.fromEntries(entries.map(([key, item]) => [resolve(key), resolveDeep(item, resolve)]));
}
