/** A program on top of a base image, straight through the registry: for images that no enclave measures. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SealflowError } from "@sealflow/core";
import { type LayerEntry, writeLayer } from "../oci/layer.js";
import { parseImage, parsePinnedImage, pinned } from "../oci/reference.js";
import { RegistryRepository } from "../oci/registry.js";
import type { RegistryAccess } from "../oci/transport.js";
import { push } from "./build.js";

/** What is built. */
export interface LayeredImage {
  /** `NAME@sha256:DIGEST` */
  readonly base: string;
  /** `HOST/NAME`, or `HOST/NAME:TAG` for a tag beside the digest. */
  readonly target: string;
  readonly entries: readonly LayerEntry[];
  readonly entrypoint: readonly string[];
}

/**
 * Builds and pushes; gives the image by its digest.
 *
 * @throws SealflowError `CLUSTER_IMAGE_UNPINNED`, `CLUSTER_BASE_UNFIT`, `CLUSTER_REGISTRY_…`
 */
export async function layeredImage(
  { base, target, entries, entrypoint }: LayeredImage,
  access: RegistryAccess,
  progress: (message: string) => void = () => {},
): Promise<string> {
  const [from, to] = [parsePinnedImage(base, "base image"), parseImage(target)];
  const source = new RegistryRepository(from, access);
  const manifest = await source.image(from.digest);
  const { config } = manifest.manifest;
  if (config === undefined) {
    throw new SealflowError({
      code: "CLUSTER_BASE_UNFIT",
      message: `base image ${base}: expected an image with a configuration, got an artifact`,
    });
  }
  const directory = mkdtempSync(join(tmpdir(), "sealflow-image-"));
  try {
    const layer = await writeLayer(entries, join(directory, "layer"), access.signal);
    const { manifest: pushed } = await push(
      {
        repository: new RegistryRepository(to, access),
        base: { reference: base, repository: source, manifest, config: await source.json(config) },
        ...{ layers: [layer], command: entrypoint, tag: to.tag, directory },
      },
      progress,
    );
    return pinned(to, pushed.digest);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
