/** Loops that the official backend's driver fails on: seen in its 2.17.0, on specs of Kubeflow's own test data. */
import { lintPipeline, parsePipelineDocument } from "@sealflow/pipeline";
import { describe, expect, it } from "vitest";

const number = { parameterType: "NUMBER_INTEGER" };
const list = { parameterType: "LIST" };
const dataset = { artifactType: { schemaTitle: "system.Dataset", schemaVersion: "0.0.1" } };
const over = (name: string) => ({
  parameterIterator: { items: { inputParameter: name }, itemInput: "item" },
});
const outer = (name: string, more: object = {}) => ({ componentInputParameter: name, ...more });

/** A loop over `items` around one task, whose outputs it gives; the task may stand under a condition. */
function looped({ input = {}, condition = "", oneOf = false, whole = false } = {}): string {
  const make = {
    componentRef: { name: "make" },
    inputs: { parameters: { item: outer("item"), ...(whole ? { all: outer("items") } : {}) } },
    ...(condition === "" ? {} : { triggerPolicy: { condition } }),
  };
  const selector = { producerSubtask: "make", outputParameterKey: "out" };
  const other = { ...selector, producerSubtask: "other" };
  const parameter = oneOf
    ? { valueFromOneof: { parameterSelectors: [selector, other] } }
    : { valueFromParameter: selector };
  const data = { producerSubtask: "make", outputArtifactKey: "data" };
  const inside = {
    tasks: { make, ...(oneOf ? { other: make } : {}) },
    outputs: {
      parameters: { out: parameter },
      ...(oneOf ? {} : { artifacts: { data: { artifactSelectors: [data] } } }),
    },
  };
  const made = { parameters: { out: number }, ...(oneOf ? {} : { artifacts: { data: dataset } }) };
  const each = {
    componentRef: { name: "each" },
    inputs: { parameters: { items: outer("items", input) } },
    ...over("items"),
  };
  return JSON.stringify({
    ...{ pipelineInfo: { name: "looped" }, schemaVersion: "2.1.0" },
    deploymentSpec: { executors: { exec: { container: { image: "python:3.11", command: ["true"] } } } },
    components: {
      make: {
        ...{
          executorLabel: "exec",
          inputDefinitions: { parameters: { item: number, ...(whole ? { all: list } : {}) } },
        },
        outputDefinitions: { parameters: { out: number }, artifacts: { data: dataset } },
      },
      each: {
        inputDefinitions: { parameters: { items: list, item: number } },
        ...{ outputDefinitions: made, dag: inside },
      },
    },
    root: { inputDefinitions: { parameters: { items: list } }, dag: { tasks: { each } } },
  });
}

const found = (text: string, target: "kfp-2.16" | "kfp-2.17" | "local" = "kfp-2.17") =>
  lintPipeline(parsePipelineDocument(text), target)
    .filter(({ code }) => /^PIPELINE_LINT_(LOOP|COLLECTED)_/.test(code))
    .map(({ severity, code, path, message }) => [severity, code, path.join("."), message]);

const skips = "int(inputs.parameter_values['item']) > 1";

describe("loops on the official backend", () => {
  it("are fine where they loop over whole values and always run what they collect", () => {
    expect(found(looped())).toEqual([]);
    expect(found(looped({ condition: skips, oneOf: true }))).toEqual([]);
  });

  it("fail over a part of another value", () => {
    const text = looped({ input: { parameterExpressionSelector: 'parseJson(string_value)["parts"]' } });
    const error = [
      "error",
      "PIPELINE_LINT_LOOP_SELECTOR",
      "root.dag.tasks.each",
      expect.stringContaining("takes items out"),
    ];
    for (const target of ["kfp-2.16", "kfp-2.17"] as const) expect(found(text, target)).toEqual([error]);
    expect(found(text, "local")).toEqual([]);
  });

  it("fail where their list is taken whole inside of them", () => {
    const message = expect.stringContaining("(make) take the whole list items");
    expect(found(looped({ whole: true }))).toEqual([
      ["error", "PIPELINE_LINT_LOOP_ITEMS", "root.dag.tasks.each", message],
    ]);
  });

  it("crash where they collect what a condition skipped", () => {
    const text = looped({ condition: skips });
    expect(found(text)).toEqual([
      [
        "warning",
        "PIPELINE_LINT_COLLECTED_CONDITION",
        "root.dag.tasks.each",
        expect.stringContaining("collects out, data of"),
      ],
    ]);
    expect(found(text, "local")).toEqual([]);
  });
});
