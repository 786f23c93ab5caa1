import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { registryProgram } from "../../../../test-support/registry.js";
import { type Stage, startStage } from "./stage.js";
import { SECRET, smallRun } from "./world.js";

const program = registryProgram();

describe.skipIf(program === undefined)("confidential pods on a real node", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage({ ...smallRun, registryProgram: program ?? "" });
  }, 300_000);
  afterAll(() => stage?.stop());

  const artifact = { data: { artifacts: [{ name: "data", uri: "minio://mlpipeline/data", metadata: {} }] } };
  const outputs = (task: string, artifacts: object = {}) => ({
    parameters: { Output: { outputFile: `/minio/${task}/Output` } },
    artifacts,
    outputFile: `/minio/${task}/output_metadata.json`,
  });
  const run = (task: string, executorInput: object) =>
    stage.run({ executor: `exec-${task}`, node: task, executorInput });

  test("pull the image by digest, run on the SGX node, and hand ciphertext to each other", async () => {
    expect(stage.report).toMatchObject({ ok: true });
    const made = await run("make", { outputs: outputs("make", artifact) });
    expect(made.log).toBe("");
    expect(made.pod.status?.phase).toBe("Succeeded");
    expect(made.pod.spec.nodeName).toBe(stage.cluster.nodeName);
    expect(made.pod.status?.containerStatuses?.[0]?.imageID).toContain(stage.lock.image.split("@")[1]);
    const used = await run("use", { inputs: { artifacts: artifact }, outputs: outputs("use") });
    expect(used.log).toBe("");
    expect(readFileSync(join(stage.shared, "use", "Output"), "utf8")).toBe("3");
    const { tasks } = await stage.world.project.broker.status(stage.world.runId);
    const committed = tasks.filter(({ state }) => state === "committed").map(({ path }) => path);
    expect(committed.sort()).toEqual(["make", "use"]);
    const outside = readdirSync(stage.shared, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
    expect(outside.length).toBeGreaterThan(3);
    expect(outside.join("")).not.toContain(SECRET);
  });

  test("keep what they commit on a persistent volume, from which a later pod brings it when Kubeflow lost it", async () => {
    const lost = join(stage.shared, "mlpipeline", "data");
    const sealed = readFileSync(lost);
    const kept = readdirSync(stage.depot, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    expect(kept.map((entry) => readFileSync(join(entry.parentPath, entry.name)))).toContainEqual(sealed);
    rmSync(lost);
    const again = await run("make", { outputs: outputs("make", artifact) });
    expect(again.pod.status?.phase).toBe("Succeeded");
    expect(readFileSync(lost)).toEqual(sealed);
    const { tasks } = await stage.world.project.broker.status(stage.world.runId);
    expect(tasks.find(({ path }) => path === "make")).toMatchObject({ state: "committed", attempts: 1 });
  });
});
