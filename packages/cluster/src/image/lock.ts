/** What is known of a measured image: written when it is built, read when specs are made confidential and policies written. */
import { type Digest, digestOfJson, SealflowError } from "@sealflow/core";
import type { ContainerExecutor } from "@sealflow/pipeline";
import { z } from "zod";

const digest = z.custom<Digest>((value) => typeof value === "string" && /^sha256:[0-9a-f]{64}$/.test(value), {
  message: "a sha256 digest",
});
const hex32 = z.string().regex(/^[0-9a-f]{64}$/, "32 bytes in lower-case hex");

/** An image named by its digest: `HOST[:PORT]/NAME@sha256:…`. A tag beside it would say nothing. */
export const pinnedImage = z
  .string()
  .regex(/^[^\s@:/]+(:\d+)?(\/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}$/, "HOST/NAME@sha256:DIGEST");

const schema = z.strictObject({
  version: z.literal("sealflow.image/v1"),
  image: pinnedImage,
  /** What the pod starts outside the enclave: it writes the task down and starts the enclave, whose own arguments are fixed. */
  command: z.array(z.string().min(1)).min(1),
  /** What the processor will measure; null for an image that only simulates an enclave. */
  enclave: z
    .strictObject({
      mrenclave: hex32,
      mrsigner: hex32.optional(),
      productId: z.int().min(0).max(0xffff),
      svn: z.int().min(0).max(0xffff),
    })
    .nullable(),
  /** Bytes of EPC that a pod asks for. 0 for a simulated enclave. */
  epc: z.int().min(0),
  /** What is baked in, by executor of the pipeline. */
  executors: z.record(z.string(), z.strictObject({ container: digest, component: digest })),
});

/** A measured image. */
export type ImageLock = z.infer<typeof schema>;

/**
 * Checks an image lock that was decoded from JSON.
 *
 * @throws SealflowError `CLUSTER_IMAGE_LOCK`
 */
export function checkImageLock(value: unknown, name = "image lock"): ImageLock {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new SealflowError({
    code: "CLUSTER_IMAGE_LOCK",
    message: `${name}: ${issue?.path.join(".") || "(document)"}: ${issue?.message}`,
    hint: "sealflow image build writes it",
    where: { file: name },
  });
}

/**
 * What an executor runs: its container without the resources it asks for. Two executors with one digest run the same
 * code in the same environment.
 */
export function containerDigest(container: ContainerExecutor): Promise<Digest> {
  const { resources: _, ...code } = container;
  return digestOfJson(code);
}
