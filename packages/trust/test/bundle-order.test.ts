/** Order and completeness of a bundle: entries exchanged, doubled, left out, and attempts out of their order. */
import type { Digest } from "@sealflow/core";
import { projectKeyFrom, type Signer } from "@sealflow/seal";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type * as granting from "../src/broker/granting.js";
import { decodeBundle, encodeBundle, type RunBundle } from "../src/bundle/format.js";
import { type BundleVerdict, verifyBundle } from "../src/index.js";
import type { LogEntry } from "../src/log/entry.js";
import { relogged } from "./relogged.js";
import { anchorsOf, createWorld, obtainGrant, registerRun, resultOf, runToEnd, type World } from "./world.js";

/** While it is on, the broker grants as many attempts as are asked for. */
const generous = vi.hoisted(() => ({ on: false }));
vi.mock("../src/broker/granting.js", async (importOriginal) => {
  const real = await importOriginal<typeof granting>();
  return {
    ...real,
    maximumAttempts: (...of: Parameters<typeof real.maximumAttempts>) =>
      generous.on ? 99 : real.maximumAttempts(...of),
  };
});
afterEach(() => {
  generous.on = false;
});

let world: World;
let signer: Signer;
beforeAll(async () => {
  world = await createWorld();
  ({ signer } = await projectKeyFrom(world.secret));
});

const verify = (bundle: RunBundle): Promise<BundleVerdict> =>
  verifyBundle(encodeBundle(bundle), { anchors: anchorsOf(world) });
const bundleOf = async (runId: string) => decodeBundle(await world.broker.bundle(runId));
const withEntries = (bundle: RunBundle, entries: RunBundle["log"]["entries"]): RunBundle => ({
  ...bundle,
  log: { ...bundle.log, entries },
});

/** The check that refused. */
async function refusalOf(bundle: RunBundle) {
  const { verdict, checks } = await verify(bundle);
  const [check, ...more] = checks.filter(({ passed }) => !passed);
  expect([verdict, more]).toEqual(["refused", []]);
  return check;
}

const ascending = { code: "TRUST_BUNDLE_ORDER", what: "entries ascend" };
const chain = { code: "TRUST_BUNDLE_CHAIN", what: "no entry of the run is missing before it" };
const order = { code: "TRUST_BUNDLE_CHAIN", what: "entries are in their order" };
const next = { code: "TRUST_BUNDLE_ATTEMPT", what: "the attempt is the next one that is allowed" };

describe("a bundle whose results are another run's", () => {
  let bundle: RunBundle;
  let own: Digest;
  beforeAll(async () => {
    for (const _ of [1, 2]) {
      const { runId, registered } = await registerRun(world, { reuse: true });
      await runToEnd(world, runId);
      bundle = await bundleOf(runId);
      own = registered.registration as Digest;
    }
    expect((await verify(bundle)).verdict).toBe("trusted");
  });
  const isForeign = ({ entry }: RunBundle["log"]["entries"][number]) =>
    "registration" in entry && entry.registration !== own;

  it("is refused with any two neighbouring entries exchanged, of either run", async () => {
    const { entries } = bundle.log;
    expect(entries.filter(isForeign).length).toBeGreaterThan(3);
    for (let i = 1; i < entries.length; i++) {
      const [a, b] = [entries[i - 1], entries[i]];
      if (a === undefined || b === undefined) throw new Error("expected entries");
      const check = await refusalOf(withEntries(bundle, entries.with(i - 1, b).with(i, a)));
      expect(check).toMatchObject({ ...ascending, where: `log entry ${a.index}` });
    }
  });

  it("is refused with any entry doubled, of either run", async () => {
    const { entries } = bundle.log;
    for (const [i, entry] of entries.entries()) {
      const check = await refusalOf(withEntries(bundle, entries.toSpliced(i, 0, entry)));
      expect(check).toMatchObject({ ...ascending, where: `log entry ${entry.index}` });
    }
  });

  it("is refused with any entry left out, of either run", async () => {
    const { entries } = bundle.log;
    for (const [i, entry] of entries.entries()) {
      const check = await refusalOf(withEntries(bundle, entries.toSpliced(i, 1)));
      const last = i === entries.length - 1;
      const first = !isForeign(entry) && entry.entry.kind === "registered";
      if (!isForeign(entry) && !last && !first) expect(check).toMatchObject(chain);
      else expect(check?.code).toMatch(/^TRUST_(BUNDLE_(REUSE|REGISTRATION|UNFINISHED)|LOG_CONSISTENCY)$/);
    }
  });
});

/** A run whose first task had several attempts, of which one was committed. */
async function attempts(count: number, committed: number): Promise<RunBundle> {
  const { runId } = await registerRun(world);
  const granted: Awaited<ReturnType<typeof obtainGrant>>[] = [];
  for (let i = 0; i < count; i++) granted.push(await obtainGrant(world, runId, "prepare"));
  const winner = granted[committed - 1];
  if (winner?.kind !== "granted") throw new Error("expected a grant");
  const { stated: _, plain: __, ...commit } = await resultOf(winner.attempt, winner);
  await world.broker.commit(commit);
  generous.on = false;
  await runToEnd(world, runId);
  return bundleOf(runId);
}

const isGrant = (attempt: number) => (entry: LogEntry) =>
  entry.kind === "granted" && entry.path === "prepare" && entry.attempt === attempt;
const isItem = (attempt: number) => (task: RunBundle["tasks"][number]) =>
  task.kind === "attempt" && task.transcript.path === "prepare" && task.transcript.attempt === attempt;

describe("a run with attempts that nothing was heard of", () => {
  it("is refused with one of them left out, entry and all, though nothing rests on it", async () => {
    const bundle = await attempts(3, 1);
    expect((await verify(bundle)).verdict).toBe("trusted");
    for (const attempt of [2, 3]) {
      const entries = bundle.log.entries.filter(({ entry }) => !isGrant(attempt)(entry));
      const tasks = bundle.tasks.filter((task) => !isItem(attempt)(task));
      expect(await refusalOf({ ...withEntries(bundle, entries), tasks })).toMatchObject(chain);
    }
  });

  it("is refused when the broker passed one over", async () => {
    const bundle = await attempts(3, 1);
    const forged = await relogged(
      { ...bundle, tasks: bundle.tasks.filter((task) => !isItem(2)(task)) },
      signer,
      (entries) => entries.filter((entry) => !isGrant(2)(entry)),
    );
    const expected = { ...next, where: "prepare, attempt 3", expected: "2 of at most 3", got: "3" };
    expect(await refusalOf(forged)).toMatchObject(expected);
  });

  it("is refused when the broker let the second begin before the first", async () => {
    const bundle = await attempts(2, 2);
    const [first, second] = [bundle.tasks.find(isItem(1)), bundle.tasks.find(isItem(2))];
    if (first === undefined || second === undefined) throw new Error("expected attempts");
    const others = bundle.tasks.filter((task) => task !== first && task !== second);
    const forged = await relogged({ ...bundle, tasks: [second, first, ...others] }, signer, (entries) => {
      const [one, two] = [entries.findIndex(isGrant(1)), entries.findIndex(isGrant(2))];
      const [a, b] = [entries[one], entries[two]];
      return a === undefined || b === undefined ? entries : entries.with(one, b).with(two, a);
    });
    expect(await refusalOf(forged)).toMatchObject({ ...next, where: "prepare, attempt 2" });
  });

  it("is refused when the broker granted more than the policy allows", async () => {
    generous.on = true;
    const bundle = await attempts(4, 1);
    expect(await refusalOf(bundle)).toMatchObject({ ...next, where: "prepare, attempt 4" });
  });
});

const doubled = (kind: LogEntry["kind"]) => (entries: LogEntry[]) =>
  entries.flatMap((each): LogEntry[] => (each.kind === kind ? [each, each] : [each]));

describe("a broker that logs a beginning or an end more than once", () => {
  it.each<[string, (entries: LogEntry[]) => LogEntry[]]>([
    ["two beginnings", doubled("registered")],
    ["two ends", doubled("finished")],
    [
      "a beginning before its end",
      (entries) => entries.toSpliced(-1, 0, ...entries.filter(({ kind }) => kind === "registered")),
    ],
  ])("is refused with %s", async (_, change) => {
    const { runId } = await registerRun(world);
    await runToEnd(world, runId);
    const bundle = await bundleOf(runId);
    expect((await verify(await relogged(bundle, signer, (entries) => entries))).verdict).toBe("trusted");
    expect(await refusalOf(await relogged(bundle, signer, change))).toMatchObject(order);
  });
});
