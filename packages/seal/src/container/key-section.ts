/** The key section: the data key, wrapped to each recipient, and a tag that only the data key makes. */
import {
  canonicalJson,
  compareCodeUnits,
  concatBytes,
  equalBytes,
  fromBase64,
  isSealflowError,
  type Random,
  SealflowError,
  sha256,
  toBase64,
  utf8,
} from "@sealflow/core";
import { readCanonicalJson } from "../json/canonical.js";
import { type JsonPlace, jsonReader } from "../json/reader.js";
import { deriveKey } from "../keys/derive.js";
import { hpkeOpen, hpkeSeal } from "../keys/hpke.js";
import type { Identity } from "../keys/identity.js";
import { type Recipient, recipientIdOf } from "../keys/recipient.js";
import { maxSectionBytes, uint32 } from "./header.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** The data key for one recipient. */
export interface WrappedKey {
  /** Lower-case hex of SHA-256 over the recipient's raw public key. */
  readonly recipient: string;
  /** Encapsulated key in base64, 32 bytes. */
  readonly enc: string;
  /** Encrypted data key with its tag in base64, 48 bytes. */
  readonly key: string;
}

/** How many recipients an artifact may have. */
export const maxRecipients = 64;
/** Bytes of the tag after the key section: HMAC-SHA256. */
export const keyTagBytes = 32;

const reader = jsonReader("SEAL_ARTIFACT_MALFORMED", "sealed artifact's key section");
const wrapDomain = utf8("sealflow sealed artifact v1 data key");

/** Length, key section and tag, as they stand after the header. */
export async function encodeKeySection(
  headerBytes: Bytes,
  dataKey: Bytes,
  to: {
    readonly recipients: readonly Recipient[];
    readonly random: Random;
    /** Keys that are wrapped under this header already. */
    readonly kept?: readonly WrappedKey[];
  },
): Promise<Bytes> {
  const info = concatBytes(wrapDomain, await sha256(headerBytes));
  const wrapped = new Map((to.kept ?? []).map((key) => [key.recipient, key]));
  for (const recipient of to.recipients) {
    const id = await recipientIdOf(recipient);
    if (wrapped.has(id)) continue;
    const { enc, ciphertext } = await hpkeSeal(
      { plaintext: dataKey, recipient, random: to.random },
      { info },
    );
    wrapped.set(id, { recipient: id, enc: toBase64(enc), key: toBase64(ciphertext) });
  }
  if (wrapped.size > maxRecipients) {
    throw reader.error("recipients", `at most ${maxRecipients} recipients`, wrapped.size);
  }
  const recipients = [...wrapped.values()].sort((a, b) => compareCodeUnits(a.recipient, b.recipient));
  const text = utf8(canonicalJson({ recipients }));
  const section = concatBytes(uint32(text.length), text);
  return concatBytes(section, await tagOf(headerBytes, section, dataKey));
}

/** HMAC over everything before it, under a key that is derived from the data key. */
async function tagOf(headerBytes: Bytes, section: Bytes, dataKey: Bytes): Promise<Bytes> {
  const salt = await sha256(headerBytes);
  const secret = await deriveKey(dataKey, { info: "sealflow sealed artifact v1 key section", salt });
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secret, hmac, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, concatBytes(headerBytes, section)));
}

/**
 * Reads the key section's text strictly. Nothing is verified yet.
 *
 * @throws SealflowError `SEAL_ARTIFACT_MALFORMED`
 */
export function parseKeySection(text: Uint8Array): readonly WrappedKey[] {
  const value = readCanonicalJson(text, {
    code: "SEAL_ARTIFACT_MALFORMED",
    what: "sealed artifact's key section",
    maxBytes: maxSectionBytes,
  });
  const members = reader.object({ value, path: "" }, ["recipients"]);
  const keys = reader.list(members("recipients"), { min: 0, max: maxRecipients }).map(checkWrappedKey);
  for (const [i, { recipient }] of keys.entries()) {
    const previous = keys[i - 1];
    if (previous !== undefined && previous.recipient >= recipient) {
      throw reader.error(`recipients[${i}]`, "recipients in ascending order, none twice", recipient);
    }
  }
  return keys;
}

function checkWrappedKey(place: JsonPlace): WrappedKey {
  const members = reader.object(place, ["recipient", "enc", "key"]);
  return {
    recipient: reader.text(members("recipient"), /^[0-9a-f]{64}$/, "64 lower-case hex digits"),
    enc: base64Of(members("enc"), 32),
    key: base64Of(members("key"), 48),
  };
}

function base64Of(place: JsonPlace, length: number): string {
  const text = reader.text(place, /^[A-Za-z0-9+/=]{1,100}$/, `${length} bytes in base64`);
  try {
    if (fromBase64(text).length === length) return text;
  } catch (error) {
    if (!isSealflowError(error)) throw error;
  }
  throw reader.error(place.path, `${length} bytes in canonical base64`, text);
}

/** What opens an artifact: identities that it may be wrapped to, or its data key itself (32 bytes). */
export type Unlock = { readonly identities: readonly Identity[] } | { readonly dataKey: Bytes };

/** The parts of an artifact before its chunks. */
export interface Opening {
  /** Magic, length and header. */
  readonly headerBytes: Bytes;
  /** Length and text of the key section. */
  readonly sectionBytes: Bytes;
  readonly tag: Bytes;
  readonly keys: readonly WrappedKey[];
}

/**
 * The data key, proven right by the key section's tag.
 *
 * @throws SealflowError `SEAL_RECIPIENT_NONE`, `SEAL_KEY_WRONG`, `SEAL_ARTIFACT_KEYS`
 */
export async function unlockDataKey(opening: Opening, unlock: Unlock): Promise<Bytes> {
  const dataKey = "dataKey" in unlock ? unlock.dataKey : await unwrap(opening, unlock.identities);
  const tag = await tagOf(opening.headerBytes, opening.sectionBytes, dataKey);
  if (equalBytes(tag, opening.tag)) return dataKey;
  if ("dataKey" in unlock) {
    throw new SealflowError({
      code: "SEAL_KEY_WRONG",
      message: "sealed artifact: expected its data key, got another one (or its header was changed)",
    });
  }
  throw changedKeys("a key section that its data key has tagged, got a changed one");
}

async function unwrap(opening: Opening, identities: readonly Identity[]): Promise<Bytes> {
  const info = concatBytes(wrapDomain, await sha256(opening.headerBytes));
  for (const identity of identities) {
    const id = await recipientIdOf(identity.recipient);
    const wrapped = opening.keys.find(({ recipient }) => recipient === id);
    if (wrapped === undefined) continue;
    const message = { enc: fromBase64(wrapped.enc), ciphertext: fromBase64(wrapped.key), identity };
    const dataKey = await hpkeOpen(message, { info });
    if (dataKey?.length === 32) return dataKey;
    throw changedKeys(`a key for recipient ${id}, got one that does not open (it or the header was changed)`);
  }
  throw new SealflowError({
    code: "SEAL_RECIPIENT_NONE",
    message: `sealed artifact: expected a key of one of its ${opening.keys.length} recipients, got none of them`,
    hint: "open it with a key that it was sealed to, or have a recipient rewrap it to yours",
    data: { recipients: opening.keys.map(({ recipient }) => recipient) },
  });
}

function changedKeys(expected: string): SealflowError {
  return new SealflowError({
    code: "SEAL_ARTIFACT_KEYS",
    message: `sealed artifact: expected ${expected}`,
  });
}
