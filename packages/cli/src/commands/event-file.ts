/** The file of `--events`. */
import { closeSync, openSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { SealflowError } from "@sealflow/core";
import type { RunEvent } from "@sealflow/engine";
import type { CliContext } from "../context.js";

/** Takes events, one JSON line each. */
export interface EventFile {
  append(event: RunEvent): void;
  close(): void;
}

/** @throws SealflowError `CLI_FILE_UNWRITABLE` */
export function openEventFile(context: CliContext, name: string): EventFile {
  let descriptor: number;
  try {
    descriptor = openSync(resolve(context.cwd, name), "a");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SealflowError({
      code: "CLI_FILE_UNWRITABLE",
      message: `${name}: expected a file that can be written, got ${reason}`,
      where: { file: name },
      cause,
    });
  }
  return {
    append: (event) => void writeSync(descriptor, `${JSON.stringify(event)}\n`),
    close: () => closeSync(descriptor),
  };
}
