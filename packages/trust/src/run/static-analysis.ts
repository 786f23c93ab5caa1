/** What can be said of a pipeline without running it: its tasks, and the outputs that decide what runs. */
import { isJsonObject, type JsonValue, SealflowError } from "@sealflow/core";
import type {
  ComponentSpec,
  PipelineSpec,
  TaskInputArtifact,
  TaskInputParameter,
  TaskSpec,
} from "@sealflow/pipeline";
import { member } from "../record.js";

/** A leaf task by its static path: task names joined by `/`, without loop indices. */
export interface StaticTask {
  readonly path: string;
  readonly component: string;
  readonly importer: boolean;
}

/** What a pipeline holds. */
export interface StaticAnalysis {
  readonly tasks: readonly StaticTask[];
  /**
   * Outputs (`task/output`) that a condition, a loop's items, a selector or an input with literals depends on: who is to
   * order the tasks without seeing anything else must see these. Never too few; a condition's names are found in its
   * text, so there may be some too many.
   */
  readonly deciding: ReadonlySet<string>;
}

type Sources = ReadonlySet<string>;
type Lookup = (name: string) => Sources;

/** Outputs, or inputs of a DAG, with the leaf outputs that each comes from. */
interface Values {
  readonly parameter: Lookup;
  readonly artifact: Lookup;
}

const none: Sources = new Set();
const maxTasks = 100_000;

/** Walks a validated pipeline. @throws SealflowError `TRUST_RUN_TOO_LARGE` */
export function analyse(spec: PipelineSpec): StaticAnalysis {
  const walk = new Walk(spec);
  walk.dag("", spec.root, { parameter: () => none, artifact: () => none });
  return { tasks: walk.tasks, deciding: walk.deciding };
}

/** The path without its loop indices. */
export function staticPath(path: string): string {
  return path.replaceAll(/\[\d+\]/g, "");
}

class Walk {
  readonly tasks: StaticTask[] = [];
  readonly deciding = new Set<string>();
  readonly #spec: PipelineSpec;

  constructor(spec: PipelineSpec) {
    this.#spec = spec;
  }

  /** Walks a DAG and says where its outputs come from. */
  dag(path: string, component: ComponentSpec, inputs: Values): Values {
    const seen = new Map<string, Values>();
    const outputsOf = (name: string): Values => {
      const known = seen.get(name);
      if (known !== undefined) return known;
      const task = member(component.dag?.tasks, name);
      const outputs =
        task === undefined ? undefined : this.#task(join(path, name), task, { inputs, outputsOf });
      const values = outputs ?? { parameter: () => none, artifact: () => none };
      seen.set(name, values);
      return values;
    };
    for (const name of Object.keys(component.dag?.tasks ?? {})) outputsOf(name);
    return dagOutputs(component, outputsOf);
  }

  #task(path: string, task: TaskSpec, around: Surroundings): Values {
    const name = task.componentRef.name;
    const component = member(this.#spec.components, name);
    if (component === undefined) return { parameter: () => none, artifact: () => none };
    const inputs = inputsOf(task, around);
    this.#decide(task, component, inputs);
    if (component.dag !== undefined) return this.dag(path, component, inputs);
    const executor = member(this.#spec.deploymentSpec.executors, component.executorLabel ?? "");
    const importer = executor?.importer !== undefined;
    if (this.tasks.length >= maxTasks) throw tooLarge();
    this.tasks.push({ path, component: name, importer });
    const own: Lookup = importer ? () => none : (output) => new Set([`${path}/${output}`]);
    return { parameter: own, artifact: own };
  }

  #decide(task: TaskSpec, component: ComponentSpec, inputs: Values): void {
    const condition = task.triggerPolicy?.condition ?? "";
    const given = task.inputs?.parameters;
    const add = (sources: Sources) => {
      for (const each of sources) this.deciding.add(each);
    };
    for (const name of Object.keys(given ?? {})) {
      const definition = member(component.inputDefinitions?.parameters, name);
      const selected = (member(given, name)?.parameterExpressionSelector ?? "") !== "";
      const literal = (definition?.literals?.length ?? 0) > 0;
      if (selected || literal || condition.includes(name)) add(inputs.parameter(name));
    }
    for (const name of Object.keys(task.inputs?.artifacts ?? {})) {
      if (condition.includes(name)) add(inputs.artifact(name));
    }
    const items = task.parameterIterator?.items.inputParameter;
    if (items !== undefined) add(inputs.parameter(items));
  }
}

interface Surroundings {
  /** Of the DAG around. */
  readonly inputs: Values;
  readonly outputsOf: (task: string) => Values;
}

/** Where a task's inputs come from. */
function inputsOf(task: TaskSpec, around: Surroundings): Values {
  const { parameterIterator, artifactIterator } = task;
  const parameter: Lookup = (name) => {
    const items = parameterIterator?.itemInput === name ? parameterIterator.items.inputParameter : undefined;
    if (items !== undefined) return parameter(items);
    const input = member(task.inputs?.parameters, name);
    return input === undefined ? none : parameterSources(task, input, { ...around, parameter });
  };
  const artifact: Lookup = (name) => {
    if (artifactIterator?.itemInput === name) return artifact(artifactIterator.items.inputArtifact);
    const input = member(task.inputs?.artifacts, name);
    return input === undefined ? none : artifactSources(input, around);
  };
  return { parameter, artifact };
}

function parameterSources(
  task: TaskSpec,
  input: TaskInputParameter,
  around: Surroundings & { readonly parameter: Lookup },
): Sources {
  const { componentInputParameter, taskOutputParameter, runtimeValue } = input;
  if (componentInputParameter !== undefined) return around.inputs.parameter(componentInputParameter);
  if (taskOutputParameter !== undefined) {
    const { producerTask, outputParameterKey } = taskOutputParameter;
    return around.outputsOf(producerTask).parameter(outputParameterKey);
  }
  if (runtimeValue?.runtimeParameter !== undefined)
    return around.inputs.parameter(runtimeValue.runtimeParameter);
  if (!isTemplate(runtimeValue?.constant)) return none;
  const others = Object.entries(task.inputs?.parameters ?? {});
  return union(
    others
      .filter(([, each]) => !isTemplate(each.runtimeValue?.constant))
      .map(([name]) => around.parameter(name)),
  );
}

function artifactSources(input: TaskInputArtifact, around: Surroundings): Sources {
  if (input.componentInputArtifact !== undefined) return around.inputs.artifact(input.componentInputArtifact);
  if (input.taskOutputArtifact === undefined) return none;
  const { producerTask, outputArtifactKey } = input.taskOutputArtifact;
  return around.outputsOf(producerTask).artifact(outputArtifactKey);
}

function dagOutputs(component: ComponentSpec, outputsOf: (task: string) => Values): Values {
  const outputs = component.dag?.outputs;
  return {
    parameter: (name) => {
      const output = member(outputs?.parameters, name);
      const one = output?.valueFromParameter;
      const selectors = one === undefined ? (output?.valueFromOneof?.parameterSelectors ?? []) : [one];
      return union(
        selectors.map(({ producerSubtask, outputParameterKey }) =>
          outputsOf(producerSubtask).parameter(outputParameterKey),
        ),
      );
    },
    artifact: (name) => {
      const selectors = member(outputs?.artifacts, name)?.artifactSelectors ?? [];
      return union(
        selectors.map(({ producerSubtask, outputArtifactKey }) =>
          outputsOf(producerSubtask).artifact(outputArtifactKey),
        ),
      );
    },
  };
}

function isTemplate(value: JsonValue | undefined): boolean {
  if (typeof value === "string") return value.includes("{{$");
  if (Array.isArray(value)) return value.some(isTemplate);
  return isJsonObject(value) && Object.values(value).some(isTemplate);
}

function union(sets: readonly Sources[]): Sources {
  return new Set(sets.flatMap((each) => [...each]));
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}/${name}`;
}

function tooLarge(): SealflowError {
  return new SealflowError({
    code: "TRUST_RUN_TOO_LARGE",
    message: `pipeline: expected at most ${maxTasks} tasks, got more`,
  });
}
