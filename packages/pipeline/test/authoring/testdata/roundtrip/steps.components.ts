// Generated from steps.py by "sealflow components generate"; changes here are lost.
import * as sealflow from "../../../../src/authoring/index.js";

const source = new URL("./steps.py", import.meta.url).href;

export const number = sealflow.pythonComponent({
  source,
  function: "number",
  signature: "sha256:aa11f16262a74b01565e3d0329408b586cfa9d618de6fa784de37af01950b624",
  inputs: {
    x: sealflow.integer({ default: 1 }),
  },
  outputs: {
    Output: sealflow.integer(),
  },
});

export const word = sealflow.pythonComponent({
  source,
  function: "word",
  signature: "sha256:8ec53fcf6b5ae3afa232905d55a31a32928bce3bbc45e4c3b7eb387cbd76f642",
  inputs: {
    text: sealflow.string(),
  },
  outputs: {
    Output: sealflow.string(),
  },
});

export const flag = sealflow.pythonComponent({
  source,
  function: "flag",
  signature: "sha256:aed23b46671102b993abded4b815a217e2ec2d4f52577b697de6595281344137",
  inputs: {},
  outputs: {
    Output: sealflow.boolean(),
  },
});

export const ratio = sealflow.pythonComponent({
  source,
  function: "ratio",
  signature: "sha256:8cb670e1470ef535159b3a5f340473fb868fe3aa5872f66e8be8502408c0f367",
  inputs: {
    x: sealflow.double({ default: 0.5 }),
  },
  outputs: {
    Output: sealflow.double(),
  },
});

export const tableOf = sealflow.pythonComponent({
  source,
  function: "table_of",
  signature: "sha256:2a876a83fc9a89207e837a0367a76ed87397c0347aabba7940e7ef16c37d07a2",
  inputs: {},
  outputs: {
    Output: sealflow.struct(sealflow.integer()),
  },
});

export const rows = sealflow.pythonComponent({
  source,
  function: "rows",
  signature: "sha256:4437ae782d313f574df2874c5dfeb3582a6afa93ccc6c1f7986a3be51e0eff57",
  inputs: {},
  outputs: {
    Output: sealflow.list(sealflow.struct(sealflow.string())),
  },
});

export const total = sealflow.pythonComponent({
  source,
  function: "total",
  signature: "sha256:7a98d2522ecfa094ba4bf04ac5787a0c104f5b43222cbe291eda0d0c5af230ab",
  inputs: {
    xs: sealflow.list(sealflow.integer()),
  },
  outputs: {
    Output: sealflow.integer(),
  },
});

export const deepTotal = sealflow.pythonComponent({
  source,
  function: "deep_total",
  signature: "sha256:8d80b09f42750ff2133de0b60c2117e524248c02c639e343c8791dd7799e12e2",
  inputs: {
    xs: sealflow.list(sealflow.list(sealflow.integer())),
  },
  outputs: {
    Output: sealflow.integer(),
  },
});

export const settings = sealflow.pythonComponent({
  source,
  function: "settings",
  signature: "sha256:85293a94d51712567e93de8b766e193820291958bda2eb6113e1ccbd1320a0fd",
  inputs: {
    options: sealflow.struct(),
    tags: sealflow.list(undefined, { default: [] }),
  },
  outputs: {
    Output: sealflow.string(),
  },
});

/**
 * Writes a table.
 *
 * - `size`: How many rows.
 */
export const make = sealflow.pythonComponent({
  source,
  function: "make",
  signature: "sha256:39810883ab5edc3ba42b2c2b76bf6da236ac63c048af9c7fc3c964f26a3a2d2b",
  description: "Writes a table.",
  inputs: {
    size: sealflow.integer({ default: 3, description: "How many rows." }),
  },
  outputs: {
    out: sealflow.dataset(),
  },
});

export const read = sealflow.pythonComponent({
  source,
  function: "read",
  signature: "sha256:094a257bceddab3e1bed9f65b0358571d9aac4ab98fa226e24951a1ecec43eee",
  inputs: {
    data: sealflow.dataset(),
  },
  outputs: {
    Output: sealflow.integer(),
  },
});

export const gather = sealflow.pythonComponent({
  source,
  function: "gather",
  signature: "sha256:f79893cd7ac291c9792b51327c101806864f7fb1b72fbc202553954d75ca1990",
  inputs: {
    parts: sealflow.artifactList(sealflow.dataset()),
  },
  outputs: {
    Output: sealflow.integer(),
  },
});

export const fit = sealflow.pythonComponent({
  source,
  function: "fit",
  signature: "sha256:f38b1a04f828ae88e7e6c6ec417e7b6e8f2971890d391b73ffa6583fa37ad705",
  inputs: {
    data: sealflow.dataset(),
    rate: sealflow.double({ default: 0.1 }),
  },
  outputs: {
    model: sealflow.model(),
    auc: sealflow.double(),
    n: sealflow.integer(),
  },
});

export const notify = sealflow.pythonComponent({
  source,
  function: "notify",
  signature: "sha256:d8f7ea6385a0b811e27f945da96290b5bcbf49b301f6f0d5661c8aeb5d416a40",
  inputs: {
    message: sealflow.string(),
    status: sealflow.finalStatus(),
  },
  outputs: {},
});

export const maybe = sealflow.pythonComponent({
  source,
  function: "maybe",
  signature: "sha256:78f7d8365ffe59e178a07dffae20c7b116e94d481da04cebd5e7f0ca7c2e0019",
  inputs: {
    data: sealflow.dataset({ optional: true }),
    text: sealflow.string({ optional: true }),
  },
  outputs: {
    Output: sealflow.string(),
  },
});

export const launch = sealflow.pythonComponent({
  source,
  function: "launch",
  signature: "sha256:1ed2a1d2321d7fd5e20649d841476f1784b3365d9d26c43b16f65e4e8447505f",
  inputs: {
    nodes: sealflow.integer(),
    config: sealflow.taskConfig(),
  },
  outputs: {
    Output: sealflow.string(),
  },
});
