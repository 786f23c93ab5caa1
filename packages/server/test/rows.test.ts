import { describe, expect, it } from "vitest";
import { metricsOf } from "../src/runs/rows.js";

type Task = Parameters<typeof metricsOf>[0]["tasks"][number];
const task = (path: string, metadata: Record<string, number>): Task =>
  ({
    path,
    artifacts: { metrics: [{ name: "metrics", uri: "", type: { schemaTitle: "system.Metrics" }, metadata }] },
  }) as unknown as Task;
const train = (index: number, loss: number) => task(`for-loop-1[${index}]/train`, { loss, rows: 100 });

describe("the figures of a run", () => {
  it("stand behind their tasks when a name has several values, whichever task ended first", () => {
    const expected = {
      "for-loop-1[0]/train/loss": 0.1,
      "for-loop-1[2]/train/loss": 0.3,
      "for-loop-1[10]/train/loss": 0.2,
      rows: 100,
    };
    for (const tasks of [
      [train(0, 0.1), train(2, 0.3), train(10, 0.2)],
      [train(10, 0.2), train(0, 0.1), train(2, 0.3)],
    ]) {
      const found = metricsOf({ outputs: {}, tasks });
      expect(found).toEqual(expected);
      expect(Object.keys(found).filter((name) => name !== "rows")).toEqual(Object.keys(expected).slice(0, 3));
    }
  });

  it("have the name of the pipeline's output first, and plain names where there is one value", () => {
    const tasks = [task("evaluate", { auc: 0.7, f1: 0.5 }), task("report", { f1: 0.5 })];
    expect(metricsOf({ outputs: { auc: 0.9, text: "x".repeat(300), list: [1] }, tasks })).toEqual({
      auc: 0.9,
      "evaluate/auc": 0.7,
      f1: 0.5,
    });
  });

  it("are a hundred at most", () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`m${index}`, index]));
    expect(Object.keys(metricsOf({ outputs: {}, tasks: [task("a", many)] }))).toHaveLength(100);
  });
});
