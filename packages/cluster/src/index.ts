export * from "./contexts/index.js";
export * from "./gramine/index.js";
export * from "./image/index.js";
export * from "./install/index.js";
export * from "./kube/index.js";
export * from "./oci/index.js";
export * from "./overlay/index.js";
export * from "./stores/index.js";
