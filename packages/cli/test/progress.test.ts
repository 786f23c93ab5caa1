import type { RunEvent, RunEventBody } from "@sealflow/engine";
import { describe, expect, it } from "vitest";
import { createProgress } from "../src/render/progress.js";
import { styleFor } from "../src/render/style.js";

const outputs = { parameters: {}, artifacts: {} };
const failure = {
  code: "TASK_FAILED",
  message: "train: exit code 1",
  hint: "read its log",
  where: { file: "steps.py", line: 12 },
};

/** Events one second apart. */
function record(...bodies: RunEventBody[]): RunEvent[] {
  return bodies.map((body, index) => ({ ...body, seq: index + 1, time: index * 1000 }) as RunEvent);
}

const story = record(
  { type: "run-started", pid: 1, resumed: true },
  { type: "environment-building", environment: "0123456789abcdef", requirements: ["pandas==3.1.1"] },
  { type: "environment-ready", environment: "0123456789abcdef", reused: false, elapsedMs: 4200 },
  { type: "task-started", path: "load", attempt: 1, inputs: outputs },
  { type: "task-finished", path: "load", state: "SUCCEEDED", cached: false, startTime: 3000 },
  { type: "task-finished", path: "split", state: "SUCCEEDED", cached: true, startTime: 5000 },
  { type: "task-started", path: "for-loop-1[2]/train", attempt: 1, inputs: outputs },
  { type: "task-retrying", path: "for-loop-1[2]/train", attempt: 1, error: failure, delayMs: 10 },
  {
    type: "task-finished",
    path: "for-loop-1[2]/train",
    state: "FAILED",
    cached: false,
    startTime: 6000,
    error: failure,
  },
  {
    type: "task-skipped",
    path: "score",
    reason: { kind: "dependency", dependency: "train", state: "FAILED" },
  },
  { type: "task-skipped", path: "deploy", reason: { kind: "condition-false", condition: "false" } },
  { type: "notice", code: "ENGINE_NOTE", message: "memory limits are not applied", path: "load" },
  { type: "run-canceling" },
  { type: "task-finished", path: "slow", state: "CANCELED", cached: false, startTime: 6000 },
);

function show(events: readonly RunEvent[], live: boolean, now = 0) {
  const chunks: string[] = [];
  const output = { write: (text: string) => void chunks.push(text), columns: 40, rows: 5 };
  const progress = createProgress({ output, style: styleFor(false), clock: { now: () => now }, live });
  for (const event of events) progress.event(event);
  return { progress, chunks };
}

describe("progress", () => {
  it("writes one line per change where there is no terminal", () => {
    const { progress, chunks } = show(story, false);
    progress.stop();
    expect(chunks.join("")).toMatchInlineSnapshot(`
      "resumed    the run goes on
      building   environment of pandas==3.1.1
      built      environment  4.20 s
      started    load
      succeeded  load  1.00 s
      cached     split
      started    for-loop-1[2]/train
      retrying   for-loop-1[2]/train  attempt 1 failed
        error[TASK_FAILED]: train: exit code 1
        where: steps.py:12
        hint: read its log
      failed     for-loop-1[2]/train  2.00 s
        error[TASK_FAILED]: train: exit code 1
        where: steps.py:12
        hint: read its log
      skipped    score  train is failed
      skipped    deploy  condition is false
      notice     load: memory limits are not applied
      canceling  ending the running tasks; Ctrl-C again kills them
      canceled   slow
      "
    `);
  });

  it("redraws running tasks below finished ones on a terminal", () => {
    const { progress, chunks } = show(story.slice(3, 4), true, 5500);
    progress.draw();
    for (const event of story.slice(4, 6)) progress.event(event);
    progress.stop();
    expect(chunks).toEqual([
      "⠋ load  2.50 s\n",
      "\u001b[1A\u001b[0Jsucceeded  load  1.00 s\ncached     split\n",
    ]);
  });

  it("never draws more than the terminal holds", () => {
    const started = Array.from({ length: 9 }, (_, i) => ({
      type: "task-started" as const,
      path: `task-${i}-${"x".repeat(60)}`,
      attempt: 1,
      inputs: outputs,
    }));
    const { progress, chunks } = show(record(...started), true);
    progress.draw();
    progress.stop();
    const lines = chunks[0]?.trimEnd().split("\n") ?? [];
    expect(lines).toHaveLength(3);
    expect(lines[2]).toBe("  and 7 more");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(40);
  });

  it("shows the end of a path that is too long, which says which task it is", () => {
    const path = "condition-branches-1/condition-2/generate-data";
    const { chunks, progress } = show(
      record({ type: "task-started", path, attempt: 1, inputs: outputs }),
      true,
    );
    progress.draw();
    progress.stop();
    expect(chunks[0]).toMatch(/^⠋ ….*condition-2\/generate-data {2}\d/);
  });

  it("makes control characters in names and messages visible", () => {
    const { chunks } = show(record({ type: "notice", code: "X", message: "a\u001b[2Jb" }), false);
    expect(chunks.join("")).toBe("notice     a\\x1b[2Jb\n");
  });

  it("colours words, not columns", () => {
    const chunks: string[] = [];
    const progress = createProgress({
      output: { write: (text) => void chunks.push(text) },
      style: styleFor(true),
      clock: { now: () => 0 },
      live: false,
    });
    for (const event of story.slice(3, 5)) progress.event(event);
    expect(chunks[1]).toBe("\u001b[32msucceeded\u001b[39m  load  1.00 s\n");
  });
});
