/**
 * The test lanes. A lane is a set of tests with the same prerequisites: `missing` names what this machine lacks,
 * `setup` installs it from the registries.
 */
import { existsSync } from "node:fs";
import { findPython } from "./install.mjs";
import { must } from "./run.mjs";

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
];

/** The lane of that name; ends the process with exit code 2 when there is none. */
export function laneNamed(name) {
  const lane = lanes.find((candidate) => candidate.name === name);
  if (lane) return lane;
  console.error(`unknown lane ${name}: expected one of ${lanes.map((each) => each.name).join(", ")}`);
  return process.exit(2);
}
