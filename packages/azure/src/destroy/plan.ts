/** What a destroy would delete, and what stands in its way. Pure. */
import { type JsonObject, SealflowError } from "@sealflow/core";
import { deploymentName } from "../config/schema.js";
import { sameName, textAt } from "../model/path.js";
import type { Resource } from "../model/resource.js";
import type { LiveState } from "../plan/live.js";
import { ownerOf } from "../plan/make.js";
import type { DeploymentContext } from "../resources/context.js";
import { apiVersions } from "../resources/ids.js";

/** Something to delete. */
export interface Deletion {
  readonly address: string;
  readonly id: string;
  readonly apiVersion: string;
}

/** What goes, what stays. */
export interface DestroyPlan {
  readonly deployment: string;
  /** `group`: the whole group in one request, once `deletions` that lie outside it are done. */
  readonly extent: "group" | "resources" | "nothing";
  /** In order. With extent `group` the last one is the group. */
  readonly deletions: readonly Deletion[];
  /** What goes along with the group or with the resources. */
  readonly includes: readonly string[];
  /** Resources of others in the group. */
  readonly foreign: readonly string[];
}

/**
 * Lists what carries this deployment's tag.
 *
 * @param foreign What becomes of resources of others in our group: `refuse`, `keep` (ours go one by one), or `delete`.
 * @throws SealflowError `AZURE_PROTECTED`, `AZURE_FOREIGN_RESOURCES`
 */
export function planDestroy(
  context: DeploymentContext,
  resources: readonly Resource[],
  live: LiveState,
  foreign: "refuse" | "keep" | "delete",
): DestroyPlan {
  const { config } = context;
  if (config.protect) throw protectedBy();
  const deployment = deploymentName(config);
  const group = live.found.get("group");
  const groupIsOurs = group !== undefined && !config.resourceGroup.attach && ownerOf(group) === deployment;
  const others = live.inGroup.filter((found) => !isOurs(found, deployment) && !goesAlong(found, resources));
  const names = others.map((found) => textAt(found, "id") ?? "");
  if (groupIsOurs && names.length > 0 && foreign === "refuse") throw inTheWay(names);
  if (groupIsOurs && !live.groupListed && foreign !== "delete") throw unknownContents();
  const outside = rolesOutside(resources, live);
  if (groupIsOurs && (names.length === 0 || foreign === "delete")) {
    const includes = live.inGroup.map((found) => textAt(found, "id") ?? "");
    const last = { address: "group", id: idOf(resources, "group"), apiVersion: apiVersions.groups };
    return { deployment, extent: "group", deletions: [...outside, last], includes, foreign: names };
  }
  const own = ownInOrder(resources, live, deployment);
  const deletions = [...outside, ...own];
  return {
    deployment,
    extent: deletions.length === 0 ? "nothing" : "resources",
    deletions,
    includes: [],
    foreign: names,
  };
}

function isOurs(found: JsonObject, deployment: string): boolean {
  return ownerOf(found) === deployment;
}

/** Sub-resources of what is ours need no tag of their own. */
function goesAlong(found: JsonObject, resources: readonly Resource[]): boolean {
  const id = (textAt(found, "id") ?? "").toLowerCase();
  return resources.some(
    (resource) =>
      !resource.attached && resource.kind !== "group" && id.startsWith(`${resource.id.toLowerCase()}/`),
  );
}

/** Roles on what stays would outlive the identity that they are for. */
function rolesOutside(resources: readonly Resource[], live: LiveState): Deletion[] {
  const attached = resources.filter(({ attached }) => attached).map(({ id }) => id.toLowerCase());
  return resources.flatMap(({ address, kind, role, apiVersion }) => {
    const id = textAt(live.found.get(address), "id");
    const stays = kind === "role" && attached.some((each) => sameName(each, role?.scope));
    return stays && id !== undefined ? [{ address, id, apiVersion }] : [];
  });
}

/** Clusters before what they use; the wrapping key's vault last. */
const order = ["cluster", "registry", "attestation", "identity", "vault"] as const;

function ownInOrder(resources: readonly Resource[], live: LiveState, deployment: string): Deletion[] {
  return order.flatMap((kind) =>
    resources
      .filter((resource) => resource.kind === kind && !resource.attached)
      .filter(({ address }) => isOurs(live.found.get(address) ?? {}, deployment))
      .map(({ address, id, apiVersion }) => ({ address, id, apiVersion })),
  );
}

function idOf(resources: readonly Resource[], kind: Resource["kind"]): string {
  return resources.find((resource) => resource.kind === kind)?.id ?? "";
}

function protectedBy(): SealflowError {
  return new SealflowError({
    code: "AZURE_PROTECTED",
    message: "destroy: expected cloud.protect to be false, got true",
    hint: "set it to false first, if this deployment shall really go",
  });
}

function inTheWay(ids: readonly string[]): SealflowError {
  return new SealflowError({
    code: "AZURE_FOREIGN_RESOURCES",
    message: `destroy: expected only resources of this deployment in the group, got ${ids.length} of others: ${ids.join(", ")}`,
    hint: "--foreign keep deletes only what is ours, --foreign delete deletes the whole group",
    data: { foreign: ids },
  });
}

function unknownContents(): SealflowError {
  return new SealflowError({
    code: "AZURE_FOREIGN_RESOURCES",
    message: "destroy: expected a list of what is in the group, got none: it may hold resources of others",
    hint: "--foreign delete deletes the whole group, whatever it holds",
  });
}
