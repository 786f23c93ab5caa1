/** Runs on a stock Kubeflow Pipelines, whose values are in ML Metadata: recorded ones, see test-support/kubeflow. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunSummary } from "@sealflow/engine";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { recordedRun } from "../../../test-support/kubeflow/recorded.js";
import { type Stock, startStock } from "../../../test-support/kubeflow/stock.js";
import { testPython } from "../../../test-support/python.js";
import { cli } from "./support/fake-context.js";

const names = ["shapes", "shapes-again", "broken"] as const;
const recorded = Object.fromEntries(names.map((name) => [name, recordedRun(name)])) as Record<
  (typeof names)[number],
  ReturnType<typeof recordedRun>
>;
const exchanges = names.flatMap((name) => recorded[name].exchanges);
const idOf = (name: (typeof names)[number]) => recorded[name].run.run_id;

let directory: string;
let stock: Stock;
let env: Record<string, string>;
const here: Record<string, RunSummary> = {};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-stock-"));
  writeFileSync(join(directory, "package.json"), "{}");
  for (const name of names)
    writeFileSync(join(directory, `${name}.yaml`), JSON.stringify(recorded[name].version));
  const versions = names.map((name) => {
    const { run, version } = recorded[name];
    return [run.pipeline_version_reference?.pipeline_version_id ?? "", version] as const;
  });
  stock = await startStock({
    runs: new Map(),
    versions: new Map(versions),
    exchanges,
    begins: () => recorded.shapes.run,
  });
  env = {
    ...(process.env as Record<string, string>),
    SEALFLOW_CONTEXTS: join(directory, "contexts.json"),
    SEALFLOW_PYTHON: testPython(),
  };
  await sealflow("contexts", "add", "stock", "--endpoint", stock.url);
  here.shapes = await json("run", "shapes.yaml", "--collected", "flat", "-p", "count=3");
  here.broken = await json("run", "broken.yaml");
});
afterAll(async () => {
  await stock.close();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => {
  stock.state.exchanges = exchanges;
  stock.state.refusal = undefined;
  for (const name of names) stock.state.runs.set(idOf(name), recorded[name].run);
});

const sealflow = (...args: string[]) => cli(args, { cwd: directory, env, now: Date.now });
const json = async (...args: string[]) => JSON.parse((await sealflow(...args, "--json")).stdout);

/** What a run gives, without times, places and words of errors. ML Metadata has no truth values in metadata. */
function comparable({ state, outputs, tasks }: RunSummary) {
  const truths = (metadata: object) =>
    Object.fromEntries(
      Object.entries(metadata).map(([key, value]) => [
        key,
        typeof value === "boolean" ? Number(value) : value,
      ]),
    );
  const bare = tasks.map(({ path, name, state: end, outputs: values, artifacts }) => ({
    ...{ path, name, state: end, outputs: values },
    artifacts: Object.fromEntries(
      Object.entries(artifacts).map(([key, list]) => [
        key,
        list.map(({ name: called, type, metadata }) => ({ name: called, type, metadata: truths(metadata) })),
      ]),
    ),
  }));
  return { state, outputs, tasks: bare.sort((a, b) => (a.path < b.path ? -1 : 1)) };
}

describe("a run on a stock Kubeflow Pipelines", () => {
  it("ends with the same object as a run here: paths, values, skips, artifacts and outputs", async () => {
    const { stdout, stderr, exitCode } = await sealflow("run", "shapes.yaml", "--on", "stock", "--json");
    const there = JSON.parse(stdout) as RunSummary;
    expect(comparable(there)).toEqual(comparable(here.shapes as RunSummary));
    expect(Object.keys(there)).toEqual(Object.keys(here.shapes ?? {}));
    expect(there.outputs).toEqual({ total: 28, words: ["odd 1", "even 4", "odd 9"], good: true });
    expect(there.tasks.find(({ path }) => path === "measure")?.artifacts.model?.[0]?.uri).toMatch(
      /^minio:\/\/mlpipeline\/v2\/artifacts\/shapes\/.*\/model$/,
    );
    expect({ exitCode, warned: stderr.includes("warning") }).toEqual({ exitCode: 0, warned: false });
  });

  it("says which tasks came from Kubeflow's cache, with their values", async () => {
    const again = await json("runs", "show", idOf("shapes-again"), "--on", "stock");
    const ran = again.tasks.filter(({ state, path }: { state: string; path: string }) => {
      return state === "SUCCEEDED" && path !== "importer";
    });
    expect(ran.every(({ cached }: { cached: boolean }) => cached)).toBe(true);
    expect(again.outputs).toEqual(here.shapes?.outputs);
  });

  it("is shown as failed where it failed, with what ran nevertheless", async () => {
    const shown = await json("runs", "show", idOf("broken"), "--on", "stock");
    const states = (tasks: RunSummary["tasks"]) =>
      Object.fromEntries(tasks.map(({ path, state, outputs }) => [path, [state, outputs]]));
    expect(states(shown.tasks)).toEqual(states(here.broken?.tasks ?? []));
    expect(shown).toMatchObject({
      state: "FAILED",
      error: { message: "exit-handler-1/fail: failed on the cluster; its log says why" },
    });
  });

  it("is listed, and compared with a run here", async () => {
    const { runs } = await json("runs", "list", "--on", "stock");
    expect(runs.map(({ runId }: { runId: string }) => runId).sort()).toEqual(names.map(idOf).sort());
    const across = ["--on", "local", "--against", "stock"];
    const difference = await json("runs", "diff", here.shapes?.runId ?? "", idOf("shapes"), ...across);
    expect(difference).toMatchObject({ samePipeline: true, parameters: [], outputs: [] });
    expect(difference.tasks).toEqual([
      {
        name: "measure.model",
        a: [expect.objectContaining({ ready: true })],
        b: [expect.objectContaining({ ready: 1 })],
      },
    ]);
    const { stdout } = await sealflow("runs", "diff", idOf("shapes"), idOf("broken"), "--on", "stock");
    expect(stdout).toMatch(/^The pipelines differ\n/);
    expect(stdout).toMatch(/Outputs\n {2}good +true +→ +–/);
  });

  it("ends as it ended where its values can't be had, and says so with a code and a mend", async () => {
    stock.state.exchanges = undefined;
    const { stdout, stderr, exitCode } = await sealflow("run", "shapes.yaml", "--on", "stock", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ state: "SUCCEEDED", outputs: {} },
      incomplete: { code: "CLUSTER_OUTPUTS_UNFETCHED", hint: expect.stringContaining("contexts add") },
    });
    expect(exitCode).toBe(0);
    expect(stderr).toContain("warning[CLUSTER_OUTPUTS_UNFETCHED]: ");
    expect(stderr).toContain("hint: no run is touched by this");
    const shown = await sealflow("runs", "show", idOf("shapes"), "--on", "stock");
    expect(shown.stdout).toMatch(/Missing\nwarning\[CLUSTER_OUTPUTS_UNFETCHED\]/);
  });

  it("is what `contexts check` warns of beforehand", async () => {
    stock.state.exchanges = undefined;
    const { stdout, stderr } = await sealflow("contexts", "check", "stock");
    expect(stdout).toBe("stock answers, and lists runs (one user)\n");
    expect(stderr).toContain("warning[CLUSTER_OUTPUTS_UNFETCHED]");
  });
});
