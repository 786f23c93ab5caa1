import { artifact, dataset, importer, model, pipeline, string } from "@sealflow/pipeline";
import { scoreApplicants } from "./steps.components.js";

/** Scores new applicants with the model and the preprocessor of an earlier run. */
export const loanScoring = pipeline(
  {
    name: "loan-scoring",
    parameters: {
      applicants_path: string({ description: "CSV file with a header, or JSON array of objects" }),
      model_path: string({ description: "The model artifact of train-model" }),
      preprocessor_path: string({ description: "The preprocessor artifact of preprocess-features" }),
    },
  },
  ({ applicants_path, model_path, preprocessor_path }) => {
    const scored = scoreApplicants({
      applicants: importer({ uri: applicants_path, type: dataset() }).output,
      model: importer({ uri: model_path, type: model() }).output,
      preprocessor: importer({ uri: preprocessor_path, type: artifact("system.Artifact") }).output,
    });
    return {
      scores: scored.outputs.scores,
      rows_scored: scored.outputs.rows_scored,
      rows_refused: scored.outputs.rows_refused,
    };
  },
);
