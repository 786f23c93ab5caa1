import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { documentOf, task } from "./pipelines.js";
import { engineOf } from "./running.js";
import { keptDirectory } from "./temporary.js";

const image = "localhost/python:3.11";
const podman = (...args: string[]): string => execFileSync("podman", args, { encoding: "utf8" });

/** A podman that keeps all it has in one directory, and needs neither a network of its own nor systemd. */
const directory = keptDirectory("podman");
const kept = { ...process.env };
beforeAll(async () => {
  const containers = `[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
netns = "host"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "runc"
`;
  const storage = `[storage]
driver = "overlay"
graphroot = "${join(directory, "graph")}"
runroot = "${join(directory, "run")}"
`;
  mkdirSync(join(directory, "run"));
  writeFileSync(join(directory, "containers.conf"), containers);
  writeFileSync(join(directory, "storage.conf"), storage);
  process.env.CONTAINERS_CONF = join(directory, "containers.conf");
  process.env.CONTAINERS_STORAGE_CONF = join(directory, "storage.conf");
  const { kubernetesCache } = (await import(
    new URL("../../../tools/kubernetes/cache.mjs", import.meta.url).href
  )) as { kubernetesCache: () => { images: readonly string[] } };
  const [, python = ""] = kubernetesCache().images;
  podman("load", "--quiet", "--input", python);
});
afterAll(() => {
  podman("rm", "--all", "--force");
  podman("rmi", "--all", "--force");
  process.env = kept;
  rmSync(directory, { recursive: true, force: true });
});

const container = (command: readonly string[]) => ({
  source: "",
  outputs: { out: "STRING" as const },
  executor: { container: { image, command, resources: { cpuLimit: 1, memoryLimit: 0.25 } } },
});
const python = (program: string) =>
  container(["python3", "-c", program, "{{$.outputs.parameters['out'].output_file}}"]);
const writing =
  "import os, sys; os.makedirs(os.path.dirname(sys.argv[1]), exist_ok=True); out = open(sys.argv[1], 'w')";

describe("tasks in podman", () => {
  it("run in their image, and hand on what they wrote", async () => {
    const { run } = engineOf({ containers: "podman" });
    const program = `${writing}; out.write(open('/etc/hostname').read().strip() and sys.version.split()[0])`;
    const { summary } = await run(
      documentOf({ components: { work: python(program) }, tasks: { work: task("work") } }),
    );
    expect(summary).toMatchObject({ state: "SUCCEEDED" });
    expect(summary.tasks[0]?.outputs["out"]).toMatch(/^3\.11\./);
  });

  it("fail alone, with the exit code and the log", async () => {
    const { run } = engineOf({ containers: "podman" });
    const components = { bad: python("raise SystemExit(7)"), good: python(`${writing}; out.write('x')`) };
    const { summary, failures } = await run(
      documentOf({ components, tasks: { bad: task("bad"), good: task("good") } }),
    );
    expect(summary.state).toBe("FAILED");
    expect(failures["bad"]).toContain("7");
    expect(summary.tasks.find(({ path }) => path === "good")?.state).toBe("SUCCEEDED");
  });

  it("are ended when the run is canceled, and leave no container", async () => {
    const { run } = engineOf({ containers: "podman", graceMs: 500 });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 1500);
    const document = documentOf({
      components: { slow: python("import time; time.sleep(60)") },
      tasks: { slow: task("slow") },
    });
    const { summary } = await run(document, { signal: stop.signal });
    expect(summary.state).toBe("CANCELED");
    expect(podman("ps", "--all", "--quiet").trim()).toBe("");
  });
});
