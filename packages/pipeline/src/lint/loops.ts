import type { Findings } from "../ir/finding.js";
import { member } from "../ir/record.js";
import type { ComponentSpec, PipelineSpec, TaskSpec } from "../ir/types.js";

/**
 * Names loops that the official backend's driver fails on, although it takes their spec.
 * Source: backend/src/v2/driver of 2.16.0 and 2.17.0, `resolveInputs` and `CollectInputs`, and runs of that driver.
 */
export function lintLoops(spec: PipelineSpec, findings: Findings): void {
  const graphs: [readonly string[], ComponentSpec][] = [
    [["root"], spec.root],
    ...Object.entries(spec.components ?? {}).map(([name, component]): [readonly string[], ComponentSpec] => [
      ["components", name],
      component,
    ]),
  ];
  for (const [path, { dag }] of graphs) {
    for (const [name, task] of Object.entries(dag?.tasks ?? {})) {
      if (task.parameterIterator === undefined) continue;
      const at = [...path, "dag", "tasks", name];
      lintSelectedInputs(task, at, findings);
      lintItemsInside(spec, task, { at, findings });
      lintSkippedProducers(spec, task, { at, findings });
    }
  }
}

interface Where {
  readonly at: readonly string[];
  readonly findings: Findings;
}

/** Each iteration takes a part of an input out anew, of what is that part already. */
function lintSelectedInputs({ inputs }: TaskSpec, at: readonly string[], findings: Findings): void {
  const selected = Object.entries(inputs?.parameters ?? {}).filter(
    ([, { parameterExpressionSelector: selector }]) => selector !== undefined && selector !== "",
  );
  if (selected.length === 0) return;
  findings.error(
    "PIPELINE_LINT_LOOP_SELECTOR",
    at,
    `a loop that takes ${selected.map(([name]) => name).join(", ")} out of another value: the backend fails in its first iteration`,
  );
}

/** Iterations get their item in place of the list. */
function lintItemsInside(spec: PipelineSpec, task: TaskSpec, { at, findings }: Where): void {
  const list = task.parameterIterator?.items.inputParameter;
  const { tasks = {} } = member(spec.components, task.componentRef.name)?.dag ?? {};
  const users = Object.entries(tasks)
    .filter(([, { inputs }]) =>
      Object.values(inputs?.parameters ?? {}).some(
        (each) => list !== undefined && each.componentInputParameter === list,
      ),
    )
    .map(([name]) => name);
  if (users.length === 0) return;
  findings.error(
    "PIPELINE_LINT_LOOP_ITEMS",
    at,
    `tasks inside of it (${users.join(", ")}) take the whole list ${list}, which the backend takes away from each iteration`,
  );
}

/** A list collected over iterations some of which may not run what it is made of. */
function lintSkippedProducers(spec: PipelineSpec, task: TaskSpec, { at, findings }: Where): void {
  const component = member(spec.components, task.componentRef.name);
  const { outputs } = component?.dag ?? {};
  const names = [...Object.keys(outputs?.parameters ?? {}), ...Object.keys(outputs?.artifacts ?? {})];
  const skippable = names.filter((key) => maySkip({ spec, component, key, seen: new Set() }));
  if (skippable.length === 0) return;
  findings.warning(
    "PIPELINE_LINT_COLLECTED_CONDITION",
    at,
    `collects ${skippable.join(", ")} of a task under a condition: the backend's driver crashes where an iteration skips it`,
  );
}

interface OutputAt {
  readonly spec: PipelineSpec;
  readonly component: ComponentSpec | undefined;
  readonly key: string;
  /** Components on the way here, against specs that refer to themselves. */
  readonly seen: ReadonlySet<ComponentSpec>;
}

/** True where one task alone gives the output, and a condition stands before it. Of several, the one that ran is taken. */
function maySkip({ spec, component, key, seen }: OutputAt): boolean {
  if (component?.dag === undefined || seen.has(component)) return false;
  const { tasks, outputs } = component.dag;
  const artifacts = member(outputs?.artifacts, key)?.artifactSelectors ?? [];
  const parameter = member(outputs?.parameters, key)?.valueFromParameter;
  const [artifact] = artifacts.length === 1 ? artifacts : [];
  const producer = parameter?.producerSubtask ?? artifact?.producerSubtask;
  const next = parameter?.outputParameterKey ?? artifact?.outputArtifactKey;
  const task = member(tasks, producer ?? "");
  if (task === undefined || next === undefined) return false;
  const inner = member(spec.components, task.componentRef.name);
  return (
    (task.triggerPolicy?.condition ?? "") !== "" ||
    maySkip({ spec, component: inner, key: next, seen: new Set([...seen, component]) })
  );
}
