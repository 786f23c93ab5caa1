/** A provider of Microsoft Azure Attestation (MAA) with its policy, when the configuration asks for one. */
import { type Resource, referenceTo } from "../model/resource.js";
import { type DeploymentContext, tagsOf } from "./context.js";
import { apiVersions, resourceId } from "./ids.js";

/** Provider and policy; empty without `attestation`. */
export function attestationResources(context: DeploymentContext): Resource[] {
  const { config, subscription, attestationPolicy } = context;
  const settings = config.attestation;
  if (settings === undefined) return [];
  const id = resourceId(
    subscription,
    config.resourceGroup.name,
    "Microsoft.Attestation/attestationProviders",
    settings.name,
  );
  const provider: Resource = {
    address: "attestation",
    kind: "attestation",
    id,
    apiVersion: apiVersions.attestation,
    dependsOn: ["group"],
    attached: false,
    precious: false,
    replaceable: true,
    properties: [
      {
        path: "location",
        value: config.location,
        compare: "region",
        change: "replace",
        reason: "a provider can't move",
      },
      { path: "tags", value: tagsOf(config), absent: {}, compare: "include" },
      { path: "properties", value: {}, change: "never" },
    ],
  };
  const text = settings.policy ?? attestationPolicy;
  if (text === undefined) return [provider];
  return [provider, policyResource(id, settings.tee, text)];
}

/** The policy lies behind the provider's own address, not in the resource manager. */
function policyResource(providerId: string, tee: string, text: string): Resource {
  return {
    address: "attestation-policy",
    kind: "attestation-policy",
    id: `${providerId}/policies/${tee}`,
    apiVersion: apiVersions.attestationData,
    dependsOn: ["attestation"],
    attached: false,
    precious: false,
    replaceable: true,
    properties: [
      { path: "endpoint", value: referenceTo("attestation", "properties.attestUri"), change: "never" },
      { path: "tee", value: tee, change: "never" },
      { path: "policy", value: text.replaceAll("\r\n", "\n").trim() },
    ],
  };
}
