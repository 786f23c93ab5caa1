/** What an installation consists of, kept in the cluster itself, so that any machine can show, compare and remove it. */
import { isJsonObject } from "@sealflow/core";
import type { KubeClient } from "../kube/client.js";
import { type KubeObject, type ObjectRef, refOf } from "../kube/objects.js";
import type { Profile } from "./manifests.js";

/** An installation's record. */
export interface Inventory {
  readonly profile: Profile;
  readonly version: string;
  /** Of the manifests, before the overlay. */
  readonly digest: string;
  readonly objects: readonly ObjectRef[];
  /** False while an installation is under way, or was broken off. */
  readonly complete: boolean;
}

const ref = { apiVersion: "v1", kind: "ConfigMap", name: "sealflow-install", namespace: "kube-system" };

/** The record, or undefined where nothing was installed. */
export async function readInventory(client: KubeClient): Promise<Inventory | undefined> {
  const found = await client.find(ref);
  const data = isJsonObject(found?.data) ? found.data : undefined;
  if (typeof data?.inventory !== "string") return undefined;
  // The border where the record becomes typed: only installations write it.
  return JSON.parse(data.inventory) as Inventory;
}

/** Writes the record. Objects of an earlier installation stay in it until they are removed. */
export async function writeInventory(client: KubeClient, inventory: Inventory): Promise<void> {
  const { name, namespace, ...kind } = ref;
  await client.apply(
    {
      ...kind,
      metadata: { name, namespace, labels: { "app.kubernetes.io/managed-by": "sealflow" } },
      data: { inventory: JSON.stringify(inventory) },
    },
    { force: true },
  );
}

/** Removes the record. */
export async function deleteInventory(client: KubeClient): Promise<void> {
  await client.delete(ref);
}

/** References of objects, without what tells versions of one apart. */
export function refsOf(objects: readonly KubeObject[]): ObjectRef[] {
  return objects.map(refOf);
}

/** Text that is equal for the same object. */
export function refKey({ apiVersion, kind, namespace = "", name }: ObjectRef): string {
  return `${apiVersion.split("/").slice(0, -1).join("/")} ${kind} ${namespace}/${name}`;
}
