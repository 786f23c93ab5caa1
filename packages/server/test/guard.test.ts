import { request } from "node:http";
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { removeDirectory, type TestServer, temporaryDirectory, testServer } from "./support/server.js";

interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly headers: NodeJS.Dict<string | string[]>;
}

/** A request with exactly these headers, which `fetch` would not send. */
function ask(url: string, headers: Record<string, string>, method = "GET", body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/apis/v2beta1/experiments`, { method, headers }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => {
        const parsed = text === "" ? {} : JSON.parse(text);
        const reason = parsed.details?.[0]?.reason ?? "";
        resolve({ status: response.statusCode ?? 0, reason, headers: response.headers });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Sends these bytes and returns the first line of the answer. */
function raw(url: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(text));
    socket.on("error", reject);
    socket.once("data", (chunk) => {
      socket.destroy();
      resolve(String(chunk).split("\r\n")[0] ?? "");
    });
  });
}

describe("on a loopback address", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer({ allowedHosts: ["Sealflow.Example"] });
  });
  afterAll(() => server.remove());
  const port = () => new URL(server.url).port;

  it.each([
    ["its address", () => ({ host: `127.0.0.1:${port()}` })],
    ["localhost", () => ({ host: "localhost" })],
    ["the IPv6 loopback address", () => ({ host: "[::1]:99" })],
    ["a name that was allowed", () => ({ host: "sealflow.example" })],
    [
      "its own page",
      () => ({ host: "localhost:1", origin: "http://localhost:1", "sec-fetch-site": "same-origin" }),
    ],
    [
      "a link that was followed",
      () => ({
        host: "localhost",
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
      }),
    ],
  ])("answers requests for %s", async (_, headers) => {
    expect(await ask(server.url, headers())).toMatchObject({ status: 200 });
  });

  it.each([
    ["a name that points here", { host: "evil.example" }, "SERVER_HOST_REFUSED"],
    ["a name that begins like a loopback address", { host: "127.0.0.1.evil.example" }, "SERVER_HOST_REFUSED"],
    ["another address", { host: "192.168.1.2:8888" }, "SERVER_HOST_REFUSED"],
    ["another site's page", { host: "localhost", origin: "https://evil.example" }, "SERVER_ORIGIN_REFUSED"],
    [
      "a page on another port",
      { host: "localhost:1", origin: "http://localhost:2" },
      "SERVER_ORIGIN_REFUSED",
    ],
    ["a sandboxed page", { host: "localhost", origin: "null" }, "SERVER_ORIGIN_REFUSED"],
    [
      "an image of another site",
      { host: "localhost", "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" },
      "SERVER_ORIGIN_REFUSED",
    ],
  ])("refuses requests for or from %s", async (_, headers, reason) => {
    expect(await ask(server.url, headers)).toMatchObject({ status: 403, reason });
  });

  it.each([
    ["an empty name", "GET /apis/v2beta1/healthz HTTP/1.1\r\nHost:\r\n\r\n"],
    ["no name", "GET /apis/v2beta1/healthz HTTP/1.0\r\n\r\n"],
    ["two names", "GET /apis/v2beta1/healthz HTTP/1.1\r\nHost: localhost, evil.example\r\n\r\n"],
  ])("answers no request for %s", async (_, text) => {
    expect(await raw(server.url, text)).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  it("refuses a form of another site before it reads it", async () => {
    const headers = { host: "localhost", origin: "http://evil.example", "content-type": "text/plain" };
    const answer = await ask(server.url, headers, "POST", JSON.stringify({ display_name: "x" }));
    expect(answer).toMatchObject({ status: 403, reason: "SERVER_ORIGIN_REFUSED" });
  });

  it("tells browsers to run, frame, guess and keep nothing of its answers", async () => {
    const { headers } = await ask(server.url, { host: "localhost" });
    expect(headers).toMatchObject({
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
      "cross-origin-resource-policy": "same-origin",
    });
  });

  it("refuses bodies over the limit, whether they say their length or not", async () => {
    const body = "x".repeat(33 * 1024 * 1024);
    const host = { host: "localhost" };
    const said = await ask(server.url, { ...host, "content-length": String(body.length) }, "POST", body);
    expect(said).toMatchObject({ status: 413, reason: "SERVER_BODY_TOO_LARGE" });
    const unsaid = await ask(server.url, { ...host, "transfer-encoding": "chunked" }, "POST", body);
    expect(unsaid).toMatchObject({ status: 413, reason: "SERVER_BODY_TOO_LARGE" });
  });
});

describe("with a token", () => {
  const servers: TestServer[] = [];
  const directories: string[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.remove();
    for (const directory of directories.splice(0)) removeDirectory(directory);
  });
  const start = async (...options: Parameters<typeof testServer>) => {
    const server = await testServer(...options);
    servers.push(server);
    return server;
  };

  it("asks for it beyond loopback, shows it once, and keeps its digest only", async () => {
    const directory = temporaryDirectory();
    directories.push(directory);
    const first = await start({ directory, host: "0.0.0.0" });
    const token = first.freshToken ?? "";
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const local = first.url.replace("0.0.0.0", "127.0.0.1");
    expect(await ask(local, {})).toMatchObject({ status: 401, reason: "SERVER_TOKEN_REQUIRED" });
    expect(await ask(local, { authorization: `Bearer ${token}x` })).toMatchObject({ status: 401 });
    expect(await ask(local, { authorization: `Bearer ${token}` })).toMatchObject({ status: 200 });
    expect(await ask(local, { authorization: `Bearer ${token}`, host: "10.1.2.3" })).toMatchObject({
      status: 200,
    });
    expect(await ask(local, { authorization: `Bearer ${token}`, host: "evil.example" })).toMatchObject({
      status: 403,
    });
    await first.close();
    const second = await start({ directory, requireToken: true });
    expect(second.freshToken).toBeUndefined();
    expect(await ask(second.url, { authorization: `Bearer ${token}` })).toMatchObject({ status: 200 });
    await second.close();
    const third = await start({ directory, requireToken: true, newToken: true });
    expect(third.freshToken).not.toBe(token);
    expect(await ask(third.url, { authorization: `Bearer ${token}` })).toMatchObject({ status: 401 });
  });

  it("holds back callers that ask too often, and lets them in again later", async () => {
    let now = 0;
    const server = await start({ requestsPerSecond: 1, clock: { now: () => now } });
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask(server.url, {})));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused).toMatchObject({ reason: "SERVER_RATE_LIMITED", headers: { "retry-after": "1" } });
    now += 1000;
    expect(await ask(server.url, {})).toMatchObject({ status: 200 });
  });
});
