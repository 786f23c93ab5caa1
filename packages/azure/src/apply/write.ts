/** Single writes that reach their end: sent, written down, waited for, and repeated where Azure asks for it. */
import { isSealflowError, type JsonObject, SealflowError } from "@sealflow/core";
import type { ArmRequest, ArmResponse } from "../arm/client.js";
import { azureCodeOf, statusOf } from "../arm/failure.js";
import { type Operation, operationOf, waitForOperation } from "../arm/operation.js";
import { textAt } from "../model/path.js";
import type { WriteSession } from "./session.js";

/** What to write. */
export interface Write {
  /** Address, and what is done where a step has several writes. */
  readonly step: string;
  readonly address: string;
  readonly method: "PUT" | "DELETE" | "POST";
  readonly path: string;
  readonly apiVersion: string;
  readonly body?: JsonObject;
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

const conflictWaitsMs = [2000, 5000, 10_000, 20_000, 30_000] as const;
/** As long as another operation on a cluster may well take. */
const conflictsForMs = 45 * 60_000;
const identityForMs = 10 * 60_000;

/**
 * Sends and waits for the end of what it began.
 *
 * Waits out: other operations in progress (409), identities that the directory does not know yet (`PrincipalNotFound`).
 *
 * @throws SealflowError `AZURE_REQUEST_FAILED`, `AZURE_OPERATION_FAILED`, `AZURE_PLAN_STALE` (412)
 */
export async function perform(session: WriteSession, write: Write): Promise<ArmResponse> {
  const { journal } = session;
  const { method, path, apiVersion, step } = write;
  journal.write({ type: "sending", step, operation: { method, resource: path, apiVersion } });
  try {
    const response = await sendThroughConflicts(session, write);
    const operation = operationOf(response, { method, path, apiVersion });
    if (operation !== undefined) await follow(session, step, operation);
    journal.write({ type: "ended", step });
    return response;
  } catch (error) {
    // An interruption ends this process' waiting, not the operation.
    if (!session.signal?.aborted) journal.write({ type: "ended", step, error: codeOf(error) });
    throw error;
  }
}

/** Writes the operation down and waits for it. */
async function follow(session: WriteSession, step: string, operation: Operation): Promise<void> {
  session.journal.write({ type: "accepted", step, operation });
  await waitForOperation(session.client, operation, { signal: session.signal });
}

function codeOf(error: unknown): string {
  return azureCodeOf(error) || (isSealflowError(error) ? error.code : "interrupted");
}

async function sendThroughConflicts(session: WriteSession, write: Write): Promise<ArmResponse> {
  const { client } = session;
  const started = client.timing.now();
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await client.send(requestOf(session, write));
    } catch (error) {
      const limit = isConflict(error) ? conflictsForMs : isUnknownIdentity(error) ? identityForMs : 0;
      if (statusOf(error) === 412) throw stale(write, error);
      if (client.timing.now() - started >= limit) throw error;
      session.tell({
        type: "note",
        address: write.address,
        message: `${azureCodeOf(error)}: waiting to ask again`,
      });
      await client.timing.sleep(conflictWaitsMs[attempt] ?? 30_000, session.signal);
    }
  }
}

function requestOf(
  session: WriteSession,
  { method, path, apiVersion, body, ifMatch, ifNoneMatch }: Write,
): ArmRequest {
  return {
    method,
    path,
    apiVersion,
    signal: session.signal,
    ...(body === undefined ? {} : { body }),
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
  };
}

/**
 * True for "somebody is at it". Azure uses `OperationNotAllowed` for that, and for exceeded quota, which no waiting mends.
 */
export function isConflict(error: unknown): boolean {
  if (statusOf(error) !== 409) return false;
  const code = azureCodeOf(error);
  const message = isSealflowError(error) ? error.message : "";
  if (/quota/i.test(message)) return false;
  if (
    /OperationNotAllowed|AnotherOperationInProgress|OperationInProgress|ConcurrentOperation|EtagMismatch|RetryableError|ResourceGroupBeingDeleted|ResourceNotReady/i.test(
      code,
    )
  )
    return true;
  return /in progress|being (deleted|updated|created)|try again/i.test(message);
}

/** A new identity takes a while to be known everywhere. */
function isUnknownIdentity(error: unknown): boolean {
  return /PrincipalNotFound/i.test(azureCodeOf(error));
}

function stale(write: Write, cause: unknown): SealflowError {
  return new SealflowError({
    code: "AZURE_PLAN_STALE",
    message: `${write.address}: expected what the plan has seen, but it was changed meanwhile`,
    hint: "run the command again: it plans anew from what is there",
    cause,
  });
}

const goneTries = 60;

/** Deletes and waits until a read no longer finds it: some services report the end before they are done. */
export async function remove(session: WriteSession, write: Omit<Write, "method">): Promise<void> {
  const { client } = session;
  try {
    await perform(session, { ...write, method: "DELETE" });
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
  for (let attempt = 0; attempt < goneTries; attempt += 1) {
    const live = await client.find(write.path, write.apiVersion);
    if (live === undefined) return;
    if (/^failed$/i.test(textAt(live, "properties.provisioningState") ?? "")) break;
    await client.timing.sleep(client.pollMs, session.signal);
  }
  throw new SealflowError({
    code: "AZURE_DELETE_INCOMPLETE",
    message: `${write.address}: expected it to be gone, but it is still there`,
    hint: "look at its activity log in the portal, then run the command again",
  });
}
