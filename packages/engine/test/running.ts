/** An engine over a store of its own, for one test file. */
import { join } from "node:path";
import type { PipelineDocument } from "@sealflow/pipeline";
import { afterAll } from "vitest";
import type { EngineOptions, RunOptions } from "../src/api.js";
import { createEngine } from "../src/engine.js";
import type { RunEvent } from "../src/events.js";
import type { RunSummary } from "../src/result.js";
import { discard } from "../src/store/artifacts.js";
import { openStore } from "../src/store/store.js";
import { keptDirectory, temporaryDirectory } from "./temporary.js";

const environmentsDirectory = keptDirectory("envs");
const engines: { close(): Promise<void> }[] = [];

afterAll(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
  discard(environmentsDirectory);
});

/** A run with what it told. */
export interface ToldRun {
  readonly summary: RunSummary;
  readonly events: readonly RunEvent[];
  readonly notices: readonly string[];
  /** Messages of the failed tasks, by path. */
  readonly failures: Readonly<Record<string, string>>;
}

/** An engine that goes away with the test file; its store goes away with the test. */
export function engineOf(options: Partial<EngineOptions> = {}) {
  const directory = temporaryDirectory();
  const engine = createEngine({
    environmentsDirectory,
    store: openStore(join(directory, "store")),
    ...options,
  });
  engines.push(engine);
  const run = async (document: PipelineDocument, more: RunOptions = {}): Promise<ToldRun> => {
    const events: RunEvent[] = [];
    const summary = await engine.run(document, { ...more, onEvent: (event) => events.push(event) });
    return { summary, events, ...told(events) };
  };
  return { directory, engine, run };
}

function told(events: readonly RunEvent[]): Pick<ToldRun, "notices" | "failures"> {
  const failures = events.flatMap((event) =>
    event.type === "task-finished" && event.error !== undefined
      ? [[event.path, `${event.error.code} ${event.error.message}`]]
      : [],
  );
  return {
    notices: events.flatMap((event) => (event.type === "notice" ? [event.message] : [])),
    failures: Object.fromEntries(failures),
  };
}
