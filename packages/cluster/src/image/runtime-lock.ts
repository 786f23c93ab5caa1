/** Packages that the runtime itself needs in the image, pinned by hash for Python 3.11 to 3.14 on Linux x86-64. */
import { SealflowError } from "@sealflow/core";
import { parseLock, type RequirementsLock } from "./environment.js";

const lines = [
  "cryptography==50.0.2 --hash=sha256:4061c0079120205fb760c58acab6443e217307dcf05e3702cf970e0689972856",
  [
    "cffi==2.1.1",
    "--hash=sha256:34e261f78cb6ceaaa36f42f2613f4380d94d9c759a9c73c769ee6e0247364632",
    "--hash=sha256:c1453022f490d2459a11819d83ad1d586e9ff65a12ac3e705ffebd46d3685dcf",
    "--hash=sha256:a931079504ecc49efed7744c476a5c343a92fabf66dec2db95edb1b2fdc770e2",
    "--hash=sha256:b0431303acaea1089ad4b3e9ce4e6518193def1118d4073ca848635ee4ea2e96",
  ].join(" "),
  "pycparser==3.12 --hash=sha256:a076f3f489b39b43ed13563a1dafe42447445bec2e294154ec5c57fcdda4c85e",
];

/**
 * The lock with the runtime's packages. A lock that has them keeps its own, as long as `cryptography` is of the same
 * version.
 *
 * @throws SealflowError `CLUSTER_ENVIRONMENT_CONFLICT`
 */
export function withRuntimePackages(lock: RequirementsLock): RequirementsLock {
  const own = new Map(lock.packages.map(({ name, version }) => [name, version]));
  const wanted = parseLock(lines.join("\n"), "runtime").packages;
  const conflict = wanted.find(
    ({ name, version }) => name === "cryptography" && (own.get(name) ?? version) !== version,
  );
  if (conflict !== undefined) {
    throw new SealflowError({
      code: "CLUSTER_ENVIRONMENT_CONFLICT",
      message: `environment: expected cryptography ${conflict.version}, which sealing is tested with, got ${own.get("cryptography")}`,
      hint: `pin cryptography==${conflict.version} in the lock, or leave it out`,
    });
  }
  const missing = wanted.flatMap(({ name }, index) => (own.has(name) ? [] : [lines[index] ?? ""]));
  if (missing.length === 0) return lock;
  return parseLock(
    [lock.text.trimEnd(), ...missing, ""].filter((line, i) => line !== "" || i > 0).join("\n"),
    "lock",
  );
}
