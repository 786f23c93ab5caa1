/** What a run was started with and a resume needs again: part of the first event. */
import { basename } from "node:path";
import { isJsonObject, type JsonObject } from "@sealflow/core";
import type { RunContext } from "@sealflow/pipeline";
import type { RunLayout } from "../store/layout.js";

/** A run's settings. */
export interface RunSettings {
  readonly createTime: string;
  readonly caching: boolean;
  readonly baseDirectory: string;
  readonly failFast: boolean;
  readonly finalStatusWords: "backend" | "documented";
  readonly collected: "nested" | "flat";
}

/** The settings as JSON. */
export function settingsToJson(settings: RunSettings): JsonObject {
  return { ...settings };
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
  };
}

/** The settings as the interpreter wants them. */
export function contextOf(run: RunLayout, runName: string, settings: RunSettings): RunContext {
  const { createTime, finalStatusWords, collected, caching } = settings;
  const runId = basename(run.directory);
  return { runId, runName, createTime, finalStatusWords, collected, caching, workspacePath: run.workspace };
}
