/** Writing where the user said. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { SealflowError } from "@sealflow/core";
import type { CliContext } from "../context.js";

/** @throws SealflowError `CLI_FILE_UNWRITABLE` */
export function writeUserFile(context: CliContext, name: string, text: string): void {
  try {
    writeFileSync(resolve(context.cwd, name), text);
  } catch (cause) {
    throw new SealflowError({
      code: "CLI_FILE_UNWRITABLE",
      message: `${name}: expected a file that can be written, got ${cause instanceof Error ? cause.message : cause}`,
      where: { file: name },
      cause,
    });
  }
}
