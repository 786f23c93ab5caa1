/**
 * The overlay's specs under the validation, the Argo compiler and the driver of a real Kubeflow backend. Which one is named by
 * SEALFLOW_KFP_COMPILER: a program that reads lines `{name, template, parameters}` and answers each with
 * `{name, workflow, pods}` or `{name, error}`, `pods` being what the driver makes of each component's executor.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { AKS_SGX_POOL, confidentialOverlay } from "@sealflow/cluster";
import type { JsonObject, JsonValue } from "@sealflow/core";
import {
  formatPipelineYaml,
  lintPipeline,
  type PipelineDocument,
  parsePipelineDocument,
} from "@sealflow/pipeline";
import { beforeAll, describe, expect, it } from "vitest";
import { compileCases } from "../../../../test-support/conformance/cases.js";
import { loadPipeline } from "../../../cli/src/load/pipeline-file.js";
import { fakeContext } from "../../../cli/test/support/fake-context.js";
import { lockFor } from "./locks.js";

const compiler = process.env.SEALFLOW_KFP_COMPILER;
const broker = { url: "https://broker.example:8443", pin: "c".repeat(64) };

interface Pod {
  readonly nodeSelector?: JsonObject;
  readonly tolerations?: readonly JsonObject[];
  readonly containers: readonly {
    readonly image: string;
    readonly command: readonly string[];
    readonly args: readonly string[];
    readonly env?: readonly JsonObject[];
    readonly resources?: { readonly limits?: JsonObject };
  }[];
}

interface Answer {
  readonly name: string;
  readonly error?: string;
  readonly workflow?: JsonObject;
  readonly pods?: Readonly<
    Record<string, { readonly executor: string; readonly pod?: Pod; readonly error?: string }>
  >;
}

/** Compiles all documents in one process of the backend's. */
async function compiled(documents: Readonly<Record<string, PipelineDocument>>): Promise<Map<string, Answer>> {
  const child = spawn(compiler ?? "", [], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = Object.entries(documents).map(([name, document]) =>
    JSON.stringify({ name, template: formatPipelineYaml(document), parameters: parametersOf(document) }),
  );
  child.stdin.end(`${lines.join("\n")}\n`);
  let text = "";
  for await (const chunk of child.stdout.setEncoding("utf8")) text += chunk;
  const answers = text.trim().split("\n");
  return new Map(answers.map((line) => JSON.parse(line) as Answer).map((each) => [each.name, each]));
}

/** A value for each parameter that has none. */
function parametersOf({ spec }: PipelineDocument): JsonObject {
  const values: Readonly<Record<string, JsonValue>> = {
    ...{ STRING: "x", NUMBER_INTEGER: 1, NUMBER_DOUBLE: 0.5, BOOLEAN: true, LIST: ["a"], STRUCT: { a: "b" } },
  };
  const parameters = Object.entries(spec.root.inputDefinitions?.parameters ?? {});
  return Object.fromEntries(
    parameters
      .filter(([, { defaultValue, isOptional }]) => defaultValue === undefined && isOptional !== true)
      .map(([name, { parameterType, literals }]) => [
        name,
        literals?.[0] ?? values[parameterType ?? "STRING"] ?? "x",
      ]),
  );
}

describe.skipIf(compiler === undefined)("a real Kubeflow backend (SEALFLOW_KFP_COMPILER)", () => {
  const originals: Record<string, PipelineDocument> = {};
  const overlaid: Record<string, PipelineDocument> = {};
  let before = new Map<string, Answer>();
  let after = new Map<string, Answer>();

  beforeAll(async () => {
    for (const { name, yaml, refused } of await compileCases()) {
      if (refused === null) originals[name] = parsePipelineDocument(yaml, { file: name });
    }
    const loan = fileURLToPath(new URL("../../../../examples/loan-default", import.meta.url));
    const { context } = fakeContext({ cwd: loan, env: process.env, now: Date.now });
    for (const file of ["pipeline.ts", "score.ts"]) {
      originals[`loan-default/${file}`] = (await loadPipeline(context, file)).document;
    }
    for (const [name, document] of Object.entries(originals)) {
      overlaid[name] = (
        await confidentialOverlay(document, { images: [await lockFor(document)], broker })
      ).document;
    }
    before = await compiled(originals);
    after = await compiled(overlaid);
  }, 120_000);

  it("refuses what the lint refuses, and nothing because of the overlay", () => {
    const refused = (answers: typeof before) =>
      [...answers.values()].filter(({ error }) => error !== undefined).map(({ name }) => name);
    expect(refused(after)).toEqual(refused(before));
    const linted = Object.entries(originals).filter(([, document]) =>
      lintPipeline(document, "kfp-2.17").some(({ severity }) => severity === "error"),
    );
    expect(linted.map(([name]) => name)).toEqual(expect.arrayContaining(refused(before)));
    expect(refused(before).length).toBeLessThanOrEqual(Object.keys(originals).length / 20);
  });

  it("makes every executor's pod as the overlay says", async () => {
    let pods = 0;
    for (const [name, document] of Object.entries(overlaid)) {
      const { image, command, epc } = await lockFor(originals[name] as PipelineDocument);
      for (const { executor, pod, error } of Object.values(after.get(name)?.pods ?? {})) {
        const container = document.spec.deploymentSpec.executors?.[executor]?.container;
        if (container === undefined || container.image.startsWith("argostub/")) continue;
        // Resources from parameters, which the driver has and this test has not.
        if (JSON.stringify(container.resources ?? {}).includes("{{$")) continue;
        expect(error, `${name} ${executor}`).toBeUndefined();
        const [main] = pod?.containers ?? [];
        expect(pod?.nodeSelector, name).toMatchObject(AKS_SGX_POOL.labels);
        expect(pod?.tolerations, name).toContainEqual(
          expect.objectContaining({ key: "confidential", value: "true", effect: "NoSchedule" }),
        );
        expect(main?.image).toBe(image);
        expect(main?.resources?.limits?.[AKS_SGX_POOL.epcResource]).toBe(String(epc));
        // Behind the launcher's own words stand the fixed ones.
        expect(main?.command[0]).toBe("/kfp-launcher/launch");
        expect(main?.args).toEqual([...command, ...(container.args ?? [])]);
        expect(main?.args.slice(command.length, command.length + 4)).toEqual([
          "--executor-input",
          "{{$}}",
          "--executor",
          executor,
        ]);
        expect(main?.env).toContainEqual(
          expect.objectContaining({
            name: "SEALFLOW_WORKFLOW_NODE",
            valueFrom: {
              fieldRef: expect.objectContaining({
                fieldPath: "metadata.annotations['workflows.argoproj.io/node-name']",
              }),
            },
          }),
        );
        pods++;
      }
    }
    expect(pods).toBeGreaterThan(100);
  });

  it("carries the annotation and the label of the pool into its workflows, and turns its cache off", () => {
    for (const [name, { workflow, error }] of after) {
      if (error !== undefined) continue;
      const text = JSON.stringify(workflow);
      expect(text, name).toContain("sgx.intel.com/quote-provider");
      expect(text, name).toContain("sealflow.dev/confidential");
      expect(text, name).not.toContain('\\"enableCache\\":true');
    }
  });
});
