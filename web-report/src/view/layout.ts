// Where things are drawn: layers from left to right, groups as boxes.
import { Graph as Dagre, layout } from "@dagrejs/dagre";
import { MOST_EDGES, type Graph, type MapEdge, type MapNode } from "../model/map";
import { arrange } from "./columns";

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface PlacedNode extends Box {
  node: MapNode;
}

export interface PlacedEdge {
  edge: MapEdge;
  points: { x: number; y: number }[];
}

export interface PlacedGroup extends Box {
  name: string;
  within: MapGroup["within"];
}

type MapGroup = Graph["groups"][number];

export interface Picture {
  width: number;
  height: number;
  nodes: PlacedNode[];
  edges: PlacedEdge[];
  groups: PlacedGroup[];
}

const CHARACTER = 7.2;
/** The height of a box's name. */
const TITLE = 16;

/** What is written below a node's name. */
export function noteOf({ note, presence }: MapNode): string {
  return [presence, note].filter(Boolean).join(", ");
}

function sizeOf(node: MapNode): { width: number; height: number } {
  if (node.kind === "gate") return { width: 12, height: 12 };
  const text = Math.max(node.label.length * CHARACTER, noteOf(node).length * CHARACTER * 0.82);
  return { width: Math.min(230, Math.max(84, text + 26)), height: noteOf(node) ? 44 : 32 };
}

/** Boxes are given by their centres. */
export function place(graph: Graph): Picture {
  // To find a way for each edge takes dagre longer than anybody waits.
  if (graph.edges.length > MOST_EDGES) return arrange(graph, sizeOf, TITLE);
  const dagre = new Dagre({ compound: true, multigraph: true });
  dagre.setGraph({ rankdir: "LR", nodesep: 26, ranksep: 84, edgesep: 10, marginx: 24, marginy: 24 });
  dagre.setDefaultEdgeLabel(() => ({}));
  const boxed = graph.groups.length > 0;
  for (const group of graph.groups) dagre.setNode(`box ${group.name}`, {});
  for (const node of graph.nodes) {
    dagre.setNode(node.id, sizeOf(node));
    if (boxed && node.group !== null) dagre.setParent(node.id, `box ${node.group}`);
  }
  for (const edge of graph.edges) dagre.setEdge(edge.from, edge.to, {}, edge.change ?? undefined);
  layout(dagre);
  const box = (id: string): Box => {
    const { x = 0, y = 0, width = 0, height = 0 } = dagre.node(id) as Partial<Box>;
    return { x, y, width, height };
  };
  const { width = 0, height = 0 } = dagre.graph() as { width?: number; height?: number };
  return {
    width,
    height,
    nodes: graph.nodes.map((node) => ({ node, ...box(node.id) })),
    groups: graph.groups.map((group) => {
      const { x, y, width, height } = box(`box ${group.name}`);
      // Room for the name above what is in it, as far as there is none: boxes can stand close together.
      const inside = graph.nodes.filter((node) => node.group === group.name).map((node) => box(node.id));
      const top = y - height / 2;
      const more = Math.max(0, TITLE + 8 - (Math.min(...inside.map((member) => member.y - member.height / 2)) - top));
      return { name: group.name, within: group.within, x, y: y - more / 2, width, height: height + more };
    }),
    edges: graph.edges.map((edge) => {
      const { points = [] } = (dagre.edge(edge.from, edge.to, edge.change ?? undefined) ?? {}) as { points?: { x: number; y: number }[] };
      return { edge, points };
    }),
  };
}
