/** Work that the service does after it has answered. */
import { isJsonObject, type JsonObject, SealflowError } from "@sealflow/core";
import { textAt } from "../model/path.js";
import { type ArmClient, type ArmResponse, retryAfterMs } from "./client.js";
import { azureCodeOf, operationFailed, parseAzureError, statusOf } from "./failure.js";
import { openAddress } from "./redact.js";

/** What to ask until an operation has ended. */
export interface Operation {
  /** Of the request that began it. */
  readonly method: "PUT" | "DELETE" | "POST" | "PATCH";
  /** Path of the resource. */
  readonly resource: string;
  readonly apiVersion: string;
  /** Address whose body tells a status (`Azure-AsyncOperation`). */
  readonly statusUrl?: string;
  /** Address that answers 202 until the end (`Location`). */
  readonly location?: string;
}

/** How waiting is done. */
export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Default: an hour. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 60 * 60_000;
const ended = new Set(["succeeded", "failed", "canceled", "cancelled"]);

/** The operation that a response began; undefined when nothing is left to wait for. */
export function operationOf(
  response: ArmResponse,
  request: { method: Operation["method"]; path: string; apiVersion: string },
): Operation | undefined {
  const { headers, status, body } = response;
  const statusUrl = headers["azure-asyncoperation"] ?? headers["operation-location"];
  const location = headers.location;
  const state = textAt(body, "properties.provisioningState");
  const pending = state !== undefined && !ended.has(state.toLowerCase());
  const accepted = status === 202 || statusUrl !== undefined || pending;
  if (!accepted) return undefined;
  return {
    method: request.method,
    resource: request.path,
    apiVersion: request.apiVersion,
    ...(statusUrl === undefined ? {} : { statusUrl }),
    ...(location === undefined ? {} : { location }),
  };
}

/** The operation as it may be written down: without what signs its addresses. */
export function openOperation(operation: Operation): Operation {
  const { statusUrl, location, ...rest } = operation;
  return {
    ...rest,
    ...(statusUrl === undefined ? {} : { statusUrl: openAddress(statusUrl) }),
    ...(location === undefined ? {} : { location: openAddress(location) }),
  };
}

/**
 * Waits for the end. Where the operation's own address is gone or no longer answers, the resource itself is asked.
 *
 * @throws SealflowError `AZURE_OPERATION_FAILED`, `AZURE_OPERATION_TIMEOUT`
 */
export async function waitForOperation(
  client: ArmClient,
  operation: Operation,
  options: WaitOptions = {},
): Promise<void> {
  const deadline = client.timing.now() + (options.timeoutMs ?? defaultTimeoutMs);
  let ask = pollerOf(operation);
  for (;;) {
    const { done, waitMs, gone } = await ask(client, operation, options.signal);
    if (done === true) return;
    if (gone === true) ask = resourcePoller();
    if (client.timing.now() > deadline) throw timedOut(operation);
    if (gone !== true) await client.timing.sleep(waitMs ?? client.pollMs, options.signal);
  }
}

interface Answer {
  readonly done?: boolean;
  /** The address does not know the operation. */
  readonly gone?: boolean;
  readonly waitMs?: number | undefined;
}

type Poller = (client: ArmClient, operation: Operation, signal: AbortSignal | undefined) => Promise<Answer>;

function pollerOf({ statusUrl, location }: Operation): Poller {
  if (statusUrl !== undefined) return pollStatus;
  return location === undefined ? resourcePoller() : pollLocation;
}

const pollStatus: Poller = async (client, operation, signal) => {
  const answer = await askAddress(client, operation.statusUrl ?? "", signal);
  if (answer === undefined) return { gone: true };
  const status = textAt(answer.body, "status") ?? textAt(answer.body, "properties.status");
  if (status === undefined) return { gone: true };
  return (
    ending(status, answer.body, operation) ?? { waitMs: retryAfterMs(answer.headers, client.timing.now()) }
  );
};

const pollLocation: Poller = async (client, operation, signal) => {
  const answer = await askAddress(client, operation.location ?? "", signal, operation);
  if (answer === undefined) return { gone: true };
  if (answer.status === 202) return { waitMs: retryAfterMs(answer.headers, client.timing.now()) };
  const state = textAt(answer.body, "properties.provisioningState");
  if (state === undefined) return { done: true };
  return ending(state, answer.body, operation) ?? {};
};

/** @returns undefined when the address is not (or no longer) known, or refuses to tell. */
async function askAddress(
  client: ArmClient,
  url: string,
  signal: AbortSignal | undefined,
  operation?: Operation,
): Promise<ArmResponse | undefined> {
  try {
    return await client.send({ method: "GET", path: url, signal });
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined || status >= 500 || status === 429) throw error;
    // A deletion whose result is gone too: the resource tells whether it is done.
    if (operation === undefined || [400, 401, 403, 404, 410].includes(status)) return undefined;
    throw failed(error, operation);
  }
}

function failed(error: unknown, operation: Operation): SealflowError {
  const message = error instanceof Error ? error.message : String(error);
  return operationFailed(
    { code: azureCodeOf(error) || "Failed", message },
    contextOf(operation, statusOf(error) ?? 0),
  );
}

/** How often a resource that is being made may be missing: reads lag behind writes. */
const missingTries = 20;

function resourcePoller(): Poller {
  let missing = 0;
  return async (client, operation, signal) => {
    signal?.throwIfAborted();
    const live = await client.find(operation.resource, operation.apiVersion);
    if (live !== undefined) return stateOf(live, operation);
    if (operation.method === "DELETE") return { done: true };
    missing += 1;
    if (missing < missingTries) return {};
    throw operationFailed(
      { code: "NotFound", message: "the resource was not made" },
      contextOf(operation, 404),
    );
  };
}

function stateOf(live: JsonObject, operation: Operation): Answer {
  const state = textAt(live, "properties.provisioningState") ?? "Succeeded";
  // Asked after a deletion, a resource that still says "Succeeded" has not begun to go.
  if (operation.method === "DELETE" && state.toLowerCase() === "succeeded") return {};
  return ending(state, live, operation) ?? {};
}

function ending(status: string, body: JsonObject, operation: Operation): Answer | undefined {
  const lower = status.toLowerCase();
  if (lower === "succeeded") return { done: true };
  if (!ended.has(lower)) return undefined;
  const inner = errorIn(body);
  throw operationFailed(
    inner ?? { code: status, message: "the service gave no reason" },
    contextOf(operation, 200),
  );
}

function errorIn(body: JsonObject) {
  const properties = isJsonObject(body.properties) ? body.properties : {};
  const status = isJsonObject(properties.status) ? properties.status : {};
  const candidates = [body.error, properties.error, properties.statusMessage, status.provisioningError];
  return candidates.map(parseAzureError).find((error) => error !== undefined);
}

function contextOf(operation: Operation, status: number) {
  return { method: operation.method, path: operation.resource, status };
}

function timedOut(operation: Operation): SealflowError {
  return new SealflowError({
    code: "AZURE_OPERATION_TIMEOUT",
    message: `${operation.resource}: expected the operation to end within its time`,
    hint: "it may still go on: sealflow cloud status shows it, apply picks it up",
  });
}
