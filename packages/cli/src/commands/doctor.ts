/** `sealflow doctor`. */
import { type CliContext, wantsColour } from "../context.js";
import { type Check, examine } from "../doctor/checks.js";
import { machineProbe } from "../doctor/probe.js";
import { exitCode } from "../exit-code.js";
import { styleFor } from "../render/style.js";
import type { DoctorFlags } from "../routes/doctor.js";

/** Checks this machine, or the one behind the given probe. */
export async function doctor(context: CliContext, flags: DoctorFlags): Promise<number> {
  return reportChecks(context, flags, await examine(machineProbe(context), flags));
}

/** Prints the checks; 1 when something required is missing. */
export function reportChecks(context: CliContext, flags: DoctorFlags, checks: readonly Check[]): number {
  const { stdout, env } = context.process;
  const ok = checks.every((check) => check.state !== "missing");
  if (flags.json) {
    stdout.write(`${JSON.stringify({ ok, checks })}\n`);
  } else {
    const style = styleFor(wantsColour(stdout, env));
    const mark = {
      ok: style.green("ok     "),
      advice: style.yellow("advice "),
      missing: style.red("missing"),
    };
    for (const check of checks) {
      stdout.write(`${mark[check.state]}  ${check.name.padEnd(10)} ${check.found}\n`);
      if (check.mend !== undefined) stdout.write(`         ${style.cyan("hint:")} ${check.mend}\n`);
    }
  }
  return ok ? exitCode.ok : exitCode.failed;
}
