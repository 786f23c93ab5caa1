/** What the browser test runs inside the page. */
import { concatBytes, equalBytes, fromBase64, fromHex, isSealflowError, toBase64 } from "@sealflow/core";
import {
  artifactDigest,
  encodeEnvelope,
  openArtifact,
  parseEnvelope,
  piecesOf,
  projectKeyFrom,
  readableOf,
  sealArtifact,
  signStatement,
  statementType,
  type Unlock,
  verifyStatement,
} from "../src/index.js";
import type { ArtifactVector, MalformedArtifact } from "./vectors.js";

const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
const key = projectKeyFrom(new Uint8Array(32).fill(1));

async function plaintextBehind(artifact: string, unlock: Unlock): Promise<Uint8Array<ArrayBuffer>> {
  const sealed = piecesOf(new Blob([fromBase64(artifact)]).stream());
  const { plaintext } = await openArtifact(sealed, { unlock });
  const pieces: Uint8Array[] = [];
  // A `Response` would hide why its stream failed.
  for await (const piece of plaintext) pieces.push(piece);
  return concatBytes(...pieces);
}

/** Digests of the vectors that open to their plaintext. */
export async function openAll(vectors: readonly ArtifactVector[]): Promise<string[]> {
  const digests: string[] = [];
  for (const { artifact, secrets, dataKey, plaintextLength } of vectors) {
    const expected = Uint8Array.from({ length: plaintextLength }, (_, i) => (7 * i + plaintextLength) % 251);
    const keys = await Promise.all(secrets.map((secret) => projectKeyFrom(fromHex(secret))));
    const identities = keys.map((each) => each.identity);
    const unlock = identities.length > 0 ? { identities } : { dataKey: fromHex(dataKey) };
    const same = equalBytes(await plaintextBehind(artifact, unlock), expected);
    digests.push(same ? await artifactDigest([fromBase64(artifact)]) : "another plaintext");
  }
  return digests;
}

/** Codes of the refusals. */
export async function refuseAll(artifacts: readonly MalformedArtifact[]): Promise<string[]> {
  const { identity } = await key;
  const outcome = ({ artifact }: MalformedArtifact) =>
    plaintextBehind(artifact, { identities: [identity] }).then(
      () => "accepted",
      (error: unknown) => (isSealflowError(error) ? error.code : String(error)),
    );
  return Promise.all(artifacts.map(outcome));
}

/** The same plaintext, sealed by the browser. */
export async function openAndSealAgain(artifact: string): Promise<string> {
  const { identity } = await key;
  const plaintext = await plaintextBehind(artifact, { identities: [identity] });
  const options = { recipients: [identity.recipient], random, chunkBytes: 777 };
  const sealed = readableOf(sealArtifact(piecesOf(new Blob([plaintext]).stream()), options));
  return toBase64(new Uint8Array(await new Response(sealed).arrayBuffer()));
}

/** Whether a statement signed here verifies. */
export async function signAndVerify(): Promise<boolean> {
  const { signer } = await key;
  const statement = {
    _type: statementType,
    subject: [{ name: "x", digest: { sha256: "ab".repeat(32) } }],
    predicateType: "https://sealflow.dev/test/v1",
    predicate: {},
  } as const;
  const text = encodeEnvelope(await signStatement(statement, [signer]));
  const verified = await verifyStatement(parseEnvelope(text), { keys: [signer.publicKey] });
  return verified.statement.subject[0]?.name === "x";
}
