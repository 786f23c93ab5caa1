import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { JsonObject } from "@sealflow/core";
import { describe, expect, it } from "vitest";
import { runPython } from "../../../../test-support/python.js";
import {
  artifact,
  compilePipeline,
  dataset,
  integer,
  pipeline,
  string,
  struct,
  yamlComponent,
} from "../../src/authoring/index.js";
import { normalized } from "./normalize.js";

const path = (name: string): string => fileURLToPath(new URL(`testdata/${name}`, import.meta.url));
const text = readFileSync(path("component.yaml"), "utf8");
const declared = {
  inputs: {
    in_put: string(),
    d: struct(),
    data: dataset(),
    any: artifact("system.Artifact"),
    weird: artifact("system.Artifact"),
  },
  outputs: { out_put: string(), num: integer(), out_data: dataset() },
};

const around = pipeline({ name: "around", parameters: { given: dataset(), s: string() } }, ({ given, s }) => {
  const component = yamlComponent(text, declared);
  const made = component({ in_put: s, d: { a: 1 }, data: given, any: given, weird: given });
  const { out_put, out_data } = made.outputs;
  component({ in_put: out_put, d: {}, data: out_data, any: given, weird: given });
});

const small = (container: unknown, more: object = {}): string =>
  JSON.stringify({ name: "c", ...more, implementation: { container } });
const nothing = { inputs: {}, outputs: {} };

describe("a component.yaml", () => {
  it("compiles to the spec that the Python SDK gives", async () => {
    const theirs = JSON.parse(await runPython([path("component_yaml.py")])) as JsonObject[];
    const { spec } = compilePipeline(around);
    expect(normalized([JSON.parse(JSON.stringify(spec)) as JsonObject])).toEqual(normalized(theirs));
  });

  it("is refused where a declaration does not fit it", () => {
    const wrong = [
      { inputs: { in_put: integer() } },
      { inputs: { nothing: string() } },
      { outputs: { num: string() } },
    ];
    for (const each of wrong) {
      expect(() => yamlComponent(text, { ...nothing, ...each })).toThrow(
        expect.objectContaining({ code: "PIPELINE_DOCUMENT_INTERFACE" }),
      );
    }
  });

  it.each([
    ["a list", "[]"],
    ["two documents", `${small({ image: "a" })}\n---\n{}`],
    ["a graph", JSON.stringify({ name: "g", implementation: { graph: {} } })],
    ["no image", small({})],
    ["an input without name", small({ image: "a" }, { inputs: [{ type: "String" }] })],
    ["inputs that are no list", small({ image: "a" }, { inputs: { x: 1 } })],
    [
      "a default of another type",
      small({ image: "a" }, { inputs: [{ name: "n", type: "Integer", default: "x" }] }),
    ],
    ["a placeholder of nothing", small({ image: "a", args: [{ inputValue: "nothing" }] })],
    [
      "a value of an artifact",
      small({ image: "a", args: [{ inputValue: "x" }] }, { inputs: [{ name: "x" }] }),
    ],
    ["an unknown placeholder", small({ image: "a", args: [{ inputFoo: "x" }] })],
    ["another condition", "{name: c, implementation: {container: {image: a, args: [{if: {cond: true}}]}}}"],
  ])("is refused with %s", (_, broken) => {
    expect(() => yamlComponent(broken, { ...nothing, file: "component.yaml" })).toThrow(
      expect.objectContaining({ code: "PIPELINE_COMPONENT_YAML_INVALID", where: { file: "component.yaml" } }),
    );
  });
});
