export { type BrokerServerOptions, type RunningBroker, startBrokerServer } from "./broker/server.js";
export { findServer } from "./http/address.js";
export { type RunningServer, type ServerOptions, startServer } from "./server.js";
