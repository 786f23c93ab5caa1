/** Control flow: branches, loops and exit handlers. */
import type { JsonValue } from "@sealflow/core";
import { valueText } from "./arguments.js";
import { Condition, type ConditionNode } from "./condition.js";
import type { ParameterDefinition } from "./definitions.js";
import type { GroupNode, LoopSpec, TaskNode, ValueNode } from "./graph.js";
import {
  type ArtifactListRef,
  type ArtifactRef,
  type CollectedRef,
  isReference,
  ParameterRef,
  type Reference,
  referenceTo,
} from "./references.js";
import { addGroup, currentScope, inGroup, report } from "./scope.js";
import type { Waitable } from "./task.js";
import { type Trace, traceCaller } from "./trace.js";
import {
  type BooleanType,
  commonType,
  fits,
  type ListType,
  listOf,
  type TypeOfConstant,
  type TypeSpec,
  typeOfConstant,
} from "./value-types.js";

type References = Readonly<Record<string, Reference>>;

/** What a branch or loop body may return: references by name, or nothing. */
// biome-ignore lint/suspicious/noConfusingVoidType: a body without results returns nothing
export type BodyResult = References | void;

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

/** What may be tested: a condition, or a boolean value. */
export type Test = Condition | ParameterRef<BooleanType>;

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

function testNode(test: Test): ConditionNode {
  if (test instanceof Condition) return test.node;
  if (isReference(test)) {
    const left = { kind: "value", node: test.node } as const;
    return { kind: "compare", operator: "==", left, right: { kind: "constant", value: true } };
  }
  return (test as Condition).node;
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

/** The group in which a value comes to be, or undefined for a pipeline's input. */
export function placeOf({ origin }: ValueNode): GroupNode | undefined {
  switch (origin.kind) {
    case "input":
      return undefined;
    case "task":
      return origin.task.parent;
    case "item":
      return origin.loop;
    case "field":
      return placeOf(origin.of);
    case "collected":
      return origin.loop.parent;
    case "one-of":
      return origin.branches.parent;
  }
}

/** A group and those around it, from the inside out. */
export function groupsAbove(group: GroupNode | undefined): GroupNode[] {
  return group === undefined ? [] : [group, ...groupsAbove(group.parent)];
}

/** Settings of a loop. */
export interface LoopOptions<E> {
  /** The most iterations at one time; 0, the default, means no limit. */
  readonly parallelism?: number;
  readonly displayName?: string;
  /** What the items are, where the list's type does not say. */
  readonly item?: ParameterDefinition<E>;
}

/** A loop: its outputs are lists with one element per iteration, in order; lists of inner loops are joined. */
export interface Loop<R> extends Waitable {
  readonly outputs: CollectedOutputs<R>;
  after(...others: readonly Waitable[]): this;
}

/** The lists that a loop's results become. */
export type CollectedOutputs<R> = R extends References
  ? { readonly [K in keyof R]: Collected<R[K]> }
  : object;
type Collected<V> = [V] extends [CollectedRef<infer T>]
  ? CollectedRef<T>
  : [V] extends [ParameterRef<infer T>]
    ? CollectedRef<T>
    : [V] extends [ArtifactRef<infer A>]
      ? ArtifactListRef<A>
      : [V] extends [ArtifactListRef<infer A>]
        ? ArtifactListRef<A>
        : never;

/** What a loop may run over. */
type Items = readonly JsonValue[] | ParameterRef<ListType<unknown>> | ArtifactListRef<string>;

/** The reference that a loop's body gets. */
export type ItemOf<I, E> =
  I extends ArtifactListRef<infer A>
    ? ArtifactRef<A>
    : I extends ParameterRef<ListType<infer T>>
      ? ParameterRef<[T] extends [never] ? E : unknown extends T ? E : T>
      : I extends readonly (infer C)[]
        ? ParameterRef<TypeOfConstant<C>>
        : never;

/**
 * Runs `body`'s tasks once per item, at the same time as far as `parallelism` and the machine allow. Loops over
 * artifact lists run here only: the official backend does not implement them.
 */
export function parallelFor<const I extends Items, const R extends BodyResult, E = never>(
  items: I,
  body: (item: ItemOf<I, E>) => R,
  options: LoopOptions<E> = {},
): Loop<R> {
  const where = traceCaller(parallelFor);
  const loop = loopSpec(items, options, where);
  const { displayName } = options;
  const group = addGroup("loop", where, { loop, ...(displayName === undefined ? {} : { displayName }) });
  const item = referenceTo(itemNode(group, loop, where)) as ItemOf<I, E>;
  const result = inGroup(group, () => body(item)) ?? {};
  const outputs: Record<string, Reference> = {};
  for (const [name, value] of Object.entries(result as References)) {
    outputs[name] = referenceTo(collectedNode(group, value.node));
  }
  const handle = {
    waitNode: group,
    outputs,
    after: (...others: readonly Waitable[]) => {
      group.after.push(...others.map((other) => other.waitNode));
      return handle;
    },
  };
  return handle as unknown as Loop<R>;
}

function loopSpec(items: Items, options: LoopOptions<unknown>, where: Trace): LoopSpec {
  const { parallelism = 0, item } = options;
  const scope = currentScope("parallelFor", where);
  if (!Number.isSafeInteger(parallelism) || parallelism < 0) {
    const message = `parallelFor: expected a parallelism of 0 or more, got ${parallelism}`;
    report(scope.graph, where, { code: "PIPELINE_LOOP_INVALID", message });
  }
  if (isReference(items)) {
    const { node } = items;
    const itemType = item?.type ?? (node.form === "parameter" ? node.type.element : undefined);
    return { items: { value: node }, parallelism, itemType };
  }
  if (!Array.isArray(items) || items.length === 0) {
    const message = "parallelFor: expected a list with at least one item, or a list that a task gives";
    report(scope.graph, where, { code: "PIPELINE_LOOP_INVALID", message });
    return { items: { constant: [] }, parallelism, itemType: { parameterType: "STRING" } };
  }
  const constant = items as readonly JsonValue[];
  const itemType = item?.type ?? constantItemType(constant);
  return { items: { constant }, parallelism, itemType };
}

/** The common type of constants; members of dictionaries are joined field by field. */
function constantItemType(items: readonly JsonValue[]): TypeSpec | undefined {
  const types = items.map(typeOfConstant);
  if (!types.every(({ parameterType }) => parameterType === "STRUCT")) return commonType(types);
  const fields: Record<string, TypeSpec> = {};
  for (const name of Object.keys(types[0]?.fields ?? {})) {
    const members = types.flatMap(({ fields: all }) => (all?.[name] === undefined ? [] : [all[name]]));
    const common = members.length === types.length ? commonType(members) : undefined;
    if (common !== undefined) fields[name] = common;
  }
  return { parameterType: "STRUCT", fields };
}

function itemNode(loop: GroupNode, spec: LoopSpec, where: Trace): ValueNode {
  const origin = { kind: "item", loop } as const;
  const source = "value" in spec.items ? spec.items.value : undefined;
  if (source?.form === "artifact") {
    return { form: "artifact", origin, artifactType: source.artifactType, list: false };
  }
  const { graph } = currentScope("parallelFor", where);
  if (source !== undefined && source.type.parameterType !== "LIST") {
    const message = `parallelFor: expected a list, got ${valueText(source)}`;
    report(graph, where, { code: "PIPELINE_LOOP_INVALID", message });
  }
  const constants = "constant" in spec.items ? spec.items.constant : [];
  const { itemType } = spec;
  if (itemType === undefined || !constants.every((item) => fits(item, itemType))) {
    report(graph, where, {
      code: "PIPELINE_LOOP_ITEM_TYPE",
      message: "parallelFor: the type of the items is not known, or not the same for all",
      hint: "Say what they are, for example { item: integer() }.",
    });
  }
  return { form: "parameter", origin, type: itemType ?? { parameterType: "STRING" } };
}

function collectedNode(loop: GroupNode, of: ValueNode): ValueNode {
  const origin = { kind: "collected", loop, of } as const;
  if (of.form === "artifact") return { form: "artifact", origin, artifactType: of.artifactType, list: true };
  const flat = of.origin.kind === "collected";
  return { form: "parameter", origin, type: flat ? of.type : listOf(of.type) };
}

/** The list of a value over all iterations of the loops around it that have ended here. `outputs` does the same. */
export function collected<T>(value: CollectedRef<T>): CollectedRef<T>;
export function collected<T>(value: ParameterRef<T>): CollectedRef<T>;
export function collected<A extends string>(value: ArtifactRef<A>): ArtifactListRef<A>;
export function collected(value: Reference): Reference {
  const where = traceCaller(collected);
  const scope = currentScope("collected", where);
  const open = new Set(groupsAbove(scope.group));
  const loops = groupsAbove(placeOf(value.node)).filter((group) => group.type === "loop" && !open.has(group));
  if (loops.length === 0) {
    const message = `collected: expected a value from inside a loop, got ${valueText(value.node)}`;
    report(scope.graph, where, { code: "PIPELINE_COLLECTED_INVALID", message });
  }
  return referenceTo(loops.reduce((node, loop) => collectedNode(loop, node), value.node));
}

/**
 * Runs `exitTask` when all tasks of `body` have ended, whether they succeeded or not. The exit task is made before, at
 * the top of the pipeline, and waits for nothing else.
 */
export function exitHandler(
  exitTask: { readonly waitNode: TaskNode },
  body: () => void,
  options: { readonly displayName?: string } = {},
): Waitable & { after(...others: readonly Waitable[]): Waitable } {
  const where = traceCaller(exitHandler);
  const scope = currentScope("exitHandler", where);
  const task: TaskNode = exitTask.waitNode;
  if (scope.group.type !== "root" || task.parent !== scope.group) {
    const message = "exitHandler: expected to stand, like its exit task, at the top of the pipeline";
    report(scope.graph, where, { code: "PIPELINE_EXIT_HANDLER_INVALID", message });
  }
  const group = addGroup("exit-handler", where, { exitTask: task, ...options });
  inGroup(group, body);
  return {
    waitNode: group,
    after(...others: readonly Waitable[]) {
      group.after.push(...others.map((other) => other.waitNode));
      return this;
    },
  };
}
