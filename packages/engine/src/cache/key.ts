/** Cache keys: everything that a task's outputs may depend on, and nothing else. */
import { createHash } from "node:crypto";
import { canonicalJson, type Digest, type JsonObject, type JsonValue } from "@sealflow/core";
import type { ArtifactValue, DueTask } from "@sealflow/pipeline";

/** Version of the component runtime's behaviour; raised when equal inputs may give other outputs than before. */
export const RUNTIME_VERSION = 1;

/** What runs, by content. */
export type CodeIdentity =
  | {
      readonly kind: "python";
      /** Digest of what the function can reach in the component's source. */
      readonly source: Digest;
      readonly function: string;
      readonly environment: Digest;
      readonly env: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: "container";
      readonly image: string;
      readonly command: readonly string[];
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      /** What ran it: another machine's tools are not the image's. */
      readonly mode: string;
    }
  | { readonly kind: "importer"; readonly content: Digest | string; readonly metadata: JsonObject };

/** Digest of a text, for identities. */
export function textDigest(text: string): Digest {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

/**
 * The key of a task. Input artifacts count by content where it is known, else by URI; their names and places do not
 * count. A key of the author's takes the place of everything but the component's outputs.
 */
export function cacheKey(task: DueTask, code: CodeIdentity): Digest {
  const outputs = { parameters: outputTypes(task), artifacts: task.outputArtifacts };
  const own = task.caching.key;
  const what =
    own === undefined
      ? { code, parameters: task.inputs.parameters, artifacts: inputContents(task.inputs.artifacts) }
      : { own, component: task.componentName };
  return textDigest(canonicalJson({ runtime: RUNTIME_VERSION, ...what, outputs }));
}

function outputTypes(task: DueTask): JsonValue {
  return Object.fromEntries(
    Object.entries(task.outputParameters).map(([name, { parameterType }]) => [name, parameterType]),
  );
}

function inputContents(artifacts: Readonly<Record<string, readonly ArtifactValue[]>>): unknown {
  return Object.fromEntries(
    Object.entries(artifacts).map(([input, values]) => [
      input,
      values.map(({ type, metadata, digest, uri }) => ({ type, metadata, content: digest ?? uri })),
    ]),
  );
}
