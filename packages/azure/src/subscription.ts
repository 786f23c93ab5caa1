/** Which subscription and tenant: named, or the default one of the Azure CLI's login. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { isJsonObject, SealflowError } from "@sealflow/core";
import type { Environment } from "./arm/endpoints.js";
import type { CloudConfig } from "./config/schema.js";

/** A subscription and the directory that it trusts. */
export interface Account {
  readonly subscription: string;
  readonly tenant: string | undefined;
}

/**
 * The configuration first, then AZURE_SUBSCRIPTION_ID, then the Azure CLI's default subscription.
 *
 * @throws SealflowError `AZURE_SUBSCRIPTION_MISSING`
 */
export async function findAccount(config: CloudConfig, env: Environment): Promise<Account> {
  const tenant = config.tenant ?? (env.AZURE_TENANT_ID || undefined);
  const named = config.subscription ?? (env.AZURE_SUBSCRIPTION_ID || undefined);
  if (named !== undefined && tenant !== undefined) return { subscription: named, tenant };
  const account = await azureCliAccount(env, named);
  const subscription = named ?? account?.subscription;
  if (subscription !== undefined) return { subscription, tenant: tenant ?? account?.tenant };
  throw new SealflowError({
    code: "AZURE_SUBSCRIPTION_MISSING",
    message:
      "subscription: expected one in cloud.subscription, AZURE_SUBSCRIPTION_ID or the Azure CLI's login, got none",
    hint: "az account set --subscription NAME, or write it into the configuration",
  });
}

/** What the Azure CLI keeps of the subscription, or of its default one. */
async function azureCliAccount(env: Environment, id: string | undefined): Promise<Account | undefined> {
  const directory = env.AZURE_CONFIG_DIR || join(env.HOME || homedir(), ".azure");
  try {
    const text = await readFile(join(directory, "azureProfile.json"), "utf8");
    const profile: unknown = JSON.parse(text.replace(/^\uFEFF/, ""));
    const list =
      isJsonObject(profile) && Array.isArray(profile.subscriptions)
        ? profile.subscriptions.filter(isJsonObject)
        : [];
    const found = list.find((each) => (id === undefined ? each.isDefault === true : each.id === id));
    if (typeof found?.id !== "string") return undefined;
    return {
      subscription: found.id,
      tenant: typeof found.tenantId === "string" ? found.tenantId : undefined,
    };
  } catch {
    return undefined;
  }
}
