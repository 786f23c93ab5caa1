export * from "./authoring/index.js";
export * from "./interpreter/types.js";
export { type Finding, findingError } from "./ir/finding.js";
export { type ParseOptions, parsePipelineDocument } from "./ir/parse.js";
export { type DocumentPath, pathText } from "./ir/path.js";
export * from "./ir/types.js";
export { validatePipeline } from "./ir/validate/validate.js";
