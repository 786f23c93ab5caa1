import { fileURLToPath } from "node:url";
import type { JsonObject } from "@sealflow/core";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { runPython } from "../../../../test-support/python.js";
import { formatPipelineManifests, isPipeline, parsePipelineDocument } from "../../src/index.js";
import { compileWithSources } from "./read-components.js";
import * as written from "./testdata/roundtrip/pipelines.js";

const pipelines = new Map(Object.entries(written));
const documentOf = (name: keyof typeof written) => {
  const pipeline = pipelines.get(name);
  if (!isPipeline(pipeline)) throw new Error(`no pipeline ${name}`);
  return compileWithSources(pipeline);
};
const objectsOf = (text: string) => parseAllDocuments(text).map((each) => each.toJS() as JsonObject);

describe("manifests of a pipeline", () => {
  it("are a Pipeline and a PipelineVersion that hold what the spec holds", () => {
    const document = documentOf("platform");
    const text = formatPipelineManifests(document, { versionName: "v2", namespace: "team" });
    const [pipeline, version] = objectsOf(text);
    const apiVersion = "pipelines.kubeflow.org/v2beta1";
    expect(pipeline).toEqual({
      apiVersion,
      kind: "Pipeline",
      metadata: { name: document.spec.pipelineInfo.name, namespace: "team" },
      spec: { displayName: document.spec.pipelineInfo.name },
    });
    expect(version).toMatchObject({
      apiVersion,
      kind: "PipelineVersion",
      metadata: { name: "v2", namespace: "team" },
      spec: { pipelineName: document.spec.pipelineInfo.name },
    });
    expect(parsePipelineDocument(text)).toEqual(JSON.parse(JSON.stringify(document)));
  });

  it("have the fields that Kubeflow's own compiler gives them", async () => {
    const program = fileURLToPath(new URL("testdata/manifest.py", import.meta.url));
    const theirs = objectsOf(await runPython([program]));
    const options = { name: "mine", versionName: "mine-2", displayName: "Mine", namespace: "team" };
    const ours = objectsOf(formatPipelineManifests(documentOf("chain"), options));
    const keys = (value: JsonObject | undefined) =>
      Object.fromEntries(
        Object.entries(value ?? {}).map(([key, member]) => [
          key,
          typeof member === "string" ? member : Object.keys(member as JsonObject).sort(),
        ]),
      );
    expect(ours.map(keys)).toEqual(theirs.map(keys));
    expect(ours.map(({ metadata }) => metadata)).toEqual(theirs.map(({ metadata }) => metadata));
    expect(parsePipelineDocument(await runPython([program])).spec.pipelineInfo.name).toBe("theirs");
  });

  it("leave the Pipeline out when asked", () => {
    const [version, ...others] = objectsOf(
      formatPipelineManifests(documentOf("chain"), { includePipeline: false }),
    );
    expect([version?.kind, others.length]).toEqual(["PipelineVersion", 0]);
  });

  it("refuse names that Kubernetes refuses", () => {
    for (const name of ["Mine", "a_b", "-a", "a".repeat(254), ""]) {
      expect(() => formatPipelineManifests(documentOf("chain"), { name })).toThrow("Kubernetes name");
    }
  });
});
