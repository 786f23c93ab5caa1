export {
  allPages,
  type JobSource,
  KfpClient,
  type ListOptions,
  type NewRecurringRun,
  type NewRun,
  type Upload,
} from "./client.js";
export { type LiveMessage, type LiveOptions, type LogQuery, readLog, watchRun, watchRuns } from "./live.js";
export { MetadataClient } from "./metadata/client.js";
export type {
  ExecutionState,
  MetadataArtifact,
  MetadataEvent,
  MetadataEventType,
  MetadataExecution,
} from "./metadata/messages.js";
export * from "./rows.js";
export type { ClientOptions } from "./transport.js";
export { type ApiRequest, ask, askJson } from "./transport.js";
export * from "./types.js";
