import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { runPython } from "../../../test-support/python.js";
import { formatPipelineYaml, formatYaml } from "../src/authoring/yaml.js";
import { json, TREACHEROUS } from "./treacherous.js";

const runs = process.env.SEALFLOW_SLOW ? 1000 : 50;

/** PyYAML's reading of each text, as JSON. */
async function readByPyYaml(texts: readonly string[]): Promise<unknown[]> {
  const program =
    "import json,sys,yaml; print(json.dumps([yaml.safe_load(t) for t in json.load(sys.stdin)]))";
  return JSON.parse(await runPython(["-c", program], JSON.stringify(texts))) as unknown[];
}

describe("YAML writer", () => {
  it("gives back every treacherous string, as value, key, list item and root, in YAML 1.2", () => {
    for (const value of TREACHEROUS) {
      const wrapped = { [`k${value}`]: value, [value]: [value, [value]], list: [{ a: value, b: 1 }] };
      expect(parse(formatYaml(wrapped)), JSON.stringify(value)).toEqual(wrapped);
      expect(parse(formatYaml(value)), JSON.stringify(value)).toEqual(value);
    }
  });

  it("gives back every treacherous string in PyYAML", async () => {
    const values = TREACHEROUS.map((value) => ({ [value]: [value, [value]], list: [{ a: value, b: 1 }] }));
    expect(await readByPyYaml(values.map(formatYaml))).toEqual(values);
  });

  it("gives back arbitrary JSON in both readers", async () => {
    const samples = fc.sample(json, { numRuns: runs * 10, seed: 20261124 });
    for (const value of samples) expect(parse(formatYaml(value))).toEqual(value);
    expect(await readByPyYaml(samples.map(formatYaml))).toEqual(samples);
    fc.assert(
      fc.property(json, (value) => {
        expect(parse(formatYaml(value))).toEqual(value);
      }),
      { numRuns: runs },
    );
  });

  it("writes keys longer than readers look for in the explicit form", async () => {
    const value = { ["k".repeat(1500)]: { a: [1] }, ["\u0000".repeat(400)]: ["x\ny"] };
    expect(parse(formatYaml(value))).toEqual(value);
    expect(await readByPyYaml([formatYaml(value)])).toEqual([value]);
  });

  it("does not depend on the order of keys", () => {
    expect(formatYaml({ b: { d: 1, c: 2 }, a: [] })).toBe(formatYaml({ a: [], b: { c: 2, d: 1 } }));
  });

  it("refuses what JSON does not have", () => {
    expect(() => formatYaml({ a: Number.NaN })).toThrow(RangeError);
  });

  it("writes texts of several lines as blocks, and the platform as a second document", () => {
    const spec = {
      pipelineInfo: { name: "blocks", description: "line one\nline two\u0007" },
      schemaVersion: "2.1.0",
      deploymentSpec: {
        executors: { "exec-a": { container: { image: "python:3.11", args: ["--x", "def f():\n  pass\n"] } } },
      },
      root: {
        dag: { tasks: {} },
        inputDefinitions: { parameters: { seed: { parameterType: "NUMBER_INTEGER", defaultValue: 0 } } },
      },
    } as const;
    const yaml = formatPipelineYaml({ spec, platform: { platforms: { kubernetes: {} } } });
    expect(yaml).toMatchInlineSnapshot(`
      "# PIPELINE DEFINITION
      # Name: blocks
      # Description: line one line two?
      # Inputs:
      #   seed: NUMBER_INTEGER (default 0)
      deploymentSpec:
        executors:
          exec-a:
            container:
              args:
                - --x
                - |
                    def f():
                      pass
              image: python:3.11
      pipelineInfo:
        description: "line one\\nline two\\u0007"
        name: blocks
      root:
        dag:
          tasks: {}
        inputDefinitions:
          parameters:
            seed:
              defaultValue: 0
              parameterType: NUMBER_INTEGER
      schemaVersion: '2.1.0'
      ---
      platforms:
        kubernetes: {}
      "
    `);
    expect(parseAllDocuments(yaml).map((document) => document.toJS() as unknown)).toEqual([
      spec,
      { platforms: { kubernetes: {} } },
    ]);
  });
});
