/** Whether tasks of this machine can have directories mounted, and what they get where they can't. */
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { RunInProgress } from "../run/run-context.js";
import { writing } from "../store/disk-errors.js";
import type { ProcessSetting } from "../workers/protocol.js";
import type { Mount } from "./surroundings.js";

/** `unshare` of a mount namespace, alone or inside a user namespace. Source: include/uapi/linux/sched.h. */
const probe =
  "import ctypes as c; u = c.CDLL(None).unshare; raise SystemExit(u(0x20000) and u(0x10020000) and 1)";

const answers = new Map<string, Promise<boolean>>();

/** Asked once per interpreter, and only when a task wants a mount. */
function allowed(python: string): Promise<boolean> {
  const answer =
    answers.get(python) ??
    new Promise((resolve) => {
      const args = ["-E", "-S", "-c", probe];
      if (process.platform !== "linux") resolve(false);
      else execFile(python, args, { timeout: 20_000 }, (error) => resolve(error === null));
    });
  answers.set(python, answer);
  return answer;
}

/** How a process of this machine gets its mounts. */
export interface ProcessMounts {
  /** Fields of the worker's request. */
  readonly setting: Pick<ProcessSetting, "mounts" | "mountRoot">;
  readonly env: Readonly<Record<string, string>>;
}

/** Name of the variable that leads to a mount where the machine allows none: `SEALFLOW_MOUNT_DATA_IN` for `/data/in`. */
export function mountVariable(path: string): string {
  const name = path.replace(/[^A-Za-z0-9]+/g, "_").replace(/^_|_$/g, "");
  return `SEALFLOW_MOUNT_${name.toUpperCase()}`;
}

/** Mounts for a worker's process, or variables and a notice where the machine refuses mounts. */
export async function processMounts(
  run: RunInProgress,
  python: string,
  mounts: readonly Mount[],
): Promise<ProcessMounts> {
  if (mounts.length === 0) return { setting: {}, env: {} };
  if (await allowed(python)) {
    const mountRoot = join(run.layout.work, "root");
    writing(mountRoot, () => mkdirSync(mountRoot, { recursive: true }));
    return { setting: { mounts, mountRoot }, env: {} };
  }
  for (const { path } of mounts) {
    run.notice(
      "ENGINE_MOUNT_UNAVAILABLE",
      `This machine allows no mounts: tasks find what belongs at ${path} where the variable ${mountVariable(path)} says.`,
    );
  }
  const env = Object.fromEntries(mounts.map(({ path, source }) => [mountVariable(path), source]));
  return { setting: {}, env };
}
