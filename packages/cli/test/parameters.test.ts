import { SealflowErrors } from "@sealflow/core";
import type { PipelineSpec } from "@sealflow/pipeline";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nearest } from "../src/nearest.js";
import { clusterObjects } from "../src/parameters/objects.js";
import { parseParameters } from "../src/parameters/parse.js";
import { fakeContext } from "./support/fake-context.js";

const spec: PipelineSpec = {
  pipelineInfo: { name: "p" },
  deploymentSpec: {},
  schemaVersion: "2.1.0",
  root: {
    inputDefinitions: {
      parameters: {
        text: { parameterType: "STRING" },
        count: { parameterType: "NUMBER_INTEGER" },
        rate: { parameterType: "NUMBER_DOUBLE" },
        flag: { parameterType: "BOOLEAN" },
        items: { parameterType: "LIST" },
        options: { parameterType: "STRUCT" },
      },
    },
  },
};
const parse = (...assignments: string[]) => parseParameters(spec, { assignments });

describe("run parameters", () => {
  it("are read by their declared type", () => {
    expect(
      parse("text=12", "count=-3", "rate=1e-3", "flag=True", "items=[1, 2]", 'options={"a": null}'),
    ).toEqual({ text: "12", count: -3, rate: 0.001, flag: true, items: [1, 2], options: { a: null } });
  });

  it("keep everything behind the first equals sign", () => {
    expect(parse("text=a=b =c")).toEqual({ text: "a=b =c" });
    expect(parse("text=")).toEqual({ text: "" });
  });

  it("from a flag win over those of a file", () => {
    const file = { name: "p.json", values: { count: 1, flag: false } };
    expect(parseParameters(spec, { assignments: ["count=2"], file })).toEqual({ count: 2, flag: false });
  });

  it.each([
    ["count=1.5", "expected a whole number"],
    ["count=99999999999999999999", "expected a whole number"],
    ["count=", "expected a whole number"],
    ["rate=", "expected a number"],
    ["rate=NaN", "expected a number"],
    ["rate=1e999", "expected a number"],
    ["flag=yes", "expected true or false"],
    ["items={}", "expected a JSON array"],
    ["items=[1", "expected a JSON array"],
    ["options=[]", "expected a JSON object"],
    ["options=null", "expected a JSON object"],
  ])("refuse %s", (assignment, reason) => {
    expect(() => parse(assignment)).toThrow(reason);
  });

  it("refuse a word without a value", () => {
    expect(() => parse("count")).toThrow('--param: expected name=value, got "count"');
    expect(() => parse("=1")).toThrow("expected name=value");
  });

  it("are suggested when misspelt", () => {
    expect(() => parse("cuont=1")).toThrow(
      expect.objectContaining({
        code: "CLI_PARAMETER_UNKNOWN",
        hint: expect.stringContaining("did you mean count?"),
      }),
    );
    expect(() => parse("constructor=1")).toThrow(expect.objectContaining({ code: "CLI_PARAMETER_UNKNOWN" }));
  });

  it("report all that is wrong at once", () => {
    const problem = () => parse("count=x", "nope=1", "flag=2");
    expect(problem).toThrow(SealflowErrors);
    expect(problem).toThrow(expect.objectContaining({ findings: [{}, {}, {}].map(() => expect.anything()) }));
  });

  it("read back every JSON number that JavaScript prints", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(parse(`rate=${value}`).rate).toBe(Number(String(value)));
      }),
      { numRuns: 50 },
    );
  });
});

describe("suggestions", () => {
  it("accept one slip in a short name and more in a long one", () => {
    expect(nearest("sede", ["seed"])).toBe("seed");
    expect(nearest("data-pth", ["data_path", "depth"])).toBe("data_path");
    expect(nearest("banana", ["seed", "depth"])).toBeUndefined();
  });
});

describe("files that stand for a cluster's objects", () => {
  it("are named by NAME=PATH, from the working directory", () => {
    const { context } = fakeContext({ cwd: "/work" });
    expect(clusterObjects(context, { secret: ["a=x.env", "b=/y=z"], volume: ["v=data"] })).toEqual({
      secrets: { a: "/work/x.env", b: "/y=z" },
      configMaps: {},
      volumes: { v: "/work/data" },
    });
  });

  it("need both name and path", () => {
    const { context } = fakeContext({ cwd: "/work" });
    for (const text of ["a", "=x", "a="]) {
      expect(() => clusterObjects(context, { configMap: [text] })).toThrow(
        `--config-map: expected NAME=PATH, got "${text}"`,
      );
    }
  });
});
