/** References: what stands in a pipeline function for values and artifacts that exist only when the pipeline runs. */
import { type Comparison, Condition, type Operand } from "./condition.js";
import type { ParameterDefinition } from "./definitions.js";
import type { ArtifactNode, ParameterNode, TemplateNode, ValueNode } from "./graph.js";
import { currentScope, report } from "./scope.js";
import { traceCaller } from "./trace.js";
import type {
  BooleanType,
  ConstantOf,
  DoubleType,
  IntegerType,
  ListType,
  StringType,
} from "./value-types.js";

declare const valueType: unique symbol;
declare const artifactType: unique symbol;

/** Marks references across copies of this package. */
const REFERENCE = Symbol.for("sealflow.reference");

/** Marks texts likewise. */
const TEXT = Symbol.for("sealflow.text");

/** What a value of type `T` may be compared with. */
export type Comparand<T> = [T] extends [never]
  ? string | number | boolean | ParameterRef<StringType | DoubleType | BooleanType>
  : T extends { readonly accepts: "STRING" }
    ? ConstantOf<T> | ParameterRef<StringType>
    : T extends { readonly accepts: "BOOLEAN" }
      ? boolean | ParameterRef<BooleanType>
      : T extends IntegerType | DoubleType
        ? ConstantOf<T> | ParameterRef<IntegerType | DoubleType>
        : never;

type FieldsOf<T> = T extends { readonly fields: infer F } ? (unknown extends F ? object : F) : object;

/** A parameter value that exists when the pipeline runs: an input, a task's output, a loop's item. */
export class ParameterRef<out T> {
  declare readonly [valueType]: T;
  readonly [REFERENCE] = true;
  readonly node: ParameterNode;

  constructor(node: ParameterNode) {
    this.node = node;
  }

  /** True when the values are equal. */
  equals<U>(this: ParameterRef<U>, other: Comparand<U>): Condition {
    return compare(this.node, "==", other);
  }

  /** True when the values differ. */
  notEquals<U>(this: ParameterRef<U>, other: Comparand<U>): Condition {
    return compare(this.node, "!=", other);
  }

  /** True when this value is smaller; strings are ordered by code points. */
  lessThan<U>(this: ParameterRef<U>, other: Comparand<U>): Condition {
    return compare(this.node, "<", other);
  }

  /** True when this value is smaller or equal. */
  atMost<U>(this: ParameterRef<U>, other: Comparand<U>): Condition {
    return compare(this.node, "<=", other);
  }

  /** True when this value is greater. */
  greaterThan<U>(this: ParameterRef<U>, other: Comparand<U>): Condition {
    return compare(this.node, ">", other);
  }

  /** True when this value is greater or equal. */
  atLeast<U>(this: ParameterRef<U>, other: Comparand<U>): Condition {
    return compare(this.node, ">=", other);
  }

  /** True when this value is one of the constants, or an element of a list. */
  in<U>(this: ParameterRef<U>, list: readonly ConstantOf<U>[] | ParameterRef<ListType<U>>): Condition {
    const value: Operand = { kind: "value", node: this.node };
    if (list instanceof ParameterRef) return new Condition({ kind: "in", value, list: list.node });
    return new Condition({ kind: "in", value, list: list.map(operandOf) });
  }

  /** This value's text, for comparing a number or boolean with a string. */
  asText(): TextOf {
    return new TextOf(this.node);
  }

  /** A member of this struct. Where the struct's type does not name it, `definition` says what it is. */
  field<U, K extends keyof FieldsOf<U> & string>(this: ParameterRef<U>, key: K): ParameterRef<FieldsOf<U>[K]>;
  field<U>(key: string, definition: ParameterDefinition<U>): ParameterRef<U>;
  field(key: string, definition?: ParameterDefinition): ParameterRef<unknown> {
    const type = definition?.type ?? this.node.type.fields?.[key] ?? this.node.type.element;
    const origin = { kind: "field", of: this.node, key } as const;
    if (type === undefined) this.reportField(key);
    return new ParameterRef({ form: "parameter", origin, type: type ?? { parameterType: "STRING" } });
  }

  private reportField(key: string): void {
    const where = traceCaller(this.field);
    const known = Object.keys(this.node.type.fields ?? {});
    report(currentScope("field", where).graph, where, {
      code: "PIPELINE_TYPE_MISMATCH",
      message: `field ${key}: expected ${known.length > 0 ? `one of ${known.join(", ")}` : "a struct whose fields are known"}`,
      hint: "Say what the field is, for example field(name, integer()).",
    });
  }
}

/** The text of a value, for comparisons. */
export class TextOf {
  readonly node: ParameterNode;

  constructor(node: ParameterNode) {
    this.node = node;
  }

  /** True when the text equals a string. */
  equals(other: string | ParameterRef<StringType>): Condition {
    return new Condition({ kind: "compare", operator: "==", left: this.operand(), right: operandOf(other) });
  }

  /** True when the text differs from a string. */
  notEquals(other: string | ParameterRef<StringType>): Condition {
    return new Condition({ kind: "compare", operator: "!=", left: this.operand(), right: operandOf(other) });
  }

  private operand(): Operand {
    return { kind: "text", node: this.node };
  }
}

/** An artifact with schema title `A` that exists when the pipeline runs. */
export class ArtifactRef<out A extends string> {
  declare readonly [artifactType]: A;
  readonly [REFERENCE] = true;
  readonly node: ArtifactNode;

  constructor(node: ArtifactNode) {
    this.node = node;
  }
}

/** A list of artifacts with schema title `A` that exists when the pipeline runs. */
export class ArtifactListRef<out A extends string> {
  declare readonly [artifactType]: A;
  readonly [REFERENCE] = true;
  readonly list = true;
  readonly node: ArtifactNode;

  constructor(node: ArtifactNode) {
    this.node = node;
  }
}

/** Any reference. */
export type Reference = ParameterRef<unknown> | ArtifactRef<string> | ArtifactListRef<string>;

/** A string with run-time values in it. */
export class Text {
  readonly [TEXT] = true;
  readonly template: TemplateNode;

  constructor(template: TemplateNode) {
    this.template = template;
  }
}

/** What may stand in a text's braces. */
export type TextPart = string | number | boolean | ParameterRef<unknown>;

/**
 * A string with run-time values in it, filled in when the task starts: ``text`rows of ${table}` ``. Strings are
 * inserted as they are, everything else as JSON.
 */
export function text(strings: TemplateStringsArray, ...values: readonly TextPart[]): Text {
  const parts: (string | ParameterNode)[] = [strings[0] ?? ""];
  for (const [index, value] of values.entries()) {
    parts.push(value instanceof ParameterRef ? value.node : String(value), strings[index + 1] ?? "");
  }
  return new Text({ parts });
}

/** True for a text made by any copy of this package. */
export function isText(value: unknown): value is Text {
  return typeof value === "object" && value !== null && TEXT in value;
}

/** True for a reference made by any copy of this package. */
export function isReference(value: unknown): value is Reference {
  return typeof value === "object" && value !== null && REFERENCE in value;
}

/** Wraps a node into the reference that fits it. */
export function referenceTo(node: ValueNode): Reference {
  if (node.form === "parameter") return new ParameterRef(node);
  return node.list ? new ArtifactListRef(node) : new ArtifactRef(node);
}

function compare(left: ParameterNode, operator: Comparison, other: unknown): Condition {
  return new Condition({
    kind: "compare",
    operator,
    left: { kind: "value", node: left },
    right: operandOf(other),
  });
}

function operandOf(value: unknown): Operand {
  if (value instanceof ParameterRef) return { kind: "value", node: value.node };
  return { kind: "constant", value: value as string | number | boolean };
}
