/**
 * DSSE envelopes (Dead Simple Signing Envelope, protocol version 1) with Ed25519 keys, in one canonical encoding: the
 * canonical JSON (RFC 8785) of the envelope, signatures in ascending order of their key ids, no key twice. Every
 * envelope has exactly one text, so a changed bit is a changed envelope.
 */
import {
  canonicalJson,
  compareCodeUnits,
  fromBase64,
  isSealflowError,
  keyIdOf,
  preAuthenticationEncoding,
  SealflowError,
  toBase64,
  utf8,
} from "@sealflow/core";
import { readCanonicalJson } from "../json/canonical.js";
import { type JsonPlace, jsonReader } from "../json/reader.js";
import type { Signer } from "./signer.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** One signature. Nothing is verified yet. */
export interface EnvelopeSignature {
  /** Lower-case hex of SHA-256 over the raw Ed25519 public key. */
  readonly keyid: string;
  /** 64 bytes in base64. */
  readonly sig: string;
}

/** A signed payload, as it travels. Nothing is verified yet: use `verifyEnvelope`. */
export interface Envelope {
  readonly payloadType: string;
  /** Canonical base64. */
  readonly payload: string;
  /** One to 16, in ascending order of their key ids. */
  readonly signatures: readonly EnvelopeSignature[];
}

const maxPayloadBytes = 16 * 1024 * 1024;
const maxSignatures = 16;
const maxEnvelopeBytes = Math.ceil(maxPayloadBytes / 3) * 4 + 64 * 1024;
const reader = jsonReader("SEAL_ENVELOPE_MALFORMED", "envelope");

/** Signs a payload with one or more keys. The payload's type is part of what is signed. */
export async function signEnvelope(
  content: { readonly payloadType: string; readonly payload: Bytes },
  signers: readonly Signer[],
): Promise<Envelope> {
  const message = preAuthenticationEncoding(content.payloadType, content.payload);
  const signatures = await Promise.all(signers.map((signer) => signatureBy(signer, message)));
  return checkEnvelope({
    payloadType: content.payloadType,
    payload: toBase64InParts(content.payload),
    signatures: signatures.sort((a, b) => compareCodeUnits(a.keyid, b.keyid)),
  });
}

/**
 * The envelope with one more signature. The signatures that it has are neither verified nor changed.
 *
 * @throws SealflowError `SEAL_ENVELOPE_MALFORMED` when the key has signed already.
 */
export async function addSignature(envelope: Envelope, signer: Signer): Promise<Envelope> {
  const message = preAuthenticationEncoding(envelope.payloadType, fromBase64(envelope.payload));
  const signatures = [...envelope.signatures, await signatureBy(signer, message)];
  signatures.sort((a, b) => compareCodeUnits(a.keyid, b.keyid));
  return checkEnvelope({ ...envelope, signatures });
}

async function signatureBy(signer: Signer, message: Bytes): Promise<EnvelopeSignature> {
  const [keyid, signature] = [await keyIdOf(signer.publicKey), await signer.sign(message)];
  return { keyid, sig: toBase64(signature) };
}

/** `toBase64` of large payloads builds one string per byte; parts of a multiple of three bytes keep it flat. */
function toBase64InParts(bytes: Uint8Array): string {
  const part = 3 * 8192;
  let text = "";
  for (let at = 0; at < bytes.length; at += part) text += toBase64(bytes.subarray(at, at + part));
  return text;
}

/** The one text of an envelope, in UTF-8. */
export function encodeEnvelope(envelope: Envelope): Bytes {
  return utf8(canonicalJson(checkEnvelope(envelope)));
}

/**
 * Reads an envelope strictly: the canonical encoding only. Nothing is verified yet.
 *
 * @throws SealflowError `SEAL_ENVELOPE_MALFORMED`
 */
export function parseEnvelope(encoded: Uint8Array | string): Envelope {
  const value = readCanonicalJson(encoded, {
    code: "SEAL_ENVELOPE_MALFORMED",
    what: "envelope",
    maxBytes: maxEnvelopeBytes,
  });
  return checkEnvelope(value);
}

/**
 * The envelope behind a JSON value, strictly: no unknown members, canonical base64, signatures sorted, none twice.
 * Nothing is verified yet.
 *
 * @throws SealflowError `SEAL_ENVELOPE_MALFORMED`
 */
export function checkEnvelope(value: unknown): Envelope {
  const members = reader.object({ value, path: "" }, ["payloadType", "payload", "signatures"]);
  const envelope = {
    payloadType: reader.text(members("payloadType"), /^[\x21-\x7e]{1,255}$/, "a media type"),
    payload: base64(members("payload"), (length) => length <= maxPayloadBytes),
    signatures: reader.list(members("signatures"), { min: 1, max: maxSignatures }).map(checkSignature),
  };
  for (const [i, { keyid }] of envelope.signatures.entries()) {
    const previous = envelope.signatures[i - 1];
    if (previous !== undefined && previous.keyid >= keyid) {
      throw reader.error(`signatures[${i}].keyid`, "key ids in ascending order, none twice", keyid);
    }
  }
  return envelope;
}

function checkSignature(place: JsonPlace): EnvelopeSignature {
  const members = reader.object(place, ["keyid", "sig"]);
  return {
    keyid: reader.text(members("keyid"), /^[0-9a-f]{64}$/, "64 lower-case hex digits"),
    sig: base64(members("sig"), (length) => length === 64),
  };
}

function base64(place: JsonPlace, fits: (length: number) => boolean): string {
  const text = reader.text(place, /^[A-Za-z0-9+/=]*$/, "base64");
  try {
    if (fits(fromBase64(text).length)) return text;
  } catch (error) {
    if (!isSealflowError(error)) throw error;
  }
  throw reader.error(place.path, "canonical base64 of the right length", `${text.length} characters`);
}

/** Whose signatures count. */
export interface EnvelopeTrust {
  /** Raw Ed25519 public keys, 32 bytes each. */
  readonly keys: readonly Bytes[];
  /** How many of them must have signed; default 1. */
  readonly threshold?: number;
  /** The payload type that must stand in the envelope; one that is not expected is refused. */
  readonly payloadType: string;
  /** What to do with signatures by other keys, which nothing protects against change; default `refuse`. */
  readonly unknownSignatures?: "refuse" | "ignore";
}

/** A payload whose signatures hold. */
export interface VerifiedEnvelope {
  readonly payloadType: string;
  readonly payload: Bytes;
  /** Key ids of the trusted keys that signed, ascending. */
  readonly signers: readonly string[];
}

/**
 * Verifies an envelope. Every signature by a trusted key must hold, not just enough of them.
 *
 * @throws SealflowError `SEAL_ENVELOPE_MALFORMED`, `SEAL_ENVELOPE_TYPE`, `SEAL_ENVELOPE_SIGNATURE`, `SEAL_ENVELOPE_SIGNER`
 */
export async function verifyEnvelope(value: unknown, trust: EnvelopeTrust): Promise<VerifiedEnvelope> {
  const envelope = checkEnvelope(value);
  requireType(envelope, trust);
  const payload = fromBase64(envelope.payload);
  const message = preAuthenticationEncoding(envelope.payloadType, payload);
  const keys = new Map<string, Bytes>();
  for (const key of trust.keys) keys.set(await keyIdOf(key), key);
  const signers: string[] = [];
  for (const { keyid, sig } of envelope.signatures) {
    const key = keys.get(keyid);
    if (key === undefined) {
      if (trust.unknownSignatures === "ignore") continue;
      throw signerError(`signatures by trusted keys only, got one by ${keyid}`);
    }
    if (!(await holds(key, fromBase64(sig), message))) throw signatureError(keyid);
    signers.push(keyid);
  }
  const threshold = Math.max(1, trust.threshold ?? 1);
  if (signers.length < threshold) {
    throw signerError(`${threshold} signature(s) by trusted keys, got ${signers.length}`);
  }
  return { payloadType: envelope.payloadType, payload, signers };
}

function requireType(envelope: Envelope, trust: EnvelopeTrust): void {
  if (envelope.payloadType === trust.payloadType) return;
  throw new SealflowError({
    code: "SEAL_ENVELOPE_TYPE",
    message: `envelope: expected a payload of ${trust.payloadType}, got ${envelope.payloadType}`,
  });
}

async function holds(key: Bytes, signature: Bytes, message: Bytes): Promise<boolean> {
  const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", imported, signature, message);
}

function signatureError(keyid: string): SealflowError {
  return new SealflowError({
    code: "SEAL_ENVELOPE_SIGNATURE",
    message: `envelope: expected a signature that holds, got one by ${keyid} that does not`,
  });
}

function signerError(expected: string): SealflowError {
  return new SealflowError({ code: "SEAL_ENVELOPE_SIGNER", message: `envelope: expected ${expected}` });
}
