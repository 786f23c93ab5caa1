import { parsePipelineDocument } from "@sealflow/pipeline";
import { describe, expect, it } from "vitest";
import { analyse, staticPath } from "../src/index.js";
import { pipeline } from "./world.js";

const analysed = (document: object) => {
  const { tasks, deciding } = analyse(parsePipelineDocument(JSON.stringify(document)).spec);
  return { tasks: tasks.map(({ path }) => path).sort(), deciding: [...deciding].sort() };
};

/** Two makers, and a user that takes the first one's output as the given input. */
const withInput = (input: object, definition: object = { parameterType: "STRING" }, task: object = {}) => ({
  ...{ schemaVersion: "2.1.0", pipelineInfo: { name: "p" } },
  deploymentSpec: { executors: { e: { container: { image: "i" } } } },
  components: {
    maker: {
      executorLabel: "e",
      outputDefinitions: { parameters: { a: { parameterType: "STRUCT" }, b: { parameterType: "STRING" } } },
    },
    user: { executorLabel: "e", inputDefinitions: { parameters: { x: definition } } },
  },
  root: {
    dag: {
      tasks: {
        maker: { taskInfo: { name: "maker" }, componentRef: { name: "maker" } },
        user: {
          ...{ taskInfo: { name: "user" }, componentRef: { name: "user" }, dependentTasks: ["maker"] },
          inputs: { parameters: { x: input } },
          ...task,
        },
      },
    },
  },
});
const from = (outputParameterKey: string) => ({
  taskOutputParameter: { producerTask: "maker", outputParameterKey },
});

describe("what decides what runs", () => {
  it("is what conditions and loops depend on, through nested pipelines", () => {
    const { tasks, deciding } = analyse(pipeline.spec);
    expect([...deciding].sort()).toEqual(["prepare/rows", "prepare/seeds"]);
    expect(tasks.map(({ path }) => path).sort()).toEqual([
      "condition-1/report",
      "evaluate",
      "for-loop-1/train",
      "prepare",
    ]);
  });

  it("is not what is only passed on", () => {
    expect(analysed(withInput(from("b")))).toEqual({ tasks: ["maker", "user"], deciding: [] });
  });

  it("is what a selector looks into, or literals bound", () => {
    const selector = { ...from("a"), parameterExpressionSelector: 'parseJson(string_value)["k"]' };
    expect(analysed(withInput(selector)).deciding).toEqual(["maker/a"]);
    const { spec } = parsePipelineDocument(JSON.stringify(withInput(from("b"))));
    const x = { parameterType: "STRING", literals: ["x"] };
    const user = { ...spec.components?.user, inputDefinitions: { parameters: { x } } };
    const deciding = analyse({ ...spec, components: { ...spec.components, user } as never }).deciding;
    expect([...deciding]).toEqual(["maker/b"]);
  });

  it("is what a condition names", () => {
    const condition = { triggerPolicy: { condition: "inputs.parameter_values['x'] == 'go'" } };
    expect(analysed(withInput(from("b"), undefined, condition)).deciding).toEqual(["maker/b"]);
  });
});

it("static paths have no loop indices", () => {
  expect(staticPath("for-loop-1[3]/condition-2/for-loop-4[10]/train")).toBe(
    "for-loop-1/condition-2/for-loop-4/train",
  );
});
