import type { ErrorBody, JsonObject } from "@sealflow/core";
import type { ComponentSpec, PipelineSpec, RetryPolicy } from "../ir/types.js";
import { checkResult } from "./check-result.js";
import { completeContext } from "./complete-context.js";
import { isTriggered } from "./condition.js";
import { endOfDag, endOfLoop } from "./ending.js";
import { attempt, failure } from "./failure.js";
import { finalStatus } from "./final-status.js";
import { isLoop, loopItems, withItem } from "./iteration.js";
import { leafDecision } from "./leaf.js";
import { materialise, NO_OUTPUTS, slotsOfLeaf } from "./outputs.js";
import { Planner } from "./plan.js";
import type { PlatformLookup } from "./platform.js";
import { besideValue, type InputSources, resolveInputs } from "./resolve-inputs.js";
import { checkRunParameters, type RunArtifacts } from "./run-parameters.js";
import { insideSkips } from "./skips.js";
import { type DagState, type End, type Owner, type TaskState, taskNamed, taskPath } from "./state.js";
import { taskIdOf } from "./task-id.js";
import type {
  Decision,
  Interpretation,
  RunContext,
  RunOutcome,
  SkipReason,
  TaskInputValues,
  TaskPath,
  TaskResult,
} from "./types.js";

/** Most task instances of one run, iterations counted: what bounds the memory of loops in loops. */
const MAX_INSTANCES = 1_000_000;

/**
 * One run's meaning: which tasks are due, skipped or finished, with which inputs, and what the outputs are. Pure: the
 * same spec, parameters, context and results give the same decisions in the same order.
 *
 * @param spec A spec without errors of `validatePipeline`.
 * @param artifacts Input artifacts of the run, by name.
 * @throws SealflowError `PIPELINE_PARAMETER_…`, `PIPELINE_ARTIFACT_…` when the inputs don't fit the pipeline.
 */
export function createInterpretation(
  spec: PipelineSpec,
  parameters: JsonObject,
  context: RunContext,
  artifacts: RunArtifacts = {},
): Interpretation {
  const inputs = checkRunParameters(spec, parameters, artifacts);
  return new Run(new Planner(spec), inputs, completeContext(spec, context));
}

class Run implements Interpretation {
  outcome: RunOutcome | undefined;
  private readonly planner: Planner;
  private readonly inputs: TaskInputValues;
  private readonly context: RunContext;
  private root: DagState | undefined;
  private readonly leaves = new Map<TaskPath, Owner>();
  /** DAGs that have not ended, in the order of their start. */
  private readonly openDags = new Set<DagState>();
  private readonly ready: TaskState[] = [];
  private canceled = false;
  private instances = 0;
  private decisions: Decision[] = [];

  constructor(planner: Planner, inputs: TaskInputValues, context: RunContext) {
    this.planner = planner;
    this.inputs = inputs;
    this.context = context;
  }

  get due(): readonly TaskPath[] {
    return [...this.leaves.keys()];
  }

  start(): readonly Decision[] {
    if (this.root !== undefined)
      throw failure("INTERPRETER_ALREADY_STARTED", "run: expected one start, got another");
    const { spec } = this.planner;
    const plan = this.planner.dag(spec.root);
    this.decisions.push({ kind: "start-dag", path: "", taskName: spec.pipelineInfo.name });
    this.root = this.openDag({ path: "", component: spec.root, plan, inputs: this.inputs });
    return this.settle();
  }

  apply(result: TaskResult): readonly Decision[] {
    const owner = this.leaves.get(result.path);
    if (owner === undefined) {
      throw failure(
        "INTERPRETER_RESULT_UNEXPECTED",
        `result of ${result.path}: expected one for a due task`,
        {
          path: result.path,
        },
      );
    }
    checkResult(result, owner.task.plan.component);
    this.leaves.delete(result.path);
    const outputs = result.state === "SUCCEEDED" && result.outputs ? slotsOfLeaf(result.outputs) : NO_OUTPUTS;
    this.ended(owner, { state: result.state, outputs, ...(result.error ? { error: result.error } : {}) });
    return this.settle();
  }

  cancel(): readonly Decision[] {
    if (this.outcome !== undefined || this.canceled) return [];
    this.canceled = true;
    for (const dag of [...this.openDags]) {
      for (const task of dag.tasks) if (task.phase === "waiting") this.skip(task, { kind: "canceled" });
    }
    return this.settle();
  }

  /** Starts what has become ready, until only results can bring more. */
  private settle(): readonly Decision[] {
    for (let at = 0; at < this.ready.length; at++) {
      const task = this.ready[at];
      if (task?.phase === "waiting") this.begin(task);
    }
    this.ready.length = 0;
    const { decisions } = this;
    this.decisions = [];
    return decisions;
  }

  private openDag(
    at: Pick<DagState, "path" | "component" | "plan" | "inputs"> & {
      owner?: Owner;
      retryPolicy?: RetryPolicy | undefined;
      iterationIndex?: number | undefined;
    },
  ): DagState {
    const tasks: TaskState[] = [];
    const dag: DagState = {
      path: at.path,
      component: at.component,
      plan: at.plan,
      inputs: at.inputs,
      tasks,
      owner: at.owner,
      retryPolicy: at.retryPolicy,
      iterationIndex: at.iterationIndex,
      open: at.plan.tasks.length,
    };
    for (const plan of at.plan.tasks) {
      const waiting = plan.dependencies.length;
      const path = taskPath(at.path, plan.name);
      tasks.push({ dag, plan, path, waiting, phase: "waiting", end: undefined, loop: undefined });
    }
    this.openDags.add(dag);
    for (const task of tasks) if (task.waiting === 0) this.ready.push(task);
    if (dag.open === 0) this.finishDag(dag);
    return dag;
  }

  /** A task all of whose dependencies have ended: runs, or is skipped, or can't be run. */
  private begin(task: TaskState): void {
    if (this.canceled) {
      this.skip(task, { kind: "canceled" });
      return;
    }
    const blocking = task.plan.runsOnCompletion ? undefined : blockingDependency(task);
    if (blocking !== undefined) {
      this.skip(task, blocking);
      return;
    }
    const { condition } = task.plan;
    const prepared = attempt(() => {
      const inputs = this.resolve(task);
      const triggered = condition === undefined || isTriggered(condition, inputs);
      const items = triggered && isLoop(task.plan) ? loopItems(task.plan, inputs) : undefined;
      return { inputs, triggered, items };
    });
    if ("error" in prepared) {
      this.fail({ task, index: undefined }, prepared.error);
      return;
    }
    const { inputs, triggered, items } = prepared.value;
    if (!triggered) {
      this.skip(task, { kind: "condition-false", condition: condition?.text ?? "" });
      return;
    }
    task.phase = "running";
    if (items === undefined) {
      this.run({ task, index: undefined }, inputs);
      return;
    }
    const { length } = items.items;
    this.decisions.push({ kind: "start-dag", path: task.path, taskName: task.plan.name, iterations: length });
    const limit = task.plan.spec.iteratorPolicy?.parallelismLimit || Number.POSITIVE_INFINITY;
    task.loop = { items, inputs, limit, next: 0, active: 0, ends: [] };
    this.iterate(task);
  }

  private resolve(task: TaskState): TaskInputValues {
    return resolveInputs(task.plan, this.sourcesOf(task));
  }

  private sourcesOf(task: TaskState): InputSources {
    return {
      dag: task.dag.inputs,
      outputsOf: (name) => {
        const end = taskNamed(task.dag, name)?.end;
        return end?.state === "SUCCEEDED" ? end.outputs : undefined;
      },
      runsOnCompletion: task.plan.runsOnCompletion,
      statusOf: (name) => {
        const end = taskNamed(task.dag, name)?.end;
        return finalStatus({ name, state: end?.state ?? "SKIPPED", error: end?.error }, this.context);
      },
      placeholders: {
        run: this.context,
        taskName: task.plan.name,
        taskId: taskIdOf(this.context.runId, task.path),
      },
    };
  }

  /** Starts as many iterations as may run at once; ends the loop after the last. */
  private iterate(task: TaskState): void {
    const { loop } = task;
    if (loop === undefined) return;
    while (!this.canceled && loop.active < loop.limit && loop.next < loop.items.items.length) {
      const index = loop.next++;
      loop.active++;
      const prepared = attempt(() => withItem(task.plan, loop.inputs, { items: loop.items, index }));
      if ("error" in prepared) this.fail({ task, index }, prepared.error);
      else this.run({ task, index }, prepared.value);
    }
    if (loop.active > 0) return;
    const end = endOfLoop(task, loop, this.context.collected ?? "nested");
    this.decisions.push(finished(task.path, end));
    this.ended({ task, index: undefined }, end);
  }

  /** Runs a task or one iteration: hands out a leaf, opens a DAG. */
  private run(owner: Owner, inputs: TaskInputValues): void {
    const { task, index } = owner;
    const path = index === undefined ? task.path : `${task.path}[${index}]`;
    const { component, spec, name } = task.plan;
    this.instances += component.dag === undefined ? 1 : this.planner.dag(component).tasks.length;
    if (this.instances > MAX_INSTANCES) {
      const error = failure(
        "INTERPRETER_TOO_LARGE",
        `run: expected at most ${MAX_INSTANCES} tasks, got more`,
      );
      this.fail(owner, error.toJSON());
      return;
    }
    const retryPolicy = spec.retryPolicy ?? task.dag.retryPolicy;
    const iterationIndex = index ?? task.dag.iterationIndex;
    if (component.dag === undefined) {
      const lookup: PlatformLookup = (name, input) =>
        besideValue(name, input, { known: inputs.parameters, sources: this.sourcesOf(task) });
      const around = { path, inputs, retryPolicy, iterationIndex, lookup };
      const decision = attempt(() =>
        leafDecision(this.planner.spec, task.plan, { around, context: this.context }),
      );
      if ("error" in decision) {
        this.fail(owner, decision.error);
        return;
      }
      this.leaves.set(path, owner);
      this.decisions.push(decision.value);
      return;
    }
    const plan = this.planner.dag(component);
    this.decisions.push({ kind: "start-dag", path, taskName: name });
    this.openDag({ path, component, plan, inputs, owner, retryPolicy, iterationIndex });
  }

  private skip(task: TaskState, reason: SkipReason): void {
    const { plan, path } = task;
    const leaf = plan.component.dag === undefined;
    this.decisions.push({ kind: "skip", path, taskName: plan.name, reason, leaf });
    if (!leaf) this.skipInside({ path, component: plan.component }, reason);
    const canceled = reason.kind === "canceled";
    this.ended({ task, index: undefined }, { state: "SKIPPED", outputs: NO_OUTPUTS, canceled });
  }

  /** Reports what is inside a DAG that does not run, as long as the run is not over its limit of tasks. */
  private skipInside(at: { path: TaskPath; component: ComponentSpec }, reason: SkipReason): void {
    if (this.instances > MAX_INSTANCES) return;
    for (const decision of insideSkips(this.planner, at, reason)) {
      this.decisions.push(decision);
      this.instances++;
    }
  }

  /** Ends a task, or one iteration of it, that can't be run. */
  private fail({ task, index }: Owner, error: ErrorBody): void {
    const { plan } = task;
    const path = index === undefined ? task.path : `${task.path}[${index}]`;
    const leaf = plan.component.dag === undefined;
    this.decisions.push({ kind: "fail", path, taskName: plan.name, error, leaf });
    const reason: SkipReason = { kind: "dependency", dependency: path, state: "FAILED" };
    if (!leaf) this.skipInside({ path, component: plan.component }, reason);
    const end: End = { state: "FAILED", outputs: NO_OUTPUTS, error };
    if (index === undefined) this.ended({ task, index }, end);
    else this.recordIteration(task, index, end);
  }

  private recordIteration(task: TaskState, index: number, end: End): void {
    if (task.loop === undefined) return;
    task.loop.ends[index] = end;
    task.loop.active--;
  }

  /** Takes note of an end and of what it makes ready. */
  private ended({ task, index }: Owner, end: End): void {
    if (index !== undefined) {
      this.recordIteration(task, index, end);
      this.iterate(task);
      return;
    }
    task.end = end;
    task.phase = "ended";
    task.loop = undefined;
    const { dag } = task;
    for (const position of task.plan.dependents) {
      const dependent = dag.tasks[position];
      if (dependent !== undefined && --dependent.waiting === 0) this.ready.push(dependent);
    }
    if (--dag.open === 0) this.finishDag(dag);
  }

  private finishDag(dag: DagState): void {
    this.openDags.delete(dag);
    const end = endOfDag(dag);
    if (dag.owner !== undefined) {
      this.decisions.push(finished(dag.path, end));
      this.ended(dag.owner, end);
      return;
    }
    const state = this.canceled || end.state === "SKIPPED" ? "CANCELED" : end.state;
    const outputs = materialise(end.outputs);
    const error = end.error === undefined ? {} : { error: end.error };
    this.outcome = { state, outputs, ...error };
    this.decisions.push({ kind: "finish-dag", path: "", state, outputs, ...error });
  }
}

function finished(path: TaskPath, end: End): Decision {
  return {
    kind: "finish-dag",
    path,
    state: end.state,
    outputs: end.state === "SUCCEEDED" ? materialise(end.outputs) : materialise(NO_OUTPUTS),
    ...(end.error === undefined ? {} : { error: end.error }),
  };
}

/** The first dependency, by name, that did not succeed. */
function blockingDependency(task: TaskState): SkipReason | undefined {
  for (const position of task.plan.dependencies) {
    const dependency = task.dag.tasks[position];
    const state = dependency?.end?.state;
    if (dependency !== undefined && state !== undefined && state !== "SUCCEEDED") {
      return { kind: "dependency", dependency: dependency.path, state };
    }
  }
  return undefined;
}
