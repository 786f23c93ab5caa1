import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeEnvelope } from "@sealflow/seal";
import { formatTrustFile } from "@sealflow/trust";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { anchorsOf, createWorld, registerRun, runToEnd, sealed } from "../../trust/test/world.js";
import { cli } from "./support/fake-context.js";

let directory = "";
const path = (name: string) => join(directory, name);
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-verify-"));
  mkdirSync(path("bare"));
  mkdirSync(path("project/deep"), { recursive: true });
  const world = await createWorld();
  const { runId } = await registerRun(world);
  await runToEnd(world, runId);
  const bundle = await world.broker.bundle(runId);
  writeFileSync(path("run.bundle"), bundle);
  writeFileSync(path("changed.bundle"), Buffer.from(bundle).toString().replace('"value":50', '"value":51'));
  const stranger = await createWorld();
  writeFileSync(path("project/trust.yaml"), formatTrustFile(anchorsOf(world)));
  writeFileSync(path("strange.yaml"), formatTrustFile(anchorsOf(stranger)));
  writeFileSync(path("policy.json"), encodeEnvelope(world.policyEnvelope));
  writeFileSync(path("other-policy.json"), encodeEnvelope(stranger.policyEnvelope));
  writeFileSync(path("loans.sealed"), world.loans.bytes);
  writeFileSync(path("other.sealed"), (await sealed("other", [])).bytes);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const verify = (args: readonly string[], cwd = path("project/deep")) =>
  cli(["verify", path("run.bundle"), ...args], { cwd });

describe("sealflow verify", () => {
  it("trusts a run under the anchors of the enclosing project, and shows it back to the data", async () => {
    const { stdout, stderr, exitCode } = await verify([]);
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("best = 0.52");
    expect(stdout).toMatch(/evaluate[\s\S]*for-loop-1\[0\]\/train[\s\S]*prepare[\s\S]*input loans/);
    expect(stdout).toContain("SIMULATED");
    expect(stdout).toMatch(/trusted under .*trust\.yaml\n$/);
  });

  it("prints the chain as consistent, not trusted, without anchors: exit 4", async () => {
    const { stdout, exitCode } = await verify([], path("bare"));
    expect(exitCode).toBe(4);
    expect(stdout).toContain("consistent, not trusted");
    expect(stdout).toContain("evaluate");
  });

  it("refuses under other anchors, another policy, and when changed, and says where: exit 4", async () => {
    const cases = [
      [["--trust", path("strange.yaml")], "TRUST_ANCHOR_BROKER"],
      [["--policy", path("other-policy.json")], "TRUST_BUNDLE_POLICY"],
      [["--artifact", path("other.sealed")], "TRUST_BUNDLE_ARTIFACT"],
    ] as const;
    for (const [args, code] of cases) {
      const { stdout, exitCode } = await verify(args);
      expect([exitCode, code]).toEqual([4, code]);
      expect(stdout).toMatch(new RegExp(`refused ${code}\\n$`));
    }
    const changed = await cli(["verify", path("changed.bundle"), "--json"], { cwd: path("project") });
    expect(changed.exitCode).toBe(4);
    const verdict = JSON.parse(changed.stdout);
    expect(verdict).toMatchObject({ verdict: "refused" });
    expect(verdict.checks.at(-1)).toMatchObject({ passed: false, where: expect.stringMatching(/./) });
  });

  it("knows the run's artifacts and its policy", async () => {
    const { stdout, exitCode } = await verify([
      "--artifact",
      path("loans.sealed"),
      "--policy",
      path("policy.json"),
      "--json",
    ]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: "trusted",
      artifacts: [{ as: "input loans" }],
      run: { state: "SUCCEEDED", simulated: true },
    });
  });

  it("asks for usable files: exit 2", async () => {
    expect((await cli(["verify", path("missing")], { cwd: directory })).exitCode).toBe(2);
    expect((await verify(["--policy", path("loans.sealed")])).exitCode).toBe(2);
    writeFileSync(path("bad.yaml"), "version: 1");
    const bad = await verify(["--trust", path("bad.yaml")]);
    expect(bad.exitCode).toBe(2);
    expect(bad.stderr).toContain("TRUST_ANCHORS_INVALID");
  });
});
