/** What artifacts' metadata say about plots, read with suspicion: anything that does not fit is left out. */
import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";

/** A receiver operating characteristic. */
export interface RocCurve {
  readonly kind: "roc";
  /** Both between 0 and 1, in the order of the thresholds. */
  readonly points: readonly { readonly falsePositiveRate: number; readonly recall: number }[];
}

/** Counts of actual (rows) against predicted (columns) classes. */
export interface ConfusionMatrix {
  readonly kind: "confusion-matrix";
  readonly labels: readonly string[];
  readonly rows: readonly (readonly number[])[];
}

/** How much each feature counts. */
export interface FeatureImportance {
  readonly kind: "feature-importance";
  /** What the values measure, for example `gain`. */
  readonly label: string;
  readonly items: readonly { readonly name: string; readonly value: number }[];
}

/** Predicted probability against observed frequency. */
export interface Calibration {
  readonly kind: "calibration";
  readonly bins: readonly { readonly predicted: number; readonly observed: number; readonly count: number }[];
}

/** Anything that the report draws from an artifact. */
export type Plot = RocCurve | ConfusionMatrix | FeatureImportance | Calibration;

/** Metadata key by which an artifact of any type says that it is a plot. */
export const PLOT_KEY = "sealflow.plot";

/** Longest feature list that is drawn. */
const mostItems = 40;

/** Plots in the metadata of `system.ClassificationMetrics`, as Kubeflow's SDK writes them. */
export function classificationPlots(metadata: JsonObject): readonly Plot[] {
  return [rocCurve(metadata.confidenceMetrics), confusionMatrix(metadata.confusionMatrix)].filter(
    (plot) => plot !== undefined,
  );
}

/** The plot that the artifact's own data describe; undefined when they do not fit the kind. */
export function plotOf(kind: JsonValue | undefined, data: unknown): Plot | undefined {
  if (!isJsonObject(data)) return undefined;
  if (kind === "feature-importance") return featureImportance(data);
  if (kind === "calibration") return calibration(data);
  return undefined;
}

function rocCurve(value: JsonValue | undefined): RocCurve | undefined {
  const points = listIn(value, "list").flatMap((entry) => {
    const falsePositiveRate = finite(entry.falsePositiveRate);
    const recall = finite(entry.recall);
    return falsePositiveRate === undefined || recall === undefined
      ? []
      : [{ falsePositiveRate: unit(falsePositiveRate), recall: unit(recall) }];
  });
  return points.length < 2 ? undefined : { kind: "roc", points };
}

function confusionMatrix(value: JsonValue | undefined): ConfusionMatrix | undefined {
  const struct = isJsonObject(value) && isJsonObject(value.struct) ? value.struct : value;
  if (!isJsonObject(struct)) return undefined;
  const labels = listIn(struct.annotationSpecs, "list").map((spec) => String(spec.displayName ?? ""));
  const rows = listIn(struct.rows, "list").map((row) => (Array.isArray(row.row) ? row.row.map(Number) : []));
  const square = rows.every((row) => row.length === rows.length && row.every((cell) => cell >= 0));
  if (rows.length === 0 || rows.length > 30 || labels.length !== rows.length || !square) return undefined;
  return { kind: "confusion-matrix", labels, rows };
}

function featureImportance(data: JsonObject): FeatureImportance | undefined {
  const items = listIn(data.items, "list")
    .flatMap((item) => {
      const value = finite(item.value);
      return value === undefined ? [] : [{ name: String(item.name ?? ""), value }];
    })
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value))
    .slice(0, mostItems);
  const label = typeof data.label === "string" ? data.label : "importance";
  return items.length === 0 ? undefined : { kind: "feature-importance", label, items };
}

function calibration(data: JsonObject): Calibration | undefined {
  const bins = listIn(data.bins, "list").flatMap((bin) => {
    const predicted = finite(bin.predicted);
    const observed = finite(bin.observed);
    const count = finite(bin.count) ?? 0;
    return predicted === undefined || observed === undefined
      ? []
      : [{ predicted: unit(predicted), observed: unit(observed), count: Math.max(0, count) }];
  });
  return bins.length < 2 ? undefined : { kind: "calibration", bins };
}

/** The objects of a list, which may be wrapped as `{list: […]}`. */
function listIn(value: JsonValue | undefined, wrapper: string): readonly JsonObject[] {
  const list = isJsonObject(value) ? value[wrapper] : value;
  return Array.isArray(list) ? list.filter(isJsonObject) : [];
}

function finite(value: JsonValue | undefined): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function unit(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/** The points of a curve as `[false positive rate, recall]`, from (0, 0) to (1, 1). */
export function rocPoints({ points }: RocCurve): readonly (readonly [number, number])[] {
  const inside = points.map(({ falsePositiveRate, recall }): [number, number] => [falsePositiveRate, recall]);
  return [[0, 0] as [number, number], ...inside, [1, 1] as [number, number]].sort(
    (a, b) => a[0] - b[0] || a[1] - b[1],
  );
}

/** Area under the curve by the trapezoidal rule over the points given. */
export function areaUnder(curve: RocCurve): number {
  const points = rocPoints(curve);
  return points.slice(1).reduce((area, [fpr, recall], index) => {
    const [before, recallBefore] = points[index] ?? [0, 0];
    return area + ((fpr - before) * (recall + recallBefore)) / 2;
  }, 0);
}
