/** What `sealflow verify` refuses of the example's sealed run: why, where, exit code 4. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { canonicalJson } from "@sealflow/core";
import type { RunSummary } from "@sealflow/engine";
import type { BundleVerdict } from "@sealflow/trust";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  brokerOf,
  type Head,
  type LogEntry,
  type RunBundle,
  relog,
} from "../../../packages/cli/test/support/broker-that-lies.js";
import { cli } from "../../../packages/cli/test/support/fake-context.js";
import { runPython } from "../../../test-support/python.js";
import { artifactOf, copyInto, small } from "./example.js";

let mine: string;
let strangers: string;
let run: RunSummary;
let other: RunSummary;
const bundles: Record<string, RunBundle> = {};
const bundleOf = (name: string) => bundles[name] as RunBundle;

const sealflow = (cwd: string, ...args: string[]) => cli(args, { cwd, env: process.env, now: Date.now });

function project(): string {
  const made = mkdtempSync(join(tmpdir(), "sealflow-loan-sealed-"));
  copyInto(made);
  cpSync(
    fileURLToPath(new URL("../sealflow.config.json", import.meta.url)),
    join(made, "sealflow.config.json"),
  );
  return made;
}

/** Trains under seal, and makes the run's bundle. */
async function trained(cwd: string, name: string, seed: number): Promise<RunSummary> {
  const parameters = Object.entries({ ...small, seed }).flatMap(([key, value]) => [
    "--param",
    `${key}=${value}`,
  ]);
  const ran = await sealflow(cwd, "run", "--sealed", "--json", ...parameters);
  expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
  const bundled = await sealflow(cwd, "bundle", "latest", "-o", `${name}.bundle`);
  expect(bundled, bundled.stderr).toMatchObject({ exitCode: 0 });
  bundles[name] = JSON.parse(readFileSync(join(cwd, `${name}.bundle`), "utf8"));
  return JSON.parse(ran.stdout);
}

beforeAll(async () => {
  [mine, strangers] = [project(), project()];
  run = await trained(mine, "run", 0);
  other = await trained(mine, "other", 1);
  await trained(strangers, "forged", 0);
}, 1_200_000);
afterAll(() => {
  for (const each of [mine, strangers]) rmSync(each, { recursive: true, force: true });
});

const modelOf = (summary: RunSummary) => fileURLToPath(artifactOf(summary, "train-model", "model").uri);

async function verify(bundle: object, ...flags: string[]) {
  writeFileSync(join(mine, "changed.bundle"), canonicalJson(bundle));
  const { stdout, exitCode } = await sealflow(mine, "verify", "changed.bundle", "--json", ...flags);
  return { exitCode, verdict: JSON.parse(stdout) as BundleVerdict };
}

/** Demands exit code 4 with the reason and the place, for programs and for people. */
async function expectRefused(bundle: object, code: RegExp, where: RegExp, ...flags: string[]): Promise<void> {
  const { exitCode, verdict } = await verify(bundle, ...flags);
  expect(verdict).toMatchObject({ verdict: "refused", code: expect.stringMatching(code) });
  expect(verdict.checks.at(-1)).toMatchObject({ passed: false, where: expect.stringMatching(where) });
  const shown = await sealflow(mine, "verify", "changed.bundle", ...flags);
  expect([exitCode, shown.exitCode]).toEqual([4, 4]);
  expect(shown.stdout).toMatch(new RegExp(`refused ${verdict.code}\\n$`));
}

/** The bundle with a log that its own broker made up. */
async function lied(
  change: (entries: LogEntry[]) => readonly LogEntry[],
  edit: Partial<RunBundle> = {},
  time?: string,
): Promise<RunBundle> {
  const bundle = bundleOf("run");
  const { secret, domain } = await brokerOf(mine);
  const last = bundle.log.entries.at(-1)?.entry;
  if (last === undefined) throw new Error("expected entries");
  const head: Head = { domain, policyEpoch: last.policyEpoch, time: time ?? last.time };
  return { ...bundle, ...edit, log: await relog(bundle, secret, { change, head }) };
}

const shifted = (milliseconds: number) => (entry: LogEntry) => ({
  ...entry,
  time: new Date(Date.parse(entry.time) + milliseconds).toISOString(),
});

describe("the example's sealed run", { timeout: 600_000 }, () => {
  it("is trusted, with its model, and its statements are the standards' own", async () => {
    const { exitCode, verdict } = await verify(bundleOf("run"), "--artifact", modelOf(run));
    expect(verdict.checks.filter(({ passed }) => !passed)).toEqual([]);
    expect(exitCode).toBe(0);
    const signed = bundleOf("run").tasks.flatMap((task) =>
      task.kind === "attempt" && task.statement !== null
        ? [{ envelope: task.statement, publicKey: task.transcript.signingKey }]
        : [],
    );
    const checked = await runPython(["test-support/attestations.py"], JSON.stringify(signed));
    expect(JSON.parse(checked)).toEqual(signed.map(() => "https://slsa.dev/provenance/v1"));
  });

  it("is refused with another model, of another run, of another project, or changed", async () => {
    const artifact = (file: string) =>
      expectRefused(bundleOf("run"), /^TRUST_BUNDLE_ARTIFACT$/, /./, "--artifact", file);
    await artifact(modelOf(other));
    const bytes = readFileSync(modelOf(run));
    for (const at of [bytes.length - 1, bytes.length >> 1]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      writeFileSync(join(mine, "changed.sealed"), changed);
      await artifact("changed.sealed");
    }
    // The file in the store exchanged, with the run's record left as it was.
    cpSync(modelOf(other), modelOf(run));
    try {
      await artifact(modelOf(run));
    } finally {
      writeFileSync(modelOf(run), bytes);
    }
  });

  it("is refused with any statement left out, and with one added", async () => {
    const { tasks } = bundleOf("run");
    for (const [index, task] of tasks.entries()) {
      const without = tasks.with(index, { ...task, statement: null } as typeof task);
      await expectRefused({ ...bundleOf("run"), tasks: without }, /^TRUST_BUNDLE_/, /./);
      await expectRefused({ ...bundleOf("run"), tasks: tasks.toSpliced(index, 1) }, /^TRUST_/, /./);
    }
    const [first] = tasks;
    await expectRefused({ ...bundleOf("run"), tasks: [...tasks, first] }, /^TRUST_BUNDLE_EXTRA$/, /bundle/);
  });

  it("is refused with any task of another run, or of another project's", async () => {
    for (const name of ["other", "forged"]) {
      for (const [index, task] of bundleOf(name).tasks.entries()) {
        const swapped = bundleOf("run").tasks.with(index, task);
        await expectRefused({ ...bundleOf("run"), tasks: swapped }, /^(TRUST|SEAL|ATTEST)_/, /./);
      }
    }
  });

  it("is refused as another project's forgery, which agrees with itself", async () => {
    const forged = bundleOf("forged");
    await expectRefused(forged, /^TRUST_ANCHOR_/, /./);
    const own = readFileSync(join(strangers, "trust.yaml"), "utf8");
    const line = (text: string, name: string) => new RegExp(`^.*${name}.*$`, "m").exec(text)?.[0] ?? "";
    const trust = readFileSync(join(mine, "trust.yaml"), "utf8");
    for (const [name, code] of [
      ["simulated", /^TRUST_ANCHOR_ROOT$/],
      ["brokerKey", /^TRUST_ANCHOR_BROKER$/],
      ["policySigner", /^TRUST_ANCHOR_POLICY$/],
    ] as const) {
      // All as the forger would have it, but for one thing that the verifier knows.
      writeFileSync(join(mine, "almost.yaml"), own.replace(line(own, name), line(trust, name)));
      await expectRefused(forged, code, /./, "--trust", "almost.yaml");
    }
  });

  it("is refused under a production's anchors, and as one under a production's policy", async () => {
    const trust = readFileSync(join(mine, "trust.yaml"), "utf8");
    writeFileSync(join(mine, "production.yaml"), trust.replace(/ {2}- simulated: .*\n/, "  - intel\n"));
    await expectRefused(bundleOf("run"), /^TRUST_ANCHOR_ROOT$/, /./, "--trust", "production.yaml");
  });
});

describe("its broker that lies, with its own key", { timeout: 600_000 }, () => {
  it("is believed where it does not lie, so that what is refused is the lie", async () => {
    expect((await verify(await lied((entries) => entries))).verdict.verdict).toBe("trusted");
  });

  it("can't justify a branch that the values don't", async () => {
    const entries = bundleOf("run").log.entries.map(({ entry }) => entry);
    const granted = entries.find((entry) => entry.kind === "granted");
    const [first] = bundleOf("run").tasks;
    if (granted?.kind !== "granted" || first?.kind !== "attempt") throw new Error("expected an attempt");
    const path = granted.path.replace("condition-2", "condition-3").replace("generate-data", "importer");
    expect(path).not.toBe(granted.path);
    const transcript = { ...first.transcript, path };
    const bundle = await lied((own) => own.toSpliced(2, 0, { ...granted, path }), {
      tasks: [first, { ...first, transcript }, ...bundleOf("run").tasks.slice(1)],
    });
    await expectRefused(bundle, /^TRUST_BUNDLE_NOT_DUE$/, /condition|importer/);
  });

  it("can't leave out a task, nor have one go twice", async () => {
    const of = (name: string) => (entry: LogEntry) => "path" in entry && entry.path.endsWith(name);
    for (const name of ["evaluate-model", "preprocess-features"]) {
      const tasks = bundleOf("run").tasks.filter(
        (task) => task.kind !== "attempt" || !task.transcript.path.endsWith(name),
      );
      const bundle = await lied((entries) => entries.filter((entry) => !of(name)(entry)), { tasks });
      await expectRefused(bundle, /^TRUST_BUNDLE_(STATE|NOT_DUE)$/, /./);
    }
    const twice = await lied((entries) => [
      ...entries.slice(0, -1),
      ...entries.filter(of("train-model")),
      ...entries.slice(-1),
    ]);
    await expectRefused(twice, /^TRUST_BUNDLE_/, /./);
  });

  it("can't date evidence outside the window of its collateral", async () => {
    const day = 86_400_000;
    const dated = (days: number) => {
      const shift = shifted(days * day);
      const change = (entries: LogEntry[]) =>
        entries.map((entry) => (entry.kind === "registered" ? entry : shift(entry)));
      return lied(change, {}, shift(bundleOf("run").log.entries.at(-1)?.entry as LogEntry).time);
    };
    expect((await verify(await dated(28))).verdict.verdict).toBe("trusted");
    // Collateral ends after 29 days, the registration after 30.
    await expectRefused(await dated(29.5), /^ATTEST_/, /generate-data/);
    await expectRefused(await dated(31), /^TRUST_REGISTRATION_TIME$/, /./);
  });
});
