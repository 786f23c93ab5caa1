/** How the doctor looks at a machine. */
import { execFile } from "node:child_process";
import { statfs } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname } from "node:path";
import type { CliContext } from "../context.js";

/** Answers about a machine; tests hand in their own. */
export interface Probe {
  readonly nodeVersion: string;
  readonly env: CliContext["process"]["env"];
  readonly cwd: string;
  readonly home: string;
  /** Standard output of a command, trimmed; undefined when it can't be started, fails or takes over 20 s. */
  output(command: string, args: readonly string[]): Promise<string | undefined>;
  /** Bytes free for this user on the file system of a path, or of its nearest existing parent. */
  freeBytes(path: string): Promise<number>;
}

async function freeBytes(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch (error) {
    if (dirname(path) === path) throw error;
    return freeBytes(dirname(path));
  }
}

/** The machine that this process runs on. */
export function machineProbe(context: CliContext): Probe {
  return {
    nodeVersion: process.versions.node,
    env: context.process.env,
    cwd: context.cwd,
    home: homedir(),
    output: (command, args) =>
      new Promise((resolve) => {
        execFile(command, args, { timeout: 20_000, encoding: "utf8" }, (error, stdout) => {
          resolve(error === null ? stdout.trim() : undefined);
        });
      }),
    freeBytes,
  };
}
