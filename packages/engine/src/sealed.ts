/** The entry for programs that open projects of sealed runs, or keep a broker's records: it loads all that takes. */
export { checkpointFile, RecordFile } from "./sealed/broker-files.js";
export { type ProjectAnchors, SealedProject, type SealedProjectOptions } from "./sealed/project.js";
