import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBase64, fromHex, utf8 } from "@sealflow/core";
import { afterAll, describe, expect, it } from "vitest";
import { openArtifact, projectKeyFrom, sealArtifact } from "../src/index.js";
import { nodeAead, piecesOfFile, writeFileAtomically } from "../src/node.js";
import { collect, random } from "./random.js";
import { plaintextOf, readMalformed, readVectors } from "./vectors.js";

const directory = mkdtempSync(join(tmpdir(), "sealflow-seal-"));
afterAll(() => rmSync(directory, { recursive: true }));
const { identity } = await projectKeyFrom(new Uint8Array(32).fill(1));

describe("the cipher of Node", () => {
  it.each(readVectors())("opens: $name, made by $producer", async (vector) => {
    const options = { unlock: { dataKey: fromHex(vector.dataKey) }, aead: nodeAead };
    const { plaintext } = await openArtifact([fromBase64(vector.artifact)], options);
    expect(await collect(plaintext)).toEqual(plaintextOf(vector.plaintextLength));
  });

  it.each(readVectors())("makes the same chunks: $name, made by $producer", async (vector) => {
    const { chunkBytes, content, lineage, id } = vector;
    const fixed = { bytes: (length: number) => (length === 16 ? fromHex(id) : new Uint8Array(length)) };
    const dataKey = fromHex(vector.dataKey);
    const options = { recipients: [], random: fixed, chunkBytes, content, lineage, dataKey, aead: nodeAead };
    const again = await collect(sealArtifact([plaintextOf(vector.plaintextLength)], options));
    const body = vector.plaintextLength + 16 * Math.max(1, Math.ceil(vector.plaintextLength / chunkBytes));
    expect(again.slice(-body)).toEqual(fromBase64(vector.artifact).slice(-body));
  });

  it.each(readMalformed())("refuses: $reason", async ({ artifact, code }) => {
    const open = async () => {
      const options = { unlock: { identities: [identity] }, aead: nodeAead };
      return collect((await openArtifact([fromBase64(artifact)], options)).plaintext);
    };
    await expect(open()).rejects.toMatchObject({ code });
  });
});

describe("files", () => {
  it("are sealed and opened without a change", async () => {
    const [plain, sealed, again] = ["plain", "sealed", "again"].map((name) => join(directory, name));
    if (!plain || !sealed || !again) throw new Error("names");
    const content = random.bytes(5_000_000);
    writeFileSync(plain, content);
    const options = { recipients: [identity.recipient], random, aead: nodeAead };
    await writeFileAtomically(sealed, sealArtifact(piecesOfFile(plain), options));
    const opened = await openArtifact(piecesOfFile(sealed, 70_000), { unlock: { identities: [identity] } });
    expect(await writeFileAtomically(again, opened.plaintext, { mode: 0o600 })).toBe(content.length);
    expect(readFileSync(again).equals(content)).toBe(true);
    expect(statSync(again).mode & 0o777).toBe(0o600);
  });

  it("that fail leave nothing behind, and what was there stays", async () => {
    const place = mkdtempSync(join(directory, "failing-"));
    const target = join(place, "target");
    writeFileSync(target, "before");
    async function* failing() {
      yield utf8("half");
      throw new Error("broken");
    }
    await expect(writeFileAtomically(target, failing(), { replace: true })).rejects.toThrow("broken");
    await expect(writeFileAtomically(target, [utf8("x")])).rejects.toMatchObject({
      code: "SEAL_OUTPUT_EXISTS",
    });
    expect(readdirSync(place)).toEqual(["target"]);
    expect(readFileSync(target, "utf8")).toBe("before");
    expect(await writeFileAtomically(target, [utf8("after")], { replace: true })).toBe(5);
    expect(readFileSync(target, "utf8")).toBe("after");
  });

  it("that cannot be read or written are named", async () => {
    await expect(collect(piecesOfFile(join(directory, "none")))).rejects.toMatchObject({
      code: "SEAL_FILE_UNREADABLE",
    });
    await expect(collect(piecesOfFile(directory))).rejects.toMatchObject({ code: "SEAL_FILE_UNREADABLE" });
    const nowhere = join(directory, "none", "file");
    await expect(writeFileAtomically(nowhere, [])).rejects.toMatchObject({ code: "SEAL_FILE_UNWRITABLE" });
  });
});
