/** Where Azure is: the public cloud, sovereign ones, and endpoints of one's own. */
import { SealflowError } from "@sealflow/core";
import type { CloudConfig } from "../config/schema.js";

/** Addresses and OAuth scopes; scopes are always set, since clients otherwise ask for the public cloud's. */
export interface Endpoints {
  /** Without a slash at the end. */
  readonly resourceManager: string;
  readonly authority: string;
  readonly scope: string;
  /** Undefined where the cloud has no attestation service and none is named. */
  readonly attestationScope: string | undefined;
  readonly prices: string;
  readonly disableInstanceDiscovery: boolean;
}

/** Environment variables, as far as they are read here. */
export type Environment = Readonly<Partial<Record<string, string>>>;

const clouds = {
  AzureCloud: {
    resourceManager: "https://management.azure.com",
    authority: "https://login.microsoftonline.com",
    attestationScope: "https://attest.azure.net/.default",
  },
  AzureUSGovernment: {
    resourceManager: "https://management.usgovcloudapi.net",
    authority: "https://login.microsoftonline.us",
    attestationScope: "https://attest.azure.us/.default",
  },
  AzureChinaCloud: {
    resourceManager: "https://management.chinacloudapi.cn",
    authority: "https://login.chinacloudapi.cn",
    attestationScope: undefined,
  },
} as const;

const publicPrices = "https://prices.azure.com/api/retail/prices";

/**
 * Endpoints of a configuration. Variables come before the file, so that the same file can be tried elsewhere:
 * `SEALFLOW_AZURE_RESOURCE_MANAGER`, `SEALFLOW_AZURE_SCOPE`, `SEALFLOW_AZURE_ATTESTATION_SCOPE`,
 * `SEALFLOW_AZURE_PRICES`, and the authority AZURE_AUTHORITY_HOST of Azure's own tools.
 *
 * @throws SealflowError `AZURE_ENDPOINT_INVALID`
 */
export function endpointsOf(config: CloudConfig, env: Environment): Endpoints {
  const cloud = clouds[config.environment];
  const own = config.endpoints;
  const named = env.SEALFLOW_AZURE_RESOURCE_MANAGER || own.resourceManager;
  const resourceManager = address(named ?? cloud.resourceManager, "resource manager");
  const authority = address(env.AZURE_AUTHORITY_HOST || own.authority || cloud.authority, "authority");
  const known = Object.values(clouds).some((each) => each.authority === authority);
  return {
    resourceManager,
    authority,
    scope: env.SEALFLOW_AZURE_SCOPE || own.scope || `${resourceManager}/.default`,
    attestationScope: env.SEALFLOW_AZURE_ATTESTATION_SCOPE || own.attestationScope || cloud.attestationScope,
    prices: address(env.SEALFLOW_AZURE_PRICES || own.prices || publicPrices, "prices"),
    disableInstanceDiscovery: config.disableInstanceDiscovery ?? !known,
  };
}

/** @throws SealflowError when it is no https address: tokens go nowhere unencrypted. */
function address(text: string, what: string): string {
  const whole = text.includes("://") ? text : `https://${text}`;
  if (URL.canParse(whole) && new URL(whole).protocol === "https:") return whole.replace(/\/+$/, "");
  throw new SealflowError({
    code: "AZURE_ENDPOINT_INVALID",
    message: `${what}: expected an https:// address, got ${JSON.stringify(text)}`,
    hint: "give a stand-in TLS and name its certificate authority in NODE_EXTRA_CA_CERTS",
  });
}
