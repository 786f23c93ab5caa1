/**
 * A process of its own that runs one pipeline and says after every tenth of its tasks what the engine has cost: its
 * memory after a full collection, and its processor time since the tenth before. `node --expose-gc child.mjs SHAPE TASKS
 * DIRECTORY`; the last line of the output is JSON.
 */
import { createEngine, openStore } from "@sealflow/engine";
import { parsePipelineDocument } from "@sealflow/pipeline";

const [shape, count, directory] = process.argv.slice(2);
const tasks = Number(count);
const engine = createEngine({ store: openStore(directory) });
const tenths = [];
let done = 0;
let cpu = process.cpuUsage();
let since = performance.now();
const onEvent = ({ type }) => {
  if (type !== "task-finished" || ++done % (tasks / 10) !== 0) return;
  const used = process.cpuUsage(cpu);
  const seconds = (performance.now() - since) / 1000;
  globalThis.gc();
  const { heapUsed, rss } = process.memoryUsage();
  tenths.push({ done, heapUsed, rss, cpuSeconds: (used.user + used.system) / 1e6, seconds });
  cpu = process.cpuUsage();
  since = performance.now();
};
const document = parsePipelineDocument(JSON.stringify(spec()));
const { state } = await engine.run(document, { caching: false, onEvent });
await engine.close();
console.log(JSON.stringify({ state, tenths }));

/** Python tasks that add one: in a loop, one after the other, or all independent. */
function spec() {
  const integer = { parameterType: "NUMBER_INTEGER" };
  const step = {
    executorLabel: "exec-step",
    inputDefinitions: { parameters: { n: integer } },
    outputDefinitions: { parameters: { Output: integer } },
  };
  const source = "def step(n: int) -> int:\n    return n + 1\n";
  const script = 'python3 -m kfp.dsl.executor_main --component_module_path "$0" "$@"';
  const container = {
    image: "python:3.11",
    command: ["sh", "-ec", script, source],
    args: ["--executor_input", "{{$}}", "--function_to_execute", "step"],
  };
  const loop = {
    inputDefinitions: { parameters: { item: integer } },
    outputDefinitions: { parameters: { all: { parameterType: "LIST" } } },
    dag: {
      tasks: { step: task({ n: { componentInputParameter: "item" } }) },
      outputs: {
        parameters: {
          all: { valueFromParameter: { producerSubtask: "step", outputParameterKey: "Output" } },
        },
      },
    },
  };
  return {
    pipelineInfo: { name: `soak-${shape}` },
    schemaVersion: "2.1.0",
    deploymentSpec: { executors: { "exec-step": { container } } },
    components: { "comp-step": step, ...(shape === "loop" ? { "comp-loop": loop } : {}) },
    root: { dag: { tasks: rootTasks() } },
  };
}

function task(parameters, more = {}) {
  return { componentRef: { name: "comp-step" }, inputs: { parameters }, ...more };
}

function rootTasks() {
  const numbers = Array.from({ length: tasks }, (_, n) => n);
  if (shape === "loop") {
    const items = { raw: JSON.stringify(numbers) };
    return { loop: { componentRef: { name: "comp-loop" }, parameterIterator: { items, itemInput: "item" } } };
  }
  const before = (n) => ({
    taskOutputParameter: { producerTask: `t${n - 1}`, outputParameterKey: "Output" },
  });
  const constant = (n) => ({ runtimeValue: { constant: n } });
  const entry = (n) =>
    shape === "chain" && n > 0
      ? task({ n: before(n) }, { dependentTasks: [`t${n - 1}`] })
      : task({ n: constant(n) });
  return Object.fromEntries(numbers.map((n) => [`t${n}`, entry(n)]));
}
