/** The broker's certificate, over real TLS: what is not the broker's own gets no request. */
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cli } from "./support/fake-context.js";

const directory = fileURLToPath(new URL("testdata/tls", import.meta.url));
const pem = (name: string) => readFileSync(join(directory, `${name}.pem`), "utf8");
const run = "00000000-0000-8000-8000-000000000000";
const pin = `sha256:${createHash("sha256")
  .update(new X509Certificate(pem("good")).publicKey.export({ format: "der", type: "spki" }))
  .digest("hex")}`;

/** What each server was asked, by the name of its certificate. */
const asked: Record<string, string[]> = {};
const servers: Server[] = [];
const urls: Record<string, string> = {};

beforeAll(async () => {
  for (const name of ["good", "expired", "elsewhere"]) {
    const requests: string[] = [];
    asked[name] = requests;
    const server = createServer({ cert: pem(name), key: pem("key") }, (request, response) => {
      requests.push(`${request.method} ${request.url}`);
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({ runId: run, registration: "", state: "RUNNING", tasks: [], checkpoint: {} }),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    servers.push(server);
    urls[name] = `https://localhost:${(server.address() as AddressInfo).port}`;
  }
});
afterAll(() => {
  for (const server of servers) server.close();
});

const status = (name: string, flags: readonly string[], env = {}) =>
  cli(["broker", "status", run, "--broker", urls[name] ?? name, ...flags], { cwd: directory, env });

describe("a broker's certificate", () => {
  it("of the named authority, for this host and time, is trusted", async () => {
    for (const [flags, env] of [
      [["--broker-ca", "ca.pem"], {}],
      [[], { SEALFLOW_BROKER_CA: "ca.pem" }],
      [["--broker-ca", "ca.pem", "--broker-pin", pin], {}],
    ] as const) {
      expect(await status("good", flags, env)).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining(run),
      });
    }
    const address = {
      SEALFLOW_BROKER: urls.good?.replace("localhost", "127.0.0.1"),
      SEALFLOW_BROKER_CA: "ca.pem",
    };
    const named = await cli(["broker", "status", run], { cwd: directory, env: address });
    expect(named.exitCode).toBe(0);
  });

  it("of the pinned key is trusted, whoever issued it", async () => {
    for (const flags of [
      ["--broker-pin", pin],
      ["--broker-pin", pin.slice("sha256:".length)],
    ]) {
      expect(await status("good", flags)).toMatchObject({ exitCode: 0, stderr: "" });
    }
    expect((await status("good", [], { SEALFLOW_BROKER_PIN: pin })).exitCode).toBe(0);
  });

  it.each([
    ["of an authority that nobody named", "good", [], /UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET/],
    [
      "of another authority",
      "good",
      ["--broker-ca", "other-ca.pem"],
      /UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET/,
    ],
    ["that has expired", "expired", ["--broker-ca", "ca.pem"], /CERT_HAS_EXPIRED/],
    [
      "that has expired, with the pinned key and an authority",
      "expired",
      ["--broker-ca", "ca.pem", "--broker-pin", pin],
      /CERT_HAS_EXPIRED/,
    ],
    ["for another host", "elsewhere", ["--broker-ca", "ca.pem"], /ERR_TLS_CERT_ALTNAME_INVALID/],
    [
      "of another key than the pinned",
      "good",
      ["--broker-pin", `sha256:${"ab".repeat(32)}`],
      /another key|got [0-9a-f]{64}/,
    ],
    [
      "of the authority with another key",
      "good",
      ["--broker-ca", "ca.pem", "--broker-pin", "ab".repeat(32)],
      /another key|got [0-9a-f]{64}/,
    ],
  ])("%s is refused at once, and nothing is sent", async (_, name, flags, why) => {
    const before = asked[name]?.length;
    const { stderr, exitCode } = await status(name, flags);
    expect(stderr).toMatch(why);
    expect(stderr).toContain("CLUSTER_CERTIFICATE_REFUSED");
    expect(exitCode).toBe(4);
    expect(asked[name]?.length).toBe(before);
  });

  it.each([
    ["a pin that is none", ["https://localhost:1", "--broker-pin", "sha256:ab"], "CLI_BROKER_PIN"],
    [
      "an authority without a certificate",
      ["https://localhost:1", "--broker-ca", "key.pem"],
      "CLI_BROKER_CA",
    ],
    [
      "an authority that is not there",
      ["https://localhost:1", "--broker-ca", "none.pem"],
      "CLI_FILE_NOT_FOUND",
    ],
    ["plain HTTP beyond this machine", ["http://broker.example"], "CLI_BROKER_ADDRESS"],
    ["a pin for plain HTTP", ["http://127.0.0.1:1", "--broker-pin", pin], "CLI_BROKER_ADDRESS"],
    ["no address", ["broker"], "CLI_BROKER_ADDRESS"],
  ])("%s is an error of usage", async (_, args, code) => {
    const [address = "", ...flags] = args;
    const { stderr, exitCode } = await status(address, flags);
    expect(stderr).toContain(code);
    expect(exitCode).toBe(2);
  });

  it("is asked for by every command that talks to a broker", async () => {
    const bundle = await cli(["bundle", run, "-o", "-", "--broker", urls.good ?? ""], { cwd: directory });
    expect(bundle.stderr).toContain("CLUSTER_CERTIFICATE_REFUSED");
    const none = await cli(["broker", "status", run], { cwd: directory });
    expect([none.exitCode, none.stderr]).toEqual([2, expect.stringContaining("CLI_BROKER_ADDRESS")]);
  });
});
