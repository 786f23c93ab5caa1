/** A run's record, and what happens to it while it is looked at. */
import { type Signal, signal } from "@preact/signals";
import { isJsonObject, type JsonObject } from "@sealflow/core";
import { type RunRecord, type RunRow, readRunRecord, watchRun } from "@sealflow/kfp";
import type { PipelineSpec } from "@sealflow/pipeline";
import { useEffect, useMemo } from "preact/hooks";
import { isMissing, isUnreachable, server } from "../api/client.js";
import { refreshRuns } from "../api/live-runs.js";
import type { Resource } from "../api/resource.js";
import { isActive, type State, stateOf } from "../parts/state.js";
import { emptyRun, type RunModel, withEvents } from "./model.js";

/** What the page shows. */
export interface RunData {
  readonly row: RunRow;
  readonly run: RunModel;
  readonly spec: PipelineSpec | undefined;
  /** As the server gave it: a spec, or spec and platform spec. */
  readonly document: JsonObject | undefined;
}

/** How long events are gathered before the page is drawn anew, in milliseconds. */
const GATHER_MS = 120;
const AGAIN_MS = 2000;

/** The spec inside a document of the API. */
export function specIn(document: JsonObject | undefined): PipelineSpec | undefined {
  const spec = isJsonObject(document?.pipeline_spec) ? document.pipeline_spec : document;
  // The border where the server's documents become typed: it has checked them.
  return spec === undefined ? undefined : (spec as unknown as PipelineSpec);
}

function dataOf({ row, events = [], document }: RunRecord): RunData {
  return { row, run: withEvents(emptyRun, events), spec: specIn(document), document };
}

/** The state of a run: the label knows of a dead process, the events are sooner with everything else. */
export function runState({ row, run }: Pick<RunData, "row" | "run">): State {
  const label = stateOf(row);
  return label === "INTERRUPTED" || run.seq === 0 ? label : run.state;
}

/** Follows a run as long as the component is there. */
export function useRun(id: string): { readonly now: Signal<Resource<RunData>>; readonly reload: () => void } {
  const made = useMemo(
    () => ({ now: signal<Resource<RunData>>({ state: "loading" }), kick: signal(0) }),
    [id],
  );
  const { now, kick } = made;
  const { value: kicked } = kick;
  useEffect(() => {
    const abort = new AbortController();
    void follow(id, now, abort.signal);
    return () => abort.abort();
  }, [id, now, kicked]);
  return {
    now,
    reload: () => {
      kick.value += 1;
    },
  };
}

async function follow(id: string, now: Signal<Resource<RunData>>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const data = dataOf(await readRunRecord(server, id));
      if (signal.aborted) return;
      now.value = { state: "ready", value: data, stale: false };
      if (!isActive(runState(data))) return;
      await readEvents(id, now, signal);
      // The end of the stream is the end of the run: what the label says of it is read once more.
      await refreshRuns([id]);
    } catch (error) {
      if (signal.aborted) return;
      const known = now.peek();
      if (known.state === "ready" && isUnreachable(error)) now.value = { ...known, stale: true };
      else now.value = { state: "failed", error };
      if (isMissing(error)) return;
    }
    await new Promise((resolve) => setTimeout(resolve, now.peek().state === "ready" ? 300 : AGAIN_MS));
  }
}

async function readEvents(id: string, now: Signal<Resource<RunData>>, signal: AbortSignal): Promise<void> {
  const known = now.peek();
  if (known.state !== "ready") return;
  const waiting: JsonObject[] = [];
  const apply = (): void => {
    const { value } = now;
    const events = waiting.splice(0);
    if (value.state !== "ready" || events.length === 0 || signal.aborted) return;
    now.value = {
      ...value,
      value: { ...value.value, run: withEvents(value.value.run, events) },
      stale: false,
    };
  };
  const after = String(known.value.run.seq);
  try {
    for await (const { data } of watchRun(server, id, { after, signal })) {
      if (waiting.length === 0) setTimeout(apply, GATHER_MS);
      waiting.push(data);
    }
  } finally {
    apply();
  }
}
