/** Azure behind the provider interface. */

import { digestOfJson, SealflowError } from "@sealflow/core";
import type { ApplyEvent, ApplyEventBody } from "./apply/events.js";
import { assertDone, execute } from "./apply/execute.js";
import { type Journal, openJournal, readPending } from "./apply/journal.js";
import { takeLock } from "./apply/lock.js";
import type { WriteSession } from "./apply/session.js";
import { pickUp, settle } from "./apply/settle.js";
import { perform, remove } from "./apply/write.js";
import { createTransport } from "./arm/transport.js";
import { deploymentName } from "./config/schema.js";
import { costReport } from "./cost/report.js";
import { type DestroyPlan, planDestroy } from "./destroy/plan.js";
import { driftOf } from "./drift.js";
import { exportTemplate } from "./export/template.js";
import { kubeconfigOf } from "./kubeconfig/fetch.js";
import type { Resource } from "./model/resource.js";
import { type AzureOptions, caOf, type Look, look, type Opened, open, planNow } from "./opened.js";
import { type LiveState, readLive } from "./plan/live.js";
import { isStopped, makePlan } from "./plan/make.js";
import { assertCurrent, assertRest } from "./plan/saved.js";
import { type Change, type Plan, pendingChanges } from "./plan/types.js";
import { runPreflight } from "./preflight/run.js";
import type { ApplyOptions, ApplyResult, CloudProvider, DestroyOptions } from "./provider.js";
import { clusterId } from "./resources/cluster.js";
import { desiredResources } from "./resources/desired.js";
import { apiVersions } from "./resources/ids.js";
import { ensurePublicKey, existingPublicKey } from "./ssh-key.js";
import { statusOf } from "./status.js";

/**
 * Opens the deployment that a configuration describes. Nothing is asked of Azure yet.
 *
 * @throws SealflowError `AZURE_SUBSCRIPTION_MISSING`, `AZURE_ENDPOINT_INVALID`, `AZURE_POLICY_UNREADABLE`
 */
export async function openAzure(options: AzureOptions): Promise<CloudProvider> {
  const opened = await open(options);
  return {
    preflight: () => preflight(opened),
    plan: async () => (await planNow(opened)).plan,
    apply: (applyOptions) => exclusively(opened, () => apply(opened, applyOptions)),
    drift: async () => {
      const { plan, live, resources, context } = await planNow(opened);
      return driftOf(context, resources, live, plan);
    },
    status: async () => {
      const { context, resources, live } = await look(opened);
      return statusOf(context, resources, live, readPending(opened.journalFile));
    },
    cost: () =>
      costReport(options.config, {
        endpoint: opened.endpoints.prices,
        transport: createTransport(caOf(options)),
      }),
    kubeconfig: (kind) =>
      kubeconfigOf(
        opened.client,
        { id: clusterId(opened.context(undefined)), apiVersion: apiVersions.clusters },
        kind,
      ),
    setPower: (state, onEvent) => exclusively(opened, () => setPower(opened, state, onEvent)),
    destroy: (destroyOptions) => exclusively(opened, () => destroy(opened, destroyOptions)),
    exportTemplate: async () => {
      const context = opened.context(existingPublicKey(options.config, opened.places));
      return exportTemplate(context, desiredResources(context));
    },
  };
}

async function preflight(opened: Opened) {
  const context = opened.context(existingPublicKey(opened.options.config, opened.places));
  const live = await readLive(opened.read, desiredResources(context)).catch(() => undefined);
  return runPreflight({ ...context, client: opened.client, live, now: opened.client.timing.now() });
}

async function exclusively<T>(opened: Opened, work: () => Promise<T>): Promise<T> {
  const release = takeLock(opened.lockFile);
  try {
    return await work();
  } finally {
    release();
  }
}

function startSession(opened: Opened, journal: Journal, onEvent: (event: ApplyEvent) => void): WriteSession {
  const { timing } = opened.client;
  const { signal, drainer } = opened.options;
  return {
    client: opened.client,
    attestation: opened.read.attestation,
    journal,
    tell: (event: ApplyEventBody) => onEvent({ ...event, time: timing.now() } as ApplyEvent),
    signal,
    drainer,
  };
}

async function withSession<T>(
  opened: Opened,
  onEvent: (event: ApplyEvent) => void,
  work: (session: WriteSession) => Promise<T>,
): Promise<T> {
  const journal = openJournal(opened.journalFile, opened.client.timing);
  try {
    return await work(startSession(opened, journal, onEvent));
  } finally {
    journal.close();
  }
}

async function apply(opened: Opened, options: ApplyOptions): Promise<ApplyResult> {
  return withSession(opened, options.onEvent, async (session) => {
    await pickUp(session);
    const seen = await planSettled(opened, session);
    const digest = options.plan === undefined ? undefined : await digestOfJson(options.plan);
    if (options.plan !== undefined) {
      // One that was cut short has itself changed what it was made from.
      const begun = session.journal.plan === digest;
      (begun ? assertRest : assertCurrent)(options.plan, seen.plan);
    }
    const changes = pendingChanges(seen.plan);
    assertAllowed(changes, options.allow);
    assertRunning(changes, seen.live);
    const go = await options.confirm(seen.plan);
    if (!go || changes.length === 0) {
      session.journal.clear();
      return { plan: seen.plan, applied: false };
    }
    if (digest !== undefined) session.journal.write({ type: "plan", digest });
    await runChanges(opened, session, seen, changes);
    session.journal.clear();
    return { plan: seen.plan, applied: true };
  });
}

/** Plans until nothing is on its way any more. */
async function planSettled(opened: Opened, session: WriteSession): Promise<Look & { readonly plan: Plan }> {
  for (;;) {
    const seen = await look(opened);
    if (!(await settle(session, seen.resources, seen.live))) {
      return { ...seen, plan: await makePlan(seen.context, seen.resources, seen.live) };
    }
  }
}

async function runChanges(
  opened: Opened,
  session: WriteSession,
  seen: Look & { readonly plan: Plan },
  changes: readonly Change[],
): Promise<void> {
  const { config } = opened.options;
  const needsKey = changes.some(({ kind, write }) => kind === "cluster" && write === "create");
  const key = needsKey ? ensurePublicKey(config, opened.places) : undefined;
  const resources = key === undefined ? seen.resources : desiredResources(opened.context(key));
  const ready =
    key === undefined ? changes : (await makePlan(opened.context(key), resources, seen.live)).changes;
  const context = {
    resources: new Map(resources.map((resource) => [resource.address, resource])),
    outputs: new Map(seen.live.found),
    deployment: deploymentName(config),
  };
  const pending = ready.filter(({ address }) => changes.some((change) => change.address === address));
  assertDone(
    await execute(
      session,
      context,
      pending.filter((change) => !madeWithParent(change, resources)),
    ),
  );
}

/** The system pool comes with its cluster's body. */
function madeWithParent({ address, action }: Change, resources: readonly Resource[]): boolean {
  return (
    action === "create" &&
    resources.some((resource) => resource.address === address && resource.madeWith !== undefined)
  );
}

function assertAllowed(changes: readonly Change[], allow: readonly string[]): void {
  const blocked = changes.find((change) => change.blocked === true);
  if (blocked !== undefined) {
    throw new SealflowError({
      code: "AZURE_REPLACE_BLOCKED",
      message: `${blocked.address}: ${blocked.reason}; it is not replaced, since too much would go with it`,
      hint: "set the property back, or give the new one another name",
    });
  }
  const held = changes.filter(
    ({ action, precious, address }) =>
      (action === "replace" || action === "delete") && precious && !allow.includes(address),
  );
  if (held.length === 0) return;
  const names = held.map(({ address, action }) => `${action} ${address}`).join(", ");
  throw new SealflowError({
    code: "AZURE_LEAVE_NEEDED",
    message: `expected leave to ${names}: what is in there is lost`,
    hint: held.map(({ address }) => `--allow ${address}`).join(" "),
  });
}

function assertRunning(changes: readonly Change[], live: LiveState): void {
  const touched = changes.some(
    ({ kind, action }) => (kind === "cluster" || kind === "pool") && action !== "replace",
  );
  if (!touched || !isStopped(live.found.get("cluster"))) return;
  throw new SealflowError({
    code: "AZURE_CLUSTER_STOPPED",
    message: "cluster: expected it to run, but it is stopped, and AKS changes only clusters that run",
    hint: "sealflow cloud start, then apply",
  });
}

async function setPower(
  opened: Opened,
  state: "running" | "stopped",
  onEvent: (event: ApplyEvent) => void,
): Promise<boolean> {
  return withSession(opened, onEvent, async (session) => {
    await pickUp(session);
    const seen = await planSettled(opened, session);
    const cluster = seen.live.found.get("cluster");
    if (cluster === undefined) throw noCluster();
    if (isStopped(cluster) === (state === "stopped")) return false;
    const action = state === "stopped" ? "stop" : "start";
    const path = `${clusterId(seen.context)}/${action}`;
    const started = opened.client.timing.now();
    session.tell({ type: "started", address: "cluster", action: "update" });
    await perform(session, {
      step: `cluster#${action}`,
      address: "cluster",
      method: "POST",
      path,
      apiVersion: apiVersions.clusters,
    });
    session.tell({
      type: "finished",
      address: "cluster",
      action: "update",
      elapsedMs: opened.client.timing.now() - started,
    });
    session.journal.clear();
    return true;
  });
}

function noCluster(): SealflowError {
  return new SealflowError({
    code: "AZURE_CLUSTER_MISSING",
    message: "cluster: expected one, got none",
    hint: "sealflow cloud apply makes it",
  });
}

async function destroy(opened: Opened, options: DestroyOptions): Promise<DestroyPlan> {
  return withSession(opened, options.onEvent, async (session) => {
    await pickUp(session);
    const seen = await look(opened);
    const plan = planDestroy(seen.context, seen.resources, seen.live, options.foreign);
    if (plan.extent === "nothing" || !(await options.confirm(plan))) return plan;
    for (const { address, id, apiVersion } of plan.deletions) {
      const started = opened.client.timing.now();
      session.tell({ type: "started", address, action: "delete" });
      await remove(session, { step: `${address}#delete`, address, path: id, apiVersion });
      session.tell({
        type: "finished",
        address,
        action: "delete",
        elapsedMs: opened.client.timing.now() - started,
      });
    }
    session.journal.clear();
    return plan;
  });
}
