export * from "./artifacts/plots.js";
export * from "./authoring/index.js";
export { completeContext } from "./interpreter/complete-context.js";
export {
  type ArtifactList,
  type ExecutorInput,
  type ExecutorLocations,
  executorInputOf,
  type RuntimeArtifact,
} from "./interpreter/executor-input.js";
export { createInterpretation } from "./interpreter/interpretation.js";
export type { RunPlaceholders } from "./interpreter/placeholder-text.js";
export {
  localPathOf,
  type PlaceholderScope,
  resolvePlaceholder,
  resolvePlaceholders,
} from "./interpreter/placeholders.js";
export { checkRunParameters, type RunArtifacts } from "./interpreter/run-parameters.js";
export { taskIdOf } from "./interpreter/task-id.js";
export * from "./interpreter/types.js";
export { dependenciesOf } from "./ir/dependencies.js";
export { type Finding, findingError } from "./ir/finding.js";
export { locksOf, SEALFLOW_PLATFORM, withLocks } from "./ir/locks.js";
export { type ParseOptions, parsePipelineDocument } from "./ir/parse.js";
export { type DocumentPath, pathText } from "./ir/path.js";
export * from "./ir/types.js";
export { validatePipeline } from "./ir/validate/validate.js";
export { lintPipeline } from "./lint/lint.js";
export { LINT_TARGETS, type LintTarget } from "./lint/target.js";
