/** Recipients: X25519 public keys, and their text form with a checksum against typing errors. */
import {
  concatBytes,
  equalBytes,
  fromBase64Url,
  isSealflowError,
  SealflowError,
  sha256,
  toBase64Url,
  toHex,
  utf8,
} from "@sealflow/core";

type Bytes = Uint8Array<ArrayBuffer>;

/** Who can open an artifact: a raw X25519 public key, 32 bytes. */
export type Recipient = Bytes;

const prefix = "sealflow-recipient-1-";
const checksumDomain = utf8("sealflow recipient v1");

/** The text of a recipient: `sealflow-recipient-1-` and 48 characters of URL-safe base64 over key and checksum. */
export async function formatRecipient(recipient: Recipient): Promise<string> {
  return prefix + toBase64Url(concatBytes(recipient, await checksumOf(recipient)));
}

/**
 * The recipient behind a text.
 *
 * @throws SealflowError `SEAL_RECIPIENT_INVALID`
 */
export async function parseRecipient(text: string): Promise<Recipient> {
  const bytes = text.startsWith(prefix) ? decode(text.slice(prefix.length)) : undefined;
  if (bytes?.length === 36) {
    const recipient = bytes.slice(0, 32);
    if (equalBytes(bytes.subarray(32), await checksumOf(recipient))) return recipient;
  }
  throw new SealflowError({
    code: "SEAL_RECIPIENT_INVALID",
    message: `recipient: expected ${prefix} and 48 characters with their checksum, got ${JSON.stringify(text.slice(0, 80))}`,
    hint: "copy the whole line that `sealflow keys show` prints",
  });
}

function decode(text: string): Bytes | undefined {
  try {
    return fromBase64Url(text);
  } catch (error) {
    if (isSealflowError(error)) return undefined;
    throw error;
  }
}

/** The first four bytes of a hash under a name of its own. */
async function checksumOf(recipient: Recipient): Promise<Bytes> {
  return (await sha256(concatBytes(checksumDomain, recipient))).slice(0, 4);
}

/** How a recipient is named in artifacts: lower-case hex of SHA-256 over the raw public key. */
export async function recipientIdOf(recipient: Recipient): Promise<string> {
  return toHex(await sha256(recipient));
}
