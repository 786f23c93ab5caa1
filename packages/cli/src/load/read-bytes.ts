/** Reading binary files that the user named. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { SealflowError } from "@sealflow/core";
import type { CliContext } from "../context.js";
import { systemCode } from "./read-file.js";

/**
 * Content of a file.
 *
 * @throws SealflowError `CLI_FILE_NOT_FOUND`, `CLI_FILE_UNREADABLE`
 */
export async function readUserBytes(context: CliContext, file: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return Uint8Array.from(await readFile(resolve(context.cwd, file)));
  } catch (cause) {
    const code = systemCode(cause);
    const missing = code === "ENOENT" || code === "ENOTDIR";
    throw new SealflowError({
      code: missing ? "CLI_FILE_NOT_FOUND" : "CLI_FILE_UNREADABLE",
      message: `${file}: expected a readable file, got ${missing ? "no such file" : (code ?? String(cause))}`,
      where: { file },
      cause,
    });
  }
}
