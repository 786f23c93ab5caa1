// Generated from steps.py by "sealflow components generate"; changes here are lost.
import * as sealflow from "../../../../src/authoring/index.js";

const source = new URL("./steps.py", import.meta.url).href;

export const describe = sealflow.pythonComponent({
  source,
  function: "describe",
  signature: "sha256:14d416e3605fc46f6a5d4c022845d72c9b7cfb54a31de232813cc12462d83e5b",
  inputs: {
    name: sealflow.string(),
    mode: sealflow.string({ literals: ["plain","loud"], default: "plain" }),
    level: sealflow.integer({ literals: [1,2], default: 1 }),
    note: sealflow.string({ optional: true }),
  },
  outputs: {
    table: sealflow.dataset(),
    text: sealflow.string(),
    area: sealflow.integer(),
  },
});

export const measure = sealflow.pythonComponent({
  source,
  function: "measure",
  signature: "sha256:ef9c33180b271d88aaf3b841c938febcd8fda9af20f548045ed4f3fe65a96a3c",
  inputs: {
    table: sealflow.dataset(),
    factors: sealflow.list(sealflow.integer()),
  },
  outputs: {
    Output: sealflow.integer(),
  },
});
