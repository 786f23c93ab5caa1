/** Where nodes and edges of a directed graph go. The only file that knows the layout library. */
import dagre from "@dagrejs/dagre";

/** A position in drawing units. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A node to be placed. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The whole drawing; nodes are placed by their centres. */
export interface Layout extends Size {
  readonly nodes: ReadonlyMap<string, Point>;
  readonly edges: readonly (readonly Point[])[];
}

/** What is used of the library, whose own declarations do not resolve for ES modules. */
interface LayoutGraph {
  setGraph(options: object): void;
  setDefaultEdgeLabel(label: () => object): void;
  setNode(name: string, size: object): void;
  setEdge(from: string, to: string): void;
  node(name: string): Point;
  edges(): readonly object[];
  edge(edge: object): { readonly points?: readonly Point[] };
  graph(): Partial<Size>;
}

/** Places nodes in ranks from top to bottom. Edges to unknown nodes are left out. */
export function layOut(
  nodes: ReadonlyMap<string, Size>,
  edges: readonly (readonly [from: string, to: string])[],
): Layout {
  const graph: LayoutGraph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 24, ranksep: 34, marginx: 8, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const [name, size] of nodes) graph.setNode(name, { ...size });
  for (const [from, to] of edges) if (nodes.has(from) && nodes.has(to)) graph.setEdge(from, to);
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    width: Math.ceil(width),
    height: Math.ceil(height),
    nodes: new Map([...nodes.keys()].map((name) => [name, graph.node(name)])),
    edges: graph.edges().map((edge) => graph.edge(edge).points ?? []),
  };
}
