import { constants, generateKeyPairSync, privateEncrypt } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import {
  keyFileSigner,
  managedHsmSigner,
  mrsignerOf,
  readSigstruct,
  type SigstructContent,
  signEnclave,
} from "@sealflow/cluster";
import { fromBase64Url, toBase64 } from "@sealflow/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runPython } from "../../../../test-support/python.js";

const check = fileURLToPath(new URL("sigstruct.py", import.meta.url));
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 3072, publicExponent: 3 });
const pem = privateKey.export({ format: "pem", type: "pkcs1" }).toString();
const { n = "", e = "" } = privateKey.export({ format: "jwk" });

const content: SigstructContent = {
  mrenclave: "ab".repeat(32),
  productId: 7,
  svn: 3,
  date: new Date("2026-11-25T12:00:00Z"),
};

describe("SIGSTRUCT", () => {
  test("is accepted by another implementation of RSA, with the numbers that the processor divides by", async () => {
    const { sigstruct, mrsigner } = await signEnclave(content, keyFileSigner(pem));
    expect(JSON.parse(await runPython([check], toBase64(sigstruct)))).toEqual({
      date: "20261125",
      mrenclave: content.mrenclave,
      mrsigner,
      product: 7,
      svn: 3,
      misc: [0, 0xffff_ffff],
      flags: "0x4",
      xfrm: "0x3",
      flagsMask: "0xffffffffffffffff",
      xfrmMask: "0xfffffffffff9ff1b",
      exponent: 3,
    });
  });

  test("asks for the processor's features as the manifest has them", async () => {
    const features = { avx: "required", avx512: "disabled", amx: "required", pkru: "required" } as const;
    const { sigstruct } = await signEnclave(
      { ...content, cpuFeatures: features, exinfo: true },
      keyFileSigner(pem),
    );
    expect(JSON.parse(await runPython([check], toBase64(sigstruct)))).toMatchObject({
      misc: [1, 0xffff_ffff],
      xfrm: "0x60203",
      xfrmMask: "0xffffffffffffffff",
    });
  });

  test("shows what it says, and the signer that policies name", async () => {
    const { sigstruct, mrsigner } = await signEnclave(content, keyFileSigner(pem));
    const { mrenclave, productId, svn } = content;
    expect(readSigstruct(sigstruct)).toEqual({
      mrenclave,
      mrsigner,
      productId,
      svn,
      debug: false,
      date: "2026-11-25",
    });
    expect(mrsigner).toBe(mrsignerOf(fromBase64Url(n)));
  });

  test.each([
    ["cut off", (bytes: Uint8Array) => bytes.subarray(0, 1807)],
    ["with another header", (bytes: Uint8Array) => bytes.fill(7, 0, 1)],
    ["with another second header", (bytes: Uint8Array) => bytes.fill(7, 24, 25)],
  ])("is not read when it is %s", async (_, change) => {
    const { sigstruct } = await signEnclave(content, keyFileSigner(pem));
    expect(() => readSigstruct(change(Uint8Array.from(sigstruct)))).toThrow(/SIGSTRUCT/);
  });
});

describe("keys of enclaves", () => {
  test.each([
    ["2048 bits", { modulusLength: 2048, publicExponent: 3 }, "2048 bits and exponent 3"],
    ["exponent 65537", { modulusLength: 3072, publicExponent: 65537 }, "3072 bits and exponent 65537"],
  ])("are refused with %s", (_, options, got) => {
    const key = generateKeyPairSync("rsa", options).privateKey;
    expect(() => keyFileSigner(key.export({ format: "pem", type: "pkcs8" }).toString())).toThrow(got);
  });

  test("are refused when they are of another kind, or no key", () => {
    const { privateKey: ed } = generateKeyPairSync("ed25519");
    const text = ed.export({ format: "pem", type: "pkcs8" }).toString();
    expect(() => keyFileSigner(text)).toThrow("ed25519");
    expect(() => keyFileSigner("hello")).toThrow("not an RSA private key");
  });

  test("may be encrypted", async () => {
    const locked = privateKey.export({
      format: "pem",
      type: "pkcs8",
      cipher: "aes-256-cbc",
      passphrase: "x",
    });
    const signer = keyFileSigner(locked.toString(), "x");
    expect(await signEnclave(content, signer)).toEqual(await signEnclave(content, keyFileSigner(pem)));
    expect(() => keyFileSigner(locked.toString(), "y")).toThrow("passphrase");
  });
});

describe("a key in a managed HSM", () => {
  const requests: string[] = [];
  let refuse = false;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      requests.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      const body = Buffer.concat(chunks).toString();
      const answer = refuse ? { error: { message: "no permission" } } : answerTo(request.method, body);
      response.writeHead(refuse ? 403 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(answer));
    });
  });
  const answerTo = (method: string | undefined, body: string) => {
    if (method === "GET") return { key: { kty: "RSA-HSM", n, e } };
    const { alg, value } = JSON.parse(body);
    expect(alg).toBe("RS256");
    // A vault signs a digest: RSASSA-PKCS1-v1_5 over DigestInfo of it.
    const prefix = Buffer.from("3031300d060960864801650304020105000420", "hex");
    const info = Buffer.concat([prefix, Buffer.from(value, "base64url")]);
    return {
      kid: "x",
      value: privateEncrypt({ key: privateKey, padding: constants.RSA_PKCS1_PADDING }, info).toString(
        "base64url",
      ),
    };
  };
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
  afterAll(() => {
    server.close();
  });
  const scopes: string[] = [];
  const access = {
    token: async (scope: string) => {
      scopes.push(scope);
      return "T";
    },
    fetch: (url: string | URL | Request, init?: RequestInit) => {
      const { pathname, search } = new URL(String(url));
      return fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}${search}`, init);
    },
  };
  const id = "https://keys.managedhsm.azure.net/keys/enclave/0123";

  test("signs as a key file does; the key does not leave it", async () => {
    const signer = await managedHsmSigner(id, access);
    expect(await signEnclave(content, signer)).toEqual(await signEnclave(content, keyFileSigner(pem)));
    expect(requests).toEqual([
      "GET /keys/enclave/0123?api-version=7.4 Bearer T",
      "POST /keys/enclave/0123/sign?api-version=7.4 Bearer T",
    ]);
    expect(new Set(scopes)).toEqual(new Set(["https://managedhsm.azure.net/.default"]));
  });

  test("is refused without version, and its refusals say why", async () => {
    await expect(managedHsmSigner(id.slice(0, -5), access)).rejects.toThrow("VERSION");
    await expect(managedHsmSigner(id.replace("https", "http"), access)).rejects.toThrow("https");
    refuse = true;
    await expect(managedHsmSigner(id, access)).rejects.toThrow("403: no permission");
    refuse = false;
  });
});
