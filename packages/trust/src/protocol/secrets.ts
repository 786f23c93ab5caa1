/** The secrets of a commit: data keys and values, encrypted to the broker, bound to transcript and statement. */
import {
  canonicalJson,
  concatBytes,
  type Digest,
  fromBase64,
  fromHex,
  type Random,
  toBase64,
  utf8,
} from "@sealflow/core";
import { hpkeOpen, hpkeSeal, type Identity } from "@sealflow/seal";
import { z } from "zod";
import { checkDocument, decodeDocument, shape } from "../document.js";
import { failure } from "../failure.js";
import { type Transcript, transcriptHash } from "../transcript.js";
import { part, type TaskCommit } from "./messages.js";

const opening = z.strictObject({ value: part.value, salt: shape.bytes32 });
const schema = z.strictObject({
  version: z.literal("sealflow.commit-secrets/v2"),
  /** By the digest of the output's sealed artifact. */
  artifacts: z.record(
    shape.digest,
    z.strictObject({
      /** Its data key, hex. */
      key: shape.bytes32,
      /** Opens the commitment to the artifact's metadata. */
      metadata: z.strictObject({ value: part.object, salt: shape.bytes32 }),
    }),
  ),
  /** By output: opens the commitment to the parameter. */
  parameters: z.record(z.string(), opening),
});

/** What a task hands to the broker with its statement. Secret. */
export type CommitSecrets = z.infer<typeof schema>;

const kind = { what: "commit's secrets", schema };

/** Encrypts the secrets of a commit: HPKE with `H(T)` and the statement's digest as info. */
export async function sealSecrets(
  secrets: CommitSecrets,
  to: {
    /** The grant's `broker`, hex. */
    readonly broker: string;
    readonly transcript: Transcript;
    /** Digest of the statement's envelope. */
    readonly statement: Digest;
    readonly random: Random;
  },
): Promise<TaskCommit["secrets"]> {
  const plaintext = utf8(canonicalJson(checkDocument(kind, secrets)));
  const { enc, ciphertext } = await hpkeSeal(
    { plaintext, recipient: fromHex(to.broker), random: to.random },
    { info: await infoOf(to.transcript, to.statement) },
  );
  return { enc: toBase64(enc), ciphertext: toBase64(ciphertext) };
}

/** Not as associated data: one-message HPKE interfaces, Python's among them, offer info alone. */
async function infoOf(transcript: Transcript, statement: Digest): Promise<Uint8Array<ArrayBuffer>> {
  return concatBytes(await transcriptHash(transcript), utf8(statement));
}

/** Decrypts them as the broker. @throws SealflowError `TRUST_COMMIT_SECRETS`, `TRUST_DOCUMENT_MALFORMED` */
export async function openSecrets(
  sealed: TaskCommit["secrets"],
  by: { readonly identity: Identity; readonly transcript: Transcript; readonly statement: Digest },
): Promise<CommitSecrets> {
  const message = { enc: fromBase64(sealed.enc), ciphertext: fromBase64(sealed.ciphertext) };
  const context = { info: await infoOf(by.transcript, by.statement) };
  const plaintext = await hpkeOpen({ ...message, identity: by.identity }, context);
  if (plaintext !== undefined) return decodeDocument(kind, plaintext);
  throw failure("TRUST_COMMIT_SECRETS", "commit", {
    expected: "secrets for this broker, attempt and statement",
    got: "others",
  });
}
