import { findCycle } from "../dependencies.js";
import type { Findings } from "../finding.js";
import { member, sortedKeys } from "../record.js";
import type { ComponentSpec, PipelineSpec } from "../types.js";
import { isIterated } from "./scope.js";

/** Deepest nesting of DAGs. */
export const MAX_DAG_DEPTH = 100;
/** Most tasks of a pipeline, every use of a nested DAG counted, loops counted once. */
export const MAX_STATIC_TASKS = 1_000_000;

/**
 * Checks how components nest: no component inside itself, not too deep, not too many tasks in all. `sound` is false
 * when one of these fails, so that nothing that walks the nesting may follow.
 */
export function checkNesting(
  spec: PipelineSpec,
  findings: Findings,
): { collected: ReadonlySet<string>; sound: boolean } {
  const names = sortedKeys(spec.components);
  const uses = (name: string): string[] => usedBy(member(spec.components, name));
  const cycle = findCycle(names, uses);
  if (cycle !== undefined) {
    findings.error(
      "PIPELINE_CYCLE",
      ["components", cycle[0] ?? ""],
      `expected components that don't contain themselves, got ${cycle.join(" → ")}`,
    );
    return { collected: new Set(), sound: false };
  }
  const sizes = sizesOf(spec);
  if (sizes.depth > MAX_DAG_DEPTH || sizes.tasks > MAX_STATIC_TASKS) {
    findings.error(
      "PIPELINE_TOO_LARGE",
      ["root"],
      `expected DAGs at most ${MAX_DAG_DEPTH} deep with at most ${MAX_STATIC_TASKS} tasks in all, got ${sizes.depth} deep with ${sizes.tasks}`,
    );
    return { collected: new Set(), sound: false };
  }
  return { collected: collectedComponents(spec, uses), sound: true };
}

function usedBy(component: ComponentSpec | undefined): string[] {
  return Object.values(component?.dag?.tasks ?? {}).map((task) => task.componentRef.name);
}

/** Depth and number of tasks below the root; components hold no cycle here. */
function sizesOf(spec: PipelineSpec): { depth: number; tasks: number } {
  const known = new Map<string, { depth: number; tasks: number }>();
  const measure = (component: ComponentSpec): { depth: number; tasks: number } | undefined => {
    const size = { depth: component.dag === undefined ? 0 : 1, tasks: 0 };
    for (const name of usedBy(component)) {
      const inner = known.get(name);
      if (inner === undefined && member(spec.components, name) !== undefined) return undefined;
      size.depth = Math.max(size.depth, 1 + (inner?.depth ?? 0));
      size.tasks += 1 + (inner?.tasks ?? 0);
    }
    return size;
  };
  // Children before parents, without recursion: a hostile document may nest ten thousand components.
  const stack = sortedKeys(spec.components);
  for (let name = stack.at(-1); name !== undefined; name = stack.at(-1)) {
    const component = member(spec.components, name);
    const size = known.has(name) || component === undefined ? undefined : measure(component);
    if (known.has(name) || component === undefined) stack.pop();
    else if (size !== undefined) known.set(name, size);
    else {
      for (const used of usedBy(component)) {
        if (!known.has(used) && member(spec.components, used) !== undefined) stack.push(used);
      }
    }
  }
  return measure(spec.root) ?? { depth: 0, tasks: 0 };
}

/** Components that an iterator runs, directly or through nested DAGs. */
function collectedComponents(spec: PipelineSpec, uses: (name: string) => string[]): Set<string> {
  const found = new Set<string>();
  const queue: string[] = [];
  for (const component of [spec.root, ...Object.values(spec.components ?? {})]) {
    for (const task of Object.values(component.dag?.tasks ?? {})) {
      if (isIterated(task)) queue.push(task.componentRef.name);
    }
  }
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    queue.push(...uses(name));
  }
  return found;
}
