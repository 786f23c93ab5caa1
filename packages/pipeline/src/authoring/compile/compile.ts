import { type JsonObject, throwFindings } from "@sealflow/core";
import type { PipelineDocument, PlatformSpec } from "../../ir/types.js";
import { SCHEMA_VERSION } from "../../ir/types.js";
import type { Graph } from "../graph.js";
import type { PipelineDefinition } from "../pipeline.js";
import { tasksOf } from "./group-names.js";
import { Registry, type Sources } from "./registry.js";

/** What compiling needs besides the pipeline. */
export interface CompileOptions {
  /**
   * Descriptions of the Python files behind the components, by URL: what `python -m sealflow.signatures` prints.
   * `componentSources` lists the URLs.
   */
  readonly sources?: Sources;
}

/**
 * Compiles a pipeline into a document that Kubeflow Pipelines accepts unchanged. The same pipeline and sources give the
 * same document.
 *
 * @throws SealflowError what was found wrong, or SealflowErrors `PIPELINE_AUTHORING_INVALID` with all findings, each
 * with the file and line of the call.
 */
export function compilePipeline(definition: AnyPipeline, options: CompileOptions = {}): PipelineDocument {
  const graph = definition.build();
  const registry = new Registry(options.sources ?? {});
  const root = registry.graph(graph);
  throwFindings(registry.findings, {
    code: "PIPELINE_AUTHORING_INVALID",
    message: `pipeline ${graph.name}: ${registry.findings.length} findings`,
  });
  const platform = platformOf(registry, graph.config);
  return {
    spec: {
      pipelineInfo: infoOf(graph),
      schemaVersion: SCHEMA_VERSION,
      sdkVersion: "sealflow-0.1.0",
      ...(graph.pipelineRoot === undefined ? {} : { defaultPipelineRoot: graph.pipelineRoot }),
      components: registry.components,
      deploymentSpec: { executors: registry.executors },
      root,
    },
    ...(platform === undefined ? {} : { platform }),
  };
}

/** Any pipeline, whatever its inputs and outputs. */
export type AnyPipeline = Pick<PipelineDefinition, "build" | "pipelineName">;

/** URLs of the Python files whose code a pipeline embeds, sorted. */
export function componentSources(definition: AnyPipeline): string[] {
  const urls = new Set<string>();
  const seen = new Set<Graph>();
  const visit = (graph: Graph): void => {
    if (seen.has(graph)) return;
    seen.add(graph);
    for (const { component } of tasksOf(graph.root)) {
      const { implementation } = component;
      if (implementation.kind === "pipeline") visit(implementation.graph());
      else if (implementation.kind === "python" && implementation.inImage === undefined)
        urls.add(implementation.source);
    }
  };
  visit(definition.build());
  return [...urls].sort();
}

function infoOf({ name, displayName, description }: Graph): PipelineDocument["spec"]["pipelineInfo"] {
  return {
    name,
    ...(displayName === undefined ? {} : { displayName }),
    ...(description === undefined ? {} : { description }),
  };
}

function platformOf(registry: Registry, config: JsonObject | undefined): PlatformSpec | undefined {
  const executors = registry.platformExecutors;
  const deploymentSpec = Object.keys(executors).length === 0 ? {} : { deploymentSpec: { executors } };
  const pipelineConfig =
    config === undefined || Object.keys(config).length === 0 ? {} : { pipelineConfig: config };
  const kubernetes = { ...deploymentSpec, ...pipelineConfig };
  return Object.keys(kubernetes).length === 0 ? undefined : { platforms: { kubernetes } };
}
