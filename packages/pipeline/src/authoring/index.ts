export type {
  ComponentFile,
  EmbeddedFiles,
  FunctionSignature,
  LocalModule,
  Requirements,
} from "../components/component-file.js";
export {
  type GenerateOptions,
  generateComponents,
  throwComponentFindings,
} from "../components/generate.js";
export { reachableSource } from "../components/reachable-source.js";
export { type Branches, type CompleteBranches, oneOf, when } from "./branches.js";
export {
  type AnyPipeline,
  type CompileOptions,
  compilePipeline,
  componentSources,
} from "./compile/compile.js";
export type { Sources } from "./compile/registry.js";
export {
  type ComponentFunction,
  inImage,
  type PythonComponentOptions,
  passTaskConfig,
  pythonComponent,
} from "./component.js";
export type { TaskConfigField, TaskConfigPassthrough } from "./component-model.js";
export { type YamlComponentOptions, yamlComponent } from "./component-yaml.js";
export { and, not, or, type Test } from "./compose.js";
export { Condition } from "./condition.js";
export {
  type ContainerComponentOptions,
  type ContainerContext,
  concat,
  containerComponent,
  ifPresent,
  Placeholder,
  type Word,
} from "./container.js";
export * from "./definitions.js";
export { type DocumentComponentOptions, documentComponent } from "./document-component.js";
export { exitHandler } from "./exit-handler.js";
export { type ImporterOptions, importer } from "./importer.js";
export * as kubernetes from "./kubernetes.js";
export { collected, type Loop, type LoopOptions, parallelFor } from "./loops.js";
export { formatPipelineManifests, type ManifestOptions } from "./manifest.js";
export {
  isPipeline,
  PIPELINE_BRAND,
  type PipelineConfig,
  type PipelineDefinition,
  type PipelineInput,
  type PipelineOptions,
  pipeline,
} from "./pipeline.js";
export type { CpuQuantity, MemoryQuantity } from "./quantities.js";
export {
  ArtifactListRef,
  ArtifactRef,
  ParameterRef,
  type Reference,
  Text,
  text,
} from "./references.js";
export * as runValues from "./run-values.js";
export { type RetryOptions, Task, type Waitable } from "./task.js";
export type * from "./value-types.js";
export { formatPipelineYaml, formatYaml } from "./yaml.js";
