/** Several runs side by side: what they were given, what came out, their curves and their times. */
import type { JsonValue } from "@sealflow/core";
import { type RunRecord, type RunRow, readRunRecord } from "@sealflow/kfp";
import { classificationPlots, type RocCurve } from "@sealflow/pipeline";
import type { JSX } from "preact";
import { server } from "../api/client.js";
import { useReader } from "../api/resource.js";
import { query, setQuery } from "../app/router.js";
import { useTitle } from "../app/shell.js";
import { formatAgo, formatDuration, formatValue } from "../format.js";
import { Blank, Bones, Loaded } from "../parts/blank.js";
import { useNow } from "../parts/clock.js";
import { Icon } from "../parts/icon.js";
import { StateMark, stateOf } from "../parts/state.js";
import { type NamedCurve, RocPlot } from "../plots/unit-square.js";
import { artifactsOf, emptyRun, type RunModel, withEvents } from "../run/model.js";
import { durationOf } from "../runs/columns.js";
import { type ComparedLine, type ComparedTask, comparedLines } from "./difference.js";
import "../style/run.css";
import "../style/compare.css";

/** A run with what its events tell. */
interface Compared {
  readonly row: RunRow;
  readonly run: RunModel;
}

const MOST = 6;

async function read(id: string): Promise<Compared> {
  const { row, events = [] }: RunRecord = await readRunRecord(server, id);
  return { row, run: withEvents(emptyRun, events) };
}

/** The page. Which runs stands in the address. */
export function ComparePage(): JSX.Element {
  useTitle("Compare runs");
  const ids = (query.value.get("runs") ?? "").split(",").filter(Boolean).slice(0, MOST);
  const reader = useReader(() => Promise.all(ids.map(read)), [ids.join(",")]);
  return (
    <>
      <div class="page-head">
        <div>
          <p class="crumbs">
            <a href="/">Runs</a>
            <span aria-hidden="true">/</span>
            comparison
          </p>
          <h1>Compare runs</h1>
        </div>
      </div>
      {ids.length < 2 ? (
        <div class="card">
          <Blank icon="compare" title="Choose two runs or more">
            <a class="button" href="/">
              To the list
            </a>
          </Blank>
        </div>
      ) : (
        <Loaded
          from={reader.now.value}
          reader={reader}
          waiting={
            <div class="card">
              <Bones rows={9} />
            </div>
          }
        >
          {(all) => <Comparison all={all} />}
        </Loaded>
      )}
    </>
  );
}

function Comparison({ all }: { readonly all: readonly Compared[] }): JSX.Element {
  const rows = all.map(({ row }) => row);
  return (
    <div class="stack" style={{ gap: "16px" }}>
      <section class="card scroll-x compare-table" aria-label="Comparison" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">
                <span class="hidden">Name</span>
              </th>
              {rows.map((row, index) => (
                <RunHead key={row.run_id} row={row} index={index} ids={rows.map(({ run_id }) => run_id)} />
              ))}
            </tr>
          </thead>
          <Lines title="Metrics" lines={comparedLines(rows, "metrics")} count={rows.length} marks />
          <Lines title="Parameters" lines={comparedLines(rows, "parameters")} count={rows.length} />
        </table>
      </section>
      <div class="columns">
        <Curves all={all} />
        <Durations all={all} />
      </div>
    </div>
  );
}

function RunHead(props: {
  readonly row: RunRow;
  readonly index: number;
  readonly ids: readonly string[];
}): JSX.Element {
  const { row, index, ids } = props;
  const now = useNow();
  const duration = durationOf(row, now.value);
  const without = ids.filter((id) => id !== row.run_id).join(",");
  return (
    <th scope="col" class={`run c${index + 1}`}>
      <span class="row spread" style={{ flexWrap: "nowrap" }}>
        <a href={`/runs/${encodeURIComponent(row.run_id)}`}>{row.display_name}</a>
        <button
          type="button"
          class="icon-button"
          aria-label={`Take ${row.display_name} out`}
          onClick={() => setQuery({ runs: without })}
        >
          <Icon name="cross" />
        </button>
      </span>
      <span class="row soft">
        <StateMark state={stateOf(row)} />
        {duration === undefined ? "" : formatDuration(duration)},{" "}
        {formatAgo(Date.parse(row.created_at), now.value)}
      </span>
    </th>
  );
}

/** @param marks Whether the largest and smallest numbers are marked. */
function Lines(props: {
  readonly title: string;
  readonly lines: readonly ComparedLine[];
  readonly count: number;
  readonly marks?: boolean;
}): JSX.Element {
  const { title, lines, count, marks = false } = props;
  return (
    <tbody>
      <tr class="part-head">
        <th scope="rowgroup" colSpan={count + 1}>
          {title}
        </th>
      </tr>
      {lines.map((line) => (
        <tr key={line.name} class={line.differs ? "differs" : undefined}>
          <th scope="row">{line.name}</th>
          {line.values.map((value, index) => (
            <td key={index} class="number">
              {cell(value)}
              {marks && line.largest === index ? <span class="tag">highest</span> : undefined}
              {marks && line.smallest === index ? <span class="tag">lowest</span> : undefined}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

function cell(value: JsonValue | undefined): JSX.Element {
  return value === undefined ? <span class="soft">–</span> : <span>{formatValue(value)}</span>;
}

/** The ROC curves of a run, by task and output. */
function curvesOf(run: RunModel): ReadonlyMap<string, RocCurve> {
  const found = artifactsOf(run).flatMap(({ task, output, value }) => {
    if (value.type.schemaTitle !== "system.ClassificationMetrics") return [];
    const curve = classificationPlots(value.metadata).find((plot) => plot.kind === "roc");
    return curve === undefined ? [] : [[`${task} / ${output}`, curve] as const];
  });
  return new Map(found);
}

function Curves({ all }: { readonly all: readonly Compared[] }): JSX.Element {
  const curves = all.map(({ row, run }) => ({ row, curves: curvesOf(run) }));
  const names = [...new Set(curves.flatMap((each) => [...each.curves.keys()]))];
  return (
    <section class="card pad stack">
      <h2>ROC curves</h2>
      {names.length === 0 ? <p class="soft">None of these runs has one.</p> : undefined}
      {names.map((name) => {
        const overlaid = curves.flatMap(({ row, curves: own }): NamedCurve[] => {
          const curve = own.get(name);
          return curve === undefined ? [] : [{ name: row.display_name, curve }];
        });
        return (
          <div key={name}>
            {names.length > 1 ? <h3>{name}</h3> : undefined}
            <RocPlot curves={overlaid} />
          </div>
        );
      })}
    </section>
  );
}

function durationsOf(all: readonly Compared[]): readonly ComparedTask[] {
  const paths = [...new Set(all.flatMap(({ run }) => [...run.tasks.keys()]))];
  return paths.map((path) => ({
    path,
    durations: all.map(({ run }) => {
      const task = run.tasks.get(path);
      if (task?.startedAt === undefined || task.endedAt === undefined) return undefined;
      return { ms: task.endedAt - task.startedAt, cached: task.cached };
    }),
  }));
}

const MOST_TASKS = 40;

function Durations({ all }: { readonly all: readonly Compared[] }): JSX.Element {
  const longest = (task: ComparedTask): number => Math.max(0, ...task.durations.map((each) => each?.ms ?? 0));
  const tasks = [...durationsOf(all)].sort((a, b) => longest(b) - longest(a)).slice(0, MOST_TASKS);
  const most = Math.max(1, ...tasks.map(longest));
  return (
    <section class="card pad stack">
      <h2>Durations</h2>
      <ul class="durations">
        {tasks.map(({ path, durations }) => (
          <li key={path}>
            <span class="mono">{path}</span>
            {durations.map((each, index) => (
              <span key={all[index]?.row.run_id} class={`c${index + 1}`}>
                <i
                  class={each?.cached ? "cached" : undefined}
                  style={{ width: each === undefined ? "0" : `${Math.max(0.4, (each.ms / most) * 100)}%` }}
                  aria-hidden="true"
                />
                <span class="hidden">{all[index]?.row.display_name}: </span>
                <small>
                  {each === undefined ? "did not run" : each.cached ? "cached" : formatDuration(each.ms)}
                </small>
              </span>
            ))}
          </li>
        ))}
      </ul>
    </section>
  );
}
