import type { JsonValue } from "@sealflow/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { runPython } from "../../../test-support/python.js";
import { formatPipelineYaml, formatYaml } from "../src/authoring/yaml.js";

const runs = process.env.SEALFLOW_SLOW ? 1000 : 50;

/** Strings that YAML readers are known to take for something else when they stand unquoted or in a block. */
const TREACHEROUS = [
  ..."true False YES no On off y N null Null ~ = << - -- --- ... ? : # & * ! | > % @ ` { } [ ] ,".split(" "),
  ..."1 1.0 -1 +1 1e3 1.5e+3 0x1f 0o17 017 0b1 1_000 .5 5. .inf -.Inf .NaN 1:20 190:20:30 2001-01-01".split(
    " ",
  ),
  ..."2001-12-14T21:59:43.10Z 2001-12-14 e1 -e --x -1x a: a:b {{$}}".split(" "),
  ..."'quoted' \"double\" it's '' \"\" \\ \\n".split(" "),
  ...[
    "",
    " ",
    "  lead",
    "trail ",
    "a  b",
    "a: b",
    "a #b",
    "a\tb",
    "\t",
    "\ta",
    "key : x",
    "- item",
    "2001-12-14 21:59:43",
  ],
  ...[
    "a\nb",
    "a\n",
    "\na",
    "\n",
    "\n\n",
    "a\n\n",
    "a\n\n\n",
    "a \nb",
    "a\n b",
    " a\nb",
    "a\n\tb",
    "\ta\nb",
    "a\n \nb",
    "a\n  \n",
  ],
  ...[
    "a\r\nb",
    "a\rb",
    "\u0000",
    "\u0007x",
    "\u007f",
    "\u0085",
    "a\u2028b",
    "\u2029",
    "\ufeff",
    "\ufeffa\nb",
    "\ufffe",
    "\uffff",
  ],
  ...[
    "ä",
    "日本語",
    "😀",
    "a\n😀\n",
    "\u00a0",
    "\u00a0a\nb",
    "---\na",
    "a\n---\nb",
    "a\n...\n",
    "# a\nb",
    "%YAML 1.2\na",
  ],
];

const text = fc.oneof(
  fc.constantFrom(...TREACHEROUS),
  fc.string({ unit: "binary" }),
  fc
    .array(fc.constantFrom("a", " ", "\n", "\t", ":", "#", "-", "'", '"', "\\", "1", ".", "é"), {
      maxLength: 12,
    })
    .map((all) => all.join("")),
);
const number = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(-0, 1e21, 1e-7, 5e-324, 1.5e300, 2 ** 53),
);
const json: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(text, number, fc.boolean(), fc.constant(null)),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(
      text.filter((key) => key !== "__proto__"),
      tie("value"),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).value;

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
