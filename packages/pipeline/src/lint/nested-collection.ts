import type { Findings } from "../ir/finding.js";
import { member } from "../ir/record.js";
import type { ComponentSpec, PipelineSpec, TaskSpec } from "../ir/types.js";

/**
 * Names loops that collect what loops inside them have collected: a list of lists by the Python SDK's documentation and
 * here, one flat list on the official backend. Source: backend/src/v2/driver, CollectInputs.
 */
export function lintNestedCollections(spec: PipelineSpec, findings: Findings): void {
  const dags: [readonly string[], ComponentSpec][] = [
    [["root"], spec.root],
    ...Object.entries(spec.components ?? {}).map(([name, component]): [readonly string[], ComponentSpec] => [
      ["components", name],
      component,
    ]),
  ];
  for (const [path, { dag }] of dags) {
    for (const [name, task] of Object.entries(dag?.tasks ?? {})) {
      if (!isLoop(task)) continue;
      const component = member(spec.components, task.componentRef.name);
      const nested = Object.keys(component?.dag?.outputs?.parameters ?? {}).filter((key) =>
        isCollected({ spec, component, key, seen: new Set() }),
      );
      if (nested.length === 0) continue;
      findings.warning(
        "PIPELINE_LINT_NESTED_COLLECTION",
        [...path, "dag", "tasks", name],
        `collects ${nested.join(", ")} of nested loops: one flat list there, a list of lists by the documentation`,
      );
    }
  }
}

function isLoop(task: TaskSpec | undefined): boolean {
  return task?.parameterIterator !== undefined || task?.artifactIterator !== undefined;
}

interface OutputAt {
  readonly spec: PipelineSpec;
  readonly component: ComponentSpec | undefined;
  readonly key: string;
  /** Components on the way here, against specs that refer to themselves. */
  readonly seen: ReadonlySet<ComponentSpec>;
}

/** True when a DAG's output comes from a loop in it, at any depth. */
function isCollected({ spec, component, key, seen }: OutputAt): boolean {
  if (component?.dag === undefined || seen.has(component)) return false;
  const { tasks, outputs } = component.dag;
  const output = member(outputs?.parameters, key);
  const one = output?.valueFromParameter;
  const selectors = one === undefined ? (output?.valueFromOneof?.parameterSelectors ?? []) : [one];
  return selectors.some(({ producerSubtask, outputParameterKey }) => {
    const task = member(tasks, producerSubtask);
    if (isLoop(task)) return true;
    const inner = member(spec.components, task?.componentRef.name ?? "");
    return isCollected({
      spec,
      component: inner,
      key: outputParameterKey,
      seen: new Set([...seen, component]),
    });
  });
}
