// Where things are drawn when there are too many edges to route: boxes in columns, those that are asked rather than
// ask to the right, and edges straight from one to the other.
import type { Graph, MapNode } from "../model/map";
import type { Box, Picture } from "./layout";

const GAP = { x: 130, y: 34 };
const INNER = { x: 18, y: 14 };
const MARGIN = 24;
/** Columns are about so many times as high as the picture is wide. */
const SHAPE = 0.7;

/** A node, or a group with its nodes. */
interface Block {
  name: string | null;
  nodes: MapNode[];
  /** From -1, who is only asked of, to 1, who only asks; what is outside is beyond these. */
  asks: number;
  width: number;
  height: number;
}

type Size = { width: number; height: number };

export function arrange(graph: Graph, sizeOf: (node: MapNode) => Size, title: number): Picture {
  const places = new Map<string, Box>();
  const groups: Picture["groups"] = [];
  const all = blocks(graph, sizeOf, title);
  let x = MARGIN;
  let bottom = 0;
  for (const column of columns(all)) {
    const width = Math.max(...column.map((block) => block.width));
    let y = MARGIN;
    for (const block of column) {
      fill(block, x + (width - block.width) / 2, y, sizeOf, title, places);
      if (block.name !== null) {
        const group = graph.groups.find(({ name }) => name === block.name);
        groups.push({ name: block.name, within: group?.within ?? null, x: x + width / 2, y: y + block.height / 2, width: block.width, height: block.height });
      }
      y += block.height + GAP.y;
    }
    bottom = Math.max(bottom, y - GAP.y);
    x += width + GAP.x;
  }
  return {
    width: x - GAP.x + MARGIN,
    height: bottom + MARGIN,
    nodes: graph.nodes.flatMap((node) => {
      const box = places.get(node.id);
      return box ? [{ node, ...box }] : [];
    }),
    groups,
    edges: graph.edges.flatMap((edge) => {
      const [from, to] = [places.get(edge.from), places.get(edge.to)];
      return from && to ? [{ edge, points: curve(from, to, edge.change === null ? 0 : edge.change === "opened" ? -6 : 6) }] : [];
    }),
  };
}

function blocks(graph: Graph, sizeOf: (node: MapNode) => Size, title: number): Block[] {
  const [asks, asked] = [new Map<string, number>(), new Map<string, number>()];
  for (const { from, to } of graph.edges) {
    asks.set(from, (asks.get(from) ?? 0) + 1);
    asked.set(to, (asked.get(to) ?? 0) + 1);
  }
  const of = new Map<string, Block>();
  for (const node of graph.nodes) {
    const key = node.group === null ? `node ${node.id}` : `group ${node.group}`;
    const block = of.get(key) ?? { name: node.group, nodes: [], asks: 0, width: 0, height: 0 };
    block.nodes.push(node);
    of.set(key, block);
  }
  for (const block of of.values()) {
    const count = (of: Map<string, number>) => block.nodes.reduce((sum, { id }) => sum + (of.get(id) ?? 0), 0);
    const [out, into] = [count(asks), count(asked)];
    const outside = block.nodes.every(({ kind }) => kind === "outside" || kind === "assumed");
    block.asks = outside ? (out ? 2 : -2) : (out - into) / (out + into || 1);
    const { across, cell } = grid(block, sizeOf);
    const down = Math.ceil(block.nodes.length / across);
    const inner = { width: across * (cell.width + INNER.x) - INNER.x, height: down * (cell.height + INNER.y) - INNER.y };
    const frame = block.name === null ? 0 : INNER.x;
    block.width = inner.width + 2 * frame;
    block.height = inner.height + 2 * frame + (block.name === null ? 0 : title);
  }
  return [...of.values()].sort((a, b) => b.asks - a.asks);
}

function grid(block: Block, sizeOf: (node: MapNode) => Size): { across: number; cell: Size } {
  const sizes = block.nodes.map(sizeOf);
  const cell = { width: Math.max(...sizes.map(({ width }) => width)), height: Math.max(...sizes.map(({ height }) => height)) };
  return { across: Math.ceil(Math.sqrt(block.nodes.length / 2)), cell };
}

/** What is outside has its own columns; the rest is as high as it takes for a picture that is wider than high. */
function columns(all: Block[]): Block[][] {
  const area = all.reduce((sum, { width, height }) => sum + (width + GAP.x) * (height + GAP.y), 0);
  const most = Math.sqrt(area * SHAPE);
  const found: Block[][] = [];
  let height = Infinity;
  let last: Block | undefined;
  for (const block of all) {
    const apart = last !== undefined && Math.abs(last.asks) === 2 !== (Math.abs(block.asks) === 2);
    if (apart || height + block.height > most) {
      found.push([]);
      height = 0;
    }
    found.at(-1)?.push(block);
    height += block.height + GAP.y;
    last = block;
  }
  return found;
}

function fill(block: Block, left: number, top: number, sizeOf: (node: MapNode) => Size, title: number, places: Map<string, Box>): void {
  const frame = block.name === null ? 0 : INNER.x;
  const { across, cell } = grid(block, sizeOf);
  block.nodes.forEach((node, index) => {
    const x = left + frame + (index % across) * (cell.width + INNER.x) + cell.width / 2;
    const y = top + frame + (block.name === null ? 0 : title) + Math.floor(index / across) * (cell.height + INNER.y) + cell.height / 2;
    places.set(node.id, { x, y, ...sizeOf(node) });
  });
}

/** From the right of one to the left of the other, somewhat apart from others between the two. */
function curve(from: Box, to: Box, apart: number): { x: number; y: number }[] {
  const start = { x: from.x + from.width / 2, y: from.y + apart };
  const end = { x: to.x - to.width / 2, y: to.y + apart };
  return [start, { x: start.x + 40, y: start.y }, { x: end.x - 40, y: end.y }, end];
}
