/** `sealflow component run`. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CliContext } from "../context.js";
import { runPython } from "../load/python.js";
import type { ComponentRunFlags } from "../routes/component.js";

/** Runs a component as `python -m sealflow.component` does, whose exit codes are ours: 1 failed, 2 wrong inputs. */
export async function runComponent(
  context: CliContext,
  flags: ComponentRunFlags,
  component: string,
): Promise<number> {
  const { stdout, stderr, env } = context.process;
  const output = flags.outputDirectory ?? mkdtempSync(join(tmpdir(), "sealflow-component-"));
  const args = [
    ...(flags.input ?? []).flatMap((assignment) => ["--input", assignment]),
    ...(flags.artifact ?? []).flatMap((assignment) => ["--artifact", assignment]),
    ...(flags.json ? ["--json"] : []),
  ];
  const answer = await runPython({
    module: "sealflow.component",
    args: ["run", component, "--output-directory", output, ...args],
    env: flags.python === undefined ? env : { ...env, SEALFLOW_PYTHON: flags.python },
    cwd: context.cwd,
  });
  stderr.write(answer.stderr);
  stdout.write(answer.stdout);
  return answer.code;
}
