/** All runs, kept up to date by the server's events for as long as the page is open. */
import { batch, computed, signal } from "@preact/signals";
import { listRunRows, type RunRow, watchRuns } from "@sealflow/kfp";
import { isUnreachable, server, tokenNeeded } from "./client.js";
import type { Resource } from "./resource.js";

/** How many runs are read at once, and how long changes are gathered before they are read, in milliseconds. */
const PAGE = 500;
const GATHER_MS = 150;
const AGAIN_MS = 2000;

const rows = signal<ReadonlyMap<string, RunRow>>(new Map());
const loaded = signal<"no" | "yes" | { readonly error: unknown }>("no");

/** False while the server does not answer. */
export const online = signal(true);

/** Number of runs in the store, of which some may not be loaded. */
export const total = signal(0);

/** The runs that are loaded, newest first. */
export const runs = computed<Resource<readonly RunRow[]>>(() => {
  const { value } = loaded;
  if (value === "no") return { state: "loading" };
  if (value !== "yes") return { state: "failed", error: value.error };
  const newestFirst = [...rows.value.values()].sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
  return { state: "ready", value: newestFirst, stale: !online.value };
});

function put(changed: readonly RunRow[]): void {
  const next = new Map(rows.peek());
  for (const row of changed) next.set(row.run_id, row);
  rows.value = next;
}

function drop(ids: ReadonlySet<string>): void {
  rows.value = new Map([...rows.peek()].filter(([id]) => !ids.has(id)));
}

/** Reads the next older runs. */
export async function loadOlder(): Promise<void> {
  const known = runs.peek();
  const oldest = known.state === "ready" ? known.value.at(-1) : undefined;
  if (oldest === undefined) return;
  put((await listRunRows(server, { limit: PAGE, before: oldest.created_at })).runs);
}

/** Reads these runs again, after something was done to them. */
export async function refreshRuns(ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const found = (await listRunRows(server, { ids: ids.slice(0, 200) })).runs;
  const there = new Set(found.map(({ run_id }) => run_id));
  batch(() => {
    put(found);
    drop(new Set(ids.filter((id) => !there.has(id))));
  });
}

async function loadAll(): Promise<void> {
  const answer = await listRunRows(server, { limit: PAGE });
  batch(() => {
    rows.value = new Map(answer.runs.map((row) => [row.run_id, row]));
    total.value = answer.total;
    loaded.value = "yes";
    online.value = true;
  });
}

/** Follows the server until the page is closed. */
export function startLiveRuns(): void {
  void follow();
}

async function follow(): Promise<void> {
  for (;;) {
    try {
      const changes = watchRuns(server);
      await loadAll();
      await readChanges(changes);
    } catch (error) {
      if (tokenNeeded.peek()) return;
      if (isUnreachable(error) || loaded.peek() === "yes") online.value = false;
      if (loaded.peek() !== "yes") loaded.value = { error };
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/** Gathers what changed for a moment: a run that starts changes several times. */
async function readChanges(changes: ReturnType<typeof watchRuns>): Promise<void> {
  const waiting = new Set<string>();
  const read = (): void => {
    const ids = [...waiting];
    waiting.clear();
    refreshRuns(ids).catch(() => {
      // The stream tells as well when the server is gone.
    });
  };
  for await (const { event, data } of changes) {
    if (event === "reset") await loadAll();
    else if (typeof data.run_id === "string") {
      if (event !== "run-removed" && !rows.peek().has(data.run_id)) total.value += 1;
      if (event === "run-removed" && rows.peek().has(data.run_id)) total.value -= 1;
      if (waiting.size === 0) setTimeout(read, GATHER_MS);
      waiting.add(data.run_id);
    }
  }
  online.value = false;
}
