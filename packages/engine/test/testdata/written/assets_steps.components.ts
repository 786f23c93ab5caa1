// Generated from assets_steps.py by "sealflow components generate"; changes here are lost.
import * as sealflow from "@sealflow/pipeline";

const source = new URL("./assets_steps.py", import.meta.url).href;

export const words = sealflow.pythonComponent({
  source,
  function: "words",
  signature: "sha256:c9f72e9c79277321627a23903723a475e17b82c5483d44e92cfda818fa84e26b",
  inputs: {
    again: sealflow.integer(),
  },
  outputs: {
    Output: sealflow.string(),
  },
});
