export * from "./client.js";
export { type DrainOptions, drainNodes } from "./drain.js";
export { isNotFound, isTransient, statusOf } from "./errors.js";
export {
  type ContextChoice,
  type Environment,
  type KubeContext,
  listContexts,
  loadContext,
} from "./kubeconfig.js";
export * from "./objects.js";
export { forwardPort, type PortForward } from "./port-forward.js";
export { KubeTransport } from "./transport.js";
