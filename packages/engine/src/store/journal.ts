/**
 * A run's record: events as JSON lines, appended in order. Lines that come up while a write is on its way to the disk
 * share the next one, so that a thousand events cost some tens of syncs. An event counts, and is told to anybody, only
 * when it is on the disk.
 */
import { closeSync, fdatasync, ftruncateSync, openSync, write } from "node:fs";
import { promisify } from "node:util";
import { SealflowError } from "@sealflow/core";
import type { RunEvent, RunEventBody } from "../events.js";
import { toStoreError, writing } from "./disk-errors.js";
import { readJournal } from "./journal-reader.js";

const writeAsync = promisify(write);
const fdatasyncAsync = promisify(fdatasync);

/** The writing end of a run's journal. */
export interface JournalWriter {
  /**
   * Adds an event. It gets its place in the order now and is reported once it is durable.
   *
   * After `close` nothing is added any more.
   *
   * @param after Something that must be durable before the event may be: the files that it speaks of.
   */
  append(body: RunEventBody, after?: Promise<void>): void;
  /**
   * Resolves when everything appended so far is durable and reported.
   *
   * @throws SealflowError `ENGINE_STORE_FULL`, `ENGINE_STORE_UNWRITABLE`
   */
  flush(): Promise<void>;
  close(): Promise<void>;
  /** Rejects as soon as the disk refuses; never resolves. */
  readonly broken: Promise<never>;
}

/** What the writer needs besides the file. */
export interface JournalOptions {
  readonly now: () => number;
  readonly onEvent: (event: RunEvent) => void;
}

interface Pending {
  readonly event: RunEvent;
  readonly line: string;
  readonly after: Promise<void> | undefined;
}

/**
 * Opens a journal for appending. A torn last line, left by a process that died while writing, is cut off first.
 *
 * @throws SealflowError `ENGINE_JOURNAL_DAMAGED`, `ENGINE_STORE_UNWRITABLE`
 */
export function openJournal(path: string, options: JournalOptions): JournalWriter {
  const fd = writing(path, () => openSync(path, "a+", 0o644));
  const { events, bytes, torn } = readJournal(path);
  if (torn) writing(path, () => ftruncateSync(fd, bytes));
  return new Journal({ path, fd, seq: events.length }, options);
}

class Journal implements JournalWriter {
  readonly broken: Promise<never>;
  private queue: Pending[] = [];
  private working: Promise<void> | undefined;
  private failure: unknown;
  private closed = false;
  private reject: (cause: unknown) => void = () => {};
  private readonly path: string;
  private readonly fd: number;
  private readonly options: JournalOptions;
  private seq: number;

  constructor(file: { path: string; fd: number; seq: number }, options: JournalOptions) {
    this.path = file.path;
    this.fd = file.fd;
    this.seq = file.seq;
    this.options = options;
    this.broken = new Promise((_, reject) => {
      this.reject = reject;
    });
    this.broken.catch(() => {});
  }

  append(body: RunEventBody, after?: Promise<void>): void {
    // What is still ending after a disk error may want to say so: the descriptor is no longer ours by then.
    if (this.closed) return;
    const event: RunEvent = { seq: ++this.seq, time: this.options.now(), ...body };
    this.queue.push({ event, line: `${JSON.stringify(event)}\n`, after });
    this.working ??= this.work();
  }

  async flush(): Promise<void> {
    while (this.working !== undefined) await this.working;
    if (this.failure !== undefined) throw this.failure;
  }

  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      this.closed = true;
      closeSync(this.fd);
    }
  }

  private async work(): Promise<void> {
    // Lets everything that happens in this turn of the event loop join the first write.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.queue.length > 0 && this.failure === undefined) {
      const batch = this.queue;
      this.queue = [];
      try {
        await this.persist(batch);
        for (const { event } of batch) this.options.onEvent(event);
      } catch (cause) {
        this.failure = toStoreError(cause, this.path);
        this.reject(this.failure);
      }
    }
    this.working = undefined;
  }

  private async persist(batch: readonly Pending[]): Promise<void> {
    for (const { after } of batch) if (after !== undefined) await after;
    const bytes = Buffer.from(batch.map(({ line }) => line).join(""));
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await writeAsync(this.fd, bytes, done, bytes.length - done, null);
      if (bytesWritten === 0) throw shortWrite(this.path);
      done += bytesWritten;
    }
    await fdatasyncAsync(this.fd);
  }
}

function shortWrite(path: string): SealflowError {
  return new SealflowError({
    code: "ENGINE_STORE_FULL",
    message: `store: cannot write ${path}: the disk takes no more bytes`,
    where: { file: path },
  });
}
