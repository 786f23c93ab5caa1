/** What the figures were measured on: only what matters to speed, and nothing that names a place. */

import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem, type } from "node:os";
import { findPython } from "../../tools/install.mjs";
import { output } from "../../tools/run.mjs";

/** The machine, the operating system and the interpreters. */
export function machine() {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(memoryBytes() / 2 ** 30),
    system: `${type()} ${release().split("-")[0]}`,
    node: process.versions.node,
    python: output(findPython(), ["-c", "import platform; print(platform.python_version())"]) ?? "unknown",
  };
}

/** Load average of the last minute: work of others on the machine, which makes figures worthless. */
export function load() {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}

function memoryBytes() {
  try {
    const limit = Number(readFileSync("/sys/fs/cgroup/memory.max", "utf8"));
    return Number.isFinite(limit) ? Math.min(limit, totalmem()) : totalmem();
  } catch {
    return totalmem();
  }
}
