/** Small pipelines for tests, in the shape that compilers write them. */
import type {
  ComponentSpec,
  ExecutorSpec,
  ParameterType,
  PipelineDocument,
  TaskSpec,
} from "@sealflow/pipeline";

/** A Python component with its source and interface. */
export interface TestComponent {
  readonly source: string;
  readonly inputs?: Readonly<Record<string, ParameterType>>;
  readonly outputs?: Readonly<Record<string, ParameterType>>;
  readonly inputArtifacts?: readonly string[];
  readonly outputArtifacts?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly memory?: string;
  /** Installed in front of the component. */
  readonly requirement?: string;
  /** Replaces the Python executor. */
  readonly executor?: ExecutorSpec;
}

const dataset = { schemaTitle: "system.Dataset", schemaVersion: "0.0.1" };

const mapped = <T>(names: readonly string[], value: T): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, value]));

const typed = (types: Readonly<Record<string, ParameterType>>) =>
  Object.fromEntries(Object.entries(types).map(([name, parameterType]) => [name, { parameterType }]));

/** The interface and executor label of a component. */
export function componentSpec(name: string, component: TestComponent): ComponentSpec {
  const artifacts = (names: readonly string[] = []) => mapped(names, { artifactType: dataset });
  return {
    executorLabel: `exec-${name}`,
    inputDefinitions: {
      parameters: typed(component.inputs ?? {}),
      artifacts: artifacts(component.inputArtifacts),
    },
    outputDefinitions: {
      parameters: typed(component.outputs ?? {}),
      artifacts: artifacts(component.outputArtifacts),
    },
  };
}

/** A lightweight Python executor. The function's name is the last one that the source defines. */
export function executorSpec({
  source,
  env = {},
  memory,
  requirement,
  executor,
}: TestComponent): ExecutorSpec {
  if (executor !== undefined) return executor;
  const name = [...source.matchAll(/^def (\w+)/gm)].at(-1)?.[1] ?? "";
  return {
    container: {
      image: "python:3.11",
      command: [
        "sh",
        "-c",
        `${requirement ? `pip install '${requirement}' && ` : ""}python3 -m pip install --quiet 'kfp==2.17.0' '--no-deps' && "$0" "$@"`,
        "sh",
        "-ec",
        'python3 -m kfp.dsl.executor_main --component_module_path "$0" "$@"',
        source,
      ],
      args: ["--executor_input", "{{$}}", "--function_to_execute", name],
      env: Object.entries(env).map(([name, value]) => ({ name, value })),
      ...(memory === undefined ? {} : { resources: { resourceMemoryLimit: memory } }),
    },
  };
}

/** What a test pipeline is made of. */
export interface TestPipeline {
  readonly components: Readonly<Record<string, TestComponent>>;
  readonly tasks: Readonly<Record<string, TaskSpec>>;
  /** Components that are DAGs. */
  readonly dags?: Readonly<Record<string, ComponentSpec>>;
  readonly inputs?: Readonly<Record<string, ParameterType>>;
  /** Pipeline outputs as `task.output` with their types. */
  readonly outputs?: Readonly<Record<string, readonly [from: string, type: ParameterType]>>;
  readonly platform?: Readonly<Record<string, Record<string, number>>>;
}

/** A whole document. */
export function documentOf({
  components,
  tasks,
  dags = {},
  inputs = {},
  outputs = {},
  platform,
}: TestPipeline): PipelineDocument {
  const entries = Object.entries(components);
  const parameters = Object.fromEntries(
    Object.entries(outputs).map(([name, [from]]) => {
      const [producerSubtask = "", outputParameterKey = ""] = from.split(".");
      return [name, { valueFromParameter: { producerSubtask, outputParameterKey } }];
    }),
  );
  const types = Object.fromEntries(Object.entries(outputs).map(([name, [, type]]) => [name, type]));
  return {
    spec: {
      pipelineInfo: { name: "test-pipeline" },
      schemaVersion: "2.1.0",
      deploymentSpec: {
        executors: Object.fromEntries(
          entries.map(([name, component]) => [`exec-${name}`, executorSpec(component)]),
        ),
      },
      components: {
        ...Object.fromEntries(
          entries.map(([name, component]) => [`comp-${name}`, componentSpec(name, component)]),
        ),
        ...dags,
      },
      root: {
        inputDefinitions: { parameters: typed(inputs) },
        outputDefinitions: { parameters: typed(types) },
        dag: { tasks, outputs: { parameters } },
      },
    },
    ...(platform === undefined
      ? {}
      : { platform: { platforms: { kubernetes: { deploymentSpec: { executors: platform } } } } }),
  };
}

/** Where a task's input comes from: a constant, `task.output`, or an input of the DAG around it. */
export type From = { readonly constant: unknown } | { readonly task: string } | { readonly input: string };

/** A task with caching on. */
export function task(
  component: string,
  from: { parameters?: Record<string, From>; artifacts?: Record<string, string>; after?: string[] } = {},
  more: Partial<TaskSpec> = {},
): TaskSpec {
  const parameters = Object.entries(from.parameters ?? {}).map(([name, source]) => [
    name,
    parameterFrom(source),
  ]);
  const artifacts = Object.entries(from.artifacts ?? {}).map(([name, source]) => {
    const [producerTask = "", outputArtifactKey = ""] = source.split(".");
    return [name, { taskOutputArtifact: { producerTask, outputArtifactKey } }];
  });
  return {
    componentRef: { name: `comp-${component}` },
    cachingOptions: { enableCache: true },
    inputs: { parameters: Object.fromEntries(parameters), artifacts: Object.fromEntries(artifacts) },
    ...(from.after === undefined ? {} : { dependentTasks: from.after }),
    ...more,
  };
}

function parameterFrom(from: From) {
  if ("constant" in from) return { runtimeValue: { constant: from.constant as number } };
  if ("input" in from) return { componentInputParameter: from.input };
  const [producerTask = "", outputParameterKey = ""] = from.task.split(".");
  return { taskOutputParameter: { producerTask, outputParameterKey } };
}
