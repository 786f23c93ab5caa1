import { statfsSync } from "node:fs";
import { SealflowError } from "@sealflow/core";

const meanings: Readonly<Record<string, { code: string; what: string; hint: string }>> = {
  ENOSPC: {
    code: "ENGINE_STORE_FULL",
    what: "no space left on the disk",
    hint: "Free some space (`sealflow runs gc` removes old runs), then `sealflow resume` the run.",
  },
  EDQUOT: {
    code: "ENGINE_STORE_FULL",
    what: "the disk quota is used up",
    hint: "Free some space (`sealflow runs gc` removes old runs), then `sealflow resume` the run.",
  },
  EROFS: {
    code: "ENGINE_STORE_UNWRITABLE",
    what: "the file system is read-only",
    hint: "Choose another directory with --store or SEALFLOW_STORE.",
  },
  EACCES: {
    code: "ENGINE_STORE_UNWRITABLE",
    what: "permission denied",
    hint: "Mend the permissions, or choose another directory with --store or SEALFLOW_STORE.",
  },
  EPERM: {
    code: "ENGINE_STORE_UNWRITABLE",
    what: "operation not permitted",
    hint: "Mend the permissions, or choose another directory with --store or SEALFLOW_STORE.",
  },
  ENOTDIR: {
    code: "ENGINE_STORE_UNWRITABLE",
    what: "a part of the path is a file, not a directory",
    hint: "Remove the file, or choose another directory with --store or SEALFLOW_STORE.",
  },
  EEXIST: {
    code: "ENGINE_STORE_UNWRITABLE",
    what: "a file is where a directory is needed",
    hint: "Remove the file, or choose another directory with --store or SEALFLOW_STORE.",
  },
  EMFILE: {
    code: "ENGINE_STORE_UNWRITABLE",
    what: "too many open files",
    hint: "Raise the limit (`ulimit -n`) or lower --concurrency.",
  },
  EIO: {
    code: "ENGINE_STORE_UNWRITABLE",
    what: "the disk reports an input/output error",
    hint: "Check the disk, then choose another directory with --store or SEALFLOW_STORE.",
  },
};

/** The system's error code (`ENOENT`, `ENOSPC` …) of a thrown value, or undefined. */
export function systemCode(cause: unknown): string | undefined {
  if (typeof cause !== "object" || cause === null || !("code" in cause)) return undefined;
  return typeof cause.code === "string" ? cause.code : undefined;
}

/** True when nothing is at the path that was read. That a file stands in the way matters only to who writes. */
export function isAbsent(cause: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes(systemCode(cause) ?? "");
}

/** What a failed write to the store means: full, read-only, forbidden. Other errors come back as they are. */
export function toStoreError(cause: unknown, path: string): unknown {
  const meaning = meanings[systemCode(cause) ?? ""];
  if (meaning === undefined) return cause;
  return new SealflowError({
    code: meaning.code,
    message: `store: cannot write ${path}: ${meaning.what}`,
    where: { file: path },
    hint: meaning.hint,
    cause,
  });
}

/** Less free space than this and a small write may already fail. */
const FULL_BYTES = 64 * 1024;

/** The error of a full disk when the disk behind a path is full, or as good as; undefined otherwise. */
export function fullDisk(path: string): SealflowError | undefined {
  const { bavail, bsize } = statfsSync(path);
  if (bavail * bsize >= FULL_BYTES) return undefined;
  const error = toStoreError(Object.assign(new Error("no space left"), { code: "ENOSPC" }), path);
  return error instanceof SealflowError ? error : undefined;
}

/** Runs a write to the store; its system errors become `ENGINE_STORE_FULL` or `ENGINE_STORE_UNWRITABLE`. */
export function writing<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw toStoreError(cause, path);
  }
}

/** As `writing`, for actions that take time. */
export async function writingAsync<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw toStoreError(cause, path);
  }
}
