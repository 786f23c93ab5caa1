/** Search, filters and columns of the list. */
import type { RunRow } from "@sealflow/kfp";
import type { JSX } from "preact";
import { query, setQuery } from "../app/router.js";
import { Icon } from "../parts/icon.js";
import { runStates, stateIcon, stateWord } from "../parts/state.js";
import type { Column } from "./columns.js";

/** The bar above the list. */
export function Toolbar(props: {
  readonly rows: readonly RunRow[];
  readonly all: readonly Column[];
  readonly shown: readonly Column[];
}): JSX.Element {
  const pipelines = [...new Set(props.rows.map(({ pipeline_name = "" }) => pipeline_name))]
    .filter(Boolean)
    .sort();
  const pipeline = query.value.get("pipeline") ?? "";
  return (
    <search class="toolbar">
      <label class="search-box">
        <Icon name="search" />
        <span class="hidden">Search runs</span>
        <input
          type="search"
          placeholder="Search, or compare: auc>0.9"
          value={query.value.get("q") ?? ""}
          onInput={(event) => setQuery({ q: event.currentTarget.value }, { replace: true })}
        />
      </label>
      <States />
      {pipelines.length < 2 ? undefined : (
        <label>
          <span class="hidden">Pipeline</span>
          <select
            class="input"
            value={pipeline}
            onChange={(event) => setQuery({ pipeline: event.currentTarget.value })}
          >
            <option value="">All pipelines</option>
            {pipelines.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      <span class="grow" />
      <Columns all={props.all} shown={props.shown} />
    </search>
  );
}

function States(): JSX.Element {
  const chosen = new Set((query.value.get("state") ?? "").split(",").filter(Boolean));
  const toggle = (state: string): void => {
    const next = new Set(chosen);
    if (!next.delete(state)) next.add(state);
    setQuery({ state: [...next].join(",") });
  };
  return (
    <fieldset class="chips">
      <legend class="hidden">States</legend>
      {runStates.map((state) => (
        <button
          key={state}
          type="button"
          class={`chip ${state.toLowerCase()}`}
          aria-pressed={chosen.has(state)}
          onClick={() => toggle(state)}
        >
          <Icon name={stateIcon(state)} />
          {stateWord(state)}
        </button>
      ))}
    </fieldset>
  );
}

function Columns({
  all,
  shown,
}: {
  readonly all: readonly Column[];
  readonly shown: readonly Column[];
}): JSX.Element {
  const keys = new Set(shown.map(({ key }) => key));
  const toggle = (key: string): void => {
    const next = all.filter((column) => keys.has(column.key) !== (column.key === key));
    // "none" is no column's key: it keeps an empty choice apart from no choice.
    setQuery({ cols: next.map((column) => column.key).join(",") || "none" }, { replace: true });
  };
  return (
    <details class="menu">
      <summary class="button">
        <Icon name="columns" />
        Columns
      </summary>
      <div class="menu-body">
        {(["metrics", "parameters"] as const).map((kind) => (
          <fieldset key={kind}>
            <legend>{kind === "metrics" ? "Metrics" : "Parameters"}</legend>
            {all
              .filter((column) => column.kind === kind)
              .map(({ key, name }) => (
                <label key={key} class="check">
                  <input type="checkbox" checked={keys.has(key)} onChange={() => toggle(key)} />
                  {name}
                </label>
              ))}
          </fieldset>
        ))}
        <button type="button" class="button small bare" onClick={() => setQuery({ cols: undefined })}>
          As usual
        </button>
      </div>
    </details>
  );
}
