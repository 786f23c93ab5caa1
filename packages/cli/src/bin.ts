/** The process: hands its streams, signals and environment to the application and leaves with its exit code. */
import { setFlagsFromString } from "node:v8";
import { runCli } from "./app.js";
import type { CliContext, CliProcess } from "./context.js";
import { readSecret } from "./read-secret.js";

// These commands wait for ciphers and disks, which are native code: compiling their few loops for speed would gain nothing, and
// take 8 MiB of the 64 that they are to do with.
if (process.argv[2] === "seal" || process.argv[2] === "open") setFlagsFromString("--no-opt");

const signals = ["SIGINT", "SIGTERM"] as const;

function onInterrupt(listener: () => void): () => void {
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}

function onReload(listener: () => void): () => void {
  process.on("SIGHUP", listener);
  return () => void process.off("SIGHUP", listener);
}

/** A reader that went away (`sealflow runs list | head -1`) is no failure. */
function endQuietlyOnClosedPipe(stream: NodeJS.WriteStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit();
    throw error;
  });
}

async function ask(question: string): Promise<string> {
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}

endQuietlyOnClosedPipe(process.stdout);
endQuietlyOnClosedPipe(process.stderr);

const own: CliProcess = { stdout: process.stdout, stderr: process.stderr, env: process.env };
const context: CliContext = {
  process: own,
  cwd: process.cwd(),
  clock: Date,
  onInterrupt,
  onReload,
  readSecret,
  ...(process.stdin.isTTY ? { ask } : {}),
  exit: (code) => process.exit(code),
  conditions: [],
};
const code = await runCli(process.argv.slice(2), context);
process.exitCode = code;
// A pipeline file may leave timers or sockets behind; output is flushed first.
process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
