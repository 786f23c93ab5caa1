/** Commands are loaded when they are used, and what they throw is rendered in one place. */
import type { CliContext } from "../context.js";

/** A command: flags and arguments to an exit code; nothing means 0. */
export type CommandBody<Flags, Args extends readonly unknown[]> = (
  context: CliContext,
  flags: Flags,
  ...args: Args
) => Promise<number | undefined> | Promise<void>;

type Loaded<Flags, Args extends readonly unknown[]> = (
  this: CliContext,
  flags: Flags,
  ...args: Args
) => Promise<void>;

/** A loader for the argument parser: imports the command, runs it, turns its errors into output and exit code. */
export function lazy<Flags extends object, Args extends readonly unknown[]>(
  load: () => Promise<CommandBody<Flags, Args>>,
): () => Promise<Loaded<Flags, Args>> {
  return async () => {
    const command = await load();
    return async function (flags, ...args) {
      try {
        const code = await command(this, flags, ...args);
        this.process.exitCode = code ?? 0;
      } catch (error) {
        const { reportError } = await import("../render/error.js");
        this.process.exitCode = reportError(this, error, "json" in flags && flags.json === true);
      }
    };
  };
}
