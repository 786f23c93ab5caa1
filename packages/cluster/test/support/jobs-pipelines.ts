/** Small pipeline documents, written by hand. */

/** One task of a pipeline without inputs of its own. */
export interface TaskOf {
  readonly executor?: object;
  readonly importer?: string;
  readonly inputs?: Readonly<Record<string, { readonly constant: unknown; readonly type: string }>>;
  readonly artifactInputs?: Readonly<Record<string, readonly [task: string, output: string, type: string]>>;
  readonly outputs?: Readonly<Record<string, string>>;
  readonly artifacts?: Readonly<Record<string, string>>;
  /** Tasks that come before, besides those that it reads from. */
  readonly after?: readonly string[];
  /** Runs also where those have failed. */
  readonly always?: boolean;
  readonly retries?: number;
  readonly platform?: object;
  readonly resources?: object;
}

interface PythonOf extends Omit<TaskOf, "executor"> {
  readonly code: string;
}

/** The image that the test's node has. */
export const image = "localhost/python:3.11";

/** A Python component as Kubeflow's compiler writes it; the last `def` is its function. */
export function python({ code, ...rest }: PythonOf): TaskOf {
  const name = [...code.matchAll(/^def (\w+)/gm)].at(-1)?.[1] ?? "";
  const source = `import kfp\nfrom kfp import dsl\nfrom kfp.dsl import *\nfrom typing import *\n${code}`;
  const install =
    '\nif ! [ -x "$(command -v pip)" ]; then\n    python3 -m ensurepip || python3 -m ensurepip --user || apt-get install python3-pip\nfi\n\nPIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet --no-warn-script-location \'kfp==2.17.0\' \'--no-deps\' && "$0" "$@"\n';
  const wrap =
    'program_path=$(mktemp -d)\n\nprintf "%s" "$0" > "$program_path/ephemeral_component.py"\n_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main --component_module_path "$program_path/ephemeral_component.py" "$@"\n';
  return {
    ...rest,
    executor: {
      image,
      command: ["sh", "-c", install, "sh", "-ec", wrap, source],
      args: ["--executor_input", "{{$}}", "--function_to_execute", name],
    },
  };
}

interface CommandOf extends Omit<TaskOf, "executor"> {
  readonly command: readonly string[];
  readonly args?: readonly string[];
}

/** A container component. */
export function command({ command: words, args = [], ...rest }: CommandOf): TaskOf {
  return { ...rest, executor: { image, command: words, args } };
}

/** A document of these tasks, in YAML's JSON form. */
export function pipelineOf(tasks: Readonly<Record<string, TaskOf>>): string {
  const entries = Object.entries(tasks);
  const spec = {
    pipelineInfo: { name: "jobs" },
    schemaVersion: "2.1.0",
    sdkVersion: "kfp-2.17.0",
    root: { dag: { tasks: Object.fromEntries(entries.map(([name, task]) => [name, taskSpec(name, task)])) } },
    components: Object.fromEntries(entries.map(([name, task]) => [`comp-${name}`, component(name, task)])),
    deploymentSpec: {
      executors: Object.fromEntries(entries.map(([name, task]) => [`exec-${name}`, executor(task)])),
    },
  };
  const platforms = entries.flatMap(([name, { platform }]) =>
    platform === undefined ? [] : [[`exec-${name}`, platform]],
  );
  if (platforms.length === 0) return JSON.stringify(spec);
  const deploymentSpec = { executors: Object.fromEntries(platforms) };
  return `${JSON.stringify(spec)}\n---\n${JSON.stringify({ platforms: { kubernetes: { deploymentSpec } } })}`;
}

function taskSpec(name: string, task: TaskOf): object {
  const uses = Object.entries(task.artifactInputs ?? {});
  const parameters = Object.entries(task.inputs ?? {}).map(([input, { constant }]) => [
    input,
    { runtimeValue: { constant } },
  ]);
  const uri = task.importer === undefined ? [] : [["uri", { runtimeValue: { constant: task.importer } }]];
  const artifacts = uses.map(([input, [producerTask, outputArtifactKey]]) => [
    input,
    { taskOutputArtifact: { producerTask, outputArtifactKey } },
  ]);
  const upstream = [...new Set([...uses.map(([, [from]]) => from), ...(task.after ?? [])])];
  return {
    taskInfo: { name },
    componentRef: { name: `comp-${name}` },
    cachingOptions: { enableCache: true },
    inputs: {
      parameters: Object.fromEntries([...parameters, ...uri]),
      artifacts: Object.fromEntries(artifacts),
    },
    ...(upstream.length === 0 ? {} : { dependentTasks: upstream }),
    ...(task.always ? { triggerPolicy: { strategy: "ALL_UPSTREAM_TASKS_COMPLETED" } } : {}),
    ...(task.retries === undefined
      ? {}
      : { retryPolicy: { maxRetryCount: task.retries, backoffDuration: "0s" } }),
  };
}

const artifactType = (schemaTitle: string) => ({ artifactType: { schemaTitle, schemaVersion: "0.0.1" } });

function component(name: string, task: TaskOf): object {
  const parameters = Object.entries(task.inputs ?? {}).map(([input, { type }]) => [
    input,
    { parameterType: type },
  ]);
  const uri = task.importer === undefined ? [] : [["uri", { parameterType: "STRING" }]];
  const inputArtifacts = Object.entries(task.artifactInputs ?? {}).map(([input, [, , type]]) => [
    input,
    artifactType(type),
  ]);
  const outputs = Object.entries(task.outputs ?? {}).map(([output, parameterType]) => [
    output,
    { parameterType },
  ]);
  const made =
    task.importer === undefined
      ? Object.entries(task.artifacts ?? {})
      : [["artifact", "system.Dataset"] as const];
  return {
    executorLabel: `exec-${name}`,
    inputDefinitions: {
      parameters: Object.fromEntries([...parameters, ...uri]),
      artifacts: Object.fromEntries(inputArtifacts),
    },
    outputDefinitions: {
      parameters: Object.fromEntries(outputs),
      artifacts: Object.fromEntries(made.map(([output, type]) => [output, artifactType(type)])),
    },
  };
}

function executor(task: TaskOf): object {
  if (task.importer !== undefined) {
    return {
      importer: {
        artifactUri: { runtimeParameter: "uri" },
        typeSchema: { schemaTitle: "system.Dataset", schemaVersion: "0.0.1" },
      },
    };
  }
  return {
    container: { ...task.executor, ...(task.resources === undefined ? {} : { resources: task.resources }) },
  };
}
