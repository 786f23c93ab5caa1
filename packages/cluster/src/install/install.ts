/** An installation from its beginning to its health, and back. */
import { setTimeout as sleep } from "node:timers/promises";
import { isSealflowError, SealflowError } from "@sealflow/core";
import type { KubeClient } from "../kube/client.js";
import { describeObject, type KubeObject, type ObjectRef, refOf } from "../kube/objects.js";
import { type ApplyCounts, type ApplyEvent, applyObjects } from "./apply.js";
import { leftOver } from "./diff.js";
import { deleteInventory, type Inventory, readInventory, refsOf, writeInventory } from "./inventory.js";
import type { Profile } from "./manifests.js";
import { inPhases } from "./order.js";
import { type Health, waitHealthy } from "./status.js";

/** What is installed, and how. */
export interface Installation {
  readonly profile: Profile;
  readonly version: string;
  /** Of the manifests, before the overlay. */
  readonly digest: string;
  readonly objects: readonly KubeObject[];
}

/** What is told on the way. */
export type InstallEvent =
  | ApplyEvent
  | { readonly type: "removed"; readonly object: string }
  | { readonly type: "health"; readonly health: Health };

/** Settings. */
export interface InstallOptions {
  readonly force?: boolean;
  /** Time to wait for health, in milliseconds; 0 does not wait. Default: 900 000. */
  readonly waitMs?: number;
  readonly onEvent?: (event: InstallEvent) => void;
  readonly signal?: AbortSignal;
}

/** The outcome. */
export interface Installed {
  readonly counts: ApplyCounts;
  readonly removed: readonly string[];
  readonly health: readonly Health[];
}

/**
 * Applies all objects, removes what an earlier installation had and this one has not, and waits for health. A broken-off
 * installation is continued by the same call.
 *
 * @throws SealflowError `CLUSTER_REQUEST_REFUSED`, `CLUSTER_UNREACHABLE`, …
 */
export async function install(
  client: KubeClient,
  what: Installation,
  options: InstallOptions = {},
): Promise<Installed> {
  const { profile, version, digest, objects } = what;
  const before = await readInventory(client);
  const refs = refsOf(objects);
  const obsolete = leftOver(before, objects).filter(isRemovable);
  // Written first: what a broken-off installation made can be found and removed.
  const inventory: Inventory = {
    profile,
    version,
    digest,
    objects: [...refs, ...leftOver(before, objects)],
    complete: false,
  };
  await writeInventory(client, inventory);
  const counts = await applyObjects(client, objects, options);
  const removed = await removeAll(client, obsolete, options);
  await writeInventory(client, { ...inventory, objects: refs, complete: true });
  const waitMs = options.waitMs ?? 900_000;
  const health =
    waitMs === 0
      ? []
      : await waitHealthy(client, refs, {
          timeoutMs: waitMs,
          onChange: (each) => options.onEvent?.({ type: "health", health: each }),
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        });
  return { counts, removed, health };
}

/** Data outlive a change of manifests. */
function isRemovable({ kind }: ObjectRef): boolean {
  return kind === "Secret" || !keepsData.has(kind);
}

/**
 * What is kept unless data are to be deleted: volumes, the secrets that open them, and all that a namespace, a kind, or a user's
 * profile holds, which is a namespace too.
 */
const keepsData = new Set([
  "PersistentVolumeClaim",
  "Namespace",
  "CustomResourceDefinition",
  "Secret",
  "Profile",
]);

/**
 * Removes what an installation made, in reverse order.
 *
 * @param data Removes volumes, namespaces and definitions too, with everything in them.
 * @throws SealflowError `CLUSTER_NOT_INSTALLED`
 */
export async function uninstall(
  client: KubeClient,
  options: { readonly data: boolean; readonly onEvent?: (event: InstallEvent) => void },
): Promise<{ readonly removed: readonly string[]; readonly kept: readonly string[] }> {
  const inventory = await readInventory(client);
  if (inventory === undefined) throw notInstalled();
  const going = inventory.objects.filter(({ kind }) => options.data || !keepsData.has(kind));
  const kept = inventory.objects.filter((ref) => !going.includes(ref));
  const removed = await removeAll(client, going, options);
  if (kept.length === 0) await deleteInventory(client);
  else await writeInventory(client, { ...inventory, objects: kept, complete: false });
  return { removed, kept: kept.map(describeObject) };
}

/** Last phase first; each is gone before the next one goes. */
async function removeAll(
  client: KubeClient,
  refs: readonly ObjectRef[],
  options: Pick<InstallOptions, "onEvent">,
): Promise<string[]> {
  const asObjects = refs.map((ref) => ({
    ...ref,
    metadata: { name: ref.name, ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }) },
  }));
  const removed: string[] = [];
  for (const { objects } of inPhases(asObjects).reverse()) {
    const going: ObjectRef[] = [];
    for (const object of objects) {
      const ref = refOf(object);
      if (!(await removeOne(client, ref))) continue;
      going.push(ref);
      removed.push(describeObject(ref));
      options.onEvent?.({ type: "removed", object: describeObject(ref) });
    }
    await gone(client, going);
  }
  return removed;
}

/** Objects whose kind went with its definition are gone already. */
async function removeOne(client: KubeClient, ref: ObjectRef): Promise<boolean> {
  try {
    return await client.delete(ref);
  } catch (error) {
    if (isSealflowError(error) && error.code === "CLUSTER_KIND_UNKNOWN") return false;
    throw error;
  }
}

/** Waits two minutes at most: what has a finalizer of somebody else goes when they let it. */
async function gone(client: KubeClient, refs: readonly ObjectRef[]): Promise<void> {
  const end = Date.now() + 120_000;
  for (const ref of refs.filter(({ kind }) => kind !== "Namespace")) {
    while (Date.now() < end && (await client.find(ref).catch(() => undefined)) !== undefined)
      await sleep(200);
  }
}

/** Nothing is there that could be shown, compared or removed. */
export function notInstalled(): SealflowError {
  return new SealflowError({
    code: "CLUSTER_NOT_INSTALLED",
    message: "expected an installation in this cluster, got none",
    hint: "`sealflow cluster install` makes one; one that other tools made is not touched.",
  });
}
