/** A process that runs the engine, to be killed: says each event on standard output as soon as it is reported. */
import { readFileSync, writeSync } from "node:fs";
import type { PipelineDocument } from "@sealflow/pipeline";
import { createEngine, openStore } from "../../src/index.js";

const [mode = "", directory = "", runId = "", environmentsDirectory = "", file = ""] = process.argv.slice(2);
const engine = createEngine({ store: openStore(directory), environmentsDirectory, concurrency: 3 });
const onEvent = (event: unknown): void => void writeSync(1, `${JSON.stringify(event)}\n`);
const summary =
  mode === "run"
    ? await engine.run(JSON.parse(readFileSync(file, "utf8")) as PipelineDocument, {
        runId,
        onEvent,
        caching: false,
      })
    : await engine.resume(runId, { onEvent });
await engine.close();
process.exitCode = summary.state === "SUCCEEDED" ? 0 : 1;
