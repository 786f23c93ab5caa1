/** What Azure says went wrong, and what to do about it. */
import { isJsonObject, isSealflowError, type JsonObject, SealflowError } from "@sealflow/core";
import { redact } from "./redact.js";

/** An error as the resource manager writes it. */
export interface AzureError {
  readonly code: string;
  readonly message: string;
  readonly target?: string;
}

/** Where an error came from. */
export interface FailureContext {
  readonly method: string;
  /** Path without its query. */
  readonly path: string;
  readonly status: number;
  readonly correlationId?: string;
}

const hints: readonly (readonly [RegExp, string])[] = [
  [
    /quota|OperationNotAllowed.*exceed|ErrCode_InsufficientVCPUQuota/i,
    "ask for quota in the portal (Quotas, Compute), lower the count, or use another size or region; sealflow cloud preflight shows what is free",
  ],
  [
    /SkuNotAvailable|VMSizeNotSupported|AllocationFailed|ZonalAllocationFailed|OverconstrainedAllocation|VMExtensionProvisioningError.*capacity/i,
    "the size is not to be had here: sealflow cloud preflight names regions and sizes that are",
  ],
  [
    /AuthorizationFailed|LinkedAuthorizationFailed|Forbidden/i,
    "your login lacks this permission: Contributor and User Access Administrator on the resource group suffice",
  ],
  [
    /InvalidAuthenticationToken|ExpiredAuthenticationToken|AuthenticationFailed/i,
    "sign in again (az login), or check tenant and authority",
  ],
  [/SubscriptionNotFound|SubscriptionNotRegistered/i, "check cloud.subscription and the login's tenant"],
  [
    /MissingSubscriptionRegistration|NoRegisteredProviderFound/i,
    "az provider register --namespace NAME --wait",
  ],
  [
    /K8sVersionNotSupported|UnsupportedKubernetesVersion/i,
    "az aks get-versions --location REGION lists versions; or leave kubernetesVersion out",
  ],
  [
    /AlreadyInUse|NameNotAvailable|NameUnavailable|VaultAlreadyExists/i,
    "the name is taken by somebody: choose another",
  ],
  [/RequestDisallowedByPolicy/i, "an Azure policy forbids it: the message names the policy; ask its owner"],
  [/ScopeLocked/i, "a lock protects the resource: remove it (az lock list), or leave the resource alone"],
  [
    /PropertyChangeNotAllowed/i,
    "Azure does not change this property on what exists; report it with the plan",
  ],
  [/DnsRecordNotFound|LinkedInvalidPropertyId/i, "something that the request refers to is missing"],
];

/** What to do about an error code or message of Azure; undefined when nothing particular is known. */
export function hintFor(error: AzureError): string | undefined {
  const text = `${error.code} ${error.message}`;
  return hints.find(([pattern]) => pattern.test(text))?.[1];
}

/** Reads `{error: {code, message, target, details}}`, the innermost error being the telling one. */
export function parseAzureError(body: unknown): AzureError | undefined {
  const error = isJsonObject(body) && isJsonObject(body.error) ? body.error : body;
  if (!isJsonObject(error)) return undefined;
  const { code, message, target } = error;
  if (typeof code !== "string" && typeof message !== "string") return undefined;
  const own: AzureError = {
    code: typeof code === "string" ? code : "Unknown",
    message: typeof message === "string" ? message : "",
    ...(typeof target === "string" ? { target } : {}),
  };
  const inner = detailOf(error);
  const wraps =
    own.message === "" ||
    /^(DeploymentFailed|ResourceDeploymentFailure|MultipleErrorsOccurred)$/.test(own.code);
  if (inner === undefined) return own;
  return wraps ? inner : { ...own, message: joined(own.message, inner) };
}

function detailOf(error: JsonObject): AzureError | undefined {
  const { details } = error;
  return Array.isArray(details) ? parseAzureError(details[0]) : undefined;
}

function joined(message: string, inner: AzureError): string {
  return message.includes(inner.message) ? message : `${message} (${inner.code}: ${inner.message})`;
}

/** An error for a request that was refused. */
export function requestFailed(error: AzureError, context: FailureContext): SealflowError {
  return azureFailure("AZURE_REQUEST_FAILED", `${context.method} ${shortPath(context.path)}`, error, context);
}

/** An error for an operation that was accepted and then failed. */
export function operationFailed(error: AzureError, context: FailureContext): SealflowError {
  return azureFailure("AZURE_OPERATION_FAILED", shortPath(context.path), error, context);
}

function azureFailure(code: string, what: string, error: AzureError, context: FailureContext): SealflowError {
  const target = error.target === undefined ? "" : ` (target: ${error.target})`;
  const hint = hintFor(error);
  const message = redact(error.message).replace(/\s+/g, " ").trim();
  return new SealflowError({
    code,
    message: `${what}: ${error.code}: ${message}${target}`,
    ...(hint === undefined ? {} : { hint }),
    data: {
      status: context.status,
      azureCode: error.code,
      azureMessage: message,
      ...(error.target === undefined ? {} : { target: error.target }),
      ...(context.correlationId === undefined ? {} : { correlationId: context.correlationId }),
    },
  });
}

/** The telling end of a path: type and name. */
export function shortPath(path: string): string {
  const parts = path.split("/providers/");
  const last = parts.at(-1) ?? path;
  return parts.length > 1 ? last : path.replace(/^\/subscriptions\/[^/]+\//, "");
}

/** HTTP status of a failed request, or undefined for other errors. */
export function statusOf(error: unknown): number | undefined {
  const status = isSealflowError(error) ? error.data?.status : undefined;
  return typeof status === "number" ? status : undefined;
}

/** Azure's own code of an error, or the empty text. */
export function azureCodeOf(error: unknown): string {
  const code = isSealflowError(error) ? error.data?.azureCode : undefined;
  return typeof code === "string" ? code : "";
}
