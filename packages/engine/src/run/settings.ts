/** What a run was started with and a resume needs again: part of the first event. */
import { basename } from "node:path";
import { type Digest, isDigest, isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import type { PipelineSpec, PlatformSpec, RunContext } from "@sealflow/pipeline";
import type { ClusterObjects } from "../platform/objects.js";
import type { RunLayout } from "../store/layout.js";

/** A run's settings. */
export interface RunSettings {
  readonly createTime: string;
  readonly caching: boolean;
  readonly baseDirectory: string;
  readonly failFast: boolean;
  readonly finalStatusWords: "backend" | "documented";
  readonly collected: "nested" | "flat";
  /** Absolute paths of what stands for a cluster's objects. */
  readonly objects: ClusterObjects;
  /** Set for sealed runs: registered inputs by path of their importer. */
  readonly sealed?: { readonly inputs: Readonly<Record<string, Digest>> };
}

/** The settings as JSON. */
export function settingsToJson(settings: RunSettings): JsonObject {
  const { sealed, ...rest } = settings;
  const inputs = sealed === undefined ? {} : { sealed: { inputs: { ...sealed.inputs } } };
  return { ...rest, objects: { ...settings.objects }, ...inputs };
}

/** Settings from the first event, also of an earlier version: what it did not know has its default. */
export function settingsFromJson(options: JsonObject): RunSettings {
  const json = isJsonObject(options) ? options : {};
  return {
    createTime: typeof json.createTime === "string" ? json.createTime : new Date(0).toISOString(),
    caching: json.caching !== false,
    baseDirectory: typeof json.baseDirectory === "string" ? json.baseDirectory : process.cwd(),
    failFast: json.failFast === true,
    finalStatusWords: json.finalStatusWords === "documented" ? "documented" : "backend",
    collected: json.collected === "flat" ? "flat" : "nested",
    objects: objectsFromJson(json.objects),
    ...sealedFromJson(json.sealed),
  };
}

function sealedFromJson(value: JsonValue | undefined): Pick<RunSettings, "sealed"> {
  if (!isJsonObject(value)) return {};
  const inputs = Object.entries(isJsonObject(value.inputs) ? value.inputs : {}).flatMap(([path, digest]) =>
    typeof digest === "string" && isDigest(digest) ? [[path, digest] as const] : [],
  );
  return { sealed: { inputs: Object.fromEntries(inputs) } };
}

function objectsFromJson(value: JsonValue | undefined): ClusterObjects {
  const { secrets, configMaps, volumes } = isJsonObject(value) ? value : {};
  return { secrets: pathsOf(secrets), configMaps: pathsOf(configMaps), volumes: pathsOf(volumes) };
}

function pathsOf(value: JsonValue | undefined): Record<string, string> {
  const entries = Object.entries(isJsonObject(value) ? value : {});
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

/** What a run's context is made of. */
export interface ContextParts {
  readonly runName: string;
  readonly settings: RunSettings;
  readonly spec: PipelineSpec;
  readonly platform?: PlatformSpec | undefined;
}

/** The settings as the interpreter wants them. */
export function contextOf(run: RunLayout, { runName, settings, spec, platform }: ContextParts): RunContext {
  const { createTime, finalStatusWords, collected, caching } = settings;
  const runId = basename(run.directory);
  const own = platform === undefined ? {} : { platform };
  return {
    ...own,
    runId,
    runName,
    createTime,
    finalStatusWords,
    collected,
    caching,
    workspacePath: run.workspace,
    pipelineRoot: spec.defaultPipelineRoot || run.root,
  };
}
