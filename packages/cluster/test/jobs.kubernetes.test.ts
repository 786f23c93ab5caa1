import { type ChildProcess, fork } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openStore, pythonSources, type RunOptions } from "@sealflow/engine";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { makeSgxNode, type TestCluster } from "../../../test-support/kubernetes/cluster.js";
import type { StoreServer } from "../../../test-support/stores/servers.js";
import { cli } from "../../cli/test/support/fake-context.js";
import type { KubeClient } from "../src/index.js";
import { interrupts } from "./jobs/interrupts.js";
import { lostPods } from "./jobs/lost-pods.js";
import {
  artifactsIn,
  direct,
  engineOf,
  type JobsSetting,
  openJobsSetting,
  phaseOf,
  podsOf,
  remains,
  runJobs,
} from "./jobs/setting.js";
import { otherStores } from "./jobs/stores.js";
import { command, pipelineOf, python } from "./support/jobs-pipelines.js";

let setting: JobsSetting;
let cluster: TestCluster;
let client: KubeClient;
let objects: StoreServer;
let directory: string;
afterEach(() =>
  client.patch({ apiVersion: "v1", kind: "Node", name: cluster.nodeName }, { spec: { taints: null } }),
);
beforeAll(async () => {
  setting = await openJobsSetting();
  ({ cluster, client, objects, directory } = setting);
});
afterAll(() => setting?.close());

const artifacts = () => artifactsIn(objects);
const run = (document: string, options?: RunOptions) => runJobs(setting, document, options);

const sums = pipelineOf({
  make: python({
    code: `
def make(count: int, numbers: Output[Dataset], table: Output[Artifact]) -> int:
    import json, os
    with open(numbers.path, "w") as file: file.write("\\n".join(str(each) for each in range(count)))
    numbers.metadata["rows"] = count
    os.makedirs(table.path + "/deep")
    with open(table.path + "/deep/one.txt", "w") as file: file.write("inside")
    print("made", count)
    return count
`,
    inputs: { count: { constant: 5, type: "NUMBER_INTEGER" } },
    outputs: { Output: "NUMBER_INTEGER" },
    artifacts: { numbers: "system.Dataset", table: "system.Artifact" },
  }),
  total: python({
    code: `
def total(numbers: Input[Dataset], table: Input[Artifact]) -> dict:
    with open(numbers.path) as file: values = [int(line) for line in file]
    return {"sum": sum(values), "rows": numbers.metadata["rows"], "deep": open(table.path + "/deep/one.txt").read()}
`,
    artifactInputs: {
      numbers: ["make", "numbers", "system.Dataset"],
      table: ["make", "table", "system.Artifact"],
    },
    outputs: { Output: "STRUCT" },
  }),
});

describe("tasks as Jobs", () => {
  it("run in pods with their inputs and outputs in the store, and leave nothing behind in the cluster", async () => {
    const logs: string[] = [];
    const summary = await run(sums, { onLog: ({ path, text }) => logs.push(`${path}: ${text}`) });
    expect(summary.error).toBeUndefined();
    expect(summary.tasks.map(({ path, state, outputs }) => [path, state, outputs])).toEqual([
      ["make", "SUCCEEDED", { Output: 5 }],
      ["total", "SUCCEEDED", { Output: { sum: 10, rows: 5, deep: "inside" } }],
    ]);
    const [numbers] = summary.tasks[0]?.artifacts.numbers ?? [];
    expect(numbers).toMatchObject({
      uri: expect.stringMatching(/^s3:\/\/artifacts\/runs\/runs\//),
      metadata: { rows: 5 },
    });
    expect(numbers?.digest).toMatch(/^sha256:/);
    expect(logs.join("")).toContain("made 5");
    await expect.poll(() => remains(setting), { timeout: 30_000, interval: 200 }).toEqual([]);
  });

  it("come from the cache while their artifacts are in the store, and run again when those are gone", async () => {
    const again = await run(sums);
    expect(again.tasks.map(({ cached }) => cached)).toEqual([true, true]);
    const store = artifacts();
    for (const key of await store.list("runs/")) if (key.endsWith("numbers")) await store.delete(key);
    const anew = await run(sums);
    // The same content again: what reads it need not run.
    expect(anew.tasks.map(({ cached }) => cached)).toEqual([false, true]);
  });

  it("run commands of containers, with placeholders and imported files", async () => {
    writeFileSync(join(directory, "data.csv"), "a\n1\n");
    const document = pipelineOf({
      load: { importer: "data.csv" },
      count: command({
        command: ["sh", "-c", 'mkdir -p "$(dirname "$1")" && wc -l < "$0" | tr -d " " > "$1"'],
        args: ["{{$.inputs.artifacts['data'].path}}", "{{$.outputs.parameters['lines'].output_file}}"],
        artifactInputs: { data: ["load", "artifact", "system.Dataset"] },
        outputs: { lines: "STRING" },
      }),
    });
    const summary = await run(document);
    expect(summary.error).toBeUndefined();
    expect(summary.tasks.find(({ path }) => path === "count")?.outputs).toEqual({ lines: "2\n" });
  });

  it("fail with the exception and its place, after the retries of their policy", async () => {
    const document = pipelineOf({
      fails: {
        ...python({ code: 'def fails():\n    print("trying")\n    raise ValueError("no good")\n' }),
        retries: 1,
      },
    });
    const attempts: number[] = [];
    const summary = await run(document, {
      onEvent: (event) => event.type === "task-started" && attempts.push(event.attempt),
    });
    expect(attempts).toEqual([1, 2]);
    expect(summary.tasks[0]).toMatchObject({
      state: "FAILED",
      error: {
        code: "ENGINE_TASK_FAILED",
        message: expect.stringMatching(/ValueError: no good \(in fails, line \d+\)/),
        data: { exitCode: 1, lastLines: expect.stringContaining("trying") },
      },
    });
  });

  it("get what the platform document says: secrets, labels, placement, limits, and an end after their time", async () => {
    await makeSgxNode(client, cluster.nodeName, "64Mi");
    await client.create({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "keys", namespace: "default" },
      data: { token: btoa("hush") },
    } as never);
    const code = `
def looks() -> str:
    import os
    return os.environ["TOKEN"] + " " + open("/etc/keys/token").read() + " " + os.environ["POD"]
`;
    const platform = {
      secretAsEnv: [{ secretName: "keys", keyToEnv: [{ secretKey: "token", envVar: "TOKEN" }] }],
      secretAsVolume: [{ secretName: "keys", mountPath: "/etc/keys" }],
      fieldPathAsEnv: [{ name: "POD", fieldPath: "metadata.labels['team']" }],
      podMetadata: { labels: { team: "risk" } },
      nodeSelector: { labels: { intelvm: "sgx" } },
      tolerations: [{ key: "sgx", operator: "Exists", effect: "NoSchedule" }],
    };
    const accelerator = { resourceType: "sgx.intel.com/epc", resourceCount: "10Mi" };
    const resources = { resourceCpuLimit: "500m", resourceMemoryLimit: "128Mi", accelerator };
    const looks = await run(
      pipelineOf({ looks: { ...python({ code, outputs: { Output: "STRING" } }), platform, resources } }),
    );
    expect(looks.tasks[0]).toMatchObject({ state: "SUCCEEDED", outputs: { Output: "hush hush risk" } });
    const { nodeSelector, tolerations } = platform;
    const slow = python({ code: "def slow():\n    import time; time.sleep(60)\n" });
    const late = await run(
      pipelineOf({ slow: { ...slow, platform: { nodeSelector, tolerations, activeDeadlineSeconds: "3" } } }),
    );
    expect(late.tasks[0]).toMatchObject({
      state: "FAILED",
      error: { code: "ENGINE_TASK_TIMEOUT", message: expect.stringContaining("3 s") },
    });
    const hungry = python({ code: "def hungry():\n    x = bytearray(400 * 1024 * 1024); print(len(x))\n" });
    const out = await run(
      pipelineOf({
        hungry: {
          ...hungry,
          platform: { nodeSelector, tolerations },
          resources: { resourceMemoryLimit: "64Mi" },
        },
      }),
    );
    expect(out.tasks[0]).toMatchObject({ state: "FAILED", error: { code: "ENGINE_TASK_OUT_OF_MEMORY" } });
  });

  it("say why a pod can't start", async () => {
    const task = {
      ...python({ code: "def x():\n    pass\n" }),
      platform: { secretAsEnv: [{ secretName: "absent", keyToEnv: [{ secretKey: "a", envVar: "A" }] }] },
    };
    const summary = await run(pipelineOf({ x: task }));
    expect(summary.tasks[0]).toMatchObject({
      state: "FAILED",
      error: {
        code: "CLUSTER_POD_UNSTARTABLE",
        message: expect.stringContaining('secret "absent" not found'),
      },
    });
  });

  it("are removed when the run is canceled", async () => {
    const stop = new AbortController();
    const document = pipelineOf({
      waits: python({ code: "def waits():\n    import time\n    print('here')\n    time.sleep(60)\n" }),
    });
    const summary = await run(document, { signal: stop.signal, onLog: () => stop.abort() });
    expect(summary.state).toBe("CANCELED");
    await expect.poll(() => remains(setting), { timeout: 60_000, interval: 200 }).toEqual([]);
  });
});

describe("pods", () => lostPods(() => setting));

describe("tasks", () => otherStores(() => setting));

describe("an interrupt", () => interrupts(() => setting));

describe("sealflow run --on k8s:CONTEXT", () => {
  it("gives the same object as a run on this machine", async () => {
    const project = join(directory, "project");
    cpSync(fileURLToPath(new URL("../../cli/test/testdata/sums", import.meta.url)), project, {
      recursive: true,
    });
    writeFileSync(join(project, "package.json"), "{}");
    const env = {
      ...(process.env as Record<string, string>),
      ...objects.environment,
      KUBECONFIG: cluster.kubeconfig,
    };
    const sealflow = async (...args: string[]) =>
      cli(["run", "pipeline.ts", "--pipeline", "sums", "-p", "count=6", "--json", ...args], {
        cwd: project,
        env,
        now: Date.now,
      });
    const there = await sealflow("--on", "k8s:test", "--artifacts", objects.uri);
    const here = await sealflow();
    const values = (stdout: string) => {
      const { state, outputs, tasks } = JSON.parse(stdout);
      return {
        state,
        outputs,
        tasks: tasks.map((task: { path: string; outputs: object }) => [task.path, task.outputs]),
      };
    };
    expect(values(there.stdout)).toEqual(values(here.stdout));
    expect(there.exitCode).toBe(0);
    expect(await sealflow("--on", "k8s:test")).toMatchObject({
      exitCode: 2,
      stdout: expect.stringContaining("CLI_ARTIFACTS_UNNAMED"),
    });
    expect(await sealflow("--on", "k8s:absent", "--artifacts", objects.uri)).toMatchObject({
      exitCode: 2,
      stdout: expect.stringContaining("expected one of the kubeconfig, which has test"),
    });
  });
});

describe("an engine that dies", () => {
  it("finds its Jobs again: what ran on is taken up, what finished meanwhile counts, and nothing runs twice", async () => {
    const director = await direct(setting);
    const waits = (name: string) =>
      python({ code: `def ${name}() -> str:${director.ask}    return pod\n`, outputs: { Output: "STRING" } });
    const file = join(directory, "crash.json");
    writeFileSync(file, pipelineOf({ quick: waits("quick"), slow: waits("slow") }));
    const child = await crashing(file);
    const store = openStore(join(directory, "crash-store"));
    await expect.poll(() => director.asking.size, { timeout: 60_000, interval: 100 }).toBe(2);
    child.kill("SIGKILL");
    const [quick, slow] = await Promise.all(["quick", "slow"].map((path) => podsOf(setting, path)));
    const pods = [...(quick ?? []), ...(slow ?? [])].map(({ metadata }) => metadata.name ?? "");
    // The quick one ends while nobody looks.
    director.says.set(pods[0] ?? "", "go");
    const phase = async () => (await podsOf(setting, "quick")).map(phaseOf);
    await expect.poll(phase, { timeout: 60_000, interval: 100 }).toEqual(["Succeeded"]);
    const [header] = store.listRuns();
    expect(header?.state).toBe("INTERRUPTED");
    const resumed = engineOf(setting, { records: "crash-store" });
    const resuming = resumed.resume(header?.runId ?? "");
    director.says.set(pods[1] ?? "", "go");
    const summary = await resuming;
    await resumed.close();
    expect(summary.error).toBeUndefined();
    expect(summary.tasks.map(({ state }) => state)).toEqual(["SUCCEEDED", "SUCCEEDED"]);
    // Each ran in the pod that the first engine made.
    expect(summary.tasks.map(({ outputs }) => outputs.Output)).toEqual(pods);
    director.close();
  }, 180_000);
});

/** An engine in a process of its own. */
async function crashing(document: string): Promise<ChildProcess> {
  const out = join(directory, "child.mjs");
  const { build } = await import("esbuild");
  await build({
    entryPoints: [fileURLToPath(new URL("support/jobs-child.ts", import.meta.url))],
    outfile: out,
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["@sealflow/source"],
    external: ["ws", "libsql"],
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    logLevel: "error",
  });
  mkdirSync(join(directory, "crash-store"), { recursive: true });
  return fork(
    out,
    [document, join(directory, "crash-store"), cluster.kubeconfig, objects.uri, pythonSources(process.env)],
    {
      env: { ...process.env, ...objects.environment },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    },
  );
}
