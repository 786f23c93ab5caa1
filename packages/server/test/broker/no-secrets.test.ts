/** A broker over HTTP, while requests fail in every way: nothing secret in its log, its store or its answers. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { httpBroker } from "@sealflow/trust";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formsOf, watchSecrets } from "../../../../test-support/secrets-seen.js";
import {
  createWorld,
  failureOf,
  obtainGrant,
  registerRun,
  resultOf,
  runToEnd,
} from "../../../trust/test/world.js";
import { type RunningBroker, startBrokerServer } from "../../src/broker/server.js";
import { removeDirectory, temporaryDirectory } from "../support/server.js";

/** What callers send where it does not belong. */
const marker = "marker-that-nobody-may-keep";
const bearer = "Bearer 7365637265742d746f6b656e";

const watch = watchSecrets();
let server: RunningBroker;
let directory: string;
const logged: string[] = [];
const answers: string[] = [];

async function send(method: string, path: string, body?: string): Promise<number> {
  const headers = { "content-type": "application/json", authorization: bearer, "x-trace": marker };
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  answers.push(
    `${method} ${path}: ${answer.status} ${JSON.stringify([...answer.headers])} ${await answer.text()}`,
  );
  return answer.status;
}

beforeAll(async () => {
  const world = await createWorld();
  directory = temporaryDirectory();
  const log = {
    log: (level: string, message: string, data?: unknown) =>
      void logged.push(`${level} ${message} ${JSON.stringify(data)}`),
  };
  server = await startBrokerServer({
    ...world.brokerOptions,
    ...{ directory, port: 0, log, requestsPerSecond: 1000 },
  });
  const broker = httpBroker({ url: server.url, fetch });
  const { runId } = await registerRun(world, {}, broker);
  const granted = await obtainGrant(world, runId, "prepare", broker);
  if (granted.kind !== "granted") throw new Error("expected a grant");
  const { stated: _, plain: __, ...commit } = await resultOf(granted.attempt, granted);
  const { evidence } = granted;
  const { transcript } = granted.attempt;
  const failed = await failureOf(granted);
  const runs = `/v1/runs/${runId}`;
  const wrong: readonly (readonly [string, string, unknown])[] = [
    ["POST", `${runs}/challenges`, { runId, path: marker }],
    ["POST", `${runs}/challenges`, { runId: marker, path: "prepare" }],
    ["POST", `${runs}/requests`, { runId, transcript: { ...transcript, domain: marker }, evidence }],
    ["POST", `${runs}/requests`, { runId, transcript, evidence: { ...evidence, quote: btoa(marker) } }],
    ["POST", `${runs}/requests`, { runId, transcript, evidence: { ...evidence, collateral: { marker } } }],
    ["POST", `${runs}/commits`, { ...commit, path: marker }],
    ["POST", `${runs}/commits`, { ...commit, secrets: marker }],
    ["POST", `${runs}/commits`, { ...commit, secrets: { enc: btoa(marker), ciphertext: btoa(marker) } }],
    ["POST", `${runs}/commits`, { ...commit, statement: { ...commit.statement, payload: btoa(marker) } }],
    ["POST", `${runs}/failures`, { ...failed, statement: commit.statement }],
    ["PUT", runs, { runId, registration: marker }],
  ];
  for (const [method, path, body] of wrong)
    expect(await send(method, path, JSON.stringify(body)), path).toBeGreaterThan(399);
  for (const body of [`{"runId": "${marker}`, `"${marker}"`, `[${JSON.stringify(marker)}]`, "", "\u0000"])
    expect(await send("POST", `${runs}/commits`, body)).toBe(400);
  expect(await send("POST", `${runs}/commits`, `{"a":"${marker}${"x".repeat(33 * 1024 * 1024)}"}`)).toBe(413);
  expect(await send("GET", `${runs}?token=${marker}`)).toBe(200);
  expect(await send("GET", `/v1/broker?token=${marker}`)).toBe(200);
  await send("GET", `/v1/runs/${marker}/bundle`);
  expect(await send("DELETE", `${runs}?${marker}`)).toBe(404);
  await runToEnd(world, runId, { broker });
  await send("GET", `${runs}/bundle`);
});
afterAll(async () => {
  watch.restore();
  await server.close();
  removeDirectory(directory);
});

const stored = () =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
const all = () => [...stored(), ...[...logged, ...answers].map((text) => Buffer.from(text))];

describe("a broker whose requests fail", () => {
  it("logs that they do, and nothing of what they said", () => {
    expect(logged.length).toBeGreaterThan(10);
    expect(logged.join("\n")).toMatch(/TRUST_/);
    for (const text of logged) {
      expect(text).not.toContain(marker);
      expect(text).not.toContain(bearer.slice(7));
    }
  });

  it("keeps and answers no caller's token", () => {
    for (const content of all()) {
      expect(content.includes(bearer.slice(7))).toBe(false);
      expect(content.includes(btoa(bearer.slice(7)).slice(0, -2))).toBe(false);
    }
  });

  it("shows none of the keys and seeds that it and its tasks used or drew", () => {
    const shown = answers.flatMap((text) => [...text.matchAll(/"(?:nonce|salt)":"([0-9a-f]{64})"/g)]);
    const open = new Set(shown.map(([, hex]) => hex));
    const secrets = watch.all().filter((hex) => !open.has(hex));
    expect(secrets.length).toBeGreaterThan(100);
    const everything = all();
    const found = secrets.filter((secret) =>
      formsOf(secret).some((form) => everything.some((content) => content.includes(form))),
    );
    expect(found).toEqual([]);
  });
});
