/** `sealflow run --on k8s:CONTEXT` and Ctrl-C. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { cli } from "../../../cli/test/support/fake-context.js";
import { pipelineOf, python } from "../support/jobs-pipelines.js";
import { direct, type JobsSetting, left, podsOf, remains } from "./setting.js";

/** The tests, over a cluster. */
export function interrupts(setting: () => JobsSetting): void {
  /** A project whose one task waits for its word, and commands in it. */
  async function project(name: string) {
    const director = await direct(setting());
    const { cluster, directory, objects } = setting();
    const cwd = join(directory, name);
    mkdirSync(cwd);
    writeFileSync(join(cwd, "package.json"), "{}");
    const code = `def waits() -> str:${director.ask}    print(word, "in", pod)\n    return pod\n`;
    writeFileSync(
      join(cwd, "waits.yaml"),
      pipelineOf({ waits: python({ code, outputs: { Output: "STRING" } }) }),
    );
    const env = { ...process.env, ...objects.environment, KUBECONFIG: cluster.kubeconfig };
    let interrupt = () => {};
    const sealflow = (...args: string[]) =>
      cli([...args, "--on", "k8s:test", "--artifacts", objects.uri, "--json"], {
        ...{ cwd, env, now: Date.now },
        onContext: (context) => {
          interrupt = () => context.interrupt();
        },
      });
    const asked = async () => {
      await expect.poll(() => director.asking.size, { timeout: 60_000, interval: 100 }).toBe(1);
      return [...director.asking][0] ?? "";
    };
    return { director, sealflow, asked, interrupt: () => interrupt() };
  }

  it("leaves the Jobs going where that is asked for, prints what they write, and takes them up again", async () => {
    const { director, sealflow, asked, interrupt } = await project("detached");
    const running = sealflow("run", "waits.yaml", "--on-interrupt", "detach");
    const pod = await asked();
    interrupt();
    const outcome = await running;
    expect(outcome).toMatchObject({ exitCode: 130, stderr: expect.stringContaining("Left; its Jobs go on") });
    expect(await left(setting(), "Job", "batch/v1")).toHaveLength(1);
    const resumed = sealflow("resume", "latest", "--logs");
    director.says.set(pod, "released");
    const { exitCode, stdout, stderr } = await resumed;
    director.close();
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ state: "SUCCEEDED", tasks: [{ outputs: { Output: pod } }] });
    expect(stderr).toContain(`waits | released in ${pod}\n`);
  }, 180_000);

  it("cancels by default: Jobs, pods, secrets and what owns them go", async () => {
    const { director, sealflow, asked, interrupt } = await project("canceled");
    const running = sealflow("run", "waits.yaml");
    await asked();
    interrupt();
    const { exitCode, stdout } = await running;
    expect([exitCode, JSON.parse(stdout).state]).toEqual([130, "CANCELED"]);
    await expect.poll(() => remains(setting()), { timeout: 60_000, interval: 200 }).toEqual([]);
    expect(await podsOf(setting(), "waits")).toEqual([]);
    director.close();
  }, 180_000);
}
