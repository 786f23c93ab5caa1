import type { RunRow } from "@sealflow/kfp";
import { describe, expect, it } from "vitest";
import { columnsOf, durationOf, nextSort, parseSort, shownColumns, sorted } from "../src/runs/columns.js";
import { fits, parseSearch } from "../src/runs/search.js";

const row = (id: string, more: Partial<RunRow> = {}): RunRow => ({
  ...{
    run_id: id,
    display_name: `run ${id}`,
    pipeline_name: "loans",
    experiment_id: "e",
    state: "SUCCEEDED",
  },
  ...{ storage_state: "AVAILABLE", created_at: "2026-01-01T00:00:00Z", parameters: {}, metrics: {} },
  tasks: { succeeded: 1, cached: 0, failed: 0, skipped: 0, running: 0 },
  ...more,
});
const all = { states: new Set<never>(), pipeline: "" };
const found = (rows: readonly RunRow[], text: string) =>
  rows.filter((each) => fits(each, { ...all, terms: parseSearch(text) })).map(({ run_id }) => run_id);

describe("the search of runs", () => {
  const rows = [
    row("a", { display_name: "Baseline", metrics: { auc: 0.92 }, parameters: { depth: 4, path: "" } }),
    row("b", {
      display_name: "shallow trees",
      metrics: { auc: 0.88 },
      parameters: { depth: 10, drop: true },
    }),
    row("c", { state: "FAILED", error_code: "SERVER_RUN_INTERRUPTED", parameters: { depth: 4 } }),
  ];

  it.each([
    ["baseline", ["a"]],
    ["LOANS", ["a", "b", "c"]],
    ['"shallow trees"', ["b"]],
    ["depth=4", ["a", "c"]],
    ["auc>0.9", ["a"]],
    ["auc<=0.88", ["b"]],
    ["depth=4 auc>0.5", ["a"]],
    ["depth!=4", ["b"]],
    ["drop=true", ["b"]],
    ["auc>", []],
    ["", ["a", "b", "c"]],
  ])("finds for %j the runs %j", (text, ids) => {
    expect(found(rows, text)).toEqual(ids);
  });

  it("counts interrupted runs among the failed ones", () => {
    const failed = rows.filter((each) =>
      fits(each, { terms: [], pipeline: "", states: new Set(["FAILED" as const]) }),
    );
    expect(failed.map(({ run_id }) => run_id)).toEqual(["c"]);
  });
});

describe("the columns of the list", () => {
  const rows = [
    row("a", { metrics: { auc: 0.9, note: "x" }, parameters: { seed: 0, depth: 4 } }),
    row("b", { metrics: { auc: 0.8 }, parameters: { seed: 0, depth: 6 } }),
    row("c", { parameters: { seed: 0, depth: 6, extra: null } }),
  ];

  it("shows numbers that came out and parameters that differ", () => {
    expect(shownColumns(columnsOf(rows), null).map(({ key }) => key)).toEqual([
      "metrics.auc",
      "parameters.depth",
    ]);
  });

  it("shows what was chosen, also when that is nothing", () => {
    expect(shownColumns(columnsOf(rows), "parameters.seed").map(({ name }) => name)).toEqual(["seed"]);
    expect(shownColumns(columnsOf(rows), "none")).toEqual([]);
  });

  it("sorts by any column, with runs that have no value last in both directions", () => {
    const ids = (sort: string) => sorted(rows, parseSort(sort), 0).map(({ run_id }) => run_id);
    expect(ids("metrics.auc")).toEqual(["b", "a", "c"]);
    expect(ids("-metrics.auc")).toEqual(["a", "b", "c"]);
    expect(ids("-name")).toEqual(["c", "b", "a"]);
    expect(ids("metrics.unheard")).toEqual(["a", "b", "c"]);
  });

  it("turns the direction with a second click", () => {
    expect(nextSort(parseSort(null), "metrics.auc")).toBe("-metrics.auc");
    expect(nextSort(parseSort("-metrics.auc"), "metrics.auc")).toBe("metrics.auc");
    expect(nextSort(parseSort(null), "name")).toBe("name");
  });

  it("counts a run's time on until it has ended", () => {
    const started = { started_at: "2026-01-01T00:00:00Z" };
    expect(durationOf(row("a"), 5000)).toBeUndefined();
    expect(durationOf(row("a", started), Date.parse("2026-01-01T00:00:07Z"))).toBe(7000);
    expect(durationOf(row("a", { ...started, finished_at: "2026-01-01T00:00:02Z" }), 0)).toBe(2000);
  });
});
