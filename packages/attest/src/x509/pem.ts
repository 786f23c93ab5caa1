/** PEM certificate chains (RFC 7468), strictly: nothing but certificates, one newline between lines. */
import { fromBase64, SealflowError } from "@sealflow/core";
import { Refusal } from "../refusal.js";
import { type Certificate, parseCertificate } from "./certificate.js";

const block =
  /-----BEGIN CERTIFICATE-----\r?\n((?:[A-Za-z0-9+/=]{1,76}\r?\n)+)-----END CERTIFICATE-----(?:\r?\n|$)/y;

/** Largest chain that is read, in characters. */
const maximumSize = 64 * 1024;

/**
 * The certificates of a chain in the order in which they stand.
 *
 * @param code The code of the refusal when the text is not such a chain.
 */
export function parsePemChain(text: string, code: string): Certificate[] {
  if (text.length > maximumSize)
    throw new Refusal(code, `at most ${maximumSize} characters`, `${text.length}`);
  const certificates: Certificate[] = [];
  block.lastIndex = 0;
  let offset = 0;
  while (offset < text.length) {
    block.lastIndex = offset;
    const match = block.exec(text);
    if (!match) throw new Refusal(code, "a PEM certificate", `other text at character ${offset}`);
    offset = block.lastIndex;
    certificates.push(decode((match[1] ?? "").replace(/\r?\n/g, ""), code));
  }
  return certificates;
}

function decode(base64: string, code: string): Certificate {
  try {
    return parseCertificate(fromBase64(base64));
  } catch (error) {
    if (error instanceof Refusal) throw new Refusal(code, error.expected, error.got);
    if (error instanceof SealflowError) throw new Refusal(code, "canonical base64", "other text");
    throw error;
  }
}
