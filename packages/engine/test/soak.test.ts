/** Many tasks in one run: the engine holds no more of the last than of the first. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { ComponentSpec } from "@sealflow/pipeline";
import { describe, expect, it } from "vitest";
import { documentOf, task } from "./pipelines.js";
import { engineOf } from "./running.js";

const TASKS = process.env.SEALFLOW_SLOW ? 10_000 : 400;
/** What a finished task may hold: its line in the summary. */
const BYTES_PER_TASK = 2_000;
/** What has nothing to do with tasks: compiled code, caches that fill once. */
const SLACK = 8_000_000;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const heap = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};

const integer = { parameterType: "NUMBER_INTEGER" } as const;
const loop: ComponentSpec = {
  inputDefinitions: { parameters: { item: integer } },
  outputDefinitions: { parameters: { all: { parameterType: "LIST" } } },
  dag: {
    tasks: { step: task("step", { parameters: { n: { input: "item" } } }) },
    outputs: {
      parameters: { all: { valueFromParameter: { producerSubtask: "step", outputParameterKey: "Output" } } },
    },
  },
};
const numbers = Array.from({ length: TASKS }, (_, n) => n);
const pipeline = documentOf({
  components: {
    step: {
      source: "def step(n: int) -> int:\n    return n + 1\n",
      inputs: { n: "NUMBER_INTEGER" },
      outputs: { Output: "NUMBER_INTEGER" },
    },
  },
  dags: { "comp-loop": loop },
  tasks: {
    loop: task(
      "loop",
      {},
      { parameterIterator: { items: { raw: JSON.stringify(numbers) }, itemInput: "item" } },
    ),
  },
  outputs: { all: ["loop.all", "LIST"] },
});

describe(`a run of ${TASKS} tasks`, () => {
  it("needs no more memory at its end than near its beginning", { timeout: 1_800_000 }, async () => {
    const { engine } = engineOf();
    const sizes: number[] = [];
    let done = 0;
    const summary = await engine.run(pipeline, {
      caching: false,
      onEvent: ({ type }) => {
        if (type === "task-finished" && ++done % (TASKS / 10) === 0) sizes.push(heap());
      },
    });
    expect(summary.state).toBe("SUCCEEDED");
    expect(summary.outputs).toEqual({ all: numbers.map((n) => n + 1) });
    const [, early = 0] = sizes;
    expect((sizes.at(-1) ?? 0) - early).toBeLessThan(TASKS * BYTES_PER_TASK + SLACK);
  });
});
