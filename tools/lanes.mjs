/**
 * The test lanes. A lane is a set of tests with the same prerequisites: `missing` names what this machine lacks,
 * `setup` installs it from the registries.
 */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { findPython } from "./install.mjs";
import { commands, kubernetesCache } from "./kubernetes/cache.mjs";
import { installKubernetes } from "./kubernetes/install.mjs";
import { must, output } from "./run.mjs";

/** The release of Node.js that the tests run on besides the oldest that is supported. */
const newerNode = "24.21.0";

/** Where that release's binary lies once the lane is set up; npm carries it in a package per platform. */
function newerNodePath() {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const platform = `node-${process.platform}-${process.arch}`;
  return join(cache, "sealflow", "node", newerNode, "node_modules", platform, "bin", "node");
}

/** Installs the release of Node.js beside its final place and moves it there, so that a cut-off download leaves none. */
function installNewerNode() {
  const node = newerNodePath();
  if (existsSync(node)) return;
  const platform = `node-${process.platform}-${process.arch}`;
  const place = join(dirname(node), "..", "..", "..");
  const building = `${place}.${process.pid}`;
  mkdirSync(building, { recursive: true });
  const quiet = ["--no-save", "--no-audit", "--no-fund", "--silent"];
  must("npm", ["install", ...quiet, "--prefix", building, `${platform}@${newerNode}`]);
  rmSync(place, { recursive: true, force: true });
  renameSync(building, place);
}

/** What a machine lacks for clusters of its own: a root user of Linux, Debian's packages, and what is built from Go. */
function missingForKubernetes() {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "root on Linux";
  const absent = Object.keys(commands).filter((command) => !output("which", [command]));
  if (absent.length > 0) return absent.join(", ");
  return kubernetesCache().complete ? undefined : "Kubernetes' programs, built from their modules";
}

/** Debian's Chromium, or the one named in SEALFLOW_CHROMIUM. */
export function chromium() {
  const candidates = [process.env.SEALFLOW_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"];
  return candidates.find((path) => path && existsSync(path));
}

export const lanes = [
  {
    name: "base",
    missing: () => (findPython() ? undefined : "Python 3.11 or newer"),
    setup: () => {},
    vitestProject: "base",
    python: true,
  },
  {
    name: "browser",
    missing: () => (chromium() ? undefined : "chromium"),
    setup: () => {
      if (chromium()) return;
      must("apt-get", ["update", "-qq"]);
      must("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium"]);
    },
    vitestProject: "browser",
    python: false,
  },
  {
    name: "kubernetes",
    missing: missingForKubernetes,
    setup: installKubernetes,
    vitestProject: "kubernetes",
    python: false,
  },
  {
    name: "node24",
    missing: () => (existsSync(newerNodePath()) ? undefined : `Node.js ${newerNode}`),
    setup: installNewerNode,
    vitestProject: "node24",
    python: false,
    node: newerNodePath,
  },
];

/** The lane of that name; ends the process with exit code 2 when there is none. */
export function laneNamed(name) {
  const lane = lanes.find((candidate) => candidate.name === name);
  if (lane) return lane;
  console.error(`unknown lane ${name}: expected one of ${lanes.map((each) => each.name).join(", ")}`);
  return process.exit(2);
}
