/** What the overlay protects, for people. */
import type { OverlayReport, TaskProtection } from "@sealflow/cluster";
import { type CliContext, wantsColour } from "../context.js";
import { styleFor } from "../render/style.js";
import { visible } from "../render/text.js";

/** Prints a line per task, what its protection lacks, and what the control plane sees. */
export function printReport(
  context: CliContext,
  report: OverlayReport,
  output: CliContext["process"]["stdout"],
  otherwise: string,
): void {
  const style = styleFor(wantsColour(output, context.process.env));
  const states = {
    protected: style.green,
    simulated: style.yellow,
    unprotected: style.red,
    "no-pod": style.dim,
  } as const;
  for (const task of report.tasks) {
    const exempt = report.exempted.includes(task.executor) ? " (exempted)" : "";
    const state = states[task.state](task.state.padEnd(11));
    output.write(`${state} ${visible(task.path)} ${style.dim(visible(task.executor))}${exempt}\n`);
    for (const line of detailsOf(task)) output.write(`            ${visible(line)}\n`);
  }
  if (report.declassify.length > 0) {
    output.write(`conditions and loops need in the clear: ${visible(report.declassify.join(", "))}\n`);
  }
  const open = report.tasks.filter(({ state }) => state === "unprotected").length;
  output.write(`${report.tasks.length} tasks, ${open} unprotected${report.ok ? "" : `: ${otherwise}`}\n`);
}

function detailsOf({ reasons, visible: shown }: TaskProtection): readonly string[] {
  const names = shown.map(({ name, why }) => `${name} (${why})`);
  return [
    ...reasons.map(({ code, message }) => `${code}: ${message}`),
    ...(names.length === 0 ? [] : [`the control plane passes: ${names.join(", ")}`]),
  ];
}
