/** The broker's program in its image: `broker serve` and nothing else of the command line. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildApplication, run } from "@stricli/core";
import type { CliContext } from "./context.js";
import { serveCommand } from "./routes/broker-serve.js";

/** Mounted secrets are readable by the pod's group; keys are taken by their owner alone: from a copy in memory. */
function takeKeys({ SEALFLOW_KEYS, SEALFLOW_MOUNTED_KEYS }: CliContext["process"]["env"]): void {
  if (SEALFLOW_KEYS === undefined || SEALFLOW_MOUNTED_KEYS === undefined) return;
  mkdirSync(SEALFLOW_KEYS, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(SEALFLOW_MOUNTED_KEYS).filter((each) => each.endsWith(".json"))) {
    const key = readFileSync(join(SEALFLOW_MOUNTED_KEYS, name));
    rmSync(join(SEALFLOW_KEYS, name), { force: true });
    writeFileSync(join(SEALFLOW_KEYS, name), key, { mode: 0o600 });
  }
}

const app = buildApplication(serveCommand, {
  name: "sealflow-broker",
  scanner: { caseStyle: "allow-kebab-for-camel" },
  documentation: { caseStyle: "convert-camel-to-kebab" },
});

const signals = ["SIGINT", "SIGTERM"] as const;
const context: CliContext = {
  process: { stdout: process.stdout, stderr: process.stderr, env: process.env },
  cwd: process.cwd(),
  clock: Date,
  onInterrupt: (listener) => {
    for (const signal of signals) process.on(signal, listener);
    return () => {
      for (const signal of signals) process.off(signal, listener);
    };
  },
  exit: (code) => process.exit(code),
  conditions: [],
};
takeKeys(process.env);
await run(app, process.argv.slice(2), context);
process.exit(context.process.exitCode ?? 0);
