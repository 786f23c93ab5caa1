/** Errors as the API tells them: `google.rpc.Status` bodies with the HTTP status that the gRPC gateway gives each code. */
import { type ErrorBody, isSealflowError, SealflowError } from "@sealflow/core";
import type { RpcStatus } from "@sealflow/kfp";

/** `google.rpc.Code`, as far as it is used here, with grpc-gateway's HTTP status. */
export const rpc = {
  INVALID_ARGUMENT: { code: 3, http: 400 },
  NOT_FOUND: { code: 5, http: 404 },
  ALREADY_EXISTS: { code: 6, http: 409 },
  PERMISSION_DENIED: { code: 7, http: 403 },
  RESOURCE_EXHAUSTED: { code: 8, http: 429 },
  FAILED_PRECONDITION: { code: 9, http: 400 },
  ABORTED: { code: 10, http: 409 },
  UNIMPLEMENTED: { code: 12, http: 501 },
  INTERNAL: { code: 13, http: 500 },
  UNAVAILABLE: { code: 14, http: 503 },
  UNAUTHENTICATED: { code: 16, http: 401 },
} as const;

/** Name of a `google.rpc.Code`. */
export type RpcName = keyof typeof rpc;

const byCode: Readonly<Record<string, RpcName>> = {
  SERVER_BODY_TOO_LARGE: "INVALID_ARGUMENT",
  SERVER_EXPERIMENT_UNKNOWN: "NOT_FOUND",
  SERVER_PIPELINE_UNKNOWN: "NOT_FOUND",
  SERVER_VERSION_UNKNOWN: "NOT_FOUND",
  SERVER_RUN_UNKNOWN: "NOT_FOUND",
  SERVER_RECURRING_RUN_UNKNOWN: "NOT_FOUND",
  SERVER_TASK_UNKNOWN: "NOT_FOUND",
  SERVER_ARTIFACT_UNKNOWN: "NOT_FOUND",
  SERVER_BUNDLE_UNKNOWN: "NOT_FOUND",
  SERVER_LOG_UNKNOWN: "NOT_FOUND",
  SERVER_ROUTE_UNKNOWN: "NOT_FOUND",
  SERVER_NAME_TAKEN: "ALREADY_EXISTS",
  SERVER_HOST_REFUSED: "PERMISSION_DENIED",
  SERVER_ORIGIN_REFUSED: "PERMISSION_DENIED",
  SERVER_TOKEN_REQUIRED: "UNAUTHENTICATED",
  SERVER_RATE_LIMITED: "RESOURCE_EXHAUSTED",
  SERVER_QUEUE_FULL: "RESOURCE_EXHAUSTED",
  SERVER_WATCHERS_FULL: "RESOURCE_EXHAUSTED",
  SERVER_RUN_ACTIVE: "FAILED_PRECONDITION",
  SERVER_RUN_ENDED: "FAILED_PRECONDITION",
  SERVER_EXPERIMENT_ARCHIVED: "FAILED_PRECONDITION",
  SERVER_PIPELINE_NOT_EMPTY: "FAILED_PRECONDITION",
  SERVER_METHOD_MISSING: "UNIMPLEMENTED",
  SERVER_STOPPING: "UNAVAILABLE",
  ENGINE_RUN_UNKNOWN: "NOT_FOUND",
  ENGINE_RUN_BUSY: "FAILED_PRECONDITION",
  ENGINE_RUN_EXISTS: "ALREADY_EXISTS",
  ENGINE_RUN_FINISHED: "FAILED_PRECONDITION",
  ENGINE_RUN_NOT_RUNNING: "FAILED_PRECONDITION",
  ENGINE_RUN_SUCCEEDED: "FAILED_PRECONDITION",
};

/** HTTP statuses that say more than the gateway's. */
const ownStatus: Readonly<Record<string, number>> = { SERVER_BODY_TOO_LARGE: 413 };

/** Codes whose error is the request's fault, where the table above does not say more. */
const requestPrefixes = ["PIPELINE_", "IR_", "SERVER_"];

/** The gRPC code of an error. Unknown ones are internal. */
export function rpcNameOf(error: { readonly code: string }): RpcName {
  const { code } = error;
  if (code === "SERVER_INTERNAL") return "INTERNAL";
  const known = byCode[code];
  if (known !== undefined) return known;
  return requestPrefixes.some((prefix) => code.startsWith(prefix)) ? "INVALID_ARGUMENT" : "INTERNAL";
}

/** An error about the request. */
export function invalid(code: string, message: string, hint?: string): SealflowError {
  return new SealflowError({ code, message, ...(hint === undefined ? {} : { hint }) });
}

/** The body of an error answer. */
export function statusOf(body: ErrorBody, name: RpcName = rpcNameOf(body)): RpcStatus {
  const { code, message, hint, where, findings } = body;
  const metadata = {
    ...(hint === undefined ? {} : { hint }),
    ...(where?.path === undefined ? {} : { path: where.path }),
    ...(where?.line === undefined ? {} : { line: String(where.line) }),
  };
  const info = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    reason: code,
    domain: "sealflow",
    metadata,
  };
  const violations = (findings ?? []).map((finding) => ({
    field: finding.where?.path ?? "",
    description: `${finding.code}: ${finding.message}`,
  }));
  const request = { "@type": "type.googleapis.com/google.rpc.BadRequest", field_violations: violations };
  return {
    code: rpc[name].code,
    message,
    details: violations.length === 0 ? [info] : [info, request],
  };
}

/** HTTP status and body for anything thrown. What is not ours says nothing about its cause to the caller. */
export function answerFor(error: unknown): { readonly http: number; readonly body: RpcStatus } {
  if (!isSealflowError(error)) {
    const body = statusOf({
      code: "SERVER_INTERNAL",
      message: "server: an internal error, see the server's log",
    });
    return { http: rpc.INTERNAL.http, body };
  }
  const name = rpcNameOf(error);
  return { http: ownStatus[error.code] ?? rpc[name].http, body: statusOf(error.toJSON(), name) };
}
