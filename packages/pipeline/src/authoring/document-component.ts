import { SealflowError } from "@sealflow/core";
import type {
  ComponentSpec,
  InputArtifactDefinition,
  InputParameterDefinition,
  PipelineDocument,
} from "../ir/types.js";
import { type ComponentFunction, componentFunction } from "./component.js";
import type { Definitions, InputDefinition, OutputDefinition } from "./definitions.js";
import type { TypeSpec } from "./value-types.js";

/** The types that a compiled document does not tell: declare what the pipeline uses of it. */
export interface DocumentComponentOptions<I, O> {
  readonly inputs: I;
  readonly outputs: O;
}

/**
 * A compiled pipeline or component, from whatever SDK, as a component. Inputs and outputs are declared for the editor;
 * they must be those of the document, with the same kinds.
 *
 * @throws SealflowError `PIPELINE_DOCUMENT_INTERFACE` when a declaration has no counterpart, or another kind.
 */
export function documentComponent<
  const I extends Definitions<InputDefinition>,
  const O extends Definitions<OutputDefinition>,
>(document: PipelineDocument, declared: DocumentComponentOptions<I, O>): ComponentFunction<I, O> {
  const { root, pipelineInfo } = document.spec;
  const inputs = inputsOf(root);
  checkDeclared("input", declared.inputs, inputs);
  checkDeclared("output", declared.outputs, outputsOf(root));
  const { description } = pipelineInfo;
  return componentFunction({
    name: pipelineInfo.name,
    ...(description === undefined ? {} : { description }),
    inputs: { ...inputs, ...declared.inputs },
    outputs: declared.outputs,
    implementation: { kind: "document", document },
  });
}

function inputsOf({ inputDefinitions }: ComponentSpec): Record<string, InputDefinition> {
  const found: Record<string, InputDefinition> = {};
  for (const [name, input] of Object.entries(inputDefinitions?.parameters ?? {}))
    found[name] = parameterOf(input);
  for (const [name, input] of Object.entries(inputDefinitions?.artifacts ?? {}))
    found[name] = artifactOf(input);
  return found;
}

function parameterOf(input: InputParameterDefinition): InputDefinition {
  const { parameterType, literals, isOptional, defaultValue } = input;
  if (parameterType === "TASK_FINAL_STATUS") return { kind: "finalStatus" };
  if (parameterType === "TASK_CONFIG") return { kind: "taskConfig" };
  const type: TypeSpec = { parameterType, ...(literals === undefined ? {} : { literals }) };
  return { kind: "parameter", type, optional: isOptional === true || defaultValue !== undefined };
}

function artifactOf(input: InputArtifactDefinition): InputDefinition {
  const artifactType = input.artifactType.schemaTitle ?? "system.Artifact";
  return {
    kind: "artifact",
    artifactType,
    list: input.isArtifactList === true,
    optional: input.isOptional === true,
  };
}

function outputsOf({ outputDefinitions }: ComponentSpec): Record<string, OutputDefinition> {
  const found: Record<string, OutputDefinition> = {};
  for (const [name, { parameterType }] of Object.entries(outputDefinitions?.parameters ?? {})) {
    found[name] = { kind: "parameter", type: { parameterType }, optional: false };
  }
  for (const [name, output] of Object.entries(outputDefinitions?.artifacts ?? {})) {
    const artifactType = output.artifactType.schemaTitle ?? "system.Artifact";
    found[name] = { kind: "artifact", artifactType, list: output.isArtifactList === true, optional: false };
  }
  return found;
}

/** Refuses declarations that are not those of a component. */
export function checkDeclared(
  what: "input" | "output",
  declared: Definitions<InputDefinition>,
  actual: Definitions<InputDefinition>,
): void {
  for (const [name, definition] of Object.entries(declared)) {
    const found = Object.hasOwn(actual, name) ? actual[name] : undefined;
    if (found !== undefined && kindText(found) === kindText(definition)) continue;
    const got = found === undefined ? "none of this name" : kindText(found);
    throw new SealflowError({
      code: "PIPELINE_DOCUMENT_INTERFACE",
      message: `${what} ${name}: declared as ${kindText(definition)}, the component has ${got}`,
    });
  }
}

function kindText(definition: InputDefinition): string {
  if (definition.kind === "parameter") return definition.type.parameterType;
  if (definition.kind === "finalStatus") return "TASK_FINAL_STATUS";
  if (definition.kind === "taskConfig") return "TASK_CONFIG";
  return definition.list ? `a list of ${definition.artifactType}` : definition.artifactType;
}
