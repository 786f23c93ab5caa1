/** What bodies return, and where values come to be. */
import type { GroupNode, ValueNode } from "./graph.js";
import type { Reference } from "./references.js";

/** References by name. */
export type References = Readonly<Record<string, Reference>>;

/** What a branch or loop body may return: references by name, or nothing. */
// biome-ignore lint/suspicious/noConfusingVoidType: a body without results returns nothing
export type BodyResult = References | void;

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
