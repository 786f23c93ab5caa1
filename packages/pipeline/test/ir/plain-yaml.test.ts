import type { JsonValue } from "@sealflow/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { formatPipelineYaml, formatYaml } from "../../src/authoring/yaml.js";
import { parsePipelineDocument } from "../../src/index.js";
import { readPlainYaml } from "../../src/ir/plain-yaml.js";
import { readText } from "../../src/ir/read-text.js";
import { json, TREACHEROUS } from "../treacherous.js";
import { sample } from "./sample.js";

const runs = process.env.SEALFLOW_SLOW ? 200_000 : 2000;
const patience = 1_800_000;
const limits = { depth: 200, values: 4_000_000 };

/** What the library says: a tab in a comment keeps the quick reading away. */
function slowly(text: string): readonly JsonValue[] {
  return readText(`#\t\n${text}`).values;
}

/** The quick reading, which must be what the library says wherever it says anything. */
function quickly(text: string): readonly JsonValue[] | undefined {
  const values = readPlainYaml(text, limits);
  if (values !== undefined) expect(values, text).toEqual(slowly(text));
  return values;
}

/** Texts of the plain part, and some a step beside it. */
const texts = [
  formatPipelineYaml(parsePipelineDocument(JSON.stringify(sample()))),
  "a: 1\nb:\n- x\n- y: 1\n  z: 2\n-\n  - deep\nc:\n  - - 1\n    - 2\n  - {}\nd: []\ne:\nf: null\n",
  "---\n# a comment\na: |\n  one\n\n    two\n\nb: |-\n  x\n\nc: |+\n  y\n\nd: 'it''s'\n---\n\n- |\n    far\n  # near\n- \"\\u00e9\\n\"\n",
  "list:\n  - a: |\n      text\n    b: -1.5\n  - c: --flag\n    d: 2.1.0\n    e: 0x1f\n",
  "a: -0\nb: 1e3\nc: .5\nd: 5.\ne: 0o17\nf: 017\ng: +1\nh: -0.0\ni: 123456789012345678\nj: 1.0\n",
];

describe("the plain part of YAML", () => {
  it("is what compiled pipelines are written in", () => {
    expect(quickly(texts[0] ?? "")).toHaveLength(1);
    expect(quickly(texts[1] ?? "")).toHaveLength(1);
    expect(quickly(texts[2] ?? "")).toHaveLength(2);
  });

  it.each([
    ["a flow list", "a: [1]\n"],
    ["a flow map", "a: {b: 1}\n"],
    ["a folded block", "a: >\n  b\n"],
    ["an indentation indicator", "a: |2\n   b\n"],
    ["an anchor", "a: &x 1\n"],
    ["an alias", "a: *x\n"],
    ["a tag", "a: !!str 1\n"],
    ["a text over two lines", "a: b\n  c\n"],
    ["a quoted text over two lines", 'a: "b\n  c"\n'],
    ["a comment behind a value", "a: b # c\n"],
    ["a key twice", "a: 1\na: 2\n"],
    ["a key that is no word", "1: a\n"],
    ["a key in quotes", "'a': 1\n"],
    ["a key within a value", "a: b: c\n"],
    ["a dash without a list", "a: -\n"],
    ["a list beside keys", "a: 1\n- b\n"],
    ["keys beside a list", "- b\na: 1\n"],
    ["a line too far right", "a: 1\n  b: 2\n"],
    ["a line too far left", "a:\n    b: 1\n  c: 2\n"],
    ["a tab", "a:\tb\n"],
    ["a carriage return", "a: b\r\n"],
    ["no line end", "a: b"],
    ["a literal without text", "a: |\nb: 1\n"],
    ["a directive", "%YAML 1.2\n---\na: 1\n"],
    ["nothing", "# nothing\n"],
    ["an end mark", "a: 1\n...\n"],
    ["a number as others write it", "a: 1e3\n"],
    ["nesting past the limit", `a: ${"\n".padEnd(2, " ")}${deep(300)}`],
  ])("leaves %s to the library", (_, text) => {
    expect(readPlainYaml(text, limits)).toBeUndefined();
  });

  it("is read as the library reads it: treacherous texts, at every place", () => {
    for (const value of TREACHEROUS) {
      quickly(formatYaml({ a: value, list: [value, { b: value, c: [value] }], [value]: 1 }));
      if (!/[\n\t]/.test(value)) quickly(`a: ${value}\nb:\n- ${value}\n- c: ${value}\n${value}: d\n`);
    }
  });

  it(
    "is read as the library reads it: any JSON, by two writers",
    () => {
      let read = 0;
      fc.assert(
        fc.property(json, fc.integer({ min: 0, max: 1 }), (value, library) => {
          const text = library === 1 ? stringify({ value }) : formatYaml({ value, list: [value] });
          if (quickly(text) !== undefined) read += 1;
        }),
        { numRuns: runs / 4 },
      );
      expect(read).toBeGreaterThan(runs / 40);
    },
    patience,
  );

  it(
    "is read as the library reads it, or left to it: texts with something done to them",
    () => {
      const odd = [
        ..." \n:#-|'\"&*!?>%@`~,[]{}\t\\x01.e_",
        "\n  ",
        "- ",
        ": ",
        "---\n",
        " #",
        "|+\n",
        "null",
      ];
      const edit = fc.record({ at: fc.nat(), cut: fc.nat({ max: 3 }), put: fc.constantFrom("", ...odd) });
      fc.assert(
        fc.property(
          fc.constantFrom(...texts),
          fc.array(edit, { minLength: 1, maxLength: 4 }),
          (text, edits) => {
            const changed = edits.reduce((before, { at, cut, put }) => {
              const place = at % before.length;
              return before.slice(0, place) + put + before.slice(place + cut);
            }, text);
            quickly(changed);
          },
        ),
        { numRuns: runs },
      );
    },
    patience,
  );
});

/** Maps within maps. */
function deep(depth: number): string {
  let text = "";
  for (let at = 1; at < depth; at++) text += `${" ".repeat(at)}a:\n`;
  return text;
}
