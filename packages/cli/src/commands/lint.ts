/** `sealflow lint`. */
import { lintPipeline, pathText } from "@sealflow/pipeline";
import { type CliContext, wantsColour } from "../context.js";
import { exitCode } from "../exit-code.js";
import { loadPipeline } from "../load/pipeline-file.js";
import { styleFor } from "../render/style.js";
import { visible } from "../render/text.js";
import type { LintFlags } from "../routes/lint.js";

/** Prints findings, errors first; 1 when there are errors. */
export async function lint(context: CliContext, flags: LintFlags, file: string): Promise<number> {
  const { stdout, env } = context.process;
  const { document } = await loadPipeline(context, file, flags);
  const found = lintPipeline(document, flags.target).sort((a, b) => a.severity.localeCompare(b.severity));
  const findings = found.map(({ path, ...finding }) => ({ ...finding, path: pathText(path) }));
  const errors = findings.filter(({ severity }) => severity === "error").length;
  if (flags.json) {
    stdout.write(`${JSON.stringify({ ok: errors === 0, target: flags.target, findings })}\n`);
  } else {
    const style = styleFor(wantsColour(stdout, env));
    for (const { severity, code, message, hint, path } of findings) {
      const head = severity === "error" ? style.red(`error[${code}]`) : style.yellow(`warning[${code}]`);
      stdout.write(`${head}: ${visible(message)}\n${style.dim("where:")} ${visible(path)}\n`);
      if (hint !== undefined) stdout.write(`${style.cyan("hint:")} ${visible(hint)}\n`);
    }
    stdout.write(`${errors} errors, ${findings.length - errors} warnings for ${flags.target}\n`);
  }
  return errors === 0 ? exitCode.ok : exitCode.failed;
}
