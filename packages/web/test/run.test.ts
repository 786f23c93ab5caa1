import { readFileSync } from "node:fs";
import type { RunEvent as EngineEvent } from "@sealflow/engine";
import { parsePipelineDocument } from "@sealflow/pipeline";
import { describe, expect, expectTypeOf, it } from "vitest";
import { failureOf, framesOf, sourceOf } from "../src/run/failure.js";
import { allExpandable, firstExpanded, type Graph, graphOf } from "../src/run/graph-tree.js";
import { layOut, shapeOf } from "../src/run/layout.js";
import { lineageOf } from "../src/run/lineage.js";
import { artifactsOf, emptyRun, type RunEvent, type RunModel, withEvents } from "../src/run/model.js";
import { barsOf, criticalPath, ticksOf } from "../src/run/timeline-bars.js";

const text = readFileSync(new URL("./testdata/showcase/showcase.yaml", import.meta.url), "utf8");
const { spec } = parsePipelineDocument(text, { file: "showcase.yaml" });

const artifact = (name: string, uri: string) => ({
  ...{ name, uri, metadata: {}, digest: `sha256:${uri}` },
  type: { schemaTitle: "system.Dataset" },
});
const empty = { parameters: {}, artifacts: {} };

/** A run of the showcase: two iterations, the second attempt of `flaky` succeeds. */
function events(): EngineEvent[] {
  const table = { parameters: {}, artifacts: { table: [artifact("table", "t")] } };
  const bodies: object[] = [
    {
      type: "run-created",
      formatVersion: 1,
      runId: "r",
      runName: "r",
      pipelineName: "showcase",
      specDigest: "",
      parameters: {},
      options: {},
    },
    { type: "run-started", pid: 1, resumed: false },
    { type: "task-started", path: "flaky", attempt: 1, inputs: empty },
    { type: "dag-started", path: "prepare" },
    { type: "task-started", path: "prepare/make-data", attempt: 1, inputs: empty },
    {
      type: "task-retrying",
      path: "flaky",
      attempt: 1,
      error: { code: "X", message: "task: no answer" },
      delayMs: 5,
    },
    { type: "task-started", path: "flaky", attempt: 2, inputs: empty },
    { type: "task-finished", path: "flaky", state: "SUCCEEDED", cached: false, startTime: 3, outputs: empty },
    {
      type: "task-finished",
      path: "prepare/make-data",
      state: "SUCCEEDED",
      cached: true,
      startTime: 5,
      outputs: table,
    },
    { type: "dag-finished", path: "prepare", state: "SUCCEEDED", outputs: table },
    { type: "dag-started", path: "for-loop-1", iterations: 2 },
    ...[0, 1].map((index) => ({
      type: "task-started",
      path: `for-loop-1[${index}]/train`,
      attempt: 1,
      inputs: table,
    })),
    {
      type: "task-finished",
      path: "for-loop-1[0]/train",
      state: "SUCCEEDED",
      cached: false,
      startTime: 12,
      outputs: empty,
    },
    {
      type: "task-finished",
      path: "for-loop-1[1]/train",
      state: "FAILED",
      cached: false,
      startTime: 13,
      error: { code: "X", message: "task: broke" },
    },
    {
      type: "task-skipped",
      path: "evaluate",
      reason: { kind: "dependency", dependency: "for-loop-1", state: "FAILED" },
    },
    { type: "run-finished", state: "FAILED", outputs: {}, artifacts: {} },
  ];
  return bodies.map((body, index) => ({
    seq: index + 1,
    time: (index + 1) * 10,
    ...body,
  })) as unknown as EngineEvent[];
}
const plain = (list: readonly EngineEvent[]) => JSON.parse(JSON.stringify(list));
const run: RunModel = withEvents(emptyRun, plain(events()));

describe("a run, folded from its events", () => {
  it("reads the events that the engine writes", () => {
    expectTypeOf<Extract<EngineEvent, { type: RunEvent["type"] }>["type"]>().toEqualTypeOf<
      RunEvent["type"]
    >();
    expectTypeOf<Extract<EngineEvent, { type: "task-finished" }>>().toExtend<
      Extract<RunEvent, { type: "task-finished" }>
    >();
    expectTypeOf<Extract<EngineEvent, { type: "task-started" }>>().toExtend<
      Extract<RunEvent, { type: "task-started" }>
    >();
    expectTypeOf<Extract<EngineEvent, { type: "run-finished" }>>().toExtend<
      Extract<RunEvent, { type: "run-finished" }>
    >();
  });

  it("knows attempts, cache hits, skips and the end", () => {
    expect(run.state).toBe("FAILED");
    expect(run.tasks.get("flaky")?.attempts.map(({ number, error }) => [number, error?.message])).toEqual([
      [1, "task: no answer"],
      [2, undefined],
    ]);
    expect(run.tasks.get("prepare/make-data")?.cached).toBe(true);
    expect(run.tasks.get("evaluate")).toMatchObject({
      state: "SKIPPED",
      skipped: { dependency: "for-loop-1" },
    });
  });

  it("is the same whether events come at once, one by one, or again", () => {
    const list = plain(events());
    const one = list.reduce((model: RunModel, event: never) => withEvents(model, [event]), emptyRun);
    expect(one).toEqual(run);
    expect(withEvents(run, list)).toEqual(run);
  });

  it("takes back what a retry runs again", () => {
    const seq = run.seq + 1;
    const again = withEvents(run, [
      { seq, time: 999, type: "run-started", pid: 2, resumed: true, dropped: ["for-loop-1[1]/train"] },
    ]);
    expect(again.state).toBe("RUNNING");
    expect(again.endedAt).toBeUndefined();
    expect(again.tasks.get("for-loop-1[1]/train")).toMatchObject({
      state: "PENDING",
      attempts: [{ number: 1 }],
    });
  });
});

const paths = ({ nodes }: Graph): readonly string[] =>
  nodes.flatMap((node) => [node.path, ...(node.inside === undefined ? [] : paths(node.inside))]);

describe("the graph", () => {
  const closed = { expanded: new Set<string>(), iterations: new Map() };

  it("counts the tasks of closed boxes, of all iterations", () => {
    const { nodes } = graphOf(spec, run, closed);
    const loop = nodes.find(({ path }) => path === "for-loop-1");
    expect(loop).toMatchObject({ kind: "loop", iterations: 2, tally: { SUCCEEDED: 1, FAILED: 1 } });
    expect(nodes.find(({ path }) => path === "prepare")).toMatchObject({
      kind: "pipeline",
      tally: { cached: 1 },
    });
    expect(nodes.find(({ path }) => path === "condition-2")?.kind).toBe("condition");
  });

  it("shows of an open loop the iteration that was chosen, and no other", () => {
    const view = { expanded: allExpandable(spec), iterations: new Map([["for-loop-1", 1]]) };
    expect(paths(graphOf(spec, run, view))).toContain("for-loop-1[1]/train");
    expect(paths(graphOf(spec, run, view))).not.toContain("for-loop-1[0]/train");
    const beyond = { ...view, iterations: new Map([["for-loop-1", 7]]) };
    expect(paths(graphOf(spec, run, beyond))).toContain("for-loop-1[1]/train");
  });

  it("opens small pipelines by itself", () => {
    expect([...firstExpanded(spec)].sort()).toEqual([...allExpandable(spec)].sort());
  });

  it("places every box, those inside within those around, none over another", () => {
    const graph = graphOf(spec, run, { expanded: allExpandable(spec), iterations: new Map() });
    const { boxes, width, height, edges } = layOut(shapeOf(graph));
    expect([...boxes.keys()].sort()).toEqual([...paths(graph)].sort());
    const walk = (
      { nodes }: Graph,
      around: { x: number; y: number; width: number; height: number },
    ): void => {
      const placed = nodes.map(({ path }) => boxes.get(path) ?? { x: -1, y: -1, width: 0, height: 0 });
      for (const [index, box] of placed.entries()) {
        expect(box.x).toBeGreaterThanOrEqual(around.x);
        expect(box.y).toBeGreaterThanOrEqual(around.y);
        expect(box.x + box.width).toBeLessThanOrEqual(around.x + around.width + 1);
        expect(box.y + box.height).toBeLessThanOrEqual(around.y + around.height + 1);
        for (const other of placed.slice(index + 1)) {
          const apart =
            other.x >= box.x + box.width ||
            box.x >= other.x + other.width ||
            other.y >= box.y + box.height ||
            box.y >= other.y + other.height;
          expect(apart).toBe(true);
        }
      }
      for (const node of nodes)
        if (node.inside !== undefined) walk(node.inside, boxes.get(node.path) ?? around);
    };
    walk(graph, { x: 0, y: 0, width, height });
    expect(edges.length).toBeGreaterThan(4);
  });
});

describe("the timeline", () => {
  it("finds what the run waited for, back to its beginning", () => {
    expect([...criticalPath(spec, run, 0)]).toEqual(["for-loop-1[1]/train", "prepare/make-data"]);
  });

  it("has a bar for each task that ran, in the order of their beginnings", () => {
    const bars = barsOf(spec, run, 0);
    expect(bars.map(({ task }) => task.path)).toEqual([
      "flaky",
      "prepare/make-data",
      "for-loop-1[0]/train",
      "for-loop-1[1]/train",
    ]);
    expect(bars.every(({ start, end }) => end >= start)).toBe(true);
  });

  it.each([[7], [900], [45_000], [3_600_000], [9e8]])("has few, round ticks on %d ms", (length) => {
    const ticks = ticksOf(length);
    expect(ticks.length).toBeGreaterThanOrEqual(2);
    expect(ticks.length).toBeLessThanOrEqual(10);
    expect(ticks.every((tick) => tick <= length)).toBe(true);
  });
});

describe("a failure of Python", () => {
  const source = ["def f(x):", "    y = x", "    return 1 / y", ""].join("\n");
  const traceback = [
    "Traceback (most recent call last):",
    '  File "/s/c.py", line 3, in f',
    "    return 1 / y",
    "           ~~^~~",
    '  File "/usr/lib/python/x.py", line 90, in g',
    "    raise ZeroDivisionError",
    "ZeroDivisionError: division by zero",
  ].join("\n");
  const error = {
    ...{ code: "ENGINE_TASK_FAILED", message: "task: ZeroDivisionError: division by zero (in g, line 90)" },
    where: { file: "/s/c.py", line: 3 },
    data: {
      exception: { kind: "exception", type: "ZeroDivisionError", message: "division by zero", traceback },
    },
  };

  it("shows the line of the component, not of the library that it called", () => {
    const failure = failureOf(error, source);
    expect(failure.type).toBe("ZeroDivisionError");
    expect(failure.source.find(({ failing }) => failing)).toEqual({
      number: 3,
      text: "    return 1 / y",
      failing: true,
    });
    expect(failure.source).toHaveLength(4);
  });

  it("does not show lines of a source that is another one", () => {
    expect(failureOf(error, source.replace("1 / y", "2 / y")).source).toEqual([
      { number: 3, text: "return 1 / y", failing: true },
    ]);
  });

  it("shows the log's last lines where there is no exception", () => {
    const killed = { code: "X", message: "task: was killed", data: { lastLines: "out of memory" } };
    expect(failureOf(killed, undefined)).toMatchObject({
      message: "was killed",
      lastLines: "out of memory",
      frames: [],
    });
  });

  it("reads all frames, and finds the source that the pipeline carries", () => {
    expect(framesOf(traceback).map(({ line, where }) => [line, where])).toEqual([
      [3, "f"],
      [90, "g"],
    ]);
    expect(sourceOf(spec, "condition-2/explode")).toContain("def explode(");
    expect(sourceOf(spec, "for-loop-1[4]/train")).toContain("def train(");
    expect(sourceOf(spec, "nothing")).toBeUndefined();
  });
});

describe("lineage", () => {
  it("goes from an artifact to who made it and to all who used it", () => {
    const made = artifactsOf(run).find(({ output }) => output === "table");
    if (made === undefined) throw new Error("the run has no table");
    const { madeBy, upstream, downstream } = lineageOf(run, made);
    expect(madeBy?.path).toBe("prepare/make-data");
    expect(upstream).toEqual([]);
    expect(downstream.map(({ task, distance }) => [task.path, distance])).toEqual([
      ["for-loop-1[0]/train", 1],
      ["for-loop-1[1]/train", 1],
    ]);
  });
});
