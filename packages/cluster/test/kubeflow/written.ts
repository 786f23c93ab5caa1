/** Records as the driver and launcher of Kubeflow Pipelines write them, made by hand: one line an execution. */
import type { JsonObject, JsonValue } from "@sealflow/core";
import type { ExecutionState, MetadataExecution, Run } from "@sealflow/kfp";
import { type PipelineDocument, parsePipelineDocument } from "@sealflow/pipeline";

/** When the run of these tests began. */
export const began = Date.UTC(2026, 0, 1);

/** An execution; ids count as they are written. */
export interface Written {
  readonly id: number;
  /** Id of the graph around it. */
  readonly in?: number;
  readonly task?: string;
  readonly type?: "DAG" | "Container" | "Importer";
  readonly state?: ExecutionState;
  readonly outputs?: JsonObject;
  readonly more?: Readonly<Record<string, JsonValue>>;
}

/** The run itself: its root graph has id 1. */
export const root: Written = { id: 1, type: "DAG", state: "RUNNING" };

export function executions(...written: readonly Written[]): MetadataExecution[] {
  return written.map(
    ({ id, in: graph, task, type = "Container", state = "COMPLETE", outputs, more = {} }) => ({
      id,
      type: `system.${type}Execution`,
      state,
      createTime: began + id * 1000,
      updateTime: began + id * 1000 + 500,
      properties: new Map<string, JsonValue>([
        ...(graph === undefined ? [] : ([["parent_dag_id", graph]] as const)),
        ["task_name", task ?? ""],
        ["inputs", {}],
        ...(outputs === undefined ? [] : ([["outputs", outputs]] as const)),
        ...Object.entries(more),
      ]),
    }),
  );
}

/** The run's own message. */
export function runMessage(state: Run["state"], more: Partial<Run> = {}): Run {
  return {
    ...{ run_id: "run-1", experiment_id: "e", display_name: "mine", storage_state: "AVAILABLE", state },
    created_at: new Date(began).toISOString(),
    finished_at: new Date(state === "RUNNING" ? 0 : began + 60_000).toISOString(),
    ...more,
  };
}

const text = { parameterType: "STRING" };
const list = { parameterType: "LIST" };
const number = { parameterType: "NUMBER_INTEGER" };

const of = (task: string, key = "Output") => ({
  taskOutputParameter: { producerTask: task, outputParameterKey: key },
});
const around = (name: string) => ({ componentInputParameter: name });
const leaf = (more: object) => ({ executorLabel: "exec", ...more });
const makes = (output: object) => ({ outputDefinitions: { parameters: { Output: output } } });
const takes = (...names: string[]) => ({
  inputDefinitions: { parameters: Object.fromEntries(names.map((name) => [name, number])) },
});

/**
 * `list` gives numbers; `each` squares every one of them, and says `big` of those over 2; `sum` adds; `bring` imports; the
 * pipeline gives the sum and all squares.
 */
export function sums(platform?: JsonObject): PipelineDocument {
  const spec = {
    ...{ schemaVersion: "2.1.0", sdkVersion: "kfp-2.17.0", pipelineInfo: { name: "sums" } },
    deploymentSpec: {
      executors: {
        exec: { container: { image: "python:3.11", command: ["true"] } },
        bring: {
          importer: {
            artifactUri: { constant: "gs://there/x" },
            typeSchema: { schemaTitle: "system.Dataset", schemaVersion: "0.0.1" },
          },
        },
      },
    },
    components: {
      list: leaf(makes(list)),
      square: leaf({ ...takes("item"), ...makes(number) }),
      say: leaf({ ...takes("item"), ...makes(text) }),
      sum: leaf({ inputDefinitions: { parameters: { values: list } }, ...makes(number) }),
      bring: {
        executorLabel: "bring",
        outputDefinitions: {
          artifacts: {
            artifact: { artifactType: { schemaTitle: "system.Dataset", schemaVersion: "0.0.1" } },
          },
        },
      },
      big: {
        ...takes("square"),
        dag: {
          tasks: {
            say: {
              ...named("say"),
              componentRef: { name: "say" },
              inputs: { parameters: { item: around("square") } },
            },
          },
        },
      },
      each: {
        inputDefinitions: { parameters: { items: list, item: number } },
        outputDefinitions: { parameters: { squares: number } },
        dag: {
          tasks: {
            square: {
              ...named("square"),
              componentRef: { name: "square" },
              inputs: { parameters: { item: around("item") } },
            },
            big: {
              ...named("big"),
              componentRef: { name: "big" },
              dependentTasks: ["square"],
              inputs: { parameters: { square: of("square") } },
              triggerPolicy: { condition: "int(inputs.parameter_values['square']) > 2" },
            },
          },
          outputs: {
            parameters: {
              squares: { valueFromParameter: { producerSubtask: "square", outputParameterKey: "Output" } },
            },
          },
        },
      },
    },
    root: {
      outputDefinitions: { parameters: { total: number, all: list } },
      dag: {
        tasks: {
          list: { ...named("list"), componentRef: { name: "list" } },
          each: {
            ...named("each"),
            componentRef: { name: "each" },
            dependentTasks: ["list"],
            inputs: { parameters: { items: of("list") } },
            parameterIterator: { items: { inputParameter: "items" }, itemInput: "item" },
          },
          sum: {
            ...named("add all"),
            componentRef: { name: "sum" },
            dependentTasks: ["each"],
            inputs: { parameters: { values: of("each", "squares") } },
          },
          bring: { ...named("bring it"), componentRef: { name: "bring" } },
        },
        outputs: {
          parameters: {
            total: { valueFromParameter: { producerSubtask: "sum", outputParameterKey: "Output" } },
            all: { valueFromParameter: { producerSubtask: "each", outputParameterKey: "squares" } },
          },
        },
      },
    },
  };
  const parts = platform === undefined ? [spec] : [spec, platform];
  return parsePipelineDocument(parts.map((part) => JSON.stringify(part)).join("\n---\n"));
}

function named(name: string) {
  return { taskInfo: { name } };
}
