/**
 * A run's events as they happen. On a terminal: finished tasks scroll up, running ones stay below with a spinner and
 * their elapsed time. Elsewhere: one line per change.
 */
import type { Clock, ErrorBody } from "@sealflow/core";
import type { RunEvent } from "@sealflow/engine";
import type { Output } from "../context.js";
import { formatError } from "./error.js";
import type { Style } from "./style.js";
import { endOf, formatDuration, visible } from "./text.js";

/** How progress is shown. */
export interface ProgressOptions {
  readonly output: Output;
  readonly style: Style;
  readonly clock: Clock;
  /** Redraw in place: only for terminals. */
  readonly live: boolean;
}

/** Shows events; `stop` clears what is being redrawn. */
export interface Progress {
  event(event: RunEvent): void;
  /** Draws now; called by a timer while live. */
  draw(): void;
  stop(): void;
}

const spinner = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const drawEveryMs = 100;

/** Starts showing progress. */
export function createProgress(options: ProgressOptions): Progress {
  const { output, live } = options;
  const active = new Map<string, number>();
  const pending: string[] = [];
  let drawn = 0;
  let frame = 0;

  function draw(): void {
    const erase = drawn > 0 ? `\u001b[${drawn}A\u001b[0J` : "";
    const lines = live ? activeLines(active, options, spinner[frame % spinner.length] ?? "") : [];
    frame += 1;
    drawn = lines.length;
    const text = erase + [...pending.splice(0), ...lines].map((line) => `${line}\n`).join("");
    if (text !== "") output.write(text);
  }

  const timer = live ? setInterval(draw, drawEveryMs) : undefined;
  timer?.unref();
  return {
    event(event) {
      follow(active, event);
      pending.push(...linesOf(event, options));
      if (!live) draw();
    },
    draw,
    stop() {
      clearInterval(timer);
      active.clear();
      draw();
    },
  };
}

/** Keeps the set of what goes on now, with its start. */
function follow(active: Map<string, number>, event: RunEvent): void {
  if (event.type === "environment-building") active.set(environmentName(event.environment), event.time);
  if (event.type === "environment-ready") active.delete(environmentName(event.environment));
  if (event.type === "task-started") active.set(event.path, event.time);
  if (event.type === "task-finished") active.delete(event.path);
}

function environmentName(environment: string): string {
  return `environment ${environment.slice(0, 12)}`;
}

function activeLines(active: ReadonlyMap<string, number>, options: ProgressOptions, sign: string): string[] {
  const { output, style, clock } = options;
  // Terminals that don't know their size say 0.
  const width = Math.max(20, (output.columns || 80) - 1);
  const room = Math.max(1, (output.rows || 24) - 2);
  const shown = [...active].slice(0, active.size > room ? room - 1 : room);
  const lines = shown.map(([name, since]) => {
    const elapsed = formatDuration(clock.now() - since);
    return `${style.cyan(sign)} ${endOf(visible(name), width - elapsed.length - 4)}  ${style.dim(elapsed)}`;
  });
  if (shown.length < active.size) lines.push(style.dim(`  and ${active.size - shown.length} more`));
  return lines;
}

/** Permanent lines for an event. */
function linesOf(event: RunEvent, { style, live }: ProgressOptions): string[] {
  switch (event.type) {
    case "run-started":
      return event.resumed ? [line(style.cyan("resumed"), "the run goes on")] : [];
    case "environment-building":
      return live
        ? []
        : [line(style.cyan("building"), `environment of ${event.requirements.join(" ") || "Python alone"}`)];
    case "environment-ready":
      return event.reused
        ? []
        : [line(style.green("built"), `environment  ${formatDuration(event.elapsedMs)}`)];
    case "task-started":
      return live ? [] : [line(style.cyan("started"), event.path)];
    case "task-retrying":
      return [
        line(style.yellow("retrying"), `${event.path}  attempt ${event.attempt} failed`),
        ...errorLines(event.error, style),
      ];
    case "task-finished":
      return finishedLines(event, style);
    case "task-skipped":
      return [line(style.dim("skipped"), `${event.path}  ${skipReason(event.reason)}`)];
    case "notice":
      return [
        line(style.yellow("notice"), `${event.path === undefined ? "" : `${event.path}: `}${event.message}`),
      ];
    case "run-canceling":
      return [line(style.yellow("canceling"), "ending the running tasks; Ctrl-C again kills them")];
    default:
      return [];
  }
}

function finishedLines(event: Extract<RunEvent, { type: "task-finished" }>, style: Style): string[] {
  const elapsed = formatDuration(event.time - event.startTime);
  if (event.state === "SUCCEEDED" && event.cached) return [line(style.green("cached"), event.path)];
  if (event.state === "SUCCEEDED") return [line(style.green("succeeded"), `${event.path}  ${elapsed}`)];
  if (event.state === "CANCELED") return [line(style.yellow("canceled"), event.path)];
  return [line(style.red("failed"), `${event.path}  ${elapsed}`), ...errorLines(event.error, style)];
}

function skipReason(reason: Extract<RunEvent, { type: "task-skipped" }>["reason"]): string {
  if (reason.kind === "condition-false") return "condition is false";
  if (reason.kind === "dependency") return `${reason.dependency} is ${reason.state.toLowerCase()}`;
  return "canceled";
}

/** One word, padded inside its colour, and what it is about. */
function line(word: string, about: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour has no width
  const width = word.replace(/\u001b\[\d+m/g, "").length;
  return `${word}${" ".repeat(Math.max(1, 11 - width))}${visible(about)}`;
}

function errorLines(error: ErrorBody | undefined, style: Style): string[] {
  if (error === undefined) return [];
  return formatError(error, style)
    .trimEnd()
    .split("\n")
    .map((text) => `  ${text}`);
}
