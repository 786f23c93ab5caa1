/** Archives of images, as `ctr images import` takes them: one layer, no container engine involved. */
import { createHash } from "node:crypto";
import {
  createReadStream,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { must } from "../run.mjs";

/**
 * Writes an OCI image archive.
 *
 * @param root Directory that becomes the image's root.
 * @param archive Where the archive goes.
 */
export async function writeImage(root, archive, { name, config }) {
  mkdirSync(dirname(archive), { recursive: true });
  const work = mkdtempSync(`${archive}-`);
  const blobs = join(work, "blobs", "sha256");
  mkdirSync(blobs, { recursive: true });
  const layer = join(work, "layer");
  const same = ["--sort=name", "--mtime=@0", "--numeric-owner", "--xattrs", "--one-file-system"];
  must("tar", [...same, "-C", root, "-cf", layer, "."]);
  const layerBlob = { ...(await describe(layer)), mediaType: "application/vnd.oci.image.layer.v1.tar" };
  renameSync(layer, join(blobs, layerBlob.digest.slice(7)));
  const put = (value, mediaType) => {
    const text = JSON.stringify(value);
    const hex = createHash("sha256").update(text).digest("hex");
    writeFileSync(join(blobs, hex), text);
    return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(text) };
  };
  const settings = put(
    {
      architecture: "amd64",
      os: "linux",
      config,
      rootfs: { type: "layers", diff_ids: [layerBlob.digest] },
    },
    "application/vnd.oci.image.config.v1+json",
  );
  const type = "application/vnd.oci.image.manifest.v1+json";
  const manifest = put({ schemaVersion: 2, mediaType: type, config: settings, layers: [layerBlob] }, type);
  const annotations = { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name };
  writeFileSync(
    join(work, "index.json"),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  writeFileSync(join(work, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  must("tar", ["-C", work, "-cf", `${archive}.part`, "oci-layout", "index.json", "blobs"]);
  renameSync(`${archive}.part`, archive);
  rmSync(work, { recursive: true });
}

async function describe(file) {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return { digest: `sha256:${hash.digest("hex")}`, size: statSync(file).size };
}
