/** Branches: which tasks run when. */
import { valueText } from "./arguments.js";
import { type BodyResult, groupsAbove, placeOf, type References } from "./body.js";
import { type Test, testNode } from "./compose.js";
import type { ConditionNode } from "./condition.js";
import type { GroupNode, ValueNode } from "./graph.js";
import {
  type ArtifactListRef,
  type ArtifactRef,
  ParameterRef,
  type Reference,
  referenceTo,
} from "./references.js";
import { addGroup, currentScope, inGroup, report } from "./scope.js";
import type { Waitable } from "./task.js";
import { type Trace, traceCaller } from "./trace.js";
import { commonType } from "./value-types.js";

/** Waits for branches that have no `otherwise`. */
export interface Branches<R> extends Waitable {
  /** Runs when no condition before was true and this one is. */
  elseWhen<const S extends BodyResult>(condition: Test, body: () => S): Branches<R | S>;
  /** Runs when no condition was true. The outputs are those of the branch that ran. */
  otherwise<const S extends BodyResult>(body: () => S): CompleteBranches<R | S>;
  setDisplayName(name: string): this;
  after(...others: readonly Waitable[]): this;
}

/** Branches of which exactly one runs. */
export interface CompleteBranches<R> extends Waitable {
  /** What the branch that ran has returned: for each name that all branches return, a value of a common type. */
  readonly outputs: MergedOutputs<R>;
  after(...others: readonly Waitable[]): this;
}

type CommonKeys<R> = keyof R;
/** One reference per name that every branch returns. */
export type MergedOutputs<R> = [R] extends [References]
  ? { readonly [K in CommonKeys<R>]: Merged<R[K]> }
  : object;
type Merged<V> = [V] extends [ParameterRef<infer T>]
  ? ParameterRef<T>
  : [V] extends [ArtifactRef<infer A>]
    ? ArtifactRef<A>
    : [V] extends [ArtifactListRef<infer A>]
      ? ArtifactListRef<A>
      : never;

/**
 * Runs `body`'s tasks only when the condition holds.
 *
 * @example
 * const greeting = when(coin.output.equals("heads"), () => ({ text: cheer().output }))
 *   .otherwise(() => ({ text: console().output }));
 * print({ text: greeting.outputs.text });
 */
export function when<const R extends BodyResult>(condition: Test, body: () => R): Branches<R> {
  return startBranches(condition, body, traceCaller(when));
}

function startBranches<R extends BodyResult>(test: Test, body: () => R, where: Trace): Branches<R> {
  const condition = { test: testNode(test), not: [] as ConditionNode[] };
  const first = addGroup("condition", where, { condition });
  const results = [{ group: first, result: inGroup(first, body) as BodyResult }];
  return new BranchBuilder(first, results) as unknown as Branches<R>;
}

interface BranchResult {
  readonly group: GroupNode;
  readonly result: BodyResult;
}

/** Grows a single condition into a group of branches when a second branch comes. */
class BranchBuilder {
  waitNode: GroupNode;
  private readonly results: BranchResult[];

  constructor(first: GroupNode, results: BranchResult[]) {
    this.waitNode = first;
    this.results = results;
  }

  elseWhen(test: Test, body: () => BodyResult): this {
    this.addBranch(testNode(test), body, traceCaller(this.elseWhen));
    return this;
  }

  otherwise(
    body: () => BodyResult,
  ): Waitable & { readonly outputs: References; after(...others: Waitable[]): unknown } {
    const where = traceCaller(this.otherwise);
    this.addBranch(undefined, body, where);
    const group = this.waitNode;
    const outputs = mergeResults(group, this.results, where);
    const complete = {
      waitNode: group,
      outputs,
      after: (...others: readonly Waitable[]) => {
        group.after.push(...others.map((other) => other.waitNode));
        return complete;
      },
    };
    return complete;
  }

  setDisplayName(name: string): this {
    this.waitNode.displayName = name;
    return this;
  }

  after(...others: readonly Waitable[]): this {
    this.waitNode.after.push(...others.map((other) => other.waitNode));
    return this;
  }

  private addBranch(test: ConditionNode | undefined, body: () => BodyResult, where: Trace): void {
    const wrapper = this.wrapper(where);
    const earlier = wrapper.children.filter((child) => child.kind === "group");
    const not = earlier.flatMap((group) =>
      group.condition?.test === undefined ? [] : [group.condition.test],
    );
    const group = inGroup(wrapper, () => addGroup("condition", where, { condition: { test, not } }));
    this.results.push({ group, result: inGroup(group, body) });
  }

  private wrapper(where: Trace): GroupNode {
    const first = this.waitNode;
    if (first.type === "branches") return first;
    const parent = first.parent ?? currentScope("a branch", where).group;
    const after = first.after.splice(0);
    const wrapper: GroupNode = {
      kind: "group",
      type: "branches",
      name: "",
      parent,
      children: [first],
      after,
      where,
    };
    parent.children.splice(parent.children.indexOf(first), 1, wrapper);
    first.parent = wrapper;
    this.waitNode = wrapper;
    return wrapper;
  }
}

function mergeResults(branches: GroupNode, results: readonly BranchResult[], where: Trace): References {
  const [first, ...others] = results.map(({ result }) => result ?? {});
  const merged: Record<string, Reference> = {};
  for (const name of Object.keys(first ?? {})) {
    const options = [first, ...others].flatMap((result) =>
      result?.[name] === undefined ? [] : [result[name].node],
    );
    if (options.length === results.length) merged[name] = referenceTo(oneOfNode(branches, options, where));
  }
  return merged;
}

/**
 * The value of the branch that ran. All values come from different branches of the same `when`, one from each.
 * `outputs` of complete branches does the same by name.
 */
export function oneOf<T>(...options: readonly ParameterRef<T>[]): ParameterRef<T>;
export function oneOf<A extends string>(...options: readonly ArtifactRef<A>[]): ArtifactRef<A>;
export function oneOf(...options: readonly Reference[]): Reference {
  const where = traceCaller(oneOf);
  const nodes = options.map((option) => option.node);
  const branches = commonBranches(nodes);
  if (branches === undefined) {
    report(currentScope("oneOf", where).graph, where, {
      code: "PIPELINE_ONE_OF_INVALID",
      message: "oneOf: expected one value from each branch of the same when ... otherwise",
    });
    return (
      options[0] ??
      new ParameterRef({ form: "parameter", origin: emptyOrigin(where), type: { parameterType: "STRING" } })
    );
  }
  return referenceTo(oneOfNode(branches, nodes, where));
}

function emptyOrigin(where: Trace): ValueNode["origin"] {
  return { kind: "input", graph: currentScope("oneOf", where).graph, name: "" };
}

function commonBranches(nodes: readonly ValueNode[]): GroupNode | undefined {
  const wrappers = nodes.map((node) => groupsAbove(placeOf(node)).find(({ type }) => type === "branches"));
  const [first] = wrappers;
  if (first === undefined || wrappers.some((wrapper) => wrapper !== first)) return undefined;
  const complete = first.children.some(
    (child) => child.kind === "group" && child.condition?.test === undefined,
  );
  return complete && nodes.length === first.children.length ? first : undefined;
}

function oneOfNode(branches: GroupNode, options: readonly ValueNode[], where: Trace): ValueNode {
  const origin = { kind: "one-of", branches, options } as const;
  const parameters = options.flatMap((option) => (option.form === "parameter" ? [option.type] : []));
  const artifacts = options.flatMap((option) => (option.form === "artifact" ? [option] : []));
  const type = commonType(parameters);
  const [artifact] = artifacts;
  if (artifact !== undefined && parameters.length === 0) {
    const same = artifacts.every(({ artifactType }) => artifactType === artifact.artifactType);
    const artifactType = same ? artifact.artifactType : "system.Artifact";
    return { form: "artifact", origin, artifactType, list: artifact.list };
  }
  if (type === undefined || artifacts.length > 0) {
    report(currentScope("branches", where).graph, where, {
      code: "PIPELINE_ONE_OF_INVALID",
      message: `branches: expected values of one type, got ${options.map(valueText).join(", ")}`,
    });
  }
  return { form: "parameter", origin, type: type ?? { parameterType: "STRING" } };
}
