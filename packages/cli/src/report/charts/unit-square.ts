/** Curves between 0 and 1: the ROC curve and the calibration plot. */
import { html, type Markup } from "@sealflow/core";
import { areaUnder, type Calibration, type RocCurve, rocPoints } from "@sealflow/pipeline";

const size = 320;
const margin = { left: 46, right: 12, top: 12, bottom: 42 };
const side = size - margin.left - margin.right;
const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1];

const x = (value: number) => round(margin.left + value * side);
const y = (value: number) => round(margin.top + (1 - value) * side);

/** One decimal is finer than a pixel. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function frame(title: string, labels: { readonly x: string; readonly y: string }, content: Markup): Markup {
  const grid = ticks.map(
    (tick) => html`<path class="grid" d="M${x(0)} ${y(tick)}H${x(1)}M${x(tick)} ${y(0)}V${y(1)}"/>
<text class="tick" x="${x(tick)}" y="${y(0) + 16}" text-anchor="middle">${tick}</text>
<text class="tick" x="${x(0) - 7}" y="${y(tick) + 4}" text-anchor="end">${tick}</text>`,
  );
  const height = margin.top + side + margin.bottom;
  return html`<svg class="square" viewBox="0 0 ${size} ${height}" role="img" aria-label="${title}"><title>${title}</title>
${grid}<path class="reference" d="M${x(0)} ${y(0)}L${x(1)} ${y(1)}"/>
${content}
<text class="label" x="${x(0.5)}" y="${height - 6}" text-anchor="middle">${labels.x}</text>
<text class="label" transform="translate(13 ${y(0.5)}) rotate(-90)" text-anchor="middle">${labels.y}</text></svg>`;
}

function line(points: readonly (readonly [number, number])[]): string {
  return `M${points.map(([px, py]) => `${x(px)} ${y(py)}`).join("L")}`;
}

/** The ROC curve with its area. */
export function drawRoc(curve: RocCurve): Markup {
  const points = rocPoints(curve);
  const area = `${line(points)}L${x(1)} ${y(0)}Z`;
  return frame(
    "ROC curve",
    { x: "False positive rate", y: "True positive rate" },
    html`<path class="area" d="${area}"/><path class="curve" d="${line(points)}"/>
<text class="value" x="${x(0.97)}" y="${y(0.06)}" text-anchor="end">AUC ${areaUnder(curve).toFixed(4)}</text>`,
  );
}

/** Predicted probability against observed frequency; a dot's area grows with its bin. */
export function drawCalibration({ bins }: Calibration): Markup {
  const largest = Math.max(1, ...bins.map(({ count }) => count));
  const dots = bins.map(
    ({ predicted, observed, count }) =>
      html`<circle class="dot" cx="${x(predicted)}" cy="${y(observed)}" r="${round(2.5 + 6 * Math.sqrt(count / largest))}"><title>predicted ${predicted.toFixed(3)}, observed ${observed.toFixed(3)}, ${count} rows</title></circle>`,
  );
  const ordered = [...bins].sort((a, b) => a.predicted - b.predicted);
  const path = line(ordered.map(({ predicted, observed }) => [predicted, observed] as const));
  return frame(
    "Calibration",
    { x: "Predicted probability", y: "Observed frequency" },
    html`<path class="curve" d="${path}"/>${dots}`,
  );
}
