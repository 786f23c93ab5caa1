/**
 * Random pipelines through the whole engine: tasks that fail a few times first, retries, waits, conditions, loops with
 * limits. What happened is read from a file that the tasks themselves write.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ComponentSpec, TaskSpec } from "@sealflow/pipeline";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { documentOf, task } from "./pipelines.js";
import { engineOf } from "./running.js";

interface Step {
  readonly after: readonly number[];
  /** Attempts that fail before one succeeds. */
  readonly failures: number;
  /** Attempts that the retry policy adds to the first. */
  readonly retries: number;
  readonly skipped: boolean;
  readonly onCompletion: boolean;
  readonly loop: { readonly count: number; readonly limit: number } | undefined;
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    after: fc.array(fc.nat(9), { maxLength: 2 }),
    failures: fc.constantFrom(0, 0, 0, 1, 2),
    retries: fc.nat(2),
    skipped: fc.integer({ min: 0, max: 6 }).map((n) => n === 0),
    onCompletion: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    loop: fc.option(fc.record({ count: fc.nat(3), limit: fc.nat(2) }), { nil: undefined, freq: 3 }),
  }),
  { minLength: 1, maxLength: 8 },
);

const before = (index: number, { after }: Step): number[] =>
  index === 0 ? [] : [...new Set(after.map((n) => n % index))];

/** `work NAME FAILURES`: notes begin and end, fails as often as told, says which attempt succeeded. */
const work = (trace: string): string => `import os, time
def note(line):
    fd = os.open(${JSON.stringify(trace)}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(fd, (line + "\\n").encode())
    os.close(fd)
def work(name: str, item: int, failures: int) -> int:
    name = f"{name}.{item}"
    with open(${JSON.stringify(trace)} + "." + name, "a+") as tries:
        tries.write("x")
        tries.seek(0)
        attempt = len(tries.read())
    note(f"+{name}")
    time.sleep(0.002)
    note(f"-{name}")
    if attempt <= failures:
        raise RuntimeError(f"attempt {attempt}")
    return attempt
`;

const integer = { parameterType: "NUMBER_INTEGER" } as const;

function documentFor(list: readonly Step[], trace: string) {
  const dags: Record<string, ComponentSpec> = {};
  const tasks = list.map((step, index): [string, TaskSpec] => {
    const own = {
      name: { constant: `t${index}` },
      failures: { constant: step.failures },
      item: { constant: 0 },
    };
    const policy: Partial<TaskSpec> = {
      retryPolicy: { maxRetryCount: step.retries, backoffDuration: "0s" },
      triggerPolicy: {
        ...(step.skipped ? { condition: "1 == 2" } : {}),
        ...(step.onCompletion ? { strategy: "ALL_UPSTREAM_TASKS_COMPLETED" as const } : {}),
      },
    };
    const after = before(index, step).map((n) => `t${n}`);
    if (step.loop === undefined) return [`t${index}`, task("work", { parameters: own, after }, policy)];
    dags[`comp-loop${index}`] = {
      inputDefinitions: { parameters: { item: integer } },
      dag: { tasks: { one: task("work", { parameters: { ...own, item: { input: "item" } } }) } },
    };
    const raw = JSON.stringify(Array.from({ length: step.loop.count }, (_, i) => i));
    return [
      `t${index}`,
      task(
        `loop${index}`,
        { after },
        {
          ...policy,
          parameterIterator: { items: { raw }, itemInput: "item" },
          iteratorPolicy: { parallelismLimit: step.loop.limit },
        },
      ),
    ];
  });
  return documentOf({
    components: {
      work: {
        source: work(trace),
        inputs: { name: "STRING", item: "NUMBER_INTEGER", failures: "NUMBER_INTEGER" },
        outputs: { Output: "NUMBER_INTEGER" },
      },
    },
    dags,
    tasks: Object.fromEntries(tasks),
  });
}

type State = "SUCCEEDED" | "FAILED" | "SKIPPED";

/** How every leaf ends, and the run. */
function model(list: readonly Step[]): { leaves: Record<string, State>; run: State; attempts: number } {
  const leaves: Record<string, State> = {};
  const ends: State[] = [];
  let attempts = 0;
  for (const [index, step] of list.entries()) {
    const blocked = !step.onCompletion && before(index, step).some((n) => ends[n] !== "SUCCEEDED");
    const paths =
      step.loop === undefined
        ? [`t${index}`]
        : Array.from({ length: step.loop.count }, (_, i) => `t${index}[${i}]/one`);
    if (blocked || step.skipped) {
      leaves[step.loop === undefined ? `t${index}` : `t${index}/one`] = "SKIPPED";
      ends.push("SKIPPED");
      continue;
    }
    const succeeds = step.failures <= step.retries;
    for (const path of paths) {
      leaves[path] = succeeds ? "SUCCEEDED" : "FAILED";
      attempts += succeeds ? step.failures + 1 : step.retries + 1;
    }
    ends.push(succeeds || paths.length === 0 ? "SUCCEEDED" : "FAILED");
  }
  return { leaves, run: ends.includes("FAILED") ? "FAILED" : "SUCCEEDED", attempts };
}

/** Begins and ends in the order of the trace: most at once, in all and per loop, and nothing before what it waits for. */
function checkTrace(list: readonly Step[], trace: string, concurrency: number): number {
  const lines = existsSync(trace) ? readFileSync(trace, "utf8").trim().split("\n") : [];
  const running = new Set<string>();
  const begun = new Set<string>();
  for (const line of lines) {
    const name = line.slice(1);
    const step = Number(name.slice(1).split(".")[0]);
    if (line.startsWith("-")) {
      running.delete(name);
      continue;
    }
    running.add(name);
    begun.add(`t${step}`);
    expect(running.size).toBeLessThanOrEqual(concurrency);
    const limit = list[step]?.loop?.limit || Number.POSITIVE_INFINITY;
    const siblings = [...running].filter((each) => each.startsWith(`t${step}.`));
    expect(siblings.length, `iterations of t${step} at once`).toBeLessThanOrEqual(limit);
    for (const dependency of before(step, list[step] as Step)) {
      const earlier = [...running].filter((each) => each.startsWith(`t${dependency}.`));
      expect(earlier, `t${step} began while t${dependency} ran`).toEqual([]);
    }
  }
  expect(running.size).toBe(0);
  return lines.filter((line) => line.startsWith("+")).length;
}

describe("random pipelines in the engine", () => {
  const numRuns = process.env.SEALFLOW_SLOW ? 300 : 15;

  it("end as the model says, in order, within their limits", { timeout: 1_800_000 }, async () => {
    const { engine, directory } = engineOf({ concurrency: 3 });
    let count = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const trace = join(directory, `trace-${count++}`);
        const summary = await engine.run(documentFor(list, trace), { caching: false });
        const wanted = model(list);
        expect(Object.fromEntries(summary.tasks.map(({ path, state }) => [path, state]))).toEqual(
          wanted.leaves,
        );
        expect(summary.state).toBe(wanted.run);
        for (const { path, state, outputs } of summary.tasks) {
          const step = list[Number(/\d+/.exec(path)?.[0])];
          if (state === "SUCCEEDED") expect(outputs).toEqual({ Output: (step?.failures ?? 0) + 1 });
        }
        expect(checkTrace(list, trace, 3)).toBe(wanted.attempts);
      }),
      { numRuns },
    );
  });
});
