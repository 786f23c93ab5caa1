import { type RunEvent, RunView } from "@sealflow/engine";
import type { MetadataArtifact, Run } from "@sealflow/kfp";
import type { PipelineDocument } from "@sealflow/pipeline";
import { describe, expect, it } from "vitest";
import type { ExecutionArtifacts } from "../../src/contexts/kubeflow/artifacts.js";
import { recordsByPath } from "../../src/contexts/kubeflow/records.js";
import { MetadataTeller } from "../../src/contexts/kubeflow/told-by-metadata.js";
import { executions, root, runMessage, sums, type Written } from "./written.js";

const known = { pipelineName: "sums", specDigest: "sha256:0" };

const dataset: MetadataArtifact = {
  ...{ id: 1, type: "system.Dataset", uri: "gs://there/x" },
  properties: new Map<string, never>(),
};
const imported: ExecutionArtifacts = { inputs: {}, outputs: { artifact: [dataset] } };

/** A look at a run: its message and what is written by then. */
type Look = readonly [Run, ...Written[]];

function tell(looks: readonly Look[], document: PipelineDocument = sums()) {
  const teller = new MetadataTeller({ document, known });
  const perLook = looks.map(([run, ...written]) => {
    const tasks = recordsByPath(document.spec, executions(...written));
    return [...teller.look(run, { tasks, artifacts: new Map([[7, imported]]) })];
  });
  const events = perLook.flat();
  const view = new RunView();
  for (const event of events) view.add(event);
  return { teller, perLook: perLook.map((each) => each.map(line)), events, summary: view.summary() };
}

function line(event: RunEvent): string {
  const path = "path" in event ? ` ${event.path}` : "";
  const state = "state" in event ? ` ${event.state}` : "";
  return `${event.type}${path}${state}`;
}

const states = ({ tasks }: ReturnType<RunView["summary"]>) =>
  Object.fromEntries(tasks.map(({ path, state }) => [path, state]));

const list: Written = { id: 2, in: 1, task: "list", outputs: { Output: [1, 2] } };
const loop: Written = { id: 3, in: 1, task: "each", type: "DAG", more: { iteration_count: 2 } };
const iteration = (id: number, index: number): Written => ({
  ...{ id, in: 3, task: "each", type: "DAG", more: { iteration_index: index } },
});
const square = (id: number, graph: number, value: number): Written => ({
  ...{ id, in: graph, task: "square", outputs: { Output: value } },
});
const bring: Written = { id: 7, in: 1, task: "bring it", type: "Importer" };
const sum: Written = { id: 12, in: 1, task: "sum", outputs: { Output: 5 } };
const whole: readonly Written[] = [
  ...[root, list, loop, iteration(4, 0), iteration(5, 1), square(6, 4, 1), bring, square(8, 5, 4)],
  ...([
    { id: 9, in: 4, task: "big", type: "DAG", state: "CANCELED" },
    { id: 10, in: 5, task: "big", type: "DAG" },
    { id: 11, in: 10, task: "say", state: "CACHED", outputs: { Output: "four" } },
    sum,
  ] as const),
];

describe("a run told from ML Metadata", () => {
  it("has the paths, values and skips of a run here, and outputs that follow from the spec", () => {
    const { summary, teller } = tell([[runMessage("SUCCEEDED"), ...whole]]);
    expect(teller.done).toBe(true);
    expect(summary).toMatchObject({ runId: "run-1", state: "SUCCEEDED", outputs: { total: 5, all: [1, 4] } });
    expect(summary).not.toHaveProperty("incomplete");
    expect(states(summary)).toEqual({
      ...{ list: "SUCCEEDED", bring: "SUCCEEDED", sum: "SUCCEEDED" },
      ...{ "each[0]/square": "SUCCEEDED", "each[1]/square": "SUCCEEDED" },
      ...{ "each[0]/big/say": "SKIPPED", "each[1]/big/say": "SUCCEEDED" },
    });
    expect(summary.tasks.find(({ path }) => path === "each[1]/big/say")).toMatchObject({
      ...{ cached: true, outputs: { Output: "four" }, startTime: "2026-01-01T00:00:11.000Z" },
    });
    expect(summary.tasks.find(({ path }) => path === "bring")).toMatchObject({
      name: "bring it",
      artifacts: {
        artifact: [
          {
            ...{ name: "artifact", uri: "gs://there/x", metadata: {} },
            type: { schemaTitle: "system.Dataset", schemaVersion: "0.0.1" },
          },
        ],
      },
    });
  });

  it("is told once, as it is written, with numbers without gaps", () => {
    const { perLook, events } = tell([
      [runMessage("PENDING")],
      [runMessage("RUNNING"), root, { ...list, state: "RUNNING" }],
      [runMessage("RUNNING"), root, list, loop],
      [runMessage("RUNNING"), root, list, loop],
      [runMessage("SUCCEEDED"), ...whole],
    ]);
    expect(perLook.slice(0, 4)).toEqual([
      ["run-created"],
      ["task-started list"],
      ["task-finished list SUCCEEDED", "dag-started each", "dag-started each[0]", "dag-started each[1]"],
      [],
    ]);
    expect(perLook[4]?.at(-1)).toBe("run-finished SUCCEEDED");
    expect(perLook.flat().filter((each) => each === "task-started list")).toHaveLength(1);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  });

  it("says which task's end is missing, and leaves the state as it is", () => {
    const { summary } = tell([[runMessage("SUCCEEDED"), ...whole.filter(({ id }) => id !== 12)]]);
    expect(summary).toMatchObject({
      ...{ state: "SUCCEEDED", outputs: {} },
      incomplete: { code: "CLUSTER_OUTPUTS_INCOMPLETE", message: expect.stringContaining("no end of sum") },
    });
    expect(states(summary)).toMatchObject({ list: "SUCCEEDED", "each[1]/square": "SUCCEEDED" });
  });

  it("shows what is recorded where the spec would have had it otherwise", () => {
    const ran: Written = { id: 13, in: 14, task: "say", outputs: { Output: "one" } };
    const branch: Written = { id: 14, in: 4, task: "big", type: "DAG" };
    const { summary } = tell([[runMessage("SUCCEEDED"), ...whole.filter(({ id }) => id !== 9), branch, ran]]);
    expect(summary.tasks.find(({ path }) => path === "each[0]/big/say")).toMatchObject({
      ...{ state: "SUCCEEDED", outputs: { Output: "one" } },
    });
    const other = tell([
      [runMessage("SUCCEEDED"), ...whole.filter(({ id }) => id !== 12), { ...sum, state: "CANCELED" }],
    ]);
    expect(states(other.summary).sum).toBe("SKIPPED");
    expect(other.summary.incomplete?.message).toContain("sum: the cluster did not run it");
  });

  it("does not take values that the component does not declare", () => {
    const wrong = { ...sum, outputs: { Output: "five", log: 1 } };
    const { summary } = tell([[runMessage("SUCCEEDED"), ...whole.filter(({ id }) => id !== 12), wrong]]);
    expect(summary).toMatchObject({ state: "SUCCEEDED", outputs: {} });
    expect(summary.incomplete?.message).toContain("output Output: expected");
    expect(summary.tasks.find(({ path }) => path === "sum")?.outputs).toEqual({ Output: "five" });
  });

  it("names failed tasks, pods that ended without a word, drivers that failed, and what never began", () => {
    const details = (name: string) => ({
      run_details: {
        task_details: [
          { run_id: "run-1", task_id: "1", display_name: `${name}-driver`, state: "FAILED" as const },
        ],
      },
    });
    const failed = tell([[runMessage("FAILED"), root, { ...list, state: "FAILED" }, bring]]);
    expect(states(failed.summary)).toMatchObject({ list: "FAILED", bring: "SUCCEEDED", sum: "SKIPPED" });
    expect(failed.summary.error).toMatchObject({ message: expect.stringContaining("list: failed") });
    const killed = tell([[runMessage("FAILED"), root, { ...list, state: "RUNNING" }]]);
    expect(states(killed.summary)).toMatchObject({ list: "FAILED", bring: "CANCELED", sum: "SKIPPED" });
    const driver = tell([[runMessage("FAILED", details("list")), root, bring]]);
    expect(states(driver.summary)).toMatchObject({ list: "FAILED", bring: "SUCCEEDED" });
    const canceled = tell([[runMessage("CANCELED"), root, { ...list, state: "RUNNING" }]]);
    expect(canceled.summary).toMatchObject({ state: "CANCELED" });
    expect(states(canceled.summary)).toMatchObject({ list: "CANCELED", bring: "CANCELED", sum: "SKIPPED" });
    for (const { summary } of [failed, killed, driver, canceled])
      expect(summary).not.toHaveProperty("incomplete");
  });

  it("says which driver failed where that of a graph did, and no task can be named", () => {
    const details = {
      run_details: {
        task_details: [
          { run_id: "run-1", task_id: "1", display_name: "each-driver", state: "FAILED" as const },
        ],
      },
    };
    const { summary } = tell([[runMessage("FAILED", details), root, list, bring]]);
    expect(states(summary)).toMatchObject({ list: "SUCCEEDED", bring: "SUCCEEDED", sum: "SKIPPED" });
    expect(summary.error).toMatchObject({
      code: "CLUSTER_TASK_FAILED",
      message: expect.stringMatching(/^each: the driver/),
      hint: expect.stringContaining("sealflow lint"),
    });
  });

  it("counts the last of what was started again", () => {
    const again: Written = { id: 20, in: 1, task: "sum", outputs: { Output: 6 } };
    const { summary } = tell([
      [runMessage("SUCCEEDED"), ...whole.filter(({ id }) => id !== 12), { ...sum, state: "FAILED" }, again],
    ]);
    expect(summary.outputs.total).toBe(6);
  });

  it("waits for another attempt of a task that may be tried again, as long as the run goes on", () => {
    const document = sums();
    const { spec } = document;
    const tasks = spec.root.dag?.tasks ?? {};
    const retried = { ...tasks.list, retryPolicy: { maxRetryCount: 2 } } as NonNullable<typeof tasks.list>;
    const graph = { ...spec.root, dag: { ...spec.root.dag, tasks: { ...tasks, list: retried } } };
    const retrying = { ...document, spec: { ...spec, root: graph } };
    const failed = { ...list, state: "FAILED" } as const;
    const { perLook, summary } = tell(
      [
        [runMessage("RUNNING"), root, failed],
        [runMessage("RUNNING"), root, { ...list, state: "RUNNING" }],
        [runMessage("SUCCEEDED"), ...whole],
      ],
      retrying,
    );
    expect(perLook.slice(0, 2)).toEqual([["run-created", "task-started list"], []]);
    expect(states(summary).list).toBe("SUCCEEDED");
    const ended = tell([[runMessage("FAILED"), root, failed]], retrying);
    expect(states(ended.summary).list).toBe("FAILED");
  });

  it("ends without values where they can't be had any more", () => {
    const { teller } = tell([[runMessage("RUNNING"), root, list]]);
    const incomplete = { code: "CLUSTER_OUTPUTS_UNFETCHED", message: "gone", hint: "look there" };
    const [notice, end] = teller.endWithout(runMessage("SUCCEEDED"), incomplete);
    expect(notice).toMatchObject({ type: "notice", message: "gone; look there" });
    expect(end).toMatchObject({ type: "run-finished", state: "SUCCEEDED", incomplete });
    expect(teller.done).toBe(true);
  });

  it("is not misled by executions that are inside of themselves", () => {
    const circle: readonly Written[] = [
      { id: 30, in: 31, task: "a", type: "DAG" },
      { id: 31, in: 30, task: "b", type: "DAG" },
      { id: 32, in: 32, task: "c", type: "DAG" },
    ];
    const { summary } = tell([[runMessage("SUCCEEDED"), ...whole, ...circle]]);
    expect(summary.outputs.total).toBe(5);
  });
});

describe("a confidential run told from ML Metadata", () => {
  const labels = { "sealflow.dev/confidential": "true" };
  const platform = {
    platforms: { kubernetes: { deploymentSpec: { executors: { exec: { podMetadata: { labels } } } } } },
  };

  it("shows no value: what Kubeflow holds are stand-ins and ciphertext", () => {
    const { summary, events } = tell([[runMessage("SUCCEEDED"), ...whole]], sums(platform));
    expect(summary.outputs).toEqual({ total: "(sealed)", all: "(sealed)" });
    for (const { path, state, outputs } of summary.tasks)
      if (state === "SUCCEEDED" && path !== "bring") expect(outputs, path).toEqual({ Output: "(sealed)" });
    const graphs = events.filter((event) => event.type === "dag-finished");
    expect(graphs.length).toBeGreaterThan(0);
    for (const { outputs } of graphs)
      for (const value of Object.values(outputs.parameters)) expect(value).toBe("(sealed)");
  });
});
