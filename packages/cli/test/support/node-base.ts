/** An image with Node.js, made of the lane's image with Python and the Node.js that runs the tests. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Descriptor, RegistryRepository } from "@sealflow/cluster";

const type = "application/vnd.oci.image.layer.v1.tar";

/**
 * Pushes it.
 *
 * @param base Digest of the image with Python in the same repository.
 * @returns Its digest.
 */
export async function pushNodeBase(repository: RegistryRepository, base: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "sealflow-node-"));
  try {
    const file = join(directory, "layer.tar");
    const place = ["--transform", "s,^,usr/local/bin/,", "--mode=755", "--owner=0", "--group=0"];
    execFileSync("tar", [...place, "-C", dirname(process.execPath), "-chf", file, "node"]);
    const diffId = `sha256:${createHash("sha256").update(readFileSync(file)).digest("hex")}` as const;
    const layer: Descriptor = { mediaType: type, digest: diffId, size: statSync(file).size };
    await repository.upload({ descriptor: layer, content: { file } });
    const { manifest } = await repository.image(base as `sha256:${string}`);
    const before = manifest.config === undefined ? {} : await repository.json(manifest.config);
    const rootfs = before.rootfs as { diff_ids: string[] };
    const config = Buffer.from(
      JSON.stringify({ ...before, rootfs: { ...rootfs, diff_ids: [...rootfs.diff_ids, diffId] } }),
    );
    const digest = `sha256:${createHash("sha256").update(config).digest("hex")}` as const;
    const descriptor: Descriptor = {
      mediaType: "application/vnd.oci.image.config.v1+json",
      ...{ digest, size: config.length },
    };
    await repository.upload({ descriptor, content: Uint8Array.from(config) });
    return (
      await repository.put({ ...manifest, config: descriptor, layers: [...(manifest.layers ?? []), layer] })
    ).digest;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
