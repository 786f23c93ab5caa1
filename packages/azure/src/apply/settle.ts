/** Waiting for what is on its way: operations of an earlier process, and resources that somebody is changing. */
import { isSealflowError, type JsonObject } from "@sealflow/core";
import { type Operation, waitForOperation } from "../arm/operation.js";
import { textAt } from "../model/path.js";
import type { Resource } from "../model/resource.js";
import type { LiveState } from "../plan/live.js";
import { failedState, movingState } from "../plan/make.js";
import { poolNameOf } from "../plan/pools.js";
import type { WriteSession } from "./session.js";

/** Waits for the operations that the journal of an earlier process names. How they ended, the next plan sees. */
export async function pickUp(session: WriteSession): Promise<void> {
  const now = session.client.timing.now();
  await Promise.all(
    session.journal.pending.map(async ({ step, operation, accepted, time }) => {
      // Whether a request arrived whose answer was not seen, the resource itself tells: see `settle`.
      if (accepted) {
        session.tell({ type: "resuming", address: step.split("#")[0] ?? step, sinceMs: now - time });
        await quietly(session, operation);
      }
      session.journal.write({ type: "ended", step });
    }),
  );
}

/** A failure is no news here: the plan that follows finds the resource as it is, and asks again. */
async function quietly(session: WriteSession, operation: Operation): Promise<void> {
  try {
    await waitForOperation(session.client, operation, { signal: session.signal });
  } catch (error) {
    if (session.signal?.aborted || !isSealflowError(error)) throw error;
    if (error.code !== "AZURE_OPERATION_FAILED" && error.code !== "AZURE_REQUEST_FAILED") throw error;
  }
}

/** True when something was on its way, so that the state has to be read again. */
export async function settle(
  session: WriteSession,
  resources: readonly Resource[],
  live: LiveState,
): Promise<boolean> {
  const moving = [...movingResources(resources, live), ...movingPools(resources, live)];
  await Promise.all(
    moving.map(async ({ address, id, apiVersion, state }) => {
      session.tell({ type: "note", address, message: `is ${state}: waiting` });
      const method = /^deleting$/i.test(state) ? "DELETE" : "PUT";
      await quietly(session, { method, resource: id, apiVersion });
    }),
  );
  return moving.length > 0;
}

interface Moving {
  readonly address: string;
  readonly id: string;
  readonly apiVersion: string;
  readonly state: string;
}

function movingResources(resources: readonly Resource[], live: LiveState): Moving[] {
  return resources.flatMap(({ address, id, apiVersion, attached }) => {
    const state = stateOf(live.found.get(address));
    return state === undefined || attached ? [] : [{ address, id, apiVersion, state }];
  });
}

function movingPools(resources: readonly Resource[], live: LiveState): Moving[] {
  const cluster = resources.find(({ kind }) => kind === "cluster");
  const found = live.found.get("cluster");
  // Pools of a cluster that failed get nowhere until it is asked for again.
  if (cluster === undefined || (found !== undefined && failedState(found) !== undefined)) return [];
  return live.pools.flatMap((pool) => {
    const state = stateOf(pool);
    const name = poolNameOf(pool);
    const id = textAt(pool, "id") ?? `${cluster.id}/agentPools/${name}`;
    return state === undefined
      ? []
      : [{ address: `pool/${name}`, id, apiVersion: cluster.apiVersion, state }];
  });
}

function stateOf(found: JsonObject | undefined): string | undefined {
  return found === undefined ? undefined : movingState(found);
}
