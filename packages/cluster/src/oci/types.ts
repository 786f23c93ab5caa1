/** Manifests and descriptors. Source: OCI image specification 1.1. */
import { fromUtf8, isDigest, isJsonObject, SealflowError } from "@sealflow/core";
import { z } from "zod";

/** Media types. */
export const mediaTypes = {
  manifests: {
    oci: "application/vnd.oci.image.manifest.v1+json",
    ociIndex: "application/vnd.oci.image.index.v1+json",
    docker: "application/vnd.docker.distribution.manifest.v2+json",
    dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  },
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  empty: "application/vnd.oci.empty.v1+json",
} as const;

const digest = z.custom<`sha256:${string}`>((value) => typeof value === "string" && isDigest(value), {
  message: "a sha256 digest",
});
const annotations = z.record(z.string(), z.string());
const descriptor = z.object({
  mediaType: z.string(),
  digest,
  size: z.int().min(0),
  artifactType: z.string().optional(),
  annotations: annotations.optional(),
  platform: z.object({ architecture: z.string(), os: z.string() }).loose().optional(),
});
const schema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string().optional(),
  artifactType: z.string().optional(),
  config: descriptor.optional(),
  layers: z.array(descriptor).optional(),
  manifests: z.array(descriptor).optional(),
  subject: descriptor.optional(),
  annotations: annotations.optional(),
});

type Exact<T> = { readonly [K in keyof T]: Exclude<T[K], undefined> };

/** What names content. */
export type Descriptor = Exact<z.infer<typeof descriptor>>;

/** An image, an index of images, or an artifact. */
export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Reads a manifest.
 *
 * @throws SealflowError `CLUSTER_MANIFEST_UNREADABLE`
 */
export function readManifest(bytes: Uint8Array, name: string): Manifest {
  const result = schema.safeParse(parsed(bytes));
  if (result.success) return result.data as Manifest;
  const [issue] = result.error.issues;
  throw new SealflowError({
    code: "CLUSTER_MANIFEST_UNREADABLE",
    message: `${name}: expected a manifest of OCI or Docker, got ${issue?.path.join(".") || "the document"}: ${issue?.message}`,
  });
}

function parsed(bytes: Uint8Array): unknown {
  try {
    const value: unknown = JSON.parse(fromUtf8(bytes));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
