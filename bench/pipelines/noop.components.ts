// Generated from noop.py by "sealflow components generate"; changes here are lost.
import * as sealflow from "@sealflow/pipeline";

const source = new URL("./noop.py", import.meta.url).href;

/**
 * Nothing.
 */
export const noop = sealflow.pythonComponent({
  source,
  function: "noop",
  signature: "sha256:418ec7b725db34b8f028f0a76e14f470243a5486c496a6a11fa5c0cf65526c06",
  description: "Nothing.",
  inputs: {},
  outputs: {},
});

/**
 * The next number.
 */
export const step = sealflow.pythonComponent({
  source,
  function: "step",
  signature: "sha256:4e2916caf176f4ba348ce9559d309171b4b1d0586427c27b15e15b40afb200bb",
  description: "The next number.",
  inputs: {
    number: sealflow.integer(),
  },
  outputs: {
    Output: sealflow.integer(),
  },
});
