/** What the broker demands of any store, held against each that there is. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BrokerStore, memoryKeeper, startBroker, verifyBundle } from "../src/index.js";
import { anchorsOf, createWorld, obtainGrant, registerRun, resultOf, runToEnd } from "./world.js";

/** A store that is open. */
export interface OpenStore {
  readonly records: BrokerStore;
  close(): Promise<void> | void;
}

/** A kind of store, and how it is opened again after its process has ended. */
export interface StoreKind {
  readonly name: string;
  open(directory: string): OpenStore;
}

/** A record of a text. */
export const record = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text));

/** The texts of all records. */
export async function contents(records: BrokerStore): Promise<string[]> {
  const found: string[] = [];
  for await (const each of records.read()) found.push(Buffer.from(each).toString());
  return found;
}

/** The contract. */
export function describeBrokerStore(kind: StoreKind): void {
  describe(`the broker's store: ${kind.name}`, () => {
    let directory: string;
    const open = new Set<OpenStore>();
    const opened = (): OpenStore => {
      const store = kind.open(directory);
      open.add(store);
      return store;
    };
    const close = async (store: OpenStore) => {
      open.delete(store);
      await store.close();
    };
    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), "sealflow-store-"));
    });
    afterEach(async () => {
      for (const store of open) await close(store);
      rmSync(directory, { recursive: true, force: true });
    });

    it("has nothing at first, and gives back what was appended, in order, of any size, also when opened again", async () => {
      const few = Array.from({ length: 250 }, (_, i) => `${i}`);
      const texts = ["first", "x".repeat(3 * 1024 * 1024), "\u0000\n", "", ...few];
      const store = opened();
      expect(await contents(store.records)).toEqual([]);
      for (const text of texts) await store.records.append(record(text));
      expect(await contents(store.records)).toEqual(texts);
      await close(store);
      const again = opened();
      expect(await contents(again.records)).toEqual(texts);
      await again.records.append(record("later"));
      expect((await contents(again.records)).at(-1)).toBe("later");
    });

    it("gives back each by itself, and says when there is none", async () => {
      const texts = ["first", "x".repeat(100_000), "", "last"];
      const store = opened();
      await expect(store.records.get(0)).rejects.toThrow(RangeError);
      for (const text of texts) await store.records.append(record(text));
      const each = async ({ records }: OpenStore) =>
        Promise.all([3, 1, 0, 2, 3].map(async (i) => Buffer.from(await records.get(i)).toString()));
      const expected = [3, 1, 0, 2, 3].map((i) => texts[i]);
      expect(await each(store)).toEqual(expected);
      for (const index of [-1, 4, 0.5]) await expect(store.records.get(index)).rejects.toThrow(RangeError);
      await close(store);
      expect(await each(opened())).toEqual(expected);
    });

    it("takes the same record twice as two", async () => {
      const store = opened();
      for (const text of ["one", "one"]) await store.records.append(record(text));
      await close(store);
      expect(await contents(opened().records)).toEqual(["one", "one"]);
    });

    it("keeps what it was given, whatever becomes of the caller's bytes", async () => {
      const store = opened();
      const bytes = record("kept");
      await store.records.append(bytes.slice());
      const got = await store.records.get(0);
      got.slice().fill(0);
      expect(await contents(store.records)).toEqual(["kept"]);
    });

    it("can be read while it is appended to: a reader sees a beginning of it", async () => {
      const store = opened();
      for (let i = 0; i < 150; i++) await store.records.append(record(`${i}`));
      const seen: string[] = [];
      for await (const each of store.records.read()) {
        seen.push(Buffer.from(each).toString());
        if (seen.length === 10) await store.records.append(record("150"));
      }
      expect(seen).toEqual((await contents(store.records)).slice(0, seen.length));
      expect(seen.length).toBeGreaterThanOrEqual(150);
    });

    it("carries a broker through a restart", async () => {
      const first = opened();
      const world = await createWorld({ broker: { store: first.records } });
      const { runId } = await registerRun(world, { reuse: true });
      await runToEnd(world, runId);
      const second = await registerRun(world, { reuse: true });
      await runToEnd(world, second.runId);
      const bundles = [await world.broker.bundle(runId), await world.broker.bundle(second.runId)];
      await close(first);
      const again = await startBroker({ ...world.brokerOptions, store: opened().records });
      for (const [i, id] of [runId, second.runId].entries()) {
        expect((await again.status(id)).state).toBe("SUCCEEDED");
        const bundle = bundles[i] ?? new Uint8Array();
        expect(await again.bundle(id)).toEqual(bundle);
        expect((await verifyBundle(bundle, { anchors: anchorsOf(world) })).verdict).toBe("trusted");
      }
    });

    it("has one record of a decision whose answer was lost, however often it is asked for again", async () => {
      const world = await createWorld();
      let lost = false;
      const dying = (records: BrokerStore): BrokerStore => ({
        read: () => records.read(),
        get: (index) => records.get(index),
        append: async (bytes) => {
          await records.append(bytes);
          if (lost) throw new Error("killed");
        },
      });
      let store = opened();
      const keeper = memoryKeeper();
      const restarted = async () => {
        await close(store);
        store = opened();
        return startBroker({ ...world.brokerOptions, keeper, store: dying(store.records) });
      };
      let broker = await restarted();
      const { runId } = await registerRun(world, {}, broker);
      const granted = await obtainGrant(world, runId, "prepare", broker);
      if (granted.kind !== "granted") throw new Error("expected a grant");
      const { stated: _, plain: __, ...commit } = await resultOf(granted.attempt, granted);
      lost = true;
      await expect(broker.commit(commit)).rejects.toThrow("killed");
      lost = false;
      const { length } = await contents(store.records);
      broker = await restarted();
      const answer = await broker.commit(commit);
      expect(answer).toMatchObject({ kind: "committed", attempt: 1 });
      expect(await (await restarted()).commit(commit)).toEqual(answer);
      expect((await contents(store.records)).length).toBe(length);
    });

    it("is refused by the broker with a record in it twice, or without its last one", async () => {
      const first = opened();
      const world = await createWorld({ broker: { store: first.records } });
      await registerRun(world);
      const count = (await contents(first.records)).length;
      await first.records.append(await first.records.get(count - 1));
      await close(first);
      const options = { ...world.brokerOptions, store: opened().records };
      await expect(startBroker(options)).rejects.toMatchObject({ code: "TRUST_STORE_RECORD" });
      const short = `${directory}-short`;
      const cut = kind.open(short);
      try {
        for (let i = 0; i < count - 1; i++) await cut.records.append(await options.store.get(i));
        await expect(startBroker({ ...options, store: cut.records })).rejects.toMatchObject({
          code: "TRUST_LOG_ROLLED_BACK",
        });
      } finally {
        await cut.close();
        rmSync(short, { recursive: true, force: true });
      }
    });
  });
}
