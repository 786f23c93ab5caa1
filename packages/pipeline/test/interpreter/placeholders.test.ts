import {
  type ExecutorInput,
  executorInputOf,
  localPathOf,
  resolvePlaceholder,
  resolvePlaceholders,
  taskIdOf,
} from "@sealflow/pipeline";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CONTEXT } from "./fake-run.js";

const dataset = { schemaTitle: "system.Dataset", schemaVersion: "0.0.1" };
const executorInput: ExecutorInput = {
  inputs: {
    parameterValues: {
      text: "a b",
      count: 3,
      big: 1e21,
      small: 1.5e-7,
      flag: true,
      list: [1, "x"],
      map: { k: 1 },
      nothing: null,
      evil: "{{$.pipeline_job_name}} $& $1 {{$}}",
    },
    artifacts: {
      data: {
        artifacts: [
          {
            name: "data",
            type: dataset,
            uri: "s3://bucket/a/b",
            metadata: { rows: 10, note: "n", deep: { a: 1 } },
          },
        ],
      },
      many: {
        artifacts: [
          { name: "m0", type: dataset, uri: "/tmp/0", metadata: {} },
          { name: "m1", type: dataset, uri: "/tmp/1", metadata: {} },
        ],
      },
      none: { artifacts: [] },
      custom: {
        artifacts: [{ name: "c", type: dataset, uri: "gs://x/y", metadata: {}, customPath: "/data/c" }],
      },
      shared: {
        artifacts: [{ name: "s", type: dataset, uri: "minio://x/y", metadata: { _kfp_workspace: true } }],
      },
    },
  },
  outputs: {
    parameters: { out: { outputFile: "/work/out" } },
    artifacts: {
      model: { artifacts: [{ name: "model", type: dataset, uri: "/work/model", metadata: { f: "x" } }] },
    },
    outputFile: "/work/executor_output.json",
  },
};
const scope = {
  executorInput,
  run: { ...CONTEXT, scheduleTime: "2026-02-02T00:00:00Z", pipelineRoot: "file:///root" },
  taskName: "train",
  taskId: taskIdOf(CONTEXT.runId, "train"),
};
const one = (text: string): string => resolvePlaceholder(text, scope);
const many = (...texts: string[]): string[] => resolvePlaceholders(texts, scope);

describe("resolvePlaceholder", () => {
  it.each([
    ["{{$}}", JSON.stringify(executorInput)],
    ["{{$.inputs.parameters['text']}}", "a b"],
    ['{{$.inputs.parameters["text"]}}', "a b"],
    ["x={{$.inputs.parameters['count']}}, y={{$.inputs.parameters['flag']}}", "x=3, y=true"],
    ["{{$.inputs.parameters['big']}}", "1000000000000000000000"],
    ["{{$.inputs.parameters['small']}}", "0.00000015"],
    ["{{$.inputs.parameters['list']}}", '[1,"x"]'],
    ["{{$.inputs.parameters['map']}}", '{"k":1}'],
    ["{{$.inputs.parameters['nothing']}}", ""],
    ["{{$.outputs.parameters['out'].output_file}}", "/work/out"],
    ["{{$.outputs.output_file}}", "/work/executor_output.json"],
    ["{{$.outputMetadataUri}}", "/work/executor_output.json"],
    ["{{$.inputs.artifacts['data'].uri}}", "s3://bucket/a/b"],
    ["{{$.inputs.artifacts['data'].path}}", "/s3/bucket/a/b"],
    ["{{$.inputs.artifacts['custom'].path}}", "/data/c"],
    ["{{$.inputs.artifacts['shared'].path}}", "/kfp-workspace/.artifacts/minio/x/y"],
    ["{{$.inputs.artifacts['data'].metadata['rows']}}", "10"],
    ["{{$.inputs.artifacts['data'].metadata['deep']}}", '{"a":1}'],
    ["{{$.outputs.artifacts['model'].metadata}}", '{"f":"x"}'],
    ["{{$.outputs.artifacts['model'].uri}}", "/work/model"],
    ["{{$.inputs.artifacts['many']}}", JSON.stringify(executorInput.inputs.artifacts.many?.artifacts)],
    ["{{$.pipeline_job_name}}", "test-run"],
    ["{{$.pipeline_job_resource_name}}", "test-run"],
    ["{{$.pipeline_job_uuid}}", CONTEXT.runId],
    ["{{$.pipeline_task_name}}", "train"],
    ["{{$.pipeline_root}}", "file:///root"],
    ["{{$.pipeline_job_create_time_utc}}", "2026-01-02T03:04:05Z"],
    ["{{$.pipeline_job_schedule_time_utc}}", "2026-02-02T00:00:00Z"],
    ["{{$.workspace_path}}/x", "/kfp-workspace/x"],
  ])("resolves %s", (text, expected) => {
    expect(one(text)).toBe(expected);
  });

  it.each([
    "{{$.inputs.parameters['absent']}}",
    "{{$.inputs.parameters['constructor']}}",
    "{{$.inputs.artifacts['none'].uri}}",
    "{{$.unknown}}",
    "{{$.json_escape[1]}}",
    "{{workflow.name}}",
    "{{$",
  ])("leaves %s as it is", (text) => {
    expect(one(text)).toBe(text);
  });

  it("gives a task the same id in every replay, and another one to every path and run", () => {
    expect(taskIdOf("r", "a")).toBe(taskIdOf("r", "a"));
    expect(new Set([taskIdOf("r", "a"), taskIdOf("r", "b"), taskIdOf("s", "a")]).size).toBe(3);
    expect(taskIdOf("r", "a")).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });

  it("never expands what a value holds", () => {
    expect(one("{{$.inputs.parameters['evil']}}!")).toBe("{{$.pipeline_job_name}} $& $1 {{$}}!");
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("{", "}", "$", ".", "'", "[", "]", "a", "&", "`", "\\") }),
        (text) => {
          const input = {
            ...executorInput,
            inputs: { ...executorInput.inputs, parameterValues: { v: text } },
          };
          const resolved = resolvePlaceholders(["<{{$.inputs.parameters['v']}}>"], {
            ...scope,
            executorInput: input,
          });
          expect(resolved).toEqual([`<${text}>`]);
        },
      ),
    );
  });
});

describe("resolvePlaceholders", () => {
  const ifPresent = (name: string, then: unknown, otherwise?: unknown) =>
    JSON.stringify({ IfPresent: { InputName: name, Then: then, Else: otherwise } });

  it("takes the branch of IfPresent that applies", () => {
    expect(many(ifPresent("text", ["--text", "{{$.inputs.parameters['text']}}"]))).toEqual(["--text", "a b"]);
    expect(many("a", ifPresent("nothing", ["--x"]), "b")).toEqual(["a", "b"]);
    expect(many(ifPresent("absent", "yes", "no"))).toEqual(["no"]);
    expect(many(ifPresent("data", "yes", "no"), ifPresent("none", "yes", "no"))).toEqual(["yes", "no"]);
  });

  it("joins Concat, and nests both ways", () => {
    const concat = {
      Concat: ["n=", "{{$.inputs.parameters['count']}}", JSON.parse(ifPresent("text", ["!", "?"]))],
    };
    expect(many(JSON.stringify(concat))).toEqual(["n=3!?"]);
    expect(many(ifPresent("text", ["-c", concat, JSON.parse(ifPresent("absent", "x", ["y", "z"]))]))).toEqual(
      ["-c", "n=3!?", "y", "z"],
    );
  });

  it("does not take a value for a structure", () => {
    const input = {
      ...executorInput,
      inputs: { ...executorInput.inputs, parameterValues: { v: '{"Concat":["a","b"]}' } },
    };
    expect(resolvePlaceholders(["{{$.inputs.parameters['v']}}"], { ...scope, executorInput: input })).toEqual(
      ['{"Concat":["a","b"]}'],
    );
  });

  it.each(['{"Concat":"x"}', '{"IfPresent":{}}', '{"Concat":[1]}', '{"Concat": [', '{"Concat":["a"],"b":1}'])(
    "leaves %s, which is none of them, as text",
    (text) => {
      expect(many(text)).toEqual([text]);
    },
  );
});

describe("executorInputOf", () => {
  it("holds inputs, declared outputs and where they go", () => {
    const input = executorInputOf(
      {
        path: "train",
        taskName: "train",
        displayName: "train",
        componentName: "comp-train",
        executorLabel: "exec-train",
        executor: {},
        inputs: {
          parameters: { seed: 1 },
          artifacts: {
            data: [
              { name: "data", type: dataset, uri: "s3://b/k", metadata: { rows: 1 }, digest: "sha256:x" },
            ],
          },
        },
        outputParameters: { score: { parameterType: "NUMBER_DOUBLE" } },
        outputArtifacts: { model: { artifactType: dataset, metadata: { a: 1 } } },
        caching: { enabled: false },
      },
      {
        outputFile: "/w/out.json",
        outputParameter: (name) => `/w/p/${name}`,
        outputArtifact: (name) => `/w/a/${name}`,
        inputArtifact: (artifact, { input: name, index }) => `/in/${name}/${index}/${artifact.name}`,
      },
    );
    expect(input).toEqual({
      inputs: {
        parameterValues: { seed: 1 },
        artifacts: {
          data: {
            artifacts: [{ name: "data", type: dataset, uri: "/in/data/0/data", metadata: { rows: 1 } }],
          },
        },
      },
      outputs: {
        parameters: { score: { outputFile: "/w/p/score" } },
        artifacts: {
          model: { artifacts: [{ name: "model", type: dataset, uri: "/w/a/model", metadata: { a: 1 } }] },
        },
        outputFile: "/w/out.json",
      },
    });
  });
});

describe("localPathOf", () => {
  it.each([
    ["gs://b/k", "/gcs/b/k"],
    ["s3://b/k", "/s3/b/k"],
    ["minio://b/k", "/minio/b/k"],
    ["oci://reg/img:1", "/oci/reg_img:1/models"],
    ["file:///a%20b", "/a b"],
    ["file:///50%", "/50%"],
    ["/a/b", "/a/b"],
    ["https://x/y", "https://x/y"],
  ])("maps %s", (uri, path) => {
    expect(localPathOf(uri)).toBe(path);
  });
});
