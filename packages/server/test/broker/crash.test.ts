import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { toHex } from "@sealflow/core";
import { httpBroker, type TaskBroker, verifyBundle } from "@sealflow/trust";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { bundleProgram } from "../../../../test-support/bundled.js";
import {
  anchorsOf,
  createWorld,
  failureOf,
  obtainGrant,
  registerRun,
  resultOf,
  runToEnd,
  type World,
} from "../../../trust/test/world.js";
import { removeDirectory, temporaryDirectory } from "../support/server.js";
import type { ChildSetup } from "./child.js";

const slow = process.env.SEALFLOW_SLOW !== undefined;
const program = fileURLToPath(
  new URL(`../../node_modules/.cache/broker-${process.pid}.mjs`, import.meta.url),
);

beforeAll(async () => {
  await bundleProgram(program, fileURLToPath(new URL("child.ts", import.meta.url)));
});
afterAll(() => rmSync(program, { force: true }));

const running = new Set<Supervised>();
afterEach(async () => {
  for (const each of running) await each.stop();
  running.clear();
});

/** A broker that is started again when it dies, without a second crash. */
class Supervised {
  readonly broker: TaskBroker;
  /** What it wrote to its log. */
  log = "";
  kills = 0;
  readonly directory = temporaryDirectory();
  readonly #setup: Omit<ChildSetup, "crash">;
  #child: ChildProcess | undefined;
  #stopped = false;
  #url = "";
  /** Settled once the newest process has said where it listens, or has died: however long a busy machine takes for that. */
  #listening: Promise<unknown> = Promise.resolve();

  constructor(world: World) {
    this.#setup = {
      secret: toHex(world.secret),
      policy: world.policyEnvelope,
      policySigner: anchorsOf(world).policySigner,
      root: toHex(world.platform.root.publicKeyInfo),
      directory: this.directory,
      now: world.clock.time,
      port: 0,
    };
    this.broker = httpBroker({
      url: "http://broker.invalid",
      // The port is another one after each start.
      fetch: async (input, init) => {
        await this.#listening;
        return fetch(String(input).replace("http://broker.invalid", this.#url), init);
      },
      wait: () => sleep(200),
      tries: 50,
    });
    running.add(this);
  }

  async start(crash?: ChildSetup["crash"]): Promise<void> {
    const file = join(this.directory, "setup.json");
    writeFileSync(file, JSON.stringify({ ...this.#setup, ...(crash === undefined ? {} : { crash }) }));
    const child = spawn(process.execPath, [program, file], { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    child.stderr.on("data", (chunk: Buffer) => {
      this.log += chunk.toString("utf8");
    });
    child.once("close", (_, signal) => {
      if (this.#stopped) return;
      if (signal === "SIGKILL") this.kills++;
      else throw new Error(`the broker ended: ${this.log}`);
      void this.start();
    });
    const said = Promise.race([once(child.stdout, "data"), once(child, "close").then(() => [""])]);
    this.#listening = said.then(([text]) => {
      this.#url = String(text).trim() || this.#url;
    });
    await this.#listening;
  }

  /** Kills it while it decides nothing; it is started again. */
  async kill(): Promise<void> {
    const child = this.#child;
    child?.kill("SIGKILL");
    if (child !== undefined) await once(child, "close");
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "close");
    }
    removeDirectory(this.directory);
  }
}

/** A whole run against a broker that dies at one point; it must end as if nothing had happened. */
async function survives(crash: NonNullable<ChildSetup["crash"]>): Promise<void> {
  const world = await createWorld();
  const supervised = new Supervised(world);
  await supervised.start(crash);
  const { broker } = supervised;
  const { runId, request } = await registerRun(world, {}, broker);
  await runToEnd(world, runId, { broker });
  expect(supervised.kills).toBe(1);
  const status = await broker.status(runId);
  expect(status.state).toBe("SUCCEEDED");
  // No reply that was lost cost an attempt: what was asked again got what was decided before.
  expect(status.tasks.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1, 1]);
  expect((await broker.register(request)).registration).toBe(status.registration);
  const verdict = await verifyBundle(await broker.bundle(runId), { anchors: anchorsOf(world) });
  expect(verdict.checks.filter(({ passed }) => !passed)).toEqual([]);
  expect(supervised.log).not.toContain("hidden note");
  await supervised.stop();
}

/** Records: 1 the policy, 2 the registration, then a grant and a commit for each of five tasks. */
const all = Array.from({ length: 11 }, (_, i) => i + 2);
const points = ["before", "stored", "kept"] as const;
const cases = (slow ? all : [2, 3, 4, 12]).flatMap((record) =>
  (slow || record === 3 || record === 4 ? points : ["stored" as const]).map((point) => ({ record, point })),
);

/** Each case takes seconds of an idle machine. */
describe("a broker killed while it decides", { timeout: 600_000 }, () => {
  it.each(cases)("at record $record, $point: goes on as if nothing had happened", async (crash) => {
    await survives(crash);
  });

  it("at its very start: starts again", async () => {
    for (const point of slow ? points : (["before"] as const)) {
      const world = await createWorld();
      const supervised = new Supervised(world);
      await supervised.start({ point, record: 1 });
      const { brokerKey } = await supervised.broker.describe();
      expect([brokerKey, supervised.kills]).toEqual([world.broker.brokerKey, 1]);
      await supervised.stop();
    }
  });

  it("after a task has uploaded its outputs, before the commit: takes the commit when it is back", async () => {
    const world = await createWorld();
    const supervised = new Supervised(world);
    await supervised.start();
    const { broker } = supervised;
    const { runId } = await registerRun(world, {}, broker);
    for (const path of ["prepare", "for-loop-1[0]/train"]) {
      const granted = await obtainGrant(world, runId, path, broker);
      if (granted.kind !== "granted") throw new Error("expected a grant");
      // Sealed and handed to the store: from here on nobody but the broker has to do anything.
      const { stated: _, plain: __, ...commit } = await resultOf(granted.attempt, granted);
      await supervised.kill();
      expect(await broker.commit(commit)).toMatchObject({ kind: "committed", attempt: 1 });
    }
    await runToEnd(world, runId, { broker });
    expect(supervised.kills).toBe(2);
    const verdict = await verifyBundle(await broker.bundle(runId), { anchors: anchorsOf(world) });
    expect(verdict.checks.filter(({ passed }) => !passed)).toEqual([]);
  });

  it("together with a task that had uploaded: another attempt commits, and the dead one's outputs are none of the run's", async () => {
    const world = await createWorld();
    const supervised = new Supervised(world);
    await supervised.start();
    const { broker } = supervised;
    const { runId } = await registerRun(world, {}, broker);
    const dead = await obtainGrant(world, runId, "prepare", broker);
    if (dead.kind !== "granted") throw new Error("expected a grant");
    const { stated, plain: _, ...late } = await resultOf(dead.attempt, dead);
    await supervised.kill();
    const second = await obtainGrant(world, runId, "prepare", broker);
    if (second.kind !== "granted") throw new Error("expected a grant");
    expect(second.attempt.transcript.attempt).toBe(2);
    const { stated: __, plain: ___, ...commit } = await resultOf(second.attempt, second);
    await supervised.kill();
    const committed = await broker.commit(commit);
    expect(committed).toMatchObject({ attempt: 2 });
    // It was only slow after all: it is told what was committed.
    expect(await broker.commit(late)).toEqual(committed);
    await runToEnd(world, runId, { broker });
    const verdict = await verifyBundle(await broker.bundle(runId), { anchors: anchorsOf(world) });
    expect(verdict.run?.tasks[0]).toMatchObject({
      path: "prepare",
      attempts: 2,
      granted: [{ ended: null }, {}],
    });
    const orphans = Object.values(stated.outputs.artifacts).flatMap((list) =>
      list.map(({ digest }) => digest),
    );
    for (const digest of orphans) expect(JSON.stringify(verdict.run)).not.toContain(digest);
  });

  it("answers a failure, sent again after its reply was lost, as the first time", async () => {
    const world = await createWorld();
    const supervised = new Supervised(world);
    await supervised.start({ point: "stored", record: 4 });
    const { broker } = supervised;
    const { runId } = await registerRun(world, {}, broker);
    const granted = await obtainGrant(world, runId, "prepare", broker);
    if (granted.kind !== "granted") throw new Error("expected a grant");
    const failure = await failureOf(granted);
    expect(await broker.fail(failure)).toMatchObject({ kind: "failed", final: true });
    expect(supervised.kills).toBe(1);
    expect(await broker.fail(failure)).toMatchObject({ kind: "failed", final: true });
    expect((await broker.status(runId)).state).toBe("FAILED");
  });

  it("refuses a store that was set back to before its checkpoint, until it is told to recover", async () => {
    const world = await createWorld();
    const supervised = new Supervised(world);
    await supervised.start();
    const { broker, directory } = supervised;
    const { runId } = await registerRun(world, {}, broker);
    const records = readFileSync(join(directory, "broker.log"));
    await runToEnd(world, runId, { broker });
    await expect(broker.status(runId)).resolves.toMatchObject({ state: "SUCCEEDED" });
    // A backup of the records alone is put back, as an operator might who wants the model trained again.
    const { startBrokerServer } = await import("../../src/broker/server.js");
    const again = temporaryDirectory();
    writeFileSync(join(again, "broker.log"), records);
    const options = {
      ...world.brokerOptions,
      ...{ directory: again, port: 0, checkpointFile: join(directory, "checkpoint.json") },
    };
    await expect(startBrokerServer(options)).rejects.toMatchObject({ code: "TRUST_LOG_ROLLED_BACK" });
    const recovery = { reason: "the disk was lost; agreed with the data owner" };
    const server = await startBrokerServer({ ...options, recovery });
    await server.close();
    const later = await startBrokerServer(options);
    await later.close();
    removeDirectory(again);
  });
});
