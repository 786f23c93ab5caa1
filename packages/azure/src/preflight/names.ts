import { registryName } from "../config/schema.js";
import { apiVersions } from "../resources/ids.js";
import type { PreflightCheck, PreflightContext } from "./context.js";
import type { PreflightFinding } from "./types.js";

const name = "names";

/** Names that have to be unique in all of Azure are free, or taken by this deployment. */
export const namesCheck: PreflightCheck = {
  name,
  async run(context) {
    const { config, live } = context;
    const vault = config.keyVault?.name;
    return Promise.all([
      ...(config.registry.attach || live?.found.has("registry")
        ? []
        : [
            check(context, {
              namespace: "Microsoft.ContainerRegistry",
              type: "registries",
              wanted: registryName(config),
              apiVersion: apiVersions.registries,
            }),
          ]),
      ...(vault === undefined || live?.found.has("vault")
        ? []
        : [
            check(context, {
              namespace: "Microsoft.KeyVault",
              type: "vaults",
              wanted: vault,
              apiVersion: apiVersions.vaults,
            }),
          ]),
    ]);
  },
};

interface Name {
  readonly namespace: string;
  readonly type: string;
  readonly wanted: string;
  readonly apiVersion: string;
}

async function check(
  { client, subscription }: PreflightContext,
  { namespace, type, wanted, apiVersion }: Name,
): Promise<PreflightFinding> {
  const { body } = await client.send({
    method: "POST",
    path: `/subscriptions/${subscription}/providers/${namespace}/checkNameAvailability`,
    apiVersion,
    body: { name: wanted, type: `${namespace}/${type}` },
  });
  if (body.nameAvailable === true)
    return { check: name, status: "ok", message: `${type} name ${wanted} is free` };
  const why = typeof body.message === "string" ? `: ${body.message}` : "";
  const setting = type === "vaults" ? "keyVault.name" : "registry.name";
  return {
    check: name,
    status: "failed",
    message: `${type} name ${wanted} is not free${why}`,
    mend: `choose another ${setting}`,
  };
}
