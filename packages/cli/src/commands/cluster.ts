/** `sealflow cluster preflight|install|status|diff|uninstall`. */
import {
  type Check,
  connect,
  differences,
  type Health,
  healthOf,
  type InstallEvent,
  install,
  type KubeClient,
  notInstalled,
  preflight,
  readInventory,
  uninstall,
} from "@sealflow/cluster";
import { SealflowError } from "@sealflow/core";
import { stringify } from "yaml";
import { type CliContext, wantsColour } from "../context.js";
import { exitCode } from "../exit-code.js";
import { writeUserFile } from "../load/write-file.js";
import { type Style, styleFor } from "../render/style.js";
import { formatColumns, visible } from "../render/text.js";
import type {
  ClusterDiffFlags,
  ClusterFlags,
  InstallFlags,
  PreflightFlags,
  UninstallFlags,
} from "../routes/cluster.js";
import { liveFacts, type Prepared, prepare } from "./cluster-manifests.js";

async function withCluster<T>(
  context: CliContext,
  flags: ClusterFlags,
  work: (client: KubeClient) => Promise<T>,
): Promise<T> {
  const client = connect(
    {
      ...(flags.context === undefined ? {} : { context: flags.context }),
      ...(flags.kubeconfig === undefined ? {} : { kubeconfig: flags.kubeconfig }),
    },
    context.process.env,
  );
  try {
    return await work(client);
  } finally {
    client.transport.close();
  }
}

/** `sealflow cluster preflight`. */
export async function preflightCluster(context: CliContext, flags: PreflightFlags): Promise<number> {
  const checks = await withCluster(context, flags, (client) => preflight(client, flags.profile));
  const ok = checks.every(({ state }) => state !== "failed");
  if (flags.json) context.process.stdout.write(`${JSON.stringify({ ok, checks })}\n`);
  else context.process.stdout.write(formatChecks(context, checks));
  return ok ? exitCode.ok : exitCode.failed;
}

function formatChecks(context: CliContext, checks: readonly Check[]): string {
  const style = styleFor(wantsColour(context.process.stdout, context.process.env));
  const lines = checks.map(({ check, state, detail, mend }) => {
    const head = `${paint(state, style)}${" ".repeat(9 - state.length)}${check}: ${detail}\n`;
    return mend === undefined ? head : `${head}         ${style.cyan("hint:")} ${mend}\n`;
  });
  return lines.join("");
}

function paint(state: string, style: Style): string {
  if (state === "ok" || state === "ready") return style.green(state);
  return state === "failed" || state === "missing" ? style.red(state) : style.yellow(state);
}

/** `sealflow cluster install`. */
export async function installCluster(context: CliContext, flags: InstallFlags): Promise<number> {
  if (flags.plan) return planOnly(context, flags);
  if (flags.output !== undefined) throw outputWithoutPlan();
  const stopping = new AbortController();
  const release = context.onInterrupt(() => stopping.abort(interrupted()));
  try {
    return await withCluster(context, flags, async (client) => {
      if (!flags.skipPreflight) await requirePreflight(context, client, flags);
      const live = await liveFacts(client);
      const prepared = await prepare(context, flags, { ...live, signal: stopping.signal });
      const { stdout, stderr } = context.process;
      for (const image of prepared.unpinned)
        stderr.write(`notice     ${image} is named by tag; --images pins it\n`);
      const { profile } = flags;
      const result = await install(
        client,
        { profile, version: prepared.version, digest: prepared.digest, objects: prepared.objects },
        {
          force: flags.forceConflicts,
          waitMs: flags.timeout,
          signal: stopping.signal,
          onEvent: (event) => tellEvent(context, event),
        },
      ).finally(() => tellPassword(context, prepared));
      const healthy = result.health.every(({ state }) => state === "ready");
      if (flags.json)
        stdout.write(`${JSON.stringify({ ok: healthy, ...result, digest: prepared.digest })}\n`);
      else stdout.write(summary(flags, prepared, { ...result, healthy }));
      return healthy ? exitCode.ok : exitCode.failed;
    });
  } catch (error) {
    // Whatever was under way when it was broken off says so in its own words.
    throw stopping.signal.aborted ? stopping.signal.reason : error;
  } finally {
    release();
  }
}

function outputWithoutPlan(): SealflowError {
  return new SealflowError({
    code: "CLI_CLUSTER_FLAGS",
    message: "--output: expected --plan beside it: only a plan is written to a file",
  });
}

/** Also when the installation was broken off: from then on the cluster keeps the password. */
function tellPassword(context: CliContext, { password }: Prepared): void {
  if (password === undefined) return;
  context.process.stderr.write(`Password of user@example.com, shown this once: ${password}\n`);
}

/** What would be installed, without a cluster: for review, and for sites that apply it by other means. */
async function planOnly(context: CliContext, flags: InstallFlags): Promise<number> {
  const placeholder = {
    databasePassword: "GENERATED",
    storeAccessKey: "GENERATED",
    storeSecretKey: "GENERATED",
    katibPassword: "GENERATED",
    oidcSecret: "GENERATED",
    cookieSecret: "GENERATED",
  };
  const { changes, objects, unpinned, digest, version } = await prepare(context, flags, {
    credentials: placeholder,
  });
  const { stdout } = context.process;
  if (flags.output !== undefined)
    writeUserFile(context, flags.output, objects.map((object) => stringify(object)).join("---\n"));
  if (flags.json) {
    stdout.write(`${JSON.stringify({ version, digest, objects: objects.length, changes, unpinned })}\n`);
    return exitCode.ok;
  }
  stdout.write(`Kubeflow ${version}, ${objects.length} objects, ${digest}\n`);
  stdout.write(
    formatColumns(changes.map(({ object, change, why }) => [`  ${object}`, visible(change), why])),
  );
  for (const image of unpinned) stdout.write(`  ${image} is named by tag; --images pins it\n`);
  return exitCode.ok;
}

async function requirePreflight(
  context: CliContext,
  client: KubeClient,
  { profile }: InstallFlags,
): Promise<void> {
  const checks = await preflight(client, profile);
  const failed = checks.filter(({ state }) => state === "failed");
  if (failed.length === 0) return;
  context.process.stderr.write(formatChecks(context, failed));
  throw new SealflowError({
    code: "CLUSTER_PREFLIGHT_FAILED",
    message: `install: expected a cluster that can carry Kubeflow, got ${failed.length} findings`,
    hint: "Mend them, or install all the same with --skip-preflight.",
    data: { checks: failed },
  });
}

function tellEvent(context: CliContext, event: InstallEvent): void {
  const { stderr, env } = context.process;
  const style = styleFor(wantsColour(stderr, env));
  const say = (word: string, about: string) => stderr.write(`${word.padEnd(11)}${visible(about)}\n`);
  if (event.type === "phase") stderr.write(`${style.bold(`${event.phase} (${event.objects})`)}\n`);
  else if (event.type === "applied" && event.outcome !== "unchanged") say(event.outcome, event.object);
  else if (event.type === "retrying")
    say("retrying", `${event.object} in ${event.delayMs / 1000} s: ${event.reason}`);
  else if (event.type === "left")
    say("left", `${event.object}: ${event.fields.join(", ")}, which its controller set`);
  else if (event.type === "removed") say("removed", event.object);
  else if (event.type === "health")
    say(event.health.state, `${event.health.component}  ${event.health.detail}`);
}

function summary(
  { profile }: InstallFlags,
  { version, unpinned }: Prepared,
  result: Awaited<ReturnType<typeof install>> & { readonly healthy: boolean },
): string {
  const { created, changed, unchanged } = result.counts;
  const counts = `${created} created, ${changed} changed, ${unchanged} unchanged, ${result.removed.length} removed`;
  const missing = result.health.filter(({ state }) => state !== "ready");
  const health =
    result.health.length === 0
      ? "health was not waited for"
      : result.healthy
        ? `all ${result.health.length} components are ready`
        : `${missing.length} of ${result.health.length} components are not ready`;
  const rows = formatColumns(
    missing.map(({ component, state, detail }) => [`  ${state}`, component, visible(detail)]),
  );
  const tags = unpinned.length === 0 ? "" : `${unpinned.length} images are named by tag\n`;
  return `Kubeflow ${version} (${profile}): ${counts}; ${health}\n${rows}${tags}`;
}

/** `sealflow cluster status`. */
export async function clusterStatus(context: CliContext, flags: ClusterFlags): Promise<number> {
  return withCluster(context, flags, async (client) => {
    const inventory = await readInventory(client);
    if (inventory === undefined) throw notInstalled();
    const health = await healthOf(client, inventory.objects);
    const ok = inventory.complete && health.every(({ state }) => state === "ready");
    const { profile, version, digest, complete } = inventory;
    const { stdout } = context.process;
    if (flags.json) stdout.write(`${JSON.stringify({ ok, profile, version, digest, complete, health })}\n`);
    else {
      const style = styleFor(wantsColour(stdout, context.process.env));
      stdout.write(`Kubeflow ${version} (${profile})${complete ? "" : ", not wholly installed"}\n`);
      stdout.write(formatHealth(health, style));
    }
    return ok ? exitCode.ok : exitCode.failed;
  });
}

function formatHealth(health: readonly Health[], style: Style): string {
  const rows = formatColumns(
    health.map(({ component, state, detail }) => [state, component, visible(detail)]),
  );
  return rows.replace(/^(\S+)/gm, (state) => `  ${paint(state, style)}`);
}

/** `sealflow cluster diff`. */
export async function diffCluster(context: CliContext, flags: ClusterDiffFlags): Promise<number> {
  return withCluster(context, flags, async (client) => {
    const prepared = await prepare(context, flags, await liveFacts(client));
    const found = await differences(client, prepared.objects, await readInventory(client));
    const { stdout } = context.process;
    if (flags.json) stdout.write(`${JSON.stringify({ differences: found })}\n`);
    else {
      for (const { action, object, fields, reason } of found) {
        stdout.write(`${action.padEnd(9)}${object}${reason === undefined ? "" : `: ${visible(reason)}`}\n`);
        for (const { path, now, next } of fields)
          stdout.write(`         ${path}: ${text(now)} → ${text(next)}\n`);
      }
      stdout.write(`${found.length} of ${prepared.objects.length} objects differ\n`);
    }
    return flags.detailedExitcode && found.length > 0 ? exitCode.changes : exitCode.ok;
  });
}

function text(value: unknown): string {
  return value === undefined ? "(absent)" : visible(JSON.stringify(value));
}

/** `sealflow cluster uninstall`. */
export async function uninstallCluster(context: CliContext, flags: UninstallFlags): Promise<number> {
  return withCluster(context, flags, async (client) => {
    const { stdout } = context.process;
    if (!flags.yes) {
      const inventory = await readInventory(client);
      if (inventory === undefined) throw notInstalled();
      throw new SealflowError({
        code: "CLI_CONFIRMATION_MISSING",
        message: `uninstall: ${inventory.objects.length} objects of Kubeflow ${inventory.version} in ${client.context.name} would be removed`,
        hint: "Say --yes. Volumes, secrets, namespaces and definitions stay unless --delete-data is given.",
      });
    }
    const result = await uninstall(client, {
      data: flags.deleteData,
      onEvent: (event) => tellEvent(context, event),
    });
    if (flags.json) stdout.write(`${JSON.stringify(result)}\n`);
    else stdout.write(`${result.removed.length} objects removed, ${result.kept.length} kept\n`);
    return exitCode.ok;
  });
}

function interrupted(): SealflowError {
  return new SealflowError({
    code: "CLUSTER_INSTALL_INTERRUPTED",
    message: "install: interrupted before its end",
    hint: "What was applied stays. The same command continues.",
  });
}
