import type { JsonObject } from "@sealflow/core";
import {
  type ComponentSpec,
  type DagSpec,
  type InputDefinitions,
  type OutputDefinitions,
  type ParameterType,
  type PipelineSpec,
  parsePipelineDocument,
  type TaskSpec,
} from "@sealflow/pipeline";

/** Parameter definitions from `name: TYPE`, with `?` behind the type for optional ones. */
export function parameters(
  types: Readonly<Record<string, string>>,
): NonNullable<InputDefinitions["parameters"]> {
  return Object.fromEntries(
    Object.entries(types).map(([name, type]) => [
      name,
      {
        parameterType: type.replace("?", "") as ParameterType,
        ...(type.endsWith("?") ? { isOptional: true } : {}),
      },
    ]),
  );
}

/** A leaf component: parameter types of its inputs and outputs. */
export function leaf(
  inputs: Readonly<Record<string, string>>,
  outputs: Readonly<Record<string, string>> = { out: "STRING" },
  artifacts: {
    readonly inputs?: InputDefinitions["artifacts"];
    readonly outputs?: OutputDefinitions["artifacts"];
  } = {},
): ComponentSpec {
  return {
    executorLabel: "exec",
    inputDefinitions: {
      parameters: parameters(inputs),
      ...(artifacts.inputs === undefined ? {} : { artifacts: artifacts.inputs }),
    },
    outputDefinitions: {
      parameters: parameters(outputs) as NonNullable<OutputDefinitions["parameters"]>,
      ...(artifacts.outputs === undefined ? {} : { artifacts: artifacts.outputs }),
    },
  };
}

/** A task of a component. */
export function task(component: string, rest: Partial<TaskSpec> = {}): TaskSpec {
  return { componentRef: { name: component }, ...rest };
}

/** Inputs of a task: constants, or references written `task.output` behind `<` and inputs of the DAG behind `^`. */
export function inputs(values: Readonly<JsonObject>): NonNullable<TaskSpec["inputs"]> {
  const bound = Object.entries(values).map(([name, value]) => {
    if (typeof value === "string" && value.startsWith("<")) {
      const [producerTask = "", outputParameterKey = ""] = value.slice(1).split(".");
      return [name, { taskOutputParameter: { producerTask, outputParameterKey } }];
    }
    if (typeof value === "string" && value.startsWith("^"))
      return [name, { componentInputParameter: value.slice(1) }];
    return [name, { runtimeValue: { constant: value } }];
  });
  return { parameters: Object.fromEntries(bound) };
}

/** A spec with one executor, read through the parser so that it is known to be valid. */
export function spec(
  root: DagSpec,
  components: Readonly<Record<string, ComponentSpec>>,
  rest: Partial<ComponentSpec> = {},
): PipelineSpec {
  const text = JSON.stringify({
    pipelineInfo: { name: "built" },
    schemaVersion: "2.1.0",
    deploymentSpec: { executors: { exec: { container: { image: "python:3.11" } } } },
    components,
    root: { dag: root, ...rest },
  });
  return parsePipelineDocument(text).spec;
}
