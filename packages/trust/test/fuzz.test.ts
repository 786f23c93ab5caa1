import { canonicalJson, utf8 } from "@sealflow/core";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { verifyBundle } from "../src/index.js";
import { createWorld, registerRun, runToEnd } from "./world.js";

/** A million in the slow suite. */
const numRuns = process.env.SEALFLOW_SLOW ? 1_000_000 : 3000;
const timeout = process.env.SEALFLOW_SLOW ? 4 * 3_600_000 : 60_000;

let encoded: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  const world = await createWorld();
  const { runId } = await registerRun(world);
  await runToEnd(world, runId);
  encoded = await world.broker.bundle(runId);
});

describe("the reader of bundles", () => {
  it("refuses whatever bytes it is given, without an exception", { timeout }, async () => {
    const junk = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.json({ maxDepth: 6 }).map((text) => utf8(text)),
      fc.jsonValue({ maxDepth: 6 }).map((value) => utf8(canonicalJson(value))),
      fc
        .record({ version: fc.constant("sealflow.bundle/v1"), claims: fc.jsonValue() })
        .map((value) => utf8(canonicalJson(value))),
      // A genuine bundle with a piece cut out, doubled or overwritten.
      fc.tuple(fc.nat(), fc.nat(400), fc.uint8Array({ maxLength: 40 })).map(([at, length, bytes]) => {
        const start = at % encoded.length;
        return Buffer.concat([encoded.subarray(0, start), bytes, encoded.subarray(start + length)]);
      }),
      fc.integer({ min: 1, max: 30_000 }).map((depth) => utf8("[".repeat(depth) + "]".repeat(depth))),
    );
    const property = fc.asyncProperty(junk, async (bytes) => {
      if (Buffer.compare(bytes, encoded) === 0) return;
      const verdict = await verifyBundle(Uint8Array.from(bytes));
      expect(verdict.verdict).toBe("refused");
      expect(verdict.checks.at(-1)).toMatchObject({ passed: false, code: verdict.code });
    });
    await fc.assert(property, { numRuns, endOnFailure: true });
  });
});
