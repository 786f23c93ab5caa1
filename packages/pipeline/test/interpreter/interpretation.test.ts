import { createInterpretation, type PipelineSpec, parsePipelineDocument } from "@sealflow/pipeline";
import { describe, expect, it } from "vitest";
import { sample } from "../ir/sample.js";
import { CONTEXT, fakeRun, newestFirst } from "./fake-run.js";

const spec = (): PipelineSpec => parsePipelineDocument(JSON.stringify(sample())).spec;
const components = {
  "comp-make": (count: unknown) => ({ text: "x".repeat(Number(count)) }),
  "comp-use": (text: unknown) => ({ size: String(text).length }),
};

function run(count: number, options: Parameters<typeof fakeRun>[2] = {}) {
  return fakeRun(
    spec(),
    (task) =>
      task.componentName === "comp-make"
        ? components["comp-make"](task.inputs.parameters.count)
        : components["comp-use"](task.inputs.parameters.text),
    { parameters: { count }, ...options },
  );
}

describe("createInterpretation", () => {
  it("runs tasks, conditions and loops to outputs", () => {
    const { outcome, states } = run(3);
    expect(outcome).toEqual({ state: "SUCCEEDED", outputs: { parameters: { size: 3 }, artifacts: {} } });
    expect(states).toEqual({
      "loop[0]/use": "SUCCEEDED",
      "loop[1]/use": "SUCCEEDED",
      make: "SUCCEEDED",
      use: "SUCCEEDED",
    });
  });

  it("skips what its condition refuses, and leaves out the output", () => {
    const { outcome, states } = run(0);
    expect(outcome).toEqual({ state: "SUCCEEDED", outputs: { parameters: {}, artifacts: {} } });
    expect(states.use).toBe("SKIPPED");
  });

  it("runs no more iterations at once than the limit", () => {
    const { decisions } = run(1, { order: newestFirst });
    const order = decisions.flatMap((d) =>
      d.kind === "run" ? [`run ${d.task.path}`] : d.kind === "finish-dag" ? [`end ${d.path}`] : [],
    );
    expect(order.indexOf("end loop[0]")).toBeLessThan(order.indexOf("run loop[1]/use"));
  });

  it("refuses results that nobody waits for, twice reported, or of the wrong shape, and stays as it was", () => {
    const it = createInterpretation(spec(), {}, CONTEXT);
    it.start();
    const outputs = { parameters: { text: "a" }, artifacts: {} };
    const unexpected = expect.objectContaining({ code: "INTERPRETER_RESULT_UNEXPECTED" });
    const refused = (result: Parameters<typeof it.apply>[0]) =>
      expect(() => it.apply(result)).toThrow(unexpected);
    refused({ path: "nope", state: "SUCCEEDED", outputs });
    refused({ path: "make", state: "SUCCEEDED" });
    refused({ path: "make", state: "FAILED" });
    refused({ path: "make", state: "SUCCEEDED", outputs: { parameters: { text: 1 }, artifacts: {} } });
    refused({ path: "make", state: "SUCCEEDED", outputs: { parameters: {}, artifacts: {} } });
    refused({
      path: "make",
      state: "SUCCEEDED",
      outputs: { parameters: { text: "a", b: 1 }, artifacts: {} },
    });
    expect(it.due).toEqual(["make", "loop[0]/use"]);
    expect(it.apply({ path: "make", state: "SUCCEEDED", outputs })).toHaveLength(1);
    refused({ path: "make", state: "SUCCEEDED", outputs });
  });

  it("cancels: what is due is reported, nothing else starts", () => {
    const { outcome, states } = run(1, { cancelAfter: 0 });
    expect(outcome.state).toBe("CANCELED");
    expect(states).toEqual({ "loop[0]/use": "SUCCEEDED", make: "SUCCEEDED", use: "SKIPPED" });
  });

  it.each([
    ["an unknown name", { cuont: 1 }, "PIPELINE_PARAMETER_UNKNOWN"],
    ["a wrong type", { count: "1" }, "PIPELINE_PARAMETER_INVALID"],
    ["a fraction for an integer", { count: 1.5 }, "PIPELINE_PARAMETER_INVALID"],
    ["several at once", { count: "1", cuont: 1 }, "PIPELINE_PARAMETERS_INVALID"],
  ])("refuses run parameters with %s", (_, parameters, code) => {
    expect(() => createInterpretation(spec(), parameters, CONTEXT)).toThrow(
      expect.objectContaining({ code }),
    );
  });
});
