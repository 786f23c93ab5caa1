export type { ContainerMode, Engine, EngineOptions, RunListeners, RunOptions } from "./api.js";
export { createEngine } from "./engine.js";
export { type PythonNeeds, type PythonPreparation, preparePython } from "./environments/prepare.js";
export * from "./events.js";
export { type PythonComponent, pythonComponent } from "./executors/wrapper.js";
export * from "./result.js";
export type { GcOptions, GcReport } from "./store/collection.js";
export { ensureStore, openStore, type Store } from "./store/store.js";
export { type RunDetails, type RunHeader, RunView } from "./store/summary.js";
