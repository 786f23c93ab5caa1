import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, expect, it } from "vitest";
import { bundleProgram } from "../../../test-support/bundled.js";
import {
  python,
  removeDirectory,
  type TestServer,
  temporaryDirectory,
  testServer,
} from "./support/server.js";

const servers: TestServer[] = [];
const directories: string[] = [];
const files: string[] = [];
afterAll(() => {
  for (const file of files) rmSync(file, { force: true });
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.remove();
  for (const directory of directories.splice(0)) removeDirectory(directory);
});

async function start(directory: string, options: Parameters<typeof testServer>[0] = {}): Promise<TestServer> {
  const server = await testServer({ directory, ...options });
  servers.push(server);
  return server;
}

function place(): string {
  const directory = temporaryDirectory();
  directories.push(directory);
  return directory;
}

/** A pipeline of one host command, which waits for a file. */
const waiting = (file: string) => ({
  pipelineInfo: { name: "waits" },
  schemaVersion: "2.1.0",
  root: { dag: { tasks: { wait: { taskInfo: { name: "wait" }, componentRef: { name: "comp-wait" } } } } },
  components: { "comp-wait": { executorLabel: "exec-wait" } },
  deploymentSpec: {
    executors: {
      "exec-wait": {
        container: {
          image: "none",
          command: ["sh", "-c", `touch '${file}.seen'; while [ ! -e '${file}' ]; do sleep 0.02; done`],
        },
      },
    },
  },
});

const api = (server: Pick<TestServer, "url">, path: string, body?: unknown) =>
  fetch(`${server.url}/apis/v2beta1/${path}`, {
    method: body === undefined ? "GET" : "POST",
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).then((answer) => answer.json());

async function until(
  server: Pick<TestServer, "url">,
  id: string,
  state: string,
): Promise<Record<string, unknown>> {
  for (;;) {
    const run = await api(server, `runs/${id}`);
    if (run.state === state) return run;
    await sleep(20);
  }
}

it("continues running runs and starts waiting ones after a restart", async () => {
  const directory = place();
  const engine = { containers: "host" } as const;
  const file = join(directory, "open");
  const first = await start(directory, { engine, concurrentRuns: 1 });
  const running = await api(first, "runs", { pipeline_spec: waiting(file) });
  const queued = await api(first, "runs", { pipeline_spec: waiting(file) });
  while (!existsSync(`${file}.seen`)) await sleep(20);
  expect((await api(first, `runs/${queued.run_id}`)).state).toBe("PENDING");
  await first.close();

  writeFileSync(file, "");
  const second = await start(directory, { engine, concurrentRuns: 1 });
  const ended = await until(second, running.run_id, "SUCCEEDED");
  expect(ended.state_history).toMatchObject([
    { state: "PENDING" },
    { state: "RUNNING" },
    { state: "SUCCEEDED" },
  ]);
  await until(second, queued.run_id, "SUCCEEDED");
});

/** A server that can be killed: its program is bundled, as tests read sources. */
async function killable(): Promise<
  (directory: string) => Promise<{ url: string; kill: () => Promise<void> }>
> {
  const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  const program = here(`../node_modules/.cache/serve-${process.pid}.mjs`);
  files.push(program);
  await bundleProgram(program, here("support/serve-child.ts"));
  return async (directory) => {
    const child = spawn(process.execPath, [program, directory], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(child.stdout, "data");
    const kill = async (): Promise<void> => {
      child.kill("SIGKILL");
      await once(child, "close");
    };
    return { url: String(line).trim(), kill };
  };
}

it("continues running runs and starts waiting ones after it was killed", async () => {
  const directory = place();
  const file = join(directory, "open");
  const serve = await killable();
  const first = await serve(directory);
  const running = await api(first, "runs", { pipeline_spec: waiting(file) });
  const queued = await api(first, "runs", { pipeline_spec: waiting(file) });
  while (!existsSync(`${file}.seen`)) await sleep(20);
  await first.kill();
  rmSync(`${file}.seen`);
  const second = await serve(directory);
  while (!existsSync(`${file}.seen`)) await sleep(20);
  writeFileSync(file, "");
  await until(second, running.run_id, "SUCCEEDED");
  await until(second, queued.run_id, "SUCCEEDED");
  await second.kill();
});

it("keeps recurring runs over a restart", async () => {
  const directory = place();
  const first = await start(directory);
  const { id, ...seen } = await python<{ id: string }>("recurring.py", first.url, "first");
  expect(seen).toEqual({
    names: ["every second", "at night"],
    status: ["DISABLED", "DISABLED"],
    texts: ["1 ", "2 "],
    apart: 1,
    trigger: "0 0 3 * * *",
    reference: true,
    errors: ["SERVER_SCHEDULE_INVALID", "SERVER_SCHEDULE_INVALID"],
  });
  await first.close();
  const second = await start(directory);
  expect(await python("recurring.py", second.url, "second", id)).toEqual({
    more: true,
    gone: "SERVER_RECURRING_RUN_UNKNOWN",
  });
});

it("refuses runs when too many wait, and forgets a waiting one that is terminated", async () => {
  const directory = place();
  const file = join(directory, "open");
  const server = await start(directory, { engine: { containers: "host" }, concurrentRuns: 1, queuedRuns: 1 });
  const body = { pipeline_spec: waiting(file) };
  await api(server, "runs", body);
  const waits = await api(server, "runs", body);
  expect(await api(server, "runs", body)).toMatchObject({
    code: 8,
    details: [{ reason: "SERVER_QUEUE_FULL" }],
  });
  expect(await api(server, `runs/${waits.run_id}:terminate`, {})).toEqual({});
  expect((await api(server, `runs/${waits.run_id}`)).state).toBe("CANCELED");
  await api(server, "runs", body);
  writeFileSync(file, "");
});
