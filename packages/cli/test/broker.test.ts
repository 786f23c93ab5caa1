import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalJson } from "@sealflow/core";
import { parseRecipient } from "@sealflow/seal";
import { formatTrustFile, httpBroker, parseTrustFile } from "@sealflow/trust";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, pipeline } from "../../trust/test/world.js";
import type { CliContext } from "../src/context.js";
import { cli } from "./support/fake-context.js";

let directory = "";
const path = (name: string) => join(directory, name);
const keys = () => ["--keys", path("keys")];
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-broker-"));
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  writeFileSync(path("signer.pem"), privateKey.export({ format: "pem", type: "pkcs8" }));
  writeFileSync(path("signer.pub"), publicKey.export({ format: "pem", type: "spki" }));
  const alice = generateKeyPairSync("ed25519");
  writeFileSync(path("alice.pem"), alice.privateKey.export({ format: "pem", type: "pkcs8" }));
  const aliceKey = Buffer.from(`${alice.publicKey.export({ format: "jwk" }).x}`, "base64url").toString("hex");
  const world = await createWorld();
  writeFileSync(path("root.der"), world.platform.rootCertificate);
  writeFileSync(path("pipeline.json"), canonicalJson(pipeline.spec));
  writeFileSync(path("loans.csv"), "loans of the bank");
  for (const name of ["broker", "owner"]) await run(["keys", "new", name, ...keys()]);
  const seal = ["seal", "loans.csv", "--to", "broker", "--json", ...keys()];
  const { digest } = JSON.parse((await run(seal)).stdout);
  const shown = JSON.parse((await run(["keys", "show", "owner", "--json", ...keys()])).stdout);
  const recipient = Buffer.from(
    await parseRecipient(JSON.stringify(shown).match(/sealflow-recipient-1-[\w-]+/)?.[0] ?? ""),
  );
  const [flow] = world.base.flows;
  const flows = [{ ...flow, inputs: { loans: [digest] }, recipients: [recipient.toString("hex")] }];
  writeFileSync(
    path("policy.yaml"),
    canonicalJson({ ...world.base, submitters: { alice: aliceKey }, flows }),
  );
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const run = (args: readonly string[], options = {}) => cli([...args], { cwd: directory, ...options });
const init = [
  "--domain",
  "bank.example",
  "--policy-signer",
  "signer.pub",
  "--root",
  "intel",
  "--root",
  "root.der",
];

describe("sealflow broker", () => {
  it("writes a trust file, signs a trust policy, and serves under both until it is interrupted", async () => {
    const written = await run(["broker", "init", ...init, ...keys(), "-o", path("trust.yaml")]);
    expect([written.exitCode, written.stderr]).toEqual([0, ""]);
    const anchors = parseTrustFile(readFileSync(path("trust.yaml"), "utf8"));
    writeFileSync(path("strange.yaml"), formatTrustFile({ ...anchors, brokerKey: "ab".repeat(32) }));
    expect(anchors.roots.map(({ kind }) => kind)).toEqual(["intel", "simulated"]);

    expect((await run(["policy", "check", "policy.yaml"])).stdout).toContain("epoch 3");
    const signed = await run([
      "policy",
      "sign",
      "policy.yaml",
      "--key",
      "signer.pem",
      "-o",
      path("policy.signed"),
    ]);
    expect(signed.exitCode).toBe(0);

    let interrupt = () => {};
    const lines: string[] = [];
    const serving = run(
      [
        "broker",
        "serve",
        "--trust",
        "trust.yaml",
        "--policy",
        "policy.signed",
        "--port",
        "0",
        "--json",
        ...keys(),
      ],
      {
        onContext: (context: { process: { stdout: { write(text: string): void } }; interrupt(): void }) => {
          interrupt = () => context.interrupt();
          const { write } = context.process.stdout;
          context.process.stdout.write = (text) => {
            lines.push(text);
            write(text);
          };
        },
        now: Date.now,
      },
    );
    await expect.poll(() => lines.length, { timeout: 20_000 }).toBeGreaterThan(0);
    const { url, brokerKey } = JSON.parse(lines[0] ?? "");
    expect(brokerKey).toBe(anchors.brokerKey);
    const description = await httpBroker({ url, fetch }).describe();
    expect(description).toMatchObject({ domain: "bank.example", brokerKey, policy: { epoch: 3 } });
    const register = [
      "broker",
      "register",
      "pipeline.json",
      "--broker",
      url,
      "--submitter",
      "alice",
      "--json",
    ];
    const what = [
      "--key",
      "alice.pem",
      "--input",
      "loans=loans.csv.sealed",
      "--recipient",
      "owner",
      "--param",
      "rounds=7",
    ];
    const shows = [
      "--declassify",
      "prepare/rows",
      "--declassify",
      "prepare/seeds",
      "--checkpoint",
      path("kept"),
    ];
    const registered = await run([...register, ...what, ...shows, ...keys()], { now: Date.now });
    expect([registered.exitCode, registered.stderr]).toEqual([0, ""]);
    const { runId, checkpoint } = JSON.parse(registered.stdout);
    expect(checkpoint.size).toBe(2);
    expect(JSON.parse(readFileSync(path("kept"), "utf8"))).toHaveProperty("signatures");
    expect((await run(["broker", "status", runId, "--broker", url])).stdout).toMatch(/RUNNING\nprepare +due/);
    const hidden = await run([...register, ...what, ...keys()], { now: Date.now });
    expect([hidden.exitCode, hidden.stderr]).toEqual([
      4,
      expect.stringContaining("TRUST_REGISTRATION_DECLASSIFY"),
    ]);
    const unknown = await run([...register, ...what, "--trust", "strange.yaml", ...keys()], {
      now: Date.now,
    });
    expect(unknown.stderr).toContain("CLI_BROKER_UNKNOWN");
    const missing = await run([
      "bundle",
      "00000000-0000-8000-8000-000000000000",
      "--broker",
      url,
      "-o",
      path("b"),
    ]);
    expect(missing.stderr).toContain("TRUST_RUN_UNKNOWN");
    interrupt();
    expect((await serving).exitCode).toBe(0);
  });

  it("puts a newer policy in force when it is told to, or when the file changes, and stays with the old otherwise", async () => {
    const policy = JSON.parse(readFileSync(path("policy.yaml"), "utf8"));
    const sign = async (epoch: number, key = "signer.pem") => {
      writeFileSync(path("next.yaml"), canonicalJson({ ...policy, epoch }));
      await run(["policy", "sign", "next.yaml", "--key", key, "-o", path("live.signed")]);
    };
    await sign(3);
    let context: { interrupt(): void; reload(): void } | undefined;
    const written = { stdout: "", stderr: "" };
    const serving = run(
      ["broker", "serve", "--trust", "trust.yaml", "--policy", "live.signed", "--port", "0", "--json"].concat(
        ["--directory", path("reloading"), ...keys()],
      ),
      {
        now: Date.now,
        onContext: (made: CliContext & { interrupt(): void; reload(): void }) => {
          context = made;
          for (const name of ["stdout", "stderr"] as const) {
            made.process[name].write = (text: string) => {
              written[name] += text;
            };
          }
        },
      },
    );
    await expect.poll(() => written.stdout, { timeout: 20_000 }).toContain("url");
    const { url } = JSON.parse(written.stdout);
    const epoch = async () => (await httpBroker({ url, fetch }).describe()).policy.epoch;
    await sign(4);
    context?.reload();
    await expect.poll(epoch).toBe(4);
    // Without being told: the file is looked at every two seconds.
    await sign(5);
    await expect.poll(epoch, { timeout: 20_000 }).toBe(5);
    await expect.poll(() => written.stderr).toContain("live.signed: policy epoch 5 is in force");
    await sign(4);
    context?.reload();
    await expect.poll(() => written.stderr).toContain("TRUST_POLICY_EPOCH");
    await sign(6, "alice.pem");
    context?.reload();
    await expect.poll(() => written.stderr).toContain("SEAL_ENVELOPE_SIGNER");
    writeFileSync(path("live.signed"), "no policy");
    context?.reload();
    await expect.poll(() => written.stderr).toContain("CLI_POLICY_UNSIGNED");
    expect(await epoch()).toBe(5);
    context?.interrupt();
    expect((await serving).exitCode).toBe(0);
  });

  it("refuses another key, an unsigned policy, half of TLS and roots that are none", async () => {
    await run(["keys", "new", "other", ...keys()]);
    const serve = ["broker", "serve", "--trust", "trust.yaml", "--policy", "policy.signed", ...keys()];
    const cases = [
      [[...serve, "--key", "other"], "CLI_BROKER_KEY"],
      [[...serve.slice(0, 4), "--policy", "policy.yaml", ...keys()], "CLI_POLICY_UNSIGNED"],
      [[...serve, "--tls-cert", "signer.pub"], "CLI_TLS_INCOMPLETE"],
      [[...serve, "--host", "0.0.0.0"], "SERVER_TLS_REQUIRED"],
      [["broker", "init", ...init.slice(0, 4), "--root", "signer.pub", ...keys()], "CLI_ROOT_INVALID"],
    ] as const;
    for (const [args, code] of cases) {
      const { stderr, exitCode } = await run(args);
      expect(stderr).toContain(code);
      expect(exitCode).toBeGreaterThan(0);
    }
  });

  it("bundles sealed runs only", async () => {
    const { stderr, exitCode } = await run(["bundle", "latest", "-o", "b"]);
    expect(stderr).toContain("CLI_RUN_UNKNOWN");
    expect(exitCode).toBe(2);
  });
});
