/** Settings of whole runs: their deadline, and where their root is. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { PipelineDocument } from "@sealflow/pipeline";
import { describe, expect, it } from "vitest";
import { documentOf, type TestPipeline, task } from "./pipelines.js";
import { engineOf } from "./running.js";

const shell = (script: string) => ({
  source: "",
  executor: { container: { image: "alpine", command: ["sh", "-c", script] } },
});

function withDeadline(pipeline: TestPipeline, activeDeadlineSeconds: number): PipelineDocument {
  return {
    ...documentOf(pipeline),
    platform: { platforms: { kubernetes: { pipelineConfig: { activeDeadlineSeconds } } } },
  };
}

const sleepy: TestPipeline = {
  components: { quick: shell("true"), slow: shell("sleep 60") },
  tasks: { quick: task("quick"), slow: task("slow"), later: task("quick", { after: ["slow"] }) },
};

describe("a run's active deadline", () => {
  it("ends what runs and waits, and the run has failed", async () => {
    const { run, engine } = engineOf({ containers: "host", graceMs: 200 });
    const { summary, notices } = await run(withDeadline(sleepy, 1));
    expect(summary).toMatchObject({ state: "FAILED", error: { code: "ENGINE_RUN_TIMEOUT" } });
    expect(Object.fromEntries(summary.tasks.map(({ path, state }) => [path, state]))).toEqual({
      quick: "SUCCEEDED",
      slow: "CANCELED",
      later: "SKIPPED",
    });
    expect(notices).toEqual([]);
    const again = await engine.retry(summary.runId);
    expect(again.error?.code, "a retry has its time anew").toBe("ENGINE_RUN_TIMEOUT");
    expect(again.tasks.find(({ path }) => path === "slow")?.startTime).not.toBe(
      summary.tasks.find(({ path }) => path === "slow")?.startTime,
    );
  });

  it("is nothing to a run that ends before", async () => {
    const { run } = engineOf({ containers: "host" });
    const { components } = sleepy;
    const { summary } = await run(withDeadline({ components, tasks: { quick: task("quick") } }, 4_000_000));
    expect(summary.state).toBe("SUCCEEDED");
  });
});

describe("the pipeline root", () => {
  const rooted = documentOf({
    components: {
      put: {
        ...shell(""),
        outputs: { root: "STRING" },
        executor: {
          container: {
            image: "alpine",
            command: ["sh", "-c", 'printf %s "$0" > "$1"; case $0 in /*) echo kept > "$0/file";; esac'],
            args: ["{{$.pipeline_root}}", "{{$.outputs.parameters['root'].output_file}}"],
          },
        },
      },
    },
    tasks: { put: task("put") },
    outputs: { root: ["put.root", "STRING"] },
  });

  it("is a directory of the run's own", async () => {
    const { run, directory } = engineOf({ containers: "host" });
    const { summary } = await run(rooted);
    const root = join(directory, "store", "runs", summary.runId, "root");
    expect(summary.outputs).toEqual({ root });
    expect(readFileSync(join(root, "file"), "utf8")).toBe("kept\n");
  });

  it("is the pipeline's, where it names one", async () => {
    const { run, directory } = engineOf({ containers: "host" });
    const { summary } = await run({
      spec: { ...rooted.spec, defaultPipelineRoot: "s3://bucket/root" },
    });
    expect(summary.outputs).toEqual({ root: "s3://bucket/root" });
    expect(existsSync(join(directory, "store", "runs", summary.runId, "work", "s3:"))).toBe(false);
  });
});
