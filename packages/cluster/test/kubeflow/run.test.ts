/** Runs of a stock Kubeflow Pipelines whose ML Metadata is out of reach, in one way or another. */
import { type RunEvent, RunView } from "@sealflow/engine";
import type { PipelineTaskDetail, RuntimeState } from "@sealflow/kfp";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Stock, startStock } from "../../../../test-support/kubeflow/stock.js";
import { missingValues } from "../../src/contexts/kubeflow/run.js";
import { openSession, type Session } from "../../src/contexts/session.js";
import { eventsSoFar, remoteEvents } from "../../src/contexts/watch.js";
import { runMessage, sums } from "./written.js";

/** Nodes as Argo has them: graphs, drivers and pods beside the tasks, none of them inside of another. */
const nodes: readonly [string, RuntimeState][] = [
  ...(["root", "root-driver", "list-driver", "list", "executor", "each", "iteration-driver"] as const),
  ...(["iteration-iterations(0:0)", "iteration-item", "square-driver", "square", "executor"] as const),
  ...(["iteration-iterations(1:1)", "iteration-item", "square-driver"] as const),
].map((name) => [name, "SUCCEEDED"]);

function details(...more: [string, RuntimeState][]): PipelineTaskDetail[] {
  const time = new Date(0).toISOString();
  return [...nodes, ...more].map(([display_name, state], index) => ({
    ...{ run_id: "run-1", task_id: String(index), display_name, state },
    ...{ create_time: time, start_time: time, end_time: time, child_tasks: [{ pod_name: "pod" }] },
  }));
}

let stock: Stock;
let session: Session;
beforeEach(async () => {
  const run = runMessage("SUCCEEDED", {
    pipeline_version_reference: { pipeline_id: "p", pipeline_version_id: "v" },
    run_details: { task_details: details(["square", "SUCCEEDED"], ["sum", "SKIPPED"]) },
  });
  stock = await startStock({
    runs: new Map([["run-1", run]]),
    versions: new Map([["v", JSON.parse(JSON.stringify(sums().spec))]]),
    exchanges: undefined,
  });
  session = await openSession({ endpoint: `${stock.url}/`, auth: { kind: "none" } }, {});
});
afterEach(async () => {
  await session.close();
  await stock.close();
});

async function watched(): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  const { signal } = new AbortController();
  for await (const event of remoteEvents(session, "run-1", { signal, pollMs: 1 })) events.push(event);
  return events;
}

function summaryOf(events: readonly RunEvent[]) {
  const view = new RunView();
  for (const event of events) view.add(event);
  return view.summary();
}

const looks = () => stock.asked.filter((path) => path === "/apis/v2beta1/runs/run-1").length;

it("tells the tasks by their names, and says once and at the end why their values are missing", async () => {
  const events = await watched();
  const { tasks, state, outputs, incomplete } = summaryOf(events);
  expect(tasks.map(({ path, state: end }) => `${path} ${end}`)).toEqual([
    "list SUCCEEDED",
    "square SUCCEEDED",
    "square#2 SUCCEEDED",
    "sum SKIPPED",
  ]);
  expect({ state, outputs }).toEqual({ state: "SUCCEEDED", outputs: {} });
  expect(incomplete).toMatchObject({
    ...{ code: "CLUSTER_OUTPUTS_UNFETCHED", data: { cause: "KFP_REQUEST_REFUSED" } },
    hint: expect.stringContaining("--metadata"),
  });
  expect(events.filter(({ type }) => type === "notice")).toHaveLength(1);
  expect(looks()).toBe(1);
});

it.each([
  ["asks again where it may come back", { grpcStatus: 14 }, 3],
  ["asks again after a failing gateway", { status: 503 }, 3],
  ["does not insist where it is not permitted", { grpcStatus: 7 }, 1],
  ["does not insist where a login is wanted", { status: 401 }, 1],
] as const)("%s", async (_, refusal, times) => {
  stock.state.refusal = refusal;
  const { state, incomplete } = summaryOf(await watched());
  expect({ state, code: incomplete?.code }).toEqual({
    state: "SUCCEEDED",
    code: "CLUSTER_OUTPUTS_UNFETCHED",
  });
  expect(looks()).toBe(times);
});

it("tells a run that goes on up to now, and does not wait for its end", async () => {
  const run = stock.state.runs.get("run-1");
  if (run === undefined) throw new Error("no run");
  const running = {
    ...run,
    ...runMessage("RUNNING"),
    run_details: { task_details: details(["sum", "RUNNING"]) },
  };
  stock.state.runs.set("run-1", { ...run, ...running });
  const events: RunEvent[] = [];
  for await (const event of eventsSoFar(session, running)) events.push(event);
  expect(events.at(-1)).toMatchObject({ type: "task-started", path: "sum" });
});

it("is known beforehand", async () => {
  expect(await missingValues(session)).toMatchObject({ code: "CLUSTER_OUTPUTS_UNFETCHED" });
});
