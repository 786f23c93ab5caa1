/** The timeline: one bar per task, the critical path strong, cache hits hatched. */
import { useSignal } from "@preact/signals";
import type { PipelineSpec } from "@sealflow/pipeline";
import type { JSX } from "preact";
import { hrefWith, query } from "../app/router.js";
import { formatDuration, plural } from "../format.js";
import { Blank } from "../parts/blank.js";
import { useNow } from "../parts/clock.js";
import { StateMark } from "../parts/state.js";
import type { RunModel } from "./model.js";
import { type Bar, barsOf, ticksOf } from "./timeline-bars.js";

const ROW = 30;
/** Rows outside of what is seen that are in the page all the same. */
const MARGIN = 20;
const TALLEST = 620;

/** The timeline of a run. */
export function Timeline({
  spec,
  run,
}: {
  readonly spec: PipelineSpec | undefined;
  readonly run: RunModel;
}): JSX.Element {
  const now = useNow();
  const top = useSignal(0);
  const bars = barsOf(spec, run, run.endedAt ?? now.value);
  const start = Math.min(...bars.map((bar) => bar.start));
  const end = Math.max(...bars.map((bar) => bar.end));
  if (bars.length === 0) {
    return (
      <div class="card">
        <Blank icon="clock" title="Nothing has started yet" />
      </div>
    );
  }
  const length = Math.max(1, end - start);
  const first = Math.max(0, Math.floor(top.value / ROW) - MARGIN);
  const shown = bars.slice(first, first + Math.ceil(TALLEST / ROW) + 2 * MARGIN);
  return (
    <div class="card timeline">
      <Legend bars={bars} run={run} length={length} />
      <div class="timeline-grid" aria-hidden="true">
        <span />
        <span class="ticks">
          {ticksOf(length).map((tick) => (
            <i key={tick} style={{ left: `${(tick / length) * 100}%` }}>
              {tick === 0 ? "0" : formatDuration(tick)}
            </i>
          ))}
        </span>
      </div>
      <section
        class="timeline-rows"
        aria-label="Timeline"
        style={{ maxHeight: `${TALLEST}px` }}
        tabIndex={0}
        onScroll={(event) => {
          top.value = event.currentTarget.scrollTop;
        }}
      >
        <ol style={{ height: `${bars.length * ROW}px`, paddingTop: `${first * ROW}px` }}>
          {shown.map((bar) => (
            <BarRow key={bar.task.path} bar={bar} start={start} length={length} />
          ))}
        </ol>
      </section>
    </div>
  );
}

function Legend(props: {
  readonly bars: readonly Bar[];
  readonly run: RunModel;
  readonly length: number;
}): JSX.Element {
  const critical = props.bars.filter((bar) => bar.critical);
  const work = critical.reduce((sum, bar) => sum + bar.end - bar.start, 0);
  return (
    <div class="row pad legend">
      <span>
        <i class="swatch critical" aria-hidden="true" />
        Critical path: {plural(critical.length, "task")}, {formatDuration(work)} of{" "}
        {formatDuration(props.length)}
      </span>
      <span class="soft">
        <i class="swatch" aria-hidden="true" />
        other tasks
      </span>
      <span class="soft">
        <i class="swatch cached" aria-hidden="true" />
        from the cache
      </span>
      {props.run.environmentMs < 500 ? undefined : (
        <span class="soft">Python environments took {formatDuration(props.run.environmentMs)}</span>
      )}
    </div>
  );
}

function BarRow({
  bar,
  start,
  length,
}: {
  readonly bar: Bar;
  readonly start: number;
  readonly length: number;
}): JSX.Element {
  const { task } = bar;
  const chosen = query.value.get("task") === task.path;
  const left = ((bar.start - start) / length) * 100;
  const width = Math.max(0.25, ((bar.end - bar.start) / length) * 100);
  const took = task.cached ? "cached" : formatDuration(bar.end - bar.start);
  const looks = `bar ${task.state.toLowerCase()}${task.cached ? " cached" : ""}${bar.critical ? " critical" : ""}`;
  const outside = left + width > 82;
  return (
    <li class={chosen ? "timeline-grid chosen" : "timeline-grid"}>
      <a href={hrefWith({ task: task.path, view: undefined, artifact: undefined })} title={task.path}>
        <StateMark state={task.state} short />
        <span>{task.path}</span>
      </a>
      <span class="track">
        <i class={looks} style={{ left: `${left}%`, width: `${width}%` }} />
        <small style={outside ? { right: `${100 - left + 0.6}%` } : { left: `${left + width + 0.6}%` }}>
          {took}
          {task.attempts.length > 1 ? `, ${task.attempts.length} attempts` : ""}
          {bar.critical ? <span class="hidden">, on the critical path</span> : undefined}
        </small>
      </span>
    </li>
  );
}
