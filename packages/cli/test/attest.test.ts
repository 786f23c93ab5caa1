import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SgxVerdict, trustRootFromCertificate, verifySgxQuote } from "@sealflow/attest";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shared } from "../../../test-support/shared.js";
import { bundleNames, readBundle, syntheticCases } from "../../attest/test/vectors.js";
import { policy as trustPolicy } from "../../trust/test/world.js";
import { cli } from "./support/fake-context.js";

const vectors = shared("attestation-vectors");
let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-attest-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const policy = (epoch: number, statuses: string[] = ["SWHardeningNeeded"]) =>
  JSON.stringify({
    version: "sealflow.appraisal/v1",
    name: "test",
    epoch,
    components: { any: [{ mrsigner: "00".repeat(32), productId: 0, minimumSvn: 0 }] },
    tcb: { statuses, minimumEvaluation: 1 },
    platforms: "any",
  });

describe.skipIf(!vectors)("sealflow attest", () => {
  const evidence = (name: string, folder = "bundles") => [
    ...["--quote", join(vectors ?? "", folder, `${name}.quote.bin`)],
    ...["--collateral", join(vectors ?? "", folder, `${name}.collateral.json`)],
  ];
  const automata = [...evidence("C_automata_00606A000000_2025-09"), "--at", "2025-09-01T00:00:00Z"];

  it("accepts a genuine quote with exit code 0", async () => {
    const { stdout, exitCode } = await cli(["attest", "verify", ...automata, "--json"]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: "accept",
      status: "SWHardeningNeeded",
      kind: "intel",
      enclave: { debug: false },
    });
  });

  it("judges every genuine quote at its time as the library does, in the form that programs read", async () => {
    expect(bundleNames().length).toBeGreaterThan(10);
    for (const name of bundleNames()) {
      const vector = readBundle(name);
      const at = `--at=${new Date(vector.at).toISOString()}`;
      const [outcome, own] = [
        await cli(["attest", "verify", ...evidence(name), at, "--json"]),
        await verifySgxQuote(vector),
      ];
      expectForm(outcome, own);
    }
  });

  it("judges every case under a test root as the library does, with --root and without", async () => {
    const certificate = join(vectors ?? "", "synthetic", "test-root-ca.der");
    const root = trustRootFromCertificate(Uint8Array.from(readFileSync(certificate)));
    for (const vector of syntheticCases()) {
      const args = ["attest", "verify", ...evidence(vector.name, "synthetic"), "--at", `${vector.at / 1000}`];
      expectForm(
        await cli([...args, "--root", certificate, "--json"]),
        await verifySgxQuote({ ...vector, root }),
      );
      expect((await cli([...args, "--json"])).exitCode, vector.name).toBe(4);
      expect((await cli(args)).exitCode, vector.name).toBe(4);
    }
  });

  /** One JSON object with the documented members, and the exit code of its verdict. */
  function expectForm({ stdout, exitCode }: { stdout: string; exitCode: number }, own: SgxVerdict): void {
    const said = JSON.parse(stdout);
    expect(exitCode).toBe(own.verdict === "accept" ? 0 : 4);
    expect({ verdict: said.verdict, status: said.status, code: said.code, kind: said.kind }).toEqual({
      ...{ verdict: own.verdict, status: own.status, code: own.code, kind: own.kind },
    });
    expect(said.checks.length).toBe(own.checks.length);
    for (const check of said.checks)
      expect(Object.keys(check)).toEqual(
        expect.arrayContaining(["code", "what", "passed", "expected", "got"]),
      );
    if (own.verdict === "accept") expect(said.enclave.mrEnclave).toMatch(/^[0-9a-f]{64}$/);
    else expect(said.checks.at(-1)).toMatchObject({ passed: false, code: said.code });
  }

  it("refuses with exit code 4 and the reason", async () => {
    const outside = ["attest", "verify", ...automata.slice(0, -1), "2026-09-01T00:00:00Z"];
    const { stdout, exitCode } = await cli([...outside, "--json"]);
    expect(exitCode).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ verdict: "refuse", status: null, code: "ATTEST_CRL_EXPIRED" });
    expect((await cli(outside)).stdout).toContain("refuse ATTEST_CRL_EXPIRED");
  });

  it("marks what stands under another root as simulated", async () => {
    const args = ["attest", "verify", ...evidence("ok_uptodate", "synthetic"), "--at", "1781481600"];
    expect((await cli([...args, "--json"])).exitCode).toBe(4);
    const rooted = [...args, "--root", join(vectors ?? "", "synthetic", "test-root-ca.der")];
    const { stdout, exitCode } = await cli([...rooted, "--json"]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ verdict: "accept", kind: "simulated", status: "UpToDate" });
    expect((await cli(rooted)).stdout).toContain("SIMULATED");
    const judged = await cli([...rooted, "--policy", file("p.json", policy(1, ["UpToDate"])), "--json"]);
    expect(JSON.parse(judged.stdout)).toMatchObject({ verdict: "refuse", code: "ATTEST_POLICY_SIMULATED" });
  });

  it("holds evidence against a policy", async () => {
    const args = ["attest", "verify", ...automata, "--policy", file("q.json", policy(1)), "--json"];
    const { stdout, exitCode } = await cli(args);
    expect(exitCode).toBe(4);
    expect(JSON.parse(stdout).code).toBe("ATTEST_POLICY_ADVISORY");
  });

  it.each([
    ["no time", ["--at", "yesterday"], "CLI_TIME_INVALID"],
    ["a missing root", ["--at", "1", "--root", "/nowhere/root.der"], "CLI_FILE_NOT_FOUND"],
  ])("answers %s with exit code 2", async (_, flags, code) => {
    const { stderr, exitCode } = await cli([
      "attest",
      "verify",
      ...evidence("C_automata_00606A000000_2025-09"),
      ...flags,
    ]);
    expect(stderr).toContain(code);
    expect(exitCode).toBe(2);
  });

  const quote = () => join(vectors ?? "", "bundles", "C_automata_00606A000000_2025-09.quote.bin");
  const collateral = () => join(vectors ?? "", "bundles", "C_automata_00606A000000_2025-09.collateral.json");

  it.each([
    ["2025-09-01", 0],
    ["2025-09-01T00:00Z", 0],
    ["2025-09-01T02:00:00+02:00", 0],
    ["2025-09-01T00:00:00.000Z", 0],
    ["1756684800", 0],
    ["0", 4],
    ["99999999999", 4],
    ["now", 2],
    ["-1", 2],
    ["1.5", 2],
    ["1e9", 2],
    ["0x10", 2],
    ["123456789012", 2],
    ["2025-09-01T00:00:00", 2],
    ["2025-09-01 00:00:00Z", 2],
    ["2025-9-1", 2],
    ["2025-02-30", 2],
    ["2025-02-29T00:00:00Z", 2],
    ["2025-04-31T00:00:00Z", 2],
    ["2025-13-01", 2],
    ["2025-09-01T25:00:00Z", 2],
    ["2025-09-01T00:60:00Z", 2],
    ["2025-09-01T00:00:00+25:00", 2],
  ])("takes --at %j with exit code %i", async (at, expected) => {
    const args = [
      "attest",
      "verify",
      "--quote",
      quote(),
      "--collateral",
      collateral(),
      `--at=${at}`,
      "--json",
    ];
    const { stdout, stderr, exitCode } = await cli(args);
    expect([exitCode, stderr.includes("CLI_TIME_INVALID")]).toEqual([expected, expected === 2]);
    expect(stdout.includes("verdict")).toBe(expected !== 2);
  });

  it.each([
    ["nothing", ""],
    ["no JSON", "{"],
    ["a list", "[]"],
    ["a text", '"collateral"'],
    ["null", "null"],
    ["a number", "1"],
    ["an empty object", "{}"],
    ["a member of another type", JSON.stringify({ tcb_info: 1 })],
    ["nesting without end", "[".repeat(100_000)],
    ["a byte order mark", "\uFEFF{}"],
    ["a prototype for a member", '{"__proto__": {"tcb_info": "x"}}'],
  ])("refuses collateral that is %s with exit code 4", async (_, text) => {
    const broken = file("broken.json", text);
    const args = [
      "attest",
      "verify",
      "--quote",
      quote(),
      "--collateral",
      broken,
      "--at",
      "2025-09-01",
      "--json",
    ];
    const { stdout, stderr, exitCode } = await cli(args);
    expect([exitCode, stderr]).toEqual([4, ""]);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ verdict: "refuse", status: null, code: "ATTEST_COLLATERAL_MALFORMED", enclave: expect.anything() },
      checks: expect.arrayContaining([expect.objectContaining({ passed: false })]),
    });
  });

  it("refuses each member of the collateral left out, emptied, of another type or of another platform", async () => {
    const genuine = JSON.parse(readFileSync(collateral(), "utf8")) as Record<string, string>;
    const args = ["attest", "verify", "--quote", quote(), "--at", "2025-09-01", "--json", "--collateral"];
    // What nothing is read from may be left out.
    const unread = ["pck_crl_issuer_chain", "pck_certificate_chain", "version"];
    for (const name of Object.keys(genuine).filter((each) => !unread.includes(each))) {
      for (const put of [
        undefined,
        "",
        1,
        null,
        [],
        "00",
        `${genuine[name]}00`,
        genuine[name]?.slice(0, -2),
      ]) {
        const path = file("changed.json", JSON.stringify({ ...genuine, [name]: put }));
        const { stdout, exitCode } = await cli([...args, path]);
        expect(exitCode, `${name}: ${JSON.stringify(put)?.slice(0, 20)}`).toBe(4);
        expect(JSON.parse(stdout).code).toMatch(/^ATTEST_/);
      }
    }
  });

  it.each([
    ["no quote", ["--collateral", "C", "--at", "1"], 2],
    ["no collateral", ["--quote", "Q", "--at", "1"], 2],
    ["no time", ["--quote", "Q", "--collateral", "C"], 2],
    ["a quote that is not there", ["--quote", "/nowhere", "--collateral", "C", "--at", "1"], 2],
    ["a directory for a quote", ["--quote", "/", "--collateral", "C", "--at", "1"], 2],
    ["a directory for collateral", ["--quote", "Q", "--collateral", "/", "--at", "1"], 2],
    ["collateral that is not there", ["--quote", "Q", "--collateral", "/nowhere", "--at", "1"], 2],
    ["an empty time", ["--quote", "Q", "--collateral", "C", "--at="], 2],
    ["a flag that does not exist", ["--quote", "Q", "--collateral", "C", "--at", "1", "--trust", "x"], 2],
    ["an argument too many", ["--quote", "Q", "--collateral", "C", "--at", "1", "more"], 2],
    ["a flag twice", ["--quote", "Q", "--quote", "Q", "--collateral", "C", "--at", "1"], 2],
    ["a flag without its value", ["--quote", "Q", "--collateral", "C", "--at"], 2],
    [
      "a policy that is not there",
      ["--quote", "Q", "--collateral", "C", "--at", "1", "--policy", "/nowhere"],
      2,
    ],
    ["collateral for a quote", ["--quote", "C", "--collateral", "C", "--at", "1"], 4],
    ["a quote for collateral", ["--quote", "Q", "--collateral", "Q", "--at", "1"], 4],
  ])("answers %s with exit code", async (_, args, expected) => {
    const named = args.map((each) => (each === "Q" ? quote() : each === "C" ? collateral() : each));
    const { exitCode, stderr, stdout } = await cli(["attest", "verify", ...named, "--json"]);
    expect([exitCode, stdout.includes("verdict"), stderr === ""]).toEqual([
      expected,
      expected === 4,
      expected === 4,
    ]);
  });

  it("answers missing flags and malformed roots and policies with exit code 2", async () => {
    expect((await cli(["attest", "verify", "--quote", "x"])).exitCode).toBe(2);
    const root = await cli(["attest", "verify", ...automata, "--root", file("root.der", "no certificate")]);
    expect([root.exitCode, root.stderr]).toEqual([2, expect.stringContaining("CLI_ROOT_INVALID")]);
    const broken = await cli(["attest", "verify", ...automata, "--policy", file("b.yaml", "version: 9\n")]);
    expect([broken.exitCode, broken.stderr]).toEqual([2, expect.stringContaining("ATTEST_POLICY_INVALID")]);
  });

  it("refuses collateral that is no JSON", async () => {
    const args = ["attest", "verify", ...automata.slice(0, 2), "--collateral", file("c.json", "{")];
    const { stdout, exitCode } = await cli([...args, "--at", "1", "--json"]);
    expect(exitCode).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ code: "ATTEST_COLLATERAL_MALFORMED" });
  });

  it("shows a quote's claims without believing them", async () => {
    const quote = automata[1] ?? "";
    const { stdout } = await cli(["attest", "show", quote, "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ verified: false, enclave: { debug: false } });
    expect((await cli(["attest", "show", quote])).stdout).toContain("not verified");
    expect((await cli(["attest", "show", file("empty.bin", "")])).exitCode).toBe(2);
  });
});

describe("sealflow policy", () => {
  it("checks, compares and signs", async () => {
    const [one, two] = [file("one.json", policy(1)), file("two.json", policy(2, []))];
    expect(JSON.parse((await cli(["policy", "check", one, "--json"])).stdout)).toMatchObject({ epoch: 1 });
    const { changes } = JSON.parse((await cli(["policy", "diff", one, two, "--json"])).stdout);
    expect(changes).toHaveLength(2);
    const { privateKey } = generateKeyPairSync("ed25519");
    const key = file("key.pem", privateKey.export({ format: "pem", type: "pkcs8" }).toString());
    const signed = await cli(["policy", "sign", two, "--key", key, "--previous", one]);
    expect(JSON.parse(signed.stdout).signatures).toHaveLength(1);
    const stale = await cli(["policy", "sign", one, "--key", key, "--previous", two]);
    expect([stale.exitCode, stale.stderr]).toEqual([2, expect.stringContaining("ATTEST_POLICY_EPOCH")]);
    const wrong = await cli(["policy", "sign", one, "--key", one]);
    expect(wrong.stderr).toContain("CLI_KEY_INVALID");
  });

  it("reads signed policies too, and lets no epoch stay where it was behind an envelope", async () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const key = file("signer.pem", privateKey.export({ format: "pem", type: "pkcs8" }).toString());
    const trust = (epoch: number) => {
      const appraisal = { ...JSON.parse(policy(epoch)), simulatedRoots: [] };
      return JSON.stringify({ ...trustPolicy, epoch, appraisal });
    };
    for (const [kind, make] of [
      ["appraisal", policy],
      ["trust", trust],
    ] as const) {
      const [old, fresh] = [file(`${kind}1.json`, make(1)), file(`${kind}2.json`, make(2))];
      const signed = join(directory, `${kind}2.signed`);
      expect((await cli(["policy", "sign", fresh, "--key", key, "-o", signed])).exitCode).toBe(0);
      const checked = await cli(["policy", "check", signed, "--json"]);
      expect(checked, checked.stderr).toMatchObject({
        exitCode: 0,
        stderr: expect.stringContaining("is signed"),
      });
      const plain = await cli(["policy", "check", fresh, "--json"]);
      expect(checked.stdout).toBe(plain.stdout);
      const { changes } = JSON.parse((await cli(["policy", "diff", old, signed, "--json"])).stdout);
      expect(changes).toContainEqual({ path: "epoch", before: "1", after: "2" });
      for (const stale of [old, fresh]) {
        const again = await cli(["policy", "sign", stale, "--key", key, "--previous", signed]);
        expect([again.exitCode, again.stderr]).toEqual([2, expect.stringContaining("ATTEST_POLICY_EPOCH")]);
      }
    }
    const [one, two] = [join(directory, "appraisal1.json"), join(directory, "trust2.signed")];
    for (const args of [
      ["diff", one, two],
      ["sign", one, "--key", key, "--previous", two],
    ])
      expect(await cli(["policy", ...args])).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining("CLI_POLICY_KIND"),
      });
  });
});
