/** Importing a user's TypeScript file. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type ErrorLocation, isSealflowError, SealflowError } from "@sealflow/core";
import { bundleModule, pathOf } from "./bundle.js";

/** How modules are loaded. */
export interface ImportOptions {
  readonly cwd: string;
  readonly conditions: readonly string[];
}

/**
 * Imports a TypeScript (or JavaScript) file with all it imports, and returns its exports. Runs the file's code.
 * Stack traces made by it name its own files and lines.
 *
 * @throws SealflowError `CLI_TYPESCRIPT_INVALID`; `CLI_MODULE_FAILED` when its code throws. A `SealflowError` thrown by
 * its code comes through as it is.
 */
export async function importModule(
  file: string,
  options: ImportOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const directory = await mkdtemp(join(tmpdir(), "sealflow-module-"));
  const outfile = join(directory, "module.mjs");
  try {
    await writeFile(outfile, await bundleModule(file, { ...options, outfile }));
    process.setSourceMapsEnabled(true);
    return await import(/* @vite-ignore */ pathToFileURL(outfile).href);
  } catch (error) {
    if (isSealflowError(error)) throw error;
    throw new SealflowError({
      code: "CLI_MODULE_FAILED",
      message: `the module threw while it was loaded: ${error instanceof Error ? error.message : String(error)}`,
      where: locationOf(error, directory) ?? { file },
      cause: error,
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The first frame of a stack that is a file of the user. */
function locationOf(error: unknown, bundleDirectory: string): ErrorLocation | undefined {
  if (!(error instanceof Error)) return undefined;
  for (const frame of error.stack?.split("\n") ?? []) {
    const match = /\(?((?:file:\/\/|\/)[^()]*?):(\d+):(\d+)\)?$/.exec(frame.trim());
    if (match?.[1] === undefined || /node_modules|^node:/.test(match[1])) continue;
    const file = pathOf(match[1]);
    if (!file.startsWith(bundleDirectory)) return { file, line: Number(match[2]), column: Number(match[3]) };
  }
  return undefined;
}
