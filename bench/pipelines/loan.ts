import { dataset, importer, pipeline, string } from "@sealflow/pipeline";
import {
  convertToOnedal,
  evaluateModel,
  loadData,
  preprocessFeatures,
  runInference,
  splitData,
  trainModel,
} from "../../examples/loan-default/steps.components.js";

/** The loan-default pipeline without the choice of its data, which kfp.local can't follow. */
export const loan = pipeline({ name: "loan", parameters: { data_path: string() } }, ({ data_path }) => {
  const data = importer({ uri: data_path, type: dataset() }).output;
  const split = splitData({ loans: loadData({ data }).outputs.loans });
  const { train, test } = split.outputs;
  const features = preprocessFeatures({ train, test }).outputs;
  const model = trainModel({
    train_features: features.train_features,
    source_rows: split.outputs.source_rows,
  }).outputs.model;
  const onedal_model = convertToOnedal({ model }).outputs.onedal_model;
  const { predictions } = runInference({
    test_features: features.test_features,
    model,
    onedal_model,
  }).outputs;
  const { auc, accuracy } = evaluateModel({ predictions, model }).outputs;
  return { auc, accuracy, rows_train: split.outputs.rows_train, rows_test: split.outputs.rows_test };
});
