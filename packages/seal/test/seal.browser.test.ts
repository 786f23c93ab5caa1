import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { toBase64 } from "@sealflow/core";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withPage } from "../../../test-support/browser.js";
import { openArtifact, projectKeyFrom, sealArtifact } from "../src/index.js";
import { collect, random } from "./random.js";
import { readMalformed, readVectors } from "./vectors.js";

/** WebCrypto exists in secure contexts only, which loopback is. */
const server = createServer((_, response) => response.end("<!doctype html><title>seal</title>"));
beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
afterAll(() => new Promise((resolve) => server.close(resolve)));

const entry = fileURLToPath(new URL("browser-program.ts", import.meta.url));

async function bundle(): Promise<string> {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: "browser",
    format: "iife",
    globalName: "sealProgram",
    conditions: ["@sealflow/source"],
  });
  return result.outputFiles[0]?.text ?? "";
}

type Program = typeof import("./browser-program.js");

describe("sealing in a browser", () => {
  it("opens, refuses and makes the same artifacts as Node", async () => {
    const secret = new Uint8Array(32).fill(1);
    const { identity } = await projectKeyFrom(secret);
    const options = { recipients: [identity.recipient], random, chunkBytes: 1000 };
    const fromNode = await collect(sealArtifact([new Uint8Array(5000).fill(7)], options));
    const [vectors, malformed] = [readVectors(), readMalformed()];
    const script = await bundle();
    const result = await withPage(async (page) => {
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      await page.addScriptTag({ content: script });
      return page.evaluate(
        async (input) => {
          const program = Reflect.get(globalThis, "sealProgram") as Program;
          return {
            vectors: await program.openAll(input.vectors),
            malformed: await program.refuseAll(input.malformed),
            reopened: await program.openAndSealAgain(input.fromNode),
            statement: await program.signAndVerify(),
          };
        },
        { vectors, malformed, fromNode: toBase64(fromNode) },
      );
    });
    expect(result.vectors).toEqual(vectors.map(({ digest }) => digest));
    expect(result.malformed).toEqual(malformed.map(({ code }) => code));
    expect(result.statement).toBe(true);
    const again = Uint8Array.from(Buffer.from(result.reopened, "base64"));
    const opened = await openArtifact([again], { unlock: { identities: [identity] } });
    expect(await collect(opened.plaintext)).toEqual(new Uint8Array(5000).fill(7));
  });
});
