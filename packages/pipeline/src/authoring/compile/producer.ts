import type { GroupNode, Origin, ParameterNode, TaskNode, ValueNode } from "../graph.js";

/** Prefix of the inputs that the compiler adds to pass values through DAGs; the Python SDK's. */
export const CHANNEL = "pipelinechannel--";

/** The node in whose DAG a value comes to be, and the key of the value among its outputs. */
export interface Producer {
  readonly node: TaskNode | GroupNode;
  readonly key: string;
}

/** Names of outputs that only exist in the compiled form. */
export interface OneOfNames {
  nameOf(origin: Extract<Origin, { kind: "one-of" }>): string;
}

/** Who puts out a value, or undefined for inputs, items and fields. */
export function producerOf({ origin }: ValueNode, names: OneOfNames): Producer | undefined {
  switch (origin.kind) {
    case "task":
      return { node: origin.task, key: origin.output };
    case "collected":
      return { node: origin.loop, key: surfacedKey(origin.of, names) };
    case "one-of":
      return { node: origin.branches, key: names.nameOf(origin) };
    default:
      return undefined;
  }
}

/** The key under which a group puts out a value that comes to be inside it. */
export function surfacedKey(inner: ValueNode, names: OneOfNames): string {
  const producer = producerOf(inner, names);
  if (producer === undefined) return "";
  return producer.node.kind === "task" ? `${CHANNEL}${producer.node.name}-${producer.key}` : producer.key;
}

/** The name of the input through which a value reaches tasks deeper down. */
export function channelName(node: ValueNode, names: OneOfNames): string {
  const { origin } = node;
  if (origin.kind === "input") return `${CHANNEL}${origin.name}`;
  if (origin.kind === "item") return itemName(origin.loop, names);
  if (origin.kind === "field") return `${channelName(origin.of, names)}-subvar-${origin.key}`;
  const producer = producerOf(node, names);
  return producer === undefined ? CHANNEL : `${CHANNEL}${producer.node.name}-${producer.key}`;
}

/** The name of a loop's item among the inputs of the loop's component. */
export function itemName(loop: GroupNode, names: OneOfNames): string {
  const items = loop.loop?.items;
  if (items !== undefined && "value" in items) return `${channelName(items.value, names)}-loop-item`;
  return `${CHANNEL}${loop.loop?.itemName ?? "loop-item"}`;
}

/** The struct behind nested fields, and the path into it. */
export function fieldPath(node: ParameterNode): {
  readonly base: ParameterNode;
  readonly path: readonly string[];
} {
  const path: string[] = [];
  let base = node;
  while (base.origin.kind === "field") {
    path.unshift(base.origin.key);
    base = base.origin.of;
  }
  return { base, path };
}
