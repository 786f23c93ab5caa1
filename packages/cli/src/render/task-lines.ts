/** What tasks write while they run, line by line with the task in front; sealed parts are opened with the user's keys. */
import type { Output } from "../context.js";
import { type LogKeys, SealedLogLines } from "./sealed-log.js";
import { visible } from "./text.js";

/** The lines of one attempt of a task. */
export class TaskLines {
  private readonly path: string;
  private readonly output: Output;
  private readonly sealed: SealedLogLines;
  private rest = "";
  private work: Promise<void> = Promise.resolve();

  constructor(path: string, { output, keys }: { readonly output: Output; readonly keys: LogKeys }) {
    this.path = path;
    this.output = output;
    this.sealed = new SealedLogLines(keys);
  }

  /** Shows the lines that the text completes. */
  add(text: string): void {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    for (const line of lines) this.work = this.work.then(() => this.show(line));
    // Whoever waits for the end is told.
    this.work.catch(() => {});
  }

  /** Shows what is left; waits until all is shown. */
  async end(): Promise<void> {
    await this.work;
    if (this.rest !== "") await this.show(this.rest);
    this.rest = "";
  }

  private async show(line: string): Promise<void> {
    for (const shown of await this.sealed.line(line)) this.output.write(`${this.path} | ${visible(shown)}\n`);
  }
}

/** The lines of all tasks of a run. */
export class RunLines {
  private readonly to: { readonly output: Output; readonly keys: LogKeys };
  private readonly attempts = new Map<string, TaskLines>();

  constructor(to: { readonly output: Output; readonly keys: LogKeys }) {
    this.to = to;
  }

  add({
    path,
    attempt,
    text,
  }: {
    readonly path: string;
    readonly attempt: number;
    readonly text: string;
  }): void {
    const name = `${path} ${attempt}`;
    const lines = this.attempts.get(name) ?? new TaskLines(path, this.to);
    this.attempts.set(name, lines);
    lines.add(text);
  }

  /** Waits until all is shown that can be. */
  async end(): Promise<void> {
    await Promise.allSettled([...this.attempts.values()].map((lines) => lines.end()));
  }
}
