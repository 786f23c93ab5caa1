import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withPage } from "../../../test-support/browser.js";
import { verifySgxQuote } from "../src/index.js";
import { readBundle, vectors } from "./vectors.js";

/** WebCrypto exists in secure contexts only, which loopback is. */
const server = createServer((_, response) => response.end("<!doctype html><title>verifier</title>"));
beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
afterAll(() => new Promise((resolve) => server.close(resolve)));

async function bundle(): Promise<string> {
  const result = await build({
    entryPoints: [fileURLToPath(new URL("../src/index.ts", import.meta.url))],
    bundle: true,
    write: false,
    platform: "browser",
    format: "iife",
    globalName: "sealflowAttest",
    conditions: ["@sealflow/source"],
  });
  return result.outputFiles[0]?.text ?? "";
}

describe.skipIf(!vectors)("the verifier in a browser", () => {
  it("gives the verdicts that it gives in Node", async () => {
    const names = ["C_automata_00606A000000_2025-09", "C_occlum_debug_00606A000000_2025-09"];
    const evidence = names.map(readBundle);
    const script = await bundle();
    const inPage = await withPage(async (page) => {
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      await page.addScriptTag({ content: script });
      const input = evidence.map(({ quote, ...rest }) => ({ ...rest, quote: [...quote] }));
      return page.evaluate(async (items) => {
        type Verify = (evidence: object) => Promise<{ verdict: string }>;
        const { verifySgxQuote: verify } = Reflect.get(globalThis, "sealflowAttest") as {
          verifySgxQuote: Verify;
        };
        return Promise.all(items.map((item) => verify({ ...item, quote: Uint8Array.from(item.quote) })));
      }, input);
    });
    expect(inPage).toEqual(await Promise.all(evidence.map(verifySgxQuote)));
    expect(inPage.map(({ verdict }) => verdict)).toEqual(["accept", "refuse"]);
  });
});
