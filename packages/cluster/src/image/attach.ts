/** Attaching an image's documents to it in the registry. */
import type { Digest, JsonObject } from "@sealflow/core";
import { attachDocument } from "../oci/attestation.js";
import type { RegistryRepository, StoredManifest } from "../oci/registry.js";
import {
  type DocumentedImage,
  DSSE_TYPE,
  IN_TOTO_TYPE,
  provenanceStatement,
  SPDX_TYPE,
  spdxDocument,
} from "./documents.js";

/** Wraps a statement's bytes in a signed DSSE envelope, as JSON text. */
export type StatementSigner = (statement: Uint8Array<ArrayBuffer>) => Promise<string>;

/** Digests of the referrers. */
export interface AttachedDocuments {
  readonly sbom: Digest;
  readonly provenance: Digest;
  readonly signed: boolean;
}

/** Attaches packages (SPDX) and provenance (in-toto, SLSA). */
export async function attachDocuments(
  repository: RegistryRepository,
  image: StoredManifest,
  about: DocumentedImage,
  parameters: JsonObject,
  sign?: StatementSigner,
): Promise<AttachedDocuments> {
  const subject = { digest: image.digest, size: image.bytes.length, mediaType: image.mediaType };
  const bytes = (text: string) => Uint8Array.from(Buffer.from(text));
  const sbom = await attachDocument(repository, subject, {
    type: SPDX_TYPE,
    bytes: bytes(spdxDocument(about)),
  });
  const statement = bytes(provenanceStatement(about, parameters));
  const provenance = await attachDocument(repository, subject, {
    type: sign === undefined ? IN_TOTO_TYPE : DSSE_TYPE,
    bytes: sign === undefined ? statement : bytes(await sign(statement)),
    annotations: { "in-toto.io/predicate-type": "https://slsa.dev/provenance/v1" },
  });
  return { sbom: sbom.digest, provenance: provenance.digest, signed: sign !== undefined };
}
