import { intelRoot } from "@sealflow/attest";
import { canonicalJson, type JsonObject, type JsonValue, toHex, utf8 } from "@sealflow/core";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeBundle, encodeBundle, type RunBundle } from "../src/bundle/format.js";
import { type BundleVerdict, formatTrustFile, parseTrustFile, verifyBundle } from "../src/index.js";
import type { LogEntry } from "../src/log/entry.js";
import { relog } from "./relog.js";
import {
  anchorsOf,
  createWorld,
  evidenceFor,
  failureOf,
  newAttempt,
  now,
  obtainGrant,
  registerRun,
  runTask,
  runToEnd,
  type World,
} from "./world.js";

const slow = process.env.SEALFLOW_SLOW !== undefined;

let world: World;
let bundle: RunBundle;
let other: RunBundle;
beforeAll(async () => {
  world = await createWorld();
  const runs = [await registerRun(world, { reuse: true }), await registerRun(world)];
  for (const { runId } of runs) await runToEnd(world, runId);
  const [first, second] = await Promise.all(
    runs.map(async ({ runId }) => decodeBundle(await world.broker.bundle(runId))),
  );
  if (first === undefined || second === undefined) throw new Error("expected two bundles");
  [bundle, other] = [first, second];
});

const verify = (value: unknown, at: World = world): Promise<BundleVerdict> =>
  verifyBundle(utf8(canonicalJson(value)), { anchors: anchorsOf(at) });
const failed = (verdict: BundleVerdict) => verdict.checks.filter(({ passed }) => !passed);

describe("a run's bundle", () => {
  it("is trusted under the anchors, consistent without, and tells the whole run", async () => {
    const verdict = await verify(bundle);
    expect(failed(verdict)).toEqual([]);
    expect(verdict).toMatchObject({
      verdict: "trusted",
      run: { state: "SUCCEEDED", simulated: true, submitter: "alice" },
    });
    expect(verdict.run?.tasks.map(({ path, state }) => [path, state])).toEqual([
      ["prepare", "committed"],
      ["condition-1/report", "committed"],
      ["for-loop-1[0]/train", "committed"],
      ["for-loop-1[1]/train", "committed"],
      ["evaluate", "committed"],
    ]);
    expect(verdict.run?.tasks.at(-1)?.inputs?.artifacts.models?.map(({ from }) => from)).toEqual([
      "for-loop-1[0]/train",
      "for-loop-1[1]/train",
    ]);
    const consistent = await verifyBundle(encodeBundle(bundle));
    expect(consistent.verdict).toBe("consistent");
  });

  it("tells of each attempt its grant, evidence, statement, and what the evidence was held against", async () => {
    const { run, checks } = await verify(bundle);
    const granted = bundle.log.entries.flatMap(({ entry }) => (entry.kind === "granted" ? [entry] : []));
    const attempts = (run?.tasks ?? []).flatMap((task) => task.granted);
    expect(attempts.map(({ grant }) => grant).sort()).toEqual(granted.map(({ grant }) => grant).sort());
    for (const task of run?.tasks ?? []) {
      const [attempt] = task.granted;
      expect(attempt).toMatchObject({
        ended: "committed",
        statement: task.statement,
        evidence: task.evidence,
      });
      expect(task.evidence).toMatchObject({ kind: "simulated", status: "UpToDate", advisories: [] });
      expect(task.evidence?.enclave.mrEnclave).toBe(task.evidence?.mrEnclave);
      expect(task.evidence?.platform.fmspc).toMatch(/^[0-9a-f]{12}$/);
      const own = checks.filter(({ where }) => where === `${task.path}, attempt 1`);
      const [evidence] = own.flatMap(({ parts = [] }) => [parts].filter(({ length }) => length > 0));
      expect(evidence?.map(({ code }) => code)).toEqual(
        expect.arrayContaining(["ATTEST_QUOTE_SIGNATURE", "ATTEST_POLICY_MEASUREMENT", "ATTEST_REPORT_DATA"]),
      );
      expect(evidence?.every(({ passed }) => passed)).toBe(true);
    }
  });

  it("shows what is released and what follows from it, and nothing else", async () => {
    const { run } = await verify(bundle);
    const [prepare, , train] = run?.tasks ?? [];
    expect(prepare?.outputs?.parameters).toMatchObject({ rows: { value: 12 }, seeds: { value: [1, 2] } });
    expect(prepare?.outputs?.parameters.note).not.toHaveProperty("value");
    expect(prepare?.outputs?.artifacts.data?.[0]).not.toHaveProperty("metadata");
    expect(train?.inputs?.parameters).toMatchObject({ seed: { value: 1 }, rounds: { value: 50 } });
    expect(train?.inputs?.parameters.note).not.toHaveProperty("value");
    expect(train?.outputs?.parameters.accuracy).not.toHaveProperty("value");
    const evaluate = run?.tasks.at(-1);
    expect(evaluate?.outputs?.parameters.best).toMatchObject({ value: 0.52 });
    expect(evaluate?.outputs?.artifacts.metrics?.[0]).toMatchObject({ metadata: { best: 0.52 } });
    const text = canonicalJson(bundle);
    for (const secret of ["hidden note", toHex(world.loans.dataKey), toHex(world.secret)])
      expect(text).not.toContain(secret);
  });

  it("holds failures, skipped tasks and attempts that nothing was heard of", async () => {
    const { runId } = await registerRun(world);
    await obtainGrant(world, runId, "prepare");
    await runTask(world, runId, "prepare", {
      compute: () => ({
        parameters: { rows: 3, seeds: [7], note: "" },
        artifacts: { data: [{ content: "few" }] },
      }),
    });
    const path = "for-loop-1[0]/train";
    for (const final of [false, true]) {
      const granted = await obtainGrant(world, runId, path);
      if (granted.kind !== "granted") throw new Error("expected a grant");
      expect(await world.broker.fail(await failureOf(granted))).toMatchObject({ final });
    }
    const verdict = await verifyBundle(await world.broker.bundle(runId), { anchors: anchorsOf(world) });
    expect(failed(verdict)).toEqual([]);
    expect(verdict.run?.state).toBe("FAILED");
    expect(verdict.run?.tasks).toMatchObject([
      { path: "prepare", state: "committed", attempts: 2 },
      {
        path: "condition-1/report",
        state: "skipped",
        skip: { kind: "dependency", dependency: "condition-1" },
      },
      { path, state: "failed", attempts: 2, error: "TASK_RAISED" },
      { path: "evaluate", state: "skipped" },
    ]);
  });

  it("shows what newer collateral says against its evidence, and stays trusted", async () => {
    const at = world.clock.time + 1000;
    const collateral = { ...world.collateral } as unknown as JsonObject;
    const anchors = anchorsOf(world);
    const same = await verifyBundle(encodeBundle(bundle), { anchors, later: { collateral, at } });
    expect(same).toMatchObject({ verdict: "trusted", run: { later: [] } });
    const stranger = await createWorld();
    const other = { ...stranger.collateral } as unknown as JsonObject;
    const later = await verifyBundle(encodeBundle(bundle), { anchors, later: { collateral: other, at } });
    expect(later.verdict).toBe("trusted");
    expect(later.run?.later?.length).toBe(5);
    expect(later.run?.later?.[0]).toMatchObject({
      where: "prepare, attempt 1",
      code: expect.stringMatching(/^ATTEST_/),
    });
  });

  it("of a run that has not ended is refused", async () => {
    const { runId } = await registerRun(world);
    await runTask(world, runId, "prepare");
    const verdict = await verifyBundle(await world.broker.bundle(runId), { anchors: anchorsOf(world) });
    expect(verdict).toMatchObject({ verdict: "refused", code: "TRUST_BUNDLE_UNFINISHED" });
  });

  it("with reused results rests on the originals", async () => {
    const { runId } = await registerRun(world, { reuse: true });
    await runToEnd(world, runId);
    const reused = decodeBundle(await world.broker.bundle(runId));
    const verdict = await verify(reused);
    expect(failed(verdict)).toEqual([]);
    const states = verdict.run?.tasks.map(({ path, state }) => [path, state]);
    expect(states).toContainEqual(["for-loop-1[1]/train", "reused"]);
    expect(states).toContainEqual(["evaluate", "committed"]);
    const items = reused.tasks.map((task, i) => (task.kind === "reuse" ? i : -1)).filter((i) => i >= 0);
    for (const mutation of items.flatMap((i) =>
      mutationsOf(reused.tasks[i] as unknown as JsonValue, ["tasks", i]).slice(0, slow ? 1000 : 12),
    )) {
      const refusal = await verify(apply(reused, mutation));
      expect(refusal.verdict, mutation.what).toBe("refused");
    }
  });
});

interface Mutation {
  readonly what: string;
  readonly path: readonly (string | number)[];
  /** Undefined: left out. */
  readonly value: JsonValue | undefined;
}

/** Every way to change one leaf, leave out one member or item, double or exchange items. */
function mutationsOf(value: JsonValue, path: readonly (string | number)[]): Mutation[] {
  const what = (kind: string) => `${kind} ${path.join(".")}`;
  if (typeof value === "string") {
    const flip = value === "" ? "x" : `${value.slice(0, -1)}${value.endsWith("0") ? "1" : "0"}`;
    const first = value === "" ? "y" : `${value.startsWith("a") ? "b" : "a"}${value.slice(1)}`;
    return [
      { what: what("the end of"), path, value: flip },
      { what: what("the beginning of"), path, value: first === value ? "c" : first },
    ];
  }
  if (typeof value === "number") return [{ what: what("the number"), path, value: value + 1 }];
  if (typeof value === "boolean") return [{ what: what("the truth of"), path, value: !value }];
  if (value === null) return [{ what: what("the null"), path, value: "ab".repeat(32) }];
  const inner = Object.entries(value).flatMap(([name, item]) => {
    const at = [...path, Array.isArray(value) ? Number(name) : name];
    return [
      { what: `without ${at.join(".")}`, path: at, value: undefined },
      ...mutationsOf(item as JsonValue, at),
    ];
  });
  if (!Array.isArray(value)) return [...inner, { what: what("more in"), path: [...path, "more"], value: 1 }];
  const list: readonly JsonValue[] = value;
  const [a, b] = list;
  return [
    ...inner,
    ...(a === undefined ? [] : [{ what: what("doubled in"), path, value: [a, ...list] }]),
    ...(a === undefined || b === undefined
      ? []
      : [{ what: what("exchanged in"), path, value: [b, a, ...list.slice(2)] }]),
  ];
}

function apply(value: unknown, { path, value: put }: Mutation): unknown {
  const copy = structuredClone(value) as Record<string | number, never>;
  const parent = path
    .slice(0, -1)
    .reduce<Record<string | number, never>>((at, step) => at[step] ?? ({} as never), copy);
  const last = path.at(-1) ?? "";
  if (put !== undefined) parent[last] = put as never;
  else if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete parent[last];
  return copy;
}

describe("a changed bundle", () => {
  it("is refused, with a code and a place, whatever leaf, member or item is changed", async () => {
    const all = mutationsOf(bundle as unknown as JsonValue, []);
    const step = slow ? 1 : Math.ceil(all.length / 120);
    expect(all.length).toBeGreaterThan(1000);
    for (const mutation of all.filter((_, i) => i % step === 0)) {
      const changed = apply(bundle, mutation);
      if (canonicalJson(changed) === canonicalJson(bundle)) continue;
      const verdict = await verify(changed);
      expect(verdict.verdict, mutation.what).toBe("refused");
      const [last] = failed(verdict);
      expect(last, mutation.what).toMatchObject({ code: verdict.code, where: expect.stringMatching(/./) });
    }
  });

  it("is refused for any flipped bit, cut or addition", { timeout: 4 * 3_600_000 }, async () => {
    const encoded = encodeBundle(bundle);
    const count = slow ? encoded.length : 30;
    for (let i = 0; i < count; i++) {
      const at = Math.floor((i * encoded.length) / count);
      const changed = encoded.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << (i % 8));
      const verdict = await verifyBundle(changed, { anchors: anchorsOf(world) });
      expect(verdict.verdict, `bit ${i % 8} of byte ${at}`).toBe("refused");
    }
    for (const wrong of [
      encoded.slice(1),
      encoded.slice(0, -1),
      utf8(`${canonicalJson(bundle)}\n`),
      new Uint8Array(0),
    ]) {
      expect(await verifyBundle(wrong)).toMatchObject({
        verdict: "refused",
        code: "TRUST_DOCUMENT_MALFORMED",
      });
    }
  });

  it("with anything of another run of the same deployment is refused", async () => {
    for (const name of ["registration", "tasks", "log", "collateral"] as const) {
      if (canonicalJson(bundle[name]) === canonicalJson(other[name])) continue;
      expect((await verify({ ...bundle, [name]: other[name] })).verdict, name).toBe("refused");
    }
    for (const [i, task] of other.tasks.entries()) {
      const verdict = await verify({ ...bundle, tasks: bundle.tasks.with(i, task) });
      expect(verdict).toMatchObject({ verdict: "refused", code: "TRUST_TRANSCRIPT_MISMATCH" });
      expect(failed(verdict)[0]?.where).toContain(task.kind === "attempt" ? task.transcript.path : "");
      const [mine, theirs] = [bundle.tasks[i], task];
      if (mine?.kind !== "attempt" || theirs.kind !== "attempt") continue;
      const statement = bundle.tasks.with(i, { ...mine, statement: theirs.statement });
      expect(await verify({ ...bundle, tasks: statement })).toMatchObject({ code: "TRUST_BUNDLE_STATEMENT" });
      const evidence = bundle.tasks.with(i, { ...mine, evidence: theirs.evidence });
      expect(await verify({ ...bundle, tasks: evidence })).toMatchObject({ code: "TRUST_BUNDLE_EVIDENCE" });
    }
  });
});

describe("a forgery that agrees with itself", () => {
  it("under other keys is refused under the anchors, whichever of them differs", async () => {
    const stranger = await createWorld();
    const { runId } = await registerRun(stranger);
    await runToEnd(stranger, runId);
    const forged = await stranger.broker.bundle(runId);
    expect((await verifyBundle(forged)).verdict).toBe("consistent");
    const [mine, theirs] = [anchorsOf(world), anchorsOf(stranger)];
    const cases = [
      [{ ...theirs, brokerKey: mine.brokerKey }, "TRUST_ANCHOR_BROKER"],
      [{ ...theirs, policySigner: "ab".repeat(32) }, "TRUST_ANCHOR_POLICY"],
      [{ ...theirs, roots: mine.roots }, "TRUST_ANCHOR_ROOT"],
      [{ ...theirs, domain: "other" }, "TRUST_ANCHOR_DOMAIN"],
      [{ ...theirs, minimumEpoch: 4 }, "TRUST_POLICY_EPOCH"],
      [{ ...theirs, spec: `sha256:${"ab".repeat(32)}` as const }, "TRUST_BUNDLE_SPEC"],
      [{ ...theirs, checkpoints: [{ size: 2, root: "ab".repeat(32) }] }, "TRUST_LOG_CHECKPOINT"],
    ] as const;
    for (const [anchors, code] of cases) {
      expect(await verifyBundle(forged, { anchors })).toMatchObject({ verdict: "refused", code });
    }
    expect((await verifyBundle(forged, { anchors: theirs })).verdict).toBe("trusted");
    const policy = `sha256:${"ab".repeat(32)}` as const;
    expect(await verifyBundle(forged, { policy })).toMatchObject({ code: "TRUST_BUNDLE_POLICY" });
  });
});

/** The verdict on a bundle whose log the broker made up. */
async function relogged(
  change: (entries: LogEntry[]) => readonly LogEntry[],
  edit: Partial<RunBundle> = {},
  head: { readonly domain?: string; readonly time?: string } = {},
) {
  const said = { domain: "test", policyEpoch: 3, time: "2027-01-01T00:00:00.000Z", ...head };
  return verify({ ...bundle, ...edit, log: await relog(bundle, world.secret, { change, head: said }) });
}

describe("a broker that lies in its log", () => {
  const at = (path: string) => (entry: LogEntry) => "path" in entry && entry.path === path;
  const dropped = (path: string) =>
    bundle.tasks.filter((task) => task.kind === "attempt" && task.transcript.path !== path);

  it("with its own word for it would be believed, so the helper makes what is meant", async () => {
    expect(failed(await relogged((entries) => entries))).toEqual([]);
  });

  it("can't leave out a task", async () => {
    for (const path of ["for-loop-1[1]/train", "condition-1/report", "evaluate"]) {
      const verdict = await relogged((entries) => entries.filter((each) => !at(path)(each)), {
        tasks: dropped(path),
      });
      expect(verdict.verdict).toBe("refused");
      expect(verdict.code).toMatch(/TRUST_BUNDLE_(STATE|NOT_DUE)/);
    }
  });

  it("can't run a branch or an iteration that the values don't justify", async () => {
    const granted = bundle.log.entries.map(({ entry }) => entry).find((each) => each.kind === "granted");
    if (granted?.kind !== "granted") throw new Error("expected a grant");
    for (const path of ["for-loop-1[2]/train", "condition-2/report", "train"]) {
      const challenge = { ...challengeOf(), path };
      const attempt = await newAttempt(challenge);
      const evidence = await evidenceFor(world, attempt.transcript, { name: "train" });
      void evidence;
      const [first] = bundle.tasks;
      if (first?.kind !== "attempt") throw new Error("expected an attempt");
      const tasks = [first, { ...first, transcript: attempt.transcript }, ...bundle.tasks.slice(1)];
      const verdict = await relogged(
        (entries) => {
          const position = entries.findIndex(({ kind }) => kind === "committed") + 1;
          return entries.toSpliced(position, 0, { ...granted, path });
        },
        { tasks },
      );
      expect(verdict).toMatchObject({ verdict: "refused", code: "TRUST_BUNDLE_NOT_DUE" });
      expect(failed(verdict)[0]?.where).toContain(path);
    }
  });

  const challengeOf = () => {
    const [first] = bundle.tasks;
    if (first?.kind !== "attempt") throw new Error("expected an attempt");
    return { kind: "challenge" as const, expiresAt: "", ...first.transcript };
  };

  it("can't let a task go before what it needs, nor twice", async () => {
    const early = await relogged((entries) => {
      const move = entries.filter(at("evaluate"));
      const rest = entries.filter((each) => !move.includes(each));
      return [...rest.slice(0, 1), ...move, ...rest.slice(1)];
    });
    expect(early).toMatchObject({ code: "TRUST_BUNDLE_NOT_DUE" });
    const twice = await relogged((entries) => {
      const again = entries.filter(at("prepare"));
      return entries.toSpliced(3, 0, ...again);
    });
    expect(twice.verdict).toBe("refused");
  });

  it("can't date a run outside its registration's time", async () => {
    const later = (time: string) => (entries: LogEntry[]) =>
      entries.map((entry) => (entry.kind === "registered" ? entry : { ...entry, time }));
    const within = await relogged(later("2026-01-03T03:00:00.000Z"));
    expect(failed(within)).toEqual([]);
    const expired = await relogged(later("2026-01-03T03:04:05.000Z"));
    expect(expired).toMatchObject({ code: "TRUST_REGISTRATION_TIME" });
    const back = await relogged((entries) =>
      entries.map((entry) => ({ ...entry, time: "2025-12-31T00:00:00.000Z" })),
    );
    expect(back).toMatchObject({ code: "TRUST_REGISTRATION_TIME" });
  });

  it("can't date evidence outside the window of its collateral, before its end or after", async () => {
    const hour = 3_600_000;
    const start = now - hour;
    const brief = await createWorld({ period: { from: start, until: now + hour } });
    const { runId } = await registerRun(brief);
    await runToEnd(brief, runId);
    const judged = async (time: number) => {
      const change = (entries: LogEntry[]) =>
        entries.map((entry) =>
          entry.kind === "registered" ? entry : { ...entry, time: new Date(time).toISOString() },
        );
      const head = { domain: "test", policyEpoch: 3, time: "2027-01-01T00:00:00.000Z" };
      const own = decodeBundle(await brief.broker.bundle(runId));
      return verify({ ...own, log: await relog(own, brief.secret, { change, head }) }, brief);
    };
    expect(failed(await judged(now + hour - 1000))).toEqual([]);
    const late = await judged(now + hour + 1000);
    expect(late).toMatchObject({ verdict: "refused", code: expect.stringMatching(/^ATTEST_/) });
    expect(failed(late)[0]?.where).toContain("prepare");
  });

  it("can't let time go back, nor sign for another deployment or before the run's end", async () => {
    const back = await relogged((entries) =>
      entries.map((entry) =>
        entry.kind === "granted" ? { ...entry, time: "2026-01-02T04:00:00.000Z" } : entry,
      ),
    );
    expect(back).toMatchObject({ code: "TRUST_BUNDLE_TIME" });
    const same = (entries: LogEntry[]) => entries;
    const elsewhere = await relogged(same, {}, { domain: "elsewhere" });
    expect(elsewhere).toMatchObject({ code: "TRUST_ANCHOR_DOMAIN" });
    const early = await relogged(same, {}, { time: "2026-01-01T00:00:00.000Z" });
    expect(early).toMatchObject({ code: "TRUST_BUNDLE_TIME" });
  });

  it("can't change the epoch, the end or the order", async () => {
    const epoch = await relogged((entries) => entries.map((entry) => ({ ...entry, policyEpoch: 4 })));
    expect(epoch).toMatchObject({ code: "TRUST_BUNDLE_POLICY" });
    const since = await relogged((entries) =>
      entries.map((entry) => (entry.kind === "registered" ? entry : { ...entry, policyEpoch: 4 })),
    );
    expect(since).toMatchObject({ code: "TRUST_BUNDLE_EPOCH" });
    const end = await relogged((entries) =>
      entries.map((entry) => (entry.kind === "finished" ? { ...entry, state: "FAILED" as const } : entry)),
    );
    expect(end).toMatchObject({ code: "TRUST_BUNDLE_STATE" });
    const endless = await relogged((entries) => entries.slice(0, -1));
    expect(endless).toMatchObject({ code: "TRUST_BUNDLE_UNFINISHED" });
    const final = await relogged((entries) =>
      entries.map((entry) => (entry.kind === "committed" ? { ...entry, attempt: 2 } : entry)),
    );
    expect(final).toMatchObject({ code: "TRUST_BUNDLE_ATTEMPT" });
  });
});

describe("a trust file", () => {
  const key = "ab".repeat(32);
  const genuine = formatTrustFile({ domain: "test", policySigner: key, brokerKey: key, roots: [intelRoot] });

  it("is read as it was written", () => {
    const anchors = {
      ...anchorsOf(world),
      minimumEpoch: 3,
      checkpoints: [{ size: 2, root: "ab".repeat(32) }],
    };
    expect(parseTrustFile(formatTrustFile(anchors))).toEqual(anchors);
    expect(parseTrustFile(genuine)).toMatchObject({ domain: "test", roots: [intelRoot] });
  });

  it.each([
    ["no YAML", "a: [", "TRUST_ANCHORS_INVALID"],
    ["of another version", "version: sealflow.trust/v2", "TRUST_ANCHORS_INVALID"],
    ["without roots", "version: sealflow.trust/v1\ndomain: a\nroots: []", "TRUST_ANCHORS_INVALID"],
    ["with aliases", "a: &x 1\nb: *x", "TRUST_ANCHORS_INVALID"],
    ["with a member that there is not", `${genuine}more: 1\n`, "TRUST_ANCHORS_INVALID"],
    ["with a member twice", `${genuine}domain: elsewhere\n`, "TRUST_ANCHORS_INVALID"],
  ])("%s is refused", (_, text, code) => {
    expect(() => parseTrustFile(text)).toThrow(expect.objectContaining({ code }));
  });
});
