/** What a component's inputs accept, for the editor, and the same check at run time for whatever gets past it. */
import type { JsonValue } from "@sealflow/core";
import type { Component } from "./component-model.js";
import {
  type ArtifactDefinition,
  type FilledDefinition,
  type InputDefinition,
  isFilledIn,
  type ParameterDefinition,
} from "./definitions.js";
import type { Argument, ArtifactNode, Graph, Origin, ParameterNode, ValueNode } from "./graph.js";
import {
  type ArtifactListRef,
  type ArtifactRef,
  isReference,
  isText,
  type ParameterRef,
  type Text,
} from "./references.js";
import { report, rootOf } from "./scope.js";
import type { Trace } from "./trace.js";
import { type ConstantOf, fits, isAssignable, type StringType, typeText } from "./value-types.js";

/** An artifact of the generic type fits anywhere, and everything fits where the generic type is asked for. */
type ArtifactsFor<A extends string> = A extends "system.Artifact" ? string : A | "system.Artifact";

/** What may be given for an input. */
export type ArgumentOf<D> =
  D extends ParameterDefinition<infer T>
    ? ConstantOf<T> | ParameterRef<T> | (StringType extends T ? Text : never)
    : D extends ArtifactDefinition<infer A, infer L>
      ? L extends true
        ? ArtifactListRef<ArtifactsFor<A>>
        : ArtifactRef<ArtifactsFor<A>>
      : never;

type OptionalNames<I> = {
  [K in keyof I]: I[K] extends { readonly optional: true } ? K : never;
}[keyof I];
type RequiredNames<I> = {
  [K in keyof I]: I[K] extends { readonly optional: true } | FilledDefinition ? never : K;
}[keyof I];

/** The object that a component with inputs `I` is called with. */
export type ArgumentsOf<I> = {
  readonly [K in RequiredNames<I>]: ArgumentOf<I[K]>;
} & { readonly [K in OptionalNames<I>]?: ArgumentOf<I[K]> | undefined };

/** The parameter list of a component: the object may be left out when nothing in it is required. */
export type CallOf<I> = [RequiredNames<I>] extends [never]
  ? [inputs?: ArgumentsOf<I>]
  : [inputs: ArgumentsOf<I>];

/** Where arguments are given: names the caller in messages. */
export interface CallSite {
  readonly graph: Graph;
  readonly component: Component;
  readonly where: Trace;
}

/** Turns what was given into plain data; everything wrong becomes a finding. */
export function readArguments(
  site: CallSite,
  given: Readonly<Record<string, unknown>>,
): Map<string, Argument> {
  const { inputs } = site.component;
  const read = new Map<string, Argument>();
  for (const [name, value] of Object.entries(given)) {
    const definition = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
    if (definition === undefined) reportUnknown(site, name);
    else if (value !== undefined) readArgument(site, { name, definition }, value, read);
  }
  for (const [name, definition] of Object.entries(inputs)) {
    if (!read.has(name) && isRequired(definition) && given[name] === undefined)
      reportMissing(site, name, definition);
  }
  return read;
}

interface NamedInput {
  readonly name: string;
  readonly definition: InputDefinition;
}

function readArgument(site: CallSite, input: NamedInput, value: unknown, read: Map<string, Argument>): void {
  const argument = argumentFrom(value);
  const problem = mismatch(argument, input.definition) ?? foreignValue(site.graph, argument);
  if (problem === undefined) read.set(input.name, argument);
  else {
    report(site.graph, site.where, {
      code: "PIPELINE_TYPE_MISMATCH",
      message: `${site.component.name}(${input.name}): ${problem}`,
    });
  }
}

/** Plain data behind an argument, unchecked. */
export function argumentFrom(value: unknown): Argument {
  if (isReference(value)) return { kind: "value", node: value.node };
  if (isText(value)) return { kind: "template", template: value.template };
  return { kind: "constant", value: value as JsonValue };
}

/** What is wrong with an argument, or undefined. */
function mismatch(argument: Argument, definition: InputDefinition): string | undefined {
  const wanted = definitionText(definition);
  if (isFilledIn(definition)) return `${wanted} is filled in by the pipeline: leave it out`;
  if (argument.kind === "template") {
    const text = definition.kind === "parameter" && definition.type.parameterType === "STRING";
    return text && definition.type.literals === undefined ? undefined : `expected ${wanted}, got a text`;
  }
  if (argument.kind === "constant") {
    if (definition.kind === "parameter" && fits(argument.value, definition.type)) return undefined;
    return `expected ${wanted}, got ${constantText(argument.value)}`;
  }
  return accepts(definition, argument.node)
    ? undefined
    : `expected ${wanted}, got ${valueText(argument.node)}`;
}

/** Reports defaults that are not values of their type: declarations may come from JavaScript. */
export function reportDefaults(
  graph: Graph,
  where: Trace,
  { name, inputs }: Pick<Component, "name" | "inputs">,
): void {
  for (const [input, definition] of Object.entries(inputs)) {
    if (definition.kind !== "parameter" || definition.default === undefined) continue;
    if (fits(definition.default, definition.type)) continue;
    report(graph, where, {
      code: "PIPELINE_TYPE_MISMATCH",
      message: `${name}(${input}): expected a default that is ${definitionText(definition)}, got ${constantText(definition.default)}`,
    });
  }
}

function accepts(definition: ParameterDefinition | ArtifactDefinition, node: ValueNode): boolean {
  if (definition.kind === "parameter")
    return node.form === "parameter" && isAssignable(node.type, definition.type);
  return node.form === "artifact" && node.list === definition.list && artifactsMatch(node, definition);
}

function artifactsMatch(node: ArtifactNode, { artifactType }: ArtifactDefinition): boolean {
  return (
    [node.artifactType, "system.Artifact"].includes(artifactType) || node.artifactType === "system.Artifact"
  );
}

function isRequired(definition: InputDefinition): boolean {
  return !isFilledIn(definition) && !definition.optional;
}

function reportUnknown(site: CallSite, name: string): void {
  const known = Object.keys(site.component.inputs);
  report(site.graph, site.where, {
    code: "PIPELINE_INPUT_UNKNOWN",
    message: `${site.component.name}: expected one of the inputs ${known.join(", ") || "(none)"}, got ${name}`,
  });
}

function reportMissing(site: CallSite, name: string, definition: InputDefinition): void {
  report(site.graph, site.where, {
    code: "PIPELINE_INPUT_MISSING",
    message: `${site.component.name}(${name}): expected ${definitionText(definition)}, got nothing`,
  });
}

function definitionText(definition: InputDefinition): string {
  if (definition.kind === "parameter") return typeText(definition.type);
  if (isFilledIn(definition))
    return definition.kind === "finalStatus" ? "the final status" : "the task config";
  return definition.list ? `a list of ${definition.artifactType}` : definition.artifactType;
}

/** How a value is called in messages. */
export function valueText(node: ValueNode): string {
  const type =
    node.form === "parameter" ? typeText(node.type) : `${node.list ? "a list of " : ""}${node.artifactType}`;
  return `${type} (${originText(node.origin)})`;
}

function originText(origin: Origin): string {
  switch (origin.kind) {
    case "input":
      return `input ${origin.name}`;
    case "task":
      return `${origin.task.name}.outputs.${origin.output}`;
    case "item":
      return "a loop's item";
    case "field":
      return `field ${origin.key} of ${originText(origin.of.origin)}`;
    case "collected":
      return `collected ${originText(origin.of.origin)}`;
    case "one-of":
      return "one of several branches";
  }
}

function constantText(value: unknown): string {
  if (typeof value === "number") return String(value);
  const text = typeof value === "function" ? "a function" : JSON.stringify(value);
  const shown = text === undefined ? String(value) : text;
  return shown.length > 80 ? `${shown.slice(0, 77)}...` : shown;
}

function foreignValue(graph: Graph, argument: Argument): string | undefined {
  const nodes: readonly ValueNode[] =
    argument.kind === "value"
      ? [argument.node]
      : argument.kind === "template"
        ? argument.template.parts.filter((part): part is ParameterNode => typeof part !== "string")
        : [];
  const foreign = nodes.find((node) => !belongsTo(graph, node));
  return foreign && `${originText(foreign.origin)} belongs to another pipeline: pass it as an input`;
}

/** True when a value was made while the same graph was built. */
export function belongsTo(graph: Graph, { origin }: ValueNode): boolean {
  switch (origin.kind) {
    case "input":
      return origin.graph === graph;
    case "task":
      return rootOf(origin.task) === graph.root;
    case "item":
    case "collected":
      return rootOf(origin.loop) === graph.root;
    case "field":
      return belongsTo(graph, origin.of);
    case "one-of":
      return rootOf(origin.branches) === graph.root;
  }
}
