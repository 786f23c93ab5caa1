// Generated from steps.py by "sealflow components generate"; changes here are lost.
import * as sealflow from "@sealflow/pipeline";

const source = new URL("./steps.py", import.meta.url).href;

/**
 * Writes numbers.
 */
export const make = sealflow.pythonComponent({
  source,
  function: "make",
  signature: "sha256:ffd2aa84b247121e1c2e5174fee74900ce08a7f63927368ad564b0c478c731dd",
  description: "Writes numbers.",
  inputs: {
    count: sealflow.integer(),
  },
  outputs: {
    numbers: sealflow.dataset(),
    Output: sealflow.integer(),
  },
});

/**
 * Sums them.
 */
export const total = sealflow.pythonComponent({
  source,
  function: "total",
  signature: "sha256:933d81685aabecc5bfe6ce0f491df4766c08f8afa8017885fd96d05e82826b21",
  description: "Sums them.",
  inputs: {
    numbers: sealflow.dataset(),
  },
  outputs: {
    metrics: sealflow.metrics(),
    Output: sealflow.double(),
  },
});

/**
 * Waits, or fails when there is nothing to wait for.
 */
export const wait = sealflow.pythonComponent({
  source,
  function: "wait",
  signature: "sha256:a249a2265354e8f3c262a398edcde5d2e0ddf0e8f82d6432d8fb65e982a73dba",
  description: "Waits, or fails when there is nothing to wait for.",
  inputs: {
    seconds: sealflow.double(),
  },
  outputs: {
    Output: sealflow.string(),
  },
});
