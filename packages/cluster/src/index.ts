export * from "./contexts/index.js";
export { GRAMINE_1_9, type GramineBuild, parseGramineOffsets, type ThreadFields } from "./gramine/build.js";
export {
  type EnclaveMeasured,
  type EnclaveRegionSummary,
  type MeasureInput,
  measureEnclave,
} from "./gramine/measure.js";
export * from "./kube/index.js";
