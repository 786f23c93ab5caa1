// Generated from steps.py by "sealflow components generate"; changes here are lost.
import * as sealflow from "@sealflow/pipeline";

const source = new URL("./steps.py", import.meta.url).href;

/**
 * Draws points around the line y = 2x + 1.
 *
 * - `rows`: How many points.
 * - `seed`: Makes the same points each time.
 */
export const makeData = sealflow.pythonComponent({
  source,
  function: "make_data",
  signature: "sha256:de7d908b6df906b52ded6f2f227327bd5073d2bbda9072ef65682585df6dc063",
  description: "Draws points around the line y = 2x + 1.",
  inputs: {
    rows: sealflow.integer({ description: "How many points." }),
    seed: sealflow.integer({ description: "Makes the same points each time." }),
  },
  outputs: {
    table: sealflow.dataset(),
    Output: sealflow.integer(),
  },
});

/**
 * Fits a line and returns its slope.
 */
export const fitLine = sealflow.pythonComponent({
  source,
  function: "fit_line",
  signature: "sha256:808799d60475faf446ab3070990c2bbaa54ac11fcd4ac94b36e4419490938f32",
  description: "Fits a line and returns its slope.",
  inputs: {
    table: sealflow.dataset(),
  },
  outputs: {
    metrics: sealflow.metrics(),
    Output: sealflow.double(),
  },
});
