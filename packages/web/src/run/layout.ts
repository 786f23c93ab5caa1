/** Where boxes and lines go. Levels are laid out one by one, from the inside out: an expanded box is as large as its content. */
import dagre from "@dagrejs/dagre";
import type { Graph, GraphNode } from "./graph-tree.js";

/** A position in drawing units, which are pixels at full size. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A box by its upper left corner, in the coordinates of the whole drawing. */
export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

/** The whole drawing. Boxes around others come before those inside. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly boxes: ReadonlyMap<string, Box>;
  readonly edges: readonly (readonly Point[])[];
}

/** What of a graph its layout depends on: nothing that changes while the run goes on. */
export interface Shape {
  readonly nodes: readonly ShapeNode[];
  readonly edges: Graph["edges"];
}

interface ShapeNode {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly header: number;
  readonly inside?: Shape;
}

const LEAF_HEIGHT = 42;
const GROUP_HEIGHT = 56;
const WIDTH_OF_LOOPS = 216;
const HEADER = 40;
const LOOP_HEADER = 78;
const PADDING = 14;
const CHARACTER = 7.4;
const MARK = 26;
const NARROWEST = 132;
const WIDEST = 268;

/** The shape of a graph. */
export function shapeOf({ nodes, edges }: Graph): Shape {
  return { nodes: nodes.map(shapeNode), edges };
}

function shapeNode(node: GraphNode): ShapeNode {
  const leaf = node.kind === "task" || node.kind === "importer";
  // The head of a box around others names its kind as well.
  const kind = leaf ? 0 : 34 + (node.kind.length + (node.iterations === undefined ? 0 : 6)) * 6.6;
  // Room for the marks of caches and attempts: what a run does must not move its boxes.
  const wanted = Math.round(62 + node.label.length * CHARACTER + kind + (leaf ? MARK : 0));
  const width = Math.min(leaf ? WIDEST : WIDEST + 120, Math.max(NARROWEST, wanted));
  const height = leaf ? LEAF_HEIGHT : GROUP_HEIGHT;
  const header = node.kind === "loop" && node.iterations !== undefined ? LOOP_HEADER : HEADER;
  return {
    ...{ path: node.path, width, height, header },
    ...(node.inside === undefined ? {} : { inside: shapeOf(node.inside) }),
  };
}

interface LayoutGraph {
  setGraph(options: object): void;
  setDefaultEdgeLabel(label: () => object): void;
  setNode(name: string, size: object): void;
  setEdge(from: string, to: string): void;
  node(name: string): Point & { readonly width: number; readonly height: number };
  edges(): readonly object[];
  edge(edge: object): { readonly points?: readonly Point[] };
  graph(): { readonly width?: number; readonly height?: number };
}

/** Lays a shape out. */
export function layOut(shape: Shape): Drawing {
  const insides = new Map(
    shape.nodes.flatMap((node) =>
      node.inside === undefined ? [] : [[node.path, layOut(node.inside)] as const],
    ),
  );
  // Its declarations do not resolve for ES modules: this is the part that is used.
  const graph: LayoutGraph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 26, ranksep: 38, marginx: 2, marginy: 2 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of shape.nodes) graph.setNode(node.path, sizeOf(node, insides.get(node.path)));
  for (const [from, to] of shape.edges) graph.setEdge(from, to);
  if (shape.nodes.length > 0) dagre.layout(graph);
  return place(shape, graph, insides);
}

function sizeOf(node: ShapeNode, inside: Drawing | undefined): { width: number; height: number } {
  if (inside === undefined) return { width: node.width, height: node.height };
  return {
    width: Math.max(node.width, inside.width + 2 * PADDING, node.header === LOOP_HEADER ? WIDTH_OF_LOOPS : 0),
    height: node.header + inside.height + PADDING,
  };
}

function place(shape: Shape, graph: LayoutGraph, insides: ReadonlyMap<string, Drawing>): Drawing {
  const boxes = new Map<string, Box>();
  const edges: (readonly Point[])[] = graph.edges().map((edge) => graph.edge(edge).points ?? []);
  for (const node of shape.nodes) {
    const { x, y, width, height } = graph.node(node.path);
    const box = { x: x - width / 2, y: y - height / 2, width, height };
    boxes.set(node.path, box);
    const inside = insides.get(node.path);
    if (inside === undefined) continue;
    const [dx, dy] = [box.x + (width - inside.width) / 2, box.y + node.header];
    for (const [path, inner] of inside.boxes) boxes.set(path, { ...inner, x: inner.x + dx, y: inner.y + dy });
    edges.push(
      ...inside.edges.map((points) => points.map((point) => ({ x: point.x + dx, y: point.y + dy }))),
    );
  }
  const { width = 0, height = 0 } = graph.graph();
  const finite = (value: number): number => (Number.isFinite(value) ? Math.ceil(value) : 0);
  return { width: finite(width), height: finite(height), boxes, edges };
}

/** A line through points, rounded at those between its ends, as the data of an SVG path. */
export function linePath(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (first === undefined) return "";
  const at = (point: Point): string => `${point.x.toFixed(1)} ${point.y.toFixed(1)}`;
  const bends = rest.slice(0, -1).map((point, index) => {
    const next = rest[index + 1] ?? point;
    const last = index === rest.length - 2;
    const end = last ? next : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${at(point)} ${at(end)}`;
  });
  const last = rest.at(-1);
  return `M${at(first)}${bends.join("")}${last === undefined ? "" : `L${at(last)}`}`;
}
