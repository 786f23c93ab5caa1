/**
 * What killed sealed tasks may have left in memory-backed storage. A watching process removes it when a worker dies; when even
 * that one was killed, it goes here, before anything else runs.
 */
import { chmodSync, lstatSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Where the Python runtime keeps opened artifacts. */
const memory = "/dev/shm";

/** `sealflow-PROCESS-START-RANDOM`: whose it is, and when that process started, so that its number may be taken again. */
const ownName = /^sealflow-(\d{1,10})-(\d{1,20})-[0-9a-f]{16}$/;

/** Removes this user's directories whose process is gone. @returns How many. */
export function sweepMemory(directory = memory): number {
  // Who can't see even its own process can't tell which others are gone.
  if (startOf("self") === undefined) return 0;
  const gone = namesIn(directory).filter((name) => isForsaken(directory, name));
  return gone.filter((name) => removeTree(join(directory, name))).length;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // Systems without such storage run no sealed tasks.
    return [];
  }
}

function isForsaken(directory: string, name: string): boolean {
  const [, pid, start] = ownName.exec(name) ?? [];
  if (pid === undefined || start === undefined) return false;
  const status = lstatSync(join(directory, name), { throwIfNoEntry: false });
  // Only real directories of this user: anyone may put names there.
  if (status?.isDirectory() !== true || status.uid !== process.getuid?.()) return false;
  return startOf(pid) !== start;
}

/** When a process started, in clock ticks since boot; undefined when there is none. */
function startOf(pid: string): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name, in brackets, may hold anything; the twentieth field after it is the start.
    return text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .at(19);
  } catch {
    return undefined;
  }
}

/** Also what a task made read-only. @returns Whether it is gone: what can't be removed must not keep a run from starting */
function removeTree(path: string): boolean {
  try {
    makeWritable(path);
    rmSync(path, { recursive: true, force: true });
    return true;
  } catch {
    return false;
  }
}

function makeWritable(directory: string): void {
  chmodSync(directory, 0o700);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) makeWritable(join(directory, entry.name));
  }
}
