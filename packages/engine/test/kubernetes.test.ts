/** The Kubernetes platform document, as kfp and kfp-kubernetes compile it, followed on this machine. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type PipelineDocument, parsePipelineDocument } from "@sealflow/pipeline";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runPython, testPython } from "../../../test-support/python.js";
import { ignoredSettings } from "../src/platform/ignored.js";
import { mountVariable, processMounts } from "../src/platform/mounting.js";
import type { RunInProgress } from "../src/run/run-context.js";
import { documentOf, type TestComponent, task } from "./pipelines.js";
import { engineOf } from "./running.js";

const program = fileURLToPath(new URL("testdata/kubernetes/pipelines.py", import.meta.url));
let documents: Record<string, PipelineDocument> = {};
beforeAll(async () => {
  const texts = JSON.parse(await runPython([program])) as Record<string, string>;
  documents = Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, parsePipelineDocument(text)]),
  );
}, 60_000);

function document(name: string): PipelineDocument {
  const found = documents[name];
  if (found === undefined) throw new Error(`no pipeline ${name}`);
  return found;
}

/** True where processes may have mounts of their own. */
const mountsAllowed = (() => {
  const script = "import ctypes; raise SystemExit(ctypes.CDLL(None).unshare(0x10020000) != 0)";
  try {
    execFileSync(testPython(), ["-c", script], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

/** An engine, and files that stand for a cluster's objects. */
function cluster() {
  const made = engineOf({ containers: "host" });
  const { directory } = made;
  mkdirSync(join(directory, "dynamic"));
  writeFileSync(join(directory, "dynamic", "password"), "from a directory");
  writeFileSync(join(directory, "login.env"), "# who\nuser=ada\nexport password='p w'\n");
  writeFileSync(join(directory, "settings.env"), 'mode="fast"\n');
  const objects = {
    secrets: { login: join(directory, "login.env"), dynamic: join(directory, "dynamic") },
    configMaps: { settings: join(directory, "settings.env") },
  };
  return { ...made, objects };
}

let at: ReturnType<typeof cluster>;
beforeEach(() => {
  at = cluster();
});

describe("secrets, config maps and fields", () => {
  it("become variables of the tasks that use them", async () => {
    const { summary, events } = await at.run(document("environment"), { ...at.objects, name: "my run" });
    expect(summary.outputs).toEqual({ Output: ["ada", "p w", "fast", "my run", "risk", null] });
    const journal = join(at.directory, "store", "runs", summary.runId, "journal.jsonl");
    const secretly = { ...events.find(({ type }) => type === "run-created") };
    expect(JSON.stringify(secretly)).not.toContain("p w");
    expect(existsSync(journal)).toBe(true);
  });

  it("that nobody named fail the task, with the flag that names them", async () => {
    const { summary, failures } = await at.run(document("environment"), {
      configMaps: at.objects.configMaps,
    });
    expect(summary.state).toBe("FAILED");
    expect(failures.variables).toMatch(/^ENGINE_OBJECT_MISSING secret login: expected files/);
  });

  it("are read again when the run is retried", async () => {
    writeFileSync(at.objects.secrets.login, "user=ada\n");
    const { summary } = await at.run(document("environment"), at.objects);
    expect(summary.state).toBe("FAILED");
    writeFileSync(at.objects.secrets.login, "user=ada\npassword=later\n");
    const again = await at.engine.retry(summary.runId);
    expect((again.outputs.Output as unknown[]).slice(0, 3)).toEqual(["ada", "later", "fast"]);
  });

  it("without a key that is asked for fail the task", async () => {
    writeFileSync(at.objects.secrets.login, "user=ada\n");
    const { failures } = await at.run(document("environment"), at.objects);
    expect(failures.variables).toBe(
      "ENGINE_OBJECT_KEY_MISSING secret login: expected a key password, got an object without",
    );
  });

  it("that can't be read fail the task", async () => {
    writeFileSync(at.objects.secrets.login, "no line of this kind\n");
    const { failures } = await at.run(document("environment"), at.objects);
    expect(failures.variables).toMatch(
      /^ENGINE_OBJECT_UNREADABLE secret login: .*line 1: expected KEY=value/,
    );
  });

  it("of config maps are part of the cache key, those of secrets are not", async () => {
    const cached = async () =>
      (await at.run(document("environment"), { ...at.objects, name: "same" })).events.some(
        (event) => event.type === "task-finished" && event.cached,
      );
    await cached();
    writeFileSync(at.objects.secrets.login, "user=bob\npassword=other\n");
    expect(await cached()).toBe(true);
    writeFileSync(at.objects.configMaps.settings, "mode=slow\n");
    expect(await cached()).toBe(false);
  });

  it.skipIf(!mountsAllowed)("become directories at the paths where tasks look for them", async () => {
    const { summary, failures } = await at.run(document("mounted"), at.objects);
    expect(failures).toEqual({});
    expect(summary.outputs).toEqual({ Output: ["from a directory", "fast"] });
    expect(existsSync("/sealflow-test-config")).toBe(false);
    expect(readdirSync(join(at.directory, "store", "runs", summary.runId))).not.toContain("work");
  });
});

describe.skipIf(!mountsAllowed)("volumes", () => {
  it("are made, shared by tasks, mounted in part, and removed", async () => {
    const { summary, failures, notices } = await at.run(document("volumes"));
    expect(failures).toEqual({});
    expect(summary.outputs).toEqual({ Output: "ab" });
    expect(readdirSync(join(at.directory, "store", "runs", summary.runId, "volumes"))).toEqual([]);
    expect(notices).toEqual([]);
    // Nothing of it comes from the cache, which could not bring the volume back.
    const again = await at.run(document("volumes"));
    expect(again.summary.outputs).toEqual({ Output: "ab" });
  });

  it("that exist already are directories of the user's", async () => {
    const shared = join(at.directory, "shared");
    mkdirSync(shared);
    const options = { volumes: { shared } };
    await at.run(document("existing"), options);
    const { summary, notices } = await at.run(document("existing"), options);
    expect(summary.outputs).toEqual({ Output: "xx" });
    expect(readFileSync(join(shared, "file"), "utf8")).toBe("xx");
    expect(notices).toEqual([]);
  });

  it("that nobody named are kept in the store, which is said", async () => {
    await at.run(document("existing"));
    const { summary, notices } = await at.run(document("existing"));
    expect(summary.outputs).toEqual({ Output: "xx" });
    expect(notices).toEqual([expect.stringMatching(/^Volume claim shared is not made by this run/)]);
  });

  it("of a task's own are empty each time", async () => {
    const { summary, notices } = await at.run(document("scratch"));
    expect(summary.outputs).toEqual({ Output: false });
    expect(notices).toEqual([expect.stringContaining("emptyDirMounts.sizeLimit (exec-append)")]);
  });

  it("and secrets reach commands of this machine too", async () => {
    const shared = join(at.directory, "shared");
    mkdirSync(shared);
    writeFileSync(join(shared, "file"), "content ");
    const { summary, failures } = await at.run(document("host"), { ...at.objects, volumes: { shared } });
    expect(failures).toEqual({});
    expect(summary.outputs).toEqual({ Output: "content and p w" });
  });
});

describe("limits and placement", () => {
  it("end a command of this machine that holds more memory than its limit", async () => {
    const { summary, failures } = await at.run(document("memory"));
    expect(summary.state).toBe("FAILED");
    expect(failures.hungry).toBe(
      "ENGINE_TASK_OUT_OF_MEMORY task: ran out of memory (limit 100 MiB): MemoryError",
    );
  });

  it("are named once where they have no effect", async () => {
    const { summary, notices } = await at.run(document("placed"));
    expect(summary.state).toBe("SUCCEEDED");
    expect(notices).toEqual([
      "Kubernetes settings without effect on this machine: imagePullPolicy (exec-variables); nodeSelector (exec-variables, exec-variables-2); tolerations (exec-variables).",
    ]);
  });

  it("of the pipeline and of other platforms are named too", () => {
    const platforms = {
      kubernetes: { pipelineConfig: { workspace: {}, resourceTtlOnCompletion: 60 } },
      other: {},
    };
    expect(ignoredSettings({ platform: { platforms } })).toBe(
      "Kubernetes settings without effect on this machine: everything (platform other); resourceTtlOnCompletion (the pipeline).",
    );
    expect(ignoredSettings({})).toBeUndefined();
  });

  it("among the resources are named as well", () => {
    const { spec } = document("placed");
    const resources = {
      cpuRequest: 1,
      resourceCpuRequest: "1",
      accelerator: { type: "gpu", count: 1 },
      cpuLimit: 2,
    };
    const executors = { "exec-a": { container: { image: "a", resources } } };
    expect(ignoredSettings({ spec: { ...spec, deploymentSpec: { executors } } })).toBe(
      "Kubernetes settings without effect on this machine: accelerator (exec-a); cpuRequest (exec-a).",
    );
  });

  it("keep processes on as many processors as their limit", async () => {
    const count = "import os\ndef count() -> int:\n    return len(os.sched_getaffinity(0))\n";
    const limited = (component: TestComponent, name: string) => {
      const { spec } = documentOf({ components: { [name]: component }, tasks: { [name]: task(name) } });
      const container = spec.deploymentSpec.executors?.[`exec-${name}`]?.container;
      Object.assign(container ?? {}, { resources: { resourceCpuLimit: "500m" } });
      return at.run({ spec });
    };
    const python = await limited({ source: count, outputs: { Output: "NUMBER_INTEGER" } }, "count");
    expect(python.summary.tasks[0]?.outputs).toEqual({ Output: 1 });
    const command = ["sh", "-c", "nproc > $0", "{{$.outputs.parameters['n'].output_file}}"];
    const host = await limited(
      { source: "", outputs: { n: "NUMBER_INTEGER" }, executor: { container: { image: "alpine", command } } },
      "host",
    );
    expect(host.failures).toEqual({});
    expect(host.summary.tasks[0]?.outputs).toEqual({ n: 1 });
  });
});

describe("a machine that allows no mounts", () => {
  it("tells tasks by a variable where the directories are, and says so", async () => {
    const shared = join(at.directory, "shared");
    mkdirSync(shared);
    writeFileSync(join(shared, "file"), "");
    const notices: string[] = [];
    const run = { notice: (_: string, message: string) => notices.push(message) };
    const mounts = [{ path: "/data/in-1", source: shared, readOnly: false }];
    const mounted = await processMounts(run as unknown as RunInProgress, "/bin/false", mounts);
    expect(mounted).toEqual({ setting: {}, env: { SEALFLOW_MOUNT_DATA_IN_1: shared } });
    expect(notices).toEqual([
      "This machine allows no mounts: tasks find what belongs at /data/in-1 where the variable SEALFLOW_MOUNT_DATA_IN_1 says.",
    ]);
  });
});

describe("mountVariable", () => {
  it("names the variable that leads to a mount", () => {
    expect(mountVariable("/data/in-1")).toBe("SEALFLOW_MOUNT_DATA_IN_1");
  });
});
