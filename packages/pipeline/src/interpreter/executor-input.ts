import type { JsonObject, JsonValue } from "@sealflow/core";
import { setMember } from "../ir/record.js";
import type { ArtifactTypeSchema } from "../ir/types.js";
import type { ArtifactValue, DueTask } from "./types.js";

/** `RuntimeArtifact` of an executor input. */
export interface RuntimeArtifact {
  readonly name: string;
  readonly type: ArtifactTypeSchema;
  readonly uri: string;
  readonly metadata: JsonObject;
  readonly customPath?: string;
  /** Not of KFP: where the content of a remote artifact stands on this machine. */
  readonly localPath?: string;
}

/** A list of artifacts under an input's or output's name. */
export interface ArtifactList {
  readonly artifacts: readonly RuntimeArtifact[];
}

/** KFP's executor input. Source: api/v2alpha1/pipeline_spec.proto, ExecutorInput, in protojson's spelling. */
export interface ExecutorInput {
  readonly inputs: {
    readonly parameterValues: Readonly<Record<string, JsonValue>>;
    readonly artifacts: Readonly<Record<string, ArtifactList>>;
  };
  readonly outputs: {
    readonly parameters: Readonly<Record<string, { readonly outputFile: string }>>;
    readonly artifacts: Readonly<Record<string, ArtifactList>>;
    readonly outputFile: string;
  };
}

/** Where a task reads and writes on the machine that runs it. */
export interface ExecutorLocations {
  /** File that the executor output is written to. */
  readonly outputFile: string;
  /** File that an output parameter's text is written to. */
  outputParameter(name: string): string;
  /** URI (or path) that an output artifact is written to. */
  outputArtifact(name: string): string;
  /** URI (or path) that an input artifact is read from; default: the artifact's own. */
  inputArtifact?(artifact: ArtifactValue, at: { readonly input: string; readonly index: number }): string;
}

/** The executor input of a due task, with everything it reads and writes at the given places. */
export function executorInputOf(task: DueTask, locations: ExecutorLocations): ExecutorInput {
  const inputs: Record<string, ArtifactList> = {};
  for (const [input, list] of Object.entries(task.inputs.artifacts)) {
    const artifacts = list.map((artifact, index) =>
      runtimeArtifact(artifact, locations.inputArtifact?.(artifact, { input, index }) ?? artifact.uri),
    );
    setMember(inputs, input, { artifacts });
  }
  const parameters: Record<string, { outputFile: string }> = {};
  for (const name of Object.keys(task.outputParameters)) {
    setMember(parameters, name, { outputFile: locations.outputParameter(name) });
  }
  const outputs: Record<string, ArtifactList> = {};
  for (const [name, definition] of Object.entries(task.outputArtifacts)) {
    const artifact = {
      name,
      type: definition.artifactType,
      uri: locations.outputArtifact(name),
      metadata: definition.metadata ?? {},
    };
    setMember(outputs, name, { artifacts: [artifact] });
  }
  return {
    inputs: { parameterValues: task.inputs.parameters, artifacts: inputs },
    outputs: { parameters, artifacts: outputs, outputFile: locations.outputFile },
  };
}

function runtimeArtifact(artifact: ArtifactValue, uri: string): RuntimeArtifact {
  const { name, type, metadata, customPath, localPath } = artifact;
  return {
    ...{ name, type, uri, metadata },
    ...(customPath === undefined ? {} : { customPath }),
    ...(localPath === undefined ? {} : { localPath }),
  };
}
