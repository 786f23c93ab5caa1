/** What inputs and outputs are declared with: `string()`, `list(integer())`, `dataset()` and so on. */
import type { JsonObject, JsonValue } from "@sealflow/core";
import type {
  AnyType,
  BooleanType,
  ConstantOf,
  DoubleType,
  IntegerType,
  ListType,
  StringType,
  StructType,
  TypeSpec,
} from "./value-types.js";

declare const valueType: unique symbol;

/** A parameter as it is declared. `O` is true when callers may leave it out. */
export interface ParameterDefinition<T = AnyType, O extends boolean = boolean> {
  readonly kind: "parameter";
  readonly type: TypeSpec;
  readonly optional: O;
  readonly default?: JsonValue;
  readonly description?: string;
  readonly [valueType]?: T;
}

/** An artifact as it is declared: `A` is its schema title, `L` is true for a list of artifacts. */
export interface ArtifactDefinition<
  A extends string = string,
  L extends boolean = boolean,
  O extends boolean = boolean,
> {
  readonly kind: "artifact";
  readonly artifactType: A;
  readonly list: L;
  readonly optional: O;
  readonly description?: string;
  /** Metadata that an output carries from the start. */
  readonly metadata?: JsonObject;
}

/** An input that receives how the tasks before it ended. Callers don't pass it. */
export interface FinalStatusDefinition {
  readonly kind: "finalStatus";
  readonly description?: string;
}

/** An input that receives the task's own settings, those that the component passes on. Callers don't pass it. */
export interface TaskConfigDefinition {
  readonly kind: "taskConfig";
  readonly description?: string;
}

/** Inputs that the backend fills in. */
export type FilledDefinition = FinalStatusDefinition | TaskConfigDefinition;

/** True for inputs that callers leave out. */
export function isFilledIn(definition: InputDefinition): definition is FilledDefinition {
  return definition.kind === "finalStatus" || definition.kind === "taskConfig";
}

/** Anything a component may take. */
export type InputDefinition = ParameterDefinition | ArtifactDefinition | FilledDefinition;

/** Anything a component may give. */
export type OutputDefinition = ParameterDefinition | ArtifactDefinition;

/** Inputs or outputs by name. */
export type Definitions<D> = Readonly<Record<string, D>>;

/** Settings of a parameter with values `V`. */
export interface ParameterOptions<V = JsonValue> {
  /** The value when callers give none; makes the parameter optional. */
  readonly default?: V;
  /** True for a parameter that may stay without any value. Default false. */
  readonly optional?: boolean;
  readonly description?: string;
}

type IsOptional<O> = O extends { readonly default: unknown } | { readonly optional: true } ? true : false;
type LiteralsIn<O, V> = O extends { readonly literals: readonly (infer L extends V)[] } ? L : V;

/** Text. With `literals` only those values are allowed, in the editor and by the backend. */
export function string<
  const O extends ParameterOptions<string> & { readonly literals?: readonly string[] } = object,
>(options?: O): ParameterDefinition<StringType<LiteralsIn<O, string>>, IsOptional<O>> {
  return parameter({ parameterType: "STRING" }, options);
}

/** A whole number. With `literals` only those values are allowed. */
export function integer<
  const O extends ParameterOptions<number> & { readonly literals?: readonly number[] } = object,
>(options?: O): ParameterDefinition<IntegerType<LiteralsIn<O, number>>, IsOptional<O>> {
  return parameter({ parameterType: "NUMBER_INTEGER" }, options);
}

/** A double-precision number. */
export function double<const O extends ParameterOptions<number> = object>(
  options?: O,
): ParameterDefinition<DoubleType, IsOptional<O>> {
  return parameter({ parameterType: "NUMBER_DOUBLE" }, options);
}

/** True or false. */
export function boolean<const O extends ParameterOptions<boolean> = object>(
  options?: O,
): ParameterDefinition<BooleanType, IsOptional<O>> {
  return parameter({ parameterType: "BOOLEAN" }, options);
}

/** A list: of any JSON, or with `element` of one type, for example `list(integer())`. */
export function list(): ParameterDefinition<ListType<AnyType>, false>;
export function list<T, const O extends ParameterOptions<readonly ConstantOf<T>[]> = object>(
  element: ParameterDefinition<T>,
  options?: O,
): ParameterDefinition<ListType<T>, IsOptional<O>>;
export function list<const O extends ParameterOptions<readonly JsonValue[]> = object>(
  element: undefined,
  options: O,
): ParameterDefinition<ListType<AnyType>, IsOptional<O>>;
export function list(element?: ParameterDefinition, options?: ParameterOptions): ParameterDefinition {
  return parameter(
    element === undefined ? { parameterType: "LIST" } : { parameterType: "LIST", element: element.type },
    options,
  );
}

type FieldTypes<F> = { readonly [K in keyof F]: F[K] extends ParameterDefinition<infer T> ? T : never };

/** A JSON object: of any shape, with one type for all members (`struct(double())`), or with named fields. */
export function struct(): ParameterDefinition<StructType<AnyType>, false>;
export function struct<T, const O extends ParameterOptions<Readonly<Record<string, ConstantOf<T>>>> = object>(
  members: ParameterDefinition<T>,
  options?: O,
): ParameterDefinition<StructType<Readonly<Record<string, T>>>, IsOptional<O>>;
export function struct<F extends Definitions<ParameterDefinition>, const O extends ParameterOptions = object>(
  fields: F,
  options?: O,
): ParameterDefinition<StructType<FieldTypes<F>>, IsOptional<O>>;
export function struct<const O extends ParameterOptions = object>(
  members: undefined,
  options: O,
): ParameterDefinition<StructType<AnyType>, IsOptional<O>>;
export function struct(
  members?: ParameterDefinition | Definitions<ParameterDefinition>,
  options?: ParameterOptions,
): ParameterDefinition {
  return parameter(structType(members), options);
}

function structType(members: ParameterDefinition | Definitions<ParameterDefinition> | undefined): TypeSpec {
  if (members === undefined) return { parameterType: "STRUCT" };
  if (isParameterDefinition(members)) return { parameterType: "STRUCT", element: members.type };
  const fields = Object.entries(members).map(([name, field]) => [name, field.type] as const);
  return { parameterType: "STRUCT", fields: Object.fromEntries(fields) };
}

function isParameterDefinition(value: object): value is ParameterDefinition {
  return "kind" in value && value.kind === "parameter" && "type" in value;
}

/** How the tasks before an exit task, or before one that ignores upstream failures, have ended. */
export function finalStatus(options: { readonly description?: string } = {}): FinalStatusDefinition {
  return { kind: "finalStatus", ...options };
}

/** The task's own settings, for a component that starts further work with them: see `passTaskConfig`. */
export function taskConfig(options: { readonly description?: string } = {}): TaskConfigDefinition {
  return { kind: "taskConfig", ...options };
}

/** Settings of an artifact input or output. */
export interface ArtifactOptions {
  /** True for an input that may stay empty. Default false. */
  readonly optional?: boolean;
  readonly description?: string;
  /** Metadata that an output carries from the start. */
  readonly metadata?: JsonObject;
}

/** An artifact of a system type or of a type of one's own, for example `artifact("system.Dataset")`. */
export function artifact<
  const A extends string = "system.Artifact",
  const O extends ArtifactOptions = object,
>(artifactType?: A, options?: O): ArtifactDefinition<A, false, IsOptional<O>> {
  const optional = (options?.optional ?? false) as IsOptional<O>;
  return {
    kind: "artifact",
    artifactType: (artifactType ?? "system.Artifact") as A,
    list: false,
    ...options,
    optional,
  };
}

/** A list of artifacts of one type: an input that takes what a loop has collected. */
export function artifactList<const A extends string, const O extends ArtifactOptions = object>(
  element: ArtifactDefinition<A, false>,
  options?: O,
): ArtifactDefinition<A, true, IsOptional<O>> {
  const optional = (options?.optional ?? false) as IsOptional<O>;
  return { kind: "artifact", artifactType: element.artifactType, list: true, ...options, optional };
}

/** Tables and other data. */
export function dataset<const O extends ArtifactOptions = object>(options?: O) {
  return artifact("system.Dataset", options);
}

/** A trained model. */
export function model<const O extends ArtifactOptions = object>(options?: O) {
  return artifact("system.Model", options);
}

/** Scalar metrics, in the artifact's metadata. */
export function metrics<const O extends ArtifactOptions = object>(options?: O) {
  return artifact("system.Metrics", options);
}

/** ROC curve and confusion matrix, in the artifact's metadata. */
export function classificationMetrics<const O extends ArtifactOptions = object>(options?: O) {
  return artifact("system.ClassificationMetrics", options);
}

/** Classification metrics per slice of the data. */
export function slicedClassificationMetrics<const O extends ArtifactOptions = object>(options?: O) {
  return artifact("system.SlicedClassificationMetrics", options);
}

/** An HTML page. */
export function html<const O extends ArtifactOptions = object>(options?: O) {
  return artifact("system.HTML", options);
}

/** A Markdown text. */
export function markdown<const O extends ArtifactOptions = object>(options?: O) {
  return artifact("system.Markdown", options);
}

function parameter<T, O extends boolean>(
  type: TypeSpec,
  options: (ParameterOptions & { readonly literals?: readonly JsonValue[] }) | undefined,
): ParameterDefinition<T, O> {
  const { literals, optional, ...rest } = options ?? {};
  return {
    kind: "parameter",
    type: literals === undefined ? type : { ...type, literals },
    ...rest,
    optional: (optional === true || rest.default !== undefined) as O,
  };
}
