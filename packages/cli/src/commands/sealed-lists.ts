/** What a sealed run may let out in the clear: what the pipeline's project lists, and what the command line adds. */
import { dirname, join, relative, resolve } from "node:path";
import type { SealedSettings } from "@sealflow/engine";
import type { CliContext } from "../context.js";
import { configFile, configurationAbove } from "../project/project.js";

/** Flags that add to the lists. */
export interface ListFlags {
  readonly release?: readonly string[];
  readonly declassify?: readonly string[];
}

/**
 * The lists for a pipeline's file: of the nearest configuration beside or above the file, wherever the command is called, and
 * what the flags add. Which configuration counted is said on standard error, with what it lets out.
 *
 * @throws SealflowError `CLI_CONFIG_INVALID`
 */
export async function sealedLists(
  context: CliContext,
  flags: ListFlags,
  pipelineFile: string,
): Promise<SealedSettings> {
  const found = await configurationAbove(dirname(resolve(context.cwd, pipelineFile)));
  const lists = {
    release: unionOf(found?.config.release, flags.release),
    declassify: unionOf(found?.config.declassify, flags.declassify),
  };
  const from =
    found === undefined ? undefined : relative(context.cwd, join(found.directory, configFile)) || configFile;
  context.process.stderr.write(`${sayLists(lists, from)}\n`);
  return lists;
}

/** One line for a person: what leaves, and who says so. */
function sayLists({ release, declassify }: SealedSettings, from: string | undefined): string {
  const source = from === undefined ? `no ${configFile} above the pipeline's file` : `lists of ${from}`;
  const names = [...release, ...declassify.map((name) => `${name} (to whoever orders the tasks)`)];
  const what = names.length === 0 ? "nothing but states and timings" : names.join(", ");
  return `leaves in the clear: ${what} [${source}]`;
}

/** Both, each entry once. */
function unionOf(configured: readonly string[] | undefined, given: readonly string[] | undefined): string[] {
  return [...new Set([...(configured ?? []), ...(given ?? [])])];
}
