import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { laneImages } from "../../../test-support/kubernetes/cluster.js";
import { testPodman } from "../../../test-support/podman.js";
import { documentOf, task } from "./pipelines.js";
import { engineOf } from "./running.js";
import { keptDirectory } from "./temporary.js";

const image = "localhost/python:3.11";
const directory = keptDirectory("podman");
const podman = testPodman(directory);
const kept = { ...process.env };
beforeAll(async () => {
  Object.assign(process.env, podman.environment);
  const [, python = ""] = await laneImages();
  podman.run("load", "--quiet", "--input", python);
});
afterAll(() => {
  podman.remove();
  process.env = kept;
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
    expect(summary.tasks[0]?.outputs.out).toMatch(/^3\.11\./);
  });

  it("read what an importer found in place", async () => {
    const { run, directory: base } = engineOf({ containers: "podman" });
    writeFileSync(join(base, "given.txt"), "from outside the store");
    const importer = {
      ...{ source: "", outputArtifacts: ["artifact"] },
      executor: {
        importer: {
          artifactUri: { constant: join(base, "given.txt") },
          typeSchema: { schemaTitle: "system.Dataset" },
        },
      },
    };
    const program = `${writing}; out.write(open(sys.argv[2]).read())`;
    const work = python(program);
    const path = "{{$.inputs.artifacts['data'].path}}";
    const { container: inner } = work.executor;
    const reads = {
      ...work,
      inputArtifacts: ["data"],
      executor: { container: { ...inner, command: [...inner.command, path] } },
    };
    const { summary } = await run(
      documentOf({
        components: { given: importer, reads },
        tasks: { given: task("given"), reads: task("reads", { artifacts: { data: "given.artifact" } }) },
      }),
    );
    expect(summary.tasks.find(({ path: at }) => at === "reads")?.outputs.out).toBe("from outside the store");
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
    expect(podman.run("ps", "--all", "--quiet").trim()).toBe("");
  });
});
