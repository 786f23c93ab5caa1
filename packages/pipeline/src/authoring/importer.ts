import type { JsonObject, JsonValue } from "@sealflow/core";
import { argumentFrom } from "./arguments.js";
import { addTask } from "./component.js";
import type { ImporterImplementation } from "./component-model.js";
import type { ArtifactDefinition, Definitions, InputDefinition } from "./definitions.js";
import { isReference, type ParameterRef, type Text } from "./references.js";
import type { Task } from "./task.js";
import type { StringType, TypeSpec } from "./value-types.js";

/** Metadata whose leaves may be run-time values. */
export type MetadataValue =
  | JsonValue
  | ParameterRef<unknown>
  | readonly MetadataValue[]
  | { readonly [key: string]: MetadataValue };

/** An artifact that exists already. */
export interface ImporterOptions<A extends string> {
  /** Where it is stored. */
  readonly uri: string | ParameterRef<StringType> | Text;
  /** Its type, for example `dataset()`. */
  readonly type: ArtifactDefinition<A, false>;
  readonly metadata?: { readonly [key: string]: MetadataValue };
  /** True to import again although the same address was imported before. Default false. */
  readonly reimport?: boolean;
  /** True to fetch the content into the pipeline's workspace. Default false. */
  readonly downloadToWorkspace?: boolean;
}

/** Brings an artifact that exists already into the pipeline. Its output is `artifact`. */
export function importer<A extends string>(
  options: ImporterOptions<A>,
): Task<{ readonly artifact: ArtifactDefinition<A, false, false> }> {
  const inputs: Record<string, unknown> = { uri: options.uri };
  const definitions: Record<string, InputDefinition> = { uri: parameterInput({ parameterType: "STRING" }) };
  const metadata = options.metadata && liftValues(options.metadata, inputs, definitions);
  const component = {
    name: "importer",
    inputs: definitions as Definitions<InputDefinition>,
    outputs: { artifact: { ...options.type, optional: false } },
    implementation: implementationOf(options, metadata as JsonObject | undefined),
  };
  return addTask(component, inputs, importer);
}

function implementationOf(
  options: ImporterOptions<string>,
  metadata: JsonObject | undefined,
): ImporterImplementation {
  const uri = argumentFrom(options.uri);
  return {
    kind: "importer",
    artifactType: options.type.artifactType,
    ...(uri.kind === "constant" && typeof uri.value === "string" ? { uri: uri.value } : {}),
    ...(metadata === undefined ? {} : { metadata }),
    reimport: options.reimport ?? false,
    ...(options.downloadToWorkspace ? { downloadToWorkspace: true } : {}),
  };
}

/** Run-time values in metadata become inputs named `metadata`, `metadata-2` and so on, as the Python SDK does. */
function liftValues(
  value: MetadataValue,
  inputs: Record<string, unknown>,
  definitions: Record<string, InputDefinition>,
): JsonValue {
  if (isReference(value)) {
    const count = Object.keys(definitions).length;
    const name = count === 1 ? "metadata" : `metadata-${count}`;
    inputs[name] = value;
    if (value.node.form === "parameter") definitions[name] = parameterInput(value.node.type);
    return `{{$.inputs.parameters['${name}']}}`;
  }
  if (Array.isArray(value)) return value.map((item: MetadataValue) => liftValues(item, inputs, definitions));
  if (typeof value !== "object" || value === null) return value as JsonValue;
  const members = Object.entries(value as { readonly [key: string]: MetadataValue });
  return Object.fromEntries(members.map(([key, member]) => [key, liftValues(member, inputs, definitions)]));
}

function parameterInput(type: TypeSpec): InputDefinition {
  return { kind: "parameter", type: { parameterType: type.parameterType }, optional: false };
}
