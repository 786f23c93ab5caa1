import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Decrypter, generateIdentity, identityToRecipient } from "age-encryption";
import { compactDecrypt } from "jose";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { azureKeyVault } from "../src/keys/azure-key-vault.js";
import { cli } from "./support/fake-context.js";

let cwd = "";
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "sealflow-cli-seal-"));
  writeFileSync(join(cwd, "sealflow.config.json"), "{}");
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
});

const file = (name: string) => join(cwd, name);
const text = (name: string) => readFileSync(file(name), "utf8");
const sealflow = (...args: string[]) => cli(args, { cwd });
async function ok(...args: string[]) {
  const outcome = await sealflow(...args);
  expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 });
  return outcome.stdout;
}
const json = async (...args: string[]) => JSON.parse(await ok(...args, "--json"));
async function refused(exitCode: number, code: string, ...args: string[]) {
  const outcome = await sealflow(...args);
  expect(outcome.stderr).toContain(`error[${code}]`);
  expect(outcome.exitCode).toBe(exitCode);
}

describe("sealflow seal and open", () => {
  it("bring a file back, readable by nobody in between", async () => {
    writeFileSync(file("data.csv"), "id,default\n1,0\n".repeat(1000));
    await ok("keys", "new");
    await ok("seal", "data.csv");
    expect(readFileSync(file("data.csv.sealed")).includes("default")).toBe(false);
    rmSync(file("data.csv"));
    await ok("open", "data.csv.sealed");
    expect(text("data.csv")).toBe("id,default\n1,0\n".repeat(1000));
    expect(statSync(file("data.csv")).mode & 0o077).toBe(0);
  });

  it("bring a directory back", async () => {
    mkdirSync(file("model/parts"), { recursive: true });
    writeFileSync(file("model/a.json"), "{}");
    writeFileSync(file("model/parts/run"), "#!/bin/sh\n");
    chmodSync(file("model/parts/run"), 0o755);
    await ok("keys", "new");
    await ok("seal", "model/", "--lineage", "run=r1");
    await ok("open", "model.sealed", "-o", "again", "--lineage", "run=r1");
    expect(text("again/a.json")).toBe("{}");
    expect(statSync(file("again/parts/run")).mode & 0o100).toBe(0o100);
    await refused(1, "SEAL_LINEAGE_MISMATCH", "open", "model.sealed", "-o", "x", "--lineage", "run=r2");
    expect(existsSync(file("x"))).toBe(false);
  });

  it("do not replace what is there unless they are told to", async () => {
    writeFileSync(file("a"), "new");
    await ok("keys", "new");
    await ok("seal", "a");
    await refused(1, "SEAL_OUTPUT_EXISTS", "seal", "a");
    await refused(1, "SEAL_OUTPUT_EXISTS", "open", "a.sealed");
    writeFileSync(file("a"), "other");
    await ok("open", "a.sealed", "--force");
    expect(text("a")).toBe("new");
  });

  it("say what is wrong: no key, another key, damage, half a file, no sealed file", async () => {
    writeFileSync(file("a"), "secret".repeat(500_000));
    await refused(2, "SEAL_RECIPIENT_INVALID", "seal", "a", "--to", "sealflow-recipient-1-x");
    await refused(1, "SEAL_KEY_FILE_MISSING", "seal", "a");
    await ok("keys", "new");
    await ok("keys", "new", "other");
    await ok("seal", "a", "--to", "other");
    await refused(1, "SEAL_RECIPIENT_NONE", "open", "a.sealed", "-o", "b");
    const whole = readFileSync(file("a.sealed"));
    const damaged = Buffer.from(whole);
    damaged[damaged.length - 100] = (damaged[damaged.length - 100] ?? 0) ^ 1;
    writeFileSync(file("damaged.sealed"), damaged);
    await refused(1, "SEAL_ARTIFACT_CORRUPT", "open", "damaged.sealed", "--key", "other");
    writeFileSync(file("half.sealed"), whole.subarray(0, whole.length / 2));
    await refused(1, "SEAL_ARTIFACT_CORRUPT", "open", "half.sealed", "--key", "other");
    await refused(1, "SEAL_ARTIFACT_MALFORMED", "open", "a", "-o", "b", "--key", "other");
    expect(readdirSync(cwd).filter((name) => /^(b|half|damaged)$|partial/.test(name))).toEqual([]);
  });
});

describe("sealflow keys", () => {
  it("are not written over, and the way to a new secret is named", async () => {
    expect((await sealflow("keys", "new", "kept")).exitCode).toBe(0);
    const before = await sealflow("keys", "show", "kept");
    const again = await sealflow("keys", "new", "kept");
    expect([again.exitCode, again.stderr]).toEqual([1, expect.stringContaining("sealflow keys rotate")]);
    expect(again.stderr).not.toContain("--force");
    expect((await sealflow("keys", "show", "kept")).stdout).toBe(before.stdout);
  });

  it("show what is public only, and nothing that opens", async () => {
    const made = await json("keys", "new");
    expect(made).toMatchObject({ name: "project", protection: "permissions", previous: [] });
    expect(made.recipient).toMatch(/^sealflow-recipient-1-.{48}$/);
    const shown = await ok("keys", "show");
    expect(shown).toContain(made.recipient);
    const stored = JSON.parse(readFileSync(made.file, "utf8"));
    expect(shown).not.toContain(stored.protection.secrets);
    expect(statSync(made.file).mode & 0o777).toBe(0o600);
    await refused(1, "SEAL_OUTPUT_EXISTS", "keys", "new");
  });

  it("lock with a passphrase that comes from a file, the environment or a terminal", async () => {
    writeFileSync(file("passphrase"), "horse staple\n");
    writeFileSync(file("a"), "x");
    await ok("keys", "new", "--passphrase-file", "passphrase");
    await ok("seal", "a");
    await refused(1, "CLI_PASSPHRASE_MISSING", "open", "a.sealed", "-o", "b");
    const env = { SEALFLOW_PASSPHRASE: "horse staple" };
    expect((await cli(["open", "a.sealed", "-o", "b"], { cwd, env })).exitCode).toBe(0);
    const wrong = await cli(["open", "a.sealed", "-o", "c"], { cwd, env: { SEALFLOW_PASSPHRASE: "no" } });
    expect(wrong).toMatchObject({ exitCode: 1 });
    expect(wrong.stderr).toContain("SEAL_KEY_LOCKED");
    const asked: string[] = [];
    const terminal = await cli(["open", "a.sealed", "-o", "d"], {
      cwd,
      onContext: (context) =>
        Object.assign(context, {
          readSecret: async (prompt: string) => {
            asked.push(prompt);
            return "horse staple";
          },
        }),
    });
    expect(terminal.exitCode).toBe(0);
    expect(asked).toEqual(["Passphrase of key project: "]);
  });

  it("rotate: old artifacts open, new ones are for the new key, rewrapped ones too", async () => {
    writeFileSync(file("a"), "x");
    const before = await json("keys", "new");
    const other = await json("keys", "new", "other");
    await ok("seal", "a", "-o", "old.sealed", "--to", "project", "--to", "other");
    await ok("seal", "a", "-o", "kept.sealed");
    const body = readFileSync(file("old.sealed")).subarray(-17);
    const after = await json("keys", "rotate", "--rewrap", "old.sealed");
    expect(after.recipient).not.toBe(before.recipient);
    expect(after).toMatchObject({ previous: [before.recipient], rewrapped: 1 });
    expect(readFileSync(file("old.sealed")).subarray(-17)).toEqual(body);
    for (const [i, name] of ["old.sealed", "kept.sealed"].entries())
      await ok("open", name, "-o", `again${i}`);
    await ok("open", "old.sealed", "-o", "by-other", "--key", "other");
    // The first secret alone opens what was not handed on, and no longer what was.
    const stored = JSON.parse(readFileSync(other.file, "utf8"));
    const secrets = JSON.parse(
      Buffer.from(JSON.parse(readFileSync(after.file, "utf8")).protection.secrets, "base64").toString(),
    );
    expect(secrets).toHaveLength(2);
    expect(stored.previous).toEqual([]);
  });

  it("come back from shares", async () => {
    writeFileSync(file("a"), "x");
    const made = await json("keys", "new");
    await ok("seal", "a");
    const { files } = await json("keys", "split", "--shares", "3", "--threshold", "2", "-o", "shares");
    expect(files).toHaveLength(3);
    await refused(1, "SEAL_OUTPUT_EXISTS", "keys", "recover", files[0], files[1]);
    rmSync(made.file);
    await refused(1, "SEAL_SHARES_FEW", "keys", "recover", files[0]);
    const recovered = await json("keys", "recover", files[2], files[0]);
    expect(recovered.recipient).toBe(made.recipient);
    await ok("open", "a.sealed", "-o", "b");
  });

  it("are wrapped by a vault's key, which a copy of the file does not hold", async () => {
    const vault = (pad: number) => async () => ({
      wrapKey: async (_: string, key: Uint8Array) => ({ result: key.map((byte) => byte ^ pad) }),
      unwrapKey: async (_: string, key: Uint8Array) => ({ result: key.map((byte) => byte ^ pad) }),
    });
    const id = "https://name.vault.azure.net/keys/project";
    const wrapper = azureKeyVault(id, vault(5));
    const key = Uint8Array.from({ length: 32 }, (_, i) => i);
    const wrapped = await wrapper.wrap(key);
    expect(wrapped).toMatchObject({ keyId: id, algorithm: "RSA-OAEP-256" });
    expect(await azureKeyVault(undefined, vault(5)).unwrap(wrapped)).toEqual(key);
    const failing = azureKeyVault(id, () => Promise.reject(new Error("forbidden")));
    await expect(failing.wrap(key)).rejects.toMatchObject({ code: "CLI_KEY_VAULT_FAILED" });
    await expect(azureKeyVault("http://x").wrap(key)).rejects.toMatchObject({ code: "CLI_KEY_VAULT_KEY" });
    await refused(2, "CLI_KEY_VAULT_SDK", "keys", "new", "--azure-key-vault", id);
  });
});

describe("sealflow export", () => {
  it("hands a model on to age", async () => {
    const identity = await generateIdentity();
    writeFileSync(file("model"), "weights");
    await ok("keys", "new");
    await ok("seal", "model");
    await ok("export", "model.sealed", "-o", "model.age", "--age", await identityToRecipient(identity));
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    expect(await decrypter.decrypt(readFileSync(file("model.age")), "text")).toBe("weights");
  });

  it("hands a model on to a model server, with a key as people have it", async () => {
    const key = Buffer.alloc(32, 7);
    writeFileSync(file("model"), "weights");
    await ok("keys", "new");
    await ok("seal", "model");
    const jwk = JSON.stringify({ kty: "oct", k: key.toString("base64url") });
    for (const content of [key, key.toString("hex"), `${key.toString("base64")}\n`, jwk]) {
      writeFileSync(file("key"), content);
      await ok(
        "export",
        "model.sealed",
        "-o",
        "model.jwe",
        "--jwe",
        "key",
        "--kid",
        "kbs:///m/key/1",
        "--force",
      );
      const { plaintext, protectedHeader } = await compactDecrypt(text("model.jwe"), key);
      expect(Buffer.from(plaintext).toString()).toBe("weights");
      expect(protectedHeader.kid).toBe("kbs:///m/key/1");
    }
    writeFileSync(file("key"), "short");
    await refused(2, "SEAL_EXPORT_KEY", "export", "model.sealed", "-o", "m", "--jwe", "key");
    await refused(2, "CLI_EXPORT_FORMAT", "export", "model.sealed", "-o", "m");
  });
});
