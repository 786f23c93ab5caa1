import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { toBase64 } from "@sealflow/core";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withPage } from "../../../test-support/browser.js";
import { formatTrustFile, verifyBundle } from "../src/index.js";
import { anchorsOf, createWorld, registerRun, runToEnd } from "./world.js";

/** WebCrypto exists in secure contexts only, which loopback is. */
const server = createServer((_, response) => response.end("<!doctype html><title>trust</title>"));
beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
afterAll(() => new Promise((resolve) => server.close(resolve)));

type Program = typeof import("./browser-program.js");

describe("verifying in a browser", () => {
  it("gives the verdict that Node gives, check for check, and refuses changes", async () => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    await runToEnd(world, runId);
    const bundle = await world.broker.bundle(runId);
    const built = await build({
      entryPoints: [fileURLToPath(new URL("browser-program.ts", import.meta.url))],
      ...{ bundle: true, write: false, platform: "browser", format: "iife", globalName: "trustProgram" },
      conditions: ["@sealflow/source"],
    });
    const input = { bundle: toBase64(bundle), trust: formatTrustFile(anchorsOf(world)) };
    const result = await withPage(async (page) => {
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      await page.addScriptTag({ content: built.outputFiles[0]?.text ?? "" });
      return page.evaluate(async ({ bundle, trust }) => {
        const program = Reflect.get(globalThis, "trustProgram") as Program;
        return {
          verdicts: await program.verifyBoth(bundle, trust),
          flips: await program.refuseFlips(bundle, trust, 10),
        };
      }, input);
    });
    expect(result.verdicts.map(({ verdict }) => verdict)).toEqual(["trusted", "consistent"]);
    const inNode = await verifyBundle(bundle, { anchors: anchorsOf(world) });
    expect(result.verdicts[0]).toEqual(JSON.parse(JSON.stringify(inNode)));
    for (const code of result.flips) expect(code).toMatch(/^(TRUST|SEAL|ATTEST)_/);
  });
});
