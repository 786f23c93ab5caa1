import type { JsonValue } from "@sealflow/core";
import type { Expression } from "../ir/expression.js";
import { failure } from "./failure.js";
import type { ArtifactValue, TaskInputValues } from "./types.js";

/**
 * Whether a task is triggered: its condition over the inputs, under the field names of the proto's ExecutorInput.
 *
 * @throws SealflowError `INTERPRETER_CONDITION_FAILED` when the condition has no value or one that is not a boolean.
 */
export function isTriggered(condition: Expression, inputs: TaskInputValues): boolean {
  let value: JsonValue;
  try {
    value = condition.evaluate({
      inputs: { parameter_values: inputs.parameters, parameters: {}, artifacts: artifactLists(inputs) },
      outputs: { parameters: {}, artifacts: {}, output_file: "" },
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw failure("INTERPRETER_CONDITION_FAILED", `condition: ${reason}`);
  }
  if (typeof value === "boolean") return value;
  throw failure(
    "INTERPRETER_CONDITION_FAILED",
    `condition ${JSON.stringify(condition.text)}: expected true or false, got ${JSON.stringify(value)}`,
  );
}

function artifactLists(inputs: TaskInputValues): Record<string, JsonValue> {
  return Object.fromEntries(
    Object.entries(inputs.artifacts).map(([name, list]) => [name, { artifacts: list.map(artifactFields) }]),
  );
}

function artifactFields(artifact: ArtifactValue): JsonValue {
  const { type } = artifact;
  return {
    name: artifact.name,
    type: {
      schema_title: type.schemaTitle ?? "",
      schema_uri: type.schemaUri ?? "",
      instance_schema: type.instanceSchema ?? "",
      schema_version: type.schemaVersion ?? "",
    },
    uri: artifact.uri,
    metadata: artifact.metadata,
    custom_path: artifact.customPath ?? "",
  };
}
