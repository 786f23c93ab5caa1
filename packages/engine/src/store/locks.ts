/**
 * Locks between processes that a dead process cannot hold.
 *
 * A holder announces itself with a file of its own, whose name carries process id and process start time, and then
 * looks at the others. Because each announces before it looks, two can never both believe to be alone; a file whose
 * process is gone is nobody's and is removed by whoever meets it, which is safe since names are never used twice.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAbsent, systemCode, writing } from "./disk-errors.js";

/** Who holds a lock. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** Name of the lock file. */
  readonly file: string;
}

/** A lock that this process holds. */
export interface HeldLock {
  release(): void;
}

/** The lock, or who else has it. */
export type LockAttempt =
  | { readonly held: HeldLock }
  | { readonly held?: undefined; readonly holder: LockHolder };

const host = hostname().replace(/[^A-Za-z0-9-]/g, "-") || "localhost";

/** Start of a process in clock ticks since boot, or undefined where the process or the information is missing. */
function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field holds the command in parentheses and may contain spaces; field 22 is the start time.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function isAlive(pid: number, start: string): boolean {
  if (start !== "0" && process.platform === "linux") return processStart(pid) === start;
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return systemCode(cause) === "EPERM";
  }
}

const ownStart = processStart(process.pid) ?? "0";

/** `NAME@HOST.PID.START.RANDOM`; the parts behind `@` never contain a dot. */
function parse(file: string): { name: string; holder: LockHolder; start: string } | undefined {
  const match = /^(.+)@([^@.]+)\.(\d+)\.(\d+)\.[0-9a-f]+$/.exec(file);
  if (match === null) return undefined;
  const [, name = "", owner = "", pid = "", start = "0"] = match;
  return { name, start, holder: { pid: Number(pid), host: owner, file } };
}

/**
 * Those who hold a lock named so, now. A holder on another machine counts as alive, since nothing can be known of it.
 *
 * @param names Says which locks are meant.
 */
export function lockHolders(directory: string, names: (name: string) => boolean): LockHolder[] {
  const holders: LockHolder[] = [];
  for (const file of listed(directory)) {
    const lock = parse(file);
    if (lock === undefined || !names(lock.name)) continue;
    if (lock.holder.host !== host || isAlive(lock.holder.pid, lock.start)) holders.push(lock.holder);
    else rmSync(join(directory, file), { force: true });
  }
  return holders;
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    if (isAbsent(cause)) return [];
    throw cause;
  }
}

/**
 * Takes a lock, or says who has one that excludes it.
 *
 * @param excludes Names of locks that must not be held by anybody else. Default: the same name.
 * @throws SealflowError `ENGINE_STORE_UNWRITABLE`, `ENGINE_STORE_FULL`
 */
export async function takeLock(
  directory: string,
  name: string,
  excludes: (name: string) => boolean = (other) => other === name,
): Promise<LockAttempt> {
  for (let attempt = 0; ; attempt++) {
    const lock = announce(directory, name);
    const other = lockHolders(directory, excludes).find((holder) => holder.file !== lock.file);
    if (other === undefined) return { held: lock };
    lock.release();
    // Two that announce in the same moment both step back; chance decides who comes first the next time.
    if (attempt === 4) return { holder: other };
    await sleep(5 + Math.random() * 40);
  }
}

/** Announces a holder without looking at others: for locks that many may hold at once. */
export function announce(directory: string, name: string): HeldLock & { readonly file: string } {
  const file = `${name}@${host}.${process.pid}.${ownStart}.${randomBytes(6).toString("hex")}`;
  const path = join(directory, file);
  writing(path, () => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(path, "", { flag: "wx" });
  });
  return { file, release: () => rmSync(path, { force: true }) };
}

/** Waits until nobody holds a lock named so. */
export async function waitForLocks(
  directory: string,
  names: (name: string) => boolean,
  signal?: AbortSignal,
): Promise<void> {
  while (lockHolders(directory, names).length > 0) {
    await sleep(50, undefined, signal === undefined ? {} : { signal });
  }
}
