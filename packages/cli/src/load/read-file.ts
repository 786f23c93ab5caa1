/** Reading what the user named. */
import { readFile } from "node:fs/promises";
import { SealflowError } from "@sealflow/core";

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EISDIR: "a directory",
  EACCES: "a file without read permission",
};

/** The system's code of an error, for example `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/**
 * Text of a file that the user named.
 *
 * @param shown The path as the user wrote it, for messages.
 * @throws SealflowError `CLI_FILE_NOT_FOUND`, `CLI_FILE_UNREADABLE`
 */
export async function readUserFile(path: string, shown: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const system = systemCode(cause) ?? "";
    const missing = system === "ENOENT" || system === "ENOTDIR";
    throw new SealflowError({
      code: missing ? "CLI_FILE_NOT_FOUND" : "CLI_FILE_UNREADABLE",
      message: `${shown}: expected a readable file, got ${reasons[system] ?? (system || String(cause))}`,
      where: { file: shown },
      cause,
    });
  }
}
