/** One task: what went in and out, how it went, and its log. */
import { useSignal } from "@preact/signals";
import type { PipelineSpec, SkipReason } from "@sealflow/pipeline";
import type { JSX } from "preact";
import { hrefWith, query, setQuery } from "../app/router.js";
import { formatBytes, formatDuration, formatTime } from "../format.js";
import { SealedLog } from "../log/sealed-log.js";
import { LogViewer, logAddress } from "../log/viewer.js";
import { useNow } from "../parts/clock.js";
import { Icon } from "../parts/icon.js";
import { Lazy } from "../parts/lazy.js";
import { StateMark } from "../parts/state.js";
import { ArtifactLinks } from "./artifact-links.js";
import { sourceOf } from "./failure.js";
import { FailureView } from "./failure-view.js";
import type { RunModel, TaskModel } from "./model.js";
import { Values } from "./values.js";

interface PanelProps {
  readonly runId: string;
  readonly run: RunModel;
  readonly task: TaskModel;
  readonly spec: PipelineSpec | undefined;
}

const names = { details: "Details", log: "Log", trust: "Trust" } as const;

/** The verifier is larger than all the rest of the page. */
const loadTrust = async () => (await import("./task-trust-tab.js")).TaskTrustTab;

/** The panel beside the graph. */
export function TaskPanel({ runId, run, task, spec }: PanelProps): JSX.Element {
  const views = run.sealed ? (["details", "log", "trust"] as const) : (["details", "log"] as const);
  const view = views.find((each) => each === query.value.get("view")) ?? "details";
  return (
    <aside class="card panel" aria-label={`Task ${task.name}`}>
      <header class="panel-head">
        <div class="grow">
          <h2>{task.name}</h2>
          {task.path === task.name ? undefined : <p class="soft mono">{task.path}</p>}
        </div>
        <a
          class="icon-button"
          href={hrefWith({ task: undefined, view: undefined })}
          aria-label="Close the task"
        >
          <Icon name="cross" />
        </a>
      </header>
      <div class="tabs small" role="tablist" aria-label="Task">
        {views.map((each) => (
          <button
            key={each}
            type="button"
            role="tab"
            aria-selected={view === each}
            onClick={() => setQuery({ view: each === "details" ? undefined : each }, { replace: true })}
          >
            {names[each]}
          </button>
        ))}
      </div>
      {view === "log" ? (
        <TaskLog runId={runId} task={task} sealed={run.sealed} />
      ) : view === "trust" ? (
        <Lazy load={loadTrust} props={{ runId, path: task.path, endedAt: run.endedAt }} />
      ) : (
        <TaskDetails runId={runId} run={run} task={task} spec={spec} />
      )}
    </aside>
  );
}

function TaskDetails({ runId, run, task, spec }: PanelProps): JSX.Element {
  const { inputs, outputs, error } = task;
  const [ins, outs] = [inputs?.artifacts ?? {}, outputs?.artifacts ?? {}];
  return (
    <div class="panel-body">
      <Facts task={task} />
      {error === undefined ? undefined : (
        <FailureView error={error} source={spec === undefined ? undefined : sourceOf(spec, task.path)} />
      )}
      <Attempts task={task} />
      <Part title="Inputs" empty={inputs === undefined || isEmpty(inputs.parameters, ins)}>
        <Values values={inputs?.parameters ?? {}} />
        <ArtifactLinks runId={runId} run={run} task={task} artifacts={ins} side="inputs" />
      </Part>
      <Part title="Outputs" empty={outputs === undefined || isEmpty(outputs.parameters, outs)}>
        <Values values={outputs?.parameters ?? {}} hidden={task.hidden ?? []} />
        <ArtifactLinks runId={runId} run={run} task={task} artifacts={outs} side="outputs" />
      </Part>
    </div>
  );
}

function isEmpty(...records: readonly object[]): boolean {
  return records.every((record) => Object.keys(record).length === 0);
}

function Part(props: {
  readonly title: string;
  readonly empty: boolean;
  readonly children: JSX.Element | readonly JSX.Element[];
}): JSX.Element | undefined {
  if (props.empty) return undefined;
  return (
    <section class="part">
      <h3>{props.title}</h3>
      {props.children}
    </section>
  );
}

function Facts({ task }: { readonly task: TaskModel }): JSX.Element {
  const now = useNow();
  const { startedAt, endedAt, usage } = task;
  return (
    <dl class="facts">
      <dt>State</dt>
      <dd class="row">
        <StateMark state={task.state} />
        {task.cached ? (
          <span class="tag accent">
            <Icon name="bolt" />
            from the cache
          </span>
        ) : undefined}
      </dd>
      {task.skipped === undefined ? undefined : (
        <>
          <dt>Because</dt>
          <dd>{reasonText(task.skipped)}</dd>
        </>
      )}
      {startedAt === undefined ? undefined : (
        <>
          <dt>Started</dt>
          <dd>{formatTime(startedAt)}</dd>
          <dt>Took</dt>
          <dd class="number">{formatDuration((endedAt ?? now.value) - startedAt)}</dd>
        </>
      )}
      {usage?.cpuMs === undefined ? undefined : (
        <>
          <dt>Processor</dt>
          <dd class="number">{formatDuration(usage.cpuMs)}</dd>
        </>
      )}
      {usage?.maxRssBytes === undefined ? undefined : (
        <>
          <dt>Memory, peak</dt>
          <dd class="number">{formatBytes(usage.maxRssBytes)}</dd>
        </>
      )}
    </dl>
  );
}

function reasonText(reason: SkipReason): JSX.Element {
  if (reason.kind === "condition-false") {
    return (
      <>
        its condition was false: <code>{reason.condition}</code>
      </>
    );
  }
  if (reason.kind === "canceled") return <>the run was canceled</>;
  return (
    <>
      it needs <a href={hrefWith({ task: reason.dependency })}>{reason.dependency}</a>, which was{" "}
      {reason.state.toLowerCase()}
    </>
  );
}

/** Tries before the last one: what made each of them fail. */
function Attempts({ task }: { readonly task: TaskModel }): JSX.Element | undefined {
  if (task.attempts.length < 2) return undefined;
  return (
    <section class="part">
      <h3>Attempts</h3>
      <ol class="attempts">
        {task.attempts.map(({ number, startedAt, endedAt, error }) => (
          <li key={number}>
            <StateMark
              state={error === undefined ? (endedAt === undefined ? "RUNNING" : "SUCCEEDED") : "FAILED"}
              short
            />
            <span class="number">{number}</span>
            <span class="grow">{error === undefined ? "" : error.message.replace(/^task: /, "")}</span>
            <span class="soft number">
              {endedAt === undefined ? "" : formatDuration(endedAt - startedAt)}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function TaskLog(props: {
  readonly runId: string;
  readonly task: TaskModel;
  readonly sealed: boolean;
}): JSX.Element {
  const { runId, task, sealed } = props;
  const numbers = task.attempts.map(({ number }) => number);
  const latest = numbers.at(-1) ?? 1;
  const chosen = useSignal<number | undefined>(undefined);
  const attempt = chosen.value ?? latest;
  if (numbers.length === 0) {
    return (
      <p class="soft pad">
        {task.cached
          ? "The result came from the cache: nothing ran, so that there is no log."
          : "Nothing ran yet."}
      </p>
    );
  }
  return (
    <div class="panel-body log-body">
      {numbers.length < 2 ? undefined : (
        <label class="row">
          Attempt
          <select
            class="input"
            value={attempt}
            onChange={(event) => {
              chosen.value = Number(event.currentTarget.value);
            }}
          >
            {numbers.map((number) => (
              <option key={number} value={number}>
                {number} of {numbers.length}
              </option>
            ))}
          </select>
        </label>
      )}
      {sealed ? (
        <SealedLog
          key={`${task.path} ${attempt}`}
          address={logAddress({ runId, task: task.path, attempt })}
        />
      ) : (
        <LogViewer
          key={`${task.path} ${attempt}`}
          log={{ runId, task: task.path, attempt }}
          live={task.state === "RUNNING" && attempt === latest}
        />
      )}
    </div>
  );
}
