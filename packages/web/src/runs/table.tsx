/** The table of runs. */
import { type Signal, useSignal } from "@preact/signals";
import type { JsonValue } from "@sealflow/core";
import type { RunRow } from "@sealflow/kfp";
import type { JSX } from "preact";
import { setQuery } from "../app/router.js";
import { formatAgo, formatDuration, formatTime, formatValue, plural } from "../format.js";
import { useNow } from "../parts/clock.js";
import { Icon } from "../parts/icon.js";
import { isActive, StateMark, stateOf } from "../parts/state.js";
import { type Column, cellOf, durationOf, nextSort, type Sort } from "./columns.js";

/** Rows that are put into the page at once: a browser lays out thousands slowly. */
const STEP = 100;

interface TableProps {
  readonly rows: readonly RunRow[];
  readonly columns: readonly Column[];
  readonly sort: Sort;
  readonly chosen: Signal<ReadonlySet<string>>;
}

/** Runs as a table whose columns sort it. */
export function RunsTable({ rows, columns, sort, chosen }: TableProps): JSX.Element {
  const most = useSignal(STEP);
  const shown = rows.slice(0, most.value);
  return (
    <>
      <section class="card scroll-x runs-table" aria-label="Runs">
        <table>
          <thead>
            <tr>
              <th class="tick">
                <span class="hidden">Chosen</span>
              </th>
              <Head name="Run" by="name" sort={sort} />
              <Head name="State" by="state" sort={sort} />
              <Head name="Started" by="created" sort={sort} />
              <Head name="Duration" by="duration" sort={sort} numeric />
              {columns.map(({ key, name, numeric, kind }) => (
                <Head key={key} name={name} by={key} sort={sort} numeric={numeric} kind={kind} />
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <Row key={row.run_id} row={row} columns={columns} chosen={chosen} />
            ))}
          </tbody>
        </table>
      </section>
      {rows.length > shown.length ? (
        <p style={{ marginTop: "14px" }}>
          <button
            type="button"
            class="button"
            onClick={() => {
              most.value += STEP;
            }}
          >
            Show {plural(Math.min(STEP, rows.length - shown.length), "more run")} of {rows.length}
          </button>
        </p>
      ) : undefined}
    </>
  );
}

function Head(props: {
  readonly name: string;
  readonly by: string;
  readonly sort: Sort;
  readonly numeric?: boolean;
  readonly kind?: Column["kind"];
}): JSX.Element {
  const { name, by, sort, numeric = false, kind } = props;
  const own = sort.key === by;
  const order = own ? (sort.descending ? "descending" : "ascending") : undefined;
  return (
    <th scope="col" class={numeric ? "number" : undefined} aria-sort={order}>
      <button type="button" class="sort" onClick={() => setQuery({ sort: nextSort(sort, by) })}>
        {kind === "parameters" ? <span class="kind">param</span> : undefined}
        {name}
        {own ? <Icon name={sort.descending ? "down" : "up"} /> : undefined}
      </button>
    </th>
  );
}

function Row({
  row,
  columns,
  chosen,
}: Omit<TableProps, "rows" | "sort"> & { readonly row: RunRow }): JSX.Element {
  const state = stateOf(row);
  const picked = chosen.value.has(row.run_id);
  const toggle = (): void => {
    const next = new Set(chosen.value);
    if (!next.delete(row.run_id)) next.add(row.run_id);
    chosen.value = next;
  };
  return (
    <tr class={picked ? "picked" : undefined}>
      <td class="tick">
        <input type="checkbox" checked={picked} onChange={toggle} aria-label={`Choose ${row.display_name}`} />
      </td>
      <th scope="row" class="name">
        <a href={`/runs/${encodeURIComponent(row.run_id)}`}>{row.display_name}</a>
        <small>
          {row.pipeline_name ?? "–"}
          <Progress row={row} />
        </small>
      </th>
      <td>
        <StateMark state={state} />
      </td>
      <td>
        <Ago time={Date.parse(row.created_at)} />
      </td>
      <td class="number">
        <Duration row={row} />
      </td>
      {columns.map((column) => (
        <Cell key={column.key} value={cellOf(row, column)} numeric={column.numeric} />
      ))}
    </tr>
  );
}

/** How far a run is that goes on, and how much was not computed again. */
function Progress({ row }: { readonly row: RunRow }): JSX.Element | undefined {
  const { tasks } = row;
  if (isActive(stateOf(row))) {
    const done = tasks.succeeded + tasks.failed + tasks.skipped;
    return tasks.running + done === 0 ? undefined : <span>, {plural(done, "task")} done</span>;
  }
  return tasks.cached === 0 ? undefined : <span>, {tasks.cached} cached</span>;
}

function Ago({ time }: { readonly time: number }): JSX.Element {
  const now = useNow();
  return (
    <time dateTime={new Date(time).toISOString()} title={formatTime(time)}>
      {formatAgo(time, now.value)}
    </time>
  );
}

function Duration({ row }: { readonly row: RunRow }): JSX.Element {
  const now = useNow();
  const duration = durationOf(row, row.finished_at === undefined ? now.value : 0);
  return <>{duration === undefined ? "–" : formatDuration(duration)}</>;
}

function Cell({
  value,
  numeric,
}: {
  readonly value: JsonValue | undefined;
  readonly numeric: boolean;
}): JSX.Element {
  const text = formatValue(value);
  return (
    <td class={numeric ? "number" : "text"} title={text}>
      {value === undefined ? <span class="soft">–</span> : text}
    </td>
  );
}
