/**
 * A log of any size: read in ranges, of which only the latest stay in memory. What is kept of the rest are marks, pairs of
 * line number and place, so that any line is found with one read.
 */

import { LogSearch } from "./search.js";

/** Reads bytes from `start` (included) to `end` (excluded); fewer at the end. `size` is the log's present size. */
export type ReadRange = (
  start: number,
  end: number,
) => Promise<{ readonly bytes: Uint8Array; readonly size: number }>;

/** Lines or bytes between two marks, whichever comes first. */
const LINES_PER_MARK = 1000;
const BYTES_PER_MARK = 64 * 1024;
/** How much is read at once while lines are counted. */
const STEP_BYTES = 4 * 1024 * 1024;
/** How much of a group of lines is read, and of a line is shown. */
const MOST_GROUP_BYTES = 1024 * 1024;
const LONGEST_LINE = 4000;
/** Groups that stay in memory. */
const KEPT_GROUPS = 48;
const NEWLINE = 10;

interface Mark {
  readonly line: number;
  readonly at: number;
}

/** A line as text. */
export type Line = string;

/** A log whose lines can be asked for by number, from 0. */
export class LogSource {
  private readonly read: ReadRange;
  private readonly marks: Mark[] = [{ line: 0, at: 0 }];
  private readonly groups = new Map<number, Promise<readonly Line[]>>();
  private size = 0;
  private scanned = 0;
  private newlines = 0;
  /** Whether the last byte that was counted ended a line. */
  private ended = true;
  private readonly waiting: (() => void)[] = [];

  constructor(read: ReadRange) {
    this.read = read;
  }

  /** Lines that are known so far; the last one may still grow. */
  get lines(): number {
    return this.newlines + (this.ended ? 0 : 1);
  }

  /** Bytes whose lines were counted, and bytes that there are. */
  get progress(): { readonly scanned: number; readonly size: number } {
    return { scanned: this.scanned, size: this.size };
  }

  /** Counts on from where it stopped, one step; false when there is nothing more at present. */
  async scan(): Promise<boolean> {
    const { bytes, size } = await this.read(this.scanned, this.scanned + STEP_BYTES);
    this.size = size;
    if (bytes.length === 0) return false;
    // The group at the end has grown: what was read of it is no longer all.
    this.groups.delete(this.marks.length - 1);
    this.count(bytes);
    return this.scanned < this.size;
  }

  private count(bytes: Uint8Array): void {
    let last = this.marks.at(-1) ?? { line: 0, at: 0 };
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) {
      this.newlines += 1;
      const next = this.scanned + at + 1;
      if (this.newlines - last.line < LINES_PER_MARK && next - last.at < BYTES_PER_MARK) continue;
      last = { line: this.newlines, at: next };
      this.marks.push(last);
    }
    this.scanned += bytes.length;
    this.ended = bytes.at(-1) === NEWLINE;
    for (const told of this.waiting.splice(0)) told();
  }

  /** Lines from `first` (included) to `end` (excluded), as far as they are known. */
  async slice(first: number, end: number): Promise<readonly Line[]> {
    const from = this.groupOf(first);
    const to = this.groupOf(Math.max(first, end - 1));
    const found: Line[] = [];
    for (let group = from; group <= to; group++) {
      const start = this.marks[group]?.line ?? 0;
      const lines = await this.group(group);
      found.push(...lines.slice(Math.max(0, first - start), Math.max(0, end - start)));
    }
    return found;
  }

  /** The group of lines that a line is in: the last mark at or before it. */
  private groupOf(line: number): number {
    let [low, high] = [0, this.marks.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.marks[middle]?.line ?? 0) <= line) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  private group(index: number): Promise<readonly Line[]> {
    const known = this.groups.get(index);
    if (known !== undefined) {
      // The latest used comes last: the first is let go.
      this.groups.delete(index);
      this.groups.set(index, known);
      return known;
    }
    const made = this.readGroup(index);
    this.groups.set(index, made);
    made.catch(() => this.groups.delete(index));
    const [oldest] = this.groups.keys();
    if (this.groups.size > KEPT_GROUPS && oldest !== undefined) this.groups.delete(oldest);
    return made;
  }

  private async readGroup(index: number): Promise<readonly Line[]> {
    const start = this.marks[index]?.at ?? 0;
    const end = this.marks[index + 1]?.at ?? this.scanned;
    const { bytes } = await this.read(start, Math.min(end, start + MOST_GROUP_BYTES));
    const text = new TextDecoder().decode(bytes);
    const lines = (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
    return lines.map((line) => (line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)} …` : line));
  }

  /** A search for a text. */
  search(text: string): LogSearch {
    return new LogSearch(this.read, text);
  }

  /** Resolves when more was counted, or when the signal aborts. */
  grown(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      this.waiting.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
}
