/** The record of a task's outputs, which its pod left in the store, at the places where the engine looks for outputs. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { SealflowError } from "@sealflow/core";
import type { ExecutorJob } from "@sealflow/engine";

/** Writes a result's parts to where the engine reads them; gives the name of the pod that made it. */
export function writeResult(job: ExecutorJob, content: Uint8Array): string {
  const { pod, report, parameters } = readResult(job, content);
  mkdirSync(dirname(job.places.executorOutput), { recursive: true });
  writeFileSync(job.places.executorOutput, JSON.stringify(report));
  for (const [name, text] of Object.entries(parameters)) writeFileSync(job.places.parameter(name), text);
  return pod;
}

interface Result {
  readonly pod: string;
  readonly report: object;
  readonly parameters: Readonly<Record<string, string>>;
}

function readResult(job: ExecutorJob, content: Uint8Array): Result {
  try {
    const value = JSON.parse(new TextDecoder().decode(content)) as Partial<Result> & { version?: number };
    const { version, pod = "", report, parameters } = value;
    if (version === 1 && report !== undefined && parameters !== undefined) return { pod, report, parameters };
  } catch {
    // Falls through to the refusal.
  }
  throw new SealflowError({
    code: "CLUSTER_RESULT_INVALID",
    message: `task ${job.task.displayName}: expected the record of its outputs in the store, got something else`,
    hint: "Who else writes to this store? Give runs a prefix of their own.",
  });
}
