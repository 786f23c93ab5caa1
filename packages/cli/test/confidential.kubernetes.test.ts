/**
 * From a pipeline to a verified run on another engine, with one command: `sealflow serve` stands for Kubeflow Pipelines and runs
 * the measured image by digest in podman; the broker, and what vouches for the simulated enclaves, are elsewhere, behind TLS
 * with certificates that only their pins are known of.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { registryProgram } from "../../../test-support/registry.js";
import { type ConfidentialEngine, openConfidentialEngine } from "./support/confidential-cluster.js";
import { must, secrets } from "./support/confidential-world.js";

const program = registryProgram();

describe.skipIf(program === undefined)("a confidential run on another engine", () => {
  let here: ConfidentialEngine;
  const path = (...names: string[]) => here.world.path(...names);
  const sealflow = (...args: string[]) => here.world.near(...args);
  const run = (...more: string[]) => here.run(...more);

  beforeAll(async () => {
    here = await openConfidentialEngine(program ?? "");
  }, 300_000);
  afterAll(() => here?.close());

  it("is registered, runs in its image, and ends with outputs that its bundle proves", async () => {
    const outcome = await run();
    expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 });
    const summary = JSON.parse(outcome.stdout);
    expect(summary).toMatchObject({
      state: "SUCCEEDED",
      outputs: { rows: 3, accuracy: 0.875 },
      sealed: { enclaves: "simulated" },
    });
    const states = summary.tasks.map(
      ({ path: at, state }: { path: string; state: string }) => `${at} ${state}`,
    );
    expect(states).toContain("condition-1/for-loop-3[1]/describe SUCCEEDED");
    expect(outcome.stderr).toContain("in SIMULATED enclaves");
    // What the tasks print is opened here, with the recipient's key.
    expect(outcome.stderr).toContain(`load | 1,${secrets[0]},${secrets[1]}`);
    expect(outcome.stderr).toMatch(/Bundle .*bundle.json: trusted \(SIMULATED/);
  }, 240_000);

  it("leaves the other engine nothing but ciphertext", () => {
    const files = readdirSync(path("far"), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    const text = files.map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1")).join("\n");
    expect(text).toContain("SEALFLOW LOG");
    for (const secret of secrets) expect(text).not.toContain(secret);
  });

  it("is bundled, read and verified later, also by somebody who has not submitted it", async () => {
    await must(sealflow("bundle", "latest", "--on", "far", "-o", "one.bundle"));
    const verified = JSON.parse(
      await must(sealflow("verify", "one.bundle", "--trust", "trust.yaml", "--json")),
    );
    expect(verified).toMatchObject({ verdict: "trusted", run: { simulated: true, submitter: "alice" } });
    // Without what was kept here, by the context's broker and the id in the spec.
    await must(sealflow("bundle", "latest", "--on", "far", "-o", "two.bundle", "--store", path("elsewhere")));
    const second = JSON.parse(await must(sealflow("verify", "two.bundle", "--json")));
    expect(second.run).toMatchObject({ runId: verified.run.runId, tasks: verified.run.tasks });
    const log = await must(sealflow("runs", "logs", "latest", "load", "--on", "far"));
    expect(log).toContain(secrets[0]);
    rmSync(path("near", ".sealflow", "keys"), { recursive: true });
    expect(await must(sealflow("runs", "logs", "latest", "load", "--on", "far"))).toMatch(
      /\(sealed log, \d+ bytes/,
    );
    await must(sealflow("keys", "new"));
  });

  it("is refused before anything is registered when a task can't be protected", async () => {
    const changed = readFileSync(path("near", "steps.py"), "utf8").replace("7 / 8", "6 / 8");
    const before = readFileSync(path("near", "steps.py"), "utf8");
    writeFileSync(path("near", "steps.py"), changed);
    const outcome = await run();
    writeFileSync(path("near", "steps.py"), before);
    expect(outcome.exitCode).toBe(4);
    const { error } = JSON.parse(outcome.stdout);
    expect(error.code).toBe("CLI_CONFIDENTIAL_UNPROTECTED");
    expect(JSON.stringify(error.data)).toContain("OVERLAY_IMAGE_STALE");
  });

  it("tells nothing to whoever has another key than the broker's", async () => {
    const outcome = await run("--broker-pin", "0".repeat(64));
    expect(outcome).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining("CLUSTER_CERTIFICATE_REFUSED"),
    });
  });
});
