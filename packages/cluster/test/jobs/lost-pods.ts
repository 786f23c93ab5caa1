/** Pods that Kubernetes gives up, be they dead or not, and runs that are taken up again. */
import { parsePipelineDocument } from "@sealflow/pipeline";
import { expect, it } from "vitest";
import type { KubeObject } from "../../src/index.js";
import { pipelineOf, python, type TaskOf } from "../support/jobs-pipelines.js";
import {
  artifactsIn,
  type Director,
  direct,
  engineOf,
  type JobsSetting,
  phaseOf,
  podsOf,
  runJobs,
} from "./setting.js";

const pod = { apiVersion: "v1", kind: "Pod", namespace: "default" } as const;

/** Waits for its word, and leaves the pod's name in all of its outputs. */
const makes = ({ ask }: Director): TaskOf =>
  python({
    code: `
def make(data: Output[Dataset], tree: Output[Artifact]) -> str:${ask}
    print("made in", pod, flush=True)
    os.makedirs(tree.path)
    for path in (data.path, tree.path + "/name"):
        with open(path, "w") as file: file.write(pod)
    return pod
`,
    outputs: { Output: "STRING" },
    artifacts: { data: "system.Dataset", tree: "system.Artifact" },
  });

const reads = python({
  code: `
def read(data: Input[Dataset], tree: Input[Artifact]) -> str:
    return open(data.path).read() + " " + open(tree.path + "/name").read()
`,
  artifactInputs: { data: ["make", "data", "system.Dataset"], tree: ["make", "tree", "system.Artifact"] },
  outputs: { Output: "STRING" },
});

/** The tests, over a cluster. */
export function lostPods(setting: () => JobsSetting): void {
  const name = ({ metadata }: KubeObject) => metadata.name ?? "";

  /** The one pod of a task, once it asks. */
  async function asked(director: Director, path: string): Promise<KubeObject> {
    const found = async () => (await podsOf(setting(), path)).find((each) => director.asking.has(name(each)));
    await expect.poll(found, { timeout: 60_000, interval: 100 }).toBeDefined();
    return (await found()) as KubeObject;
  }

  /** The same pod once more, as on a node that was given up and goes on; no controller knows of it. */
  async function twinOf(director: Director, { metadata, spec }: KubeObject): Promise<string> {
    const { nodeName: _, ...own } = spec as Record<string, unknown>;
    const twin = { name: `${metadata.name}-twin`, namespace: "default" };
    const annotations = metadata.annotations ?? {};
    await setting().client.create({ ...pod, metadata: { ...twin, annotations }, spec: own });
    await expect.poll(() => director.asking.has(twin.name), { timeout: 60_000, interval: 100 }).toBe(true);
    return twin.name;
  }

  async function untilSucceeded(twin: string): Promise<void> {
    const phase = async () => phaseOf(await setting().client.get({ ...pod, name: twin }));
    await expect.poll(phase, { timeout: 60_000, interval: 100 }).toBe("Succeeded");
  }

  /** A run of both tasks; gives its end, what it told, and what its pods printed. */
  function run(director: Director) {
    const [told, logs]: [string[], string[]] = [[], []];
    const end = runJobs(setting(), pipelineOf({ make: makes(director), read: reads }), {
      caching: false,
      onLog: ({ text }) => logs.push(text),
      onEvent: (event) => {
        if (event.type === "task-started") told.push(`${event.path} ${event.attempt}`);
        if (event.type === "notice") told.push(event.code);
      },
    });
    return { end, told, logs };
  }

  it("that are evicted are replaced in the same attempt, and the log tells of both", async () => {
    const director = await direct(setting());
    const { end, told, logs } = run(director);
    const first = name(await asked(director, "make"));
    await setting().client.transport.text({
      ...{ method: "POST", path: `/api/v1/namespaces/default/pods/${first}/eviction` },
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ apiVersion: "policy/v1", kind: "Eviction", metadata: { name: first } }),
    });
    const second = async () => [...director.asking].find((each) => each !== first);
    await expect.poll(second, { timeout: 60_000, interval: 100 }).toBeDefined();
    const next = (await second()) ?? "";
    director.says.set(next, "go");
    const summary = await end;
    director.close();
    expect(summary.error).toBeUndefined();
    expect(summary.tasks.map(({ outputs }) => outputs.Output)).toEqual([next, `${next} ${next}`]);
    expect(told).toEqual(["make 1", "read 1"]);
    expect(logs.join("")).toContain(
      `sealflow: pod ${first} was lost; ${next} takes its place\nmade in ${next}\n`,
    );
  }, 180_000);

  it("and go on all the same write over nothing: the first to finish counts, and the second is told of", async () => {
    const director = await direct(setting());
    const { end, told, logs } = run(director);
    const own = await asked(director, "make");
    const twin = await twinOf(director, own);
    director.says.set(twin, "go");
    await untilSucceeded(twin);
    director.says.set(name(own), "go");
    const summary = await end;
    director.close();
    expect(summary.error).toBeUndefined();
    expect(summary.tasks.map(({ outputs }) => outputs.Output)).toEqual([twin, `${twin} ${twin}`]);
    expect(told).toEqual(["make 1", "CLUSTER_TASK_TWICE", "read 1"]);
    expect(logs.join("")).toContain("another pod of this task finished first; its outputs count");
    // What the second one made is kept as well, for whoever wants to know.
    const store = artifactsIn(setting().objects);
    const keys = await store.list(`runs/${summary.runId}/`);
    const others = keys.filter((key) => /\/1\.2\/|result\.2\.json$/.test(key));
    expect(others.map((key) => key.split("/").at(-1)).sort()).toEqual([
      "data",
      "result.2.json",
      "tree.dir.tar",
    ]);
    const data = others.find((key) => key.endsWith("/data")) ?? "";
    expect(new TextDecoder().decode(await store.get(data))).toBe(name(own));
    await setting().client.delete({ ...pod, name: twin }, { graceSeconds: 0 });
  }, 180_000);

  it("have not failed where another one has finished meanwhile", async () => {
    const director = await direct(setting());
    const { end, told } = run(director);
    const own = await asked(director, "make");
    const twin = await twinOf(director, own);
    director.says.set(twin, "go");
    await untilSucceeded(twin);
    await setting().client.delete({ ...pod, name: name(own) }, { graceSeconds: 1 });
    const summary = await end;
    director.close();
    expect(summary.error).toBeUndefined();
    expect(summary.tasks.map(({ outputs }) => outputs.Output)).toEqual([twin, `${twin} ${twin}`]);
    expect(told).toEqual(["make 1", "read 1"]);
    await setting().client.delete({ ...pod, name: twin }, { graceSeconds: 0 });
  }, 180_000);

  it("that fail are retried by command, and what has to run again then does", async () => {
    let calls = 0;
    const director = await direct(setting(), () => `${++calls}`);
    const says = (then: string): TaskOf =>
      python({
        code: `def says() -> str:${director.ask}    ${then}\n    return word\n`,
        outputs: { Output: "STRING" },
      });
    const work = says('if word == "1": raise ValueError("not yet")');
    const document = pipelineOf({ work, last: { ...says("pass"), after: ["work"], always: true } });
    const engine = engineOf(setting(), { records: "retried" });
    const first = await engine.run(parsePipelineDocument(document), { caching: false });
    expect(first.tasks.map(({ path, state, outputs }) => [path, state, outputs.Output])).toEqual([
      ["work", "FAILED", undefined],
      ["last", "SUCCEEDED", "2"],
    ]);
    const second = await engine.retry(first.runId);
    await engine.close();
    director.close();
    expect(second.tasks.map(({ path, state, outputs }) => [path, state, outputs.Output])).toEqual([
      ["work", "SUCCEEDED", "3"],
      ["last", "SUCCEEDED", "4"],
    ]);
  }, 180_000);
}
