import type { ComponentSpec, DagOutputs, TaskSpec } from "../../ir/types.js";
import { valuesIn } from "../condition.js";
import { isFilledIn } from "../definitions.js";
import type { Graph, GroupNode, TaskNode } from "../graph.js";
import { report } from "../scope.js";
import { branchText } from "./condition-text.js";
import { explicitWaits, producersIn, reportCycle } from "./dependencies.js";
import type { GroupEmission } from "./group-emission.js";
import { nameGroups } from "./group-names.js";
import { definitionsOf, interfaceOf, nonEmpty } from "./interface.js";
import { itemName, producerOf } from "./producer.js";
import type { Registry } from "./registry.js";
import { bindFinalStatus, settingsSpec, TaskInputsBuilder } from "./task-spec.js";
import { Values } from "./values.js";

interface DraftTask {
  readonly node: TaskNode | GroupNode;
  readonly spec: Omit<TaskSpec, "componentRef" | "inputs">;
  readonly inputs: Pick<TaskInputsBuilder, "parameters" | "artifacts"> & {
    readonly waits?: ReadonlySet<string>;
  };
  readonly component: () => string;
}

/** Turns one pipeline's graph into a DAG component, registering the components that it runs. */
export class GraphCompiler {
  private readonly graph: Graph;
  private readonly registry: Registry;
  private readonly values: Values;
  private readonly waits: ReturnType<typeof explicitWaits>;
  /** Exit handler by its exit task. */
  private readonly exits: ReadonlyMap<TaskNode, GroupNode>;

  constructor(graph: Graph, registry: Registry) {
    this.graph = graph;
    this.registry = registry;
    nameGroups(graph);
    this.values = new Values(graph);
    this.waits = explicitWaits(graph);
    this.exits = new Map(
      graph.root.children.flatMap((child) =>
        child.kind === "group" && child.exitTask !== undefined ? [[child.exitTask, child] as const] : [],
      ),
    );
  }

  /** The pipeline's component. */
  compile(): ComponentSpec {
    const root = this.values.emissionOf(this.graph.root);
    const outputs = this.outputs(root);
    this.prepare(root);
    const tasks = this.tasks(root);
    return {
      dag: { tasks, ...(outputs === undefined ? {} : { outputs }) },
      ...interfaceOf(this.graph.inputs, this.graph.outputDefinitions),
    };
  }

  /** Brings all values to their users before any DAG is written: users at one level make inputs at others. */
  private prepare(emission: GroupEmission): void {
    for (const child of emission.group.children) {
      if (child.kind === "task") this.drafts.set(child, this.draftTask(child, emission));
      else {
        const inner = this.values.emissionOf(child);
        this.drafts.set(child, this.draftGroup(child, inner));
        this.prepare(inner);
      }
    }
  }

  private readonly drafts = new Map<TaskNode | GroupNode, DraftTask>();

  private tasks(emission: GroupEmission): Record<string, TaskSpec> {
    const tasks: Record<string, TaskSpec> = {};
    const dependencies = new Map<string, readonly string[]>();
    for (const child of emission.group.children) {
      const draft = this.drafts.get(child);
      if (draft === undefined) continue;
      const dependentTasks = this.dependenciesOf(draft);
      dependencies.set(child.name, dependentTasks);
      const inputs = nonEmpty({ parameters: draft.inputs.parameters, artifacts: draft.inputs.artifacts });
      tasks[child.name] = {
        ...draft.spec,
        componentRef: { name: draft.component() },
        ...(inputs === undefined ? {} : { inputs }),
        ...(dependentTasks.length === 0 ? {} : { dependentTasks }),
      };
    }
    reportCycle(this.graph, emission.group, dependencies);
    return tasks;
  }

  private dependenciesOf({ node, inputs }: DraftTask): string[] {
    const exit = node.kind === "task" ? this.exits.get(node) : undefined;
    const names = [...producersIn(inputs), ...(inputs.waits ?? []), ...(this.waits.get(node) ?? [])];
    if (exit !== undefined) names.push(exit.name);
    return [...new Set(names)].sort();
  }

  private draftTask(task: TaskNode, at: GroupEmission): DraftTask {
    const inputs = new TaskInputsBuilder(this.values, { at, where: task.where });
    for (const [name, argument] of task.arguments) inputs.bind(name, argument);
    const component = this.registry.draft(task, inputs, this.graph);
    const trigger = this.triggerOf(task, inputs);
    return { node: task, spec: { ...settingsSpec(task), ...trigger }, inputs, component };
  }

  private triggerOf(task: TaskNode, inputs: TaskInputsBuilder): Pick<TaskSpec, "triggerPolicy"> {
    const exit = this.exits.get(task);
    if (exit !== undefined) this.checkExitTask(task, inputs);
    const waits = [...new Set([...producersIn(inputs), ...(this.waits.get(task) ?? [])])];
    if (task.settings.ignoreUpstreamFailure) this.checkIgnoring(task);
    const producers = exit === undefined ? (task.settings.ignoreUpstreamFailure ? waits : []) : [exit.name];
    bindFinalStatus(task, inputs, { values: this.values, producers });
    if (exit === undefined && !task.settings.ignoreUpstreamFailure) return {};
    return { triggerPolicy: { strategy: "ALL_UPSTREAM_TASKS_COMPLETED" } };
  }

  private checkExitTask(task: TaskNode, inputs: TaskInputsBuilder): void {
    if (producersIn(inputs).length === 0 && task.after.length === 0) return;
    report(this.graph, task.where, {
      code: "PIPELINE_EXIT_HANDLER_INVALID",
      message: `${task.name}: an exit task waits for nothing but its exit handler`,
    });
  }

  /** When a task before has failed its outputs are missing: the inputs that take them need defaults. */
  private checkIgnoring(task: TaskNode): void {
    for (const [name, argument] of task.arguments) {
      const definition = task.component.inputs[name];
      const fromTask = argument.kind === "value" && producerOf(argument.node, this.values) !== undefined;
      if (!fromTask || definition === undefined || isFilledIn(definition) || definition.optional) continue;
      report(this.graph, task.where, {
        code: "PIPELINE_SETTING_INVALID",
        message: `${task.name}(${name}): with ignoreUpstreamFailure an input from another task needs a default`,
      });
    }
  }

  private draftGroup(group: GroupNode, emission: GroupEmission): DraftTask {
    const extra = this.controlOf(group, emission);
    return {
      node: group,
      spec: { taskInfo: { name: group.displayName ?? group.name }, ...extra },
      inputs: { parameters: emission.taskParameters, artifacts: emission.taskArtifacts },
      component: () => this.registry.addGroup(group, this.groupComponent(emission)),
    };
  }

  private controlOf(group: GroupNode, emission: GroupEmission): Partial<TaskSpec> {
    if (group.condition !== undefined) return this.conditionOf(group.condition, group, emission);
    return group.loop === undefined ? {} : this.iteratorOf(group, group.loop, emission);
  }

  private conditionOf(
    condition: NonNullable<GroupNode["condition"]>,
    group: GroupNode,
    emission: GroupEmission,
  ): Partial<TaskSpec> {
    const tests = [...condition.not, ...(condition.test === undefined ? [] : [condition.test])];
    for (const node of tests.flatMap(valuesIn)) this.values.bringIn(node, emission);
    const text = branchText(condition, {
      inputName: (node) => this.values.bringIn(node, emission),
      report: (message) => {
        // The branches after it repeat the test: it is reported for its own branch only.
        if (condition.not.length > 0 && condition.test === undefined) return;
        report(this.graph, group.where, {
          code: "PIPELINE_CONDITION_INVALID",
          message: `condition: ${message}`,
        });
      },
    });
    return { triggerPolicy: { condition: text } };
  }

  private iteratorOf(
    group: GroupNode,
    loop: NonNullable<GroupNode["loop"]>,
    emission: GroupEmission,
  ): Partial<TaskSpec> {
    const itemInput = itemName(group, this.values);
    const { items, parallelism, itemType } = loop;
    const policy = parallelism === 0 ? {} : { iteratorPolicy: { parallelismLimit: parallelism } };
    if ("constant" in items) {
      emission.inputParameters[itemInput] = { parameterType: itemType?.parameterType ?? "STRING" };
      return { parameterIterator: { items: { raw: JSON.stringify(items.constant) }, itemInput }, ...policy };
    }
    const name = this.values.bringIn(items.value, emission);
    if (items.value.form === "artifact") {
      emission.declareInput(itemInput, { ...items.value, list: false });
      return { artifactIterator: { items: { inputArtifact: name }, itemInput }, ...policy };
    }
    emission.inputParameters[itemInput] = { parameterType: itemType?.parameterType ?? "STRING" };
    return { parameterIterator: { items: { inputParameter: name }, itemInput }, ...policy };
  }

  private groupComponent(emission: GroupEmission): ComponentSpec {
    const tasks = this.tasks(emission);
    const outputs = nonEmpty({ parameters: emission.dagParameters, artifacts: emission.dagArtifacts });
    return {
      dag: { tasks, ...(outputs === undefined ? {} : { outputs }) },
      ...definitionsOf(
        { parameters: emission.inputParameters, artifacts: emission.inputArtifacts },
        { parameters: emission.outputParameters, artifacts: emission.outputArtifacts },
      ),
    };
  }

  private outputs(root: GroupEmission): DagOutputs | undefined {
    const parameters: Record<string, object> = {};
    const artifacts: Record<string, object> = {};
    for (const [name, node] of this.graph.outputs) {
      const producer = producerOf(node, this.values);
      const place = { at: root, where: this.graph.where };
      if (producer === undefined) {
        report(this.graph, this.graph.where, {
          code: "PIPELINE_OUTPUT_INVALID",
          message: `output ${name}: expected a task's output, got a loop's item or a member of a struct`,
        });
      } else if (node.form === "parameter") {
        const { taskOutputParameter: from } = this.values.parameter(node, place);
        if (from === undefined) continue;
        const { producerTask: producerSubtask, outputParameterKey } = from;
        parameters[name] = { valueFromParameter: { producerSubtask, outputParameterKey } };
      } else {
        const { taskOutputArtifact: from } = this.values.artifact(node, place);
        if (from === undefined) continue;
        const { producerTask: producerSubtask, outputArtifactKey } = from;
        artifacts[name] = { artifactSelectors: [{ producerSubtask, outputArtifactKey }] };
      }
    }
    return nonEmpty({ parameters, artifacts }) as DagOutputs | undefined;
  }
}
