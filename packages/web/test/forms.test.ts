import type { ParameterType } from "@sealflow/pipeline";
import { describe, expect, it } from "vitest";
import { type Field, readField, readForm, textFor, writtenFrom } from "../src/forms/fields.js";
import { firstTrigger, readTrigger, triggerText } from "../src/forms/trigger.js";

const field = (parameterType: ParameterType, more: object = {}): Field => ({
  name: "p",
  definition: { parameterType, ...more },
});

describe("fields of parameters", () => {
  it.each([
    ["NUMBER_INTEGER", "42", 42],
    ["NUMBER_INTEGER", " -7 ", -7],
    ["NUMBER_DOUBLE", "1e-3", 0.001],
    ["BOOLEAN", "true", true],
    ["STRING", " kept as it is ", " kept as it is "],
    ["LIST", "[1, 2]", [1, 2]],
    ["STRUCT", '{"a": 1}', { a: 1 }],
  ] as const)("read a %s from %j", (type, text, value) => {
    expect(readField(text, field(type))).toEqual({ value });
  });

  it.each([
    ["NUMBER_INTEGER", "1.5"],
    ["NUMBER_INTEGER", "many"],
    ["NUMBER_DOUBLE", "1,5"],
    ["BOOLEAN", "yes"],
    ["LIST", '{"a": 1}'],
    ["STRUCT", "[1]"],
    ["STRUCT", "null"],
    ["LIST", "[1,"],
    ["STRING", ""],
    ["NUMBER_DOUBLE", ""],
  ] as const)("say what is wrong with a %s of %j", (type, text) => {
    expect(readField(text, field(type))).toHaveProperty("problem");
  });

  it("give no value where none is needed, and hold to the values that are allowed", () => {
    expect(readField("", field("NUMBER_INTEGER", { defaultValue: 3 }))).toEqual({ value: undefined });
    expect(readField("", field("STRING", { defaultValue: "x" }))).toEqual({ value: "" });
    expect(readField("", field("LIST", { isOptional: true }))).toEqual({ value: undefined });
    expect(readField("slow", field("STRING", { literals: ["fast", "careful"] }))).toHaveProperty("problem");
    expect(readField("2", field("NUMBER_INTEGER", { literals: [1, 2] }))).toEqual({ value: 2 });
  });

  it("write every value so that it is read as itself", () => {
    for (const [type, value] of [
      ["STRING", 'a "quoted" text'],
      ["LIST", [1, "two", { three: 3 }]],
      ["STRUCT", { a: null, b: [true] }],
      ["NUMBER_DOUBLE", 1e-9],
      ["BOOLEAN", false],
    ] as const) {
      const { definition } = field(type);
      expect(readField(textFor(JSON.parse(JSON.stringify(value)), definition), field(type))).toEqual({
        value,
      });
    }
  });

  it("of a form give all values, or all problems", () => {
    const fields = [field("NUMBER_INTEGER"), { ...field("STRING", { defaultValue: "d" }), name: "q" }];
    expect(readForm(fields, writtenFrom(fields, { p: 5 }))).toEqual({
      values: { p: 5, q: "d" },
      problems: new Map(),
    });
    expect([...readForm(fields, new Map([["p", "x"]])).problems.keys()]).toEqual(["p"]);
  });
});

describe("triggers", () => {
  it("are read, and told in words", () => {
    expect(readTrigger(firstTrigger)).toEqual({
      trigger: { periodic_schedule: { interval_second: "86400" } },
    });
    expect(readTrigger({ ...firstTrigger, kind: "cron", cron: " 0 0  6 * * 1 " })).toEqual({
      trigger: { cron_schedule: { cron: "0 0 6 * * 1" } },
    });
    expect(readTrigger({ ...firstTrigger, kind: "cron", cron: "0 6 * * 1" })).toHaveProperty("problem");
    expect(readTrigger({ ...firstTrigger, count: "0" })).toHaveProperty("problem");
    expect(triggerText({ periodic_schedule: { interval_second: "7200" } })).toBe("every 2 hours");
    expect(triggerText({ periodic_schedule: { interval_second: "86400" } })).toBe("every day");
    expect(triggerText({ periodic_schedule: { interval_second: "61" } })).toBe("every 61 s");
    expect(triggerText({ cron_schedule: { cron: "0 0 6 * * *" } })).toBe("cron 0 0 6 * * *");
  });
});
