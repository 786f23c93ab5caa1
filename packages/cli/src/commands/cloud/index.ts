/** `sealflow cloud`. */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import {
  type ApplyEvent,
  type CloudProvider,
  mergeKubeconfig,
  parsePlan,
  pendingChanges,
} from "@sealflow/azure";
import { isSealflowError, SealflowError } from "@sealflow/core";
import { type CliContext, wantsColour } from "../../context.js";
import { exitCode } from "../../exit-code.js";
import { readUserFile } from "../../load/read-file.js";
import { writeUserFile } from "../../load/write-file.js";
import { styleFor } from "../../render/style.js";
import type {
  CloudApplyFlags,
  CloudCredentialsFlags,
  CloudDestroyFlags,
  CloudDriftFlags,
  CloudExportFlags,
  CloudFlags,
  CloudPlanFlags,
} from "../../routes/cloud.js";
import { type OpenFlags, openDeployment } from "./open.js";
import { showApply } from "./progress.js";
import {
  formatCost,
  formatDestroy,
  formatDrift,
  formatPlan,
  formatPreflight,
  formatStatus,
} from "./render.js";

async function withProvider<T>(
  context: CliContext,
  flags: OpenFlags,
  work: (provider: CloudProvider) => Promise<T>,
): Promise<T> {
  const { provider, signal, close } = await openDeployment(context, flags);
  try {
    return await work(provider);
  } catch (error) {
    if (signal.aborted && !isSealflowError(error)) throw interrupted(error);
    throw error;
  } finally {
    close();
  }
}

function interrupted(cause: unknown): SealflowError {
  const hint = "run the command again: it picks up what is in flight";
  return new SealflowError({ code: "AZURE_INTERRUPTED", message: "interrupted", hint, cause });
}

function styled(context: CliContext) {
  const { stdout, env } = context.process;
  return styleFor(wantsColour(stdout, env));
}

function print(context: CliContext, json: boolean, value: unknown, text: () => string): void {
  context.process.stdout.write(json ? `${JSON.stringify(value)}\n` : text());
}

/** Prints all findings; fails when one is a failure. */
export async function cloudPreflight(context: CliContext, flags: CloudFlags): Promise<number> {
  const report = await withProvider(context, flags, (provider) => provider.preflight());
  print(context, flags.json, report, () => formatPreflight(report, styled(context)));
  return report.ready ? exitCode.ok : exitCode.failed;
}

/** Prints the plan. */
export async function cloudPlan(context: CliContext, flags: CloudPlanFlags): Promise<number> {
  const plan = await withProvider(context, flags, (provider) => provider.plan());
  if (flags.output !== undefined) writeUserFile(context, flags.output, `${JSON.stringify(plan, null, 2)}\n`);
  print(context, flags.json, plan, () => formatPlan(plan, styled(context)));
  return flags.detailedExitcode && pendingChanges(plan).length > 0 ? exitCode.changes : exitCode.ok;
}

/** Applies, after asking. */
export async function cloudApply(context: CliContext, flags: CloudApplyFlags): Promise<number> {
  const { plan: file } = flags;
  const saved =
    file === undefined ? undefined : parsePlan(await readUserFile(resolve(context.cwd, file), file), file);
  const style = styled(context);
  const { stderr, stdout } = context.process;
  const result = await withProvider(context, flags, (provider) =>
    withProgress(context, (onEvent) =>
      provider.apply({
        ...(saved === undefined ? {} : { plan: saved }),
        allow: flags.allow ?? [],
        onEvent,
        async confirm(plan) {
          const text = formatPlan(plan, style);
          if (flags.json) stderr.write(text);
          else stdout.write(text);
          return pendingChanges(plan).length === 0 || flags.yes || confirmed(context, "Apply this plan?");
        },
      }),
    ),
  );
  const changes = pendingChanges(result.plan).length;
  if (flags.json) stdout.write(`${JSON.stringify({ applied: result.applied, plan: result.plan })}\n`);
  else if (result.applied) stdout.write(`${changes} ${changes === 1 ? "change" : "changes"} made.\n`);
  return result.applied || changes === 0 ? exitCode.ok : exitCode.failed;
}

type OnEvent = (event: ApplyEvent) => void;

/** Shows progress on standard error while the work goes on. */
async function withProgress<T>(context: CliContext, work: (onEvent: OnEvent) => Promise<T>): Promise<T> {
  const { stderr, env } = context.process;
  const live = stderr.isTTY === true && env.TERM !== "dumb";
  const progress = showApply(stderr, styleFor(wantsColour(stderr, env)), context.clock, live);
  try {
    return await work(progress.event);
  } finally {
    progress.stop();
  }
}

/** @throws SealflowError `CLI_CONFIRMATION_NEEDED` where nobody can be asked. */
async function confirmed(context: CliContext, question: string): Promise<boolean> {
  if (context.ask !== undefined) return /^y(es)?$/i.test((await context.ask(`${question} [y/N] `)).trim());
  throw new SealflowError({
    code: "CLI_CONFIRMATION_NEEDED",
    message: "expected a terminal to ask on, or --yes",
    hint: "look at the plan, then give --yes",
  });
}

/** Prints drift. */
export async function cloudDrift(context: CliContext, flags: CloudDriftFlags): Promise<number> {
  const report = await withProvider(context, flags, (provider) => provider.drift());
  print(context, flags.json, report, () => formatDrift(report, styled(context)));
  return flags.detailedExitcode && report.drifted.length > 0 ? exitCode.changes : exitCode.ok;
}

/** Prints what it costs. */
export async function cloudCost(context: CliContext, flags: CloudFlags): Promise<void> {
  const report = await withProvider(context, flags, (provider) => provider.cost());
  print(context, flags.json, report, () => formatCost(report, styled(context)));
}

/** Prints states. */
export async function cloudStatus(context: CliContext, flags: CloudFlags): Promise<void> {
  const report = await withProvider(context, flags, (provider) => provider.status());
  print(context, flags.json, report, () => formatStatus(report, styled(context), context.clock.now()));
}

/** Merges credentials into a kubeconfig, or prints them. */
export async function cloudCredentials(context: CliContext, flags: CloudCredentialsFlags): Promise<void> {
  const kind = flags.admin ? "admin" : "user";
  const added = await withProvider(context, flags, (provider) => provider.kubeconfig(kind));
  const { stdout } = context.process;
  if (flags.kubeconfig === "-") {
    stdout.write(added);
    return;
  }
  const file = kubeconfigFile(context, flags.kubeconfig);
  const existing = existsSync(file) ? readFileSync(file, "utf8") : "";
  const merged = await mergeKubeconfig(existing, added, flags.context);
  writeSecret(file, merged.text);
  print(
    context,
    flags.json,
    { file, context: merged.context },
    () => `Context ${merged.context} is current in ${file}\n`,
  );
}

function kubeconfigFile({ cwd, process: { env } }: CliContext, named: string | undefined): string {
  const variable = env.KUBECONFIG?.split(delimiter).find((part) => part !== "");
  return resolve(cwd, named ?? variable ?? join(env.HOME || homedir(), ".kube", "config"));
}

/** In one step, readable by the user only. */
function writeSecret(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.${process.pid}.new`;
  writeFileSync(fresh, text, { mode: 0o600 });
  chmodSync(fresh, 0o600);
  renameSync(fresh, file);
}

/** Stops the cluster. */
export async function cloudStop(context: CliContext, flags: CloudFlags): Promise<void> {
  await setPower(context, flags, "stopped");
}

/** Starts the cluster. */
export async function cloudStart(context: CliContext, flags: CloudFlags): Promise<void> {
  await setPower(context, flags, "running");
}

async function setPower(context: CliContext, flags: CloudFlags, state: "running" | "stopped"): Promise<void> {
  const changed = await withProvider(context, flags, (provider) =>
    withProgress(context, (onEvent) => provider.setPower(state, onEvent)),
  );
  print(
    context,
    flags.json,
    { state, changed },
    () => `The cluster is ${state}${changed ? "" : " already"}.\n`,
  );
}

/** Destroys, after listing and asking. */
export async function cloudDestroy(context: CliContext, flags: CloudDestroyFlags): Promise<number> {
  let agreed = false;
  const { stdout, stderr } = context.process;
  const plan = await withProvider(context, flags, (provider) =>
    withProgress(context, (onEvent) =>
      provider.destroy({
        foreign: flags.foreign ?? "refuse",
        onEvent,
        async confirm(list) {
          const text = formatDestroy(list, styled(context));
          if (flags.json) stderr.write(text);
          else stdout.write(text);
          agreed = flags.yes || (await confirmed(context, "Delete all of this?"));
          return agreed;
        },
      }),
    ),
  );
  const nothing = plan.extent === "nothing";
  print(context, flags.json, { destroyed: agreed, ...plan }, () => {
    if (nothing) return formatDestroy(plan, styled(context));
    return agreed ? "Deleted.\n" : "Nothing deleted.\n";
  });
  return agreed || nothing ? exitCode.ok : exitCode.failed;
}

/** Writes a template. */
export async function cloudExport(context: CliContext, flags: CloudExportFlags): Promise<void> {
  const template = await withProvider(context, flags, (provider) => provider.exportTemplate());
  const text = `${JSON.stringify(template, null, 2)}\n`;
  if (flags.output === undefined) context.process.stdout.write(text);
  else writeUserFile(context, flags.output, text);
}
