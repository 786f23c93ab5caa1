/** A table's first rows, and what its columns come to. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { formatNumber, plural } from "../format.js";
import { type Cell, type ColumnSummary, cellText, summarize, type Table } from "./table.js";

const ROWS = 50;
const LONGEST = 80;

/** Shows a table. The summaries are over the rows that were read, which the text says. */
export function TableView({ table }: { readonly table: Table }): JSX.Element {
  const summaries = useMemo(() => summarize(table), [table]);
  const read = table.rows.length;
  const whole = table.total === read;
  const of = table.total === undefined ? "more" : formatNumber(table.total);
  return (
    <div class="stack">
      <p class="soft">
        {whole ? plural(read, "row") : `${formatNumber(read)} of ${of} rows read`},{" "}
        {plural(table.columns.length, "column")}
        {whole ? "" : "; figures are over the rows read"}
      </p>
      <section class="scroll-x data-table" aria-label="Columns" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Column</th>
              <th scope="col">Type</th>
              <th scope="col" class="number">
                Missing
              </th>
              <th scope="col" class="number">
                Distinct
              </th>
              <th scope="col">Distribution</th>
              <th scope="col" class="number">
                Least
              </th>
              <th scope="col" class="number">
                Mean
              </th>
              <th scope="col" class="number">
                Most
              </th>
            </tr>
          </thead>
          <tbody>
            {summaries.map((summary) => (
              <SummaryRow key={summary.name} summary={summary} rows={read} />
            ))}
          </tbody>
        </table>
      </section>
      <h3>First rows</h3>
      <FirstRows table={table} />
    </div>
  );
}

function SummaryRow({
  summary,
  rows,
}: {
  readonly summary: ColumnSummary;
  readonly rows: number;
}): JSX.Element {
  const { name, type, missing, distinct, numbers, frequent } = summary;
  return (
    <tr>
      <th scope="row">{name}</th>
      <td class="soft">{type}</td>
      <td class="number">
        {missing === 0 ? "–" : `${formatNumber(missing)} (${((100 * missing) / rows).toFixed(1)} %)`}
      </td>
      <td class="number">{formatNumber(distinct)}</td>
      <td>
        {numbers === undefined ? (
          <Frequent values={frequent ?? []} />
        ) : (
          <Histogram counts={numbers.histogram} />
        )}
      </td>
      <td class="number">{numbers === undefined ? "" : formatNumber(numbers.least)}</td>
      <td
        class="number"
        title={numbers === undefined ? undefined : `standard deviation ${formatNumber(numbers.deviation)}`}
      >
        {numbers === undefined ? "" : formatNumber(Number(numbers.mean.toPrecision(5)))}
      </td>
      <td class="number">{numbers === undefined ? "" : formatNumber(numbers.most)}</td>
    </tr>
  );
}

function Histogram({ counts }: { readonly counts: readonly number[] }): JSX.Element {
  const most = Math.max(1, ...counts);
  const bars = counts.map((count, index) => {
    const height = count === 0 ? 0 : Math.max(1, (count / most) * 22);
    return `M${index * 5} 24v${-height.toFixed(1)}h4v${height.toFixed(1)}z`;
  });
  return (
    <svg class="histogram" viewBox={`0 0 ${counts.length * 5} 24`} aria-hidden="true">
      <path d={bars.join("")} />
    </svg>
  );
}

function Frequent({ values }: { readonly values: NonNullable<ColumnSummary["frequent"]> }): JSX.Element {
  return (
    <span class="frequent soft">
      {values.map(({ value, count }) => (
        <span key={value}>
          {shorten(value, 18)} <small>{formatNumber(count)}</small>
        </span>
      ))}
    </span>
  );
}

function shorten(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function FirstRows({ table }: { readonly table: Table }): JSX.Element {
  const numeric = (value: Cell): boolean => typeof value === "number" || typeof value === "bigint";
  return (
    <section class="scroll-x data-table" aria-label="First rows" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col" class="number">
              #
            </th>
            {table.columns.map(({ name }, column) => (
              <th
                key={name}
                scope="col"
                class={table.rows.some((row) => numeric(row[column] ?? null)) ? "number" : undefined}
              >
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.slice(0, ROWS).map((row, index) => (
            <tr key={index}>
              <td class="number soft">{index + 1}</td>
              {row.map((value, column) => (
                <td key={table.columns[column]?.name} class={numeric(value) ? "number" : undefined}>
                  {value === null || value === undefined ? (
                    <span class="soft">–</span>
                  ) : typeof value === "number" ? (
                    formatNumber(value)
                  ) : (
                    shorten(cellText(value), LONGEST)
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
