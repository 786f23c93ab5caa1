/** Files that stand for objects of a cluster, from the command line. */
import { resolve } from "node:path";
import { SealflowError } from "@sealflow/core";
import type { RunOptions } from "@sealflow/engine";
import type { CliContext } from "../context.js";

interface ObjectFlags {
  readonly secret?: readonly string[];
  readonly configMap?: readonly string[];
  readonly volume?: readonly string[];
}

/**
 * Secrets, config maps and volumes by name, with absolute paths.
 *
 * @throws SealflowError `CLI_OBJECT_SYNTAX`
 */
export function clusterObjects(
  context: CliContext,
  { secret = [], configMap = [], volume = [] }: ObjectFlags,
): Pick<RunOptions, "secrets" | "configMaps" | "volumes"> {
  return {
    secrets: named(context, "--secret", secret),
    configMaps: named(context, "--config-map", configMap),
    volumes: named(context, "--volume", volume),
  };
}

function named({ cwd }: CliContext, flag: string, texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      if (at > 0 && at < text.length - 1) return [text.slice(0, at), resolve(cwd, text.slice(at + 1))];
      throw new SealflowError({
        code: "CLI_OBJECT_SYNTAX",
        message: `${flag}: expected NAME=PATH, got "${text}"`,
      });
    }),
  );
}
