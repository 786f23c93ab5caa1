/** What `sealflow verify` refuses of a real run with every kind of control flow: the reason, the place, exit code 4. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { canonicalJson } from "@sealflow/core";
import type { BundleVerdict } from "@sealflow/trust";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { brokerOf, type LogEntry, type RunBundle, relog } from "./support/broker-that-lies.js";
import { cli } from "./support/fake-context.js";

const slow = process.env.SEALFLOW_SLOW !== undefined;
let directory: string;
let elsewhere: string;
const at = (name: string) => join(directory, name);

interface Bundle {
  readonly [name: string]: unknown;
  readonly tasks: readonly Record<string, unknown>[];
  readonly log: { readonly entries: readonly { readonly entry: { readonly kind: string } }[] };
}
let bundle: Bundle;
let other: Bundle;

const sealflow = (cwd: string, ...args: string[]) => cli(args, { cwd, env: process.env, now: Date.now });

/** A project with a finished sealed run. */
async function project(): Promise<string> {
  const made = mkdtempSync(join(tmpdir(), "sealflow-refusals-"));
  cpSync(fileURLToPath(new URL("testdata/sealed", import.meta.url)), made, { recursive: true });
  writeFileSync(join(made, "package.json"), "{}");
  writeFileSync(join(made, "rows.csv"), "id,name,income\n1,marker-row-one,4711\n2,marker-row-two,4712");
  return made;
}

async function sealedRun(cwd: string, name: string): Promise<Bundle> {
  const run = await sealflow(cwd, "run", "flow.ts", "--sealed", "--json", "--declassify", "train/Output");
  // One task fails for good, as it is meant to.
  expect(run, run.stderr).toMatchObject({ exitCode: 1 });
  const bundled = await sealflow(cwd, "bundle", "latest", "-o", `${name}.bundle`);
  expect(bundled, bundled.stderr).toMatchObject({ exitCode: 0 });
  return JSON.parse(readFileSync(join(cwd, `${name}.bundle`), "utf8"));
}

beforeAll(async () => {
  [directory, elsewhere] = [await project(), await project()];
  bundle = await sealedRun(directory, "run");
  other = await sealedRun(directory, "other");
  await sealedRun(elsewhere, "strange");
});
afterAll(() => {
  for (const each of [directory, elsewhere]) rmSync(each, { recursive: true, force: true });
});

async function verified(changed: object, ...flags: string[]) {
  writeFileSync(at("changed.bundle"), canonicalJson(changed));
  return sealflow(directory, "verify", "changed.bundle", ...flags);
}

/** Demands a refusal that says why and where, for people and for programs. */
async function expectRefused(changed: object, code: RegExp, where: RegExp): Promise<void> {
  const shown = await verified(changed);
  const { stdout, exitCode } = await verified(changed, "--json");
  expect([shown.exitCode, exitCode]).toEqual([4, 4]);
  const verdict = JSON.parse(stdout) as BundleVerdict;
  expect(verdict).toMatchObject({ verdict: "refused", code: expect.stringMatching(code) });
  expect(verdict.checks.at(-1)?.where).toMatch(where);
  expect(shown.stdout).toMatch(new RegExp(`refused ${verdict.code}\\n$`));
  for (const line of shown.stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
}

describe("a sealed run with a branch, a loop, retries and an exit handler", () => {
  it("is trusted, with its failed attempts and skipped branch, in lines of 80 characters", async () => {
    const shown = await sealflow(directory, "verify", "run.bundle");
    expect(shown, shown.stdout).toMatchObject({ exitCode: 0 });
    for (const line of shown.stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
    const { stdout } = await sealflow(directory, "verify", "run.bundle", "--json");
    const { run, checks } = JSON.parse(stdout) as BundleVerdict;
    expect(checks.every(({ passed }) => passed)).toBe(true);
    expect(run?.state).toBe("FAILED");
    const states = run?.tasks.map(({ path, state, attempts }) => `${path} ${state} ${attempts}`) ?? [];
    expect(states.filter((each) => each.includes("failed 2"))).toHaveLength(1);
    expect(states.filter((each) => each.includes("skipped"))).toHaveLength(1);
    expect(states.filter((each) => each.includes("for-loop"))).toHaveLength(2);
  });

  it("is refused with a statement left out, added, exchanged, or a task left out", async () => {
    const { tasks } = bundle;
    const [first = {}, second = {}] = tasks;
    await expectRefused(
      { ...bundle, tasks: tasks.with(0, { ...first, statement: null }) },
      /STATEMENT/,
      /attempt 1/,
    );
    await expectRefused({ ...bundle, tasks: [...tasks, first] }, /TRUST_BUNDLE_EXTRA/, /bundle/);
    await expectRefused({ ...bundle, tasks: [first, ...tasks] }, /TRUST_/, /attempt 1/);
    await expectRefused(
      { ...bundle, tasks: tasks.with(0, { ...first, statement: second.statement }) },
      /TRUST_BUNDLE_STATEMENT/,
      /attempt 1/,
    );
    for (const index of tasks.keys())
      await expectRefused({ ...bundle, tasks: tasks.toSpliced(index, 1) }, /TRUST_/, /./);
  });

  it("is refused with any log entry left out, doubled or exchanged", async () => {
    const { log } = bundle;
    const { entries } = log;
    for (const index of entries.keys()) {
      const without = { ...log, entries: entries.toSpliced(index, 1) };
      await expectRefused({ ...bundle, log: without }, /TRUST_/, /log|registration|bundle|attempt|prepare/);
    }
    const [a, b] = [entries[1], entries[2]];
    if (a === undefined || b === undefined) throw new Error("expected entries");
    await expectRefused(
      { ...bundle, log: { ...log, entries: entries.with(1, b).with(2, a) } },
      /ORDER/,
      /log entry/,
    );
    await expectRefused(
      { ...bundle, log: { ...log, entries: entries.toSpliced(1, 0, a) } },
      /ORDER/,
      /log entry/,
    );
  });

  it("is refused with a task, registration, log or collateral of another run of the same project", async () => {
    for (const index of bundle.tasks.keys()) {
      const swapped = other.tasks[index];
      if (swapped === undefined) continue;
      await expectRefused({ ...bundle, tasks: bundle.tasks.with(index, swapped) }, /TRUST_/, /./);
    }
    for (const name of ["tasks", "registration", "log"] as const)
      await expectRefused({ ...bundle, [name]: other[name] }, /TRUST_/, /./);
  });

  it("is refused under another project's anchors, without the simulated root, and with an artifact of another's", async () => {
    const foreign = await sealflow(
      directory,
      "verify",
      "run.bundle",
      "--trust",
      join(elsewhere, "trust.yaml"),
    );
    expect([foreign.exitCode, foreign.stdout]).toEqual([4, expect.stringContaining("TRUST_ANCHOR_")]);
    // A forgery that agrees with itself: another broker, policy and root.
    const forged = await sealflow(directory, "verify", join(elsewhere, "strange.bundle"));
    expect([forged.exitCode, forged.stdout]).toEqual([4, expect.stringContaining("TRUST_ANCHOR_")]);
    const trust = readFileSync(at("trust.yaml"), "utf8");
    writeFileSync(at("production.yaml"), trust.replace(/ {2}- simulated: .*\n/, "  - intel\n"));
    const production = await sealflow(directory, "verify", "run.bundle", "--trust", "production.yaml");
    expect([production.exitCode, production.stdout]).toEqual([
      4,
      expect.stringContaining("TRUST_ANCHOR_ROOT"),
    ]);
    const artifact = await sealflow(directory, "verify", "run.bundle", "--artifact", "rows.csv");
    expect(artifact.exitCode).not.toBe(0);
  });

  it("is refused with a branch or an iteration that the values don't justify, in a log that its own broker made up", async () => {
    const run = bundle as unknown as RunBundle;
    const { secret, domain } = await brokerOf(directory);
    const last = run.log.entries.at(-1)?.entry;
    if (last === undefined) throw new Error("expected entries");
    const head = { domain, policyEpoch: last.policyEpoch, time: last.time };
    const lied = async (change: (entries: LogEntry[]) => LogEntry[], edit: Partial<RunBundle> = {}) => ({
      ...{ ...run, ...edit },
      log: await relog(run, secret, { change, head }),
    });
    writeFileSync(at("honest.bundle"), canonicalJson(await lied((entries) => entries)));
    expect(await sealflow(directory, "verify", "honest.bundle")).toMatchObject({ exitCode: 0 });
    for (const [done, never] of [
      ["condition-2/describe", "condition-3/join"],
      ["for-loop-5[1]/describe-2", "for-loop-5[2]/describe-2"],
    ] as const) {
      const granted = run.log.entries
        .map(({ entry }) => entry)
        .find((e) => "path" in e && e.path.endsWith(done));
      if (granted?.kind !== "granted") throw new Error("expected a grant");
      const path = granted.path.replace(done, never);
      const index = run.tasks.findIndex(
        (task) => task.kind === "attempt" && task.transcript.path === granted.path,
      );
      const task = run.tasks[index];
      if (task?.kind !== "attempt") throw new Error("expected an attempt");
      const added = { ...task, transcript: { ...task.transcript, path } };
      const place = run.log.entries.findIndex(({ entry }) => entry === granted);
      const changed = await lied((entries) => entries.toSpliced(place, 0, { ...granted, path }), {
        tasks: run.tasks.toSpliced(index, 0, added),
      });
      await expectRefused(changed, /^TRUST_BUNDLE_NOT_DUE$/, /condition|for-loop/);
    }
  });

  it("is refused for any turned bit", { timeout: 3_600_000 }, async () => {
    const bytes = readFileSync(at("run.bundle"));
    const step = slow ? Math.ceil(bytes.length / 2000) : Math.ceil(bytes.length / 25);
    for (let byte = 0; byte < bytes.length; byte += step) {
      const changed = Buffer.from(bytes);
      changed[byte] = (changed[byte] ?? 0) ^ (1 << ((byte / step) % 8));
      writeFileSync(at("turned.bundle"), changed);
      const { exitCode, stdout } = await sealflow(directory, "verify", "turned.bundle");
      expect([exitCode, byte]).toEqual([4, byte]);
      expect(stdout).toMatch(/refused [A-Z_]+\n$/);
    }
  });
});
