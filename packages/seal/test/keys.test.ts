import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromUtf8, isJsonObject, type JsonObject, toBase64 } from "@sealflow/core";
import { Decrypter, generateIdentity, identityToRecipient } from "age-encryption";
import { compactDecrypt } from "jose";
import { afterAll, describe, expect, it } from "vitest";
import { combineShares, encryptForAge, encryptJwe, splitSecret } from "../src/index.js";
import {
  type KeyProtection,
  type KeyWrapper,
  openKeyFile,
  readKeyFileInfo,
  writeKeyFile,
} from "../src/node.js";
import { collect, random, reproducible } from "./random.js";

const directory = mkdtempSync(join(tmpdir(), "sealflow-keys-"));
afterAll(() => rmSync(directory, { recursive: true }));
const secrets = [random.bytes(32), random.bytes(32)];
const content = { name: "project", createdAt: "2026-01-01T00:00:00.000Z", secrets };
const cost = { n: 1024, r: 8, p: 1 };
const wrapper: KeyWrapper = {
  kind: "test",
  wrap: async (key) => ({ mirrored: toBase64(key.slice().reverse()) }),
  unwrap: async ({ mirrored }) => Buffer.from(String(mirrored), "base64").reverse(),
};
const access = (passphrase: string) => ({ passphrase: async () => passphrase, wrapper: async () => wrapper });

describe("a key file", () => {
  const protections: KeyProtection[] = [
    { kind: "permissions" },
    { kind: "passphrase", passphrase: "right", cost },
    { kind: "wrapped", wrapper },
  ];

  it.each(protections)("keeps its secrets: $kind", async (protection) => {
    const path = join(directory, `${protection.kind}.json`);
    const info = await writeKeyFile(path, content, { protection });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await readKeyFileInfo(path)).toEqual(info);
    expect(info.previous).toHaveLength(1);
    expect((await openKeyFile(path, access("right"))).secrets).toEqual(secrets);
    if (protection.kind !== "permissions") {
      for (const secret of secrets) expect(readFileSync(path, "utf8")).not.toContain(toBase64(secret));
    }
  });

  it("stays shut under another passphrase, and when anything public in it was changed", async () => {
    const path = join(directory, "locked.json");
    await writeKeyFile(path, content, { protection: { kind: "passphrase", passphrase: "right", cost } });
    await expect(openKeyFile(path, access("wrong"))).rejects.toMatchObject({ code: "SEAL_KEY_LOCKED" });
    const file: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (!isJsonObject(file)) throw new Error("file");
    for (const member of ["name", "createdAt", "recipient", "signer"]) {
      writeFileSync(path, JSON.stringify({ ...file, [member]: "other" }));
      await expect(openKeyFile(path, access("right"))).rejects.toMatchObject({ code: "SEAL_KEY_LOCKED" });
    }
  });

  it("takes the same passphrase however it was typed", async () => {
    const path = join(directory, "accents.json");
    await writeKeyFile(path, content, { protection: { kind: "passphrase", passphrase: "caf\u00e9", cost } });
    expect((await openKeyFile(path, access("cafe\u0301"))).secrets).toEqual(secrets);
  });

  it("that others may read is not used", async () => {
    const path = join(directory, "open.json");
    await writeKeyFile(path, content, { protection: { kind: "permissions" } });
    chmodSync(path, 0o644);
    await expect(openKeyFile(path, access(""))).rejects.toMatchObject({ code: "SEAL_KEY_FILE_PERMISSIONS" });
  });

  it("that is missing, cut off anywhere or greedy is named", async () => {
    const path = join(directory, "cut.json");
    await expect(openKeyFile(path, access(""))).rejects.toMatchObject({ code: "SEAL_KEY_FILE_MISSING" });
    await writeKeyFile(path, content, { protection: { kind: "passphrase", passphrase: "right", cost } });
    const whole = readFileSync(path, "utf8");
    for (let end = 0; end < whole.length - 2; end += 31) {
      writeFileSync(path, whole.slice(0, end));
      await expect(openKeyFile(path, access("right"))).rejects.toMatchObject({
        code: "SEAL_KEY_FILE_MALFORMED",
      });
    }
    for (const n of [1_073_741_824, 1, 1000]) {
      writeFileSync(path, whole.replace('"n": 1024', `"n": ${n}`));
      await expect(openKeyFile(path, access("right"))).rejects.toMatchObject({
        code: "SEAL_KEY_FILE_MALFORMED",
      });
    }
    // Above what scrypt itself takes with r 1.
    writeFileSync(path, whole.replace('"n": 1024', '"n": 65536').replace('"r": 8', '"r": 1'));
    await expect(openKeyFile(path, access("right"))).rejects.toMatchObject({
      code: "SEAL_KEY_FILE_MALFORMED",
    });
  });

  it("without a passphrase names no other signer or earlier recipient than its secrets give", async () => {
    const path = join(directory, "renamed.json");
    await writeKeyFile(path, content, { protection: { kind: "permissions" } });
    const file = JSON.parse(readFileSync(path, "utf8")) as JsonObject;
    for (const change of [{ signer: "ab".repeat(32) }, { previous: [] }, { previous: [file.recipient] }]) {
      writeFileSync(path, JSON.stringify({ ...file, ...change }));
      await expect(openKeyFile(path, access(""))).rejects.toMatchObject({ code: "SEAL_KEY_FILE_MALFORMED" });
    }
  });

  it("is not written over", async () => {
    const path = join(directory, "twice.json");
    await writeKeyFile(path, content, { protection: { kind: "permissions" } });
    await expect(writeKeyFile(path, content, { protection: { kind: "permissions" } })).rejects.toMatchObject({
      code: "SEAL_OUTPUT_EXISTS",
    });
  });
});

describe("a secret in shares", () => {
  const secret = reproducible("shares").bytes(32);

  it("comes back from any threshold of them, in any order", async () => {
    const shares = await splitSecret(secret, { shares: 5, threshold: 3 });
    for (const chosen of [
      [0, 1, 2],
      [4, 2, 0],
      [3, 1, 4, 0],
      [0, 1, 2, 3, 4],
      [0, 0, 1, 2],
    ]) {
      expect(await combineShares(chosen.map((i) => `${shares[i]}\n`))).toEqual(secret);
    }
  });

  it("does not come back from fewer, mixed, mistyped or wrong ones", async () => {
    const shares = await splitSecret(secret, { shares: 3, threshold: 2 });
    const others = await splitSecret(random.bytes(32), { shares: 3, threshold: 2 });
    const [first = "", second = ""] = shares;
    const reject = (texts: string[], code: string) =>
      expect(combineShares(texts)).rejects.toMatchObject({ code });
    await reject([first], "SEAL_SHARES_FEW");
    await reject([first, first], "SEAL_SHARES_FEW");
    await reject([], "SEAL_SHARES_FEW");
    await reject([first, others[0] ?? ""], "SEAL_SHARES_MIXED");
    await reject([first, `${second.slice(0, -1)}${second.endsWith("A") ? "B" : "A"}`], "SEAL_SHARE_INVALID");
    await reject([first, second.slice(0, -3)], "SEAL_SHARE_INVALID");
    // A share of another split of the same secret has the same id.
    const again = await splitSecret(secret, { shares: 3, threshold: 2 });
    await reject([first, again[1] ?? ""], "SEAL_SHARES_WRONG");
  });

  it.each([
    [1, 1],
    [2, 1],
    [2, 3],
    [256, 2],
  ])("refuses %i shares with threshold %i", async (count, threshold) => {
    await expect(splitSecret(secret, { shares: count, threshold })).rejects.toMatchObject({
      code: "SEAL_SHARES_COUNT",
    });
  });
});

async function* once(bytes: Uint8Array) {
  yield bytes;
}

describe("exports", () => {
  it("open with age", async () => {
    const identity = await generateIdentity();
    const plaintext = random.bytes(200_000);
    const encrypted = await collect(
      await encryptForAge(once(plaintext), [await identityToRecipient(identity)]),
    );
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    expect(await decrypter.decrypt(encrypted)).toEqual(plaintext);
    await expect(encryptForAge(once(plaintext), ["age1x"])).rejects.toMatchObject({
      code: "SEAL_EXPORT_RECIPIENT",
    });
  });

  it("open as a JWE", async () => {
    const key = random.bytes(32);
    const text = await encryptJwe(once(Buffer.from("a model")), { key, kid: "kbs:///default/model/key" });
    const { plaintext, protectedHeader } = await compactDecrypt(text, key);
    expect(fromUtf8(plaintext)).toBe("a model");
    expect(protectedHeader).toEqual({ alg: "A256KW", enc: "A256GCM", kid: "kbs:///default/model/key" });
    await expect(encryptJwe([], { key: key.subarray(1) })).rejects.toMatchObject({ code: "SEAL_EXPORT_KEY" });
  });
});
