/**
 * Plaintext for model servers that open JWE: RFC 7516, compact serialisation, A256KW and A256GCM (RFC 7518, sections 4.4
 * and 5.3). The format is one message, so that it is made and held in memory.
 */
import { concatBytes, SealflowError } from "@sealflow/core";
import type { ByteStream } from "../container/pieces.js";

/** Largest plaintext: 256 MiB. The text is a third longer, and both are in memory. */
export const maxJweBytes = 256 * 1024 * 1024;

/** For whom. */
export interface JweKey {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** Where a server finds the key, for example `kbs:///default/model/key`; stands in the header. */
  readonly kid?: string;
}

/**
 * Encrypts a stream to a JWE.
 *
 * @throws SealflowError `SEAL_EXPORT_KEY` for a key that is not 32 bytes, `SEAL_EXPORT_TOO_LARGE`
 */
export async function encryptJwe(plaintext: ByteStream, { key, kid }: JweKey): Promise<string> {
  if (key.length !== 32) {
    const message = `JWE key: expected 32 bytes for A256KW, got ${key.length}`;
    throw new SealflowError({ code: "SEAL_EXPORT_KEY", message });
  }
  const pieces: Uint8Array[] = [];
  let total = 0;
  for await (const piece of plaintext) {
    total += piece.length;
    if (total > maxJweBytes) throw tooLarge();
    pieces.push(piece);
  }
  const header = { alg: "A256KW", enc: "A256GCM", ...(kid === undefined ? {} : { kid }) };
  // Loaded by the few who export.
  const { CompactEncrypt } = await import("jose");
  return new CompactEncrypt(concatBytes(...pieces)).setProtectedHeader(header).encrypt(key);
}

function tooLarge(): SealflowError {
  return new SealflowError({
    code: "SEAL_EXPORT_TOO_LARGE",
    message: `JWE: expected at most ${maxJweBytes} bytes of plaintext, got more`,
    hint: "a JWE is one message: export to age instead, or serve the sealed artifact",
  });
}
