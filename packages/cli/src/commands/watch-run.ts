/** A run under the eyes of a person: progress on standard error, and Ctrl-C. */
import type { RunListeners } from "@sealflow/engine";
import { type CliContext, wantsColour } from "../context.js";
import { exitCode } from "../exit-code.js";
import { createProgress } from "../render/progress.js";
import { styleFor } from "../render/style.js";
import type { RunLines } from "../render/task-lines.js";
import type { EventFile } from "./event-file.js";

/** What the engine is given, and how to end it. */
export interface Watch {
  readonly listeners: RunListeners;
  stop(): void;
}

/** Where it is told besides. */
export interface Watching {
  readonly events?: EventFile | undefined;
  /** What tasks write, where it is shown. */
  readonly lines?: RunLines | undefined;
}

/** The first Ctrl-C cancels the run and lets it end cleanly; the second one ends the process at once. */
export function watchRun(context: CliContext, { events, lines }: Watching): Watch {
  const { stderr, env } = context.process;
  const canceling = new AbortController();
  const progress = createProgress({
    output: stderr,
    style: styleFor(wantsColour(stderr, env)),
    clock: context.clock,
    live: stderr.isTTY === true && env.TERM !== "dumb" && lines === undefined,
  });
  const release = context.onInterrupt(() => {
    if (canceling.signal.aborted) context.exit(exitCode.interrupted);
    canceling.abort();
  });
  return {
    listeners: {
      signal: canceling.signal,
      onEvent(event) {
        events?.append(event);
        progress.event(event);
      },
      ...(lines === undefined ? {} : { onLog: (chunk) => lines.add(chunk) }),
    },
    stop() {
      release();
      progress.stop();
    },
  };
}
