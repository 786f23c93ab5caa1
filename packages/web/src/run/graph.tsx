/** The graph of a run: boxes that open, lines behind them, in a field that scrolls, is dragged and zooms. */
import { type Signal, useSignal } from "@preact/signals";
import type { PipelineSpec } from "@sealflow/pipeline";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { hrefWith, query } from "../app/router.js";
import { Icon, type IconName } from "../parts/icon.js";
import { StateMark, stateWord } from "../parts/state.js";
import {
  allExpandable,
  firstExpanded,
  type Graph,
  type GraphNode,
  type GraphView,
  graphOf,
  type NodeKind,
  staticPath,
} from "./graph-tree.js";
import { type Box, type Drawing, linePath, type Point, shapeOf } from "./layout.js";
import { Layouts } from "./layouts.js";
import type { RunModel } from "./model.js";

const kinds: Readonly<Record<NodeKind, { readonly icon: IconName; readonly word: string }>> = {
  task: { icon: "play", word: "task" },
  importer: { icon: "download", word: "importer" },
  pipeline: { icon: "nested", word: "pipeline" },
  condition: { icon: "branch", word: "condition" },
  branches: { icon: "branch", word: "branches" },
  loop: { icon: "loop", word: "loop" },
};

/** Closest and farthest view. */
const ZOOMS = { least: 0.15, most: 2 } as const;
const FIELD_PADDING = 24;

/** The graph. Which boxes are open is this view's own; which task is chosen stands in the address. */
export function GraphPicture({
  spec,
  run,
}: {
  readonly spec: PipelineSpec;
  readonly run: RunModel;
}): JSX.Element {
  const view = useSignal<GraphView>({ expanded: firstExpanded(spec), iterations: new Map() });
  const layouts = useMemo(() => new Layouts(), []);
  useEffect(() => () => layouts.stop(), [layouts]);
  const graph = graphOf(spec, run, view.value);
  useEffect(() => layouts.draw(shapeOf(graph)));
  const drawing = layouts.drawing.value;
  return (
    <div class="graph card">
      {drawing === undefined ? (
        <p class="soft pad" role="status">
          Drawing …
        </p>
      ) : (
        <Field drawing={drawing} graph={graph} view={view} spec={spec} />
      )}
    </div>
  );
}

function nodesOf(graph: Graph): readonly GraphNode[] {
  return graph.nodes.flatMap((node) => [node, ...(node.inside === undefined ? [] : nodesOf(node.inside))]);
}

interface FieldProps {
  readonly drawing: Drawing;
  readonly graph: Graph;
  readonly view: Signal<GraphView>;
  readonly spec: PipelineSpec;
}

function Field({ drawing, graph, view, spec }: FieldProps): JSX.Element {
  const field = useRef<HTMLElement>(null);
  const zoom = useSignal(1);
  const fit = (): void => {
    const room = (field.current?.clientWidth ?? 0) - 2 * FIELD_PADDING;
    if (room > 0) zoom.value = Math.min(1, Math.max(ZOOMS.least, room / drawing.width));
  };
  useEffect(fit, []);
  useDragging(field);
  useWheelZoom(field, zoom);
  const lines = useMemo(() => drawing.edges.map(linePath).join(""), [drawing]);
  const tips = useMemo(() => drawing.edges.map(tipPath).join(""), [drawing]);
  // The same boxes while only the zoom changes: hundreds of them are then left alone.
  const boxes = useMemo(
    () =>
      nodesOf(graph).map((node) => {
        const box = drawing.boxes.get(node.path);
        return box === undefined ? undefined : <NodeBox key={node.path} node={node} box={box} view={view} />;
      }),
    [drawing, graph, view],
  );
  const { width, height } = drawing;
  return (
    <>
      <GraphTools zoom={zoom} view={view} spec={spec} onFit={fit} />
      <section class="field" ref={field} aria-label="Graph" tabIndex={0}>
        <div class="paper" style={{ width: `${width * zoom.value}px`, height: `${height * zoom.value}px` }}>
          <div
            class="scaled"
            style={{ width: `${width}px`, height: `${height}px`, transform: `scale(${zoom.value})` }}
          >
            <svg width={width} height={height} aria-hidden="true">
              <path class="edges" d={lines} />
              <path class="tips" d={tips} />
            </svg>
            {boxes}
          </div>
        </div>
      </section>
    </>
  );
}

function tipPath(points: readonly Point[]): string {
  const end = points.at(-1);
  if (end === undefined) return "";
  return `M${(end.x - 4).toFixed(1)} ${(end.y - 7).toFixed(1)}L${end.x.toFixed(1)} ${end.y.toFixed(1)}l4 -7z`;
}

function useDragging(field: { readonly current: HTMLElement | null }): void {
  useEffect(() => {
    const element = field.current;
    if (element === null) return;
    let from: { x: number; y: number; left: number; top: number } | undefined;
    const down = (event: PointerEvent): void => {
      const onBox = event.target instanceof Element && event.target.closest("a, button, select") !== null;
      if (event.pointerType !== "mouse" || event.button !== 0 || onBox) return;
      from = { x: event.clientX, y: event.clientY, left: element.scrollLeft, top: element.scrollTop };
      element.setPointerCapture(event.pointerId);
    };
    const move = (event: PointerEvent): void => {
      if (from === undefined) return;
      element.scrollTo(from.left - (event.clientX - from.x), from.top - (event.clientY - from.y));
    };
    const up = (): void => {
      from = undefined;
    };
    element.addEventListener("pointerdown", down);
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", up);
    element.addEventListener("pointercancel", up);
    return () => {
      element.removeEventListener("pointerdown", down);
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", up);
      element.removeEventListener("pointercancel", up);
    };
  }, []);
}

/** The wheel with Ctrl zooms around the pointer, as a pinch on a touchpad does; without, it scrolls. */
function useWheelZoom(field: { readonly current: HTMLElement | null }, zoom: Signal<number>): void {
  useEffect(() => {
    const element = field.current;
    if (element === null) return;
    const wheel = (event: WheelEvent): void => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const before = zoom.peek();
      const next = Math.min(ZOOMS.most, Math.max(ZOOMS.least, before * Math.exp(-event.deltaY / 300)));
      const box = element.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      const [left, top] = [(element.scrollLeft + x) / before, (element.scrollTop + y) / before];
      zoom.value = next;
      requestAnimationFrame(() => element.scrollTo(left * next - x, top * next - y));
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, []);
}

function GraphTools(props: {
  readonly zoom: Signal<number>;
  readonly view: Signal<GraphView>;
  readonly spec: PipelineSpec;
  readonly onFit: () => void;
}): JSX.Element {
  const { zoom, view, spec, onFit } = props;
  const nested = useMemo(() => allExpandable(spec), [spec]);
  const by = (factor: number) => () => {
    zoom.value = Math.min(ZOOMS.most, Math.max(ZOOMS.least, zoom.value * factor));
  };
  const open = (expanded: ReadonlySet<string>) => () => {
    view.value = { ...view.value, expanded };
  };
  return (
    <div class="graph-tools">
      {nested.size === 0 ? undefined : (
        <>
          <button type="button" class="button small" onClick={open(nested)}>
            Expand all
          </button>
          <button type="button" class="button small" onClick={open(new Set())}>
            Collapse all
          </button>
        </>
      )}
      <span class="grow" />
      <button type="button" class="icon-button" aria-label="Farther away" onClick={by(1 / 1.25)}>
        <Icon name="minus" />
      </button>
      <button type="button" class="icon-button" aria-label="Closer" onClick={by(1.25)}>
        <Icon name="plus" />
      </button>
      <button type="button" class="icon-button" aria-label="Fit the width" onClick={onFit}>
        <Icon name="fit" />
      </button>
    </div>
  );
}

interface NodeProps {
  readonly node: GraphNode;
  readonly box: Box;
  readonly view: Signal<GraphView>;
}

function place({ x, y, width, height }: Box): Readonly<Record<string, string>> {
  return { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` };
}

function NodeBox({ node, box, view }: NodeProps): JSX.Element {
  if (node.kind === "task" || node.kind === "importer") return <LeafBox node={node} box={box} />;
  const path = staticPath(node.path);
  const toggle = (): void => {
    const expanded = new Set(view.value.expanded);
    if (!expanded.delete(path)) expanded.add(path);
    view.value = { ...view.value, expanded };
  };
  const open = node.inside !== undefined;
  return (
    <div class={`group ${node.state.toLowerCase()} ${open ? "open" : ""}`} style={place(box)}>
      <button type="button" class="group-head" aria-expanded={open} onClick={toggle} title={node.condition}>
        <Icon name={open ? "expand" : "right"} />
        <span class="grow">
          <b>{node.label}</b>
          {open ? undefined : <Tallies node={node} />}
        </span>
        <span class="kind">
          <Icon name={kinds[node.kind].icon} />
          {kinds[node.kind].word}
          {node.iterations === undefined ? "" : ` × ${node.iterations}`}
        </span>
      </button>
      {open && node.kind === "loop" && node.iterations !== undefined ? (
        <Iterations node={node} view={view} />
      ) : undefined}
    </div>
  );
}

function LeafBox({ node, box }: Omit<NodeProps, "view">): JSX.Element {
  const chosen = query.value.get("task") === node.path;
  const looks = `leaf ${node.state.toLowerCase()}${node.cached ? " cached" : ""}${chosen ? " chosen" : ""}`;
  return (
    <a
      class={looks}
      style={place(box)}
      href={hrefWith({ task: node.path, view: undefined, artifact: undefined })}
      aria-current={chosen ? "true" : undefined}
      title={node.condition === undefined ? node.path : `${node.path}\nwhen ${node.condition}`}
    >
      <StateMark state={node.state} short />
      <span class="label">{node.label}</span>
      {node.cached ? (
        <span class="mark" title="Taken from the cache">
          <Icon name="bolt" />
          <span class="hidden">from the cache</span>
        </span>
      ) : undefined}
      {node.attempts > 1 ? <span class="mark">{node.attempts}×</span> : undefined}
    </a>
  );
}

/** What is in a closed box, as a bar of states. */
function Tallies({ node }: { readonly node: GraphNode }): JSX.Element | undefined {
  const parts = Object.entries(node.tally).filter(([, count]) => count > 0);
  if (parts.length === 0) return undefined;
  const word = (state: string): string =>
    state === "cached" ? "cached" : stateWord(state as GraphNode["state"]).toLowerCase();
  const text = parts.map(([state, count]) => `${count} ${word(state)}`).join(", ");
  return (
    <span class="tally">
      <span class="tally-bar" aria-hidden="true">
        {parts.map(([state, count]) => (
          <i key={state} class={state.toLowerCase()} style={{ flexGrow: count }} />
        ))}
      </span>
      <small>{text}</small>
    </span>
  );
}

/** Which of a loop's iterations is shown. */
function Iterations({ node, view }: Omit<NodeProps, "box">): JSX.Element {
  const { iterations = 0, shown = 0 } = node;
  const show = (index: number): void => {
    view.value = { ...view.value, iterations: new Map(view.value.iterations).set(node.path, index) };
  };
  return (
    <div class="iterations">
      <button
        type="button"
        class="icon-button"
        aria-label="Previous iteration"
        disabled={shown === 0}
        onClick={() => show(shown - 1)}
      >
        <Icon name="up" />
      </button>
      <select
        class="input"
        aria-label={`Iteration of ${node.label}`}
        value={shown}
        onChange={(event) => show(Number(event.currentTarget.value))}
      >
        {Array.from({ length: iterations }, (_, index) => (
          <option key={index} value={index}>
            Iteration {index + 1} of {iterations}
          </option>
        ))}
      </select>
      <button
        type="button"
        class="icon-button"
        aria-label="Next iteration"
        disabled={shown >= iterations - 1}
        onClick={() => show(shown + 1)}
      >
        <Icon name="down" />
      </button>
    </div>
  );
}
