/**
 * Operations in flight, written down so that a later process picks them up. One JSON object per line; a line is on the
 * disk before the next step is taken. Holds ids, addresses and states; never tokens, bodies or signatures of addresses.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { type Clock, type Digest, isJsonObject, type JsonObject } from "@sealflow/core";
import { type Operation, openOperation } from "../arm/operation.js";

/** What happened to a request. */
export type JournalEntry =
  /** About to be sent: whether it arrives is not known. */
  | { readonly type: "sending"; readonly step: string; readonly operation: Operation }
  /** Accepted: the service works on it. */
  | { readonly type: "accepted"; readonly step: string; readonly operation: Operation }
  | { readonly type: "ended"; readonly step: string; readonly error?: string }
  /** A saved plan is being carried out. */
  | { readonly type: "plan"; readonly digest: Digest };

/** The file and what it says. */
export interface Journal {
  /** Operations that had not ended, oldest first, as an earlier process left them. */
  readonly pending: readonly PendingOperation[];
  /** Digest of the saved plan that an earlier process had begun and not finished. */
  readonly plan: string | undefined;
  write(entry: JournalEntry): void;
  /** Forgets all: everything has ended. */
  clear(): void;
  close(): void;
}

/** An operation whose end is not written down. */
export interface PendingOperation {
  readonly step: string;
  readonly operation: Operation;
  /** False when it is not known whether the request arrived. */
  readonly accepted: boolean;
  /** Milliseconds since the epoch. */
  readonly time: number;
}

/** Opens a journal, making it where there is none. A last line that a crash cut short is left out. */
export function openJournal(file: string, clock: Clock): Journal {
  mkdirSync(dirname(file), { recursive: true });
  const pending = readPending(file);
  const plan = readPlan(file);
  let descriptor = rewrite(file, pending, plan);
  return {
    pending,
    plan,
    write(entry) {
      const safe = "operation" in entry ? { ...entry, operation: openOperation(entry.operation) } : entry;
      append(descriptor, { time: clock.now(), ...safe });
    },
    clear() {
      closeSync(descriptor);
      descriptor = rewrite(file, [], undefined);
    },
    close: () => closeSync(descriptor),
  };
}

/** What a journal says is still going on; nothing when there is no file. */
export function readPending(file: string): PendingOperation[] {
  const pending = new Map<string, PendingOperation>();
  for (const line of linesOf(file)) {
    const entry = parseLine(line);
    const step = entry?.step;
    if (entry === undefined || typeof step !== "string") continue;
    if (entry.type === "ended") pending.delete(step);
    if (isOperation(entry.operation) && typeof entry.time === "number") {
      const { operation, time } = entry;
      pending.set(step, { step, operation, time, accepted: entry.type === "accepted" });
    }
  }
  return [...pending.values()];
}

function readPlan(file: string): string | undefined {
  const digests = linesOf(file).flatMap((line) => {
    const entry = parseLine(line);
    return entry?.type === "plan" && typeof entry.digest === "string" ? [entry.digest] : [];
  });
  return digests.at(-1);
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}

function parseLine(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isOperation(value: unknown): value is Operation {
  return isJsonObject(value) && typeof value.resource === "string" && typeof value.method === "string";
}

/** Starts the file anew with what is pending, in one step. */
function rewrite(file: string, pending: readonly PendingOperation[], plan: string | undefined): number {
  const fresh = `${file}.new`;
  const descriptor = openSync(fresh, "w", 0o600);
  if (plan !== undefined) append(descriptor, { type: "plan", digest: plan });
  for (const { step, operation, accepted, time } of pending) {
    append(descriptor, { time, type: accepted ? "accepted" : "sending", step, operation });
  }
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(fresh, file);
  return openSync(file, "a", 0o600);
}

function append(descriptor: number, value: unknown): void {
  writeSync(descriptor, `${JSON.stringify(value)}\n`);
  fsyncSync(descriptor);
}
