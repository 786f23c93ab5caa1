import type { PipelineSpec } from "../ir/types.js";
import type { RunContext } from "./types.js";

/**
 * A run's context with what the spec adds where it is left open: the job's resource name, which as with the official
 * backend begins with the pipeline's name, and the pipeline root. Whoever resolves an executor's placeholders passes
 * this one, so that they say the same as the interpreter's inputs.
 */
export function completeContext(spec: PipelineSpec, context: RunContext): RunContext {
  const pipelineRoot = context.pipelineRoot ?? spec.defaultPipelineRoot;
  return {
    ...context,
    resourceName: context.resourceName ?? `${spec.pipelineInfo.name}-${context.runId}`,
    ...(pipelineRoot === undefined ? {} : { pipelineRoot }),
  };
}
