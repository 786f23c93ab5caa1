// Generated from tricky-names.py by "sealflow components generate"; changes here are lost.
import * as sealflow from "../../../../src/authoring/index.js";

const source = new URL("./tricky-names.py", import.meta.url).href;

/**
 * First line with *\/ in it.
 *
 * Second paragraph.
 *
 * - `x`: An input with `code` and *\/.
 */
export const loadData = sealflow.pythonComponent({
  source,
  function: "load_data",
  signature: "sha256:9fd691b4a8698afe24eb73d5f732bfc11a38ea4db57f880e105a092cd9bc06eb",
  description: "First line with */ in it.\n\nSecond paragraph.",
  inputs: {
    x: sealflow.integer({ description: "An input with `code` and */." }),
  },
  outputs: {
    Output: sealflow.integer(),
  },
});

export const loadData_ = sealflow.pythonComponent({
  source,
  function: "loadData",
  signature: "sha256:46f8b5c1381ff96af2fd0e5d7f23157451d585d5eebb2819c2a2f9b40b0d629c",
  inputs: {
    x: sealflow.integer(),
  },
  outputs: {
    Output: sealflow.integer(),
  },
});

export const delete_ = sealflow.pythonComponent({
  source,
  function: "delete",
  signature: "sha256:b2c3a90c5e673d1877f11acdbbd1d277aad8c1f4f33aa6c62c1b09e05d4d1f36",
  inputs: {
    x: sealflow.integer(),
  },
  outputs: {
    Output: sealflow.integer(),
  },
});

export const source_ = sealflow.pythonComponent({
  source,
  function: "source",
  signature: "sha256:d2f96fccd962f9f0a68e7004bff893435cd3cf6c7af9108434ab3e81d907f23d",
  inputs: {},
  outputs: {},
});

export const sealflow_ = sealflow.pythonComponent({
  source,
  function: "sealflow",
  signature: "sha256:fb812f95ec8d698d0cf1f573ab48b4689218619a9547a360ff66bd243fb4e758",
  inputs: {},
  outputs: {},
});

export const listOf = sealflow.pythonComponent({
  source,
  function: "list_of",
  signature: "sha256:8cfac7e2c73a93de600cb35496c08cb5ea28dff780127f6b3bcf57b65c7776f3",
  inputs: {
    a: sealflow.list(),
    b: sealflow.list(),
    c: sealflow.list(sealflow.list(sealflow.integer())),
    d: sealflow.struct(sealflow.list(sealflow.string())),
    e: sealflow.struct(undefined, { default: {"k":[1,null]} }),
  },
  outputs: {
    Output: sealflow.struct(),
  },
});

export const everything = sealflow.pythonComponent({
  source,
  function: "everything",
  signature: "sha256:163595642ac59bdc61ad210b3715e25050fec8d6d697df52e673a59ca64330cd",
  inputs: {
    text: sealflow.string(),
    any_artifact: sealflow.artifact("system.Artifact"),
    many: sealflow.artifactList(sealflow.model()),
    path: sealflow.dataset(),
    status: sealflow.finalStatus(),
    maybe: sealflow.dataset({ optional: true }),
    mode: sealflow.string({ literals: ["it's","say \"x\""], default: "it's" }),
    level: sealflow.integer({ literals: [1,2], default: 2 }),
    ratio: sealflow.double({ default: 1e-7 }),
    flag: sealflow.boolean({ default: false }),
    unicode: sealflow.string({ default: "日本 😀\n" }),
  },
  outputs: {
    html: sealflow.html(),
    markdown: sealflow.markdown(),
    metrics: sealflow.metrics(),
    classes: sealflow.classificationMetrics(),
    slices: sealflow.slicedClassificationMetrics(),
    written: sealflow.double(),
    number: sealflow.integer(),
    data: sealflow.dataset(),
  },
});
