export { formatPipelineYaml, formatYaml } from "./authoring/yaml.js";
export * from "./interpreter/types.js";
export * from "./ir/types.js";
