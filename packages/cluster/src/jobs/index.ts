export { JobsExecutor, type JobsOptions } from "./executor.js";
export { managedBy, runLabel, runName } from "./names.js";
export { type PodParts, podParts, resourcesOf } from "./platform.js";
