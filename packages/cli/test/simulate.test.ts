import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseQuote, verifySgxQuote } from "@sealflow/attest";
import { fromBase64, toHex } from "@sealflow/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cli } from "./support/fake-context.js";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-simulate-"));
  const openssl = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=quotes";
  execFileSync(
    "openssl",
    [...openssl.split(" "), "-keyout", join(directory, "k"), "-out", join(directory, "c")],
    {
      stdio: "ignore",
    },
  );
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const lock = (enclave: object | null) => {
  const path = join(directory, `lock-${enclave === null}`);
  writeFileSync(
    path,
    JSON.stringify({
      version: "sealflow.image/v1",
      image: `r.io/x@sha256:${"ab".repeat(32)}`,
      command: ["python3"],
      enclave,
      epc: 0,
      executors: {},
    }),
  );
  return path;
};

describe("sealflow image simulate", () => {
  it("vouches for pods of the image with its token alone, under a root of its own, until it is interrupted", async () => {
    const platform = join(directory, "platform.json");
    const context: { interrupt?: () => void; read?: () => string } = {};
    let output = "";
    const done = cli(["image", "simulate", lock(null), "--platform", platform, "--json"], {
      now: Date.now,
      onContext: (made) => {
        context.interrupt = () => made.interrupt();
        const { write } = made.process.stdout;
        Object.assign(made.process.stdout, {
          write: (text: string) => {
            output += text;
            write(text);
          },
        });
      },
    });
    while (output === "") await sleep(20);
    const { url, token, mrenclave, simulatedRoots } = JSON.parse(output);
    expect(mrenclave).toBe("ab".repeat(32));
    expect(simulatedRoots[0]).toMatch(/^[0-9a-f]{64}$/);
    const ask = (body: string, bearer = token, path = "/v1/quotes") =>
      fetch(`${url}${path}`, { method: "POST", body, headers: { authorization: `Bearer ${bearer}` } });
    const good = JSON.stringify({ reportData: "07".repeat(64) });
    const evidence = await (await ask(good)).json();
    const quote = fromBase64(evidence.quote);
    expect(toHex(parseQuote(quote).report.mrEnclave)).toBe(mrenclave);
    // Under Intel's root it is worth nothing.
    const verified = await verifySgxQuote({ quote, collateral: evidence.collateral, at: Date.now() });
    expect(verified.code).toBe("ATTEST_ROOT_UNTRUSTED");
    expect((await ask(good, "0".repeat(64))).status).toBe(403);
    expect((await ask('{"reportData":"07"}')).status).toBe(400);
    expect((await ask("x".repeat(5000))).status).toBe(400);
    expect((await ask(good, token, "/other")).status).toBe(404);
    expect(statSync(platform).mode & 0o777).toBe(0o600);
    context.interrupt?.();
    expect((await done).exitCode).toBe(0);
  });

  it("says the pin of its certificate", async () => {
    let output = "";
    const tls = ["--tls-cert", join(directory, "c"), "--tls-key", join(directory, "k")];
    const done = cli(["image", "simulate", lock(null), "--platform", join(directory, "p2"), ...tls], {
      now: Date.now,
      onContext: (made) => {
        Object.assign(made.process.stdout, {
          write: (text: string) => {
            output += text;
            if (text.includes("Ctrl-C")) setTimeout(() => made.interrupt(), 10);
          },
        });
      },
    });
    expect((await done).exitCode).toBe(0);
    const spki = execFileSync("sh", [
      "-c",
      `openssl x509 -in ${join(directory, "c")} -pubkey -noout | openssl pkey -pubin -outform der | sha256sum`,
    ]);
    expect(output).toContain(`--quotes-pin ${spki.toString().slice(0, 64)}`);
    expect(output).toContain("protects nothing");
  });

  it.each([
    [
      "an image with an enclave",
      { mrenclave: "0".repeat(64), productId: 0, svn: 0 },
      [],
      "CLI_SIMULATE_REAL",
    ],
    ["other machines without TLS", null, ["--host", "0.0.0.0"], "CLI_SIMULATE_FLAG"],
  ])("refuses %s", async (_, enclave, more, code) => {
    const args = ["image", "simulate", lock(enclave), "--platform", join(directory, "p3"), ...more];
    expect(await cli(args, { now: Date.now })).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(code),
    });
  });
});
