// Draws a picture on a canvas. Colours are those of the page.
import type { LineKind, MapEdge, MapNode, Picture, Rect } from "../model/map";

export interface Camera {
  x: number;
  y: number;
  zoom: number;
}

/** What is pointed at or chosen. */
export interface Lit {
  node: number | null;
  edge: MapEdge | null;
}

const NAMES = [
  "paper", "raised", "sunken", "ink", "soft", "line", "strong-line", "accent", "accent-soft", "allowed", "denied", "denied-soft",
  "warning", "warning-soft", "note",
] as const;
type Colours = Record<(typeof NAMES)[number], string>;

/** The colours of the page as a canvas takes them. */
export function colours(element: HTMLElement): Colours {
  const probe = document.createElement("span");
  element.append(probe);
  const found = {} as Colours;
  for (const name of NAMES) {
    probe.style.color = `var(--${name})`;
    found[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return found;
}

/** The font of a picture: the layout counts on letters of one width. */
const FONT = '"DejaVu Sans Mono", ui-monospace, "SF Mono", Menlo, Consolas, monospace';
/** Sizes as the layout knows them. */
export const SIZES = { name: 13, note: 11, label: 11, badge: 11 };

/** How lines look, and what that means. */
export const LOOKS: Record<LineKind, { dash: number[]; width: number; colour: keyof Colours; text: string }> = {
  allowed: { dash: [], width: 1.3, colour: "soft", text: "allowed" },
  partial: { dash: [9, 3, 3, 3], width: 1.8, colour: "soft", text: "some requests pass" },
  unknown: { dash: [2, 4], width: 1.7, colour: "soft", text: "not known" },
  blocked: { dash: [6, 4], width: 1.8, colour: "denied", text: "meant, and blocked" },
  dangerous: { dash: [], width: 2.2, colour: "denied", text: "dangerous" },
  opened: { dash: [], width: 2, colour: "allowed", text: "+ opened" },
  closed: { dash: [6, 4], width: 1.8, colour: "denied", text: "− closed" },
};
const CORNER = 6;

/** The nodes and edges that have to do with a node: also by what stands for it together with others. */
export function related(picture: Picture, index: number): { nodes: Set<number>; edges: Set<MapEdge> } {
  const own = picture.nodes[index];
  const ends = new Set(own?.ends);
  const stands = new Set(picture.nodes.filter((node) => node.index === index || (node.kind === "hub" && own?.kind !== "hub" && node.ends.some((end) => ends.has(end)))).map((node) => node.index));
  const edges = new Set(picture.edges.filter(({ from, to }) => stands.has(from) || stands.has(to)));
  const nodes = new Set(stands);
  for (const { from, to } of edges) nodes.add(from).add(to);
  // Whom a hub stands for is told by lighting them.
  const members = new Set([...nodes].flatMap((node) => (picture.nodes[node]?.kind === "hub" ? (picture.nodes[node]?.ends ?? []) : [])));
  for (const node of picture.nodes) if (node.kind === "pods" && node.ends.some((end) => members.has(end))) nodes.add(node.index);
  return { nodes, edges };
}

export function paint(context: CanvasRenderingContext2D, picture: Picture, camera: Camera, lit: Lit, colour: Colours, ratio: number): void {
  const { canvas } = context;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.setTransform(camera.zoom * ratio, 0, 0, camera.zoom * ratio, camera.x * ratio, camera.y * ratio);
  const near = lit.edge
    ? { nodes: new Set([lit.edge.from, lit.edge.to]), edges: new Set([lit.edge]) }
    : lit.node === null ? null : related(picture, lit.node);
  for (const group of picture.groups) {
    rounded(context, group, 10);
    context.fillStyle = colour.sunken;
    context.fill();
    context.strokeStyle = colour["strong-line"];
    context.lineWidth = 1;
    context.stroke();
  }
  const wrong = (edge: MapEdge) => edge.line !== "allowed";
  const order = [...picture.edges].sort((a, b) => Number(wrong(a)) - Number(wrong(b)));
  for (const edge of order) {
    const on = near?.edges.has(edge) ?? false;
    // Where there are too many lines to follow, those of one node are the picture.
    if (!picture.routed && !on) continue;
    const { colour: name, width } = LOOKS[edge.line];
    const own = on && edge.line === "allowed" ? colour.accent : colour[name];
    stroke(context, edge, picture, own, on ? width + 0.9 : width, near !== null && !on);
  }
  const written = new Set<string>();
  for (const edge of [...order].reverse()) {
    if (!edge.at || (near && !near.edges.has(edge) && !wrong(edge))) continue;
    const key = `${edge.at.x} ${edge.at.y}`;
    if (written.has(key)) continue;
    written.add(key);
    label(context, edge, colour, near !== null && !near.edges.has(edge));
  }
  for (const group of picture.groups) {
    context.font = `600 ${SIZES.label}px ${FONT}`;
    context.textAlign = "left";
    context.textBaseline = "alphabetic";
    context.fillStyle = colour.soft;
    context.fillText(group.title, group.x + 12, group.y + 17);
  }
  for (const node of picture.nodes) box(context, node, colour, near !== null && !near.nodes.has(node.index), node.index === lit.node);
}

function rounded(context: CanvasRenderingContext2D, { x, y, width, height }: Rect, radius: number): void {
  context.beginPath();
  context.roundRect(x, y, width, height, radius);
}

/** The way of an edge; where it has none, the straight one. */
function wayOf(edge: MapEdge, picture: Picture): { x: number; y: number }[] {
  if (edge.points.length) return edge.points;
  const [from, to] = [picture.nodes[edge.from], picture.nodes[edge.to]];
  if (!from || !to) return [];
  return [from, to].map(({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 }));
}

function stroke(context: CanvasRenderingContext2D, edge: MapEdge, picture: Picture, colour: string, width: number, faint: boolean): void {
  const points = wayOf(edge, picture);
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return;
  // What passes in part is half a tone.
  context.globalAlpha = (faint ? 0.16 : 1) * (edge.line === "partial" ? 0.6 : 1);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.setLineDash(LOOKS[edge.line].dash);
  context.beginPath();
  context.moveTo(first.x, first.y);
  for (let at = 1; at < points.length - 1; at++) {
    const [corner, next] = [points[at], points[at + 1]];
    const before = points[at - 1];
    if (!corner || !next || !before) continue;
    const room = Math.min(CORNER, Math.hypot(corner.x - before.x, corner.y - before.y) / 2, Math.hypot(next.x - corner.x, next.y - corner.y) / 2);
    context.arcTo(corner.x, corner.y, next.x, next.y, room);
  }
  context.lineTo(last.x, last.y);
  context.stroke();
  context.setLineDash([]);
  const before = points.at(-2) ?? first;
  const angle = edge.points.length ? (before.x <= last.x ? 0 : Math.PI) : Math.atan2(last.y - before.y, last.x - before.x);
  context.save();
  context.translate(last.x, last.y);
  context.rotate(angle);
  context.beginPath();
  context.moveTo(0, 0);
  context.lineTo(-8, -4);
  context.lineTo(-8, 4);
  context.closePath();
  context.fillStyle = colour;
  context.fill();
  context.restore();
  context.globalAlpha = 1;
}

function label(context: CanvasRenderingContext2D, edge: MapEdge, colour: Colours, faint: boolean): void {
  const { at } = edge;
  if (!at) return;
  context.globalAlpha = faint ? 0.3 : 1;
  rounded(context, at, 3);
  context.fillStyle = colour.paper;
  context.fill();
  context.font = `${SIZES.label}px ${FONT}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = edge.line === "allowed" ? colour.ink : colour[LOOKS[edge.line].colour];
  context.fillText(edge.label, at.x + at.width / 2, at.y + at.height / 2 + 0.5);
  context.globalAlpha = 1;
}

function box(context: CanvasRenderingContext2D, node: MapNode, colour: Colours, faint: boolean, chosen: boolean): void {
  const { x, y, width, height, kind } = node;
  context.globalAlpha = faint ? 0.3 : 1;
  rounded(context, node, kind === "hub" || kind === "outside" ? Math.min(height / 2, 21) : 6);
  context.fillStyle = kind === "outside" ? colour["warning-soft"] : kind === "group" ? colour["accent-soft"] : kind === "hub" ? colour.sunken : colour.raised;
  context.fill();
  const own = kind === "outside" ? colour.warning : kind === "group" ? colour.accent : kind === "pods" ? colour["strong-line"] : colour.soft;
  const told = node.presence === "new" ? colour.allowed : node.presence === "gone" || node.concerned ? colour.denied : own;
  context.lineWidth = chosen ? 2.4 : node.concerned || node.presence ? 2 : 1.2;
  context.strokeStyle = chosen ? colour.accent : told;
  context.setLineDash(kind === "other" || node.presence === "gone" ? [5, 4] : []);
  context.stroke();
  context.setLineDash([]);
  const middle = y + height / 2;
  const centre = x + width / 2 - (node.leaves.length ? 7 : 0);
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  context.fillStyle = colour.ink;
  context.font = `${SIZES.name}px ${FONT}`;
  context.fillText(node.label, centre, node.note ? middle - 2.5 : middle + 4.5);
  if (node.note) {
    context.fillStyle = colour.soft;
    context.font = `${SIZES.note}px ${FONT}`;
    context.fillText(node.note, centre, middle + 13);
  }
  if (node.leaves.length) {
    context.textAlign = "right";
    context.fillStyle = colour.warning;
    context.font = `${SIZES.name}px ${FONT}`;
    context.fillText("↗", x + width - 8, middle + 5);
  }
  if (node.worst) badge(context, node, colour);
  context.globalAlpha = 1;
}

/** Where the number of findings about a node stands. */
export function badgeOf(node: MapNode): Rect {
  const width = Math.max(17, String(node.findings.length).length * 6.1 + 10);
  return { x: node.x + node.width - width / 2 - 4, y: node.y - 9, width, height: 17 };
}

function badge(context: CanvasRenderingContext2D, node: MapNode, colour: Colours): void {
  const at = badgeOf(node);
  rounded(context, at, 8.5);
  context.fillStyle = node.worst === "error" ? colour.denied : node.worst === "warning" ? colour.warning : colour.note;
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = colour.paper;
  context.stroke();
  context.font = `600 ${SIZES.badge}px ${FONT}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = colour.paper;
  context.fillText(String(node.findings.length), at.x + at.width / 2, at.y + at.height / 2 + 0.5);
}

function inside({ x, y, width, height }: Rect, px: number, py: number, room: number): boolean {
  return px >= x - room && px <= x + width + room && py >= y - room && py <= y + height + room;
}

/** The edge next to a point, if one is near enough. */
export function edgeAt(picture: Picture, x: number, y: number, reach: number): MapEdge | null {
  let best: MapEdge | null = null;
  let distance = reach;
  for (const edge of picture.edges) {
    if (edge.at && inside(edge.at, x, y, 0)) return edge;
    for (let index = 1; index < edge.points.length; index++) {
      const [a, b] = [edge.points[index - 1], edge.points[index]];
      if (!a || !b) continue;
      const [dx, dy] = [b.x - a.x, b.y - a.y];
      const length = dx * dx + dy * dy || 1;
      const along = Math.max(0, Math.min(1, ((x - a.x) * dx + (y - a.y) * dy) / length));
      const away = Math.hypot(x - a.x - along * dx, y - a.y - along * dy);
      if (away < distance || (away === distance && edge.line !== "allowed")) [best, distance] = [edge, away];
    }
  }
  return best;
}

export function nodeAt(picture: Picture, x: number, y: number): MapNode | null {
  return picture.nodes.find((node) => inside(node, x, y, 2)) ?? null;
}

/** The node whose number of findings is at a point. */
export function badgeAt(picture: Picture, x: number, y: number): MapNode | null {
  return picture.nodes.find((node) => node.worst && inside(badgeOf(node), x, y, 3)) ?? null;
}

/** The box whose title is at a point. */
export function titleAt(picture: Picture, x: number, y: number): string | null {
  return picture.groups.find((group) => inside({ ...group, height: 24 }, x, y, 0))?.name ?? null;
}
