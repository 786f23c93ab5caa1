/** A stand-in for an attestation provider: a key of our own, so that tests can have any claims signed. */
import { concatBytes, toBase64, utf8 } from "@sealflow/core";
import {
  derBitString,
  derName,
  derNumber,
  derOid,
  derSequence,
  derTime,
  derValue,
} from "../src/der/writer.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** Signs claims as the provider does. */
export interface MaaIssuer {
  /** Its key set, as `/certs` gives it. */
  readonly keys: { readonly keys: readonly { readonly kid: string; readonly x5c: readonly string[] }[] };
  sign(header: Uint8Array, claims: Uint8Array): Promise<string>;
}

const scheme = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } as const;

/** A provider with a fresh RSA key of 2048 bits, named by `kid`. */
export async function createMaaIssuer(kid: string): Promise<MaaIssuer> {
  const kind = { ...scheme, modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) };
  const pair = await crypto.subtle.generateKey(kind, true, ["sign", "verify"]);
  const sign = async (message: Bytes) =>
    new Uint8Array(await crypto.subtle.sign(scheme, pair.privateKey, message));
  const publicKeyInfo = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
  const certificate = await selfSigned(publicKeyInfo, sign);
  return {
    keys: { keys: [{ kid, x5c: [toBase64(certificate)] }] },
    sign: async (header, claims) => {
      const signed = `${base64Url(header)}.${base64Url(claims)}`;
      return `${signed}.${base64Url(await sign(utf8(signed)))}`;
    },
  };
}

async function selfSigned(publicKeyInfo: Bytes, sign: (message: Bytes) => Promise<Bytes>): Promise<Bytes> {
  const algorithm = derSequence(derOid("1.2.840.113549.1.1.11"), derValue(0x05));
  const name = derName("Simulated attestation provider", "SIMULATED");
  const tbs = derSequence(
    derValue(0xa0, derNumber(2)),
    derNumber(1),
    algorithm,
    name,
    derSequence(derTime(Date.parse("2020-01-01")), derTime(Date.parse("2040-01-01"))),
    name,
    publicKeyInfo,
  );
  return concatBytes(derSequence(tbs, algorithm, derBitString(await sign(tbs))));
}

const base64Url = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
