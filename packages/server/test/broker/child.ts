/** A broker in a process of its own that kills itself at a given point of a given record. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromHex } from "@sealflow/core";
import { checkpointFile } from "@sealflow/engine/sealed";
import { type BrokerStore, type CheckpointKeeper, startBroker } from "@sealflow/trust";
import { createBrokerApp } from "../../src/broker/app.js";
import { openBrokerStore } from "../../src/broker/store.js";
import { listen } from "../../src/http/listen.js";

/** What the test writes for it. */
export interface ChildSetup {
  readonly secret: string;
  readonly policy: Parameters<typeof startBroker>[0]["policy"];
  readonly policySigner: string;
  /** SubjectPublicKeyInfo of the simulated root, hex. */
  readonly root: string;
  readonly directory: string;
  readonly now: number;
  readonly port: number;
  /** When to die: before the record is stored, after it, or after the checkpoint that covers it. Counted from 1. */
  readonly crash?: { readonly point: "before" | "stored" | "kept"; readonly record: number };
}

const setup = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as ChildSetup;
const { records } = openBrokerStore(setup.directory);
const kept = checkpointFile(join(setup.directory, "checkpoint.json"));
let appended = 0;
const dieAt = (point: string) => {
  if (setup.crash?.point === point && setup.crash.record === appended) process.kill(process.pid, "SIGKILL");
};
const store: BrokerStore = {
  read: () => records.read(),
  get: (index) => records.get(index),
  append: async (record) => {
    appended++;
    dieAt("before");
    await records.append(record);
    dieAt("stored");
  },
};
const keeper: CheckpointKeeper = {
  read: () => kept.read(),
  write: async (checkpoint) => {
    await kept.write(checkpoint);
    dieAt("kept");
  },
};
const clock = { now: () => setup.now };
const broker = await startBroker({
  secret: fromHex(setup.secret),
  domain: "test",
  policy: setup.policy,
  policySigner: setup.policySigner,
  roots: [{ kind: "simulated", publicKeyInfo: fromHex(setup.root) }],
  random: { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) },
  ...{ store, keeper, clock },
});
const log = { log: (level: string, message: string) => process.stderr.write(`${level} ${message}\n`) };
const app = createBrokerApp({ broker, clock, log, requestsPerSecond: 1000, requestsAtOnce: 100 });
const { url } = await listen(app.fetch, { host: "127.0.0.1", port: setup.port });
process.stdout.write(`${url}\n`);
