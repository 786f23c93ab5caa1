/**
 * `sealflow verify` on what a broker made that takes simulated evidence under a signed production policy: whatever the auditor's
 * own file says of simulated roots, the policy decides.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { intelRoot } from "@sealflow/attest";
import { toHex } from "@sealflow/core";
import { encodeEnvelope } from "@sealflow/seal";
import { type BundleVerdict, checkTrustPolicy, formatTrustFile } from "@sealflow/trust";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { decodeBundle, encodeBundle } from "../../trust/src/bundle/format.js";
import type * as evidence from "../../trust/src/evidence.js";
import {
  anchorsOf,
  createWorld,
  registerRun,
  runToEnd,
  type World,
  type WorldOptions,
} from "../../trust/test/world.js";
import { cli } from "./support/fake-context.js";

/** While it is on, the broker takes any evidence at all. Nothing is verified by this process meanwhile. */
const blind = vi.hoisted(() => ({ on: false }));
vi.mock("../../trust/src/evidence.js", async (importOriginal) => {
  const real = await importOriginal<typeof evidence>();
  return {
    ...real,
    appraiseEvidence: async (...asked: Parameters<typeof real.appraiseEvidence>) => {
      const judged = await real.appraiseEvidence(...asked);
      return blind.on ? { ...judged, accepted: true } : judged;
    },
  };
});

let directory = "";
const path = (name: string) => join(directory, name);

/** A finished run of a deployment, its files under a name. */
async function deployed(name: string, options: WorldOptions): Promise<World> {
  const world = await createWorld(options);
  const { runId } = await registerRun(world);
  await runToEnd(world, runId);
  expect((await world.broker.status(runId)).state).toBe("SUCCEEDED");
  writeFileSync(path(`${name}.bundle`), await world.broker.bundle(runId));
  writeFileSync(path(`${name}.policy`), encodeEnvelope(world.policyEnvelope));
  const anchors = anchorsOf(world);
  for (const [kind, roots] of [
    ["intel", [intelRoot]],
    ["simulated", anchors.roots],
    ["both", [intelRoot, ...anchors.roots]],
  ] as const)
    writeFileSync(path(`${name}.${kind}.yaml`), formatTrustFile({ ...anchors, roots }));
  return world;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-production-"));
  await deployed("development", {});
  blind.on = true;
  await deployed("production", {
    policy: (policy) =>
      checkTrustPolicy({ ...policy, appraisal: { ...policy.appraisal, simulatedRoots: [] } }),
  });
  blind.on = false;
  const bundle = decodeBundle(readFileSync(path("production.bundle")));
  const claims = { ...bundle.claims, roots: [toHex(intelRoot.publicKeyInfo)] };
  writeFileSync(path("claimed.bundle"), encodeBundle({ ...bundle, claims }));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const verify = (...args: string[]) => cli(["verify", ...args], { cwd: directory });

describe("simulated evidence under a production policy", () => {
  it("is not why an honest development run is refused: that one is trusted, and said to be simulated", async () => {
    const args = [path("development.bundle"), "--trust", path("development.simulated.yaml")];
    const shown = await verify(...args, "--policy", path("development.policy"));
    expect([shown.exitCode, shown.stderr]).toEqual([0, ""]);
    expect(shown.stdout).toContain("SIMULATED");
  });

  it.each([
    ["whose anchors are Intel's", "production", "intel", "TRUST_ANCHOR_ROOT", "claims"],
    [
      "whose anchors have the simulated root",
      "production",
      "simulated",
      "ATTEST_POLICY_SIMULATED",
      "prepare, attempt 1",
    ],
    ["whose anchors have both", "production", "both", "ATTEST_POLICY_SIMULATED", "prepare, attempt 1"],
    [
      "to whom it is claimed to be Intel's",
      "claimed",
      "intel",
      "ATTEST_ROOT_UNTRUSTED",
      "prepare, attempt 1",
    ],
  ])(
    "is refused to an auditor %s: exit 4, with the reason and the place",
    async (_, name, kind, code, where) => {
      const args = [path(`${name}.bundle`), "--trust", path(`production.${kind}.yaml`)];
      const shown = await verify(...args);
      expect([shown.exitCode, shown.stderr]).toEqual([4, ""]);
      expect(shown.stdout).toMatch(new RegExp(`refused ${code}\\n$`));
      expect(shown.stdout).toContain(where);
      const { exitCode, stdout } = await verify(...args, "--policy", path("production.policy"), "--json");
      const verdict = JSON.parse(stdout) as BundleVerdict;
      expect([exitCode, verdict.verdict, verdict.code]).toEqual([4, "refused", code]);
      expect(verdict.checks.at(-1)).toMatchObject({ code, where, passed: false });
      expect(verdict).not.toHaveProperty("run");
    },
  );

  it("is refused to whoever names nobody's anchors, too: it is not even consistent", async () => {
    const { exitCode, stdout } = await verify(path("production.bundle"), "--json");
    expect([exitCode, JSON.parse(stdout).code]).toEqual([4, "ATTEST_POLICY_SIMULATED"]);
  });
});
