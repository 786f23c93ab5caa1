/**
 * Runs of a stock Kubeflow Pipelines through a real API server and kubelet: its API, ML Metadata and pages are services in front
 * of a pod (which answers what was recorded of the real ones), and tasks' logs are those of real pods.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { recordedRun } from "../../../../test-support/kubeflow/recorded.js";
import { startCluster, type TestCluster } from "../../../../test-support/kubernetes/cluster.js";
import { cli } from "../../../cli/test/support/fake-context.js";
import { remoteArtifact } from "../../src/contexts/artifact.js";
import { openSession } from "../../src/contexts/session.js";
import { connect, type KubeClient, type KubeObject } from "../../src/kube/index.js";

const support = fileURLToPath(new URL("../../../../test-support/kubeflow/", import.meta.url));
const shapes = recordedRun("shapes");
const broken = recordedRun("broken");
/** A run that goes on, of which nothing is recorded yet. */
const going = "22222222-2222-4222-8222-000000000001";
const namespace = "kubeflow";
const image = "localhost/python:3.11";

let cluster: TestCluster;
let client: KubeClient;
let directory: string;
let env: Record<string, string>;

const sealflow = (...args: string[]) => cli(args, { cwd: directory, env, now: Date.now });
const json = async (...args: string[]) => JSON.parse((await sealflow(...args, "--json")).stdout);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-stock-pods-"));
  writeFileSync(join(directory, "package.json"), "{}");
  cluster = await startCluster();
  client = connect({ kubeconfig: cluster.kubeconfig }, {});
  env = { KUBECONFIG: cluster.kubeconfig, SEALFLOW_CONTEXTS: join(directory, "contexts.json") };
  await client.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  await client.create(recordings());
  for (const [name, port, targetPort] of [
    ["ml-pipeline", 8888, 8888],
    ["metadata-envoy-service", 9090, "envoy"],
    ["ml-pipeline-ui", 80, 3000],
  ] as const) {
    const spec = { selector: { app: "kubeflow" }, ports: [{ port, targetPort }] };
    await client.create({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace },
      spec,
    } as KubeObject);
  }
  await serve("kubeflow-1");
  await sealflow("contexts", "add", "lane", "--kubernetes", "test");
});
afterAll(async () => {
  client?.transport.close();
  await cluster?.stop();
  rmSync(directory, { recursive: true, force: true });
});

function recordings(): KubeObject {
  const { run } = shapes;
  const unfinished = { ...run, run_id: going, state: "RUNNING", finished_at: new Date(0).toISOString() };
  const data = {
    "served.py": readFileSync(join(support, "served.py"), "utf8"),
    "shapes.json": JSON.stringify(shapes),
    "broken.json": JSON.stringify(broken),
    "going.json": JSON.stringify({ run: unfinished, version: shapes.version, exchanges: [] }),
  };
  const metadata = { name: "recorded", namespace };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data } as KubeObject;
}

/** Starts the pod behind the services, and waits until it answers. */
async function serve(name: string): Promise<void> {
  const main = {
    ...{ name: "main", image, command: ["python3", "-u", "/recorded/served.py"] },
    ports: [{ name: "envoy", containerPort: 9090 }],
    volumeMounts: [{ name: "recorded", mountPath: "/recorded" }],
    readinessProbe: { httpGet: { path: "/apis/v2beta1/healthz", port: 8888 }, periodSeconds: 1 },
  };
  const volumes = [{ name: "recorded", configMap: { name: "recorded" } }];
  const metadata = { name, namespace, labels: { app: "kubeflow" } };
  const spec = { terminationGracePeriodSeconds: 0, containers: [main], volumes };
  await client.create({ apiVersion: "v1", kind: "Pod", metadata, spec } as KubeObject);
  const ready = expect.objectContaining({ type: "Ready", status: "True" });
  await vi.waitFor(async () => expect((await podNamed(name)).status?.conditions).toContainEqual(ready), {
    ...{ timeout: 30_000, interval: 100 },
  });
}

interface Pod extends KubeObject {
  readonly status?: { readonly phase?: string; readonly conditions?: readonly object[] };
}

const podNamed = (name: string) => client.get<Pod>({ apiVersion: "v1", kind: "Pod", name, namespace });

/** A task's pod, as Argo makes it. */
interface TaskPod {
  readonly name: string;
  readonly program: string;
  readonly node?: string;
  /** Runs before it. */
  readonly init?: string;
}

async function runTask({ name, program, node = "", init }: TaskPod): Promise<void> {
  const container = (called: string, text: string) => ({
    name: called,
    image,
    command: ["python3", "-uc", text],
  });
  const metadata = {
    ...{ name, namespace, labels: { "pipeline/runid": going } },
    annotations: { "workflows.argoproj.io/node-name": node },
  };
  const spec = {
    restartPolicy: "Never",
    initContainers: init === undefined ? [] : [container("init", init)],
    containers: [container("main", program)],
  };
  await client.create({ apiVersion: "v1", kind: "Pod", metadata, spec } as KubeObject);
}

const ended = (name: string) =>
  vi.waitFor(async () => expect((await podNamed(name)).status?.phase).toMatch(/Succeeded|Failed/), {
    ...{ timeout: 30_000, interval: 100 },
  });

describe("a stock Kubeflow Pipelines behind a real API server", () => {
  it("is shown, listed and compared with the values of its ML Metadata, through forwarded ports", async () => {
    const shown = await json("runs", "show", shapes.run.run_id, "--on", "lane");
    expect(shown).toMatchObject({
      ...{ state: "SUCCEEDED", outputs: { total: 28, words: ["odd 1", "even 4", "odd 9"], good: true } },
    });
    expect(shown).not.toHaveProperty("incomplete");
    expect(shown.tasks.find(({ path }: { path: string }) => path === "numbers").outputs).toEqual({
      Output: [1, 2, 3],
    });
    expect((await json("runs", "list", "--on", "lane")).runs).toHaveLength(3);
    const ids = [shapes.run.run_id, broken.run.run_id] as const;
    const difference = await json("runs", "diff", ...ids, "--on", "lane");
    expect(difference.outputs).toContainEqual(expect.objectContaining({ name: "total", a: 28 }));
    expect((await sealflow("contexts", "check", "lane")).stderr).toBe("");
  });

  it("gives artifacts through the server of its pages", async () => {
    const session = await openSession(
      {
        kubernetes: { service: "ml-pipeline", serviceNamespace: namespace, port: 8888 },
        auth: { kind: "none" },
      },
      env,
    );
    const wanted = { runId: shapes.run.run_id, task: "measure", output: "model", index: 0 };
    const content = await remoteArtifact(session, wanted);
    await session.close();
    expect(new TextDecoder().decode(content)).toMatch(
      /^what is at \/artifacts\/minio\/mlpipeline\/.*\/model$/,
    );
  });

  it("gives the log of the pod that the launcher recorded", async () => {
    await runTask({ name: "pod-3-numbers", program: "print('one'); print('two')" });
    await ended("pod-3-numbers");
    const { stdout, stderr } = await sealflow("runs", "logs", shapes.run.run_id, "numbers", "--on", "lane");
    expect(stdout, stderr).toBe("one\ntwo\n");
  });

  it("gives what is left of all logs, also from the store, and says which are gone", async () => {
    const all = await sealflow("runs", "logs", shapes.run.run_id, "--on", "lane");
    expect(all.stdout).toMatch(
      /^numbers \| one\nnumbers \| two\nmeasure \| what is at \S+\/measure\/\S+\/executor-logs-0\n$/,
    );
    expect(all.stderr).toContain("warning[CLUSTER_LOG_UNAVAILABLE]: log of read: ");
    expect(all.exitCode).toBe(0);
    const one = await sealflow("runs", "logs", shapes.run.run_id, "read", "--on", "lane");
    expect({ exitCode: one.exitCode, stdout: one.stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(one.stderr).toContain("error[CLUSTER_LOG_UNAVAILABLE]: log of read: ");
    const none = await sealflow("runs", "logs", shapes.run.run_id, "mesure", "--on", "lane");
    expect(none.stderr).toMatch(/error\[CLI_TASK_UNKNOWN\].*\nhint: did you mean measure\?/);
  });

  it("follows a task whose pod waits to start, and finds the pods of each attempt", async () => {
    const node = "shapes-abcde.root.numbers.executor";
    await runTask({ name: "first", node: `${node}(0)`, program: "print('failed'); raise SystemExit(1)" });
    await ended("first");
    await runTask({
      ...{ name: "second", node: `${node}(1)`, init: "import time; time.sleep(1)" },
      program: "import time\nfor i in range(3): print(i); time.sleep(0.2)",
    });
    const logs = (...flags: string[]) => sealflow("runs", "logs", going, "numbers", "--on", "lane", ...flags);
    expect((await logs("--follow")).stdout).toBe("0\n1\n2\n");
    expect((await logs("--attempt", "1")).stdout).toBe("failed\n");
    expect((await logs("--attempt", "2")).stdout).toBe("0\n1\n2\n");
    expect((await logs("--attempt", "3")).stderr).toContain("CLUSTER_LOG_UNAVAILABLE");
  });

  it("does not take another iteration's pod for the task's", async () => {
    const inside = "iteration-item.square.executor";
    await runTask({
      name: "other",
      node: `shapes-abcde.root.each.iteration-iterations(1:1).${inside}`,
      program: "",
    });
    await ended("other");
    const { stderr } = await sealflow("runs", "logs", going, "each[0]/square", "--on", "lane");
    expect(stderr).toContain("each[0]/square");
    expect((await sealflow("runs", "logs", going, "each[1]/square", "--on", "lane")).exitCode).toBe(0);
  });

  it("deletes runs that have ended, none where one is unknown or goes on", async () => {
    const remove = (...ids: string[]) => sealflow("runs", "delete", ...ids, "--on", "lane");
    expect((await remove(broken.run.run_id, going)).stderr).toContain("error[CLI_RUN_ACTIVE]");
    expect((await remove(broken.run.run_id, "nonsense")).stderr).toContain("error[CLI_RUN_UNKNOWN]");
    expect((await json("runs", "list", "--on", "lane")).runs).toHaveLength(3);
    expect((await remove(broken.run.run_id)).stdout).toBe(`Deleted run ${broken.run.run_id}\n`);
    expect((await json("runs", "list", "--on", "lane")).runs).toHaveLength(2);
    expect((await remove(broken.run.run_id)).stderr).toContain("Not Found");
  });

  it("goes on in another pod where the service's pod is replaced", async () => {
    const context = { service: "ml-pipeline", serviceNamespace: namespace, port: 8888 };
    const session = await openSession({ kubernetes: context, auth: { kind: "none" } }, env);
    try {
      const metadata = await session.metadata();
      const known = await metadata.runContext(shapes.run.run_id);
      await client.delete(
        { apiVersion: "v1", kind: "Pod", name: "kubeflow-1", namespace },
        { graceSeconds: 0 },
      );
      await vi.waitFor(
        () =>
          expect(metadata.runContext(shapes.run.run_id)).rejects.toMatchObject({
            code: "CLUSTER_FORWARD_FAILED",
          }),
        { timeout: 20_000 },
      );
      await serve("kubeflow-2");
      expect(await metadata.runContext(shapes.run.run_id)).toBe(known);
    } finally {
      await session.close();
    }
  });

  it("says why a port is not forwarded to somebody who may not", async () => {
    const file = await guestConfig();
    const guest = { ...env, KUBECONFIG: file };
    const { stderr, exitCode } = await cli(["runs", "list", "--on", "lane"], { cwd: directory, env: guest });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/error\[CLUSTER_FORWARD_FAILED\]: port-forward: kubeflow\/kubeflow-2:8888: .*403/);
    expect(stderr).toContain("pods/portforward");
  });
});

/** Somebody who may see services and pods, and no more. */
async function guestConfig(): Promise<string> {
  const rbac = "rbac.authorization.k8s.io";
  const metadata = { name: "guest", namespace };
  const rules = [{ apiGroups: [""], resources: ["pods", "services"], verbs: ["get", "list"] }];
  const subjects = [{ kind: "ServiceAccount", ...metadata }];
  const roleRef = { apiGroup: rbac, kind: "Role", name: "guest" };
  await client.create({ apiVersion: "v1", kind: "ServiceAccount", metadata });
  await client.create({ apiVersion: `${rbac}/v1`, kind: "Role", metadata, rules } as KubeObject);
  await client.create({
    apiVersion: `${rbac}/v1`,
    kind: "RoleBinding",
    metadata,
    roleRef,
    subjects,
  } as KubeObject);
  const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
  const answer = await client.transport.text({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/guest/token`,
    body: JSON.stringify(request),
    headers: { "content-type": "application/json" },
  });
  const { token } = JSON.parse(answer).status;
  const config = JSON.parse(readFileSync(cluster.kubeconfig, "utf8"));
  const file = join(directory, "guest.conf");
  writeFileSync(file, JSON.stringify({ ...config, users: [{ name: "admin", user: { token } }] }));
  return file;
}
