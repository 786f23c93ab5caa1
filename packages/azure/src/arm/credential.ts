/** Signing in. `@azure/identity` does it, and is loaded when a token is first needed. */
import type { TokenCredential } from "@azure/identity";
import { SealflowError } from "@sealflow/core";
import type { CloudConfig } from "../config/schema.js";
import type { Endpoints, Environment } from "./endpoints.js";
import { redact } from "./redact.js";

/** Gives tokens for scopes. */
export type Credential = Pick<TokenCredential, "getToken">;

/** What signing in depends on. */
export interface CredentialOptions {
  readonly login: CloudConfig["login"];
  readonly tenant: string | undefined;
  readonly endpoints: Endpoints;
  readonly env: Environment;
  readonly ca?: string;
  /** Shows the code and address of a device login. */
  readonly tell: (message: string) => void;
}

/**
 * A credential for the configured way of signing in. `auto` takes a service principal from AZURE_TENANT_ID,
 * AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH, else a workload identity from
 * AZURE_FEDERATED_TOKEN_FILE, else the Azure CLI's login.
 *
 * Its `getToken` throws SealflowError `AZURE_LOGIN_FAILED`.
 */
export function createCredential(options: CredentialOptions): Credential {
  let inner: Promise<TokenCredential> | undefined;
  return {
    async getToken(scopes, tokenOptions) {
      try {
        inner ??= build(options);
        return await (await inner).getToken(scopes, tokenOptions);
      } catch (cause) {
        throw loginFailed(cause);
      }
    },
  };
}

async function build(options: CredentialOptions): Promise<TokenCredential> {
  const { login } = options;
  const kind = login === "auto" ? detected(options.env) : login;
  const identity = await import("@azure/identity");
  const { env, endpoints, ca, tell } = options;
  const tenantId = options.tenant ?? (env.AZURE_TENANT_ID || undefined);
  const tenant = tenantId === undefined ? {} : { tenantId };
  const shared = {
    authorityHost: endpoints.authority,
    disableInstanceDiscovery: endpoints.disableInstanceDiscovery,
    ...(ca === undefined ? {} : { tlsOptions: { ca } }),
  };
  switch (kind) {
    case "environment":
      return fromEnvironment(identity, env, tenantId, shared);
    case "workload-identity":
      return new identity.WorkloadIdentityCredential({
        ...shared,
        ...tenant,
        ...(env.AZURE_CLIENT_ID ? { clientId: env.AZURE_CLIENT_ID } : {}),
        ...(env.AZURE_FEDERATED_TOKEN_FILE ? { tokenFilePath: env.AZURE_FEDERATED_TOKEN_FILE } : {}),
      });
    case "managed-identity":
      return new identity.ManagedIdentityCredential(
        env.AZURE_CLIENT_ID ? { clientId: env.AZURE_CLIENT_ID, ...shared } : shared,
      );
    case "device-code":
      return new identity.DeviceCodeCredential({
        ...shared,
        ...tenant,
        userPromptCallback: ({ message }) => tell(message),
      });
    default:
      return new identity.AzureCliCredential(tenant);
  }
}

function detected(env: Environment): Exclude<CloudConfig["login"], "auto"> {
  const secret = env.AZURE_CLIENT_SECRET || env.AZURE_CLIENT_CERTIFICATE_PATH;
  if (env.AZURE_CLIENT_ID && env.AZURE_TENANT_ID && secret) return "environment";
  if (env.AZURE_CLIENT_ID && env.AZURE_FEDERATED_TOKEN_FILE) return "workload-identity";
  return "azure-cli";
}

function fromEnvironment(
  identity: typeof import("@azure/identity"),
  env: Environment,
  tenant: string | undefined,
  shared: object,
): TokenCredential {
  const {
    AZURE_CLIENT_ID: client,
    AZURE_CLIENT_SECRET: secret,
    AZURE_CLIENT_CERTIFICATE_PATH: certificate,
  } = env;
  if (tenant && client && secret) return new identity.ClientSecretCredential(tenant, client, secret, shared);
  if (tenant && client && certificate)
    return new identity.ClientCertificateCredential(tenant, client, certificate, shared);
  throw new SealflowError({
    code: "AZURE_LOGIN_FAILED",
    message:
      "login: expected AZURE_TENANT_ID, AZURE_CLIENT_ID and a secret or certificate in the environment",
    hint: "set AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH, or choose another cloud.login",
  });
}

function loginFailed(cause: unknown): SealflowError {
  if (cause instanceof SealflowError) return cause;
  const first = (cause instanceof Error ? cause.message : String(cause)).split("\n")[0] ?? "";
  return new SealflowError({
    code: "AZURE_LOGIN_FAILED",
    message: `login: expected a token, got ${redact(first)}`,
    hint: "az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET; docs/guide/azure.md lists all ways",
    cause,
  });
}
