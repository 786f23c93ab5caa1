import { isJsonObject, type JsonValue } from "@sealflow/core";
import { valueText } from "../ir/parameter-types.js";
import { member } from "../ir/record.js";
import type { ExecutorInput, RuntimeArtifact } from "./executor-input.js";
import {
  expandText,
  type PlaceholderSteps,
  type RunPlaceholders,
  runPlaceholder,
} from "./placeholder-text.js";

/** What the placeholders of an executor are resolved from. */
export interface PlaceholderScope extends RunPlaceholders {
  readonly executorInput: ExecutorInput;
}

/**
 * Command and arguments with their placeholders resolved. `{"IfPresent": …}` gives any number of words, `{"Concat": …}`
 * one; they nest. Each text is expanded once: what a value holds is never read as a placeholder. Placeholders that
 * nothing stands behind (an absent optional input, an unknown name) stay as they are, as the official backend leaves
 * them.
 */
export function resolvePlaceholders(texts: readonly string[], scope: PlaceholderScope): string[] {
  return texts.flatMap((text) => {
    const structure = structureOf(text);
    return structure === undefined ? [resolvePlaceholder(text, scope)] : words(structure, scope);
  });
}

/** One text with its placeholders resolved: an image, a resource, an environment variable. */
export function resolvePlaceholder(text: string, scope: PlaceholderScope): string {
  return expandText(text, (steps) => lookUp(steps, scope));
}

/** The placeholder object that an argument is, if it is one. */
function structureOf(text: string): JsonValue | undefined {
  if (!/^\s*\{\s*"(IfPresent|Concat)"\s*:/.test(text)) return undefined;
  try {
    const parsed = JSON.parse(text) as JsonValue;
    return isStructure(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** Deepest nesting of IfPresent and Concat. */
const MAX_DEPTH = 50;

function isStructure(value: JsonValue, depth = 0): boolean {
  if (typeof value === "string") return true;
  if (depth > MAX_DEPTH) return false;
  if (Array.isArray(value)) return value.every((item: JsonValue) => isStructure(item, depth + 1));
  if (!isJsonObject(value) || Object.keys(value).length !== 1) return false;
  if (Array.isArray(value.Concat)) return isStructure(value.Concat, depth + 1);
  const choice = value.IfPresent;
  if (!isJsonObject(choice) || typeof choice.InputName !== "string") return false;
  const branches = [choice.Then ?? [], choice.Else ?? []];
  return branches.every((branch) => isStructure(branch, depth + 1));
}

function words(value: JsonValue, scope: PlaceholderScope): string[] {
  if (typeof value === "string") return [resolvePlaceholder(value, scope)];
  if (Array.isArray(value)) return value.flatMap((item: JsonValue) => words(item, scope));
  if (!isJsonObject(value)) return [];
  if (value.Concat !== undefined) return [words(value.Concat, scope).join("")];
  const choice = value.IfPresent;
  if (!isJsonObject(choice)) return [];
  const branch = isPresent(String(choice.InputName), scope.executorInput) ? choice.Then : choice.Else;
  return branch === undefined || branch === null ? [] : words(branch, scope);
}

function isPresent(name: string, { inputs }: ExecutorInput): boolean {
  const value = member(inputs.parameterValues, name);
  return (
    (value !== undefined && value !== null) || (member(inputs.artifacts, name)?.artifacts.length ?? 0) > 0
  );
}

function lookUp(steps: PlaceholderSteps, scope: PlaceholderScope): string | undefined {
  const { executorInput } = scope;
  const [side, kind, name = "", ...rest] = steps;
  if (side === undefined) return JSON.stringify(executorInput);
  if (side === "inputs" && kind === "parameters" && steps.length === 3) {
    const value = member(executorInput.inputs.parameterValues, name);
    return value === undefined ? undefined : valueText(value);
  }
  if (side === "outputs" && kind === "parameters" && rest.length === 1 && rest[0] === "output_file") {
    return member(executorInput.outputs.parameters, name)?.outputFile;
  }
  if (side === "outputs" && kind === "output_file" && steps.length === 2)
    return executorInput.outputs.outputFile;
  if (side === "outputMetadataUri" && steps.length === 1) return executorInput.outputs.outputFile;
  if ((side === "inputs" || side === "outputs") && kind === "artifacts" && steps.length >= 3) {
    const list = member(executorInput[side].artifacts, name)?.artifacts;
    return list === undefined ? undefined : artifactText(list, rest, scope);
  }
  return runPlaceholder(steps, scope);
}

/** Text of a placeholder about artifacts: the list, or a property of the first. */
function artifactText(
  list: readonly RuntimeArtifact[],
  rest: PlaceholderSteps,
  scope: PlaceholderScope,
): string | undefined {
  if (rest.length === 0) return JSON.stringify(list);
  const [artifact] = list;
  const [property, key] = rest;
  if (artifact === undefined) return undefined;
  if (property === "metadata" && rest.length === 2) {
    const value = member(artifact.metadata, key ?? "");
    return value === undefined ? undefined : valueText(value);
  }
  if (rest.length !== 1) return undefined;
  if (property === "uri") return artifact.uri;
  if (property === "path") return artifactPath(artifact, runPlaceholder(["workspace_path"], scope) ?? "");
  if (property === "name") return artifact.name;
  return property === "metadata" ? JSON.stringify(artifact.metadata) : undefined;
}

/** Local prefixes of remote schemes. Source: kubeflow/pipelines, backend/src/v2/component, LocalPathForURI. */
const MOUNTS: Readonly<Record<string, string>> = { gs: "/gcs/", s3: "/s3/", minio: "/minio/" };

/** Path at which a component sees an artifact's URI; paths and `file:` URIs stand for themselves. */
export function localPathOf(uri: string): string {
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/s.exec(uri);
  if (match === null) return uri;
  const [, scheme = "", rest = ""] = match;
  if (scheme === "file") return decoded(rest);
  if (scheme === "oci") return `/oci/${rest.replaceAll("/", "_")}/models`;
  const mount = member(MOUNTS, scheme);
  return mount === undefined ? uri : mount + rest;
}

function decoded(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

/** A component's path of an artifact: its custom path, its place in the workspace, or where its URI is mounted. */
function artifactPath(artifact: RuntimeArtifact, workspace: string): string {
  if (artifact.localPath !== undefined)
    return artifact.uri.startsWith("oci://") ? `${artifact.localPath}/models` : artifact.localPath;
  if (artifact.customPath !== undefined && artifact.customPath !== "") return artifact.customPath;
  const path = localPathOf(artifact.uri);
  if (artifact.metadata._kfp_workspace !== true) return path;
  return `${workspace}/.artifacts/${path.replace(/^\/+/, "")}`;
}
