/** What commands may touch of the outside world. Tests hand in a fake; `bin.ts` hands in the process. */
import type { Clock } from "@sealflow/core";
import type { StricliProcess } from "@stricli/core";

/** A stream for people or programs. */
export interface Output {
  write(text: string): void;
  readonly isTTY?: boolean | undefined;
  /** Width in characters, when it is a terminal. */
  readonly columns?: number | undefined;
  /** Height in lines, when it is a terminal. */
  readonly rows?: number | undefined;
  readonly getColorDepth?: (env?: Readonly<Partial<Record<string, string>>>) => number;
}

/** Environment variables. */
export type Environment = Readonly<Partial<Record<string, string>>>;

/** Streams, environment and exit code, in the shape that the argument parser expects too. */
export interface CliProcess extends StricliProcess {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Environment;
  exitCode?: number | null;
}

/** Everything that a command gets. */
export interface CliContext {
  readonly process: CliProcess;
  /** Absolute working directory; relative paths of arguments start here. */
  readonly cwd: string;
  readonly clock: Clock;
  /** Calls the listener at each Ctrl-C (or SIGTERM) instead of ending the process; returns what undoes it. */
  onInterrupt(listener: () => void): () => void;
  /** Calls the listener when the process is told to read its files again (SIGHUP); returns what undoes it. */
  readonly onReload?: (listener: () => void) => () => void;
  /** Asks somebody at the terminal for something that is not shown; undefined where there is no terminal. */
  readonly readSecret?: (prompt: string) => Promise<string | undefined>;
  /** Asks a question and gives the line that is answered; left out where nobody can answer. */
  readonly ask?: (question: string) => Promise<string>;
  /** Ends the process at once. */
  exit(code: number): never;
  /** Package export conditions under which pipelines' imports resolve, besides `node` and `import`. */
  readonly conditions: readonly string[];
}

/** True when text for this stream may carry colour: a terminal, and neither NO_COLOR nor TERM=dumb. */
export function wantsColour(output: Output, env: Environment): boolean {
  if (env.NO_COLOR || env.TERM === "dumb") return false;
  return output.isTTY === true && (output.getColorDepth?.(env) ?? 4) >= 4;
}
