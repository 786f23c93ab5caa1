// Generated from steps.py by "sealflow components generate"; changes here are lost.
import * as sealflow from "@sealflow/pipeline";

const source = new URL("./steps.py", import.meta.url).href;

/**
 * Makes loan applications from published statistics, as a CSV file.
 */
export const generateData = sealflow.pythonComponent({
  source,
  function: "generate_data",
  signature: "sha256:e0444dce4bc51c291af746a059a3c02f3036487aabc31b928f5924bd3b8d3dc2",
  description: "Makes loan applications from published statistics, as a CSV file.",
  inputs: {
    rows: sealflow.integer({ default: 32581 }),
    seed: sealflow.integer({ default: 0 }),
  },
  outputs: {
    dataset: sealflow.dataset(),
  },
});

/**
 * Reads a CSV file, checks it against the schema, and describes its data. Gives the number of rows.
 */
export const loadData = sealflow.pythonComponent({
  source,
  function: "load_data",
  signature: "sha256:30c539c957edf847c3431b89a92559739e4b24aad9495b678c96462b5bbfd5c0",
  description: "Reads a CSV file, checks it against the schema, and describes its data. Gives the number of rows.",
  inputs: {
    data: sealflow.dataset(),
    drop_duplicates: sealflow.boolean({ default: false }),
    drop_impossible: sealflow.boolean({ default: false }),
    sha256: sealflow.string({ default: "" }),
  },
  outputs: {
    loans: sealflow.dataset(),
    quality: sealflow.markdown(),
    quality_report: sealflow.artifact("system.Artifact"),
    Output: sealflow.integer(),
  },
});

/**
 * Splits the loans, stratified; then enlarges the training rows to `augment_rows`, if that is above 0.
 */
export const splitData = sealflow.pythonComponent({
  source,
  function: "split_data",
  signature: "sha256:4584ec1177040ac37bb947af6bac36a0f5b6a2f8f4b9ea86460dad80935971c7",
  description: "Splits the loans, stratified; then enlarges the training rows to `augment_rows`, if that is above 0.",
  inputs: {
    loans: sealflow.dataset(),
    seed: sealflow.integer({ default: 0 }),
    test_size: sealflow.double({ default: 0.25 }),
    augment_rows: sealflow.integer({ default: 0 }),
  },
  outputs: {
    train: sealflow.dataset(),
    test: sealflow.dataset(),
    rows_train: sealflow.integer(),
    rows_test: sealflow.integer(),
    source_rows: sealflow.integer(),
  },
});

/**
 * Learns the preprocessing from the training rows, applies it to both, and keeps it as JSON.
 */
export const preprocessFeatures = sealflow.pythonComponent({
  source,
  function: "preprocess_features",
  signature: "sha256:e85a95e78339e1f55007fbfca801d8880d7d3ab6f3d0c85e4bd6b3d1966b62bf",
  description: "Learns the preprocessing from the training rows, applies it to both, and keeps it as JSON.",
  inputs: {
    train: sealflow.dataset(),
    test: sealflow.dataset(),
  },
  outputs: {
    train_features: sealflow.dataset(),
    test_features: sealflow.dataset(),
    preprocessor: sealflow.artifact("system.Artifact"),
  },
});

/**
 * Trains XGBoost and keeps the model in its own binary JSON. Gives the number of trees.
 */
export const trainModel = sealflow.pythonComponent({
  source,
  function: "train_model",
  signature: "sha256:8e69e3a5bd9398abbdce1823f05d63bbd182281ab9f6b033c7f163a6bace775c",
  description: "Trains XGBoost and keeps the model in its own binary JSON. Gives the number of trees.",
  inputs: {
    train_features: sealflow.dataset(),
    source_rows: sealflow.integer({ default: 0 }),
    seed: sealflow.integer({ default: 0 }),
    n_estimators: sealflow.integer({ default: 500 }),
    learning_rate: sealflow.double({ default: 0.02 }),
    max_depth: sealflow.integer({ default: 10 }),
    min_child_weight: sealflow.double({ default: 6 }),
    early_stopping_rounds: sealflow.integer({ default: 0 }),
  },
  outputs: {
    model: sealflow.model(),
    Output: sealflow.integer(),
  },
});

/**
 * Converts the trained model to oneDAL and keeps it in oneDAL's archive.
 */
export const convertToOnedal = sealflow.pythonComponent({
  source,
  function: "convert_to_onedal",
  signature: "sha256:cc014e532fbc94b8b4e65b6c2ddf8e5e06da30835d48f1c6ea769db5c2b5383b",
  description: "Converts the trained model to oneDAL and keeps it in oneDAL's archive.",
  inputs: {
    model: sealflow.model(),
  },
  outputs: {
    onedal_model: sealflow.model(),
  },
});

/**
 * Predicts the test rows with oneDAL, checked against XGBoost row by row. Gives the largest
 * difference.
 */
export const runInference = sealflow.pythonComponent({
  source,
  function: "run_inference",
  signature: "sha256:bbc517a740b21793f0710cd19a41794abc07f88f1ee74ce3a1440a299e2f2188",
  description: "Predicts the test rows with oneDAL, checked against XGBoost row by row. Gives the largest\ndifference.",
  inputs: {
    test_features: sealflow.dataset(),
    model: sealflow.model(),
    onedal_model: sealflow.model(),
  },
  outputs: {
    predictions: sealflow.dataset(),
    Output: sealflow.double(),
  },
});

/**
 * Draws up metrics, ROC curve, confusion matrix, calibration and feature importance.
 */
export const evaluateModel = sealflow.pythonComponent({
  source,
  function: "evaluate_model",
  signature: "sha256:dd581f48df80267dd12aec1e4b28f6638e170c64835eb891785394b371e8e0bc",
  description: "Draws up metrics, ROC curve, confusion matrix, calibration and feature importance.",
  inputs: {
    predictions: sealflow.dataset(),
    model: sealflow.model(),
  },
  outputs: {
    metrics: sealflow.metrics(),
    roc_curve: sealflow.classificationMetrics(),
    classification_report: sealflow.markdown(),
    evaluation_page: sealflow.html(),
    feature_importance: sealflow.artifact("system.Artifact"),
    calibration: sealflow.artifact("system.Artifact"),
    auc: sealflow.double(),
    accuracy: sealflow.double(),
  },
});

/**
 * Scores new applicants (CSV or JSON); rows that don't fit the schema are refused, with reasons.
 */
export const scoreApplicants = sealflow.pythonComponent({
  source,
  function: "score_applicants",
  signature: "sha256:55e313b64e92a634d6b7cd684affec96464459f589759761a8d488120fcfc30e",
  description: "Scores new applicants (CSV or JSON); rows that don't fit the schema are refused, with reasons.",
  inputs: {
    applicants: sealflow.dataset(),
    model: sealflow.model(),
    preprocessor: sealflow.artifact("system.Artifact"),
  },
  outputs: {
    scores: sealflow.artifact("system.Artifact"),
    rows_scored: sealflow.integer(),
    rows_refused: sealflow.integer(),
  },
});
