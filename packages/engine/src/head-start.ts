/** The entry for programs that start workers before they load the engine itself. */
export { type HeadStart, startAhead } from "./workers/head-start.js";
