/** Declarations in the spec's form. */
import type { JsonValue } from "@sealflow/core";
import type {
  ArtifactTypeSchema,
  ComponentSpec,
  InputArtifactDefinition,
  InputParameterDefinition,
  OutputArtifactDefinition,
  OutputParameterDefinition,
} from "../../ir/types.js";
import {
  type ArtifactDefinition,
  type Definitions,
  type InputDefinition,
  isFilledIn,
  type OutputDefinition,
  type ParameterDefinition,
} from "../definitions.js";

/** Inputs and outputs of a component. */
export function interfaceOf(
  inputs: Definitions<InputDefinition>,
  outputs: Definitions<OutputDefinition>,
): Pick<ComponentSpec, "inputDefinitions" | "outputDefinitions"> {
  const inputParameters: Record<string, InputParameterDefinition> = {};
  const inputArtifacts: Record<string, InputArtifactDefinition> = {};
  for (const [name, input] of Object.entries(inputs)) {
    if (input.kind === "artifact") inputArtifacts[name] = inputArtifact(input);
    else inputParameters[name] = inputParameter(input);
  }
  const outputParameters: Record<string, OutputParameterDefinition> = {};
  const outputArtifacts: Record<string, OutputArtifactDefinition> = {};
  for (const [name, output] of Object.entries(outputs)) {
    if (output.kind === "artifact") outputArtifacts[name] = outputArtifact(output);
    else outputParameters[name] = { parameterType: output.type.parameterType, ...describe(output) };
  }
  return definitionsOf(
    { parameters: inputParameters, artifacts: inputArtifacts },
    { parameters: outputParameters, artifacts: outputArtifacts },
  );
}

interface Members<P, A> {
  readonly parameters: Readonly<Record<string, P>>;
  readonly artifacts: Readonly<Record<string, A>>;
}

/** Leaves out what is empty. */
export function definitionsOf(
  inputs: Members<InputParameterDefinition, InputArtifactDefinition>,
  outputs: Members<OutputParameterDefinition, OutputArtifactDefinition>,
): Pick<ComponentSpec, "inputDefinitions" | "outputDefinitions"> {
  const inputDefinitions = nonEmpty(inputs);
  const outputDefinitions = nonEmpty(outputs);
  return {
    ...(inputDefinitions === undefined ? {} : { inputDefinitions }),
    ...(outputDefinitions === undefined ? {} : { outputDefinitions }),
  };
}

/** The members of a record that are not empty themselves, or undefined when there is none. */
export function nonEmpty<T extends object>(record: T): Partial<T> | undefined {
  const entries = Object.entries(record).filter(([, value]) => Object.keys(value as object).length > 0);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as Partial<T>);
}

function inputParameter(input: Exclude<InputDefinition, ArtifactDefinition>): InputParameterDefinition {
  if (isFilledIn(input)) {
    const parameterType = input.kind === "finalStatus" ? "TASK_FINAL_STATUS" : "TASK_CONFIG";
    return { parameterType, isOptional: true, ...describe(input) };
  }
  return {
    parameterType: input.type.parameterType,
    ...(input.optional ? { isOptional: true } : {}),
    ...(input.default === undefined ? {} : { defaultValue: input.default }),
    ...literalsOf(input),
    ...describe(input),
  };
}

function literalsOf(input: ParameterDefinition): { readonly literals?: readonly JsonValue[] } {
  return input.type.literals === undefined ? {} : { literals: input.type.literals };
}

function inputArtifact(input: ArtifactDefinition): InputArtifactDefinition {
  return {
    artifactType: artifactSchema(input.artifactType),
    ...(input.list ? { isArtifactList: true } : {}),
    ...(input.optional ? { isOptional: true } : {}),
    ...describe(input),
  };
}

function outputArtifact(output: ArtifactDefinition): OutputArtifactDefinition {
  return {
    artifactType: artifactSchema(output.artifactType),
    ...(output.list ? { isArtifactList: true } : {}),
    ...(output.metadata === undefined ? {} : { metadata: output.metadata }),
    ...describe(output),
  };
}

function describe(of: { readonly description?: string }): { readonly description?: string } {
  return of.description === undefined ? {} : { description: of.description };
}

/** A schema title in the spec's form; all types known to Kubeflow have this version. */
export function artifactSchema(schemaTitle: string): ArtifactTypeSchema {
  return { schemaTitle, schemaVersion: "0.0.1" };
}
