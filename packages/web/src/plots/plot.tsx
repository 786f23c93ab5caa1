/** Any plot that an artifact describes. */
import type { ConfusionMatrix, FeatureImportance, Plot } from "@sealflow/pipeline";
import type { JSX } from "preact";
import { formatNumber } from "../format.js";
import { CalibrationPlot, RocPlot } from "./unit-square.js";

/** Draws a plot. */
export function PlotView({ plot }: { readonly plot: Plot }): JSX.Element {
  switch (plot.kind) {
    case "roc":
      return <RocPlot curves={[{ name: "ROC", curve: plot }]} />;
    case "calibration":
      return <CalibrationPlot plot={plot} />;
    case "confusion-matrix":
      return <Matrix plot={plot} />;
    case "feature-importance":
      return <Importance plot={plot} />;
  }
}

/** Rows are actual classes, columns predicted ones; a cell is as strong as its share of the row. */
function Matrix({ plot }: { readonly plot: ConfusionMatrix }): JSX.Element {
  return (
    <div class="scroll-x">
      <table class="matrix">
        <caption>Rows: actual, columns: predicted</caption>
        <thead>
          <tr>
            <td />
            {plot.labels.map((label) => (
              <th key={label} scope="col">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {plot.rows.map((row, actual) => {
            const sum = row.reduce((total, cell) => total + cell, 0);
            return (
              <tr key={plot.labels[actual]}>
                <th scope="row">{plot.labels[actual]}</th>
                {row.map((cell, predicted) => {
                  const share = sum === 0 ? 0 : cell / sum;
                  return (
                    <td key={plot.labels[predicted]} style={{ "--share": share.toFixed(3) }}>
                      <b>{formatNumber(cell)}</b>
                      <small>{(100 * share).toFixed(1)} %</small>
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Importance({ plot }: { readonly plot: FeatureImportance }): JSX.Element {
  const largest = Math.max(...plot.items.map(({ value }) => Math.abs(value))) || 1;
  return (
    <table class="bars">
      <caption>Feature importance ({plot.label})</caption>
      <tbody>
        {plot.items.map(({ name, value }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>
              <i
                style={{ width: `${Math.max(0.5, (Math.abs(value) / largest) * 100)}%` }}
                aria-hidden="true"
              />
            </td>
            <td class="number">{formatNumber(value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
