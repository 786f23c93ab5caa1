/** How the broker's refusals look over HTTP. Source: docs/reference/broker-protocol.md. */
import { type ErrorBody, isSealflowError } from "@sealflow/core";

const byCode: Readonly<Record<string, number>> = {
  TRUST_RUN_UNKNOWN: 404,
  SERVER_ROUTE_UNKNOWN: 404,
  TRUST_TASK_NOT_DUE: 409,
  TRUST_ATTEMPT_TAKEN: 409,
  TRUST_ATTEMPTS_EXHAUSTED: 409,
  TRUST_COMMIT_ATTEMPT: 409,
  TRUST_RUN_TAKEN: 409,
  TRUST_DOCUMENT_MALFORMED: 400,
  SERVER_REQUEST_INVALID: 400,
  SERVER_BODY_TOO_LARGE: 413,
  SERVER_RATE_LIMITED: 429,
  SERVER_QUEUE_FULL: 503,
  TRUST_BROKER_STOPPED: 503,
};

const malformed = /^(PIPELINE_|CORE_|SEAL_.*_MALFORMED$)/;
const refused = /^(TRUST_|SEAL_|ATTEST_)/;

/** Status and body for anything thrown. What is not ours says nothing about its cause. */
export function brokerAnswer(error: unknown): {
  readonly status: number;
  readonly body: { readonly error: ErrorBody };
} {
  if (!isSealflowError(error)) {
    const message = "broker: an internal error, see its log";
    return { status: 500, body: { error: { code: "SERVER_INTERNAL", message } } };
  }
  const { code } = error;
  const known = byCode[code] ?? (malformed.test(code) ? 400 : refused.test(code) ? 403 : 500);
  return { status: known, body: { error: error.toJSON() } };
}
