export { type BrokerExposure, exposedAddress, exposureName, exposureObjects } from "./expose.js";
export { type BrokerDeployment, brokerName, brokerObjects, brokerPort } from "./objects.js";
export { pinnedFetch, pinOfCertificate, pinOfServer } from "./pinned-fetch.js";
export { openTunnel, type Tunnel, type TunnelOptions } from "./tunnel.js";
