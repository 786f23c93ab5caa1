/** Runs that were recorded: what the API says of them, their pipeline, and every answer of ML Metadata. See README.md here. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { JsonObject } from "@sealflow/core";
import type { Run } from "@sealflow/kfp";
import type { Exchange } from "./stock.js";

/** A recorded run. */
export interface RecordedRun {
  readonly run: Run;
  /** What its pipeline version holds. */
  readonly version: JsonObject;
  readonly exchanges: readonly Exchange[];
}

/** The recording of that name. */
export function recordedRun(name: string): RecordedRun {
  const file = fileURLToPath(new URL(`recorded/${name}.json`, import.meta.url));
  return JSON.parse(readFileSync(file, "utf8")) as RecordedRun;
}
