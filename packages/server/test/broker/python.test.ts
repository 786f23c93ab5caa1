import { createHash, X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { toHex } from "@sealflow/core";
import { httpBroker, type TaskBroker, verifyBundle } from "@sealflow/trust";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  anchorsOf,
  componentDigest,
  createWorld,
  measurement,
  registerRun,
  type World,
} from "../../../trust/test/world.js";
import { type RunningBroker, startBrokerServer } from "../../src/broker/server.js";
import { python, removeDirectory, temporaryDirectory } from "../support/server.js";

const pem = (name: string) =>
  readFileSync(fileURLToPath(new URL(`testdata/${name}.pem`, import.meta.url)), "utf8");
const tls = { cert: pem("cert"), key: pem("key") };
const names = ["prepare", "train", "report", "evaluate"];

let world: World;
let server: RunningBroker;
let broker: TaskBroker;
let directory: string;

/** The quoting of simulated enclaves: what was started under a token is what the evidence says. */
const quoting = createServer((incoming, response) => {
  const parts: Buffer[] = [];
  incoming.on("data", (part: Buffer) => parts.push(part));
  incoming.on("end", async () => {
    const name = (incoming.headers.authorization ?? "").replace("Bearer ", "");
    const reportData = Uint8Array.from(
      Buffer.from(JSON.parse(Buffer.concat(parts).toString()).reportData, "hex"),
    );
    const enclave = {
      mrEnclave: measurement(name),
      mrSigner: new Uint8Array(32),
      productId: 0,
      svn: 0,
      reportData,
    };
    const quote = Buffer.from(await world.platform.quote(enclave)).toString("base64");
    response.end(JSON.stringify({ type: "sgx-dcap", quote, collateral: world.collateral }));
  });
});

beforeAll(async () => {
  const period = { from: Date.now() - 86_400_000, until: Date.now() + 86_400_000 };
  world = await createWorld({ period });
  world.clock.time = Date.now();
  directory = temporaryDirectory();
  mkdirSync(join(directory, "store"));
  writeFileSync(join(directory, "loans.sealed"), world.loans.bytes);
  server = await startBrokerServer({
    ...world.brokerOptions,
    directory,
    port: 0,
    tls,
    requestsPerSecond: 1000,
  });
  await new Promise<void>((resolve) => quoting.listen(0, "127.0.0.1", resolve));
  broker = httpBroker({
    url: server.url,
    fetch: (input, init) =>
      new Promise((resolve, reject) => {
        const asked = httpsRequest(String(input), { method: init?.method, ca: tls.cert }, (response) => {
          const parts: Buffer[] = [];
          response.on("data", (part: Buffer) => parts.push(part));
          response.on("end", () =>
            resolve(new Response(Buffer.concat(parts), { status: response.statusCode ?? 0 })),
          );
        });
        asked.on("error", reject);
        asked.end(init?.body);
      }),
  });
});
afterAll(async () => {
  await server.close();
  quoting.close();
  removeDirectory(directory);
});

interface Outcome {
  readonly committed?: { readonly attempt: number };
  readonly failed?: string;
  readonly final?: boolean;
  readonly refused?: string;
}

/** Runs tasks in Python, in this order. */
async function tasks(runId: string, list: readonly (readonly [name: string, path: string])[], change = {}) {
  const certificate = new X509Certificate(tls.cert);
  const spki = certificate.publicKey.export({ type: "spki", format: "der" });
  const setup = {
    ...{ broker: server.url, pin: createHash("sha256").update(spki).digest("hex"), runId, tasks: list },
    quotes: `http://127.0.0.1:${(quoting.address() as AddressInfo).port}`,
    components: Object.fromEntries(names.map((name) => [name, componentDigest(name)])),
    inputs: { [world.loans.digest]: join(directory, "loans.sealed") },
    store: join(directory, "store"),
    ...change,
  };
  const file = join(directory, "setup.json");
  writeFileSync(file, JSON.stringify(setup));
  return python<Outcome[]>("broker_tasks.py", file);
}

describe("the sealed runtime in Python against the served broker", () => {
  it("runs a pipeline to its end over HTTPS with a pinned key, and the bundle verifies", async () => {
    const { runId } = await registerRun(world, {}, broker);
    const outcomes = await tasks(runId, [
      ["evaluate", "evaluate"],
      ["prepare", "prepare"],
      ["prepare", "prepare"],
      ["report", "condition-1/report"],
      ["train", "for-loop-1[1]/train"],
      ["train", "for-loop-1[0]/train"],
      ["train", "for-loop-1[2]/train"],
      ["evaluate", "evaluate"],
    ]);
    expect(outcomes.map(({ refused, committed }) => refused ?? committed?.attempt)).toEqual([
      ...["TRUST_TASK_NOT_DUE", 1, 1, 1, 1, 1, "TRUST_TASK_NOT_DUE", 1],
    ]);
    const verdict = await verifyBundle(await broker.bundle(runId), { anchors: anchorsOf(world) });
    expect(verdict.checks.filter(({ passed }) => !passed)).toEqual([]);
    expect(verdict.run).toMatchObject({ state: "SUCCEEDED" });
    expect(verdict.run?.tasks.at(-1)?.outputs?.parameters.best).toMatchObject({ value: 0.52 });
  });

  it("signs its failures, says no more than a code, and is refused under another key", async () => {
    const { runId } = await registerRun(world, {}, broker);
    const pin = toHex(new Uint8Array(32));
    const [pinned] = await tasks(runId, [["prepare", "prepare"]], { pin });
    expect(pinned?.refused).toMatch(/^SEALED_/);
    const [failed] = await tasks(runId, [["fails", "prepare"]]);
    expect(failed).toEqual({ failed: "TASK_RAISED", final: true });
    const verdict = await verifyBundle(await broker.bundle(runId), { anchors: anchorsOf(world) });
    expect(verdict).toMatchObject({ verdict: "trusted", run: { state: "FAILED" } });
  });
});
