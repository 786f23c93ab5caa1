/** What is known of an image, beside it in the registry: artifacts that refer to it (OCI 1.1, "subject"). */
import type { Digest } from "@sealflow/core";
import { digestOfBytes, type RegistryRepository, type StoredManifest } from "./registry.js";
import { type Descriptor, type Manifest, mediaTypes } from "./types.js";

const EMPTY = Uint8Array.from(Buffer.from("{}"));

/** The descriptor of `{}`: the configuration of artifacts that have none. */
const emptyDescriptor: Descriptor = {
  mediaType: mediaTypes.empty,
  digest: digestOfBytes(EMPTY),
  size: EMPTY.length,
};

/** A document about an image. */
export interface Attachment {
  /** Its media type, and the type under which it is found. */
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Stores a document and a manifest that ties it to an image. The same document gives the same digest. */
export async function attachDocument(
  repository: RegistryRepository,
  subject: { readonly digest: Digest; readonly size: number; readonly mediaType: string },
  { type, bytes, annotations }: Attachment,
): Promise<StoredManifest> {
  const layer: Descriptor = { mediaType: type, digest: digestOfBytes(bytes), size: bytes.length };
  await repository.upload({ descriptor: emptyDescriptor, content: EMPTY });
  await repository.upload({ descriptor: layer, content: bytes });
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifests.oci,
    artifactType: type,
    config: emptyDescriptor,
    layers: [layer],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    ...(annotations === undefined ? {} : { annotations }),
  } satisfies Manifest;
  return repository.attach(manifest);
}
