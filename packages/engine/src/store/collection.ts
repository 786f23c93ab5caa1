/** Removing what is no longer needed: old runs, and content that no remaining run speaks of. */
import { readdirSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { RunEvent } from "../events.js";
import { discard } from "./artifacts.js";
import { systemCode, writing } from "./disk-errors.js";
import { announce, lockHolders } from "./locks.js";
import type { Store } from "./store.js";

/** Which runs go. A run goes when it is beyond `keep` or older than `olderThanMs`, whichever is given; running ones stay. */
export interface GcOptions {
  /** Number of newest runs that stay. */
  readonly keep?: number;
  /** Age since the run's creation, in milliseconds. */
  readonly olderThanMs?: number;
  /** Milliseconds since the Unix epoch. Default: now. */
  readonly now?: number;
}

/** What went. */
export interface GcReport {
  readonly runs: readonly string[];
  readonly artifacts: number;
  readonly cacheEntries: number;
  /** Size of the removed artifacts in bytes. */
  readonly bytes: number;
  /** True when content was left alone because a run was going on in this store. */
  readonly postponed: boolean;
}

/** Name of the lock that keeps runs from starting while content is being removed. */
export const GC_LOCK = "gc";

/** See `Store.gc`. With neither `keep` nor `olderThanMs` only unreferenced content goes. */
export function collectGarbage(store: Store, options: GcOptions): GcReport {
  const runs = expired(store, options);
  for (const runId of runs) store.deleteRun(runId);
  return { runs, ...sweep(store) };
}

function expired(store: Store, { keep, olderThanMs, now = Date.now() }: GcOptions): string[] {
  return store
    .listRuns()
    .filter(({ createTime }, index) => {
      const tooMany = keep !== undefined && index >= keep;
      return tooMany || (olderThanMs !== undefined && now - Date.parse(createTime) > olderThanMs);
    })
    .filter(({ state }) => state !== "RUNNING")
    .map(({ runId }) => runId);
}

function sweep(store: Store): Omit<GcReport, "runs"> {
  const { layout } = store;
  const nothing = { artifacts: 0, cacheEntries: 0, bytes: 0 };
  const lock = announce(layout.locks, GC_LOCK);
  try {
    if (lockHolders(layout.locks, (name) => name.startsWith("run-")).length > 0) {
      return { ...nothing, postponed: true };
    }
    const needed = neededNames(store);
    const cacheEntries = removeUnneeded(layout.cache, needed);
    const artifacts = removeUnneeded(layout.artifacts, needed);
    // Sources are written again by whoever needs them.
    for (const directory of [layout.temporary, layout.sources]) {
      writing(directory, () => rmSync(directory, { recursive: true, force: true }));
    }
    return {
      artifacts: artifacts.count,
      cacheEntries: cacheEntries.count,
      bytes: artifacts.bytes,
      postponed: false,
    };
  } finally {
    lock.release();
  }
}

/** Hexadecimal digests of the artifacts and cache keys that the remaining runs speak of. */
function neededNames(store: Store): Set<string> {
  const needed = new Set<string>();
  for (const { runId } of store.listRuns()) {
    for (const event of store.readEvents(runId)) {
      for (const digest of digestsIn(event)) needed.add(digest.slice("sha256:".length));
    }
  }
  return needed;
}

function digestsIn(event: RunEvent): string[] {
  if (event.type === "task-started") return event.cacheKey === undefined ? [] : [event.cacheKey];
  if (event.type !== "task-finished") return [];
  const artifacts = Object.values(event.outputs?.artifacts ?? {}).flat();
  return artifacts.flatMap(({ digest }) => digest ?? []);
}

function removeUnneeded(directory: string, needed: ReadonlySet<string>): { count: number; bytes: number } {
  let count = 0;
  let bytes = 0;
  for (const shard of entries(directory)) {
    for (const name of entries(join(directory, shard))) {
      if (needed.has(basename(name, ".json"))) continue;
      const path = join(directory, shard, name);
      count++;
      bytes += sizeOf(path);
      writing(path, () => discard(path));
    }
  }
  return { count, bytes };
}

function sizeOf(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isDirectory()) return stats?.size ?? 0;
  return entries(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return [];
    throw cause;
  }
}
