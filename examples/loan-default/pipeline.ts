import { boolean, dataset, double, importer, integer, pipeline, string, when } from "@sealflow/pipeline";
import {
  convertToOnedal,
  evaluateModel,
  generateData,
  loadData,
  preprocessFeatures,
  runInference,
  splitData,
  trainModel,
} from "./steps.components.js";

/** From loan applications to a model that oneDAL runs, checked against XGBoost and judged on untouched rows. */
export const loanDefault = pipeline(
  {
    name: "loan-default",
    description:
      "Predicts loan defaults: load, split, preprocess, train, convert to oneDAL, predict, evaluate.",
    parameters: {
      data_path: string({
        default: "",
        description: "CSV file or address; empty: data made from statistics",
      }),
      data_sha256: string({ default: "", description: "SHA-256 that the data must have; empty: any" }),
      generated_rows: integer({ default: 32_581, description: "Rows to make when data_path is empty" }),
      drop_duplicates: boolean({ default: false }),
      drop_impossible: boolean({ default: false }),
      seed: integer({ default: 0, description: "Of the split, the training and the made data" }),
      test_size: double({ default: 0.25, description: "Share of the rows kept for the test" }),
      augment_rows: integer({ default: 0, description: "Training rows after augmentation; 0: none" }),
      n_estimators: integer({ default: 500 }),
      learning_rate: double({ default: 0.02 }),
      max_depth: integer({ default: 10 }),
      min_child_weight: double({ default: 6 }),
      early_stopping_rounds: integer({ default: 0, description: "0: train all rounds" }),
    },
  },
  (p) => {
    // Imported data are artifacts, so that what is cached depends on their content and not on their path.
    const data = when(p.data_path.equals(""), () => ({
      dataset: generateData({ rows: p.generated_rows, seed: p.seed }).outputs.dataset,
    })).otherwise(() => ({ dataset: importer({ uri: p.data_path, type: dataset() }).output }));
    const loaded = loadData({
      data: data.outputs.dataset,
      drop_duplicates: p.drop_duplicates,
      drop_impossible: p.drop_impossible,
      sha256: p.data_sha256,
    });
    const split = splitData({
      loans: loaded.outputs.loans,
      seed: p.seed,
      test_size: p.test_size,
      augment_rows: p.augment_rows,
    });
    const features = preprocessFeatures({ train: split.outputs.train, test: split.outputs.test });
    const trained = trainModel({
      train_features: features.outputs.train_features,
      source_rows: split.outputs.source_rows,
      seed: p.seed,
      n_estimators: p.n_estimators,
      learning_rate: p.learning_rate,
      max_depth: p.max_depth,
      min_child_weight: p.min_child_weight,
      early_stopping_rounds: p.early_stopping_rounds,
    });
    const model = trained.outputs.model;
    const converted = convertToOnedal({ model });
    const inference = runInference({
      test_features: features.outputs.test_features,
      model,
      onedal_model: converted.outputs.onedal_model,
    });
    const evaluated = evaluateModel({ predictions: inference.outputs.predictions, model });
    return {
      auc: evaluated.outputs.auc,
      accuracy: evaluated.outputs.accuracy,
      daal4py_max_abs_diff: inference.outputs.Output,
      rows_train: split.outputs.rows_train,
      rows_test: split.outputs.rows_test,
    };
  },
);
