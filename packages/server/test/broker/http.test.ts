import { readFileSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Fetch } from "@sealflow/core";
import { httpBroker, verifyBundle } from "@sealflow/trust";
import { afterEach, describe, expect, it } from "vitest";
import {
  anchorsOf,
  createWorld,
  obtainGrant,
  registerRun,
  runToEnd,
  type World,
} from "../../../trust/test/world.js";
import { type BrokerServerOptions, type RunningBroker, startBrokerServer } from "../../src/broker/server.js";
import { removeDirectory, temporaryDirectory } from "../support/server.js";

const pem = (name: string) =>
  readFileSync(fileURLToPath(new URL(`testdata/${name}.pem`, import.meta.url)), "utf8");
const tls = { cert: pem("cert"), key: pem("key") };
const open: { server: RunningBroker; directory: string }[] = [];
afterEach(async () => {
  for (const { server, directory } of open.splice(0)) {
    await server.close();
    removeDirectory(directory);
  }
});

async function serve(world: World, options: Partial<BrokerServerOptions> = {}) {
  const directory = temporaryDirectory();
  const logged: string[] = [];
  const log = {
    log: (_: string, message: string, data?: unknown) =>
      void logged.push(`${message} ${JSON.stringify(data)}`),
  };
  const server = await startBrokerServer({
    ...world.brokerOptions,
    ...{ directory, port: 0, log, requestsPerSecond: 1000 },
    ...options,
  });
  open.push({ server, directory });
  return { server, directory, logged, broker: httpBroker({ url: server.url, fetch }) };
}

/** The standard fetch, for a server whose certificate is the test's own. */
const secureFetch: Fetch = (input, init) =>
  new Promise((resolve, reject) => {
    const options = { method: init?.method, headers: { "content-type": "application/json" }, ca: tls.cert };
    const asked = httpsRequest(String(input), options, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () =>
        resolve(new Response(Buffer.concat(parts), { status: response.statusCode ?? 0 })),
      );
    });
    asked.on("error", reject);
    asked.end(init?.body);
  });

const post = (url: string, path: string, body: string) =>
  fetch(`${url}${path}`, { method: "POST", body, headers: { "content-type": "application/json" } });

describe("the broker over HTTP", () => {
  it("takes a run to its end over TLS, and its bundle verifies", async () => {
    const world = await createWorld();
    const { server } = await serve(world, { tls });
    expect(server.url).toMatch(/^https:/);
    const broker = httpBroker({ url: server.url, fetch: secureFetch });
    expect(await broker.describe()).toMatchObject({
      brokerKey: world.broker.brokerKey,
      policy: { epoch: 3 },
    });
    const { runId } = await broker.openRun();
    await registerRun(world, { runId }, broker);
    await runToEnd(world, runId, { broker });
    const verdict = await verifyBundle(await broker.bundle(runId), { anchors: anchorsOf(world) });
    expect(verdict.verdict).toBe("trusted");
    await expect(httpBroker({ url: server.url, fetch }).describe()).rejects.toMatchObject({
      code: "TRUST_BROKER_UNREACHABLE",
    });
  });

  it("passes refusals on with their codes and a fitting status", async () => {
    const world = await createWorld();
    const { server, broker } = await serve(world);
    const { runId } = await registerRun(world, {}, broker);
    const run = `/v1/runs/${runId}`;
    const unknown = "00000000-0000-8000-8000-000000000000";
    const cases = [
      [`${run}/challenges`, { runId, path: "evaluate" }, 409, "TRUST_TASK_NOT_DUE"],
      [`${run}/challenges`, { runId, path: "prepare", more: 1 }, 400, "TRUST_DOCUMENT_MALFORMED"],
      [`${run}/challenges`, { runId: unknown, path: "prepare" }, 400, "SERVER_REQUEST_INVALID"],
      [`/v1/runs/${unknown}/challenges`, { runId: unknown, path: "prepare" }, 404, "TRUST_RUN_UNKNOWN"],
      [`${run}/requests`, { runId }, 400, "TRUST_DOCUMENT_MALFORMED"],
      [`${run}/other`, {}, 404, "SERVER_ROUTE_UNKNOWN"],
    ] as const;
    for (const [path, body, status, code] of cases) {
      const response = await post(server.url, path, JSON.stringify(body));
      expect([response.status, (await response.json()).error.code]).toEqual([status, code]);
    }
    expect((await post(server.url, `${run}/commits`, "{")).status).toBe(400);
    await expect(broker.challenge({ runId, path: "evaluate" })).rejects.toMatchObject({
      code: "TRUST_TASK_NOT_DUE",
    });
    const strange = httpBroker({
      url: `${server.url}/elsewhere`,
      fetch: async () => new Response("no", { status: 500 }),
    });
    await expect(strange.describe()).rejects.toMatchObject({ code: "TRUST_BROKER_ANSWER" });
  });

  it("bounds bodies, rates and requests at once", async () => {
    const world = await createWorld();
    const { server } = await serve(world, { requestsPerSecond: 1 });
    const large = await post(server.url, "/v1/runs/a/commits", `{"a":"${"x".repeat(33 * 1024 * 1024)}"}`);
    expect(large.status).toBe(413);
    const answers = await Promise.all(Array.from({ length: 15 }, () => fetch(`${server.url}/healthz`)));
    const limited = answers.filter(({ status }) => status === 429);
    expect(limited.length).toBeGreaterThanOrEqual(5);
    expect(limited[0]?.headers.get("retry-after")).toBe("1");
    const busy = await serve(world, { requestsAtOnce: 0 });
    expect((await fetch(`${busy.server.url}/v1/broker`)).status).toBe(503);
  });

  it("logs no message and no secret, and stores none in the clear", async () => {
    const world = await createWorld();
    const { server, directory, logged, broker } = await serve(world);
    const { runId } = await registerRun(world, {}, broker);
    const granted = await obtainGrant(world, runId, "prepare", broker);
    await broker.challenge({ runId, path: "nothing" }).catch(() => undefined);
    const wrong = { runId, path: "prepare", attempt: 1, secrets: "hidden" };
    expect((await post(server.url, `/v1/runs/${runId}/commits`, JSON.stringify(wrong))).status).toBe(400);
    await runToEnd(world, runId, { broker });
    if (granted.kind !== "granted") throw new Error("expected a grant");
    const secrets = [
      "hidden",
      Buffer.from(world.loans.dataKey).toString("hex"),
      Buffer.from(world.loans.dataKey).toString("base64"),
      granted.content.inputs.loans?.[0]?.key ?? "",
    ];
    const kept = ["broker.log", "checkpoint.json"].map((name) =>
      readFileSync(join(directory, name), "latin1"),
    );
    expect(logged.join("\n")).toContain("TRUST_TASK_NOT_DUE");
    for (const secret of secrets) for (const text of [...kept, ...logged]) expect(text).not.toContain(secret);
  });

  it("has its store alone, and wants TLS beyond this machine", async () => {
    const world = await createWorld();
    const { directory } = await serve(world);
    const options = { ...world.brokerOptions, directory, port: 0 };
    await expect(startBrokerServer(options)).rejects.toMatchObject({ code: "SERVER_STORE_BUSY" });
    const elsewhere = { ...options, directory: join(directory, "other") };
    await expect(startBrokerServer({ ...elsewhere, host: "0.0.0.0" })).rejects.toMatchObject({
      code: "SERVER_TLS_REQUIRED",
    });
    await expect(startBrokerServer({ ...elsewhere, tls: { cert: "", key: "no key" } })).rejects.toMatchObject(
      {
        code: "SERVER_TLS_INVALID",
      },
    );
  });
});
