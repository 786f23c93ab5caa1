/** Loops, and the lists that they make. */
import type { JsonValue } from "@sealflow/core";
import { valueText } from "./arguments.js";
import { type BodyResult, groupsAbove, placeOf, type References } from "./body.js";
import type { ParameterDefinition } from "./definitions.js";
import type { GroupNode, LoopSpec, ValueNode } from "./graph.js";
import {
  type ArtifactListRef,
  type ArtifactRef,
  isReference,
  type ParameterRef,
  type Reference,
  referenceTo,
} from "./references.js";
import { addGroup, currentScope, inGroup, report } from "./scope.js";
import type { Waitable } from "./task.js";
import { type Trace, traceCaller } from "./trace.js";
import {
  commonType,
  fits,
  type ListType,
  listOf,
  type TypeOfConstant,
  type TypeSpec,
  typeOfConstant,
} from "./value-types.js";

/** Settings of a loop. */
export interface LoopOptions<E> {
  /** The most iterations at one time; 0, the default, means no limit. */
  readonly parallelism?: number;
  readonly displayName?: string;
  /** What the items are, where the list's type does not say. */
  readonly item?: ParameterDefinition<E>;
}

/** A loop: its outputs are lists with one element per iteration, in order. */
export interface Loop<R> extends Waitable {
  readonly outputs: CollectedOutputs<R>;
  after(...others: readonly Waitable[]): this;
}

/** The lists that a loop's results become. */
export type CollectedOutputs<R> = R extends References
  ? { readonly [K in keyof R]: Collected<R[K]> }
  : object;
type Collected<V> = [V] extends [ParameterRef<infer T>]
  ? ParameterRef<ListType<T>>
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
  return { form: "parameter", origin, type: listOf(of.type) };
}

/** The list of a value over all iterations of the loops around it that have ended here. `outputs` does the same. */
export function collected<T>(value: ParameterRef<T>): ParameterRef<ListType<T>>;
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
