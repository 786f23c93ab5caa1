import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { runPython } from "../../../../test-support/python.js";
import {
  compilePipeline,
  dataset,
  documentComponent,
  formatPipelineYaml,
  integer,
  pipeline,
  string,
} from "../../src/authoring/index.js";
import { parsePipelineDocument, validatePipeline } from "../../src/index.js";
import { compileWithSources } from "./read-components.js";
import * as written from "./testdata/roundtrip/pipelines.js";

const inner = documentComponent(compileWithSources(written.inner), {
  inputs: { n: integer({ default: 4 }), data: dataset({ optional: true }) },
  outputs: { Output: integer() },
});
const platform = documentComponent(compileWithSources(written.platform), {
  inputs: { secret: string() },
  outputs: {},
});

const outer = pipeline({ name: "outer", parameters: { n: integer() } }, ({ n }) => {
  const first = inner({ n });
  platform({ secret: "s" });
  // @ts-expect-error: the declared types hold
  inner({ n: "1" });
  return { Output: inner({ n: first.output }).output };
});

const valid = pipeline({ name: "valid", parameters: { n: integer() } }, ({ n }) => {
  const first = inner({ n });
  platform({ secret: "s" });
  return { Output: inner({ n: first.output }).output };
});

it("makes a component of a compiled document, components, executors and platform included", async () => {
  const document = compilePipeline(valid);
  const yaml = formatPipelineYaml(document);
  expect(validatePipeline(parsePipelineDocument(yaml))).toEqual([]);
  const { components = {}, root } = document.spec;
  const tasks = Object.values(root.dag?.tasks ?? {}).map(({ componentRef }) => componentRef.name);
  expect(tasks).toEqual(["comp-inner", "comp-platform", "comp-inner"]);
  expect(Object.keys(components)).toContain("comp-number-2");
  const platformExecutors = Object.keys(
    document.platform?.platforms.kubernetes?.deploymentSpec?.executors ?? {},
  );
  expect(platformExecutors.every((label) => label in (document.spec.deploymentSpec.executors ?? {}))).toBe(
    true,
  );
  const checker = fileURLToPath(new URL("check_documents.py", import.meta.url));
  expect(JSON.parse(await runPython([checker], JSON.stringify({ valid: yaml })))).toEqual({});
});

it("checks what it is given", () => {
  expect(outer.build().findings.map(({ code }) => code)).toEqual(["PIPELINE_TYPE_MISMATCH"]);
});

it.each([
  ["a name that is not there", { inputs: { m: integer() }, outputs: {} }],
  ["another type", { inputs: { n: string() }, outputs: {} }],
  ["another output", { inputs: {}, outputs: { Output: string() } }],
])("refuses a declaration with %s", (_, declared) => {
  const document = compileWithSources(written.inner);
  expect(() => documentComponent(document, declared)).toThrow(
    expect.objectContaining({ code: "PIPELINE_DOCUMENT_INTERFACE" }),
  );
});
