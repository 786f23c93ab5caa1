import { SealflowError, SealflowErrors } from "@sealflow/core";
import { parsePipelineDocument } from "@sealflow/pipeline";
import { describe, expect, it } from "vitest";
import { compileCases } from "../../../../test-support/conformance/cases.js";
import { checkingEngine } from "./check-run.js";

const cases = await compileCases();
const { engine, check } = checkingEngine("conformance");

describe("pipelines of the Python SDK, run by the engine", () => {
  it("are at least 80", () => {
    expect(cases.length).toBeGreaterThanOrEqual(80);
  });

  it.each(cases.filter(({ refused }) => refused === null))("give what is expected: $name", async (given) => {
    const document = parsePipelineDocument(given.yaml, { file: given.name });
    for (const [index, expected] of given.runs.entries()) {
      await check(document, expected, `${given.name.replaceAll("_", "-")}-${index}`);
    }
  });

  it.each(cases.filter(({ refused }) => refused !== null))("is refused: $name", async ({ yaml, refused }) => {
    const error: unknown = await Promise.resolve(yaml)
      .then((text) => engine.run(parsePipelineDocument(text)))
      .catch((thrown) => thrown);
    const findings = error instanceof SealflowErrors ? error.findings : [error];
    const codes = findings.map((finding) => (finding instanceof SealflowError ? finding.code : finding));
    expect([...new Set(codes)].sort()).toEqual(refused);
  });
});
