/** How a task's end reads to people: what went wrong, where, and where to look. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { type ErrorBody, isSealflowError } from "@sealflow/core";
import type { ComponentError, TaskExit } from "../workers/protocol.js";

const LAST_BYTES = 4096;
const LAST_LINES = 20;

/** What is known around a task's end. */
export interface FailureContext {
  /** Path of the attempt's log. */
  readonly log: string;
  /** Memory limit that was in force. */
  readonly memoryLimitBytes?: number;
  /** Set when the engine ended the task because its time was up. */
  readonly timeoutMs?: number;
}

/** Ends of one kind of signal that people meet, in words. */
const signalWords: Readonly<Record<string, string>> = {
  SIGKILL: "was killed from outside (SIGKILL)",
  SIGSEGV: "crashed with a segmentation fault (SIGSEGV)",
  SIGABRT: "aborted itself (SIGABRT)",
  SIGBUS: "crashed with a bus error (SIGBUS)",
  SIGILL: "used an instruction that this processor does not have (SIGILL)",
  SIGFPE: "crashed with an arithmetic error (SIGFPE)",
  SIGTERM: "was ended by SIGTERM from outside",
  SIGXCPU: "used up its processor time (SIGXCPU)",
};

/** True when the attempt ended well. */
export function isSuccess(exit: TaskExit): boolean {
  return exit.exitCode === 0 && exit.signal === null && !exit.error;
}

/** The error of an attempt that ended badly. */
export function exitError(exit: TaskExit, context: FailureContext): ErrorBody {
  const lines = lastLines(context.log);
  const data = {
    exitCode: exit.exitCode,
    signal: exit.signal,
    log: context.log,
    ...(lines === "" ? {} : { lastLines: lines }),
    ...(exit.maxRssBytes ? { maxRssBytes: exit.maxRssBytes } : {}),
    ...(exit.error ? exceptionData(exit.error) : {}),
  };
  if (context.timeoutMs !== undefined) {
    const message = `task: expected to end within ${context.timeoutMs / 1000} s, and was ended after that`;
    return { code: "ENGINE_TASK_TIMEOUT", message, data };
  }
  const memory = outOfMemory(exit, context, lines);
  const message = memory ?? (exit.error ? exceptionMessage(exit.error) : exitMessage(exit));
  return {
    code: memory === undefined ? "ENGINE_TASK_FAILED" : "ENGINE_TASK_OUT_OF_MEMORY",
    message,
    ...(exit.error?.file ? { where: place(exit.error) } : {}),
    data,
  };
}

function exitMessage({ exitCode, signal, maxRssBytes }: TaskExit): string {
  const peak = signal === "SIGKILL" ? peakOf(maxRssBytes) : "";
  if (signal !== null) return `task: ${signalWords[signal] ?? `was ended by ${signal}`}${peak}`;
  return `task: exited with code ${exitCode}`;
}

function exceptionMessage(error: ComponentError): string {
  const type = error.type ? `${error.type}: ` : "";
  const line = error.line ? `, line ${error.line}` : "";
  return `task: ${type}${error.message}${error.function ? ` (in ${error.function}${line})` : ""}`;
}

function exceptionData(error: ComponentError): Record<string, unknown> {
  const { kind, type, message, traceback } = error;
  return { exception: { kind, type: type ?? null, message, traceback: traceback ?? null } };
}

function place({ file, line }: ComponentError): { file?: string; line?: number } {
  return { ...(file ? { file } : {}), ...(line ? { line } : {}) };
}

/** What programs say when the system gives them no more memory: C, C++, Python, the JVM, Go, Node. */
const memoryWords =
  /MemoryError|Cannot allocate memory|std::bad_alloc|OutOfMemoryError|out of memory|memory exhausted/i;

/**
 * Memory is the reason when Python says so, when a kill is one that the kernel counts as such or that met a task at its
 * limit, or when a command under a limit ended badly with words to that effect.
 */
function outOfMemory(
  exit: TaskExit,
  { memoryLimitBytes }: FailureContext,
  lines: string,
): string | undefined {
  const limit = memoryLimitBytes === undefined ? "" : ` (limit ${mebibytes(memoryLimitBytes)} MiB)`;
  if (exit.error?.type === "MemoryError")
    return `task: ran out of memory${limit}: ${exceptionMessage(exit.error)}`;
  if (memoryLimitBytes !== undefined && !exit.error && exit.exitCode !== 0) {
    const said = lines.split("\n").findLast((line) => memoryWords.test(line));
    if (said !== undefined) return `task: ran out of memory${limit}: ${said.trim()}`;
  }
  if (exit.signal !== "SIGKILL") return undefined;
  const full = memoryLimitBytes !== undefined && (exit.maxRssBytes ?? 0) > NEAR * memoryLimitBytes;
  if (exit.outOfMemory !== true && exit.error?.kind !== "memory" && !full) return undefined;
  return `task: killed (SIGKILL) because memory ran out${limit}${peakOf(exit.maxRssBytes)}`;
}

/** Share of its limit from which on a killed task is taken for one that met it. */
const NEAR = 0.95;

function peakOf(bytes: number | null | undefined): string {
  return bytes ? `, peak ${mebibytes(bytes)} MiB` : "";
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

/** The error of an attempt that never came to an exit of its own, for example a lost worker. */
export function thrownError(cause: unknown): ErrorBody {
  if (isSealflowError(cause)) return cause.toJSON();
  const message = cause instanceof Error ? cause.message : String(cause);
  return { code: "ENGINE_TASK_FAILED", message: `task: ${message}` };
}

/** The end of a log file as text, or nothing when there is none. */
export function lastLines(log: string): string {
  let fd: number | undefined;
  try {
    fd = openSync(log, "r");
    const { size } = fstatSync(fd);
    const buffer = Buffer.alloc(Math.min(size, LAST_BYTES));
    const bytes = readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    return buffer.subarray(0, bytes).toString("utf8").trimEnd().split("\n").slice(-LAST_LINES).join("\n");
  } catch {
    return "";
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
