/** An apply as it happens: a line per change of state; on a terminal also what goes on now, with elapsed time. */
import type { ApplyEvent } from "@sealflow/azure";
import type { Clock } from "@sealflow/core";
import type { Output } from "../../context.js";
import { formatError } from "../../render/error.js";
import type { Style } from "../../render/style.js";
import { formatDuration, visible } from "../../render/text.js";

/** Shows events until it is stopped. */
export interface CloudProgress {
  event(event: ApplyEvent): void;
  stop(): void;
}

const drawEveryMs = 250;
/** Where nothing can be redrawn, a line now and then says that it goes on. */
const remindEveryMs = 30_000;

/** Starts showing. `quiet` shows nothing. */
export function showApply(output: Output, style: Style, clock: Clock, live: boolean): CloudProgress {
  const active = new Map<string, number>();
  let drawn = 0;
  const draw = (lines: readonly string[] = []) => {
    const erase = drawn > 0 ? `\u001b[${drawn}A\u001b[0J` : "";
    const running = live ? runningLines(active, style, clock) : [];
    drawn = running.length;
    const text = erase + [...lines, ...running].map((line) => `${line}\n`).join("");
    if (text !== "") output.write(text);
  };
  const tick = live ? () => draw() : () => draw(active.size > 0 ? runningLines(active, style, clock) : []);
  const timer = setInterval(tick, live ? drawEveryMs : remindEveryMs);
  timer.unref();
  return {
    event(event) {
      if (event.type === "started") active.set(event.address, event.time);
      if (event.type === "finished" || event.type === "failed") active.delete(event.address);
      draw(linesOf(event, style));
    },
    stop() {
      clearInterval(timer);
      active.clear();
      draw();
    },
  };
}

function runningLines(active: ReadonlyMap<string, number>, style: Style, clock: Clock): string[] {
  return [...active].map(
    ([address, since]) =>
      `${style.cyan("…")} ${visible(address)}  ${style.dim(formatDuration(clock.now() - since))}`,
  );
}

function linesOf(event: ApplyEvent, style: Style): string[] {
  const address = visible(event.address);
  switch (event.type) {
    case "resuming":
      return [`${style.cyan("picked up")} ${address}  begun ${formatDuration(event.sinceMs)} ago`];
    case "started":
      return [`${style.cyan(event.action.padEnd(9))} ${address}`];
    case "note":
      return [`${style.dim("note")}      ${address}  ${visible(event.message)}`];
    case "finished":
      return [`${style.green("done")}      ${address}  ${formatDuration(event.elapsedMs)}`];
    case "skipped":
      return [`${style.yellow("skipped")}   ${address}  ${event.because}`];
    case "failed":
      return [
        `${style.red("failed")}    ${address}  ${formatDuration(event.elapsedMs)}`,
        ...formatError(event.error, style)
          .trimEnd()
          .split("\n")
          .map((line) => `  ${line}`),
      ];
  }
}
