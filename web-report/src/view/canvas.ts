// Draws a picture on a canvas. Colours are those of the page.
import { short } from "../model/traffic";
import { visible } from "../model/visible";
import { MOST_EDGES } from "../model/map";
import { noteOf, type Box, type Picture, type PlacedEdge, type PlacedNode } from "./layout";

export interface Camera {
  x: number;
  y: number;
  zoom: number;
}

/** What is pointed at or chosen: nodes by id, edges by their ends. */
export interface Lit {
  node: string | null;
  edge: PlacedEdge | null;
}

type Point = Pick<Box, "x" | "y">;

type Colours = Record<"paper" | "raised" | "sunken" | "ink" | "soft" | "line" | "strong-line" | "accent" | "accent-soft" | "allowed" | "denied" | "warning" | "warning-soft", string>;

/** The colours of the page as a canvas takes them. */
export function colours(element: HTMLElement): Colours {
  const probe = document.createElement("span");
  element.append(probe);
  const read = (name: string) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const names = ["paper", "raised", "sunken", "ink", "soft", "line", "strong-line", "accent", "accent-soft", "allowed", "denied", "warning", "warning-soft"];
  const found = Object.fromEntries(names.map((name) => [name, read(name)])) as Colours;
  probe.remove();
  return found;
}

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const MONO = 'ui-monospace, "SF Mono", Menlo, Consolas, monospace';

export function paint(context: CanvasRenderingContext2D, picture: Picture, camera: Camera, lit: Lit, colour: Colours, ratio: number): void {
  const { canvas } = context;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.setTransform(camera.zoom * ratio, 0, 0, camera.zoom * ratio, camera.x * ratio, camera.y * ratio);
  const near = lit.edge ? new Set([lit.edge.edge.from, lit.edge.edge.to]) : lit.node ? neighbours(picture, lit.node) : null;
  const isLit = ({ edge }: PlacedEdge) => lit.edge?.edge === edge || (!lit.edge && (edge.from === lit.node || edge.to === lit.node));

  for (const group of picture.groups) {
    rounded(context, group.x - group.width / 2, group.y - group.height / 2, group.width, group.height, 12);
    context.fillStyle = colour.sunken;
    context.fill();
    context.strokeStyle = colour["strong-line"];
    context.lineWidth = 1;
    context.stroke();
  }
  const some = picture.edges.some(isLit);
  const changed = picture.edges.filter(({ edge }) => edge.change);
  // Where there are very many, all at once are a background, and those of one are the picture.
  const faint = picture.edges.length > MOST_EDGES;
  for (const edge of picture.edges) {
    if (isLit(edge) || edge.edge.change) continue;
    line(context, edge, some || faint || changed.length ? colour.line : colour.soft, faint ? 0.7 : 1.1, colour);
  }
  // What opens and closes keeps its colour, and is told apart by its line too.
  for (const edge of changed) if (!isLit(edge)) line(context, edge, some ? colour.line : ofChange(edge, colour), 1.9, colour);
  for (const edge of picture.edges) {
    if (!isLit(edge)) continue;
    const own = edge.edge.from === lit.node || lit.edge ? colour.accent : colour.allowed;
    line(context, edge, edge.edge.change ? ofChange(edge, colour) : own, edge.edge.change ? 3 : 2, colour);
  }
  for (const placed of picture.nodes) box(context, placed, colour, near !== null && !near.has(placed.node.id), placed.node.id === lit.node);
  // Where something opens or closes, that is what people look for.
  const named = changed.length ? changed : picture.edges;
  const few = named.length <= 40 && camera.zoom > 0.55;
  const taken: Box[] = picture.nodes.map(({ x, y, width, height }) => ({ x, y, width, height }));
  for (const edge of picture.edges) if (isLit(edge) || (few && !some && named.includes(edge))) label(context, edge, taken, colour);
  // Names of boxes stand above all that passes through them.
  for (const group of picture.groups) {
    context.font = `600 12px ${FONT}`;
    context.textAlign = "left";
    context.textBaseline = "top";
    const within = group.within ? ` · ${short(group.within, 14) === "all" ? "all traffic" : short(group.within, 14)} among themselves` : "";
    const name = clip(context, visible(group.name) + within, group.width - 20);
    const [left, top] = [group.x - group.width / 2 + 10, group.y - group.height / 2 + 6];
    context.fillStyle = colour.sunken;
    context.fillRect(left - 3, top - 1, context.measureText(name).width + 6, 14);
    context.fillStyle = colour.soft;
    context.fillText(name, left, top);
  }
}

function ofChange({ edge }: PlacedEdge, colour: Colours): string {
  return edge.change === "opened" ? colour.allowed : colour.denied;
}

function neighbours(picture: Picture, node: string): Set<string> {
  const near = new Set([node]);
  for (const { edge } of picture.edges) {
    if (edge.from === node) near.add(edge.to);
    if (edge.to === node) near.add(edge.from);
  }
  return near;
}

function rounded(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number, radius: number): void {
  context.beginPath();
  context.roundRect(x, y, width, height, radius);
}

function clip(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && context.measureText(`${text.slice(0, end)}…`).width > width) end--;
  return `${text.slice(0, end)}…`;
}

function trace(context: CanvasRenderingContext2D, { points }: PlacedEdge): void {
  const [first, ...rest] = points;
  if (!first) return;
  context.beginPath();
  context.moveTo(first.x, first.y);
  rest.forEach((point, index) => {
    const next = rest[index + 1];
    if (!next) context.lineTo(point.x, point.y);
    else context.quadraticCurveTo(point.x, point.y, (point.x + next.x) / 2, (point.y + next.y) / 2);
  });
}

function line(context: CanvasRenderingContext2D, edge: PlacedEdge, colour: string, width: number, colours: Colours): void {
  trace(context, edge);
  context.strokeStyle = colour;
  context.globalAlpha = colour === colours.soft ? 0.55 : 1;
  context.lineWidth = width;
  context.setLineDash(edge.edge.change === "closed" ? [7, 5] : []);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = colour === colours.soft ? 0.8 : 1;
  const [before, tip] = edge.points.slice(-2);
  if (!before || !tip) return;
  const angle = Math.atan2(tip.y - before.y, tip.x - before.x);
  context.save();
  context.translate(tip.x, tip.y);
  context.rotate(angle);
  context.beginPath();
  context.moveTo(0, 0);
  context.lineTo(-8, -3.6);
  context.lineTo(-8, 3.6);
  context.closePath();
  context.fillStyle = colour === colours.line ? colours["strong-line"] : colour;
  context.fill();
  context.restore();
  context.globalAlpha = 1;
}

/** Points along a drawn edge, close enough together to measure by. */
function sampled({ points }: PlacedEdge): Point[] {
  const [first, ...rest] = points;
  if (!first) return [];
  const all: Point[] = [first];
  let from = first;
  rest.forEach((point, index) => {
    const next = rest[index + 1];
    const to = next ? { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 } : point;
    for (let step = 1; step <= 6; step++) {
      const t = step / 6;
      const mix = (a: number, control: number, b: number) =>
        next ? (1 - t) * (1 - t) * a + 2 * t * (1 - t) * control + t * t * b : a + t * (b - a);
      all.push({ x: mix(from.x, point.x, to.x), y: mix(from.y, point.y, to.y) });
    }
    from = to;
  });
  return all;
}

/** The point that is so much of the way along. */
function along(line: Point[], share: number): Point {
  const lengths = line.slice(1).map((point, index) => Math.hypot(point.x - (line[index]?.x ?? 0), point.y - (line[index]?.y ?? 0)));
  let left = share * lengths.reduce((sum, length) => sum + length, 0);
  for (const [index, length] of lengths.entries()) {
    const [from, to] = [line[index], line[index + 1]];
    if (from && to && left <= length) {
      const part = length ? left / length : 0;
      return { x: from.x + part * (to.x - from.x), y: from.y + part * (to.y - from.y) };
    }
    left -= length;
  }
  return line.at(-1) ?? { x: 0, y: 0 };
}

/** Where a label goes, from the middle of its edge outwards, so that it covers nothing. */
const PLACES = [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82];

function label(context: CanvasRenderingContext2D, placed: PlacedEdge, taken: Box[], colour: Colours): void {
  const { edge } = placed;
  const sign = edge.change === "opened" ? "+ " : edge.change === "closed" ? "− " : "";
  const text = sign + short(edge.traffic, 16);
  context.font = `11px ${MONO}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const width = context.measureText(text).width + 10;
  const line = sampled(placed);
  const boxes = PLACES.map((share) => ({ ...along(line, share), width, height: 17 }));
  const box = boxes.find((box) => !taken.some((other) => overlap(box, other))) ?? boxes[0];
  if (!box) return;
  taken.push(box);
  rounded(context, box.x - width / 2, box.y - 8.5, width, 17, 8);
  context.fillStyle = colour.raised;
  context.fill();
  context.strokeStyle = edge.change ? ofChange(placed, colour) : colour.line;
  context.lineWidth = 1;
  context.setLineDash(edge.change === "closed" ? [4, 3] : []);
  context.stroke();
  context.setLineDash([]);
  context.fillStyle = colour.ink;
  context.fillText(text, box.x, box.y + 0.5);
}

function overlap(a: Box, b: Box): boolean {
  return Math.abs(a.x - b.x) < (a.width + b.width) / 2 + 1 && Math.abs(a.y - b.y) < (a.height + b.height) / 2 + 1;
}

function box(context: CanvasRenderingContext2D, { node, x, y, width, height }: PlacedNode, colour: Colours, faint: boolean, chosen: boolean): void {
  context.globalAlpha = faint ? 0.35 : 1;
  if (node.kind === "gate") {
    context.beginPath();
    context.arc(x, y, 5, 0, 2 * Math.PI);
    context.fillStyle = chosen ? colour.accent : colour.soft;
    context.fill();
    context.font = `10px ${FONT}`;
    context.textAlign = "center";
    context.textBaseline = "bottom";
    context.fillText(visible(node.label), x, y - 7);
    context.globalAlpha = 1;
    return;
  }
  const whole = node.kind === "group" || node.kind === "alike";
  const radius = node.kind === "outside" ? height / 2 : 7;
  rounded(context, x - width / 2, y - height / 2, width, height, radius);
  context.fillStyle = node.kind === "outside" ? colour["warning-soft"] : whole ? colour["accent-soft"] : colour.raised;
  context.fill();
  context.lineWidth = chosen ? 2.5 : node.concerned ? 2.2 : 1.2;
  const own = node.kind === "outside" ? colour.warning : whole ? colour.accent : colour["strong-line"];
  const edge = node.presence === "new" ? colour.allowed : node.presence === "gone" || node.concerned ? colour.denied : own;
  context.strokeStyle = chosen ? colour.accent : edge;
  context.setLineDash(node.kind === "assumed" || node.presence === "gone" ? [5, 4] : []);
  context.stroke();
  context.setLineDash([]);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = colour.ink;
  context.font = `500 13px ${FONT}`;
  const note = noteOf(node);
  context.fillText(clip(context, visible(node.label), width - 16), x, note ? y - 7 : y);
  if (note) {
    context.fillStyle = colour.soft;
    context.font = `11px ${FONT}`;
    context.fillText(clip(context, visible(note), width - 16), x, y + 10);
  }
  context.globalAlpha = 1;
}

/** The edge next to a point, if one is near enough. */
export function edgeAt(picture: Picture, x: number, y: number, reach: number): PlacedEdge | null {
  let best: PlacedEdge | null = null;
  let distance = reach;
  for (const edge of picture.edges) {
    for (let index = 1; index < edge.points.length; index++) {
      const [a, b] = [edge.points[index - 1], edge.points[index]];
      if (!a || !b) continue;
      const [dx, dy] = [b.x - a.x, b.y - a.y];
      const length = dx * dx + dy * dy || 1;
      const along = Math.max(0, Math.min(1, ((x - a.x) * dx + (y - a.y) * dy) / length));
      const away = Math.hypot(x - a.x - along * dx, y - a.y - along * dy);
      if (away < distance) [best, distance] = [edge, away];
    }
  }
  return best;
}

export function nodeAt(picture: Picture, x: number, y: number): PlacedNode | null {
  return picture.nodes.find((node) => Math.abs(x - node.x) <= node.width / 2 + 2 && Math.abs(y - node.y) <= node.height / 2 + 2) ?? null;
}
