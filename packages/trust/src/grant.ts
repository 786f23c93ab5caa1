/** Grants: what a task gets once it is proven due, encrypted to the key that its evidence binds, signed by the broker. */
import {
  canonicalJson,
  concatBytes,
  type Digest,
  digestOf,
  equalBytes,
  fromBase64,
  fromHex,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type Random,
  toBase64,
  toHex,
  utf8,
} from "@sealflow/core";
import { type Envelope, hpkeOpen, hpkeSeal, type Identity, type Signer } from "@sealflow/seal";
import { z } from "zod";
import { type DocumentKind, decodeDocument, openDocument, shape, signDocument } from "./document.js";
import { failure } from "./failure.js";
import { type Transcript, transcriptHash } from "./transcript.js";

const base64 = shape.base64.max(64 * 1024 * 1024);
const object = z.custom<JsonObject>(isJsonObject, { message: "an object" });
const inputSchema = z.strictObject({
  /** Of the artifact, as its producer declared it. */
  name: z.string(),
  /** KFP's `ArtifactTypeSchema`. */
  type: object,
  /** Digest of the envelope of the statement that made it; null for an external input. */
  statement: shape.digest.nullable(),
  /** Digest of the sealed artifact. */
  digest: shape.digest,
  /** Data key in lower-case hex. Secret. */
  key: shape.bytes32,
  metadata: object,
});
const parameterSchema = z.strictObject({
  value: z.custom<JsonValue>((value) => value !== undefined, { message: "a JSON value" }),
  /** Of the commitment that the task's statement must state. */
  salt: shape.bytes32,
});
const contentSchema = z.strictObject({
  version: z.literal("sealflow.grant/v1"),
  runId: shape.runId,
  path: shape.path,
  attempt: z.int().min(1),
  component: shape.digest,
  parameters: z.record(z.string(), parameterSchema),
  inputs: z.record(z.string(), z.array(inputSchema)),
  outputs: z.strictObject({
    /** `parameterType` by name. */
    parameters: z.record(z.string(), z.string()),
    artifacts: z.record(z.string(), z.strictObject({ type: object, list: z.boolean(), metadata: object })),
  }),
  /** Raw X25519 keys that every output artifact is wrapped to. */
  recipients: z.array(shape.bytes32),
  /** Raw X25519 key of the broker: what a commit's secrets are encrypted to. */
  broker: shape.bytes32,
  /** Outputs of this task whose parameter, or whose artifact's metadata, may leave in the clear. */
  release: z.array(z.string()),
  expiresAt: shape.time,
});

/** What a grant says. Holds keys: never to be logged. */
export type GrantContent = z.infer<typeof contentSchema>;

const outer = z.strictObject({ transcript: shape.bytes32, enc: base64, ciphertext: base64 });
const kind: DocumentKind<z.infer<typeof outer>> = {
  payloadType: "application/vnd.sealflow.grant.v1+json",
  what: "grant",
  schema: outer,
};
const contentKind = { what: "grant", schema: contentSchema };

/** Encrypts a grant to the task's key with `H(T)` as HPKE's info, and signs it over `H(T)` and the ciphertext. */
export async function sealGrant(
  content: GrantContent,
  to: { readonly transcript: Transcript; readonly signer: Signer; readonly random: Random },
): Promise<Envelope> {
  const info = await transcriptHash(to.transcript);
  const message = await hpkeSeal(
    {
      plaintext: utf8(canonicalJson(content)),
      recipient: fromHex(to.transcript.sealingKey),
      random: to.random,
    },
    { info },
  );
  const { enc, ciphertext } = message;
  const value = { transcript: toHex(info), enc: toBase64(enc), ciphertext: toBase64(ciphertext) };
  return signDocument(kind, value, [to.signer]);
}

/**
 * Opens a grant in the task: the broker's signature is checked before anything is decrypted, then that it answers this
 * transcript.
 *
 * @param at Milliseconds since the Unix epoch.
 * @throws SealflowError `SEAL_ENVELOPE_…`, `TRUST_GRANT_TRANSCRIPT`, `TRUST_GRANT_KEY`, `TRUST_GRANT_EXPIRED`
 */
export async function openGrant(
  envelope: unknown,
  task: { readonly transcript: Transcript; readonly identity: Identity; readonly at: number },
): Promise<GrantContent> {
  const { transcript, identity } = task;
  const signed = await openDocument(kind, envelope, [fromHex(transcript.brokerKey)]);
  const info = await transcriptHash(transcript);
  const other = (got: string) =>
    failure("TRUST_GRANT_TRANSCRIPT", "grant", { expected: "one for this task's transcript", got });
  if (!equalBytes(fromHex(signed.transcript), info)) throw other("one for another");
  const [enc, ciphertext] = [fromBase64(signed.enc), fromBase64(signed.ciphertext)];
  const plaintext = await hpkeOpen({ enc, ciphertext, identity }, { info });
  if (plaintext === undefined) {
    throw failure("TRUST_GRANT_KEY", "grant", {
      expected: "a ciphertext for this task's key",
      got: "another",
    });
  }
  const content = decodeDocument(contentKind, plaintext);
  if (content.path !== transcript.path || content.attempt !== transcript.attempt)
    throw other("another task's");
  if (content.component !== transcript.component) throw other("another component's");
  if (task.at >= Date.parse(content.expiresAt)) {
    throw failure("TRUST_GRANT_EXPIRED", "grant", {
      expected: `a time before ${content.expiresAt}`,
      got: new Date(task.at).toISOString(),
    });
  }
  return content;
}

/** A salted commitment to a value: SHA-256 over a name, 32 bytes of salt and the value's canonical JSON. */
export function commitmentOf(value: unknown, salt: Uint8Array): Promise<Digest> {
  if (salt.length !== 32) throw new TypeError(`salt: expected 32 bytes, got ${salt.length}`);
  return digestOf(concatBytes(utf8("sealflow commitment v1\0"), salt, utf8(canonicalJson(value))));
}
