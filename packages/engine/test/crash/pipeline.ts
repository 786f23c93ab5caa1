/** Sixty tasks with a loop, conditions, artifacts and a fan-in; each execution leaves a line in a file outside the run. */
import type { ComponentSpec, PipelineDocument } from "@sealflow/pipeline";
import { documentOf, type TestComponent, task } from "../pipelines.js";

const NUMBERS = 15;
const ITEMS = 15;
const THRESHOLD = 4;

/** What the run must give, however often it was killed. */
export const expected = {
  total: Array.from({ length: NUMBERS }, (_, i) => i * 3).reduce((a, b) => a + b, 0),
  doubled: Array.from({ length: ITEMS }, (_, i) => i * 2),
  tasks: NUMBERS * 2 + ITEMS * 2 + 2,
  skipped: THRESHOLD + 1,
};

const note = (trace: string): string => `import os
def note(name):
    fd = os.open(${JSON.stringify(trace)}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(fd, (name + "\\n").encode())
    os.close(fd)
`;

function components(trace: string): Record<string, TestComponent> {
  const head = `from kfp.dsl import Dataset, Input, Output\n${note(trace)}`;
  return {
    triple: {
      source: `${head}def triple(n: int, data: Output[Dataset]):\n    note(f"triple {n}")\n    open(data.path, "w").write(str(n * 3))\n`,
      inputs: { n: "NUMBER_INTEGER" },
      outputArtifacts: ["data"],
    },
    add: {
      source: `${head}def add(sum: int, data: Input[Dataset]) -> int:\n    n = int(open(data.path).read())\n    note(f"add {n // 3}")\n    return sum + n\n`,
      inputs: { sum: "NUMBER_INTEGER" },
      inputArtifacts: ["data"],
      outputs: { Output: "NUMBER_INTEGER" },
    },
    double: {
      source: `${head}def double(n: int) -> int:\n    note(f"double {n}")\n    return n * 2\n`,
      inputs: { n: "NUMBER_INTEGER" },
      outputs: { Output: "NUMBER_INTEGER" },
    },
    big: {
      source: `${head}def big(n: int):\n    note(f"big {n}")\n`,
      inputs: { n: "NUMBER_INTEGER" },
    },
    gather: {
      source: `${head}def gather(items: list) -> list:\n    note("gather")\n    return items\n`,
      inputs: { items: "LIST" },
      outputs: { Output: "LIST" },
    },
    last: { source: `${head}def last():\n    note("last")\n` },
  };
}

const integer = { parameterType: "NUMBER_INTEGER" } as const;

const dags: Record<string, ComponentSpec> = {
  "comp-loop": {
    inputDefinitions: { parameters: { item: integer } },
    outputDefinitions: { parameters: { doubled: { parameterType: "LIST" } } },
    dag: {
      outputs: {
        parameters: {
          doubled: { valueFromParameter: { producerSubtask: "double", outputParameterKey: "Output" } },
        },
      },
      tasks: {
        double: task("double", { parameters: { n: { input: "item" } } }),
        condition: task(
          "condition",
          { parameters: { item: { input: "item" } } },
          { triggerPolicy: { condition: `int(inputs.parameter_values['item']) > ${THRESHOLD}` } },
        ),
      },
    },
  },
  "comp-condition": {
    inputDefinitions: { parameters: { item: integer } },
    dag: { tasks: { big: task("big", { parameters: { n: { input: "item" } } }) } },
  },
};

/** The line that a task's execution leaves in the trace. */
export function traceOf(path: string): string {
  const loop = /^loop\[(\d+)\].*\/(\w+)$/.exec(path);
  return loop === null ? path.replace("-", " ") : `${loop[2]} ${loop[1]}`;
}

/** The pipeline. @param trace File that each execution of a task adds a line to. */
export function crashPipeline(trace: string): PipelineDocument {
  const numbers = Array.from({ length: NUMBERS }, (_, i) => i);
  const raw = JSON.stringify(Array.from({ length: ITEMS }, (_, i) => i));
  return documentOf({
    components: components(trace),
    dags,
    tasks: {
      ...Object.fromEntries(
        numbers.flatMap((n) => [
          [`triple-${n}`, task("triple", { parameters: { n: { constant: n } } })],
          [
            `add-${n}`,
            task("add", {
              parameters: { sum: n === 0 ? { constant: 0 } : { task: `add-${n - 1}.Output` } },
              artifacts: { data: `triple-${n}.data` },
            }),
          ],
        ]),
      ),
      loop: task("loop", {}, { parameterIterator: { items: { raw }, itemInput: "item" } }),
      gather: task("gather", { parameters: { items: { task: "loop.doubled" } } }),
      last: task("last", { after: ["gather", `add-${NUMBERS - 1}`] }),
    },
    outputs: { total: [`add-${NUMBERS - 1}.Output`, "NUMBER_INTEGER"], doubled: ["gather.Output", "LIST"] },
  });
}
