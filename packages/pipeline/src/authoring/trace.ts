/**
 * Remembers where in the user's source something was called. Only the stack is captured then, which is cheap; the text
 * is made (and mapped back to TypeScript by Node's source maps) when an error needs it.
 */
import type { ErrorLocation } from "@sealflow/core";

/** A captured call. */
export interface Trace {
  readonly stack?: string;
}

type Callable = (...args: never[]) => unknown;

/** Captures the stack above `callee`, a function that the user called. */
export function traceCaller(callee: Callable): Trace {
  const trace: { stack?: string } = {};
  const { captureStackTrace } = Error as { captureStackTrace?: (target: object, above: Callable) => void };
  if (captureStackTrace !== undefined) captureStackTrace(trace, callee);
  return trace;
}

/** File, line and column of a captured call; empty when the engine gives none. */
export function locationOf(trace: Trace): ErrorLocation {
  for (const line of trace.stack?.split("\n") ?? []) {
    const match = /^\s+at (?:.*\()?(.+?):(\d+):(\d+)\)?$/.exec(line);
    const [, file, row, column] = match ?? [];
    if (file !== undefined && !file.startsWith("node:")) {
      return { file: pathOf(file), line: Number(row), column: Number(column) };
    }
  }
  return {};
}

function pathOf(file: string): string {
  if (!file.startsWith("file://")) return file;
  const path = decodeURIComponent(new URL(file).pathname);
  return /^\/[A-Za-z]:/.test(path) ? path.slice(1) : path;
}
