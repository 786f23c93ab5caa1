import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runPython } from "../../../test-support/python.js";
import { createApp } from "../src/app.js";
import { Sessions } from "../src/http/session.js";
import { openApiDocument } from "../src/openapi/document.js";
import { operations } from "../src/openapi/operations.js";
import { createParts, random } from "../src/parts.js";
import { removeDirectory, type TestServer, temporaryDirectory, testServer } from "./support/server.js";

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ engine: { containers: "refuse" }, requestsPerSecond: 1e6 });
});
afterAll(() => server.remove());

it("describes every route of the server, and no other", async () => {
  const directory = temporaryDirectory();
  const parts = createParts({ directory });
  const app = createApp({
    ...{ context: parts.context, log: parts.log, feeds: parts.feeds, stopping: parts.stopping.signal },
    ...{ refresh: () => {}, reschedule: () => {}, requestsPerSecond: 1 },
    guard: { loopback: true, allowedHosts: [] },
    ...{ sessions: new Sessions(Date, random), pages: new Map() },
  });
  const routes = app.routes
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => {
      const written = path.replace(/:(\w+)\{\[[^\]]+\]\+(:\w+)\}/g, "{$1}$2").replace(/\/:(\w+)/g, "/{$1}");
      return `${method.toLowerCase()} ${written}`;
    });
  const described = operations.map(({ method, path }) => `${method} ${path}`);
  expect(described.toSorted()).toEqual([...new Set(routes)].toSorted());
  expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length);
  await parts.engine.close();
  parts.context.entities.close();
  removeDirectory(directory);
});

it("is served, and refers to nothing that is not in it", async () => {
  const served = await (await fetch(`${server.url}/openapi.json`)).json();
  expect(served).toEqual(JSON.parse(JSON.stringify(openApiDocument())));
  const references = [...JSON.stringify(served).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(
    ([, name]) => name,
  );
  expect(Object.keys(served.components.schemas)).toEqual(expect.arrayContaining(references));
  const { requestBody } = served.paths["/apis/v2beta1/runs"].post;
  const { properties } = requestBody.content["application/json"].schema;
  expect(properties.pipeline_spec).toEqual({ type: "object" });
  expect(properties.display_name).toMatchObject({ type: "string", maxLength: 512 });
});

/** Pinned: other versions look elsewhere. */
const SCHEMATHESIS = "4.32.5";

/** The program: named by SEALFLOW_SCHEMATHESIS, or installed once beside the tests' environments in the slow lane. */
async function schemathesis(): Promise<string> {
  const named = process.env.SEALFLOW_SCHEMATHESIS;
  if (named) return named;
  const environment = join(homedir(), ".cache", "sealflow", `schemathesis-${SCHEMATHESIS}`);
  const program = join(environment, "bin", "schemathesis");
  if (!existsSync(program)) {
    await runPython(["-m", "venv", "--clear", environment]);
    await run(join(environment, "bin", "pip"), ["install", "-q", `schemathesis==${SCHEMATHESIS}`]);
  }
  return program;
}

const run = promisify(execFile);

it.skipIf(!process.env.SEALFLOW_SLOW && !process.env.SEALFLOW_SCHEMATHESIS)(
  "withstands schemathesis: no answer of 500 or above, none against its own description",
  async () => {
    const checks = "not_a_server_error,response_schema_conformance,content_type_conformance";
    const args = ["run", `${server.url}/openapi.json`, "--checks", checks, "--no-color"];
    const bounds = ["--max-examples", process.env.SEALFLOW_SLOW ? "100" : "10", "--request-timeout", "5"];
    const streams = ["--exclude-operation-id", "WatchRun", "--exclude-operation-id", "WatchRuns"];
    const { stdout } = await run(await schemathesis(), [...args, ...bounds, ...streams], {
      maxBuffer: 1 << 26,
      cwd: server.directory,
    });
    expect(stdout).toMatch(/\d{3,} generated/);
  },
  300_000,
);
