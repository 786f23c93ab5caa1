import { dependenciesOf } from "../ir/dependencies.js";
import { type Expression, parseExpression } from "../ir/expression.js";
import { member, sortedKeys } from "../ir/record.js";
import type { ComponentSpec, PipelineSpec, TaskSpec } from "../ir/types.js";
import { failure } from "./failure.js";

/** A DAG prepared for running: what holds for every run of it. */
export interface DagPlan {
  readonly component: ComponentSpec;
  /** Sorted by name. */
  readonly tasks: readonly TaskPlan[];
  /** Position of each task, by name. */
  readonly positions: ReadonlyMap<string, number>;
}

/** A task prepared for running. */
export interface TaskPlan {
  readonly name: string;
  /** Position in the DAG's tasks. */
  readonly index: number;
  readonly spec: TaskSpec;
  readonly component: ComponentSpec;
  /** Positions of the tasks waited for, and of those that wait for this one. */
  readonly dependencies: readonly number[];
  readonly dependents: readonly number[];
  /** True when the task runs however its dependencies ended. */
  readonly runsOnCompletion: boolean;
  readonly condition: Expression | undefined;
}

/** Prepares DAGs, each component once. */
export class Planner {
  readonly spec: PipelineSpec;
  private readonly plans = new Map<ComponentSpec, DagPlan>();

  constructor(spec: PipelineSpec) {
    this.spec = spec;
  }

  /** @throws SealflowError `INTERPRETER_SPEC_INVALID` for what `validatePipeline` would have refused. */
  dag(component: ComponentSpec): DagPlan {
    let plan = this.plans.get(component);
    if (plan === undefined) {
      plan = this.prepare(component);
      this.plans.set(component, plan);
    }
    return plan;
  }

  private prepare(component: ComponentSpec): DagPlan {
    const names = sortedKeys(component.dag?.tasks);
    const positions = new Map(names.map((name, index) => [name, index]));
    const dependents: number[][] = names.map(() => []);
    const tasks = names.map((name, index): TaskPlan => {
      const spec = member(component.dag?.tasks, name);
      const target = member(this.spec.components, spec?.componentRef.name ?? "");
      if (spec === undefined || target === undefined)
        throw invalid(`task ${name}: expected a known component`);
      const dependencies = dependenciesOf(spec).map((dependency) => {
        const position = positions.get(dependency);
        if (position === undefined) throw invalid(`task ${name}: expected ${dependency} beside it`);
        dependents[position]?.push(index);
        return position;
      });
      const condition = spec.triggerPolicy?.condition;
      return {
        name,
        index,
        spec,
        component: target,
        dependencies,
        dependents: dependents[index] ?? [],
        runsOnCompletion: spec.triggerPolicy?.strategy === "ALL_UPSTREAM_TASKS_COMPLETED",
        condition: condition ? parseExpression(condition, "condition") : undefined,
      };
    });
    return { component, tasks, positions };
  }
}

function invalid(message: string): Error {
  return failure("INTERPRETER_SPEC_INVALID", `${message}; validate the document first`);
}
