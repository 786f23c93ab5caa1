import { textAt } from "../model/path.js";
import { apiVersions } from "../resources/ids.js";
import type { PreflightCheck, PreflightContext } from "./context.js";
import type { PreflightFinding } from "./types.js";

/** The resource providers that the configuration needs are registered. */
export const providersCheck: PreflightCheck = {
  name: "providers",
  async run(context) {
    return Promise.all(needed(context).map((namespace) => check(context, namespace)));
  },
};

function needed({ config }: PreflightContext): string[] {
  return [
    "Microsoft.ContainerService",
    "Microsoft.ContainerRegistry",
    "Microsoft.Compute",
    "Microsoft.Network",
    "Microsoft.Storage",
    ...(config.keyVault === undefined ? [] : ["Microsoft.KeyVault"]),
    ...(config.attestation === undefined ? [] : ["Microsoft.Attestation"]),
    ...(config.workload === undefined ? [] : ["Microsoft.ManagedIdentity"]),
  ];
}

async function check(
  { client, subscription }: PreflightContext,
  namespace: string,
): Promise<PreflightFinding> {
  const found = await client.find(
    `/subscriptions/${subscription}/providers/${namespace}`,
    apiVersions.providers,
  );
  const state = textAt(found, "registrationState") ?? "NotRegistered";
  if (/^registered$/i.test(state))
    return { check: "providers", status: "ok", message: `${namespace} is registered` };
  return {
    check: "providers",
    status: "failed",
    message: `${namespace} is ${state}`,
    mend: `az provider register --namespace ${namespace} --wait`,
  };
}
