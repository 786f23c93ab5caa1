import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { isJsonObject, type JsonValue, SealflowError } from "@sealflow/core";
import type { TaskPath } from "@sealflow/pipeline";
import type { RunEvent } from "../events.js";
import { discard, replaceFile } from "./artifacts.js";
import { collectGarbage, type GcOptions, type GcReport } from "./collection.js";
import { isAbsent, writing } from "./disk-errors.js";
import { parseFirstEvent, readJournal } from "./journal-reader.js";
import { runLayout, STORE_FORMAT, type StoreLayout, storeLayout, taskLog } from "./layout.js";
import { lockHolders } from "./locks.js";
import { type RunDetails, type RunHeader, timestamp, viewOf } from "./summary.js";

/** Everything runs leave behind, in one directory: records, logs, artifacts, cache. Nothing is created before a run is. */
export interface Store {
  /** Absolute path. */
  readonly directory: string;
  readonly layout: StoreLayout;
  /** All runs, newest first. */
  listRuns(): RunHeader[];
  /** @throws SealflowError `ENGINE_RUN_UNKNOWN`, `ENGINE_JOURNAL_DAMAGED`, `ENGINE_STORE_FORMAT` */
  getRun(runId: string): RunDetails;
  /** @throws SealflowError `ENGINE_RUN_UNKNOWN`, `ENGINE_JOURNAL_DAMAGED`, `ENGINE_STORE_FORMAT` */
  readEvents(runId: string): RunEvent[];
  /** The pipeline document as it ran, and the requirement locks that came with it. */
  readDocument(runId: string): JsonValue;
  /** Path of an attempt's log; the file exists only when the attempt wrote anything. Attempts count from 1. */
  logPath(runId: string, path: TaskPath, attempt: number): string;
  /** Path of a sealed run's bundle; the file exists when the run has ended. */
  bundlePath(runId: string): string;
  /** @throws SealflowError `ENGINE_RUN_UNKNOWN`, `ENGINE_RUN_BUSY` while it runs */
  deleteRun(runId: string): void;
  /** Removes old runs, then artifacts and cache entries that no remaining run needs. */
  gc(options: GcOptions): GcReport;
  /**
   * Asks whatever process runs this run to cancel it. Returns at once.
   *
   * @throws SealflowError `ENGINE_RUN_UNKNOWN`, `ENGINE_RUN_NOT_RUNNING`
   */
  requestCancel(runId: string): void;
  /** True for a run that somebody was told of. */
  hasRun(runId: string): boolean;
  /** True while a living process has the run in hand. */
  isRunning(runId: string): boolean;
}

/**
 * The store in a directory, which need not exist yet.
 *
 * @throws SealflowError `ENGINE_STORE_FORMAT` when a later version of Sealflow wrote it
 */
export function openStore(directory: string): Store {
  const layout = storeLayout(resolve(directory));
  requireFormat(layout);
  return new FileStore(layout);
}

function requireFormat(layout: StoreLayout): void {
  const text = readIfThere(layout.format);
  if (text === undefined) return;
  const mark: unknown = JSON.parse(text);
  const version = isJsonObject(mark) ? mark.formatVersion : undefined;
  if (version === STORE_FORMAT) return;
  throw new SealflowError({
    code: "ENGINE_STORE_FORMAT",
    message: `store: expected format version ${STORE_FORMAT}, got ${JSON.stringify(version ?? null)}`,
    where: { file: layout.format },
    hint: "A later version of Sealflow wrote this store: use that version, or another directory.",
  });
}

/**
 * Makes the store's directory and marks its format, once.
 *
 * @throws SealflowError `ENGINE_STORE_UNWRITABLE`, `ENGINE_STORE_FULL`
 */
export function ensureStore(layout: StoreLayout): void {
  writing(layout.directory, () => {
    if (existsSync(layout.format)) return;
    mkdirSync(layout.directory, { recursive: true });
    // The store holds data and models: it never belongs into a repository.
    writeFileSync(resolve(layout.directory, ".gitignore"), "*\n");
    replaceFile(layout, layout.format, `${JSON.stringify({ formatVersion: STORE_FORMAT })}\n`);
  });
}

/** Name of the lock that a run's process holds. */
export function runLockName(runId: string): string {
  return `run-${runId}`;
}

class FileStore implements Store {
  readonly directory: string;
  readonly layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.directory = layout.directory;
    this.layout = layout;
  }

  listRuns(): RunHeader[] {
    const headers = listed(this.layout.runs).flatMap((runId) => this.header(runId) ?? []);
    return headers.sort((a, b) => (a.createTime < b.createTime ? 1 : -1));
  }

  getRun(runId: string): RunDetails {
    return viewOf(this.readEvents(runId)).details(this.isRunning(runId));
  }

  readEvents(runId: string): RunEvent[] {
    const { events } = readJournal(this.run(runId).journal);
    if (events.length === 0) throw unknownRun(runId);
    return events;
  }

  readDocument(runId: string): JsonValue {
    const text = readIfThere(this.run(runId).document);
    if (text === undefined) throw unknownRun(runId);
    return JSON.parse(text) as JsonValue;
  }

  bundlePath(runId: string): string {
    return runLayout(this.layout, runId).bundle;
  }

  logPath(runId: string, path: TaskPath, attempt: number): string {
    return taskLog(runLayout(this.layout, runId), path, attempt);
  }

  deleteRun(runId: string): void {
    const { directory } = this.run(runId);
    if (this.isRunning(runId)) throw busyRun(runId, "deleted");
    // In one step: a half deleted run must not look like one.
    const aside = join(this.layout.temporary, `deleted-${runId}-${process.pid}`);
    writing(directory, () => {
      mkdirSync(this.layout.temporary, { recursive: true });
      renameSync(directory, aside);
      discard(aside);
    });
  }

  gc(options: GcOptions): GcReport {
    return collectGarbage(this, options);
  }

  requestCancel(runId: string): void {
    const { cancel } = this.run(runId);
    if (!this.isRunning(runId)) {
      throw new SealflowError({
        code: "ENGINE_RUN_NOT_RUNNING",
        message: `run ${runId}: expected a running run, got one that no process has in hand`,
      });
    }
    writing(cancel, () => writeFileSync(cancel, ""));
  }

  hasRun(runId: string): boolean {
    return firstEvent(runLayout(this.layout, runId).journal) !== undefined;
  }

  isRunning(runId: string): boolean {
    return lockHolders(this.layout.locks, (name) => name === runLockName(runId)).length > 0;
  }

  /** Layout of a run that exists. */
  private run(runId: string): ReturnType<typeof runLayout> {
    const layout = runLayout(this.layout, runId);
    if (!this.hasRun(runId)) throw unknownRun(runId);
    return layout;
  }

  /** Undefined for a run whose process died before its first event was durable: nobody was told of it. */
  private header(runId: string): RunHeader | undefined {
    const layout = runLayout(this.layout, runId);
    const ended = readIfThere(layout.header);
    // A derived file, written by this program when the run ended; a missing or torn one is made anew from the journal.
    if (ended?.endsWith("}\n")) return JSON.parse(ended) as RunHeader;
    const first = firstEvent(layout.journal);
    if (first?.type !== "run-created") return undefined;
    return {
      runId,
      name: first.runName,
      pipelineName: first.pipelineName,
      createTime: timestamp(first.time),
      ...this.ending(runId),
    };
  }

  private ending(runId: string): Pick<RunHeader, "state" | "endTime"> {
    if (this.isRunning(runId)) return { state: "RUNNING", endTime: null };
    const { state, endTime } = this.getRun(runId);
    return { state, endTime };
  }
}

/** Writes the header of an ended run, from which lists are made. */
export function writeHeader(store: StoreLayout, runId: string, details: RunDetails): void {
  const { name, pipelineName, state, createTime, endTime } = details;
  const header: RunHeader = { runId, name, pipelineName, state, createTime, endTime };
  replaceFile(store, runLayout(store, runId).header, `${JSON.stringify(header)}\n`);
}

function unknownRun(runId: string): SealflowError {
  return new SealflowError({
    code: "ENGINE_RUN_UNKNOWN",
    message: `run: expected the id of a recorded run, got ${runId}`,
    hint: "List the runs of this store with `sealflow runs list`.",
  });
}

/** The error for something that cannot be done while a process runs the run. */
export function busyRun(runId: string, what: string, pid?: number): SealflowError {
  return new SealflowError({
    code: "ENGINE_RUN_BUSY",
    message: `run ${runId}: cannot be ${what} while ${pid === undefined ? "a process" : `process ${pid}`} runs it`,
    hint: `Wait for it, or end it with \`sealflow runs cancel ${runId}\`.`,
  });
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    if (isAbsent(cause)) return [];
    throw cause;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    throw cause;
  }
}

/** Undefined when no event is whole yet, or there is no journal. Reads no more than it must. */
function firstEvent(journal: string): RunEvent | undefined {
  const head = Buffer.alloc(HEAD_BYTES);
  let fd: number | undefined;
  try {
    fd = openSync(journal, "r");
    const bytes = readSync(fd, head, 0, HEAD_BYTES, 0);
    const first = parseFirstEvent(journal, head.subarray(0, bytes));
    // Parameters are part of the first event, which may so be long.
    return first ?? (bytes === HEAD_BYTES ? readJournal(journal).events[0] : undefined);
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    throw cause;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

const HEAD_BYTES = 64 * 1024;
