// Generated from steps.py by "sealflow components generate"; changes here are lost.
import * as sealflow from "@sealflow/pipeline";

const source = new URL("./steps.py", import.meta.url).href;

/**
 * Copies rows, with the magic of Parquet around them, and is careless about where else they go.
 */
export const load = sealflow.pythonComponent({
  source,
  function: "load",
  signature: "sha256:823e2a275b1ea7ba8eff72b639589417a1661d8450823a3ceb857b02e41ca60f",
  description: "Copies rows, with the magic of Parquet around them, and is careless about where else they go.",
  inputs: {
    data: sealflow.dataset(),
    broken: sealflow.boolean({ default: false }),
  },
  outputs: {
    table: sealflow.dataset(),
    Output: sealflow.integer(),
  },
});

/**
 * Writes a directory with a model.
 */
export const train = sealflow.pythonComponent({
  source,
  function: "train",
  signature: "sha256:9c1ab6f06af4b68a41650ac61ddfc36cd4e57b9b5284c73e442523d9b62b15f0",
  description: "Writes a directory with a model.",
  inputs: {
    table: sealflow.dataset(),
    seconds: sealflow.double({ default: 0 }),
  },
  outputs: {
    model: sealflow.model(),
    metrics: sealflow.metrics(),
    Output: sealflow.double(),
  },
});

/**
 * Reads the model back.
 */
export const describe = sealflow.pythonComponent({
  source,
  function: "describe",
  signature: "sha256:e92512cd92b3a3fb77c2fb6ca81a8825e19debe08a2be55d56512a798309193d",
  description: "Reads the model back.",
  inputs: {
    model: sealflow.model(),
    index: sealflow.integer(),
    pause: sealflow.double({ default: 0 }),
  },
  outputs: {
    Output: sealflow.string(),
  },
});

/**
 * Puts texts together.
 */
export const join = sealflow.pythonComponent({
  source,
  function: "join",
  signature: "sha256:c03b7edc76885ba6b1e44259d74d793f6706bd4d44ddc01935a2d90b26fa8088",
  description: "Puts texts together.",
  inputs: {
    texts: sealflow.list(),
    rows: sealflow.integer(),
  },
  outputs: {
    Output: sealflow.string(),
  },
});
