import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createEngine, openStore } from "@sealflow/engine";
import { parsePipelineDocument } from "@sealflow/pipeline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TestServer, testServer } from "./support/server.js";

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ engine: { containers: "host" }, watchers: 5 });
});
afterAll(() => server.remove());

/** A pipeline of one host command with outputs `page` (HTML) and `table`. */
const commanding = (script: string, name = "commands") => {
  const artifact = (schemaTitle: string) => ({ artifactType: { schemaTitle, schemaVersion: "0.0.1" } });
  const outputs = {
    page: artifact("system.HTML"),
    table: artifact("system.Dataset"),
    none: artifact("system.Metrics"),
  };
  return {
    pipelineInfo: { name },
    schemaVersion: "2.1.0",
    root: { dag: { tasks: { work: { taskInfo: { name: "work" }, componentRef: { name: "comp-work" } } } } },
    components: { "comp-work": { executorLabel: "exec-work", outputDefinitions: { artifacts: outputs } } },
    deploymentSpec: {
      executors: {
        "exec-work": {
          container: {
            image: "none",
            command: [
              "sh",
              "-c",
              script,
              "{{$.outputs.artifacts['page'].path}}",
              "{{$.outputs.artifacts['table'].path}}",
            ],
          },
        },
      },
    },
  };
};

async function created(script: string): Promise<string> {
  const body = JSON.stringify({ pipeline_spec: commanding(script) });
  const answer = await fetch(`${server.url}/apis/v2beta1/runs`, { method: "POST", body });
  return (await answer.json()).run_id;
}

async function ended(id: string): Promise<Record<string, unknown>> {
  for (;;) {
    const run = await (await fetch(`${server.url}/apis/v2beta1/runs/${id}`)).json();
    if (["SUCCEEDED", "FAILED", "CANCELED"].includes(run.state)) return run;
    await sleep(20);
  }
}

interface Message {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Messages of a stream, until it ends or this many have come. */
async function messages(
  path: string,
  { headers = {}, most = 1000 }: { headers?: Record<string, string>; most?: number } = {},
) {
  const abort = new AbortController();
  const answer = await fetch(`${server.url}${path}`, { headers, signal: abort.signal });
  const found: Message[] = [];
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s, 2)));
      if (fields.event) found.push({ id: fields.id, event: fields.event, data: JSON.parse(fields.data) });
    }
    if (found.length >= most) break;
  }
  abort.abort();
  return { status: answer.status, type: answer.headers.get("content-type"), found };
}

describe("live events of a run", () => {
  it("come from the first to the last, and go on where a reader stopped", async () => {
    const id = await created("sleep 0.2; echo done");
    const all = await messages(`/api/runs/${id}/events`);
    expect(all.type).toBe("text/event-stream");
    expect(all.found.map(({ event }) => event)).toEqual([
      "run-created",
      "run-started",
      "dag-started",
      "task-started",
      "task-finished",
      "run-finished",
    ]);
    expect(all.found.map(({ id: number, data }) => [number, data.seq])).toEqual(
      all.found.map((_, index) => [String(index + 1), index + 1]),
    );
    const rest = await messages(`/api/runs/${id}/events`, { headers: { "Last-Event-ID": "4" } });
    expect(rest.found).toEqual(all.found.slice(4));
    const none = await messages(`/api/runs/${id}/events?after=6`);
    expect(none).toMatchObject({ status: 204, found: [] });
  });

  it("of a run that another process drives come from its journal", async () => {
    const store = openStore(server.directory);
    const engine = createEngine({ store, containers: "host" });
    const document = parsePipelineDocument(JSON.stringify(commanding("sleep 1", "foreign")));
    const running = engine.run(document, { runId: "foreign-1", name: "by somebody else" });
    while (!store.hasRun("foreign-1")) await sleep(10);
    while (!(await fetch(`${server.url}/apis/v2beta1/runs/foreign-1`)).ok) await sleep(50);
    const { found } = await messages("/api/runs/foreign-1/events");
    expect(found.at(-1)?.event).toBe("run-finished");
    await running;
    await engine.close();
    expect(await ended("foreign-1")).toMatchObject({ display_name: "by somebody else", state: "SUCCEEDED" });
  });

  it("are refused to more readers than the limit, and to none once those have left", async () => {
    const id = await created("sleep 3");
    const aborts = Array.from({ length: 5 }, () => new AbortController());
    await Promise.all(aborts.map(({ signal }) => fetch(`${server.url}/api/runs/${id}/events`, { signal })));
    const refused = await fetch(`${server.url}/api/runs/${id}/events`);
    expect([refused.status, (await refused.json()).details[0].reason]).toEqual([429, "SERVER_WATCHERS_FULL"]);
    for (const abort of aborts) abort.abort();
    await sleep(100);
    expect((await messages(`/api/runs/${id}/events`, { most: 1 })).status).toBe(200);
    await fetch(`${server.url}/apis/v2beta1/runs/${id}`, { method: "DELETE" });
  });
});

it("changes of all runs come as they happen, and can be taken up again or not", async () => {
  const list = messages("/api/events", { most: 3 });
  await sleep(100);
  const id = await created("true");
  const { found } = await list;
  expect(found.every(({ event, data }) => event === "run-changed" && data.run_id === id)).toBe(true);
  await ended(id);
  const again = await messages("/api/events", { headers: { "Last-Event-ID": "0" }, most: 1 });
  expect(again.found[0]?.event).toMatch(/^run-(changed|removed)$/);
  const lost = await messages("/api/events?after=999999", { most: 1 });
  expect(lost.found).toMatchObject([{ event: "reset" }]);
});

describe("artifacts and logs", () => {
  const script = `printf '<b>hello</b>' > "$0"; mkdir "$1"; printf 0123456789 > "$1/part.csv"; mkdir "$1/deep"; ln -s /etc/passwd "$1/out"; echo printed`;
  let id = "";
  beforeAll(async () => {
    id = await created(script);
    expect(await ended(id)).toMatchObject({ state: "SUCCEEDED" });
  });
  const artifact = (query: string, headers = {}) =>
    fetch(`${server.url}/api/runs/${id}/artifact?${query}`, { headers });
  const reason = async (answer: Response) => (await answer.json()).details[0].reason;

  it("are saved by default, and shown without script, network or origin", async () => {
    const saved = await artifact("task=work&name=page");
    expect(saved.headers.get("content-disposition")).toContain("attachment");
    expect(saved.headers.get("content-type")).toBe("application/octet-stream");
    expect(await saved.text()).toBe("<b>hello</b>");
    const shown = await artifact("task=work&name=page&view=true");
    expect(shown.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(shown.headers.get("content-security-policy")).toMatch(/^sandbox; default-src 'none'/);
    expect(shown.headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("that are directories are listed and read file by file, whole or in part", async () => {
    expect(await (await artifact("task=work&name=table")).json()).toEqual({
      names: ["deep/", "out", "part.csv"],
    });
    expect(await (await artifact("task=work&name=table&path=part.csv")).text()).toBe("0123456789");
    const part = await artifact("task=work&name=table&path=part.csv", { range: "bytes=2-4" });
    expect([part.status, part.headers.get("content-range"), await part.text()]).toEqual([
      206,
      "bytes 2-4/10",
      "234",
    ]);
    const end = await artifact("task=work&name=table&path=part.csv", { range: "bytes=-3" });
    expect(await end.text()).toBe("789");
    expect((await artifact("task=work&name=table&path=part.csv", { range: "bytes=99-" })).status).toBe(416);
  });

  it.each([
    ["a parent directory", "task=work&name=table&path=../../x"],
    ["an absolute path", "task=work&name=table&path=/etc/passwd"],
    ["a link out of the artifact", "task=work&name=table&path=out"],
    ["a NUL", "task=work&name=table&path=part.csv%00"],
    ["a name that every object has", "task=work&name=constructor"],
    ["an output without content", "task=work&name=none"],
    ["an output that is not there", "task=work&name=../page"],
    ["a place beyond a list", "task=work&name=page&index=1"],
  ])("are not served for %s", async (_, query) => {
    const answer = await artifact(query);
    expect([answer.status, await reason(answer)]).toEqual([404, "SERVER_ARTIFACT_UNKNOWN"]);
  });

  it("are not served from outside the store, whatever the record says", async () => {
    const runs = join(server.directory, "artifacts", "sha256", "zz");
    mkdirSync(runs, { recursive: true });
    writeFileSync(join(server.directory, "secret"), "secret");
    symlinkSync(join(server.directory, "secret"), join(runs, "link"));
    const { artifactContent } = await import("../src/runs/artifacts.js");
    const store = openStore(server.directory);
    const details = store.getRun(id);
    const [task] = details.tasks;
    const digest = `sha256:${"0".repeat(64)}`;
    for (const uri of [`file://${join(server.directory, "secret")}`, `file://${join(runs, "link")}`]) {
      const [page] = task?.artifacts.page ?? [];
      const forged = { ...details, tasks: [{ ...task, artifacts: { page: [{ ...page, uri, digest }] } }] };
      const asked = { task: "work", name: "page", index: 0, inside: "" };
      expect(() => artifactContent(store, forged as typeof details, asked)).toThrow("not in the store");
    }
  });

  it("are read as Kubeflow's routes give them, by the task's id", async () => {
    const run = await ended(id);
    const { task_details } = run.run_details as { task_details: { task_id: string; display_name: string }[] };
    const node = task_details.find(({ display_name }) => display_name === "work")?.task_id;
    const read = await fetch(`${server.url}/apis/v2beta1/runs/${id}/nodes/${node}/artifacts/page:read`);
    expect(Buffer.from((await read.json()).data, "base64").toString()).toBe("<b>hello</b>");
    const log = await fetch(`${server.url}/apis/v1alpha1/runs/${id}/nodes/${node}/log`);
    expect(await log.text()).toBe("printed\n");
    const missing = await fetch(`${server.url}/api/runs/${id}/log?task=work&attempt=2`);
    expect([missing.status, await reason(missing)]).toEqual([404, "SERVER_LOG_UNKNOWN"]);
    const nowhere = await fetch(
      `${server.url}/api/runs/${id}/log?task=${encodeURIComponent("../../../etc")}`,
    );
    expect([nowhere.status, await reason(nowhere)]).toEqual([404, "SERVER_TASK_UNKNOWN"]);
  });

  it("logs can be followed to the task's end", async () => {
    const following = await created("echo one; sleep 0.6; echo two");
    const url = `${server.url}/api/runs/${following}/log?task=work&follow=true`;
    let answer = await fetch(url);
    while (answer.status === 404) {
      await sleep(20);
      answer = await fetch(url);
    }
    expect(await answer.text()).toBe("one\ntwo\n");
  });
});
