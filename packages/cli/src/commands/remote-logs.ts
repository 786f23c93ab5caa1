/** What the tasks of a remote run write, line by line with the task in front. */
import type { Session } from "@sealflow/cluster";
import { isSealflowError } from "@sealflow/core";
import type { RunEvent } from "@sealflow/engine";
import { type CliContext, wantsColour } from "../context.js";
import { formatWarning } from "../render/error.js";
import type { LogKeys } from "../render/sealed-log.js";
import { styleFor } from "../render/style.js";
import { TaskLines } from "../render/task-lines.js";

/** Follows each task that starts, until its end. */
export class RemoteLogs {
  private readonly context: CliContext;
  private readonly session: Session;
  private readonly runId: string;
  private readonly leaving = new AbortController();
  private readonly following = new Set<Promise<void>>();
  private readonly warned = new Set<string>();

  private readonly keys: LogKeys;

  constructor(context: CliContext, session: Session, { runId, keys }: { runId: string; keys: LogKeys }) {
    this.context = context;
    this.keys = keys;
    this.session = session;
    this.runId = runId;
  }

  /** Begins to follow what the event starts; waits for nothing. */
  async event(event: RunEvent): Promise<void> {
    if (event.type !== "task-started") return;
    const followed = this.follow(event.path, event.attempt).catch((error: unknown) => this.warn(error));
    this.following.add(followed);
    followed.then(() => this.following.delete(followed));
  }

  /** Waits for what is still on its way, unless the user leaves. */
  async close(now: boolean): Promise<void> {
    if (now) this.leaving.abort();
    await Promise.all(this.following);
  }

  private async follow(path: string, attempt: number): Promise<void> {
    const { remoteLog } = await import("@sealflow/cluster");
    const lines = remoteLog(this.session, {
      ...{ runId: this.runId, task: path, attempt, follow: true },
      signal: this.leaving.signal,
    });
    const shown = new TaskLines(path, { output: this.context.process.stderr, keys: this.keys });
    for await (const text of lines) shown.add(text);
    await shown.end();
  }

  /** Once for each reason: it is the same for most tasks. */
  private warn(error: unknown): void {
    if (this.leaving.signal.aborted || !isSealflowError(error) || this.warned.has(error.code)) return;
    this.warned.add(error.code);
    const { stderr, env } = this.context.process;
    stderr.write(formatWarning(error.toJSON(), styleFor(wantsColour(stderr, env))));
  }
}
