import { formatJson } from "./format.js";

/** A small valid pipeline: `make` gives `text`, `use` takes it; a loop over `use` and a condition around it. */
export function sample() {
  return {
    pipelineInfo: { name: "sample" },
    schemaVersion: "2.1.0",
    sdkVersion: "test",
    deploymentSpec: {
      executors: {
        "exec-make": { container: { image: "python:3.11", command: ["make"], args: [] } },
        "exec-use": {
          container: { image: "python:3.11", command: ["use"], resources: { resourceMemoryLimit: "1Gi" } },
        },
      },
    },
    components: {
      "comp-make": {
        executorLabel: "exec-make",
        inputDefinitions: { parameters: { count: { parameterType: "NUMBER_INTEGER" } } },
        outputDefinitions: { parameters: { text: { parameterType: "STRING" } } },
      },
      "comp-use": {
        executorLabel: "exec-use",
        inputDefinitions: { parameters: { text: { parameterType: "STRING" } } },
        outputDefinitions: { parameters: { size: { parameterType: "NUMBER_INTEGER" } } },
      },
      "comp-loop": {
        inputDefinitions: { parameters: { item: { parameterType: "STRING" } } },
        dag: {
          tasks: {
            use: {
              componentRef: { name: "comp-use" },
              inputs: { parameters: { text: { componentInputParameter: "item" } } },
            },
          },
        },
      },
    },
    root: {
      inputDefinitions: { parameters: { count: { parameterType: "NUMBER_INTEGER", defaultValue: 1 } } },
      outputDefinitions: { parameters: { size: { parameterType: "NUMBER_INTEGER" } } },
      dag: {
        outputs: {
          parameters: {
            size: { valueFromParameter: { producerSubtask: "use", outputParameterKey: "size" } },
          },
        },
        tasks: {
          make: {
            componentRef: { name: "comp-make" },
            inputs: { parameters: { count: { componentInputParameter: "count" } } },
          },
          use: {
            componentRef: { name: "comp-use" },
            dependentTasks: ["make"],
            triggerPolicy: { condition: "inputs.parameter_values['text'] != ''" },
            inputs: {
              parameters: {
                text: { taskOutputParameter: { producerTask: "make", outputParameterKey: "text" } },
              },
            },
          },
          loop: {
            componentRef: { name: "comp-loop" },
            parameterIterator: { items: { raw: '["a","b"]' }, itemInput: "item" },
            iteratorPolicy: { parallelismLimit: 1 },
          },
        },
      },
    },
  };
}

/** The sample with one part set (or, with undefined, removed), as JSON text. */
export function changed(path: readonly (string | number)[], value: unknown): string {
  const document = sample() as unknown as Record<string | number, unknown>;
  let place = document;
  for (const step of path.slice(0, -1)) place = place[step] as Record<string | number, unknown>;
  const last = path.at(-1) ?? "";
  if (value === undefined) delete place[last];
  else place[last] = value;
  return formatJson(document);
}
