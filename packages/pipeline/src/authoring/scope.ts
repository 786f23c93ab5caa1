/** The pipeline being built: a stack, because calling a nested pipeline builds that one first. */
import { type ErrorDetails, SealflowError } from "@sealflow/core";
import type { Graph, GroupNode, TaskNode } from "./graph.js";
import { locationOf, type Trace } from "./trace.js";

/** A pipeline function that is running. */
export interface Scope {
  readonly graph: Graph;
  group: GroupNode;
  /** Names taken, with the index to try next for each. */
  readonly taskNames: Map<string, number>;
}

const stack: Scope[] = [];

/** Runs `build` with a graph as the one that calls add to. */
export function inGraph<R>(graph: Graph, build: () => R): R {
  stack.push({ graph, group: graph.root, taskNames: new Map() });
  try {
    return build();
  } finally {
    stack.pop();
  }
}

/** Runs `build` with a group of the current graph as the place where calls add to. */
export function inGroup<R>(group: GroupNode, build: () => R): R {
  const scope = currentScope("a control-flow block", group.where);
  const outer = scope.group;
  scope.group = group;
  try {
    return build();
  } finally {
    scope.group = outer;
  }
}

/**
 * The scope of the pipeline function that is running.
 *
 * @throws SealflowError `PIPELINE_OUTSIDE` when no pipeline function is running.
 */
export function currentScope(what: string, where: Trace): Scope {
  const scope = stack.at(-1);
  if (scope !== undefined) return scope;
  throw new SealflowError({
    code: "PIPELINE_OUTSIDE",
    message: `${what}: expected to be called inside a pipeline function`,
    hint: "Move the call into the function given to pipeline().",
    where: locationOf(where),
  });
}

/** Notes a finding about the pipeline that is being built; all are reported together when it is compiled. */
export function report(graph: Graph, where: Trace, details: Omit<ErrorDetails, "where">): void {
  graph.findings.push(new SealflowError({ ...details, where: locationOf(where) }));
}

/** Adds a group to the current one. */
export function addGroup(type: GroupNode["type"], where: Trace, extra: Partial<GroupNode> = {}): GroupNode {
  const scope = currentScope("a control-flow block", where);
  const group: GroupNode = {
    kind: "group",
    type,
    name: "",
    parent: scope.group,
    children: [],
    after: [],
    where,
    ...extra,
  };
  scope.group.children.push(group);
  return group;
}

/** A task name that is not taken in the graph: the component's name in KFP's alphabet, with `-2`, `-3` and so on. */
export function newTaskName(scope: Scope, component: string): string {
  const base = sanitizeName(component);
  let name = base;
  let index = scope.taskNames.get(base) ?? 2;
  for (; scope.taskNames.has(name); index += 1) name = `${base}-${index}`;
  scope.taskNames.set(base, index);
  if (name !== base) scope.taskNames.set(name, 2);
  return name;
}

/** KFP's form of a name: lower case, runs of other characters become one `-`. */
export function sanitizeName(name: string): string {
  const sanitized = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
  return sanitized === "" ? "task" : sanitized;
}

/** The graph's root above a node. */
export function rootOf(node: TaskNode | GroupNode): GroupNode {
  let at: GroupNode | undefined = node.kind === "group" ? node : node.parent;
  while (at.parent !== undefined) at = at.parent;
  return at;
}
