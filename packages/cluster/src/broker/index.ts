export { type CertificateTrust, checkedFetch, pinOfCertificate, pinOfServer } from "./checked-fetch.js";
export { type BrokerExposure, exposedAddress, exposureName, exposureObjects } from "./expose.js";
export { type BrokerDeployment, brokerName, brokerObjects, brokerPort } from "./objects.js";
export { openTunnel, type Tunnel, type TunnelOptions } from "./tunnel.js";
