/** The transcript: all that a task's evidence is bound to, in one unambiguous encoding. */
import { concatBytes, type Digest, fromHex, sha256, utf8 } from "@sealflow/core";

type Bytes = Uint8Array<ArrayBuffer>;

/** What a task says of itself when it asks for its grant. Keys and nonce are 32 bytes in lower-case hex. */
export interface Transcript {
  /** Names the deployment, so that evidence of one is worth nothing in another. */
  readonly domain: string;
  readonly brokerKey: string;
  readonly nonce: string;
  /** The task's X25519 key, to which the grant is encrypted. */
  readonly sealingKey: string;
  /** The task's Ed25519 key, which signs its statement. */
  readonly signingKey: string;
  readonly registration: Digest;
  readonly policy: Digest;
  readonly policyEpoch: number;
  /** With the index of every loop around it. */
  readonly path: string;
  /** From 1. */
  readonly attempt: number;
  /** Digest of the component: source, environment lock, runtime. */
  readonly component: Digest;
}

const protocol = "sealflow task transcript v1";

/**
 * The encoding of a transcript: each field's length in four bytes, big-endian, and the field, in a fixed order after
 * the protocol's name. Numbers are eight bytes, big-endian; keys, nonce and digests their 32 bytes; texts UTF-8.
 */
export function encodeTranscript(transcript: Transcript): Bytes {
  const fields = [
    utf8(protocol),
    utf8(transcript.domain),
    fixed(transcript.brokerKey),
    fixed(transcript.nonce),
    fixed(transcript.sealingKey),
    fixed(transcript.signingKey),
    fixed(transcript.registration.slice("sha256:".length)),
    fixed(transcript.policy.slice("sha256:".length)),
    number(transcript.policyEpoch),
    utf8(transcript.path),
    number(transcript.attempt),
    fixed(transcript.component.slice("sha256:".length)),
  ];
  return concatBytes(...fields.flatMap((field) => [number(field.length).slice(4), field]));
}

/** SHA-256 of the encoding: `H(T)`. */
export function transcriptHash(transcript: Transcript): Promise<Bytes> {
  return sha256(encodeTranscript(transcript));
}

/** The 64 bytes of REPORTDATA that evidence for the transcript must hold: `H(T)` and 32 zero bytes. */
export async function reportDataOf(transcript: Transcript): Promise<Bytes> {
  return concatBytes(await transcriptHash(transcript), new Uint8Array(32));
}

function fixed(hex: string): Bytes {
  const bytes = fromHex(hex);
  if (bytes.length !== 32) throw new TypeError(`transcript: expected 32 bytes, got ${bytes.length}`);
  return bytes;
}

function number(value: number): Bytes {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new TypeError(`transcript: expected a count, got ${value}`);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}
