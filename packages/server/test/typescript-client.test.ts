import { allPages, KfpClient, watchRun, watchRuns } from "@sealflow/kfp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TestServer, testServer } from "./support/server.js";

const spec = {
  pipelineInfo: { name: "greets" },
  schemaVersion: "2.1.0",
  root: {
    dag: { tasks: { greet: { taskInfo: { name: "greet" }, componentRef: { name: "comp-greet" } } } },
    inputDefinitions: { parameters: { name: { parameterType: "STRING", defaultValue: "you" } } },
  },
  components: { "comp-greet": { executorLabel: "exec-greet" } },
  deploymentSpec: {
    executors: { "exec-greet": { container: { image: "none", command: ["echo", "hello"] } } },
  },
};

let server: TestServer;
let client: KfpClient;
let token = "";
beforeAll(async () => {
  server = await testServer({ engine: { containers: "host" }, requireToken: true });
  token = server.freshToken ?? "";
  client = new KfpClient({ baseUrl: `${server.url}/`, token: async () => token });
});
afterAll(() => server.remove());

const wait = () => new Promise<void>((resolve) => setTimeout(resolve, 20));

describe("the TypeScript client", () => {
  it("uploads, runs, waits, lists page by page and deletes", async () => {
    expect(await client.healthz()).toEqual({ multi_user: false, pipeline_store: "database" });
    const upload = { content: JSON.stringify(spec), fileName: "greets.yaml" };
    const pipeline = await client.uploadPipeline({ ...upload, name: "greets", description: "Greets & more" });
    expect(await client.getPipelineByName("greets")).toEqual(pipeline);
    const version = await client.uploadPipelineVersion(pipeline.pipeline_id, { ...upload, name: "v 2/ä" });
    const reference = { pipeline_id: pipeline.pipeline_id, pipeline_version_id: version.pipeline_version_id };
    const experiment = await client.createExperiment({ display_name: "typed" });
    for (const number of [1, 2, 3]) {
      const run = await client.createRun({
        ...{ display_name: `run ${number}`, experiment_id: experiment.experiment_id },
        pipeline_version_reference: reference,
        runtime_config: { parameters: { name: `n${number}` } },
      });
      expect((await client.waitForRun(run.run_id, wait)).state).toBe("SUCCEEDED");
    }
    const names: string[][] = [];
    for await (const page of allPages((pageToken) =>
      client.listRuns({
        ...{ pageSize: 2, sortBy: "display_name desc", experimentId: experiment.experiment_id },
        filter: { predicates: [{ operation: "EQUALS", key: "state", string_value: "SUCCEEDED" }] },
        ...(pageToken === undefined ? {} : { pageToken }),
      }),
    )) {
      names.push((page.runs ?? []).map(({ display_name }) => display_name));
    }
    expect(names).toEqual([["run 3", "run 2"], ["run 1"]]);
    await client.deletePipeline(pipeline.pipeline_id, { cascade: true });
    expect((await client.listPipelines()).pipelines).toBeUndefined();
  });

  it("reads live events, of one run to its end and of all runs", async () => {
    const abort = new AbortController();
    const options = { baseUrl: server.url, token };
    const changes: string[] = [];
    const watching = (async () => {
      for await (const { event, data } of watchRuns(options, { signal: abort.signal })) {
        changes.push(`${event} ${data.state}`);
        if (data.state === "SUCCEEDED") return;
      }
    })();
    const run = await client.createRun({ display_name: "live", pipeline_spec: spec });
    const events: string[] = [];
    let last = "";
    for await (const message of watchRun(options, run.run_id)) {
      events.push(message.event);
      last = message.id;
    }
    expect(events.at(0)).toBe("run-created");
    expect(events.at(-1)).toBe("run-finished");
    for await (const message of watchRun(options, run.run_id, { after: last }))
      expect(message).toBeUndefined();
    await watching;
    expect(changes.at(-1)).toBe("run-changed SUCCEEDED");
    abort.abort();
  });

  it("says why a request was refused, and never the token", async () => {
    const unknown = client.getRun("nothing");
    await expect(unknown).rejects.toMatchObject({
      code: "KFP_REQUEST_REFUSED",
      data: { status: 404, code: 5, reason: "SERVER_RUN_UNKNOWN" },
    });
    const stranger = new KfpClient({ baseUrl: server.url, token: "wrong-token" });
    const error = await stranger.healthz().catch((thrown) => thrown);
    expect(error).toMatchObject({
      code: "KFP_REQUEST_REFUSED",
      data: { status: 401, reason: "SERVER_TOKEN_REQUIRED" },
    });
    expect(JSON.stringify(error)).not.toContain("wrong-token");
    await expect(new KfpClient({ baseUrl: "http://127.0.0.1:1" }).healthz()).rejects.toMatchObject({
      code: "KFP_UNREACHABLE",
    });
    const page = new KfpClient({
      baseUrl: server.url,
      fetch: async () => new Response("<html>log in</html>"),
    });
    await expect(page.healthz()).rejects.toMatchObject({ code: "KFP_ANSWER_INVALID" });
  });
});
