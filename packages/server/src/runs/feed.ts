/** Live events: one feed per watched run, however many watch it. A watcher that is slow costs nothing but its own place. */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { RunEvent, Store } from "@sealflow/engine";
import type { RuntimeState } from "@sealflow/kfp";
import { invalid } from "../http/problem.js";
import type { EntityStore } from "../store/entities.js";
import { endedStates } from "./supervisor.js";

/** How often the journal of a run that another process drives is looked at, in milliseconds. */
const LOOK_MS = 300;

/** What feeds are made of. */
export interface FeedParts {
  readonly store: Store;
  readonly entities: EntityStore;
  /** True for runs that this server drives: their events come by `publish`. */
  readonly owns: (runId: string) => boolean;
  /** Watchers at once, of all runs. */
  readonly mostWatchers: number;
}

/** Somebody who waits for the next change. */
class Bell {
  private waiting = new Set<() => void>();

  ring(): void {
    const all = this.waiting;
    this.waiting = new Set();
    for (const wake of all) wake();
  }

  /** Resolves at the next ring, or when the signal aborts. */
  heard(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const wake = (): void => {
        signal.removeEventListener("abort", wake);
        this.waiting.delete(wake);
        resolve();
      };
      this.waiting.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }
}

interface Feed {
  readonly events: RunEvent[];
  readonly bell: Bell;
  watchers: number;
  journalBytes: number;
  timer: NodeJS.Timeout | undefined;
}

/** A change of a run's label. */
export interface RunChange {
  /** Rises by one with each change since the server started. */
  readonly number: number;
  readonly runId: string;
}

/** Changes that a watcher may have missed and still gets. */
const KEPT_CHANGES = 5000;

/** All feeds of a server. */
export class RunFeeds {
  private readonly parts: FeedParts;
  private readonly feeds = new Map<string, Feed>();
  private readonly changes: RunChange[] = [];
  private readonly changed = new Bell();
  private lastChange = 0;
  private watchers = 0;

  constructor(parts: FeedParts) {
    this.parts = parts;
  }

  /** An event of a run that this server drives; it is in the journal already. */
  publish(runId: string, event: RunEvent): void {
    const feed = this.feeds.get(runId);
    if (feed === undefined) return;
    if (event.seq === feed.events.length + 1) feed.events.push(event);
    else if (event.seq > feed.events.length) this.read(runId, feed);
    feed.bell.ring();
  }

  /** The label of a run changed. */
  change(runId: string): void {
    this.lastChange += 1;
    this.changes.push({ number: this.lastChange, runId });
    if (this.changes.length > KEPT_CHANGES) this.changes.splice(0, KEPT_CHANGES / 2);
    this.changed.ring();
    this.feeds.get(runId)?.bell.ring();
  }

  /** Number of the latest change; 0 before the first. */
  get latestChange(): number {
    return this.lastChange;
  }

  /**
   * The events of a run after one, as they come, in batches; ends when the run has ended and all are told.
   *
   * @throws SealflowError `SERVER_WATCHERS_FULL`
   */
  watchRun(runId: string, after: number, signal: AbortSignal): AsyncGenerator<readonly RunEvent[]> {
    this.enter();
    return this.runEvents(runId, after, signal);
  }

  /**
   * The changes of all runs after one; undefined first, when that one is too long ago to go on from.
   *
   * @throws SealflowError `SERVER_WATCHERS_FULL`
   */
  watchChanges(after: number, signal: AbortSignal): AsyncGenerator<readonly RunChange[] | undefined> {
    this.enter();
    return this.allChanges(after, signal);
  }

  private enter(): void {
    const { mostWatchers } = this.parts;
    if (this.watchers >= mostWatchers) {
      throw invalid(
        "SERVER_WATCHERS_FULL",
        `events: expected at most ${mostWatchers} watchers, got one more`,
      );
    }
  }

  private async *runEvents(
    runId: string,
    after: number,
    signal: AbortSignal,
  ): AsyncGenerator<readonly RunEvent[]> {
    // Counted when it is read from: an answer whose body nobody wants costs nothing.
    this.watchers += 1;
    const feed = this.join(runId);
    try {
      for (let place = after; !signal.aborted; ) {
        const batch = feed.events.slice(place, place + 200);
        place += batch.length;
        if (batch.length > 0) yield batch;
        else if (this.hasEnded(runId, feed)) return;
        else await feed.bell.heard(signal);
      }
    } finally {
      this.leave(runId, feed);
      this.watchers -= 1;
    }
  }

  private async *allChanges(
    after: number,
    signal: AbortSignal,
  ): AsyncGenerator<readonly RunChange[] | undefined> {
    this.watchers += 1;
    try {
      let place = Math.min(after, this.lastChange);
      if (after > this.lastChange || (this.changes[0]?.number ?? 1) > after + 1) {
        place = this.lastChange;
        yield undefined;
      }
      while (!signal.aborted) {
        const batch = this.changes.filter(({ number }) => number > place);
        place = this.lastChange;
        if (batch.length > 0) yield batch;
        else await this.changed.heard(signal);
      }
    } finally {
      this.watchers -= 1;
    }
  }

  private join(runId: string): Feed {
    const known = this.feeds.get(runId);
    const feed = known ?? { events: [], bell: new Bell(), watchers: 0, journalBytes: 0, timer: undefined };
    feed.watchers += 1;
    if (known !== undefined) return feed;
    this.feeds.set(runId, feed);
    this.read(runId, feed);
    feed.timer = setInterval(() => this.lookAtJournal(runId, feed), LOOK_MS);
    feed.timer.unref();
    return feed;
  }

  private leave(runId: string, feed: Feed): void {
    feed.watchers -= 1;
    if (feed.watchers > 0) return;
    clearInterval(feed.timer);
    this.feeds.delete(runId);
  }

  /** Runs of other processes: their journal grows without a word to this one. */
  private lookAtJournal(runId: string, feed: Feed): void {
    const { owns, store } = this.parts;
    if (owns(runId)) return;
    const journal = join(store.layout.runs, runId, "journal.jsonl");
    const bytes = statSync(journal, { throwIfNoEntry: false })?.size ?? 0;
    if (bytes === feed.journalBytes) return;
    feed.journalBytes = bytes;
    this.read(runId, feed);
    feed.bell.ring();
  }

  private read(runId: string, feed: Feed): void {
    const { store } = this.parts;
    if (!store.hasRun(runId)) return;
    const events = store.readEvents(runId);
    feed.events.push(...events.slice(feed.events.length));
  }

  private hasEnded(runId: string, feed: Feed): boolean {
    const { entities, owns } = this.parts;
    if (owns(runId)) return false;
    const run = entities.get("run", runId);
    if (run === undefined) return true;
    return endedStates.includes(run.state as RuntimeState) || feed.events.at(-1)?.type === "run-finished";
  }
}
