/** A log: only the lines in view are in the page. */
import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { server } from "../api/client.js";
import { formatBytes, formatNumber, plural } from "../format.js";
import { Icon } from "../parts/icon.js";
import { plainLine } from "./ansi.js";
import { ColouredLine } from "./coloured.js";
import { LogSource, type ReadRange } from "./source.js";

/** Which log. */
export interface LogName {
  readonly runId: string;
  readonly task: string;
  readonly attempt: number;
}

const LINE = 20;
/** Lines above and below what is seen, so that scrolling shows no gaps. */
const MARGIN = 30;
/** Browsers do not lay out boxes of any height: beyond this, a step of the bar is more than a line. */
const TALLEST = 8_000_000;
const MOST_HITS = 20_000;
const LOOK_MS = 700;

/** The address of a log. */
export function logAddress({ runId, task, attempt }: LogName): string {
  const query = new URLSearchParams({ task, attempt: String(attempt) });
  return `/api/runs/${encodeURIComponent(runId)}/log?${query}`;
}

function rangesOf(address: string): ReadRange {
  return async (start, end) => {
    const fetch = server.fetch ?? globalThis.fetch;
    // One byte that is known already comes along: a range that begins at the end of a log would be refused.
    const from = Math.max(0, start - 1);
    const answer = await fetch(address, { headers: { Range: `bytes=${from}-${end - 1}` } });
    const size = Number(/\/(\d+)$/.exec(answer.headers.get("content-range") ?? "")?.[1] ?? Number.NaN);
    if (answer.status === 416) return { bytes: new Uint8Array(), size: Number.isNaN(size) ? start : size };
    if (!answer.ok) throw new Error(`The log could not be read (HTTP ${answer.status}).`);
    const known = start - from;
    const bytes = new Uint8Array(await answer.arrayBuffer()).slice(answer.status === 206 ? known : 0);
    if (answer.status === 206) return { bytes, size: Number.isNaN(size) ? start + bytes.length : size };
    // An answer without ranges is the whole log: that of a task that printed nothing.
    return { bytes: bytes.slice(start, end), size: bytes.length };
  };
}

interface View {
  readonly lines: Signal<number>;
  readonly scanned: Signal<number>;
  readonly size: Signal<number>;
  readonly problem: Signal<string>;
}

/** Counts lines until there are no more, and goes on looking while the task runs. */
function useScan(source: LogSource, live: boolean): View {
  const view = {
    ...{ lines: useSignal(source.lines), scanned: useSignal(0), size: useSignal(0), problem: useSignal("") },
  };
  useEffect(() => {
    let stopped = false;
    const step = async (): Promise<void> => {
      while (!stopped) {
        const more = await source.scan();
        if (stopped) return;
        view.lines.value = source.lines;
        view.scanned.value = source.progress.scanned;
        view.size.value = source.progress.size;
        if (more) continue;
        if (!live) return;
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
    };
    step().catch((error: unknown) => {
      view.problem.value = error instanceof Error ? error.message : String(error);
    });
    return () => {
      stopped = true;
    };
  }, [source, live]);
  return view;
}

interface Hits {
  readonly text: string;
  readonly lines: readonly number[];
  readonly done: boolean;
  /** Which hit is looked at. */
  readonly at: number;
}

const noHits: Hits = { text: "", lines: [], done: true, at: 0 };

function useSearch(source: LogSource): { hits: Signal<Hits>; text: Signal<string> } {
  const text = useSignal("");
  const hits = useSignal(noHits);
  const wanted = text.value;
  useEffect(() => {
    if (wanted === "") {
      hits.value = noHits;
      return;
    }
    const abort = new AbortController();
    const timer = setTimeout(() => void search(source, wanted, { hits, signal: abort.signal }), 200);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [source, wanted]);
  return { hits, text };
}

/** Searches what there is, and what is added, until the signal aborts or enough was found. */
async function search(
  source: LogSource,
  text: string,
  { hits, signal }: { hits: Signal<Hits>; signal: AbortSignal },
): Promise<void> {
  const searching = source.search(text);
  const found: number[] = [];
  const tell = (done: boolean): void => {
    const { text: before, at } = hits.peek();
    hits.value = { text, lines: found.slice(0, MOST_HITS), done, at: before === text ? at : 0 };
  };
  tell(false);
  while (found.length < MOST_HITS) {
    const { scanned, size } = source.progress;
    const lines = await searching.next(scanned);
    if (signal.aborted) return;
    found.push(...(lines ?? []));
    if (lines === undefined) {
      tell(scanned >= size);
      await source.grown(signal);
      if (signal.aborted) return;
    } else if (lines.length > 0) tell(false);
  }
  tell(true);
}

/** The log of an attempt. `live`: it still grows. */
export function LogViewer({ log, live }: { readonly log: LogName; readonly live: boolean }): JSX.Element {
  const address = logAddress(log);
  const source = useMemo(() => new LogSource(rangesOf(address)), [address]);
  const view = useScan(source, live);
  const { hits, text } = useSearch(source);
  const follow = useSignal(live);
  const target = useSignal<number | undefined>(undefined);
  const step = (by: number): void => {
    const { lines, at } = hits.value;
    if (lines.length === 0) return;
    const next = (at + by + lines.length) % lines.length;
    hits.value = { ...hits.value, at: next };
    follow.value = false;
    target.value = lines[next];
  };
  const share = view.size.value === 0 ? 1 : view.scanned.value / view.size.value;
  return (
    <div class="log">
      <div class="log-bar">
        <label class="search-box">
          <Icon name="search" />
          <span class="hidden">Search the log</span>
          <input
            type="search"
            placeholder="Search the log"
            value={text.value}
            onInput={(event) => {
              text.value = event.currentTarget.value;
            }}
            onKeyDown={(event) => {
              if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
            }}
          />
        </label>
        <HitCount hits={hits.value} onStep={step} />
        <span class="grow" />
        <label class="check">
          <input
            type="checkbox"
            checked={follow.value}
            onChange={() => {
              follow.value = !follow.value;
            }}
          />
          Follow the end
        </label>
        <a
          class="icon-button"
          href={address}
          download={`${log.task.replace(/[^\w.-]+/g, "_")}.log`}
          aria-label="Download the log"
        >
          <Icon name="download" />
        </a>
      </div>
      {view.problem.value !== "" ? (
        <p class="notice bad">{view.problem.value}</p>
      ) : (
        <Lines source={source} view={view} hits={hits.value} target={target} follow={follow} />
      )}
      <p class="log-foot soft" role="status">
        {plural(view.lines.value, "line")}, {formatBytes(view.size.value)}
        {share < 1 ? `, ${Math.floor(share * 100)} % counted` : ""}
        {live ? ", live" : ""}
      </p>
    </div>
  );
}

function HitCount({
  hits,
  onStep,
}: {
  readonly hits: Hits;
  readonly onStep: (by: number) => void;
}): JSX.Element | undefined {
  if (hits.text === "") return undefined;
  const { lines, at, done } = hits;
  const more = lines.length >= MOST_HITS ? "+" : done ? "" : " …";
  return (
    <span class="row" style={{ gap: "2px" }}>
      <span class="soft" role="status">
        {lines.length === 0
          ? done
            ? "Nothing found"
            : "Searching …"
          : `${at + 1} of ${formatNumber(lines.length)}${more}`}
      </span>
      <button type="button" class="icon-button" aria-label="Previous hit" onClick={() => onStep(-1)}>
        <Icon name="up" />
      </button>
      <button type="button" class="icon-button" aria-label="Next hit" onClick={() => onStep(1)}>
        <Icon name="down" />
      </button>
    </span>
  );
}

interface LinesProps {
  readonly source: LogSource;
  readonly view: View;
  readonly hits: Hits;
  /** A line to go to, once. */
  readonly target: Signal<number | undefined>;
  readonly follow: Signal<boolean>;
}

function Lines({ source, view, hits, target, follow }: LinesProps): JSX.Element {
  const box = useRef<HTMLElement>(null);
  const top = useSignal(0);
  const height = useSignal(600);
  const shown = useSignal<{ first: number; lines: readonly string[] }>({ first: 0, lines: [] });
  const count = view.lines.value;
  const full = count * LINE;
  // Of a log that is too tall, a step of the scroll bar stands for more than one line.
  const tall = Math.min(full, TALLEST);
  const ratio = full <= tall || tall <= height.value ? 1 : (full - height.value) / (tall - height.value);
  const offset = Math.floor((top.value * ratio) / LINE);
  const first = Math.max(0, offset - MARGIN);
  const end = Math.min(count, offset + Math.ceil(height.value / LINE) + MARGIN);
  useEffect(() => {
    let late = false;
    source.slice(first, end).then(
      (lines) => {
        if (!late) shown.value = { first, lines };
      },
      () => {},
    );
    return () => {
      late = true;
    };
  }, [source, first, end]);
  useEffect(() => {
    if (box.current !== null && follow.value) box.current.scrollTop = box.current.scrollHeight;
  }, [count, follow.value, height.value]);
  useEffect(() => {
    const line = target.value;
    if (line === undefined || box.current === null) return;
    box.current.scrollTop = Math.max(0, (line * LINE - height.value / 3) / ratio);
    target.value = undefined;
  }, [target.value]);
  useHeight(box, height);
  const position = top.value - (offset - shown.value.first) * LINE - ((top.value * ratio) % LINE);
  return (
    <section
      class="log-lines"
      ref={box}
      aria-label="Log"
      tabIndex={0}
      onScroll={(event) => {
        top.value = event.currentTarget.scrollTop;
      }}
      onWheel={(event) => {
        if (event.deltaY < 0) follow.value = false;
      }}
    >
      <div style={{ height: `${tall}px` }}>
        <ol style={{ transform: `translateY(${Math.max(0, position)}px)` }}>
          {shown.value.lines.map((line, index) => (
            <LogLine
              key={shown.value.first + index}
              number={shown.value.first + index}
              line={line}
              hits={hits}
            />
          ))}
        </ol>
      </div>
      {count === 0 && view.scanned.value >= view.size.value ? (
        <p class="soft pad">Nothing was printed.</p>
      ) : undefined}
    </section>
  );
}

/** Keeps the height of an element, which changes with the window and with what stands around it. */
function useHeight(box: { readonly current: HTMLElement | null }, height: Signal<number>): void {
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      height.value = element.clientHeight;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
}

function LogLine({
  number,
  line,
  hits,
}: {
  readonly number: number;
  readonly line: string;
  readonly hits: Hits;
}): JSX.Element {
  const current = hits.lines[hits.at] === number;
  return (
    <li class={current ? "current" : undefined}>
      <span class="log-number" aria-hidden="true">
        {number + 1}
      </span>
      <span class="log-text">
        {hits.text === "" ? <ColouredLine line={line} /> : marked(line, hits.text)}
      </span>
    </li>
  );
}

/** The line with what was searched for marked; colours rest meanwhile. */
function marked(line: string, wanted: string): JSX.Element {
  const text = plainLine(line);
  const lower = text.toLowerCase();
  const parts: (string | JSX.Element)[] = [];
  let from = 0;
  for (
    let at = lower.indexOf(wanted.toLowerCase());
    at >= 0;
    at = lower.indexOf(wanted.toLowerCase(), from)
  ) {
    parts.push(text.slice(from, at), <mark key={at}>{text.slice(at, at + wanted.length)}</mark>);
    from = at + wanted.length;
  }
  return <>{[...parts, text.slice(from)]}</>;
}
