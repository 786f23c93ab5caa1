export { type ArtifactRequest, remoteArtifact } from "./artifact.js";
export * from "./contexts.js";
export { type DexLogin, dexSession } from "./dex.js";
export { type LogRequest, remoteLog } from "./logs.js";
export { openSession, type Session } from "./session.js";
export { type Submission, submitRun } from "./submit.js";
export { StateTeller } from "./told-by-states.js";
export { remoteEvents, type WatchOptions } from "./watch.js";
