import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Descriptor, RegistryRepository } from "@sealflow/cluster";

/** Pushes the image of an OCI archive; gives its digest. */
export async function pushArchive(archive: string, repository: RegistryRepository): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "sealflow-archive-"));
  try {
    execFileSync("tar", ["-xf", archive, "-C", directory]);
    const file = (digest: string) => join(directory, "blobs", "sha256", digest.slice("sha256:".length));
    const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));
    const manifest = json(file(json(join(directory, "index.json")).manifests[0].digest));
    for (const descriptor of [...manifest.layers, manifest.config] as Descriptor[]) {
      await repository.upload({ descriptor, content: { file: file(descriptor.digest) } });
    }
    return (await repository.put(manifest)).digest;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
