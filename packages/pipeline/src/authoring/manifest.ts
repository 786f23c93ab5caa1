import { SealflowError } from "@sealflow/core";
import type { PipelineDocument } from "../ir/types.js";
import { formatYaml } from "./yaml.js";

/** Names in the manifests; each has a default. */
export interface ManifestOptions {
  /** Name of the Pipeline object. Default: the pipeline's name. */
  readonly name?: string;
  /** Name of the PipelineVersion object. Default: that of the Pipeline. */
  readonly versionName?: string;
  /** Default: the pipeline's display name, else the object's name. */
  readonly displayName?: string;
  /** Default: the Pipeline's. */
  readonly versionDisplayName?: string;
  /** Namespace of both objects. Default: that of whoever applies them. */
  readonly namespace?: string;
  /** False leaves the Pipeline object out, for a further version of one that is there. Default: true. */
  readonly includePipeline?: boolean;
}

const API_VERSION = "pipelines.kubeflow.org/v2beta1";

/** Longest name of a Kubernetes object. Source: Kubernetes, DNS subdomain names (RFC 1123). */
const LONGEST_NAME = 253;

/**
 * Writes a compiled pipeline as the Kubernetes objects that Kubeflow Pipelines keeps pipelines in where it stores them
 * in the cluster: a `Pipeline` and a `PipelineVersion`, for `kubectl apply`.
 *
 * @throws SealflowError `PIPELINE_NAME_INVALID` for a name that Kubernetes refuses
 */
export function formatPipelineManifests(document: PipelineDocument, options: ManifestOptions = {}): string {
  const { spec, platform } = document;
  const { name: pipelineName, description } = spec.pipelineInfo;
  const name = checked(options.name ?? pipelineName);
  const versionName = checked(options.versionName ?? name);
  const displayName = options.displayName ?? spec.pipelineInfo.displayName ?? name;
  const metadata = options.namespace === undefined ? {} : { namespace: checked(options.namespace) };
  const described = description ? { description } : {};
  const pipeline = {
    apiVersion: API_VERSION,
    kind: "Pipeline",
    metadata: { ...metadata, name },
    spec: { displayName, ...described },
  };
  const version = {
    apiVersion: API_VERSION,
    kind: "PipelineVersion",
    metadata: { ...metadata, name: versionName },
    spec: {
      displayName: options.versionDisplayName ?? displayName,
      ...described,
      pipelineName: name,
      pipelineSpec: spec,
      ...(platform === undefined ? {} : { platformSpec: platform }),
    },
  };
  return (options.includePipeline === false ? [version] : [pipeline, version]).map(formatYaml).join("---\n");
}

function checked(name: string): string {
  if (name.length <= LONGEST_NAME && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name)) return name;
  throw new SealflowError({
    code: "PIPELINE_NAME_INVALID",
    message: `manifest: expected a Kubernetes name of lower-case letters, digits, "-" and ".", got ${JSON.stringify(name)}`,
    hint: "Kubernetes keeps the pipeline under this name; the display name is free.",
  });
}
