/** One run: its graph, timeline, artifacts, figures and evidence. */
import type { JSX } from "preact";
import { hrefWith, query } from "../app/router.js";
import { useTitle } from "../app/shell.js";
import { formatAgo, formatDuration, formatTime, formatValue, plural } from "../format.js";
import { Blank, Bones, Loaded } from "../parts/blank.js";
import { useNow } from "../parts/clock.js";
import { Icon } from "../parts/icon.js";
import { Lazy } from "../parts/lazy.js";
import { StateMark } from "../parts/state.js";
import { durationOf } from "../runs/columns.js";
import { Actions } from "./actions.js";
import { ArtifactsTab } from "./artifacts-tab.js";
import { type RunData, runState, useRun } from "./data.js";
import { GraphPicture } from "./graph.js";
import type { RunModel } from "./model.js";
import { TaskPanel } from "./task-panel.js";
import { Timeline } from "./timeline.js";
import { Values } from "./values.js";
import "../style/run.css";

const tabs = [
  ["graph", "Graph"],
  ["timeline", "Timeline"],
  ["artifacts", "Artifacts"],
  ["parameters", "Parameters"],
  ["trust", "Trust"],
] as const;

type Tab = (typeof tabs)[number][0];

/** The verifier is larger than all the rest of the page. */
const loadTrustTab = async () => (await import("./trust-tab.js")).TrustTab;

/** The page. */
export function RunPage({ id }: { readonly id: string }): JSX.Element {
  const { now, reload } = useRun(id);
  return (
    <Loaded from={now.value} waiting={<Waiting />}>
      {(data) => <Run id={id} data={data} reload={reload} />}
    </Loaded>
  );
}

function Waiting(): JSX.Element {
  return (
    <div class="card">
      <Bones rows={10} />
    </div>
  );
}

function Run({
  id,
  data,
  reload,
}: {
  readonly id: string;
  readonly data: RunData;
  readonly reload: () => void;
}): JSX.Element {
  const { row, run, spec } = data;
  useTitle(row.display_name);
  const tab: Tab = tabs.find(([key]) => key === query.value.get("tab"))?.[0] ?? "graph";
  const path = query.value.get("task");
  const task = path === null ? undefined : run.tasks.get(path);
  const beside = task !== undefined && (tab === "graph" || tab === "timeline");
  return (
    <>
      <Head id={id} data={data} reload={reload} />
      <nav class="tabs" aria-label="Views of the run">
        {tabs.map(([key, name]) => (
          <a
            key={key}
            href={hrefWith({ tab: key === "graph" ? undefined : key })}
            aria-current={tab === key ? "page" : undefined}
          >
            {name}
          </a>
        ))}
      </nav>
      <div class={beside ? "split" : undefined}>
        <div class="split-main">
          {tab === "graph" ? (
            spec === undefined ? (
              <NoSpec />
            ) : (
              <GraphPicture spec={spec} run={run} />
            )
          ) : tab === "timeline" ? (
            <Timeline spec={spec} run={run} />
          ) : tab === "artifacts" ? (
            <ArtifactsTab runId={id} run={run} />
          ) : tab === "trust" ? (
            <Lazy load={loadTrustTab} props={{ runId: id, run }} />
          ) : (
            <ParametersTab data={data} />
          )}
        </div>
        {beside ? <TaskPanel key={task.path} runId={id} run={run} task={task} spec={spec} /> : undefined}
      </div>
    </>
  );
}

function NoSpec(): JSX.Element {
  return (
    <div class="card">
      <Blank icon="nested" title="The pipeline's document is gone">
        <p>Its tasks are in the timeline.</p>
      </Blank>
    </div>
  );
}

function Head({
  id,
  data,
  reload,
}: {
  readonly id: string;
  readonly data: RunData;
  readonly reload: () => void;
}): JSX.Element {
  const { row, run } = data;
  const state = runState(data);
  return (
    <>
      <div class="page-head">
        <div class="grow">
          <p class="crumbs">
            <a href="/">Runs</a>
            <span aria-hidden="true">/</span>
            {row.pipeline_name ?? "…"}
          </p>
          <h1>{row.display_name}</h1>
          <div class="run-facts">
            <StateMark state={state} />
            {run.sealed ? (
              <span class="tag accent">
                <Icon name="lock" />
                sealed run
              </span>
            ) : undefined}
            <When data={data} />
            <span class="mono soft">{id}</span>
          </div>
        </div>
        <Actions id={id} state={state} name={row.display_name} sealed={run.sealed} onChange={reload} />
      </div>
      <Problem run={run} data={data} />
      <Figures run={run} data={data} />
    </>
  );
}

function When({ data }: { readonly data: RunData }): JSX.Element {
  const now = useNow();
  const { row, run } = data;
  const created = Date.parse(row.created_at);
  const end = run.endedAt === undefined ? row.finished_at : new Date(run.endedAt).toISOString();
  const { finished_at: _, ...rest } = row;
  const start =
    row.started_at ?? (run.startedAt === undefined ? undefined : new Date(run.startedAt).toISOString());
  const timed = { ...rest, ...(start && { started_at: start }), ...(end && { finished_at: end }) };
  const duration = durationOf(timed, now.value);
  const cached = [...run.tasks.values()].filter((task) => task.cached).length;
  return (
    <>
      <span title={formatTime(created)}>{formatAgo(created, now.value)}</span>
      {duration === undefined ? undefined : <span class="number">{formatDuration(duration)}</span>}
      {run.tasks.size === 0 ? undefined : (
        <span>
          {plural(run.tasks.size, "task")}
          {cached === 0 ? "" : `, ${cached} cached`}
        </span>
      )}
    </>
  );
}

/** Why the run failed, where to look, and what was said on the way. */
function Problem({ run, data }: { readonly run: RunModel; readonly data: RunData }): JSX.Element | undefined {
  const failed = [...run.tasks.values()].filter((task) => task.state === "FAILED");
  const [first] = failed;
  const state = runState(data);
  const bad = state === "FAILED" || state === "INTERRUPTED" || failed.length > 0;
  const text =
    state === "INTERRUPTED"
      ? data.row.error
      : (first?.error?.message ?? run.error?.message ?? data.row.error);
  if (!bad && run.notices.length === 0) return undefined;
  return (
    <div class="stack" style={{ gap: "8px", marginBottom: "18px" }}>
      {!bad || text === undefined ? undefined : (
        <div class="notice bad" role="alert">
          <Icon name="warning" />
          <span class="grow">
            {first === undefined ? undefined : (
              <>
                <a href={hrefWith({ tab: undefined, task: first.path, view: undefined })}>{first.path}</a>:{" "}
              </>
            )}
            {text.replace(/^task: /, "")}
            {failed.length > 1 ? ` (and ${plural(failed.length - 1, "other failed task")})` : ""}
          </span>
        </div>
      )}
      {run.notices.slice(0, 5).map(({ code, message }) => (
        <div key={`${code} ${message}`} class="notice">
          <Icon name="info" />
          <span>{message}</span>
        </div>
      ))}
    </div>
  );
}

const MOST_FIGURES = 12;

function Figures({ run, data }: { readonly run: RunModel; readonly data: RunData }): JSX.Element | undefined {
  const live = Object.entries(run.outputs).filter(([, value]) => typeof value !== "object");
  const told = Object.entries(data.row.metrics);
  const figures = [...new Map([...told, ...live])].slice(0, MOST_FIGURES);
  if (figures.length === 0) return undefined;
  return (
    <dl class="figures">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{formatValue(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function ParametersTab({ data }: { readonly data: RunData }): JSX.Element {
  const { row, run, spec } = data;
  const definitions = spec?.root.inputDefinitions?.parameters ?? {};
  const names = Object.keys(row.parameters);
  return (
    <div class="columns">
      <section class="card pad">
        <h2>Parameters</h2>
        {names.length === 0 ? <p class="soft">This pipeline has none.</p> : undefined}
        <dl class="facts values">
          {names.flatMap((name) => {
            const value = row.parameters[name];
            const usual = JSON.stringify(definitions[name]?.defaultValue) === JSON.stringify(value);
            return [
              <dt key={`${name} name`} title={definitions[name]?.description}>
                {name}
              </dt>,
              <dd key={name} class={usual ? "soft mono" : "mono"}>
                {formatValue(value)}
                {usual ? <span class="tag">default</span> : undefined}
              </dd>,
            ];
          })}
        </dl>
      </section>
      <section class="card pad">
        <h2>Outputs</h2>
        {Object.keys(run.outputs).length === 0 ? (
          <p class="soft">None yet.</p>
        ) : (
          <Values values={run.outputs} />
        )}
      </section>
    </div>
  );
}
