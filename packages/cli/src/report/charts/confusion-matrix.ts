/** The confusion matrix as a table whose cells are shaded by their share of the row. */
import { html, type Markup } from "@sealflow/core";
import type { ConfusionMatrix } from "@sealflow/pipeline";

/** Rows are actual classes, columns predicted ones. */
export function drawConfusionMatrix({ labels, rows }: ConfusionMatrix): Markup {
  const body = rows.map((row, actual) => {
    const total = row.reduce((sum, cell) => sum + cell, 0);
    const cells = row.map((cell) => {
      const share = total === 0 ? 0 : cell / total;
      return html`<td style="--share:${share.toFixed(3)}"><b>${cell.toLocaleString("en")}</b><small>${(100 * share).toFixed(1)} %</small></td>`;
    });
    return html`<tr><th scope="row">${labels[actual]}</th>${cells}</tr>`;
  });
  return html`<table class="matrix"><caption>columns: predicted, rows: actual</caption><thead><tr><td></td>${labels.map((label) => html`<th scope="col">${label}</th>`)}</tr></thead><tbody>${body}</tbody></table>`;
}
