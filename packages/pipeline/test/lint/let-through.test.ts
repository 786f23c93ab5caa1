/**
 * What the official backend refuses, and what it lets through although it is wrong (measured on specs changed by hand):
 * each is found here, by the parser or by lint, with its path in the document.
 */
import { isSealflowError, SealflowErrors } from "@sealflow/core";
import { type LintTarget, lintPipeline, parsePipelineDocument } from "@sealflow/pipeline";
import { describe, expect, it } from "vitest";

const dataset = { artifactType: { schemaTitle: "system.Dataset", schemaVersion: "0.0.1" } };

/** A document with a chain of two tasks and a loop, and a platform part. */
const sound = () => ({
  spec: {
    pipelineInfo: { name: "sound" } as Record<string, unknown>,
    schemaVersion: "2.1.0",
    deploymentSpec: {
      executors: {
        "exec-a": {
          container: {
            image: "python:3.11",
            command: ["echo"],
            args: ["x"],
            resources: { resourceMemoryLimit: "1G" } as Record<string, string>,
          } as Record<string, unknown>,
        },
      } as Record<string, Record<string, unknown>>,
    },
    components: {
      "comp-a": {
        executorLabel: "exec-a",
        inputDefinitions: { parameters: { x: { parameterType: "STRING" } } },
        outputDefinitions: { parameters: { out: { parameterType: "NUMBER_INTEGER" } } },
      },
      "comp-b": {
        executorLabel: "exec-a",
        inputDefinitions: { parameters: { n: { parameterType: "NUMBER_INTEGER" } } },
      },
    } as Record<string, Record<string, unknown>>,
    root: {
      inputDefinitions: {
        parameters: { q: { parameterType: "STRING", defaultValue: "z" as unknown } },
      } as Record<string, Record<string, unknown>>,
      outputDefinitions: { parameters: { result: { parameterType: "NUMBER_INTEGER" } } },
      dag: {
        outputs: {
          parameters: { result: { valueFromParameter: { producerSubtask: "a", outputParameterKey: "out" } } },
        },
        tasks: {
          a: {
            componentRef: { name: "comp-a" },
            inputs: { parameters: { x: { componentInputParameter: "q" } } },
          },
          b: {
            componentRef: { name: "comp-b" },
            dependentTasks: ["a"],
            inputs: {
              parameters: { n: { taskOutputParameter: { producerTask: "a", outputParameterKey: "out" } } },
            },
          },
          l: {
            componentRef: { name: "comp-a" },
            parameterIterator: { items: { raw: '["1"]' }, itemInput: "x" },
          },
        } as Record<string, Record<string, unknown>>,
      },
    },
  },
  platform: {
    platforms: {
      kubernetes: { deploymentSpec: { executors: { "exec-a": { imagePullPolicy: "Always" } } } },
    } as Record<string, Record<string, unknown>>,
  } as Record<string, Record<string, Record<string, unknown>>>,
});
type Document = ReturnType<typeof sound>;

/** Findings of a changed document, as `code path`: of the parser, else of lint. */
function found(change: (document: Document) => void, target: LintTarget = "kfp-2.17"): string[] {
  const document = sound();
  change(document);
  const text = `${JSON.stringify(document.spec)}\n---\n${JSON.stringify(document.platform)}`;
  try {
    return lintPipeline(parsePipelineDocument(text), target).map(
      ({ code, path }) => `${code} ${path.join(".")}`,
    );
  } catch (error) {
    const findings = error instanceof SealflowErrors ? error.findings : [error];
    return findings.map((finding) => {
      if (!isSealflowError(finding)) throw error;
      return `${finding.code} ${finding.where?.path ?? ""}`;
    });
  }
}

const tasks = ({ spec }: Document) => spec.root.dag.tasks as Record<string, Record<string, never>>;
const container = ({ spec }: Document) =>
  spec.deploymentSpec.executors["exec-a"]?.container as { image: string; resources: Record<string, string> };
const kubernetes = ({ platform }: Document) => platform.platforms?.kubernetes as Record<string, unknown>;
const bound = (document: Document, task: string, input: string) =>
  (tasks(document)[task] as unknown as { inputs: { parameters: Record<string, Record<string, never>> } })
    .inputs.parameters[input] as Record<string, unknown>;

type Change = readonly [what: string, change: (document: Document) => unknown, finding: string];

const letThrough: readonly Change[] = [
  [
    "an unknown outputParameterKey",
    (d) => Object.assign(bound(d, "b", "n").taskOutputParameter as object, { outputParameterKey: "oot" }),
    "PIPELINE_OUTPUT_UNKNOWN root.dag.tasks.b.inputs.parameters.n.taskOutputParameter.outputParameterKey",
  ],
  [
    "an unknown componentInputParameter",
    (d) => Object.assign(bound(d, "a", "x"), { componentInputParameter: "nope" }),
    "PIPELINE_INPUT_UNKNOWN root.dag.tasks.a.inputs.parameters.x.componentInputParameter",
  ],
  [
    "a pipeline output from an unknown task",
    ({ spec }) =>
      Object.assign(spec.root.dag.outputs.parameters.result.valueFromParameter, { producerSubtask: "z" }),
    "PIPELINE_TASK_UNKNOWN root.dag.outputs.parameters.result.valueFromParameter.producerSubtask",
  ],
  ...["LIST", "STRING", "BOOLEAN"].map(
    (parameterType): Change => [
      `a pipeline output declared as ${parameterType}`,
      ({ spec }) => Object.assign(spec.root.outputDefinitions.parameters.result, { parameterType }),
      "PIPELINE_PARAMETER_TYPE_MISMATCH root.dag.outputs.parameters.result.valueFromParameter",
    ],
  ),
  ["missing task inputs", (d) => delete tasks(d).a?.inputs, "PIPELINE_INPUT_MISSING root.dag.tasks.a"],
  [
    "invalid CEL",
    (d) =>
      Object.assign(tasks(d).b as object, {
        triggerPolicy: { condition: "inputs.parameter_values['n' == 1" },
      }),
    "PIPELINE_EXPRESSION_INVALID root.dag.tasks.b.triggerPolicy.condition",
  ],
  [
    "items that are not JSON",
    (d) =>
      Object.assign(tasks(d).l as object, { parameterIterator: { items: { raw: "[1," }, itemInput: "x" } }),
    "PIPELINE_ITERATOR_ITEMS root.dag.tasks.l.parameterIterator.items.raw",
  ],
  [
    "an empty image",
    (d) => Object.assign(container(d), { image: "" }),
    "PIPELINE_IMAGE_EMPTY deploymentSpec.executors.exec-a.container.image",
  ],
  [
    "a bad memory quantity",
    (d) => Object.assign(container(d).resources, { resourceMemoryLimit: "1 gigabyte" }),
    "PIPELINE_QUANTITY deploymentSpec.executors.exec-a.container.resources.resourceMemoryLimit",
  ],
  [
    "a platform entry for an unknown executor",
    (d) => Object.assign(kubernetes(d), { deploymentSpec: { executors: { "exec-z": {} } } }),
    "PIPELINE_EXECUTOR_UNKNOWN platforms.kubernetes.deploymentSpec.executors.exec-z",
  ],
  [
    "a platform document with a typo at its top",
    (d) => Object.assign(d, { platform: { platform: d.platform.platforms } }),
    "PIPELINE_FIELD_UNKNOWN platform",
  ],
  [
    "a platform document with a typo in the platform's name",
    (d) => Object.assign(d, { platform: { platforms: { kubernets: kubernetes(d) } } }),
    "PIPELINE_PLATFORM_UNKNOWN platforms.kubernets",
  ],
  [
    "a platform document with a typo in a setting",
    (d) =>
      Object.assign(kubernetes(d), { deploymentSpec: { executors: { "exec-a": { imagePullPolice: "x" } } } }),
    "PIPELINE_FIELD_UNKNOWN platforms.kubernetes.deploymentSpec.executors.exec-a.imagePullPolice",
  ],
  [
    "an upper-case pipeline name",
    ({ spec }) => Object.assign(spec.pipelineInfo, { name: "Sound" }),
    "PIPELINE_NAME_NOT_PORTABLE pipelineInfo.name",
  ],
  [
    "an upper-case task name",
    (d) => {
      Object.assign(tasks(d), { B: tasks(d).b });
      delete tasks(d).b;
    },
    "PIPELINE_NAME_NOT_PORTABLE root.dag.tasks.B",
  ],
  [
    "missing dependentTasks",
    (d) => delete tasks(d).b?.dependentTasks,
    "PIPELINE_DEPENDENCY_IMPLICIT root.dag.tasks.b",
  ],
];

const caught: readonly Change[] = [
  [
    "an unknown field",
    (d) => Object.assign(tasks(d).b as object, { foo: 1 }),
    "PIPELINE_FIELD_UNKNOWN root.dag.tasks.b.foo",
  ],
  [
    "another schemaVersion",
    ({ spec }) => Object.assign(spec, { schemaVersion: "2.0.0" }),
    "PIPELINE_SCHEMA_VERSION_UNSUPPORTED schemaVersion",
  ],
  [
    "an empty pipeline name",
    ({ spec }) => Object.assign(spec.pipelineInfo, { name: "" }),
    "PIPELINE_FIELD_MISSING pipelineInfo",
  ],
  [
    "an unknown component",
    (d) => Object.assign(tasks(d).b as object, { componentRef: { name: "nope" } }),
    "PIPELINE_COMPONENT_UNKNOWN root.dag.tasks.b.componentRef.name",
  ],
  [
    "an unknown executorLabel",
    ({ spec }) => Object.assign(spec.components["comp-a"] as object, { executorLabel: "nope" }),
    "PIPELINE_EXECUTOR_UNKNOWN components.comp-a.executorLabel",
  ],
  [
    "an unknown producerTask",
    (d) => Object.assign(bound(d, "b", "n").taskOutputParameter as object, { producerTask: "z" }),
    "PIPELINE_TASK_UNKNOWN root.dag.tasks.b.inputs.parameters.n.taskOutputParameter.producerTask",
  ],
  [
    "an unknown dependentTask",
    (d) => Object.assign(tasks(d).b as object, { dependentTasks: ["a", "z"] }),
    "PIPELINE_TASK_UNKNOWN root.dag.tasks.b.dependentTasks[1]",
  ],
  [
    "a cycle",
    (d) => Object.assign(tasks(d).a as object, { dependentTasks: ["b"] }),
    "PIPELINE_CYCLE root.dag.tasks.a",
  ],
  [
    "_ in a task name",
    (d) => Object.assign(tasks(d), { l_l: tasks(d).l }),
    "PIPELINE_LINT_TASK_NAME root.dag.tasks.l_l",
  ],
  [
    "an artifact iterator",
    (d) => {
      const artifacts = { all: { ...dataset, isArtifactList: true } };
      Object.assign(d.spec.root.inputDefinitions, { artifacts });
      Object.assign(d.spec.components, {
        "comp-c": {
          executorLabel: "exec-a",
          inputDefinitions: { artifacts: { ...artifacts, one: dataset } },
        },
      });
      Object.assign(tasks(d), {
        c: {
          componentRef: { name: "comp-c" },
          inputs: { artifacts: { all: { componentInputArtifact: "all" } } },
          artifactIterator: { items: { inputArtifact: "all" }, itemInput: "one" },
        },
      });
    },
    "PIPELINE_LINT_ARTIFACT_ITERATOR root.dag.tasks.c.artifactIterator",
  ],
  [
    "no deploymentSpec",
    ({ spec }) => delete (spec as { deploymentSpec?: unknown }).deploymentSpec,
    "PIPELINE_FIELD_MISSING $",
  ],
  [
    "a workspace without accessModes",
    (d) => Object.assign(kubernetes(d), { pipelineConfig: { workspace: { size: "1Gi" } } }),
    "PIPELINE_LINT_WORKSPACE platforms.kubernetes.pipelineConfig.workspace.kubernetes.pvcSpecPatch",
  ],
  [
    "the path of a workspace that is not there",
    (d) =>
      Object.assign(bound(d, "a", "x"), {
        componentInputParameter: undefined,
        runtimeValue: { constant: "{{$.workspace_path}}/x" },
      }),
    "PIPELINE_LINT_WORKSPACE root.dag.tasks.a.inputs.parameters.x.runtimeValue.constant",
  ],
  [
    "a workspace without a size",
    (d) =>
      Object.assign(kubernetes(d), {
        pipelineConfig: { workspace: { kubernetes: { pvcSpecPatch: { accessModes: ["ReadWriteOnce"] } } } },
      }),
    "PIPELINE_LINT_WORKSPACE platforms.kubernetes.pipelineConfig.workspace.size",
  ],
  [
    "a workspace whose claim asks for more",
    (d) =>
      Object.assign(kubernetes(d), {
        pipelineConfig: {
          workspace: {
            size: "1Gi",
            kubernetes: { pvcSpecPatch: { accessModes: ["ReadWriteOnce"], volumeName: "v" } },
          },
        },
      }),
    "PIPELINE_LINT_WORKSPACE platforms.kubernetes.pipelineConfig.workspace.kubernetes.pvcSpecPatch.volumeName",
  ],
];

describe("a sound document", () => {
  it("has no findings on official backends", () => {
    for (const target of ["kfp-2.16", "kfp-2.17"] as const) expect(found(() => {}, target)).toEqual([]);
  });
});

describe("what the official backend lets through", () => {
  it.each(letThrough)("%s", (_, change, finding) => {
    expect(found((document) => void change(document))[0]).toBe(finding);
  });
});

describe("what the official backend refuses", () => {
  it.each(caught)("%s", (_, change, finding) => {
    for (const target of ["kfp-2.16", "kfp-2.17"] as const) {
      expect(found((document) => void change(document), target)).toContain(finding);
    }
  });
});
