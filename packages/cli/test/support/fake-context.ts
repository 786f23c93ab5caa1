import { runCli } from "../../src/app.js";
import type { CliContext, Environment } from "../../src/context.js";

/** What a command line did, as people and programs see it. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface FakeOptions {
  readonly cwd?: string;
  readonly env?: Environment;
  readonly tty?: boolean;
  readonly now?: () => number;
  readonly onContext?: (context: CliContext & { interrupt(): void; reload(): void }) => void;
}

/** Captures what is written; interrupts come from the test. */
export function fakeContext(options: FakeOptions = {}) {
  const written = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  const reloaders = new Set<() => void>();
  const output = (name: "stdout" | "stderr") => ({
    write: (text: string) => {
      written[name] += text;
    },
    isTTY: options.tty ?? false,
    columns: 80,
    rows: 24,
    getColorDepth: () => (options.tty ? 8 : 1),
  });
  const context = {
    process: { stdout: output("stdout"), stderr: output("stderr"), env: options.env ?? {} },
    cwd: options.cwd ?? "/nowhere",
    clock: { now: options.now ?? (() => 0) },
    onInterrupt: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onReload: (listener: () => void) => {
      reloaders.add(listener);
      return () => reloaders.delete(listener);
    },
    reload: () => {
      for (const reloader of reloaders) reloader();
    },
    exit: (code: number): never => {
      throw new Error(`exit ${code}`);
    },
    conditions: ["@sealflow/source"],
    interrupt: () => {
      for (const listener of listeners) listener();
    },
  };
  return { context, written };
}

/** Runs one command line in this process. */
export async function cli(args: readonly string[], options: FakeOptions = {}): Promise<Outcome> {
  const { context, written } = fakeContext(options);
  options.onContext?.(context);
  const exitCode = await runCli(args, context);
  return { ...written, exitCode };
}
