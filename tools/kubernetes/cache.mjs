/** Where the programs and images of the `kubernetes` lane are: outside the checkout, one directory per set of pins. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));

/** Everything that what is built depends on. */
const pins = [
  "azurite/package-lock.json",
  "cluster/go.mod",
  "cluster/go.sum",
  "pause/main.go",
  "servers/go.mod",
  "servers/go.sum",
];

/** Raised when the images are made in another way. */
const imagesVersion = "1";

/** Commands of Debian packages that the cluster starts, and podman for tasks without one. */
export const commands = {
  containerd: "containerd",
  runc: "runc",
  podman: "podman",
  etcd: "etcd-server",
  debootstrap: "debootstrap",
  "docker-registry": "docker-registry",
  ip: "iproute2",
  openssl: "openssl",
};

/** Paths of this set of pins; `complete` says whether they are there. */
export function kubernetesCache() {
  const hash = createHash("sha256").update(imagesVersion);
  for (const pin of pins) hash.update(readFileSync(join(here, pin)));
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const directory = join(cache, "sealflow", "kubernetes", hash.digest("hex").slice(0, 16));
  return {
    directory,
    binaries: join(directory, "bin"),
    images: ["pause", "python"].map((name) => join(directory, "images", `${name}.tar`)),
    complete: existsSync(join(directory, ".complete")),
  };
}
