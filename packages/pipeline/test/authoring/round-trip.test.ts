import { fileURLToPath } from "node:url";
import type { JsonObject } from "@sealflow/core";
import { beforeAll, describe, expect, it } from "vitest";
import { runPython } from "../../../../test-support/python.js";
import { formatPipelineYaml, isPipeline } from "../../src/authoring/index.js";
import { type PipelineDocument, parsePipelineDocument, validatePipeline } from "../../src/index.js";
import { normalized } from "./normalize.js";
import { compileWithSources } from "./read-components.js";
import * as written from "./testdata/roundtrip/pipelines.js";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const pipelines = Object.entries(written).filter(([, value]) => isPipeline(value));

describe("a pipeline written in TypeScript and in Python", () => {
  const compiled = new Map<string, PipelineDocument>();
  let python: Record<string, readonly JsonObject[]> = {};

  beforeAll(async () => {
    python = JSON.parse(await runPython([path("testdata/roundtrip/pipelines.py")])) as typeof python;
    for (const [name, value] of pipelines)
      if (isPipeline(value)) compiled.set(name, compileWithSources(value));
  });

  it("exists in both languages", () => {
    expect(pipelines.map(([name]) => name).sort()).toEqual(Object.keys(python).sort());
    expect(pipelines.length).toBeGreaterThanOrEqual(20);
  });

  it.each(pipelines.map(([name]) => name))("compiles to the same spec: %s", (name) => {
    const document = compiled.get(name);
    const documents = [document?.spec, ...(document?.platform ? [document.platform] : [])];
    const mine = JSON.parse(JSON.stringify(documents)) as JsonObject[];
    expect(normalized(mine)).toEqual(normalized(python[name] ?? []));
  });

  it("is read strictly by Kubeflow's own classes", async () => {
    const texts = Object.fromEntries(
      [...compiled].map(([name, document]) => [name, formatPipelineYaml(document)]),
    );
    expect(JSON.parse(await runPython([path("check_documents.py")], JSON.stringify(texts)))).toEqual({});
  });

  it("is valid to our own reader, without warnings", () => {
    for (const [name, document] of compiled) {
      const read = parsePipelineDocument(formatPipelineYaml(document));
      expect(read, name).toEqual(JSON.parse(JSON.stringify(document)));
      expect(validatePipeline(read), name).toEqual([]);
    }
  });

  it("compiles to the same bytes again", () => {
    for (const [name, value] of pipelines) {
      if (!isPipeline(value)) continue;
      const first = formatPipelineYaml(compiled.get(name) as PipelineDocument);
      expect(formatPipelineYaml(compileWithSources(value)), name).toBe(first);
    }
  });
});
