/** Plaintext for people with the `age` program (age-encryption.org/v1). */
import { SealflowError } from "@sealflow/core";
import type { Encrypter } from "age-encryption";
import { piecesOf, readableOf } from "../container/pieces.js";

/**
 * Encrypts a stream for age recipients.
 *
 * @param recipients `age1…`, one at least.
 * @throws SealflowError `SEAL_EXPORT_RECIPIENT`
 */
export async function encryptForAge(
  plaintext: AsyncGenerator<Uint8Array>,
  recipients: readonly string[],
): Promise<AsyncGenerator<Uint8Array>> {
  // Loaded by the few who export.
  const age = await import("age-encryption");
  const encrypter = new age.Encrypter();
  for (const recipient of recipients) add(encrypter, recipient);
  return piecesOf(await encrypter.encrypt(readableOf(plaintext)));
}

function add(encrypter: Encrypter, recipient: string): void {
  try {
    encrypter.addRecipient(recipient);
  } catch (cause) {
    throw new SealflowError({
      code: "SEAL_EXPORT_RECIPIENT",
      message: `age recipient: expected age1… as age-keygen prints it, got ${JSON.stringify(recipient.slice(0, 80))}`,
      cause,
    });
  }
}
