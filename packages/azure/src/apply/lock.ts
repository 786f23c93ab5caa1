/** One writer at a time per deployment and directory. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { SealflowError } from "@sealflow/core";

/**
 * Takes the lock; a lock whose process has ended is taken over.
 *
 * @returns What gives it back.
 * @throws SealflowError `AZURE_LOCKED`
 */
export function takeLock(file: string): () => void {
  mkdirSync(dirname(file), { recursive: true });
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx", mode: 0o600 });
      return () => rmSync(file, { force: true });
    } catch (cause) {
      const holder = holderOf(file);
      if (holder !== undefined && isAlive(holder)) throw locked(file, holder, cause);
      rmSync(file, { force: true });
    }
  }
  throw locked(file, holderOf(file), undefined);
}

function holderOf(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function locked(file: string, holder: number | undefined, cause: unknown): SealflowError {
  return new SealflowError({
    code: "AZURE_LOCKED",
    message: `another command changes this deployment (process ${holder ?? "unknown"})`,
    where: { file },
    hint: "wait for it; if no such command runs, delete the file",
    cause,
  });
}
