import type { RunDetails, TaskSummary } from "@sealflow/engine";
import type { ArtifactValue, PipelineSpec, TaskSpec } from "@sealflow/pipeline";
import { type ArtifactReader, exhibitsOf, type ReportModel } from "../../src/report/model.js";

const start = Date.parse("2026-05-04T10:00:00.000Z");
const time = (seconds: number) => new Date(start + seconds * 1000).toISOString();

export function artifact(
  title: string,
  metadata: ArtifactValue["metadata"],
  uri = "file:///none",
): ArtifactValue {
  return { name: "a", type: { schemaTitle: title }, uri, metadata, digest: `sha256:${"5".repeat(64)}` };
}

function task(path: string, from: number, to: number, changes: Partial<TaskSummary> = {}): TaskSummary {
  return {
    path,
    name: path,
    state: "SUCCEEDED",
    cached: false,
    startTime: time(from),
    endTime: time(to),
    outputs: {},
    artifacts: {},
    ...changes,
  };
}

const confidenceMetrics = Array.from({ length: 60 }, (_, i) => {
  const rate = i / 59;
  return { confidenceThreshold: 1 - rate, falsePositiveRate: rate ** 2.2, recall: rate ** 0.28 };
});
const bins = Array.from({ length: 10 }, (_, i) => ({
  predicted: 0.05 + i / 10,
  observed: Math.min(1, 0.03 + (i / 10) ** 1.15),
  count: Math.round(3000 * Math.exp(-i / 3)) + 50,
}));
const names = [
  "loan_percent_income",
  "person_income",
  "person_home_ownership_RENT",
  "loan_grade_D",
  "loan_int_rate",
  "person_emp_length",
  "loan_intent_MEDICAL",
  "a_feature_with_a_really_very_long_name_indeed",
];
const items = names.map((name, index) => ({ name, value: 120.5 / (index + 1) }));

/** A run with one of everything that the report shows. */
export function sampleModel(
  read: ArtifactReader = () => ({ text: JSON.stringify({ label: "gain", items }) }),
): ReportModel {
  const tasks = [
    task("load-data", 0, 1.2, { outputs: { rows: 32_581 } }),
    task("split", 1.3, 1.8, { cached: true }),
    task("preprocess", 1.9, 3.1),
    task("train", 3.2, 9.4, {
      artifacts: { importance: [artifact("system.Dataset", { "sealflow.plot": "feature-importance" })] },
    }),
    task("for-loop-1[0]/score", 9.5, 10.1),
    task("for-loop-1[1]/score", 9.5, 10.4),
    task("evaluate", 9.5, 11.2, {
      artifacts: {
        metrics: [artifact("system.Metrics", { auc: 0.946631, accuracy: 0.93481, display_name: "metrics" })],
        roc: [
          artifact("system.ClassificationMetrics", {
            confidenceMetrics,
            confusionMatrix: {
              annotationSpecs: [{ displayName: "repaid" }, { displayName: "default" }],
              rows: [{ row: [6312, 59] }, { row: [472, 1303] }],
            },
          }),
        ],
        calibration: [artifact("system.Dataset", { "sealflow.plot": { kind: "calibration", bins } })],
      },
    }),
    task("deploy", 0, 0, { state: "SKIPPED", startTime: null, endTime: null }),
  ];
  const run: RunDetails = {
    runId: "01970a3c-0000-7000-8000-00000000abcd",
    name: "loan-default of 4 May",
    pipelineName: "loan-default",
    state: "SUCCEEDED",
    createTime: time(0),
    endTime: time(11.3),
    parameters: { seed: 0, data_path: "data/credit_risk_dataset.csv" },
    specDigest: `sha256:${"7".repeat(64)}`,
    running: [],
    outputs: {
      auc: 0.946631,
      accuracy: 0.93481,
      rows_train: 24_435,
      rows_test: 8_146,
      daal4py_max_abs_diff: 1.2e-7,
    },
    tasks,
  };
  return { run, spec: sampleSpec, exhibits: exhibitsOf(run, read), madeAt: time(60) };
}

function node(component: string, ...after: string[]): TaskSpec {
  return { componentRef: { name: `comp-${component}` }, dependentTasks: after };
}

export const sampleSpec: PipelineSpec = {
  pipelineInfo: { name: "loan-default" },
  schemaVersion: "2.1.0",
  deploymentSpec: { executors: { "exec-load": { importer: { artifactUri: {}, typeSchema: {} } } } },
  components: {
    "comp-load-data": { executorLabel: "exec-load" },
    "comp-for-loop-1": { dag: { tasks: { score: node("score") } } },
    "comp-condition": { dag: { tasks: {} } },
  },
  root: {
    dag: {
      tasks: {
        "load-data": node("load-data"),
        split: node("split", "load-data"),
        preprocess: node("preprocess", "split"),
        train: {
          componentRef: { name: "comp-train" },
          inputs: {
            artifacts: {
              data: { taskOutputArtifact: { producerTask: "preprocess", outputArtifactKey: "data" } },
            },
            parameters: {
              rows: { taskOutputParameter: { producerTask: "load-data", outputParameterKey: "rows" } },
            },
          },
        },
        "for-loop-1": {
          ...node("for-loop-1", "train"),
          parameterIterator: { items: { raw: "[1,2]" }, itemInput: "i" },
        },
        evaluate: node("evaluate", "train", "split"),
        deploy: { ...node("condition", "evaluate"), triggerPolicy: { condition: "false" } },
      },
    },
  },
};
