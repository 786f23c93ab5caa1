/** Keeps the labels of runs in step with the store: runs that the command line starts belong into the same lists. */

import { readdirSync } from "node:fs";
import type { RunDetails } from "@sealflow/engine";
import type { RuntimeState } from "@sealflow/kfp";
import type { Entity, EntityStore } from "../store/entities.js";
import { activeStates, type SupervisorOptions, stateChange } from "./supervisor.js";

/** Shortest time between two looks at the store, in milliseconds. */
const LOOK_AGAIN_MS = 500;

type Parts = Pick<SupervisorOptions, "store" | "entities" | "clock" | "onChange">;

/** Looks at the store when asked, at most twice a second. */
export class RunLabels {
  private readonly parts: Parts & { readonly owns: (runId: string) => boolean };
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: Parts & { readonly owns: (runId: string) => boolean }) {
    this.parts = parts;
  }

  /** Adds labels of runs that others started, follows their states, and drops labels whose run is gone. */
  refresh(): void {
    const now = this.parts.clock.now();
    if (now - this.lookedAt < LOOK_AGAIN_MS) return;
    this.lookedAt = now;
    const { entities, store, owns } = this.parts;
    const recorded = new Set(directoryNames(store.layout.runs));
    const labelled = entities.ids("run");
    for (const runId of recorded) {
      if (!labelled.has(runId) && store.hasRun(runId)) this.add(runId);
    }
    for (const runId of labelled) if (!recorded.has(runId) && !owns(runId)) this.dropUnlessQueued(runId);
    for (const run of entities.all("run", { state: activeStates })) {
      if (!owns(run.id) && recorded.has(run.id)) this.follow(run);
    }
  }

  private add(runId: string): void {
    const { entities, store, onChange } = this.parts;
    const details = store.getRun(runId);
    const experiment = defaultExperiment(entities);
    if (experiment === undefined) return;
    const createdAt = Date.parse(details.createTime);
    const label: Entity = {
      ...{ kind: "run", id: runId, parent: experiment.id, namespace: "", name: runId },
      ...{ displayName: details.name, state: "PENDING", storageState: "AVAILABLE", createdAt, endedAt: null },
      ...{ origin: "", document: null, body: { runtime_config: { parameters: details.parameters } } },
    };
    entities.insert({ ...label, ...changeOf(label, details) });
    onChange(runId);
  }

  private follow(run: Entity): void {
    const { entities, store, onChange } = this.parts;
    const details = store.getRun(run.id);
    const change = changeOf(run, details);
    if (change.state === run.state || (run.state === "CANCELING" && change.state === "RUNNING")) return;
    entities.change("run", run.id, change);
    onChange(run.id);
  }

  private dropUnlessQueued(runId: string): void {
    const { entities, onChange } = this.parts;
    const run = entities.get("run", runId);
    // A run that this server was given and that never started has a label only.
    if (run === undefined || run.body.owned === true) return;
    entities.remove("run", runId);
    onChange(runId);
  }
}

/** The experiment of runs that name none. */
export function defaultExperiment(entities: EntityStore): Entity | undefined {
  return entities.find("experiment", { name: "Default" });
}

/** What the engine's record says of a run, as a change of its label. */
function changeOf(run: Entity, details: RunDetails): Pick<Entity, "state" | "endedAt" | "body"> {
  const time = Date.parse(details.endTime ?? details.createTime);
  if (details.state !== "INTERRUPTED") {
    const state: RuntimeState = details.state;
    return stateChange(run, { state, time, ...(details.error && { error: details.error }) });
  }
  // The API knows no such state; a retry continues the run where it was.
  const message = "run: its process ended before it did; a retry continues it";
  return stateChange(run, { state: "FAILED", time, error: { code: "SERVER_RUN_INTERRUPTED", message } });
}

function directoryNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // No run was ever made here.
    return [];
  }
}
