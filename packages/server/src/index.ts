export { findServer } from "./http/address.js";
export { type RunningServer, type ServerOptions, startServer } from "./server.js";
