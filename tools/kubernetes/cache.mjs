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

/** What the enforcer of network policies depends on: apart, so that the rest need not be built again for it. */
const enforcerPins = ["policies/go.mod", "policies/go.sum", "policies/main.go"];

/** Raised when the images are made in another way. */
const imagesVersion = "1";

/** Commands of Debian packages that the cluster starts, and podman for tasks without one. */
export const commands = {
  containerd: "containerd",
  runc: "runc",
  podman: "podman",
  iptables: "iptables",
  ipset: "ipset",
  etcd: "etcd-server",
  debootstrap: "debootstrap",
  "docker-registry": "docker-registry",
  ip: "iproute2",
  openssl: "openssl",
};

/** Paths of this set of pins; `complete` says whether they are there. */
export function kubernetesCache() {
  const root = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "sealflow", "kubernetes");
  const directory = join(root, digestOf(pins, imagesVersion));
  const enforcer = join(root, `policies-${digestOf(enforcerPins)}`, "policies");
  const made = existsSync(join(directory, ".complete"));
  return {
    directory,
    binaries: join(directory, "bin"),
    images: ["pause", "python"].map((name) => join(directory, "images", `${name}.tar`)),
    enforcer,
    /** All but the enforcer. */
    made,
    complete: made && existsSync(enforcer),
  };
}

function digestOf(files, more = "") {
  const hash = createHash("sha256").update(more);
  for (const file of files) hash.update(readFileSync(join(here, file)));
  return hash.digest("hex").slice(0, 16);
}
