import { isSealflowError, SealflowErrors } from "@sealflow/core";
import { parsePipelineDocument, validatePipeline } from "@sealflow/pipeline";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changed, sample } from "./sample.js";

/** Findings of a text that must not parse: code and path of each. */
function refusals(text: string): string[] {
  try {
    parsePipelineDocument(text, { file: "x.yaml" });
  } catch (error) {
    if (error instanceof SealflowErrors) return error.findings.map((f) => `${f.code} ${f.where?.path}`);
    if (isSealflowError(error)) return [`${error.code} ${error.where?.path ?? ""}`.trim()];
    throw error;
  }
  return [];
}

const tasks = ["root", "dag", "tasks"] as const;
const text = [...tasks, "use", "inputs", "parameters", "text"] as const;
const oneOf = (...selectors: unknown[]) => ({ valueFromOneof: { parameterSelectors: selectors } });
const selector = (producerSubtask: string, outputParameterKey: string) => ({
  producerSubtask,
  outputParameterKey,
});

/** What is wrong, the change that makes it so, and what is found. */
const malformed: readonly (readonly [string, readonly (string | number)[], unknown, string])[] = [
  ["an unknown field at the top", ["rot"], {}, "PIPELINE_FIELD_UNKNOWN rot"],
  [
    "an unknown field of a task",
    [...tasks, "use", "dependantTasks"],
    [],
    "PIPELINE_FIELD_UNKNOWN root.dag.tasks.use.dependantTasks",
  ],
  ["a number for a string", ["pipelineInfo", "name"], 5, "PIPELINE_FIELD_TYPE pipelineInfo.name"],
  ["an empty pipeline name", ["pipelineInfo", "name"], "", "PIPELINE_FIELD_MISSING pipelineInfo"],
  ["another schema version", ["schemaVersion"], "2.0.0", "PIPELINE_SCHEMA_VERSION_UNSUPPORTED schemaVersion"],
  ["no schema version", ["schemaVersion"], undefined, "PIPELINE_SCHEMA_VERSION_UNSUPPORTED schemaVersion"],
  [
    "an unknown parameter type",
    ["components", "comp-make", "outputDefinitions", "parameters", "text", "parameterType"],
    "STR",
    "PIPELINE_VALUE_UNKNOWN components.comp-make.outputDefinitions.parameters.text.parameterType",
  ],
  [
    "no parameter type",
    ["components", "comp-use", "outputDefinitions", "parameters", "size"],
    {},
    "PIPELINE_PARAMETER_TYPE_MISSING components.comp-use.outputDefinitions.parameters.size",
  ],
  [
    "two sources of one input",
    [...text, "componentInputParameter"],
    "count",
    "PIPELINE_FIELD_CONFLICT root.dag.tasks.use.inputs.parameters.text",
  ],
  [
    "an input without a source",
    text,
    {},
    "PIPELINE_INPUT_WITHOUT_SOURCE root.dag.tasks.use.inputs.parameters.text",
  ],
  [
    "an unknown component",
    [...tasks, "use", "componentRef", "name"],
    "comp-sue",
    "PIPELINE_COMPONENT_UNKNOWN root.dag.tasks.use.componentRef.name",
  ],
  [
    "an unknown executor",
    ["components", "comp-use", "executorLabel"],
    "exec-nope",
    "PIPELINE_EXECUTOR_UNKNOWN components.comp-use.executorLabel",
  ],
  [
    "a component that is nothing",
    ["components", "comp-use", "executorLabel"],
    undefined,
    "PIPELINE_COMPONENT_EMPTY components.comp-use",
  ],
  [
    "an unknown producer",
    [...text, "taskOutputParameter", "producerTask"],
    "mak",
    "PIPELINE_TASK_UNKNOWN root.dag.tasks.use.inputs.parameters.text.taskOutputParameter.producerTask",
  ],
  [
    "an unknown output of a producer",
    [...text, "taskOutputParameter", "outputParameterKey"],
    "txt",
    "PIPELINE_OUTPUT_UNKNOWN root.dag.tasks.use.inputs.parameters.text.taskOutputParameter.outputParameterKey",
  ],
  [
    "an unknown dependent task",
    [...tasks, "use", "dependentTasks"],
    ["nope"],
    "PIPELINE_TASK_UNKNOWN root.dag.tasks.use.dependentTasks[0]",
  ],
  [
    "an unknown input of the DAG",
    [...tasks, "make", "inputs", "parameters", "count"],
    { componentInputParameter: "cuont" },
    "PIPELINE_INPUT_UNKNOWN root.dag.tasks.make.inputs.parameters.count.componentInputParameter",
  ],
  [
    "a missing required input",
    [...tasks, "make", "inputs"],
    undefined,
    "PIPELINE_INPUT_MISSING root.dag.tasks.make",
  ],
  [
    "a string output for an integer",
    [...tasks, "make", "inputs", "parameters", "count"],
    { taskOutputParameter: { producerTask: "other", outputParameterKey: "text" } },
    "PIPELINE_TASK_UNKNOWN root.dag.tasks.make.inputs.parameters.count.taskOutputParameter.producerTask",
  ],
  [
    "a constant of the wrong type",
    [...tasks, "make", "inputs", "parameters", "count"],
    { runtimeValue: { constant: 1.5 } },
    "PIPELINE_PARAMETER_TYPE_MISMATCH root.dag.tasks.make.inputs.parameters.count.runtimeValue.constant",
  ],
  [
    "a default of the wrong type",
    ["root", "inputDefinitions", "parameters", "count", "defaultValue"],
    "one",
    "PIPELINE_PARAMETER_TYPE_MISMATCH root.inputDefinitions.parameters.count.defaultValue",
  ],
  [
    "a default that is no literal",
    ["root", "inputDefinitions", "parameters", "count", "literals"],
    [2, 3],
    "PIPELINE_PARAMETER_LITERAL root.inputDefinitions.parameters.count.defaultValue",
  ],
  [
    "an output from an unknown task",
    ["root", "dag", "outputs", "parameters", "size"],
    { valueFromParameter: selector("nope", "size") },
    "PIPELINE_TASK_UNKNOWN root.dag.outputs.parameters.size.valueFromParameter.producerSubtask",
  ],
  [
    "an output under an unknown key",
    ["root", "dag", "outputs", "parameters", "size"],
    oneOf(selector("use", "sizes")),
    "PIPELINE_OUTPUT_UNKNOWN root.dag.outputs.parameters.size.valueFromOneof.parameterSelectors[0].outputParameterKey",
  ],
  [
    "an output of the wrong type",
    ["root", "dag", "outputs", "parameters", "size"],
    oneOf(selector("use", "size"), selector("make", "text")),
    "PIPELINE_PARAMETER_TYPE_MISMATCH root.dag.outputs.parameters.size.valueFromOneof.parameterSelectors[1]",
  ],
  [
    "a declared output that nothing gives",
    ["root", "dag", "outputs"],
    undefined,
    "PIPELINE_OUTPUT_WITHOUT_SOURCE root.outputDefinitions.parameters.size",
  ],
  [
    "a condition that is not CEL",
    [...tasks, "use", "triggerPolicy", "condition"],
    "inputs.parameter_values['text'] = ''",
    "PIPELINE_EXPRESSION_INVALID root.dag.tasks.use.triggerPolicy.condition",
  ],
  [
    "a condition with an unknown name",
    [...tasks, "use", "triggerPolicy", "condition"],
    "input.parameter_values['text'] == ''",
    "PIPELINE_EXPRESSION_INVALID root.dag.tasks.use.triggerPolicy.condition",
  ],
  [
    "a condition with an unknown function",
    [...tasks, "use", "triggerPolicy", "condition"],
    "lower(inputs.parameter_values['text']) == ''",
    "PIPELINE_EXPRESSION_INVALID root.dag.tasks.use.triggerPolicy.condition",
  ],
  [
    "a condition on an unknown input",
    [...tasks, "use", "triggerPolicy", "condition"],
    "inputs.parameter_values['txet'] == ''",
    "PIPELINE_INPUT_UNKNOWN root.dag.tasks.use.triggerPolicy.condition",
  ],
  [
    "a selector that is not CEL",
    [...text, "parameterExpressionSelector"],
    "parseJson(",
    "PIPELINE_EXPRESSION_INVALID root.dag.tasks.use.inputs.parameters.text.parameterExpressionSelector",
  ],
  [
    "items that are not JSON",
    [...tasks, "loop", "parameterIterator", "items", "raw"],
    "[a, b]",
    "PIPELINE_ITERATOR_ITEMS root.dag.tasks.loop.parameterIterator.items.raw",
  ],
  [
    "items that are no list",
    [...tasks, "loop", "parameterIterator", "items", "raw"],
    '{"a":1}',
    "PIPELINE_ITERATOR_ITEMS root.dag.tasks.loop.parameterIterator.items.raw",
  ],
  [
    "items from an unknown input",
    [...tasks, "loop", "parameterIterator", "items"],
    { inputParameter: "list" },
    "PIPELINE_INPUT_UNKNOWN root.dag.tasks.loop.parameterIterator.items.inputParameter",
  ],
  [
    "a negative limit",
    [...tasks, "loop", "iteratorPolicy", "parallelismLimit"],
    -1,
    "PIPELINE_VALUE_RANGE root.dag.tasks.loop.iteratorPolicy.parallelismLimit",
  ],
  [
    "a task that waits for itself",
    [...tasks, "make", "dependentTasks"],
    ["use"],
    "PIPELINE_CYCLE root.dag.tasks.make",
  ],
  [
    "a component inside itself",
    ["components", "comp-loop", "dag", "tasks", "use", "componentRef", "name"],
    "comp-loop",
    "PIPELINE_CYCLE components.comp-loop",
  ],
  [
    "a task name with a slash",
    [...tasks, "a/b"],
    {
      componentRef: { name: "comp-make" },
      inputs: { parameters: { count: { runtimeValue: { constant: 1 } } } },
    },
    'PIPELINE_TASK_NAME root.dag.tasks["a/b"]',
  ],
  [
    "an empty image",
    ["deploymentSpec", "executors", "exec-make", "container", "image"],
    "",
    "PIPELINE_IMAGE_EMPTY deploymentSpec.executors.exec-make.container.image",
  ],
  [
    "an executor of no kind",
    ["deploymentSpec", "executors", "exec-make"],
    {},
    "PIPELINE_EXECUTOR_EMPTY deploymentSpec.executors.exec-make",
  ],
  [
    "a bad quantity",
    ["deploymentSpec", "executors", "exec-use", "container", "resources", "resourceMemoryLimit"],
    "1 GB",
    "PIPELINE_QUANTITY deploymentSpec.executors.exec-use.container.resources.resourceMemoryLimit",
  ],
  [
    "a DAG without tasks",
    ["components", "comp-loop", "dag", "tasks"],
    {},
    "PIPELINE_DAG_EMPTY components.comp-loop.dag",
  ],
  [
    "a duration without unit",
    [...tasks, "use", "retryPolicy"],
    { backoffDuration: "30" },
    "PIPELINE_FIELD_TYPE root.dag.tasks.use.retryPolicy.backoffDuration",
  ],
];

describe("parsePipelineDocument", () => {
  it("reads JSON and YAML alike", () => {
    const json = JSON.stringify(sample());
    const document = parsePipelineDocument(json);
    expect(document).toEqual({ spec: sample() });
    // JSON with a comment in front is YAML only.
    expect(parsePipelineDocument(`# comment\n${json}`)).toEqual(document);
  });

  it("reads two documents of JSON and of YAML alike", () => {
    const parts = [sample(), { platforms: { kubernetes: { pipelineConfig: {} } } }];
    const json = parts.map((part) => JSON.stringify(part)).join("\n---\n");
    const document = parsePipelineDocument(json);
    expect(document.platform).toEqual(parts[1]);
    expect(parsePipelineDocument(`# comment\n${json}`)).toEqual(document);
    expect(parsePipelineDocument(`${json}\n---\n`)).toEqual(document);
  });

  it("normalises what protojson treats alike", () => {
    const { pipelineInfo, schemaVersion, deploymentSpec, ...rest } = sample();
    const snake = {
      ...rest,
      pipeline_info: pipelineInfo,
      schema_version: schemaVersion,
      deployment_spec: deploymentSpec,
      defaultPipelineRoot: null,
    };
    expect(parsePipelineDocument(JSON.stringify(snake)).spec).toEqual(sample());
  });

  it.each(malformed)("refuses %s", (_, path, value, expected) => {
    expect(refusals(changed(path, value))).toContain(expected);
  });

  it("finds nothing else than the one thing that is wrong", () => {
    for (const [reason, path, value, expected] of malformed) {
      if (reason.includes("executor of no kind") || reason.includes("that is nothing")) continue;
      const found = refusals(changed(path, value));
      const others = found.filter((finding) => finding !== expected);
      // What follows from the one thing may be named as well; it never exceeds two.
      expect(others.length, `${reason}: ${others.join("; ")}`).toBeLessThanOrEqual(2);
    }
  });

  it("reports all findings together, with lines", () => {
    const document = sample();
    document.components["comp-use"].executorLabel = "nope";
    document.root.dag.tasks.use.dependentTasks = ["nope"];
    try {
      parsePipelineDocument(JSON.stringify(document, null, 2), { file: "x.yaml" });
      expect.unreachable();
    } catch (error) {
      if (!(error instanceof SealflowErrors)) throw error;
      expect(error.code).toBe("PIPELINE_DOCUMENT_INVALID");
      expect(error.findings).toHaveLength(2);
      const lines = JSON.stringify(document, null, 2).split("\n");
      for (const finding of error.findings) {
        expect(finding.where?.file).toBe("x.yaml");
        expect(lines[(finding.where?.line ?? 0) - 1]).toContain("nope");
      }
    }
  });

  it.each([
    ["nothing", ""],
    ["a word", "hello"],
    ["a list", "- 1"],
    ["an Argo workflow", "apiVersion: argoproj.io/v1alpha1\nkind: Workflow"],
    ["a v1 component", "name: x\nimplementation: {}"],
    ["a platform alone", "platforms: {}"],
  ])("says of %s that it is not a pipeline", (_, content) => {
    expect(refusals(content)).toEqual(["PIPELINE_DOCUMENT_NOT_IR"]);
  });

  it.each([
    ["a tab as indentation", "root:\n\tdag: 1"],
    ["an unclosed quote", 'root: "a'],
    ["a duplicate key", "root: 1\nroot: 2"],
    ["a duplicate key in JSON", '{"root": {"a": 1, "a": 2}}'],
    ["a duplicate key in the second document of JSON", '{"root": 1}\n---\n{"a": 1, "a": 2}'],
    ["an unknown tag", "root: !!python/object x"],
    ["a number that is not finite", "root: .inf"],
    ["an alias without anchor", "root: *a"],
    ["a map as key", "? {a: 1}\n: 2"],
  ])("refuses %s as syntax", (_, content) => {
    expect(refusals(content)).toEqual(["PIPELINE_DOCUMENT_SYNTAX"]);
  });

  it.each([
    ["deep nesting", `root: ${"[".repeat(100_000)}`],
    ["deep nesting of JSON", `{"root": ${"[".repeat(5000)}${"]".repeat(5000)}}`],
    ["an anchor inside itself", "root: &a [*a]"],
    [
      "aliases of aliases",
      `a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n${Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}*a${i}]`).join("\n")}`,
    ],
  ])("refuses %s as too large", (_, content) => {
    expect(refusals(content)).toEqual(["PIPELINE_DOCUMENT_TOO_LARGE"]);
  });

  it("refuses more static tasks than can be run, without counting them one by one", () => {
    const document = sample() as unknown as {
      components: Record<string, unknown>;
      root: { dag: { tasks: Record<string, unknown> } };
    };
    const twice = (name: string) => ({
      dag: { tasks: { a: { componentRef: { name } }, b: { componentRef: { name } } } },
    });
    for (let level = 0; level < 60; level++)
      document.components[`comp-${level}`] = twice(level === 59 ? "comp-end" : `comp-${level + 1}`);
    document.components["comp-end"] = { executorLabel: "exec-make" };
    document.root.dag.tasks.bomb = { componentRef: { name: "comp-0" } };
    expect(refusals(JSON.stringify(document))).toEqual(["PIPELINE_TOO_LARGE root"]);
  });

  it("reads names that objects inherit as names", () => {
    const document = sample() as unknown as {
      root: { dag: { tasks: Record<string, { dependentTasks?: string[] }> } };
    };
    const task = document.root.dag.tasks.use;
    if (task) task.dependentTasks = ["constructor"];
    expect(refusals(JSON.stringify(document))).toEqual([
      "PIPELINE_TASK_UNKNOWN root.dag.tasks.use.dependentTasks[0]",
    ]);
  });

  it("lets quoted text go on at the indentation of its list, as PyYAML does", () => {
    const yaml = `# x\n${JSON.stringify(sample(), null, 1)}`.replace('"use"\n     ]', '"us\\\n e"\n     ]');
    expect(parsePipelineDocument(yaml).spec).toEqual(sample());
    const block = 'pipelineInfo:\n  name: x\nschemaVersion: 2.1.0\nroot:\n  - "a\n  b"\n';
    expect(refusals(block)).toContain("PIPELINE_FIELD_TYPE root");
  });

  it("reads a PipelineVersion manifest", () => {
    const manifest = {
      apiVersion: "pipelines.kubeflow.org/v2beta1",
      kind: "PipelineVersion",
      spec: { pipelineSpec: sample(), platformSpec: { platforms: { kubernetes: {} } } },
    };
    expect(parsePipelineDocument(JSON.stringify(manifest))).toEqual({
      spec: sample(),
      platform: { platforms: { kubernetes: {} } },
    });
  });
});

describe("manifests", () => {
  const apiVersion = "pipelines.kubeflow.org/v2beta1";
  const pipeline = JSON.stringify({ apiVersion, kind: "Pipeline", metadata: { name: "p" }, spec: {} });
  const version = (spec: unknown) =>
    JSON.stringify({ apiVersion, kind: "PipelineVersion", spec: { pipelineName: "p", pipelineSpec: spec } });

  it("are read with the pipeline's beside that of its version, as kfp's compiler writes them", () => {
    for (const text of [`${pipeline}\n---\n${version(sample())}`, `${version(sample())}\n---\n${pipeline}`]) {
      expect(parsePipelineDocument(text)).toEqual({ spec: sample() });
    }
  });

  it("are read out of the objects of the REST API too", () => {
    const platform = { platforms: { kubernetes: {} } };
    const both = { pipeline_spec: sample(), platform_spec: platform };
    for (const [body, expected] of [
      [{ display_name: "run", pipeline_spec: sample() }, { spec: sample() }],
      [
        { display_name: "run", pipeline_spec: both },
        { spec: sample(), platform },
      ],
      [both, { spec: sample(), platform }],
      [{ pipelineSpec: sample() }, { spec: sample() }],
    ]) {
      expect(parsePipelineDocument(JSON.stringify(body))).toEqual(expected);
    }
  });

  it("are refused without a version, and with two", () => {
    expect(refusals(pipeline)[0]).toContain("PIPELINE_DOCUMENT_NOT_IR");
    expect(refusals(`${version(sample())}\n---\n${version(sample())}`)[0]).toContain(
      "PIPELINE_DOCUMENT_NOT_IR",
    );
    expect(refusals(`${version(sample())}\n---\nfoo: 1`)[0]).toContain("PIPELINE_DOCUMENT_NOT_IR");
  });

  it("name the line of a finding in the text that holds it", () => {
    const wrong = { kind: "PipelineVersion", spec: { pipelineSpec: { ...sample(), wrong: 1 } } };
    const text = `${pipeline}\n---\n${JSON.stringify(wrong, null, 1)}`;
    const line = text.split("\n").findIndex((each) => each.includes('"wrong"')) + 1;
    expect(() => parsePipelineDocument(text)).toThrow(
      expect.objectContaining({ code: "PIPELINE_FIELD_UNKNOWN", where: expect.objectContaining({ line }) }),
    );
  });
});

describe("the platform document", () => {
  const platform = (value: unknown) => `${JSON.stringify(sample())}\n---\n${JSON.stringify(value)}`;
  const executors = (value: unknown) =>
    platform({ platforms: { kubernetes: { deploymentSpec: { executors: value } } } });

  it("is read beside the spec", () => {
    const config = {
      "exec-use": { secretAsEnv: [{ secretName: "s", keyToEnv: [{ secretKey: "k", envVar: "E" }] }] },
    };
    expect(parsePipelineDocument(executors(config)).platform).toEqual({
      platforms: { kubernetes: { deploymentSpec: { executors: config } } },
    });
  });

  it.each([
    ["a typo at the top", platform({ platform: {} }), "PIPELINE_FIELD_UNKNOWN platform"],
    [
      "an unknown platform",
      platform({ platforms: { kubernets: {} } }),
      "PIPELINE_PLATFORM_UNKNOWN platforms.kubernets",
    ],
    [
      "an unknown executor",
      executors({ "exec-us": {} }),
      "PIPELINE_EXECUTOR_UNKNOWN platforms.kubernetes.deploymentSpec.executors.exec-us",
    ],
    [
      "an unknown field of an executor",
      executors({ "exec-use": { secretAsEnvs: [] } }),
      "PIPELINE_FIELD_UNKNOWN platforms.kubernetes.deploymentSpec.executors.exec-use.secretAsEnvs",
    ],
  ])("is refused for %s", (_, content, expected) => {
    expect(refusals(content)).toContain(expected);
  });
});

describe("validatePipeline", () => {
  it("warns of what runs here and not everywhere", () => {
    const document = sample() as unknown as {
      pipelineInfo: { name: string };
      root: { dag: { tasks: { use: { dependentTasks?: string[] } } } };
    };
    document.pipelineInfo.name = "Sample";
    delete document.root.dag.tasks.use.dependentTasks;
    const findings = validatePipeline(parsePipelineDocument(JSON.stringify(document)));
    expect(findings.map((finding) => [finding.severity, finding.code])).toEqual([
      ["warning", "PIPELINE_NAME_NOT_PORTABLE"],
      ["warning", "PIPELINE_DEPENDENCY_IMPLICIT"],
    ]);
  });
});

describe("hostile documents", () => {
  const runs = process.env.SEALFLOW_SLOW ? 10_000 : 200;

  it("end in a document or a SealflowError, never in another error", () => {
    const base = JSON.stringify(sample());
    const edit = fc.tuple(fc.nat(base.length), fc.nat(20), fc.oneof(fc.string(), fc.json(), fc.constant("")));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), fc.boolean(), (edits, yaml) => {
        let content = base;
        for (const [at, length, put] of edits)
          content = content.slice(0, at) + put + content.slice(at + length);
        refusals(yaml ? `# y\n${content}` : content);
      }),
      { numRuns: runs },
    );
  });

  it("with any value anywhere are refused or accepted, never crash", () => {
    const paths: (string | number)[][] = [];
    const collect = (value: unknown, path: (string | number)[]): void => {
      if (path.length > 0) paths.push(path);
      if (typeof value !== "object" || value === null) return;
      for (const key of Object.keys(value)) collect((value as Record<string, unknown>)[key], [...path, key]);
    };
    collect(sample(), []);
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
        refusals(changed(path, value));
      }),
      { numRuns: runs },
    );
  });
});
