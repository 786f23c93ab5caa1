export * from "./interpreter/types.js";
export * from "./ir/types.js";
