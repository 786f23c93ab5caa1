import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { importArtifact } from "../src/executors/importer.js";
import { storeLayout } from "../src/store/layout.js";
import { temporaryDirectory } from "./temporary.js";

function importing(fetch: typeof globalThis.fetch = () => Promise.reject(new Error("no network"))) {
  const baseDirectory = temporaryDirectory();
  const store = storeLayout(join(baseDirectory, "store"));
  const rest = { type: { schemaTitle: "system.Dataset" }, metadata: { a: 1 }, baseDirectory, store, fetch };
  return { baseDirectory, of: (uri: string) => importArtifact({ uri, ...rest }) };
}

const hex = (text: string) => createHash("sha256").update(text).digest("hex");

describe("importers", () => {
  it("take files by relative, absolute and file: paths and know their content", async () => {
    const { baseDirectory, of } = importing();
    writeFileSync(join(baseDirectory, "x.csv"), "1");
    const all = await Promise.all(
      ["x.csv", "./x.csv", join(baseDirectory, "x.csv"), `file://${baseDirectory}/x.csv`].map(of),
    );
    for (const artifact of all) {
      expect(artifact).toMatchObject({ digest: `sha256:${hex("1")}`, metadata: { a: 1 } });
      expect(fileURLToPath(artifact.uri)).toBe(join(baseDirectory, "x.csv"));
    }
  });

  it("take directories", async () => {
    const { baseDirectory, of } = importing();
    mkdirSync(join(baseDirectory, "d"));
    const before = await of("d");
    writeFileSync(join(baseDirectory, "d", "x"), "");
    expect((await of("d")).digest).not.toBe(before.digest);
  });

  it("pass on what they can't read from here", async () => {
    expect(await importing().of("gs://bucket/x")).toMatchObject({ uri: "gs://bucket/x" });
  });

  it("download what has the expected digest, once", async () => {
    let calls = 0;
    const { of } = importing(async () => {
      calls++;
      return new Response("content");
    });
    const artifact = await of(`https://example.org/x#sha256=${hex("content")}`);
    expect(readFileSync(fileURLToPath(artifact.uri), "utf8")).toBe("content");
    expect(await of(`https://example.org/y#sha256=${hex("content")}`)).toEqual(artifact);
    expect(calls).toBe(1);
  });

  it.each([
    ["a missing file", "nope", "ENGINE_IMPORT_MISSING", undefined],
    ["a URL without digest", "https://example.org/x", "ENGINE_IMPORT_DIGEST_REQUIRED", undefined],
    [
      "other content",
      `https://example.org/x#sha256=${hex("a")}`,
      "ENGINE_IMPORT_DIGEST_MISMATCH",
      new Response("b"),
    ],
    [
      "a refusal",
      `https://example.org/x#sha256=${hex("a")}`,
      "ENGINE_IMPORT_UNREACHABLE",
      new Response("", { status: 404 }),
    ],
    ["no network", `https://example.org/x#sha256=${hex("a")}`, "ENGINE_IMPORT_UNREACHABLE", undefined],
  ])("refuse %s", async (_, uri, code, response) => {
    const fetch = response && (() => Promise.resolve(response));
    await expect(importing(fetch).of(uri)).rejects.toMatchObject({ code });
  });
});
