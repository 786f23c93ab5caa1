/** The broker's keys, all from one secret: whoever has it can be the broker and read its store. */
import { concatBytes, equalBytes, type Random, SealflowError, toHex, utf8 } from "@sealflow/core";
import { deriveKey, type Identity, projectKeyFrom, type Signer } from "@sealflow/seal";

type Bytes = Uint8Array<ArrayBuffer>;

/** What the broker holds. */
export interface BrokerKeys {
  readonly signer: Signer;
  readonly identity: Identity;
  /** Raw public keys, hex. */
  readonly brokerKey: string;
  readonly recipient: string;
  /** HMAC-SHA256 for one purpose. */
  mac(purpose: MacPurpose, message: Bytes): Promise<Bytes>;
  /** Encrypts a record for its place in the store. */
  sealRecord(plaintext: Bytes, index: number): Promise<Bytes>;
  /** @throws SealflowError `TRUST_STORE_RECORD` */
  openRecord(record: Bytes, index: number): Promise<Bytes>;
}

/** What messages are authenticated for. */
export type MacPurpose = "nonce" | "run" | "reuse";

/**
 * Derives the broker's keys.
 *
 * @param secret 32 random bytes.
 */
export async function brokerKeysFrom(secret: Bytes, random: Random): Promise<BrokerKeys> {
  const { signer, identity } = await projectKeyFrom(secret);
  const derive = (purpose: string) => deriveKey(secret, { info: `sealflow broker v1 ${purpose}` });
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const macKey = async (purpose: MacPurpose) =>
    crypto.subtle.importKey("raw", await derive(purpose), hmac, false, ["sign"]);
  const macKeys = { nonce: await macKey("nonce"), run: await macKey("run"), reuse: await macKey("reuse") };
  const usages: KeyUsage[] = ["encrypt", "decrypt"];
  const storeKey = await crypto.subtle.importKey("raw", await derive("store"), "AES-GCM", false, usages);
  return {
    signer,
    identity,
    brokerKey: toHex(signer.publicKey),
    recipient: toHex(identity.recipient),
    mac: async (purpose, message) =>
      new Uint8Array(await crypto.subtle.sign("HMAC", macKeys[purpose], message)),
    sealRecord: async (plaintext, index) => {
      const iv = random.bytes(12);
      const options = { name: "AES-GCM", iv, additionalData: placeOf(index) };
      return concatBytes(iv, new Uint8Array(await crypto.subtle.encrypt(options, storeKey, plaintext)));
    },
    openRecord: async (record, index) => {
      const options = { name: "AES-GCM", iv: record.slice(0, 12), additionalData: placeOf(index) };
      try {
        return new Uint8Array(await crypto.subtle.decrypt(options, storeKey, record.slice(12)));
      } catch (cause) {
        throw wrongRecord(index, cause);
      }
    },
  };
}

/** A record's place in the store, so that records can't be exchanged. */
function placeOf(index: number): Bytes {
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, BigInt(index));
  return concatBytes(utf8("sealflow broker record v1\0"), number);
}

function wrongRecord(index: number, cause: unknown): SealflowError {
  return new SealflowError({
    code: "TRUST_STORE_RECORD",
    message: `broker's store, record ${index}: expected one that this broker wrote there, got another`,
    hint: "the store belongs to another broker key, or it was changed: restore both from the same backup",
    cause,
  });
}

/** A MAC of the first `length` bytes over a message, and its check. */
export async function tag(keys: BrokerKeys, purpose: MacPurpose, over: { message: Bytes; length: number }) {
  return (await keys.mac(purpose, over.message)).slice(0, over.length);
}

/** True when the tag is that of the message. */
export async function isTag(
  keys: BrokerKeys,
  purpose: MacPurpose,
  over: { message: Bytes; tag: Bytes },
): Promise<boolean> {
  return equalBytes(await tag(keys, purpose, { message: over.message, length: over.tag.length }), over.tag);
}
