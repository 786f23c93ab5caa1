/** KFP's executor input with local paths: what a component's runtime is given. */
import { fileURLToPath } from "node:url";
import type { JsonObject } from "@sealflow/core";
import type { ArtifactValue, DueTask } from "@sealflow/pipeline";
import type { OutputPlaces } from "../executors/outputs.js";

/** `ExecutorInput` (pipeline_spec.proto) of one attempt. Artifacts of this machine are named by plain paths. */
export function executorInput(task: DueTask, places: OutputPlaces): JsonObject {
  return {
    inputs: {
      parameterValues: task.inputs.parameters,
      artifacts: mapValues(task.inputs.artifacts, (values) => ({ artifacts: values.map(toRuntimeArtifact) })),
    },
    outputs: {
      parameters: mapValues(task.outputParameters, (_, name) => ({ outputFile: places.parameter(name) })),
      artifacts: mapValues(task.outputArtifacts, ({ artifactType, metadata }, name) => ({
        artifacts: [
          { name, type: { ...artifactType }, uri: places.artifact(name), metadata: metadata ?? {} },
        ],
      })),
      outputFile: places.executorOutput,
    },
  };
}

/** The component runtimes of KFP take a path for a local artifact, not a `file:` URI. */
function toRuntimeArtifact({ name, type, uri, metadata, customPath }: ArtifactValue): JsonObject {
  return {
    name,
    type: { ...type },
    uri: uri.startsWith("file:") ? fileURLToPath(uri) : uri,
    metadata,
    ...(customPath === undefined ? {} : { customPath }),
  };
}

function mapValues<T>(
  record: Readonly<Record<string, T>>,
  map: (value: T, key: string) => JsonObject,
): JsonObject {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}
