/** HPKE (RFC 9180): base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, one message per encapsulation. */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { type Random, SealflowError, toHex } from "@sealflow/core";
import type { Identity } from "./identity.js";
import type { Recipient } from "./recipient.js";

type Bytes = Uint8Array<ArrayBuffer>;

const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});

/** Encapsulated key (32 bytes) and ciphertext with its tag. */
export interface HpkeMessage {
  readonly enc: Bytes;
  readonly ciphertext: Bytes;
}

/** What is bound to a message: both sides must give the same. */
export interface HpkeContext {
  /** At most 128 bytes. */
  readonly info: Bytes;
  /** Associated data; default none. */
  readonly aad?: Bytes;
}

/**
 * Encrypts for one recipient; the ephemeral key is derived from 32 bytes of `random` (RFC 9180, section 7.1.3).
 *
 * @throws SealflowError `SEAL_RECIPIENT_INVALID` for a key of small order, with which anybody could decrypt
 *   (RFC 7748, section 6.1)
 */
export async function hpkeSeal(
  message: { readonly plaintext: Bytes; readonly recipient: Recipient; readonly random: Random },
  context: HpkeContext,
): Promise<HpkeMessage> {
  const recipientPublicKey = await suite.kem.importKey("raw", message.recipient.slice().buffer, true);
  const parameters = { recipientPublicKey, info: context.info, ekm: message.random.bytes(32) };
  const sender = await suite.createSenderContext(parameters).catch((cause: unknown) => {
    throw smallOrder(message.recipient, cause);
  });
  const ciphertext = await sender.seal(message.plaintext, context.aad ?? new Uint8Array(0));
  return { enc: new Uint8Array(sender.enc), ciphertext: new Uint8Array(ciphertext) };
}

function smallOrder(recipient: Recipient, cause: unknown): SealflowError {
  return new SealflowError({
    code: "SEAL_RECIPIENT_INVALID",
    message: `recipient: expected a public key of X25519, got ${toHex(recipient)}, which has no private key`,
    hint: "take the recipient from its owner's `sealflow keys show`",
    cause,
  });
}

/** Decrypts; `undefined` when the message is not for this identity, or it or its context was changed. */
export async function hpkeOpen(
  message: HpkeMessage & { readonly identity: Identity },
  context: HpkeContext,
): Promise<Bytes | undefined> {
  try {
    const publicKey = await suite.kem.importKey("raw", message.identity.recipient.slice().buffer, true);
    const recipientKey = { privateKey: message.identity.privateKey, publicKey };
    const recipient = await suite.createRecipientContext({
      recipientKey,
      enc: message.enc,
      info: context.info,
    });
    return new Uint8Array(await recipient.open(message.ciphertext, context.aad ?? new Uint8Array(0)));
  } catch {
    return undefined;
  }
}
