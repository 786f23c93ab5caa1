import { execFile } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
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
import { type FilledServer, filledServer } from "./support/filled-server.js";
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

/** The program: named by SEALFLOW_SCHEMATHESIS, or installed once beside the tests' environments. */
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

/** The description, asking for what is there as often as for what is not. What is there is never deleted. */
function describedFor({ ids, task, output }: FilledServer): object {
  const description = structuredClone(openApiDocument()) as unknown as {
    paths: Record<string, Record<string, { parameters: { name: string; in: string; schema: object }[] }>>;
  };
  for (const [path, methods] of Object.entries(description.paths)) {
    const kind = path.split("/").find((part) => Object.hasOwn(ids, part)) as keyof FilledServer["ids"];
    const there: Record<string, string> = {
      ...{ id: ids[kind] ?? "", version: ids.version, node: task, task },
      name: path.includes("/names/") ? "filled" : output,
    };
    for (const [method, { parameters }] of Object.entries(methods)) {
      for (const parameter of parameters) {
        const known = there[parameter.name];
        if (known === undefined) continue;
        const safe = method === "delete" ? ["unheard-of"] : [known, "unheard-of"];
        parameter.schema =
          parameter.in === "path" ? { enum: safe } : { anyOf: [{ enum: safe }, { type: "string" }] };
      }
    }
  }
  return description;
}

const slow = Boolean(process.env.SEALFLOW_SLOW);

it("withstands schemathesis: no answer of 500 or above, none against its own description", async (context) => {
  const program = await schemathesis().catch((error: Error) => error);
  if (program instanceof Error) {
    if (slow) throw program;
    return context.skip(
      `schemathesis ${SCHEMATHESIS} can't be installed here: ${program.message.slice(0, 200)}`,
    );
  }
  const filled = await filledServer();
  const { url, directory } = filled.server;
  const file = join(directory, "openapi.json");
  writeFileSync(file, JSON.stringify(describedFor(filled)));
  const checks = [
    ...["not_a_server_error", "response_schema_conformance", "content_type_conformance"],
    ...["status_code_conformance", "response_headers_conformance"],
  ];
  const bounds = slow
    ? ["--max-examples", "200", "--workers", "2"]
    : ["--max-examples", "2", "--phases", "examples,fuzzing", "--no-shrink"];
  // The one stream that has no end.
  const endless = ["--exclude-operation-id", "WatchRuns"];
  const options = [
    "--no-color",
    "--request-timeout",
    "10",
    "--checks",
    checks.join(","),
    ...bounds,
    ...endless,
  ];
  const { stdout } = await run(program, ["run", file, "--url", url, ...options], {
    maxBuffer: 1 << 26,
    cwd: directory,
  }).catch((error: { stdout?: string }) => {
    throw new Error(error.stdout ?? String(error));
  });
  expect(stdout).toMatch(slow ? /\d{4,} generated/ : /\d{2,} generated/);
  const record = await (await fetch(`${url}/api/runs/${filled.ids.runs}`)).json();
  expect(record.run).toMatchObject({ state: "SUCCEEDED" });
  await filled.server.remove();
}, 1_800_000);
