/** Running changes in the order of their dependencies, those without in parallel. */
import { isSealflowError, SealflowError, SealflowErrors } from "@sealflow/core";
import { redact } from "../arm/redact.js";
import type { Change } from "../plan/types.js";
import type { WriteSession } from "./session.js";
import { carryOut, type StepContext } from "./step.js";

/** How the changes ended. */
export interface Execution {
  readonly done: readonly string[];
  readonly failed: readonly { readonly address: string; readonly error: SealflowError }[];
  readonly skipped: readonly string[];
}

/**
 * Carries out all changes. What a failed one stands in the way of is left out; the rest goes on. After an interruption
 * nothing new is begun.
 */
export async function execute(
  session: WriteSession,
  given: Omit<StepContext, "changed">,
  changes: readonly Change[],
): Promise<Execution> {
  const changed = new Set<string>();
  const context = { ...given, changed };
  const failed: { address: string; error: SealflowError }[] = [];
  const done: string[] = [];
  const skipped: string[] = [];
  const outcomes = new Map<string, Promise<boolean>>();
  const run = async (change: Change): Promise<boolean> => {
    const before = change.dependsOn.flatMap((address) => outcomes.get(address) ?? []);
    const fine = (await Promise.all(before)).every(Boolean);
    if (!fine || session.signal?.aborted) {
      skipped.push(change.address);
      const because = fine ? "interrupted" : "what it depends on failed";
      session.tell({ type: "skipped", address: change.address, because });
      return false;
    }
    const error = await runStep(session, context, change);
    changed.add(change.address);
    if (error === undefined) done.push(change.address);
    else failed.push({ address: change.address, error });
    return error === undefined;
  };
  for (const change of ordered(changes)) outcomes.set(change.address, run(change));
  await Promise.all(outcomes.values());
  return { done, failed, skipped };
}

/** Those first that others depend on; the order of the plan otherwise. */
function ordered(changes: readonly Change[]): Change[] {
  const byAddress = new Map(changes.map((change) => [change.address, change]));
  const sorted = new Set<Change>();
  const add = (change: Change) => {
    for (const address of change.dependsOn) {
      const before = byAddress.get(address);
      if (before !== undefined && !sorted.has(before)) add(before);
    }
    sorted.add(change);
  };
  for (const change of changes) add(change);
  return [...sorted];
}

async function runStep(
  session: WriteSession,
  context: StepContext,
  change: Change,
): Promise<SealflowError | undefined> {
  const { timing } = session.client;
  const { address, action } = change;
  const started = timing.now();
  session.tell({ type: "started", address, action });
  try {
    await carryOut(session, context, change);
    session.tell({ type: "finished", address, action, elapsedMs: timing.now() - started });
    return undefined;
  } catch (cause) {
    const error = session.signal?.aborted ? interrupted(address) : asError(cause);
    session.tell({ type: "failed", address, elapsedMs: timing.now() - started, error: error.toJSON() });
    return error;
  }
}

function asError(cause: unknown): SealflowError {
  if (isSealflowError(cause)) return cause;
  return new SealflowError({
    code: "AZURE_INTERNAL",
    message: `unexpected: ${redact(cause instanceof Error ? cause.message : String(cause))}`,
    hint: "run the command again; if it repeats, report it",
    cause,
  });
}

function interrupted(address: string): SealflowError {
  return new SealflowError({
    code: "AZURE_INTERRUPTED",
    message: `${address}: interrupted; what Azure has begun goes on`,
    hint: "run the command again: it picks up what is in flight",
  });
}

/**
 * @throws SealflowError `AZURE_INTERRUPTED` or `AZURE_APPLY_INCOMPLETE` with every failure, unless all changes are done.
 */
export function assertDone({ done, failed, skipped }: Execution): void {
  const errors = failed.map(({ error }) => error);
  const stop = errors.find(({ code }) => code === "AZURE_INTERRUPTED");
  if (stop !== undefined) throw stop;
  if (errors.length === 0 && skipped.length === 0) return;
  if (errors.length === 0) throw interrupted(skipped.join(", "));
  throw new SealflowErrors(
    {
      code: "AZURE_APPLY_INCOMPLETE",
      message: `expected all changes to be made, got ${done.length} done, ${errors.length} failed, ${skipped.length} not begun`,
      hint: "mend the cause and run the command again: it goes on from here",
      data: { done, failed: failed.map(({ address }) => address), skipped },
    },
    errors,
  );
}
