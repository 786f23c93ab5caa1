// Generated from notebook_steps.py by "sealflow components generate"; changes here are lost.
import * as sealflow from "@sealflow/pipeline";

const source = new URL("./notebook_steps.py", import.meta.url).href;

export const report = sealflow.pythonComponent({
  source,
  function: "report",
  signature: "sha256:4919f63922d184ad5e2efa4fda85edf58fac8037d245696c3dbc09966360bf9c",
  inputs: {
    name: sealflow.string(),
    factor: sealflow.integer(),
    path: sealflow.string(),
  },
  outputs: {
    Output: sealflow.string(),
  },
});
