import { fileURLToPath } from "node:url";
import { confidentialOverlay } from "@sealflow/cluster";
import type { JsonObject } from "@sealflow/core";
import {
  formatPipelineYaml,
  lintPipeline,
  type PipelineDocument,
  parsePipelineDocument,
  validatePipeline,
} from "@sealflow/pipeline";
import { beforeAll, describe, expect, it } from "vitest";
import { compileCases, withTexts } from "../../../../test-support/conformance/cases.js";
import { runPython } from "../../../../test-support/python.js";
import { behave } from "../../../pipeline/test/conformance/behaviour.js";
import { CONTEXT, fakeRun } from "../../../pipeline/test/interpreter/fake-run.js";
import { lockFor } from "./locks.js";

const checker = fileURLToPath(
  new URL("../../../pipeline/test/authoring/check_documents.py", import.meta.url),
);
const broker = { url: "https://broker.example:8443", pin: "c".repeat(64) };
const cases = (await compileCases()).filter(({ refused }) => refused === null);
const originals = cases.map(({ yaml, name }) => parsePipelineDocument(yaml, { file: name }));
let overlaid: { readonly document: PipelineDocument; readonly ok: boolean }[] = [];

beforeAll(async () => {
  overlaid = await Promise.all(
    originals.map(async (document) => {
      const images = [await lockFor(document)];
      const { document: fresh, report } = await confidentialOverlay(document, { images, broker });
      return { document: fresh, ok: report.ok };
    }),
  );
});

describe("the confidential overlay of every conformance pipeline", () => {
  it("is there for at least 80 of them, and protects each task whose pod gets no data past the enclave", () => {
    expect(cases.length).toBeGreaterThanOrEqual(80);
    const open = cases.filter((_, index) => !overlaid[index]?.ok).map(({ name }) => name);
    expect(open).toEqual([]);
  });

  it("is a valid spec, to us and strictly to Kubeflow's own classes", async () => {
    const texts = Object.fromEntries(
      cases.map(({ name }, index) => [
        name,
        formatPipelineYaml(overlaid[index]?.document as PipelineDocument),
      ]),
    );
    expect(JSON.parse(await runPython([checker], JSON.stringify(texts)))).toEqual({});
    for (const [name, text] of Object.entries(texts)) {
      const document = parsePipelineDocument(text, { file: name });
      expect(validatePipeline(document), name).toEqual([]);
      for (const target of ["kfp-2.16", "kfp-2.17"] as const) {
        const before = lintPipeline(
          parsePipelineDocument(cases.find((each) => each.name === name)?.yaml ?? ""),
          target,
        );
        const after = lintPipeline(document, target);
        const errors = (findings: typeof after) =>
          findings.filter(({ severity }) => severity === "error").length;
        expect(errors(after), name).toBeLessThanOrEqual(errors(before));
      }
    }
  });

  it("is the same again when it is made again", async () => {
    for (const [index, document] of originals.entries()) {
      const first = overlaid[index]?.document as PipelineDocument;
      const images = [await lockFor(document)];
      const again = await confidentialOverlay(first, { images, broker });
      expect(again.document, cases[index]?.name).toEqual(first);
      expect(again.report.ok).toBe(true);
    }
  });

  it("leaves nothing of the original's code, arguments, variables or images in any protected executor", () => {
    for (const { document } of overlaid) {
      for (const { container } of Object.values(document.spec.deploymentSpec.executors ?? {})) {
        if (container === undefined) continue;
        expect(container.image).toMatch(/^registry\.example\/team\/loan@sha256:/);
        expect(container.command).toEqual(["/usr/bin/python3", "-I", "/opt/sealflow/shim.py"]);
        expect(container.args?.filter((word) => word.includes("{{")).length).toBe(1);
        expect(container.env).toBeUndefined();
      }
    }
  });

  it("means what the original meant: the interpreter decides the same", () => {
    for (const [index, { commands, runs, name }] of cases.entries()) {
      if (commands) continue;
      for (const run of runs) {
        const texts = {
          "@run-id@": CONTEXT.runId,
          "@run-name@": CONTEXT.runName,
          "@time@": CONTEXT.createTime,
        };
        const { parameters } = withTexts(run as unknown as JsonObject, texts);
        const runOf = (document: PipelineDocument | undefined) =>
          fakeRun((document as PipelineDocument).spec, behave, { parameters: parameters as JsonObject });
        const [before, after] = [runOf(originals[index]), runOf(overlaid[index]?.document)];
        expect(after.states, name).toEqual(before.states);
        expect(after.outcome, name).toEqual(before.outcome);
        expect(after.results, name).toEqual(before.results);
      }
    }
  });
});
