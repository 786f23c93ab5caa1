/** A server that has one of everything: an experiment, a pipeline with a version, a run with a log and an artifact, a schedule. */
import { setTimeout as sleep } from "node:timers/promises";
import { type TestServer, testServer } from "./server.js";

/** The ids of what there is, by the part of the path that names its kind. */
export interface FilledServer {
  readonly server: TestServer;
  readonly ids: Readonly<Record<"experiments" | "pipelines" | "version" | "runs" | "recurringruns", string>>;
  /** Path of the run's only task, and name of its only output. */
  readonly task: string;
  readonly output: string;
}

const script = 'echo a line; echo content > "$0"';
const spec = {
  pipelineInfo: { name: "filled" },
  schemaVersion: "2.1.0",
  root: { dag: { tasks: { work: { taskInfo: { name: "work" }, componentRef: { name: "comp-work" } } } } },
  components: {
    "comp-work": {
      executorLabel: "exec-work",
      outputDefinitions: {
        artifacts: { made: { artifactType: { schemaTitle: "system.Artifact", schemaVersion: "0.0.1" } } },
      },
    },
  },
  deploymentSpec: {
    executors: {
      "exec-work": {
        container: { image: "none", command: ["sh", "-c", script, "{{$.outputs.artifacts['made'].path}}"] },
      },
    },
  },
};

/** Starts and fills one. */
export async function filledServer(): Promise<FilledServer> {
  const server = await testServer({ engine: { containers: "host" }, requestsPerSecond: 1e6 });
  const call = async (method: string, path: string, body?: unknown): Promise<Record<string, string>> => {
    const sent = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    return (await fetch(`${server.url}/apis/v2beta1/${path}`, sent)).json();
  };
  const idOf = async (path: string, body: unknown, name: string): Promise<string> =>
    (await call("POST", path, body))[name] ?? "";
  const experiments = await idOf("experiments", { display_name: "filled" }, "experiment_id");
  const pipelines = await idOf("pipelines", { name: "filled" }, "pipeline_id");
  const at = `pipelines/${pipelines}/versions`;
  const version = await idOf(at, { name: "v1", pipeline_spec: spec }, "pipeline_version_id");
  const runs = await idOf("runs", { pipeline_spec: spec }, "run_id");
  const trigger = { cron_schedule: { cron: "@yearly" } };
  const job = { display_name: "filled", pipeline_spec: spec, mode: "DISABLE", trigger };
  const recurringruns = await idOf("recurringruns", job, "recurring_run_id");
  while ((await call("GET", `runs/${runs}`)).state !== "SUCCEEDED") await sleep(20);
  return {
    ...{ server, task: "work", output: "made" },
    ids: { experiments, pipelines, version, runs, recurringruns },
  };
}
