/** One task of a DAG: what it is given, what it waits for, how it is run. */
import type { JsonValue } from "@sealflow/core";
import type { TaskInputArtifact, TaskInputParameter, TaskSpec } from "../../ir/types.js";
import type { Argument, Dynamic, ParameterNode, TaskNode, TemplateNode } from "../graph.js";
import { report } from "../scope.js";
import { channelName } from "./producer.js";
import type { Place, Values } from "./values.js";

/** Inputs of a task while they are gathered, among them those that the compiler adds. */
export class TaskInputsBuilder {
  readonly parameters: Record<string, TaskInputParameter> = {};
  readonly artifacts: Record<string, TaskInputArtifact> = {};
  /** Tasks to wait for beyond those that give inputs. */
  readonly waits = new Set<string>();
  private readonly values: Values;
  private readonly place: Place;

  constructor(values: Values, place: Place) {
    this.values = values;
    this.place = place;
  }

  /** Binds an input to what was given for it. */
  bind(name: string, argument: Argument): void {
    if (argument.kind === "constant") this.parameters[name] = constant(argument.value);
    else if (argument.kind === "template") this.parameters[name] = constant(this.text(argument.template));
    else if (argument.node.form === "parameter") {
      this.parameters[name] = this.values.parameter(argument.node, this.place);
    } else this.artifacts[name] = this.values.artifact(argument.node, this.place);
  }

  /** How a value reaches the platform document; a task that gives it is waited for. */
  platform(node: ParameterNode): TaskInputParameter {
    const input = this.values.parameter(node, this.place);
    if (input.taskOutputParameter !== undefined) this.waits.add(input.taskOutputParameter.producerTask);
    return input;
  }

  /** The text of a setting; run-time values become inputs that its placeholders name. */
  dynamic(value: Dynamic, name: string): string {
    if (typeof value === "string") return value;
    const text = "parts" in value ? this.text(value) : this.placeholder(value);
    this.parameters[name] = constant(text);
    return text;
  }

  /** A template with placeholders where the run-time values stand. */
  text(template: TemplateNode): string {
    return template.parts.map((part) => (typeof part === "string" ? part : this.placeholder(part))).join("");
  }

  private placeholder(node: ParameterNode): string {
    const name = channelName(node, this.values);
    this.parameters[name] = this.values.parameter(node, this.place);
    return `{{$.inputs.parameters['${name}']}}`;
  }
}

function constant(value: JsonValue): TaskInputParameter {
  return { runtimeValue: { constant: value } };
}

/** The parts of a task's spec that come from its settings alone. */
export function settingsSpec(task: TaskNode): Pick<TaskSpec, "taskInfo" | "cachingOptions" | "retryPolicy"> {
  const { caching, retry, displayName } = task.settings;
  return {
    taskInfo: { name: displayName ?? task.name },
    cachingOptions: {
      ...(caching.enabled ? { enableCache: true } : {}),
      ...(caching.key === undefined ? {} : { cacheKey: caching.key }),
    },
    ...(retry === undefined
      ? {}
      : {
          retryPolicy: {
            maxRetryCount: retry.count,
            backoffDuration: retry.delay,
            backoffFactor: retry.factor,
            backoffMaxDuration: retry.maxDelay,
          },
        }),
  };
}

/** Binds final-status inputs of a task that ignores failures to the one task before it. */
export function bindFinalStatus(
  task: TaskNode,
  inputs: TaskInputsBuilder,
  context: { readonly values: Values; readonly producers: readonly string[] },
): void {
  const names = Object.entries(task.component.inputs).flatMap(([name, { kind }]) =>
    kind === "finalStatus" ? [name] : [],
  );
  const [producerTask, ...others] = context.producers;
  for (const name of names) {
    if (producerTask !== undefined && others.length === 0) {
      inputs.parameters[name] = { taskFinalStatus: { producerTask } };
      continue;
    }
    report(context.values.graph, task.where, {
      code: "PIPELINE_FINAL_STATUS_INVALID",
      message: `${task.name}(${name}): expected exactly one task before it, got ${context.producers.length}`,
    });
  }
}
