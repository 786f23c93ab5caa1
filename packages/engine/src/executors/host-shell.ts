/** Which shell of this machine stands for the `sh` of an image. */
import { realpathSync } from "node:fs";
import { basename, delimiter, join } from "node:path";

function findOnPath(name: string, path: string): string | undefined {
  for (const directory of path.split(delimiter)) {
    try {
      if (directory !== "") return realpathSync(join(directory, name));
    } catch {
      // Not in this directory.
    }
  }
  return undefined;
}

/**
 * A command with its shell. The `sh` of the images that pipelines use is bash or BusyBox, which know `[[` and `pipefail`;
 * where this machine's is dash, which does not, bash takes its place.
 */
export function withHostShell(command: readonly string[], path: string): readonly string[] {
  const [shell = "", ...rest] = command;
  if (shell !== "sh" && shell !== "/bin/sh") return command;
  const here = findOnPath("sh", shell === "sh" ? path : "/bin");
  const bash = here !== undefined && basename(here) === "dash" ? findOnPath("bash", path) : undefined;
  return bash === undefined ? command : [bash, "--posix", ...rest];
}
