/** The list of runs. Everything about how it looks stands in the address. */
import { computed, useSignal } from "@preact/signals";
import type { RunRow } from "@sealflow/kfp";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { loadOlder, runs, total } from "../api/live-runs.js";
import { query } from "../app/router.js";
import { useTitle } from "../app/shell.js";
import { plural } from "../format.js";
import { Blank, Bones, Failed } from "../parts/blank.js";
import { useNow } from "../parts/clock.js";
import { Icon } from "../parts/icon.js";
import { isActive, type State, stateOf } from "../parts/state.js";
import { columnsOf, parseSort, shownColumns, sorted } from "./columns.js";
import { fits, parseSearch } from "./search.js";
import { SelectionBar } from "./selection.js";
import { RunsTable } from "./table.js";
import { Toolbar } from "./toolbar.js";

const filter = computed(() => ({
  terms: parseSearch(query.value.get("q") ?? ""),
  states: new Set((query.value.get("state") ?? "").split(",").filter(Boolean) as State[]),
  pipeline: query.value.get("pipeline") ?? "",
}));

/** The page. */
export function RunsPage(): JSX.Element {
  useTitle("Runs");
  const { value: known } = runs;
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Runs</h1>
          <Summary rows={known.state === "ready" ? known.value : undefined} />
        </div>
        <div class="row">
          <a class="button" href="/pipelines">
            <Icon name="plus" />
            New run
          </a>
        </div>
      </div>
      {known.state === "loading" ? (
        <div class="card">
          <Bones rows={8} />
        </div>
      ) : known.state === "failed" ? (
        <div class="card">
          <Failed error={known.error} />
        </div>
      ) : known.value.length === 0 ? (
        <NoRuns />
      ) : (
        <List rows={known.value} />
      )}
    </>
  );
}

function Summary({ rows }: { readonly rows: readonly RunRow[] | undefined }): JSX.Element {
  if (rows === undefined) return <p>…</p>;
  const active = rows.filter((row) => isActive(stateOf(row))).length;
  return (
    <p role="status">
      {plural(Math.max(total.value, rows.length), "run")}
      {active === 0 ? "" : `, ${active} going on`}
    </p>
  );
}

function NoRuns(): JSX.Element {
  return (
    <div class="card">
      <Blank icon="play" title="No run yet">
        <p>
          Runs of this project appear here as soon as they start, whoever starts them: the command line, a
          Python program, or this page.
        </p>
        <pre>sealflow run pipeline.ts</pre>
        <p>
          or <a href="/pipelines">upload a pipeline</a>
        </p>
      </Blank>
    </div>
  );
}

function List({ rows }: { readonly rows: readonly RunRow[] }): JSX.Element {
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const now = useNow();
  const all = useMemo(() => columnsOf(rows), [rows]);
  const columns = shownColumns(all, query.value.get("cols"));
  const sort = parseSort(query.value.get("sort"));
  const fitting = rows.filter((row) => fits(row, filter.value));
  // Only durations change with time: other orders are not made anew each second.
  const shown = sorted(fitting, sort, sort.key === "duration" ? now.value : 0);
  return (
    <>
      <Toolbar rows={rows} all={all} shown={columns} />
      {shown.length === 0 ? (
        <div class="card">
          <Blank icon="search" title="No run fits">
            <p>
              Search for words of a run's name, or compare values: <code>max_depth=4 auc&gt;0.9</code>
            </p>
            <a class="button" href="/">
              Show all runs
            </a>
          </Blank>
        </div>
      ) : (
        <RunsTable rows={shown} columns={columns} sort={sort} chosen={chosen} />
      )}
      {total.value > rows.length ? (
        <p style={{ marginTop: "14px" }}>
          <button type="button" class="button" onClick={() => void loadOlder()}>
            Load older runs ({plural(total.value - rows.length, "more run")})
          </button>
        </p>
      ) : undefined}
      <SelectionBar rows={rows} chosen={chosen} />
    </>
  );
}
