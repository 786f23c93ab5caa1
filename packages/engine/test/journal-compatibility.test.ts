/**
 * Journals that released versions wrote are read and continued by every later version. A fixture is recorded once per
 * format, with SEALFLOW_RECORD_JOURNAL naming its directory, and never changed afterwards.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { createEngine } from "../src/engine.js";
import type { RunSummary } from "../src/result.js";
import { discard } from "../src/store/artifacts.js";
import { openStore } from "../src/store/store.js";
import { documentOf, type TestPipeline, task } from "./pipelines.js";
import { keptDirectory, temporaryDirectory } from "./temporary.js";

const fixtures = fileURLToPath(new URL("fixtures/journals", import.meta.url));
const environmentsDirectory = keptDirectory("compatibility-envs");
afterAll(() => discard(environmentsDirectory));

const integer = { parameterType: "NUMBER_INTEGER" } as const;

/** A loop with a condition, a retried task, a failure, and what is skipped because of them. */
const recordedPipeline: TestPipeline = {
  components: {
    double: {
      source: "def double(n: int) -> int:\n    return n * 2\n",
      inputs: { n: "NUMBER_INTEGER" },
      outputs: { Output: "NUMBER_INTEGER" },
    },
    fails: { source: "def fails():\n    raise ValueError('no luck')\n" },
  },
  dags: {
    "comp-loop": {
      inputDefinitions: { parameters: { item: integer } },
      dag: {
        tasks: {
          double: task(
            "double",
            { parameters: { n: { input: "item" } } },
            { triggerPolicy: { condition: "int(inputs.parameter_values['n']) != 2" } },
          ),
        },
      },
    },
  },
  inputs: { start: "NUMBER_INTEGER" },
  tasks: {
    first: task("double", { parameters: { n: { input: "start" } } }),
    loop: task(
      "loop",
      { after: ["first"] },
      { parameterIterator: { items: { raw: "[1, 2, 3]" }, itemInput: "item" } },
    ),
    fails: task("fails", { after: ["loop"] }, { retryPolicy: { maxRetryCount: 1, backoffDuration: "0s" } }),
    never: task("double", { parameters: { n: { constant: 1 } }, after: ["fails"] }),
  },
  outputs: { doubled: ["first.Output", "NUMBER_INTEGER"] },
};

const withoutTimes = ({ tasks, ...summary }: RunSummary) => ({
  ...summary,
  tasks: tasks
    .map(({ startTime: _, endTime: __, error, ...rest }) => ({ ...rest, error: error?.code ?? null }))
    .sort((a, b) => (a.path < b.path ? -1 : 1)),
});

/** A store that holds the fixture's run, cut behind a number of events when that is given. */
function storeWith(fixture: string, events?: number) {
  const directory = temporaryDirectory();
  const run = join(directory, "runs", "recorded");
  mkdirSync(run, { recursive: true });
  cpSync(join(fixtures, fixture, "document.json"), join(run, "document.json"));
  const lines = readFileSync(join(fixtures, fixture, "journal.jsonl"), "utf8")
    .split("\n")
    .slice(0, -1);
  writeFileSync(
    join(run, "journal.jsonl"),
    lines
      .slice(0, events)
      .map((line) => `${line}\n`)
      .join(""),
  );
  return { store: openStore(directory), lines };
}

const expectedOf = (fixture: string) =>
  JSON.parse(readFileSync(join(fixtures, fixture, "summary.json"), "utf8"));

describe.each(existsSync(fixtures) ? readdirSync(fixtures) : [])("the journal %s", (fixture) => {
  it("reads as the run that it was", () => {
    const { store } = storeWith(fixture);
    expect(store.getRun("recorded")).toMatchObject(expectedOf(fixture));
  });

  it("cut anywhere, is continued to the same end without running again what had ended", async () => {
    const { lines } = storeWith(fixture);
    const ended = lines.findIndex((line) => line.includes('"run-finished"'));
    for (const cut of [1, 2, 4, Math.floor(ended / 2), ended - 4, ended]) {
      const { store } = storeWith(fixture, cut);
      const before = store.readEvents("recorded");
      const engine = createEngine({ store, environmentsDirectory });
      const summary = await engine.resume("recorded");
      await engine.close();
      expect(withoutTimes(summary), `cut behind ${cut}`).toEqual(withoutTimes(expectedOf(fixture)));
      const after = store.readEvents("recorded");
      expect(after.slice(0, cut)).toEqual(before);
      const finished = new Set(
        before.flatMap((event) => (event.type === "task-finished" ? [event.path] : [])),
      );
      const again = after
        .slice(cut)
        .filter((event) => event.type === "task-started" && finished.has(event.path));
      expect(again).toEqual([]);
      const facts = after.flatMap((event) =>
        "path" in event && event.type !== "task-started" ? [`${event.type} ${event.path}`] : [],
      );
      const once = facts.filter((fact) => !fact.startsWith("task-retrying"));
      expect(new Set(once).size, `cut behind ${cut}`).toBe(once.length);
    }
  });
});

it.skipIf(!process.env.SEALFLOW_RECORD_JOURNAL)("records a fixture", async () => {
  const directory = temporaryDirectory();
  const store = openStore(directory);
  const engine = createEngine({ store, environmentsDirectory });
  const summary = await engine.run(documentOf(recordedPipeline), {
    runId: "recorded",
    name: "recorded",
    parameters: { start: 4 },
    caching: false,
    baseDirectory: "/project",
  });
  await engine.close();
  const target = join(fixtures, process.env.SEALFLOW_RECORD_JOURNAL ?? "");
  mkdirSync(target, { recursive: true });
  const portable = (text: string) => text.replaceAll(directory, "/project/.sealflow");
  for (const name of ["journal.jsonl", "document.json"]) {
    writeFileSync(
      join(target, name),
      portable(readFileSync(join(directory, "runs", "recorded", name), "utf8")),
    );
  }
  writeFileSync(join(target, "summary.json"), portable(`${JSON.stringify(summary, null, 2)}\n`));
});
