// Generated from steps.py by "sealflow components generate"; changes here are lost.
import * as sealflow from "@sealflow/pipeline";

const source = new URL("./steps.py", import.meta.url).href;

/**
 * Writes a table.
 */
export const makeData = sealflow.pythonComponent({
  source,
  function: "make_data",
  signature: "sha256:de7d908b6df906b52ded6f2f227327bd5073d2bbda9072ef65682585df6dc063",
  description: "Writes a table.",
  inputs: {
    rows: sealflow.integer(),
    seed: sealflow.integer(),
  },
  outputs: {
    table: sealflow.dataset(),
    Output: sealflow.integer(),
  },
});

/**
 * Trains, as far as the pages can tell.
 */
export const train = sealflow.pythonComponent({
  source,
  function: "train",
  signature: "sha256:5f9697e260a39a0d95d94ca133ee09830f7bac7024f43ffb4673c7269f6442e6",
  description: "Trains, as far as the pages can tell.",
  inputs: {
    table: sealflow.dataset(),
    rate: sealflow.double(),
    pause: sealflow.double(),
  },
  outputs: {
    metrics: sealflow.metrics(),
    Output: sealflow.double(),
  },
});

/**
 * Draws a curve.
 */
export const evaluate = sealflow.pythonComponent({
  source,
  function: "evaluate",
  signature: "sha256:ea656c976e0245094536638d5ee5608a507b695901839d4a756c32488234e5e8",
  description: "Draws a curve.",
  inputs: {
    losses: sealflow.list(),
  },
  outputs: {
    curve: sealflow.classificationMetrics(),
    Output: sealflow.double(),
  },
});

/**
 * Fails when it is called for the first time.
 */
export const flaky = sealflow.pythonComponent({
  source,
  function: "flaky",
  signature: "sha256:5a625519c23435fe32557de21f205a2838fbed8f580e94465ccae2905a44409d",
  description: "Fails when it is called for the first time.",
  inputs: {
    marker: sealflow.string(),
  },
  outputs: {
    Output: sealflow.string(),
  },
});

/**
 * Writes pages, one of which tries to run a script.
 */
export const publish = sealflow.pythonComponent({
  source,
  function: "publish",
  signature: "sha256:9590dd92999ac467cb764677489373dc69205b7a536c2d2ab472d11d1e1f43c0",
  description: "Writes pages, one of which tries to run a script.",
  inputs: {
    auc: sealflow.double(),
  },
  outputs: {
    page: sealflow.html(),
    notes: sealflow.markdown(),
    Output: sealflow.string(),
  },
});

/**
 * Fails on text.
 */
export const explode = sealflow.pythonComponent({
  source,
  function: "explode",
  signature: "sha256:9076c544d310688e3d5c09d8858f5f8c81bcfaadbf33ef32ae148b0fb7939111",
  description: "Fails on text.",
  inputs: {
    table: sealflow.dataset(),
    column: sealflow.string(),
  },
  outputs: {
    Output: sealflow.double(),
  },
});
