import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DueTask, ParameterType } from "@sealflow/pipeline";
import { describe, expect, it } from "vitest";
import { parameterFromText, parameterFromValue } from "../src/executors/output-values.js";
import { readOutputs } from "../src/executors/outputs.js";
import { storeLayout } from "../src/store/layout.js";
import { temporaryDirectory } from "./temporary.js";

const dataset = { schemaTitle: "system.Dataset", schemaVersion: "0.0.1" };

function attempt() {
  const directory = join(temporaryDirectory(), "work");
  mkdirSync(join(directory, "outputs"), { recursive: true });
  const place = (name: string) => join(directory, "outputs", name);
  const executorOutput = join(directory, "executor_output.json");
  return {
    store: storeLayout(join(directory, "..", "store")),
    places: { directory, executorOutput, parameter: place, artifact: place },
    report: (value: unknown) => writeFileSync(executorOutput, JSON.stringify(value)),
  };
}

function task(
  parameters: Record<string, ParameterType>,
  artifacts: Record<string, { list?: boolean }> = {},
): DueTask {
  return {
    path: "t",
    taskName: "t",
    displayName: "t",
    componentName: "comp-t",
    executorLabel: "exec-t",
    executor: {},
    inputs: { parameters: {}, artifacts: {} },
    outputParameters: Object.fromEntries(
      Object.entries(parameters).map(([name, parameterType]) => [name, { parameterType }]),
    ),
    outputArtifacts: Object.fromEntries(
      Object.entries(artifacts).map(([name, { list = false }]) => [
        name,
        { artifactType: dataset, isArtifactList: list, metadata: { declared: 1 } },
      ]),
    ),
    caching: { enabled: false },
  };
}

describe("outputs", () => {
  it("come from the executor's report before the parameter's own file", async () => {
    const { store, places, report } = attempt();
    report({ parameterValues: { a: 1 } });
    writeFileSync(places.parameter("a"), "2");
    writeFileSync(places.parameter("b"), " 3\n");
    const { outputs } = await readOutputs(store, task({ a: "NUMBER_INTEGER", b: "NUMBER_INTEGER" }), places);
    expect(outputs.parameters).toEqual({ a: 1, b: 3 });
  });

  it("that are declared and nowhere are an error", async () => {
    const { store, places } = attempt();
    await expect(readOutputs(store, task({ a: "STRING" }), places)).rejects.toMatchObject({
      code: "ENGINE_OUTPUT_MISSING",
      message: expect.stringContaining("a: expected a value of type STRING"),
    });
  });

  it("in a report that is not JSON are an error", async () => {
    const { store, places } = attempt();
    writeFileSync(places.executorOutput, "{");
    await expect(readOutputs(store, task({}), places)).rejects.toMatchObject({
      code: "ENGINE_OUTPUT_UNREADABLE",
    });
  });

  it("move artifacts into the store with declared and reported metadata", async () => {
    const { store, places, report } = attempt();
    writeFileSync(places.artifact("d"), "bytes");
    report({
      artifacts: { d: { artifacts: [{ name: "d", uri: places.artifact("d"), metadata: { rows: 3 } }] } },
    });
    const { outputs, durable } = await readOutputs(store, task({}, { d: {} }), places);
    await durable;
    const [artifact] = outputs.artifacts.d ?? [];
    expect(artifact).toMatchObject({ name: "d", type: dataset, metadata: { declared: 1, rows: 3 } });
    expect(artifact?.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(readFileSync(fileURLToPath(artifact?.uri ?? ""), "utf8")).toBe("bytes");
  });

  it("may leave an artifact unwritten, lie elsewhere or be remote", async () => {
    const { store, places, report } = attempt();
    const elsewhere = join(places.directory, "..", "elsewhere");
    writeFileSync(elsewhere, "x");
    report({
      artifacts: {
        there: { artifacts: [{ uri: elsewhere }] },
        remote: { artifacts: [{ uri: "gs://bucket/x" }] },
        custom: { artifacts: [{ uri: places.artifact("custom"), customPath: "mine" }] },
        python: { artifacts: [{ uri: places.artifact("python"), custom_path: "yours" }] },
      },
    });
    writeFileSync(join(places.directory, "mine"), "y");
    writeFileSync(join(places.directory, "yours"), "y");
    const declared = { absent: {}, there: {}, remote: {}, custom: {}, python: {} };
    const { artifacts } = (await readOutputs(store, task({}, declared), places)).outputs;
    expect(artifacts.absent?.[0]).not.toHaveProperty("digest");
    expect(artifacts.there?.[0]).toMatchObject({
      digest: expect.any(String),
      uri: expect.stringMatching(/elsewhere$/),
    });
    expect(artifacts.remote?.[0]).toMatchObject({ uri: "gs://bucket/x" });
    expect(artifacts.custom?.[0]?.uri).toContain("/artifacts/sha256/");
    expect(artifacts.python?.[0]).toMatchObject({ digest: artifacts.custom?.[0]?.digest });
  });

  it("at a custom path are copied, wherever that is, and the path ends with the task", async () => {
    const { store, places, report } = attempt();
    const custom = join(places.directory, "..", "custom");
    mkdirSync(custom);
    writeFileSync(join(custom, "x"), "1");
    report({ artifacts: { d: { artifacts: [{ uri: places.artifact("d"), custom_path: custom }] } } });
    const { outputs } = await readOutputs(store, task({}, { d: {} }), places);
    const [artifact] = outputs.artifacts.d ?? [];
    expect(artifact).not.toHaveProperty("customPath");
    expect(readFileSync(join(fileURLToPath(artifact?.uri ?? ""), "x"), "utf8")).toBe("1");
    expect(readFileSync(join(custom, "x"), "utf8")).toBe("1");
  });

  it("of a list hold any number, of a single artifact one", async () => {
    const { store, places, report } = attempt();
    for (const name of ["x", "y"]) writeFileSync(places.artifact(name), name);
    const both = [{ uri: places.artifact("x") }, { uri: places.artifact("y") }];
    report({ artifacts: { d: { artifacts: both } } });
    const { outputs } = await readOutputs(store, task({}, { d: { list: true } }), places);
    expect(outputs.artifacts.d).toHaveLength(2);
    report({ artifacts: { d: { artifacts: both } } });
    await expect(readOutputs(store, task({}, { d: {} }), places)).rejects.toMatchObject({
      code: "ENGINE_OUTPUT_TYPE",
    });
  });
});

describe("output parameters", () => {
  it.each<[ParameterType, string, unknown]>([
    ["STRING", " as is\n", " as is\n"],
    ["NUMBER_INTEGER", " -7\n", -7],
    ["NUMBER_DOUBLE", "1e3", 1000],
    ["BOOLEAN", "True", true],
    ["BOOLEAN", "0", false],
    ["LIST", "[1, 2]", [1, 2]],
    ["STRUCT", '{"a": 1}', { a: 1 }],
  ])("of type %s are read from the text %j", (type, text, value) => {
    expect(parameterFromText("x", type, text)).toEqual(value);
  });

  it.each<[ParameterType, string]>([
    ["NUMBER_INTEGER", "1.5"],
    ["NUMBER_INTEGER", ""],
    ["NUMBER_DOUBLE", "abc"],
    ["NUMBER_DOUBLE", ""],
    ["NUMBER_DOUBLE", "Infinity"],
    ["BOOLEAN", "yes"],
    ["BOOLEAN", "constructor"],
    ["LIST", "{}"],
    ["LIST", "[1,"],
    ["STRUCT", "[]"],
  ])("of type %s refuse the text %j", (type, text) => {
    expect(() => parameterFromText("x", type, text)).toThrow(
      expect.objectContaining({ code: "ENGINE_OUTPUT_TYPE" }),
    );
  });

  it("of type STRING take any JSON value as its text; others take their own kind only", () => {
    expect(parameterFromValue("x", "STRING", { a: [1] })).toBe('{"a":[1]}');
    expect(parameterFromValue("x", "NUMBER_INTEGER", 2)).toBe(2);
    for (const [type, value] of [
      ["NUMBER_INTEGER", 2.5],
      ["BOOLEAN", 1],
      ["LIST", "[]"],
      ["STRUCT", null],
    ] as const) {
      expect(() => parameterFromValue("x", type, value)).toThrow(
        expect.objectContaining({ code: "ENGINE_OUTPUT_TYPE" }),
      );
    }
  });
});
