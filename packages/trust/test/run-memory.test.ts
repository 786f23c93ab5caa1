/** A broker that keeps few runs in memory decides like one that keeps all, and reads what it needs once. */
import { describe, expect, it } from "vitest";
import { RunMemory } from "../src/broker/run-memory.js";
import type { RunState } from "../src/broker/run-state.js";
import { type BrokerStore, memoryStore, signTrustPolicy, startBroker, verifyBundle } from "../src/index.js";
import {
  anchorsOf,
  createWorld,
  failureOf,
  keys,
  obtainGrant,
  registerRun,
  resultOf,
  runTask,
  runToEnd,
  type World,
} from "./world.js";

/** A store that counts how often each record is read by itself, and how often all are. */
function counting(store: BrokerStore) {
  const reads = new Map<number, number>();
  let all = 0;
  const counted: BrokerStore = {
    read: () => {
      all++;
      return store.read();
    },
    get: async (index) => {
      reads.set(index, (reads.get(index) ?? 0) + 1);
      // Lets everything else that waits go first.
      await new Promise((resolve) => setImmediate(resolve));
      return store.get(index);
    },
    append: (record) => store.append(record),
  };
  return { counted, reads, whole: () => all };
}

/** Broker options under which one run is in memory at a time. */
const least = { runMemoryBytes: 1 };

/** The same deployment, its broker started again. */
async function restarted(world: World, options: Partial<World["brokerOptions"]> = {}): Promise<World> {
  const brokerOptions = { ...world.brokerOptions, ...options };
  return { ...world, brokerOptions, broker: await startBroker(brokerOptions) };
}

const trusted = async (world: World, runId: string) => {
  const verdict = await verifyBundle(await world.broker.bundle(runId), { anchors: anchorsOf(world) });
  expect(verdict.checks.filter(({ passed }) => !passed)).toEqual([]);
  expect(verdict.verdict).toBe("trusted");
};

describe("a broker with one run in memory", () => {
  it("takes several runs to their ends, step by step in turns", async () => {
    const world = await createWorld({ broker: least });
    const runs = [await registerRun(world), await registerRun(world), await registerRun(world)];
    const order = ["prepare", "for-loop-1[1]/train", "condition-1/report", "for-loop-1[0]/train", "evaluate"];
    for (const path of order) {
      for (const { runId } of runs) await runTask(world, runId, path);
      for (const { runId } of runs.toReversed())
        expect((await world.broker.challenge({ runId, path })).kind).toBe("committed");
    }
    for (const { runId } of runs) await trusted(world, runId);
  });

  it("remembers attempts, failures and reuse of runs that it had let go", async () => {
    const world = await createWorld({ broker: least });
    const first = await registerRun(world, { reuse: true });
    await runTask(world, first.runId, "prepare");
    const path = "for-loop-1[0]/train";
    const failing = await obtainGrant(world, first.runId, path);
    if (failing.kind !== "granted") throw new Error("expected a grant");
    const second = await registerRun(world, { reuse: true });
    expect(await runTask(world, second.runId, "prepare")).toMatchObject({ reused: true });
    const failure = await failureOf(failing);
    expect(await world.broker.fail(failure)).toMatchObject({ kind: "failed", attempt: 1, final: false });
    await runTask(world, second.runId, path);
    expect(await world.broker.fail(failure)).toMatchObject({ kind: "failed", attempt: 1, final: false });
    const again = { runId: first.runId, transcript: failing.attempt.transcript, evidence: failing.evidence };
    await expect(world.broker.request(again)).rejects.toMatchObject({ code: "TRUST_ATTEMPT_TAKEN" });
    expect(await runTask(world, first.runId, path)).toMatchObject({ reused: true });
    await runToEnd(world, second.runId);
    await runToEnd(world, first.runId);
    await trusted(world, first.runId);
    await trusted(world, second.runId);
    const status = await world.broker.status(first.runId);
    expect(status.tasks.find((task) => task.path === path)).toMatchObject({
      state: "committed",
      attempts: 1,
    });
  });

  it("knows the policy of a run of long ago", async () => {
    const world = await createWorld({ broker: least });
    const { runId } = await registerRun(world);
    await runTask(world, runId, "prepare");
    for (const epoch of [4, 5])
      await world.broker.putPolicy(await signTrustPolicy({ ...world.policy, epoch }, keys.policy));
    const { policy } = await world.broker.describe();
    await registerRun(world, { policy: policy.digest as World["policyDigest"], policyEpoch: 5 });
    await runToEnd(world, runId);
    await trusted(world, runId);
  });

  it("reads a run once for all that is asked about it at once, and other runs in between once for each turn", async () => {
    const { counted, reads } = counting(memoryStore());
    const world = await createWorld({ broker: { ...least, store: counted } });
    const [one, other] = [await registerRun(world), await registerRun(world)];
    // Records: the policy, one, other. The other is in memory.
    reads.clear();
    const asked = Array.from({ length: 20 }, () => world.broker.status(one.runId));
    const answers = await Promise.all(asked);
    expect(reads).toEqual(new Map([[1, 1]]));
    for (const answer of answers) expect(answer.tasks).toEqual(answers[0]?.tasks);
    reads.clear();
    const turns = [one, other, one, one, other, other].map(({ runId }) => world.broker.status(runId));
    await Promise.all(turns);
    expect(reads).toEqual(
      new Map([
        [1, 1],
        [2, 2],
      ]),
    );
  });

  it("decides once when several ask for the same at once, of a run that it had let go", async () => {
    const world = await createWorld({ broker: least });
    const { runId } = await registerRun(world);
    const [first, second] = [
      await obtainGrant(world, runId, "prepare"),
      await obtainGrant(world, runId, "prepare"),
    ];
    if (first.kind !== "granted" || second.kind !== "granted") throw new Error("expected grants");
    const commits = await Promise.all([first, second].map((each) => resultOf(each.attempt, each)));
    const other = await registerRun(world);
    const records = world.store.records.length;
    const answers = await Promise.all(
      commits.flatMap(({ stated: _, plain: __, ...commit }) => [
        world.broker.commit(commit),
        world.broker.status(other.runId).then(() => world.broker.commit(commit)),
      ]),
    );
    expect(new Set(answers.map(({ statement }) => statement)).size).toBe(1);
    expect(world.store.records.length).toBe(records + 1);
    await runToEnd(world, runId);
    await trusted(world, runId);
  });

  it("makes bundles while it lets the run go and goes on with it", async () => {
    const world = await createWorld({ broker: least });
    const [one, other] = [await registerRun(world), await registerRun(world)];
    await runToEnd(world, one.runId);
    const [bundles] = await Promise.all([
      Promise.all(Array.from({ length: 4 }, () => world.broker.bundle(one.runId))),
      runToEnd(world, other.runId),
    ]);
    for (const bundle of bundles)
      expect((await verifyBundle(bundle, { anchors: anchorsOf(world) })).verdict).toBe("trusted");
  });
});

describe("a broker that starts", () => {
  it("takes no run up before it is asked for, and then that one alone", async () => {
    const world = await createWorld();
    const runs = [await registerRun(world), await registerRun(world), await registerRun(world)];
    for (const { runId } of runs) await runToEnd(world, runId);
    const { counted, reads, whole } = counting(world.store);
    const again = await restarted(world, { store: counted });
    expect([whole(), reads.size]).toEqual([1, 0]);
    const [, second] = runs;
    if (second === undefined) throw new Error("expected runs");
    expect((await again.broker.status(second.runId)).state).toBe("SUCCEEDED");
    // Its registration, five grants and five commits.
    expect([...reads.values()]).toEqual(Array.from({ length: 11 }, () => 1));
    await again.broker.status(second.runId);
    expect(reads.size).toBe(11);
    await expect(again.broker.status("00000000-0000-8000-8000-000000000000")).rejects.toMatchObject({
      code: "TRUST_RUN_UNKNOWN",
    });
    expect([whole(), reads.size]).toEqual([1, 11]);
  });
});

describe("reuse", () => {
  it("reads the original's three records, however many there are", async () => {
    const { counted, reads, whole } = counting(memoryStore());
    const world = await createWorld({ broker: { store: counted } });
    const original = await registerRun(world, { reuse: true });
    await runTask(world, original.runId, "prepare");
    for (let i = 0; i < 3; i++) await runToEnd(world, (await registerRun(world)).runId);
    const { runId } = await registerRun(world, { reuse: true });
    reads.clear();
    const before = whole();
    expect(await world.broker.challenge({ runId, path: "prepare" })).toMatchObject({ reused: true });
    // The original's registration, grant and commit: the first three records after the policy's.
    expect([...reads.keys()].sort((a, b) => a - b)).toEqual([1, 2, 3]);
    expect(whole()).toBe(before);
  });
});

describe("the runs in memory", () => {
  const run = {} as RunState;

  it("are those used last, within the bytes that are allowed; one always is", () => {
    const memory = new RunMemory(10);
    for (const id of ["a", "b", "c"]) memory.keep(id, run, 4);
    expect(memory.size).toBe(3);
    memory.get("a");
    memory.trim();
    expect(["a", "b", "c"].map((id) => memory.get(id) !== undefined)).toEqual([true, false, true]);
    memory.keep("c", run, 50);
    memory.trim();
    expect(["a", "c"].map((id) => memory.get(id) !== undefined)).toEqual([false, true]);
    memory.keep("c", run, 3);
    memory.keep("d", run, 7);
    memory.trim();
    expect(memory.size).toBe(2);
  });
});
