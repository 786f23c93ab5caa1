/** A broker behind its HTTP routes. The protocol protects itself: nothing depends on who carries the messages. */
import { type Fetch, isJsonObject, isSealflowError, SealflowError } from "@sealflow/core";
import type { TaskBroker } from "./task-broker.js";

/** How a broker is reached. */
export interface HttpBrokerOptions {
  /** For example `https://broker.bank.example:8443`. */
  readonly url: string;
  readonly fetch: Fetch;
  /** Waits before another try; without it nothing is tried again. */
  readonly wait?: (milliseconds: number) => Promise<void>;
  /** Tries in all; default 5. */
  readonly tries?: number;
}

const retried = new Set([429, 502, 503, 504]);

/**
 * A client for a broker. Every message may be sent again, so lost replies and busy brokers are tried again.
 *
 * @returns A broker whose calls throw its refusals, and `TRUST_BROKER_UNREACHABLE`, `TRUST_BROKER_ANSWER`.
 */
export function httpBroker(options: HttpBrokerOptions): TaskBroker {
  const base = options.url.replace(/\/+$/, "");
  const ask = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const tries = options.wait === undefined ? 1 : (options.tries ?? 5);
    for (let attempt = 1; ; attempt++) {
      const answer = await once(options, { method, address: `${base}${path}`, body }, attempt === tries);
      if (answer !== undefined) return answer;
      await options.wait?.(200 * 2 ** attempt);
    }
  };
  const json = async <Answer>(method: string, path: string, body?: unknown): Promise<Answer> =>
    // The border where answers become typed: what matters in them is signed.
    (await (await ask(method, path, body)).json()) as Answer;
  const run = (runId: string) => `/v1/runs/${encodeURIComponent(runId)}`;
  return {
    describe: () => json("GET", "/v1/broker"),
    openRun: () => json("POST", "/v1/runs", {}),
    register: (message) => json("PUT", run(message.runId), message),
    challenge: (message) => json("POST", `${run(message.runId)}/challenges`, message),
    request: (message) => json("POST", `${run(message.runId)}/requests`, message),
    commit: (message) => json("POST", `${run(message.runId)}/commits`, message),
    fail: (message) => json("POST", `${run(message.runId)}/failures`, message),
    status: (runId) => json("GET", run(runId)),
    bundle: async (runId) => new Uint8Array(await (await ask("GET", `${run(runId)}/bundle`)).arrayBuffer()),
  };
}

/** One try; undefined when another one may help. */
async function once(
  { fetch }: HttpBrokerOptions,
  { method, address, body }: { readonly method: string; readonly address: string; readonly body: unknown },
  last: boolean,
): Promise<Response | undefined> {
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
  } catch (cause) {
    // The transport's own refusal, of another certificate for example: no further try helps.
    if (isSealflowError(cause)) throw cause;
    if (!last) return undefined;
    throw new SealflowError({
      code: "TRUST_BROKER_UNREACHABLE",
      message: `broker ${address}: expected an answer, got ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: "check the address, and that the broker runs; its certificate must be one that is trusted here",
      cause,
    });
  }
  if (response.ok) return response;
  if (!last && retried.has(response.status)) return undefined;
  throw await refusalOf(response, address);
}

/** The broker's own error, or one about an answer that is none of a broker's. */
async function refusalOf(response: Response, address: string): Promise<SealflowError> {
  const value: unknown = await response.json().catch(() => undefined);
  const error = isJsonObject(value) ? value.error : undefined;
  if (isJsonObject(error) && typeof error.code === "string" && typeof error.message === "string") {
    return new SealflowError({
      ...{ code: error.code, message: error.message },
      ...(typeof error.hint === "string" ? { hint: error.hint } : {}),
      ...(isJsonObject(error.data) ? { data: error.data } : {}),
    });
  }
  return new SealflowError({
    code: "TRUST_BROKER_ANSWER",
    message: `broker ${address}: expected its answer, got status ${response.status} without one`,
    hint: "is this the broker's address?",
  });
}
