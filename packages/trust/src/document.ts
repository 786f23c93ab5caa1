/** Signed documents: canonical JSON of a checked shape in a DSSE envelope. One value has one text and one digest. */
import { canonicalJson, type Digest, digestOf, fromUtf8, SealflowError, utf8 } from "@sealflow/core";
import { type Envelope, encodeEnvelope, type Signer, signEnvelope, verifyEnvelope } from "@sealflow/seal";
import { z } from "zod";

/** One kind of signed document. */
export interface DocumentKind<Value> {
  readonly payloadType: string;
  /** For messages. */
  readonly what: string;
  readonly schema: z.ZodType<Value>;
}

/** Parts of schemas. */
export const shape = {
  /** `sha256:` and 64 hex digits. */
  digest: z.custom<Digest>((value) => typeof value === "string" && /^sha256:[0-9a-f]{64}$/.test(value), {
    message: "a sha256 digest",
  }),
  /** 32 bytes in lower-case hex: keys, hashes, nonces. */
  bytes32: z.string().regex(/^[0-9a-f]{64}$/, "32 bytes in lower-case hex"),
  /** RFC 3339 in UTC with milliseconds: the one spelling that `toISOString` gives. */
  time: z.iso.datetime({ precision: 3 }),
  /** Padded base64 in the one spelling of its bytes: what is left over of the last digit is zero. */
  base64: z.base64().regex(/(?:^|[A-Za-z0-9+/]|[AQgw]==|[AEIMQUYcgkosw048]=)$/, "canonical base64"),
  /** A run's id: a UUID in lower-case, so that each has one spelling. */
  runId: z.uuid().lowercase(),
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, "a name"),
  /** A task's path from the root of the run. */
  path: z.string().regex(/^[^\p{Cc}]{1,2000}$/u, "a task path"),
};

/**
 * Signs a document.
 *
 * @throws SealflowError `TRUST_DOCUMENT_MALFORMED` when the value breaks the kind's rules.
 */
export async function signDocument<Value>(
  kind: DocumentKind<Value>,
  value: Value,
  signers: readonly Signer[],
): Promise<Envelope> {
  const payload = utf8(canonicalJson(checkDocument(kind, value)));
  return signEnvelope({ payloadType: kind.payloadType, payload }, signers);
}

/**
 * Verifies the signature by one of the keys and reads the document strictly.
 *
 * @param keys Raw Ed25519 public keys.
 * @throws SealflowError `SEAL_ENVELOPE_…`, `TRUST_DOCUMENT_MALFORMED`
 */
export async function openDocument<Value>(
  kind: DocumentKind<Value>,
  envelope: unknown,
  keys: readonly Uint8Array<ArrayBuffer>[],
): Promise<Value> {
  const { payload } = await verifyEnvelope(envelope, { keys, payloadType: kind.payloadType });
  return decodeDocument(kind, payload);
}

/**
 * Reads canonical JSON of a kind. Nothing is verified.
 *
 * @throws SealflowError `TRUST_DOCUMENT_MALFORMED`
 */
export function decodeDocument<Value>(
  kind: Omit<DocumentKind<Value>, "payloadType">,
  encoded: Uint8Array,
): Value {
  let value: unknown;
  let canonical = false;
  try {
    const text = fromUtf8(encoded);
    value = JSON.parse(text);
    canonical = canonicalJson(value) === text;
  } catch (cause) {
    throw malformed(kind.what, "no JSON", cause);
  }
  if (!canonical) throw malformed(kind.what, "another spelling of the value");
  return checkDocument(kind, value);
}

/** Checks a value against a kind's rules. */
export function checkDocument<Value>(kind: Omit<DocumentKind<Value>, "payloadType">, value: unknown): Value {
  const result = kind.schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw malformed(kind.what, `${issue?.path.join(".") || "(document)"}: ${issue?.message}`);
}

function malformed(what: string, got: string, cause?: unknown): SealflowError {
  return new SealflowError({
    code: "TRUST_DOCUMENT_MALFORMED",
    message: `${what}: expected canonical JSON of its shape, got ${got}`,
    cause,
  });
}

/** How an envelope is named: the digest of its one text. */
export function envelopeDigest(envelope: Envelope): Promise<Digest> {
  return digestOf(encodeEnvelope(envelope));
}
