import { type LintTarget, lintPipeline, parsePipelineDocument } from "@sealflow/pipeline";
import { describe, expect, it } from "vitest";
import { changed, sample } from "../ir/sample.js";

const make = ["deploymentSpec", "executors", "exec-make"] as const;
const use = ["root", "dag", "tasks", "use"] as const;
const argument = (...args: string[]) => [[...make, "container", "args"], args] as const;
const ifPresent = (then: unknown) => JSON.stringify({ IfPresent: { InputName: "count", Then: then } });

/** Lint findings of the sample with one part changed: `severity code path`. */
function lint(path: readonly (string | number)[], value: unknown, target: LintTarget): string[] {
  const findings = lintPipeline(parsePipelineDocument(changed(path, value)), target);
  return findings
    .filter(({ code }) => code.startsWith("PIPELINE_LINT"))
    .map(({ severity, code, path: at }) => `${severity} ${code} ${at.at(-1)}`);
}

/** A change, and what is found for the targets 2.16, 2.17 and local (`-` for nothing). */
const cases: readonly (readonly [
  string,
  readonly [readonly (string | number)[], unknown],
  string,
  string,
])[] = [
  [
    "Concat",
    argument('{"Concat":["a","b"]}'),
    "error PIPELINE_LINT_PLACEHOLDER 0",
    "error PIPELINE_LINT_PLACEHOLDER 0",
  ],
  ["IfPresent", argument(ifPresent("x")), "error PIPELINE_LINT_PLACEHOLDER 0", "-"],
  [
    "nested IfPresent",
    argument(ifPresent(["a", { Concat: ["b"] }])),
    "error PIPELINE_LINT_PLACEHOLDER 0",
    "error PIPELINE_LINT_PLACEHOLDER 0",
  ],
  [
    "metadata",
    argument("x", "{{$.inputs.artifacts['a'].metadata['k']}}"),
    "error PIPELINE_LINT_PLACEHOLDER 1",
    "error PIPELINE_LINT_PLACEHOLDER 1",
  ],
  [
    "an artifact list",
    argument("{{$.inputs.artifacts['a']}}"),
    "error PIPELINE_LINT_PLACEHOLDER 0",
    "error PIPELINE_LINT_PLACEHOLDER 0",
  ],
  [
    "the output file",
    argument("{{$.outputs.output_file}}"),
    "error PIPELINE_LINT_PLACEHOLDER 0",
    "error PIPELINE_LINT_PLACEHOLDER 0",
  ],
  ["create time", argument("{{$.pipeline_job_create_time_utc}}"), "error PIPELINE_LINT_PLACEHOLDER 0", "-"],
  [
    "what every backend resolves",
    argument("{{$.inputs.parameters['count']}} {{$.outputs.parameters['text'].output_file}} {{$}}"),
    "-",
    "-",
  ],
  [
    "a default root",
    [["defaultPipelineRoot"], "gs://x"],
    "warning PIPELINE_LINT_IGNORED defaultPipelineRoot",
    "warning PIPELINE_LINT_IGNORED defaultPipelineRoot",
  ],
  [
    "a condition on an importer",
    [[...make], { importer: { artifactUri: { constant: "gs://x" } } }],
    "-",
    "-",
  ],
  [
    "placeholders in an importer's metadata",
    [
      [...make],
      {
        importer: { artifactUri: { constant: "gs://x" }, metadata: { a: ["{{$.inputs.parameters['b']}}"] } },
      },
    ],
    "error PIPELINE_LINT_PLACEHOLDER metadata",
    "error PIPELINE_LINT_PLACEHOLDER metadata",
  ],
  [
    "an embedded placeholder",
    [[...use, "inputs", "parameters", "text"], { runtimeValue: { constant: "run {{$.pipeline_job_name}}" } }],
    "warning PIPELINE_LINT_CONSTANT constant",
    "warning PIPELINE_LINT_CONSTANT constant",
  ],
  [
    "a deprecated constant",
    [[...use, "inputs", "parameters", "text"], { runtimeValue: { constantValue: { stringValue: "x" } } }],
    "error PIPELINE_LINT_CONSTANT runtimeValue",
    "error PIPELINE_LINT_CONSTANT runtimeValue",
  ],
  [
    "a completion task of two",
    [
      ["root", "dag", "tasks", "done"],
      {
        componentRef: { name: "comp-make" },
        inputs: { parameters: { count: { runtimeValue: { constant: 1 } } } },
        dependentTasks: ["make", "use"],
        triggerPolicy: { strategy: "ALL_UPSTREAM_TASKS_COMPLETED" },
      },
    ],
    "warning PIPELINE_LINT_COMPLETION dependentTasks",
    "warning PIPELINE_LINT_COMPLETION dependentTasks",
  ],
  [
    "an underscore in a task's name",
    [
      ["root", "dag", "tasks", "a_b"],
      {
        componentRef: { name: "comp-make" },
        inputs: { parameters: { count: { runtimeValue: { constant: 1 } } } },
      },
    ],
    "error PIPELINE_LINT_TASK_NAME a_b",
    "error PIPELINE_LINT_TASK_NAME a_b",
  ],
];

describe("lintPipeline", () => {
  it.each(cases)("for official backends: %s", (_, [path, value], old, current) => {
    expect(lint(path, value, "kfp-2.16")).toEqual(old === "-" ? [] : [old]);
    expect(lint(path, value, "kfp-2.17")).toEqual(current === "-" ? [] : [current]);
  });

  it("for this machine: says which containers need more than Python", () => {
    const found = lint(["pipelineInfo", "displayName"], "x", "local");
    expect(found).toEqual([
      "warning PIPELINE_LINT_CONTAINER container",
      "warning PIPELINE_LINT_CONTAINER container",
    ]);
    const python = ["sh", "-c", "python3 -m kfp.dsl.executor_main"];
    expect(lint([...make, "container", "command"], python, "local")).toHaveLength(1);
    const older = ["sh", "-c", "python3 -m kfp.components.executor_main"];
    expect(lint([...make, "container", "command"], older, "local")).toHaveLength(1);
    expect(lint([...make, "container", "image"], "argostub/createpvc", "local")).toHaveLength(1);
  });

  it("for this machine: has nothing against what only official backends refuse", () => {
    for (const [, [path, value]] of cases) {
      const found = lint(path, value, "local").filter((finding) => !finding.includes("CONTAINER"));
      expect(found).toEqual([]);
    }
  });

  it("refuses on official backends that a task waits for one that runs on completion", () => {
    const document = sample() as unknown as { root: { dag: { tasks: Record<string, object> } } };
    const task = {
      componentRef: { name: "comp-make" },
      inputs: { parameters: { count: { runtimeValue: { constant: 1 } } } },
    };
    const { tasks } = document.root.dag;
    tasks.done = {
      ...task,
      dependentTasks: ["make"],
      triggerPolicy: { strategy: "ALL_UPSTREAM_TASKS_COMPLETED" },
    };
    tasks.later = { ...task, dependentTasks: ["done"] };
    const parsed = parsePipelineDocument(JSON.stringify(document));
    for (const target of ["kfp-2.16", "kfp-2.17"] as const) {
      const found = lintPipeline(parsed, target).filter(({ code }) => code.startsWith("PIPELINE_LINT"));
      expect(found).toEqual([
        expect.objectContaining({
          severity: "error",
          code: "PIPELINE_LINT_COMPLETION",
          path: ["root", "dag", "tasks", "later", "dependentTasks"],
        }),
      ]);
    }
  });

  it.each(["resolver", "customJob"])("refuses a %s everywhere", (kind) => {
    for (const target of ["kfp-2.17", "local"] as const) {
      expect(lint([...make], { [kind]: {} }, target)).toContain(`error PIPELINE_LINT_EXECUTOR ${kind}`);
    }
  });

  it("refuses loops over artifacts and conditions on importers on official backends", () => {
    const document = sample() as unknown as {
      root: { dag: { tasks: Record<string, object> } };
      components: Record<string, object>;
      deploymentSpec: { executors: Record<string, object> };
    };
    const artifact = { artifactType: { schemaTitle: "system.Dataset" } };
    document.deploymentSpec.executors["exec-import"] = { importer: { artifactUri: { constant: "gs://x" } } };
    document.components["comp-import"] = {
      executorLabel: "exec-import",
      outputDefinitions: { artifacts: { artifact } },
    };
    document.components["comp-each"] = {
      executorLabel: "exec-make",
      inputDefinitions: { artifacts: { all: { ...artifact, isArtifactList: true }, one: artifact } },
    };
    document.root.dag.tasks.import = {
      componentRef: { name: "comp-import" },
      triggerPolicy: { condition: "true" },
    };
    document.root.dag.tasks.each = {
      componentRef: { name: "comp-each" },
      dependentTasks: ["import"],
      inputs: {
        artifacts: { all: { taskOutputArtifact: { producerTask: "import", outputArtifactKey: "artifact" } } },
      },
      artifactIterator: { items: { inputArtifact: "all" }, itemInput: "one" },
    };
    const codes = lintPipeline(parsePipelineDocument(JSON.stringify(document)), "kfp-2.17").map(
      ({ code }) => code,
    );
    expect(codes).toEqual(["PIPELINE_LINT_IMPORTER", "PIPELINE_LINT_ARTIFACT_ITERATOR"]);
  });

  it("says when a spec is too large for etcd", () => {
    const big = (length: number) => lint([...make, "container", "command"], ["x".repeat(length)], "kfp-2.17");
    expect(big(1000)).toEqual([]);
    expect(big(800_000)).toEqual(["warning PIPELINE_LINT_SIZE undefined"]);
    expect(big(1_600_000)).toEqual(["error PIPELINE_LINT_SIZE undefined"]);
  });

  it("says what of the platform document is passed over", () => {
    const platform = {
      platforms: {
        kubernetes: {
          pipelineConfig: { resourceTtlOnCompletion: 60 },
          deploymentSpec: {
            executors: { "exec-use": { nodeSelector: { labels: { a: "b" } }, podAffinity: [{}] } },
          },
        },
      },
    };
    const document = parsePipelineDocument(`${JSON.stringify(sample())}\n---\n${JSON.stringify(platform)}`);
    const ignored = (target: LintTarget) =>
      lintPipeline(document, target)
        .filter(({ code }) => code === "PIPELINE_LINT_IGNORED")
        .map(({ path }) => path.at(-1));
    expect(ignored("kfp-2.16")).toEqual(["podAffinity", "resourceTtlOnCompletion"]);
    expect(ignored("kfp-2.17")).toEqual(["podAffinity"]);
    expect(ignored("local")).toEqual(["nodeSelector", "podAffinity", "resourceTtlOnCompletion"]);
  });

  it("includes what validation finds", () => {
    const document = parsePipelineDocument(changed(["pipelineInfo", "name"], "Upper"));
    expect(lintPipeline(document, "local").map(({ code }) => code)).toContain("PIPELINE_NAME_NOT_PORTABLE");
  });
});
