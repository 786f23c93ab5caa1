/** What both ways of watching a run of Kubeflow Pipelines say alike. */
import type { ErrorBody, JsonObject } from "@sealflow/core";
import type { RunEvent, RunEventBody } from "@sealflow/engine";
import type { Run } from "@sealflow/kfp";

/** Something that happened, before it has its number. */
export interface Told {
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
  readonly event: RunEventBody;
}

/** States of runs and tasks that stay. */
export const ended: ReadonlySet<string> = new Set(["SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"]);

/** Numbers what is told. */
export class EventNumbers {
  private seq = 0;

  of({ time, event }: Told): RunEvent {
    this.seq += 1;
    return { ...event, seq: this.seq, time } as RunEvent;
  }
}

/** What is known of the pipeline besides the run. */
export interface KnownPipeline {
  readonly pipelineName: string;
  readonly specDigest: string;
}

/** The first event. */
export function creationOf(run: Run, known: KnownPipeline = { pipelineName: "", specDigest: "" }): Told {
  const parameters: JsonObject = run.runtime_config?.parameters ?? {};
  return {
    time: timeOf(run.created_at),
    event: {
      type: "run-created",
      formatVersion: 1,
      runId: run.run_id,
      runName: run.display_name,
      ...known,
      parameters,
      options: {},
    },
  };
}

/** How a run ended. */
export function stateOf({ state }: Run): "SUCCEEDED" | "FAILED" | "CANCELED" {
  return state === "SUCCEEDED" || state === "CANCELED" ? state : "FAILED";
}

/** The error of a run or task, where the API has one. */
export function errorIn({ error }: Pick<Run, "error">): { error?: ErrorBody } {
  return error === undefined ? {} : { error: { code: "CLUSTER_TASK_FAILED", message: error.message } };
}

/** A time of the API; 0 where it has none. */
export function timeOf(text: string | undefined): number {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? 0 : time;
}

/** Why values are missing, as people read it while the run goes on. */
export function noticeOf({ code, message, hint }: ErrorBody, time: number): Told {
  const mend = hint === undefined ? "" : `; ${hint}`;
  return { time, event: { type: "notice", code, message: `${message}${mend}` } };
}
