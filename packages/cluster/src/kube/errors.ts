/** What goes wrong between this program and a Kubernetes API server. */
import { isJsonObject, type JsonObject, SealflowError } from "@sealflow/core";
import type { KubeStatus } from "./objects.js";

/** The refusal of a request; `data.status` is the HTTP status, `data.reason` the API's word for it. */
export function refusal(
  request: { method: string; path: string },
  status: number,
  body: string,
): SealflowError {
  const said = statusIn(body);
  const message = said.message ?? (body.trim().slice(0, 300) || `HTTP ${status}`);
  const hint = hintFor(status, said);
  return new SealflowError({
    code: "CLUSTER_REQUEST_REFUSED",
    message: `${request.method} ${request.path.split("?")[0]}: ${message}`,
    ...(hint === undefined ? {} : { hint }),
    data: {
      status,
      ...(said.reason === undefined ? {} : { reason: said.reason }),
      ...(said.details === undefined ? {} : { details: said.details }),
    },
  });
}

function statusIn(body: string): KubeStatus {
  try {
    const value: unknown = JSON.parse(body);
    if (isJsonObject(value) && value.kind === "Status") return value as KubeStatus & JsonObject;
  } catch {
    // A proxy in between answers with text.
  }
  return {};
}

function hintFor(status: number, said: KubeStatus): string | undefined {
  if (status === 401)
    return "The cluster does not know these credentials: log in again, or check the context.";
  if (status === 403 && /exceeded quota/.test(said.message ?? ""))
    return "Raise the namespace's resource quota, or ask for less.";
  if (status === 403) return "Ask the cluster's administrator for this permission, or use another context.";
  if (status === 409 && /conflict/.test(said.message ?? "") && said.reason === "Conflict")
    return "Another program owns these fields. --force-conflicts takes them over.";
  if (status === 429) return "The API server is busy. Try again.";
  return undefined;
}

/** The HTTP status of a refusal; undefined for any other error. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("data" in error)) return undefined;
  const { data } = error as SealflowError;
  return typeof data?.status === "number" ? data.status : undefined;
}

/** True when what was asked for does not exist. */
export function isNotFound(error: unknown): boolean {
  return statusOf(error) === 404;
}

/** True when another attempt may go better: the server or the network is busy, or a webhook does not answer yet. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ((error as Partial<SealflowError>).code === "CLUSTER_UNREACHABLE") return true;
  const status = statusOf(error);
  if (status === 429 || status === 502 || status === 503 || status === 504) return true;
  return status === 500 && /webhook|timed? ?out|etcd|leader/i.test(error.message);
}

/** Nobody answers. */
export function unreachable(server: string, cause: unknown): SealflowError {
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
  const certificate = /certificate|self.signed|CERT_|altname/i.test(reason);
  return new SealflowError({
    code: "CLUSTER_UNREACHABLE",
    message: `${server}: expected an answer of the Kubernetes API, got ${reason}`,
    hint: certificate
      ? "The context's certificate authority does not fit this server."
      : "Check that the cluster runs, the address of the context, and the network between.",
    cause,
  });
}

/** A kubeconfig that can't be used. */
export function invalidConfig(message: string, more: { hint?: string; file?: string } = {}): SealflowError {
  return new SealflowError({
    code: "CLUSTER_KUBECONFIG_INVALID",
    message,
    ...(more.hint === undefined ? {} : { hint: more.hint }),
    ...(more.file === undefined ? {} : { where: { file: more.file } }),
  });
}
