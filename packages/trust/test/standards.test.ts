/** What tasks and brokers sign, under the standards' own code: securesystemslib, in-toto's and SLSA's messages. */
import { fromBase64, type JsonObject } from "@sealflow/core";
import type { Envelope } from "@sealflow/seal";
import { beforeAll, describe, expect, it } from "vitest";
import { runPython } from "../../../test-support/python.js";
import { decodeBundle } from "../src/bundle/format.js";
import { createWorld, failureOf, obtainGrant, registerRun, runToEnd } from "./world.js";

interface Signed {
  readonly envelope: Envelope;
  readonly publicKey: string;
}

const provenance = "https://slsa.dev/provenance/v1";
const check = async (signed: readonly Signed[]): Promise<string[]> =>
  JSON.parse(await runPython(["test-support/attestations.py"], JSON.stringify(signed)));

let made: Signed[] = [];
let failed: Signed;
let reused: Signed;

beforeAll(async () => {
  const world = await createWorld();
  const first = await registerRun(world, { reuse: true });
  const granted = await obtainGrant(world, first.runId, "prepare");
  if (granted.kind !== "granted") throw new Error("expected a grant");
  const { signingKey } = granted.attempt.transcript;
  failed = { envelope: (await failureOf(granted)).statement, publicKey: signingKey };
  await runToEnd(world, first.runId);
  made = decodeBundle(await world.broker.bundle(first.runId)).tasks.flatMap((task) =>
    task.kind === "attempt" && task.statement !== null
      ? [{ envelope: task.statement, publicKey: task.transcript.signingKey }]
      : [],
  );
  const second = await registerRun(world, { reuse: true });
  await runToEnd(world, second.runId);
  const reuse = decodeBundle(await world.broker.bundle(second.runId)).tasks.find(
    ({ kind }) => kind === "reuse",
  );
  if (!reuse?.statement) throw new Error("expected a reused result");
  reused = { envelope: reuse.statement, publicKey: world.broker.brokerKey };
});

describe("the standards' own code", () => {
  it("takes every task's statement as signed provenance", async () => {
    expect(made.length).toBeGreaterThan(1);
    expect(await check(made)).toEqual(made.map(() => provenance));
  });

  it("takes statements of failures and of reused results as signed statements", async () => {
    expect(await check([failed, reused])).toEqual([
      expect.stringMatching(/^urn:sealflow:/),
      expect.stringMatching(/^urn:sealflow:/),
    ]);
  });

  it.each<[string, (signed: Signed) => Signed, RegExp]>([
    ["another key", (signed) => ({ ...signed, publicKey: "ab".repeat(32) }), /signature|verif/i],
    ["another payload", (signed) => ({ ...signed, envelope: failed.envelope }), /signature|verif|KeyError/i],
  ])("refuses them under %s", async (_, change, reason) => {
    const [first] = made;
    if (first === undefined) throw new Error("expected a statement");
    await expect(check([change(first)])).rejects.toThrow(reason);
  });

  it.each<[string, JsonObject]>([
    ["a member that the standard does not know", { runDetails: { builder: { id: "urn:x" }, more: 1 } }],
    ["a list of another kind", { buildDefinition: { resolvedDependencies: ["sha256:ab"] } }],
    ["no builder", { runDetails: { builder: {} } }],
  ])("would refuse provenance with %s", async (_, change) => {
    const [first] = made;
    const text = new TextDecoder().decode(fromBase64(first?.envelope.payload ?? ""));
    const statement = JSON.parse(text) as { predicate: JsonObject };
    const changed = { ...statement, predicate: { ...statement.predicate, ...change } };
    const given = JSON.stringify([{ statement: changed }]);
    await expect(runPython(["test-support/attestations.py"], given)).rejects.toThrow(/Error/);
    await runPython(["test-support/attestations.py"], JSON.stringify([{ statement }]));
  });
});
