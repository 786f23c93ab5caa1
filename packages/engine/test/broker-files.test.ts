/** The file of the broker's records: its contract, and what crashes and disks can do to it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { bundleProgram } from "../../../test-support/bundled.js";
import { contents, describeBrokerStore, record } from "../../trust/test/store-contract.js";
import { checkpointFile, RecordFile } from "../src/sealed/broker-files.js";
import { temporaryDirectory } from "./temporary.js";

const slow = process.env.SEALFLOW_SLOW !== undefined;

describeBrokerStore({
  name: "a file",
  open: (directory) => {
    const records = new RecordFile(join(directory, "broker.log"));
    return { records, close: () => records.close() };
  },
});

/** A file with records, as bytes. */
async function written(...texts: readonly string[]): Promise<Buffer> {
  const path = join(temporaryDirectory(), "broker.log");
  const file = new RecordFile(path);
  for (const text of texts) await file.append(record(text));
  await file.close();
  return readFileSync(path);
}

/** What a file of these bytes has, or the code of its refusal. */
async function readBack(bytes: Uint8Array): Promise<readonly string[] | string> {
  const path = join(temporaryDirectory(), "broker.log");
  writeFileSync(path, bytes);
  const file = new RecordFile(path);
  try {
    const texts = await contents(file);
    await file.append(record("later"));
    await file.close();
    const again = new RecordFile(path);
    expect(await contents(again)).toEqual([...texts, "later"]);
    await again.close();
    return texts;
  } catch (error) {
    await file.close();
    if (error instanceof Error && "code" in error) return String(error.code);
    throw error;
  }
}

describe("a file of records after a crash", () => {
  it("goes on after its last whole record, wherever its end was cut off", async () => {
    const whole = await written("one", "two", "three");
    const two = (await written("one", "two")).length;
    const one = (await written("one")).length;
    for (let length = 0; length <= whole.length; length++) {
      const found = await readBack(whole.subarray(0, length));
      const expected = ["one", "two", "three"].slice(
        0,
        length === whole.length ? 3 : length >= two ? 2 : length >= one ? 1 : 0,
      );
      expect(found, `${length} bytes`).toEqual(expected);
    }
  });

  it("goes on when the disk never got the end of the last record, and gives zeros for it", async () => {
    const whole = await written("one", "two", "three");
    const two = (await written("one", "two")).length;
    for (let from = two; from < whole.length; from++) {
      const found = await readBack(
        Buffer.concat([whole.subarray(0, from), Buffer.alloc(whole.length - from)]),
      );
      // A head of which the disk got a part can't be told from damage: it is said, and nothing is cut away.
      const partly = from > two && from < two + 8;
      if (partly) expect(["ENGINE_SEALED_LOG_DAMAGED", ["one", "two"]], `${from}`).toContainEqual(found);
      else expect(found, `${from}`).toEqual(["one", "two"]);
    }
  });

  it("says that it is damaged where a bit has changed before its last record, and never gives another one", async () => {
    const whole = await written("one", "two", "three");
    const two = (await written("one", "two")).length;
    for (let at = 0; at < whole.length; at++) {
      const changed = Uint8Array.from(whole);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const found = await readBack(changed);
      if (at < two) expect(found, `byte ${at}`).toBe("ENGINE_SEALED_LOG_DAMAGED");
      // The last one may be one that was never whole.
      else expect(["ENGINE_SEALED_LOG_DAMAGED", ["one", "two"]], `byte ${at}`).toContainEqual(found);
    }
  });

  it("appends nothing after an append that failed, until it is opened again", async () => {
    const path = join(temporaryDirectory(), "broker.log");
    const file = new RecordFile(path);
    await file.append(record("one"));
    const handle = await open(path, "r");
    const full = Object.assign(new Error("no space left"), { code: "ENOSPC" });
    vi.spyOn(Object.getPrototypeOf(handle), "datasync").mockRejectedValueOnce(full);
    await handle.close();
    await expect(file.append(record("lost"))).rejects.toMatchObject({ code: "ENGINE_STORE_FULL" });
    await expect(file.append(record("two"))).rejects.toMatchObject({ code: "ENGINE_STORE_FULL" });
    expect(await contents(file)).toEqual(["one"]);
    await file.close();
    // What was written but not synced may be there or not.
    const again = new RecordFile(path);
    await again.append(record("two"));
    expect(["one,two", "one,lost,two"]).toContain((await contents(again)).join());
    await again.close();
  });
});

describe("a checkpoint's file", () => {
  it("is absent at first, keeps the newest, and says when it is something else", async () => {
    const path = join(temporaryDirectory(), "kept", "checkpoint.json");
    const keeper = checkpointFile(path);
    expect(await keeper.read()).toBeUndefined();
    const envelope = (payload: string) => ({
      payloadType: "application/vnd.sealflow.checkpoint.v1+json",
      payload,
      signatures: [{ keyid: "ab".repeat(32), sig: Buffer.alloc(64).toString("base64") }],
    });
    for (const payload of ["e30=", "W10="]) {
      await keeper.write(envelope(payload) as never);
      expect(await checkpointFile(path, { sync: false }).read()).toMatchObject({ payload });
    }
    writeFileSync(path, "{}");
    await expect(keeper.read()).rejects.toMatchObject({ code: "ENGINE_CHECKPOINT_UNREADABLE" });
  });
});

const program = fileURLToPath(new URL(`../node_modules/.cache/records-${process.pid}.mjs`, import.meta.url));
beforeAll(async () => {
  const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  await bundleProgram(program, {
    contents: `
      import { writeSync } from "node:fs";
      import { open } from "node:fs/promises";
      import { RecordFile } from ${JSON.stringify(source("../src/sealed/broker-files.ts"))};
      const [path, at] = process.argv.slice(2);
      const store = new RecordFile(path);
      let count = 0;
      for await (const _ of store.read()) count++;
      const handle = await open(path, "r");
      const prototype = Object.getPrototypeOf(handle);
      await handle.close();
      const { datasync } = prototype;
      let until = Number(at);
      prototype.datasync = function () {
        // Between the write and the sync.
        if (until-- === 0) process.kill(process.pid, "SIGKILL");
        return datasync.call(this);
      };
      for (;;) {
        await store.append(Uint8Array.from(Buffer.from(String(count) + "x".repeat((count * 997) % 20000))));
        writeSync(1, String(count++) + "\\n");
      }`,
    resolveDir: source("."),
  });
});
afterAll(() => rmSync(program, { force: true }));

describe("a process that appends, killed again and again", () => {
  /** Runs it; kills it when it has said so much, or lets it kill itself before a sync. */
  const died = async (path: string, when: { readonly output: number } | { readonly sync: number }) => {
    const at = "sync" in when ? `${when.sync}` : "-1";
    const child = spawn(process.execPath, [program, path, at], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if ("output" in when && output.length > when.output) child.kill("SIGKILL");
    });
    await once(child, "close");
    expect(child.signalCode).toBe("SIGKILL");
    return Number(output.split("\n").slice(0, -1).at(-1) ?? -1);
  };

  it("has every record that it said it had, whole and in order", { timeout: 600_000 }, async () => {
    const path = join(temporaryDirectory(), "broker.log");
    let said = -1;
    for (let round = 0; round < (slow ? 50 : 4); round++) {
      const when = round % 2 === 0 ? { output: 200 + ((round * 37) % 400) } : { sync: (round * 7) % 20 };
      said = Math.max(said, await died(path, when));
      const store = new RecordFile(path);
      const found = await contents(store);
      await store.close();
      expect(found.length).toBeGreaterThan(said);
      for (const [index, text] of found.entries())
        expect(text).toBe(`${index}${"x".repeat((index * 997) % 20000)}`);
    }
    expect(said).toBeGreaterThan(100);
  });
});
