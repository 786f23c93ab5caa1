/** The same resources as a template for Azure's own tools: `az deployment sub create --template-file`. */
import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import { deploymentName } from "../config/schema.js";
import { createBody } from "../model/body.js";
import { isReference, type Reference, type Resource } from "../model/resource.js";
import { generatedKey } from "../resources/cluster.js";
import type { DeploymentContext } from "../resources/context.js";

const schemas = {
  subscription: "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#",
  group: "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
} as const;
const deploymentsVersion = "2025-04-01";
const groupsVersion = "2025-04-01";
const sshParameter = {
  sshPublicKey: { type: "string", metadata: { description: "Public key for the nodes, in OpenSSH form" } },
};

/** A template of subscription scope: the group, and in it one nested deployment of all else. */
export function exportTemplate(context: DeploymentContext, resources: readonly Resource[]): JsonObject {
  const { config } = context;
  const group = resources.find(({ kind }) => kind === "group");
  const name = `sealflow-${deploymentName(config)}`.slice(0, 64);
  const asksForKey = JSON.stringify(resources).includes(generatedKey);
  return {
    $schema: schemas.subscription,
    contentVersion: "1.0.0.0",
    metadata: { description: describe(resources) },
    ...(asksForKey ? { parameters: sshParameter } : {}),
    resources: [
      ...(group === undefined || group.attached ? [] : [groupOf(group, config.resourceGroup.name)]),
      nested(context, resources, name, asksForKey),
      ...pullElsewhere(context, resources, name),
    ],
  };
}

function describe(resources: readonly Resource[]): string {
  const policy = resources.some(({ kind }) => kind === "attestation-policy");
  const left = policy
    ? " The policy of the attestation provider is not part of templates: set it afterwards."
    : "";
  return `Made from a Sealflow configuration.${left}`;
}

function groupOf(group: Resource, name: string): JsonObject {
  return {
    type: "Microsoft.Resources/resourceGroups",
    apiVersion: groupsVersion,
    name,
    ...inTemplate(createBody(group)),
  };
}

function nested(
  { config }: DeploymentContext,
  resources: readonly Resource[],
  name: string,
  asksForKey: boolean,
): JsonObject {
  const inside = resources.filter((resource) => isInside(resource, resources));
  const template = {
    $schema: schemas.group,
    contentVersion: "1.0.0.0",
    ...(asksForKey ? { parameters: { sshPublicKey: { type: "string" } } } : {}),
    resources: inside.map((resource) => toTemplate(resource, inside)),
    outputs: { kubeletPrincipalId: { type: "string", value: kubeletPrincipal(resources) } },
  };
  const group = config.resourceGroup;
  return {
    type: "Microsoft.Resources/deployments",
    apiVersion: deploymentsVersion,
    name,
    resourceGroup: group.name,
    ...(group.attach
      ? {}
      : { dependsOn: [`[subscriptionResourceId('Microsoft.Resources/resourceGroups', '${group.name}')]`] }),
    properties: {
      mode: "Incremental",
      expressionEvaluationOptions: { scope: "inner" },
      ...(asksForKey ? { parameters: { sshPublicKey: { value: "[parameters('sshPublicKey')]" } } } : {}),
      template,
    },
  };
}

/** In the nested template: not the group, nothing attached, no pool of the cluster's own body, no role elsewhere. */
function isInside(resource: Resource, resources: readonly Resource[]): boolean {
  if (resource.kind === "group" || resource.kind === "attestation-policy" || resource.attached) return false;
  return resource.madeWith === undefined && !isElsewhere(resource, resources);
}

/** A role on a registry that is attached: it may lie in another group. */
function isElsewhere({ kind, role }: Resource, resources: readonly Resource[]): boolean {
  return kind === "role" && resources.some(({ attached, id }) => attached && id === role?.scope);
}

function toTemplate(resource: Resource, inside: readonly Resource[]): JsonObject {
  if (resource.role !== undefined) return roleOf(resource, resource.role, inside);
  const { type, name } = typeAndName(resource.id);
  const dependsOn = dependencies(resource, inside);
  return {
    type,
    apiVersion: resource.apiVersion,
    name,
    ...(dependsOn.length === 0 ? {} : { dependsOn }),
    ...inTemplate(createBody(resource), inside),
  };
}

/** Names of assignments can't depend on what is known at deployment, so that the cluster's id stands for its identity. */
function roleOf(
  resource: Resource,
  role: NonNullable<Resource["role"]>,
  inside: readonly Resource[],
): JsonObject {
  const scope = idExpression(role.scope);
  const principal = isReference(role.principal)
    ? inside.find(({ address }) => address === (role.principal as Reference).$ref)
    : undefined;
  const seed = principal === undefined ? "'principal'" : idExpression(principal.id);
  return {
    type: "Microsoft.Authorization/roleAssignments",
    apiVersion: resource.apiVersion,
    scope: `[${scope}]`,
    name: `[guid(${scope}, ${seed}, '${roleName(role)}')]`,
    dependsOn: dependencies(resource, inside),
    ...roleBody(resource, role, inside),
  };
}

function roleBody(
  resource: Resource,
  role: NonNullable<Resource["role"]>,
  inside: readonly Resource[],
): JsonObject {
  const body = inTemplate(createBody(resource), inside);
  const properties = isJsonObject(body.properties) ? body.properties : {};
  const definition = `[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '${roleName(role)}')]`;
  return { properties: { ...properties, roleDefinitionId: definition } };
}

function roleName({ roleDefinitionId }: NonNullable<Resource["role"]>): string {
  return roleDefinitionId.split("/").at(-1) ?? "";
}

function pullElsewhere(
  { config }: DeploymentContext,
  resources: readonly Resource[],
  name: string,
): JsonObject[] {
  return resources
    .filter((resource) => isElsewhere(resource, resources))
    .flatMap((resource) => {
      const { role } = resource;
      if (role === undefined) return [];
      const [, subscription, group] =
        /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)/i.exec(role.scope) ?? [];
      const assignment = roleOf(resource, role, []);
      const template = {
        $schema: schemas.group,
        contentVersion: "1.0.0.0",
        parameters: { principalId: { type: "string" } },
        resources: [{ ...assignment, dependsOn: [], properties: pullProperties(role) }],
      };
      return [
        {
          type: "Microsoft.Resources/deployments",
          apiVersion: deploymentsVersion,
          name: `${name}-pull`.slice(0, 64),
          subscriptionId: subscription ?? "",
          resourceGroup: group ?? config.resourceGroup.name,
          dependsOn: [nestedId(config.resourceGroup.name, name)],
          properties: {
            mode: "Incremental",
            expressionEvaluationOptions: { scope: "inner" },
            parameters: {
              principalId: {
                value: `[reference(${nestedId(config.resourceGroup.name, name).slice(1, -1)}).outputs.kubeletPrincipalId.value]`,
              },
            },
            template,
          },
        },
      ];
    });
}

function pullProperties(role: NonNullable<Resource["role"]>): JsonObject {
  return {
    roleDefinitionId: `[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '${roleName(role)}')]`,
    principalId: "[parameters('principalId')]",
    principalType: "ServicePrincipal",
  };
}

function nestedId(group: string, name: string): string {
  return `[resourceId('${group}', 'Microsoft.Resources/deployments', '${name}')]`;
}

function kubeletPrincipal(resources: readonly Resource[]): string {
  const cluster = resources.find(({ kind }) => kind === "cluster");
  if (cluster === undefined) return "";
  return referenceExpression(cluster, "properties.identityProfile.kubeletidentity.objectId");
}

function dependencies(resource: Resource, inside: readonly Resource[]): string[] {
  return inside
    .filter(({ address }) => resource.dependsOn.includes(address))
    .map(({ id }) => `[${idExpression(id)}]`);
}

/** Type and name of a path: `…/providers/NAMESPACE/TYPE/NAME/SUBTYPE/SUBNAME`. */
function typeAndName(id: string): { type: string; name: string } {
  const [namespace = "", ...parts] = (id.split("/providers/").at(-1) ?? "").split("/");
  const types = parts.filter((_, index) => index % 2 === 0);
  const names = parts.filter((_, index) => index % 2 === 1);
  return { type: [namespace, ...types].join("/"), name: names.join("/") };
}

function idExpression(id: string): string {
  const { type, name } = typeAndName(id);
  return `resourceId('${type}', ${name
    .split("/")
    .map((part) => `'${part}'`)
    .join(", ")})`;
}

function referenceExpression(resource: Resource, path: string): string {
  return `[reference(${idExpression(resource.id)}, '${resource.apiVersion}').${path.replace(/^properties\./, "")}]`;
}

/**
 * The body in the template language: references and the unknown key become expressions; other text that begins with a
 * bracket is doubled, so that it is not read as one.
 */
function inTemplate(body: JsonObject, inside: readonly Resource[] = []): JsonObject {
  const walk = (value: JsonValue): JsonValue => {
    if (value === generatedKey) return "[parameters('sshPublicKey')]";
    if (typeof value === "string") return value.startsWith("[") ? `[${value}` : value;
    if (Array.isArray(value)) return value.map((member: JsonValue) => walk(member));
    if (!isJsonObject(value)) return value;
    const target = isReference(value) ? inside.find(({ address }) => address === value.$ref) : undefined;
    if (target !== undefined && isReference(value)) return referenceExpression(target, value.path);
    return membersOf(value, walk);
  };
  return membersOf(body, walk);
}

function membersOf(object: JsonObject, walk: (value: JsonValue) => JsonValue): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, member]) => [key, walk(member)]));
}
