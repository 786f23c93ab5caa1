/** What the broker demands of any store, held against each that there is: in memory, the engine's file, the server's database. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BrokerStore, memoryStore, startBroker, verifyBundle } from "@sealflow/trust";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { RecordFile } from "../../../engine/src/sealed/broker-files.js";
import { anchorsOf, createWorld, registerRun, runToEnd } from "../../../trust/test/world.js";
import { openBrokerStore } from "../../src/broker/store.js";
import { removeDirectory, temporaryDirectory } from "../support/server.js";

/** A store and how it is opened again after its process has ended. */
interface Kind {
  readonly name: string;
  open(directory: string): { readonly records: BrokerStore; close(): Promise<void> | void };
}

const file: Kind = {
  name: "the engine's file",
  open: (directory) => {
    const records = new RecordFile(join(directory, "records"));
    return { records, close: () => records.close() };
  },
};
const database: Kind = { name: "the server's database", open: openBrokerStore };
const durable = [file, database];

let directory: string;
afterEach(() => removeDirectory(directory));

const record = (text: string) => Uint8Array.from(Buffer.from(text));
async function all({ read }: { readonly read: () => AsyncIterable<Uint8Array> }): Promise<string[]> {
  const found: string[] = [];
  for await (const each of read()) found.push(Buffer.from(each).toString());
  return found;
}
const contents = (records: BrokerStore) => all({ read: () => records.read() });

describe.each(durable)("$name", (kind) => {
  it("has nothing at first, and gives back what was appended, in order, of any size, also when opened again", async () => {
    directory = temporaryDirectory();
    const texts = [
      "first",
      "x".repeat(3 * 1024 * 1024),
      "\u0000\n",
      ...Array.from({ length: 250 }, (_, i) => `${i}`),
    ];
    const store = kind.open(directory);
    expect(await contents(store.records)).toEqual([]);
    for (const text of texts) await store.records.append(record(text));
    expect((await contents(store.records)).length).toBe(texts.length);
    await store.close();
    const again = kind.open(directory);
    expect(await contents(again.records)).toEqual(texts);
    await again.records.append(record("later"));
    expect((await contents(again.records)).at(-1)).toBe("later");
    await again.close();
  });

  it("can be read while it is appended to: a reader sees a beginning of it", async () => {
    directory = temporaryDirectory();
    const store = kind.open(directory);
    for (let i = 0; i < 150; i++) await store.records.append(record(`${i}`));
    const seen: string[] = [];
    for await (const each of store.records.read()) {
      seen.push(Buffer.from(each).toString());
      if (seen.length === 10) await store.records.append(record("150"));
    }
    expect(seen).toEqual((await contents(store.records)).slice(0, seen.length));
    expect(seen.length).toBeGreaterThanOrEqual(150);
    await store.close();
  });

  it("carries a broker through a restart", async () => {
    directory = temporaryDirectory();
    const first = kind.open(directory);
    const world = await createWorld({ broker: { store: first.records } });
    const { runId } = await registerRun(world);
    await runToEnd(world, runId);
    const bundle = await world.broker.bundle(runId);
    await first.close();
    const second = kind.open(directory);
    const again = await startBroker({ ...world.brokerOptions, store: second.records });
    expect((await again.status(runId)).state).toBe("SUCCEEDED");
    expect(await again.bundle(runId)).toEqual(bundle);
    expect((await verifyBundle(bundle, { anchors: anchorsOf(world) })).verdict).toBe("trusted");
    await second.close();
  });
});

describe("a store in memory", () => {
  it("gives back what was appended", async () => {
    directory = temporaryDirectory();
    const store = memoryStore();
    for (const text of ["one", "two"]) await store.append(record(text));
    expect(await contents(store)).toEqual(["one", "two"]);
  });
});

describe("the engine's file", () => {
  it.each([1, 3, 4, 5, 9])(
    "goes on after the last whole record when its end of %i bytes was cut off",
    async (kept) => {
      directory = temporaryDirectory();
      const store = file.open(directory);
      for (const text of ["one", "two"]) await store.records.append(record(text));
      await store.close();
      const path = join(directory, "records");
      // A record of ten bytes, of which a crash let only some reach the disk.
      appendFileSync(path, Buffer.from([0, 0, 0, 10, ...Buffer.from("0123456789")]).subarray(0, kept));
      const again = file.open(directory);
      expect(await contents(again.records)).toEqual(["one", "two"]);
      await again.records.append(record("three"));
      await again.close();
      expect(await contents(file.open(directory).records)).toEqual(["one", "two", "three"]);
    },
  );
});

const rooms = ["core", "trust", "pipeline", "attest", "seal"];
const program = fileURLToPath(new URL(`../../node_modules/.cache/store-${process.pid}.mjs`, import.meta.url));
beforeAll(async () => {
  const source = (path: string) => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)));
  await build({
    stdin: {
      contents: `
        import { writeSync } from "node:fs";
        import { RecordFile } from ${source("../../../engine/src/sealed/broker-files.ts")};
        import { openBrokerStore } from ${source("../../src/broker/store.ts")};
        const [kind, directory] = process.argv.slice(2);
        const store = kind === "file" ? new RecordFile(directory + "/records") : openBrokerStore(directory).records;
        let count = 0;
        for await (const _ of store.read()) count++;
        for (;;) {
          await store.append(Uint8Array.from(Buffer.from(String(count) + "x".repeat((count * 997) % 20000))));
          writeSync(1, String(count++) + "\\n");
        }`,
      resolveDir: fileURLToPath(new URL(".", import.meta.url)),
    },
    outfile: program,
    ...{ bundle: true, platform: "node", format: "esm", target: "node20", logLevel: "error" },
    conditions: ["@sealflow/source"],
    packages: "external",
    alias: Object.fromEntries(
      [["seal/node", "seal/src/node.ts"], ...rooms.map((name) => [name, `${name}/src/index.ts`])].map(
        ([name, path]) => [`@sealflow/${name}`, fileURLToPath(new URL(`../../../${path}`, import.meta.url))],
      ),
    ),
  });
});
afterAll(() => rmSync(program, { force: true }));

describe.each([
  ["file", file],
  ["database", database],
] as const)("the store in a %s", (name, kind) => {
  it("keeps every record that it said it had, in order, when its process is killed again and again", async () => {
    directory = temporaryDirectory();
    let said = -1;
    const rounds = process.env.SEALFLOW_SLOW === undefined ? 3 : 50;
    for (let round = 0; round < rounds; round++) {
      const child = spawn(process.execPath, [program, name, directory], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let output = "";
      child.stdout.on("data", (chunk: Buffer) => {
        output += chunk.toString();
        if (output.length > 200 + ((round * 37) % 400)) child.kill("SIGKILL");
      });
      await once(child, "close");
      const lines = output.split("\n").slice(0, -1);
      said = Math.max(said, Number(lines.at(-1) ?? said));
      const store = kind.open(directory);
      const found = await contents(store.records);
      expect(found.length).toBeGreaterThan(said);
      for (const [index, text] of found.entries())
        expect(text).toBe(`${index}${"x".repeat((index * 997) % 20000)}`);
      await store.close();
    }
    expect(said).toBeGreaterThan(100);
  });
});
