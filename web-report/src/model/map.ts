// The map: what is asked to be drawn, as a scene for the layout, and the picture that comes back from it.
import type { Severity } from "../schema";
import { WHICH, presenceOf, type Which } from "./changes";
import type { Report } from "./report";
import { difference, intersection, isAll, isEmpty, short, text, union, type Traffic } from "./traffic";
import { visible } from "./visible";

/** What is asked to be drawn. */
export interface Wish {
  /** Only this endpoint and its peers. */
  focus: number | null;
  /** Only connections with an end in this namespace. */
  namespace: string | null;
  /** Only this traffic. */
  asked: Traffic | null;
  /** Only connections with an end that a finding is about. */
  only: Set<number> | null;
  /** The namespaces that are not folded; `null` where that is for the layout to say. */
  open: ReadonlySet<string> | null;
  /** Only what opens or closes. */
  changed?: boolean;
}

export const NOTHING_ASKED: Wish = { focus: null, namespace: null, asked: null, only: null, open: null };

/** How connections are drawn, in the order of the layout's numbers. */
export const LINES = ["allowed", "partial", "unknown", "blocked", "dangerous", "opened", "closed"] as const;
export type LineKind = (typeof LINES)[number];
const numberOf = (line: LineKind): number => LINES.indexOf(line);

export type NodeKind = "pods" | "group" | "hub" | "outside" | "other";

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Something that is drawn: an endpoint, a namespace, or several that are together at one end of an edge. */
export interface MapNode extends Rect {
  /** Its number in the picture. */
  index: number;
  kind: NodeKind;
  label: string;
  note: string;
  /** The namespace whose box it is in. */
  group: string | null;
  /** The namespace that it is, folded. */
  name: string | null;
  /** The endpoints that it stands for; numbers after the last endpoint are of strangers. */
  ends: number[];
  /** Those of them that may send everything to every address outside. */
  leaves: number[];
  presence: "new" | "gone" | null;
  /** The finding that is asked for is about one of them. */
  concerned: boolean;
  /** The findings about its endpoints, and the worst severity of them. */
  findings: number[];
  worst: Severity | null;
}

export interface MapEdge {
  from: number;
  to: number;
  line: LineKind;
  traffic: Traffic;
  label: string;
  /** How many connections it stands for. */
  links: number;
  /** Its way; empty where there are too many to follow. */
  points: { x: number; y: number }[];
  /** Where its ports are written. */
  at: Rect | null;
  /** The findings and assertions that say that it is wrong. */
  findings: number[];
  assertions: number[];
  /** What it stands for, by the scene's styles. */
  styles: number[];
}

export interface Picture {
  width: number;
  height: number;
  nodes: MapNode[];
  edges: MapEdge[];
  groups: (Rect & { name: string; title: string })[];
  /** The namespaces that are drawn as one node. */
  folded: Set<string>;
  /** What all folded namespaces pass to each other. */
  between: string | null;
  /** The connections that marks, titles and folded namespaces stand for. */
  said: number;
  /** Lines have a way: there are few enough to be followed. */
  routed: boolean;
  /** The namespaces of all that is drawn. */
  names: string[];
  /** Who is no endpoint of the answer. */
  strangers: string[];
  /** The pairs of endpoints that an edge stands for. */
  pairs(edge: MapEdge): Generator<[number, number]>;
}

interface Layout {
  memory: WebAssembly.Memory;
  room(bytes: number): number;
  draw(): number;
  picture(): number;
}

let layout: Layout | null = null;

/** Provides the layout, which is WebAssembly. */
export async function provide(code: BufferSource): Promise<void> {
  const { instance } = await WebAssembly.instantiate(code, {});
  layout = instance.exports as unknown as Layout;
}

/** What is drawn of a pair, piece by piece. */
interface Scene {
  links: number[];
  styles: { traffic: Traffic; line: LineKind; sign: string }[];
  ends: { kind: number; label: string; note: string; group: string | null; listed: boolean }[];
  groups: string[];
  strangers: string[];
  /** Per pair, the findings and assertions that are about the flow. */
  wrong: Map<string, { findings: Set<number>; assertions: Set<number> }>;
}

/** The picture of what is asked for. */
export function draw(report: Report, wish: Wish): Picture {
  const scene = sceneOf(report, wish);
  const given = JSON.parse(asked(scene, wish)) as Given;
  return pictureOf(report, wish, scene, given);
}

function sceneOf(report: Report, wish: Wish): Scene {
  const scene: Scene = { links: [], styles: [], ends: [], groups: [], strangers: [], wrong: new Map() };
  const groups = new Set<string>();
  report.endpoints.forEach((endpoint, index) => {
    const pods = report.isPods(index);
    const group = pods ? (endpoint.namespace ?? null) : null;
    if (group !== null) groups.add(group);
    const presence = presenceOf(report, index);
    const [label = endpoint.id, own = ""] = report.called(index);
    const note = [presence, own].filter(Boolean).join(", ");
    const listed = pods && !wish.changed && wish.focus === null && (wish.only ? wish.only.has(index) : !wish.namespace || endpoint.namespace === wish.namespace);
    scene.ends.push({ kind: pods ? 0 : endpoint.kind === "External" ? 1 : 2, label, note, group, listed: listed || index === wish.focus });
  });
  scene.groups = [...groups];

  const byLine = new Map<string, Map<Traffic, number>>();
  const add = (src: number, dst: number, traffic: Traffic, line: LineKind, sign = "") => {
    if (isEmpty(traffic) || src === dst || !admits(src, dst)) return;
    const part = wish.asked ? cut(traffic, wish.asked) : traffic;
    if (isEmpty(part)) return;
    const key = line + sign;
    const styles = byLine.get(key) ?? new Map<Traffic, number>();
    byLine.set(key, styles);
    let style = styles.get(part);
    if (style === undefined) {
      style = scene.styles.length;
      styles.set(part, style);
      scene.styles.push({ traffic: part, line, sign });
    }
    scene.links.push(src, dst, style);
  };
  const admits = (src: number, dst: number) =>
    (wish.focus === null || src === wish.focus || dst === wish.focus) &&
    (wish.namespace === null || report.groupOf[src] === wish.namespace || report.groupOf[dst] === wish.namespace) &&
    (wish.only === null || wish.only.has(src) || wish.only.has(dst));
  const cut = remembered(intersection);
  const without = remembered(difference);

  const dangerous = wish.changed ? new Map<string, Traffic>() : addWrong(report, scene, add);
  if (!wish.changed) {
    for (const { src, dst, condition } of report.conditions()) {
      add(src, dst, condition.partial, "partial");
      add(src, dst, condition.unknown, "unknown");
    }
  }
  for (let src = 0; src < report.endpoints.length; src++) {
    const changes = report.changes?.from(src);
    for (const { end: dst, traffic: number } of wish.changed ? [] : report.from(src)) {
      let traffic = report.traffic(number);
      const opened = changes?.get(dst)?.openedWhole;
      if (opened && !isEmpty(opened)) traffic = without(traffic, opened);
      const danger = dangerous.size ? dangerous.get(`${src} ${dst}`) : undefined;
      add(src, dst, danger ? without(traffic, danger) : traffic, "allowed");
    }
    for (const [dst, change] of changes ?? []) {
      for (const which of WHICH) add(src, dst, change[which], which === "opened" && change.danger ? "dangerous" : which, which === "opened" ? "+" : "−");
    }
  }
  return scene;
}

/** Adds the flows that are wrong, and returns those that pass and should not, by pair. */
function addWrong(report: Report, scene: Scene, add: (src: number, dst: number, traffic: Traffic, line: LineKind) => void): Map<string, Traffic> {
  const dangerous = new Map<string, Traffic>();
  const strangers = new Map<string, number>();
  const endOf = (end: number | string): number => {
    if (typeof end === "number") return end;
    const known = strangers.get(end) ?? scene.ends.length;
    if (known === scene.ends.length) {
      strangers.set(end, known);
      scene.strangers.push(end);
      scene.ends.push({ kind: 2, label: end, note: "not in the answer", group: null, listed: false });
    }
    return known;
  };
  for (const { src, dst, traffic, line, finding, assertion } of report.document.map.wrong) {
    const [from, to] = [endOf(src), endOf(dst)];
    const key = `${from} ${to}`;
    const known = scene.wrong.get(key) ?? { findings: new Set(), assertions: new Set() };
    scene.wrong.set(key, known);
    if (finding !== undefined) known.findings.add(finding);
    if (assertion !== undefined) known.assertions.add(assertion);
    if (line === "blocked") add(from, to, report.traffic(traffic), "blocked");
    else dangerous.set(key, union(dangerous.get(key) ?? report.traffic(traffic), report.traffic(traffic)));
  }
  for (const [key, traffic] of dangerous) {
    const [from = 0, to = 0] = key.split(" ").map(Number);
    add(from, to, traffic, "dangerous");
  }
  return dangerous;
}

/** A function of two sets that is asked the same again and again: of so many pairs, few differ. */
function remembered(work: (one: Traffic, other: Traffic) => Traffic): typeof work {
  const known = new Map<Traffic, Map<Traffic, Traffic>>();
  // Equal answers are one object.
  const answered = new Map<string, Traffic>();
  return (one, other) => {
    const answers = known.get(one) ?? new Map<Traffic, Traffic>();
    known.set(one, answers);
    let answer = answers.get(other);
    if (!answer) {
      const fresh = work(one, other);
      answer = answered.get(text(fresh)) ?? fresh;
      answered.set(text(fresh), answer);
      answers.set(other, answer);
    }
    return answer;
  };
}

/** The layout's answer to a scene. */
function asked(scene: Scene, wish: Wish): string {
  if (!layout) throw new Error("the layout has not been provided");
  const groupOf = new Map(scene.groups.map((name, index) => [name, index + 1]));
  const open = wish.open ? [...wish.open].flatMap((name) => (groupOf.has(name) ? [(groupOf.get(name) ?? 1) - 1] : [])) : [];
  const words = [scene.ends.length, scene.groups.length, scene.styles.length, scene.links.length / 3, open.length];
  for (const end of scene.ends) words.push(end.kind, end.group === null ? 0 : (groupOf.get(end.group) ?? 0), end.listed ? 1 : 0);
  for (const { traffic, line } of scene.styles) words.push(numberOf(line), isAll(traffic) ? 1 : 0);
  const lines = [
    ...scene.ends.flatMap(({ label, note }) => [label, note]),
    ...scene.groups,
    ...scene.styles.map(({ traffic, sign }) => sign + short(traffic, 16)),
  ];
  const letters = new TextEncoder().encode(lines.map((line) => `${visible(line)}\n`).join(""));
  const numbers = new Uint32Array(words.length + scene.links.length + 1 + open.length);
  numbers.set(words);
  numbers.set(scene.links, words.length);
  numbers[words.length + scene.links.length] = wish.open ? 1 : 0;
  numbers.set(open, words.length + scene.links.length + 1);
  const place = layout.room(numbers.byteLength + letters.byteLength);
  const memory = new Uint8Array(layout.memory.buffer, place, numbers.byteLength + letters.byteLength);
  memory.set(new Uint8Array(numbers.buffer));
  memory.set(letters, numbers.byteLength);
  const length = layout.draw();
  if (!length) throw new Error("the layout does not know such a scene");
  return new TextDecoder().decode(new Uint8Array(layout.memory.buffer, layout.picture(), length));
}

type Corners = [number, number, number, number];

/** A picture as the layout writes it. */
interface Given {
  width: number;
  height: number;
  nodes: { kind: NodeKind; group: number | null; label: string; note: string; within: string; ends: number[]; leaves: number[]; rect: Corners }[];
  edges: { from: number; to: number; line: number; styles: number[]; links: number; label: string; points: number[]; at: Corners | null }[];
  groups: { group: number; title: string; rect: Corners }[];
  folded: number[];
  between: string | null;
  said: number;
}

const rect = ([x, y, width, height]: Corners): Rect => ({ x, y, width, height });
const SEVERITIES: Severity[] = ["error", "warning", "note"];

function pictureOf(report: Report, wish: Wish, scene: Scene, given: Given): Picture {
  const bySource = new Map<number, number[]>();
  for (let at = 0; at < scene.links.length; at += 3) {
    const src = scene.links[at] ?? 0;
    const own = bySource.get(src);
    if (own) own.push(at);
    else bySource.set(src, [at]);
  }
  const nodes: MapNode[] = given.nodes.map(({ rect: corners, group, within, ...node }, index) => {
    const presences = new Set(node.ends.map((end) => (end < report.endpoints.length ? presenceOf(report, end) : null)));
    const [presence = null] = presences.size === 1 ? presences : [null];
    const own = node.kind === "pods" || node.kind === "group";
    const findings = own ? [...new Set(node.ends.flatMap((end) => report.findingsAbout(end)))] : [];
    const worst = SEVERITIES.find((severity) => findings.some((finding) => report.document.findings[finding]?.severity === severity)) ?? null;
    const note = within ? `${node.note}, ${within === "all" ? "all traffic" : within} inside` : node.note;
    return {
      ...node, note, ...rect(corners), index, group: group === null ? null : (scene.groups[group] ?? null), presence, findings, worst, name: node.kind === "group" ? (report.groupOf[node.ends[0] ?? 0] ?? null) : null,
      concerned: wish.only !== null && own && node.ends.some((end) => wish.only?.has(end)),
    };
  });
  // What passes inside of a folded namespace is said at its name.
  const foldedIn = new Map(nodes.flatMap((node) => (node.kind === "group" ? node.ends.map((end) => [end, node.index] as const) : [])));
  const leaves = new Set(nodes.flatMap((node) => node.leaves));
  const pairs = function* (edge: MapEdge): Generator<[number, number]> {
    const [to, styles] = [new Set(nodes[edge.to]?.ends), new Set(edge.styles)];
    for (const src of nodes[edge.from]?.ends ?? []) {
      for (const at of bySource.get(src) ?? []) {
        const dst = scene.links[at + 1] ?? 0;
        const inside = foldedIn.has(src) && foldedIn.get(src) === foldedIn.get(dst);
        const style = scene.styles[scene.links[at + 2] ?? 0];
        const marked = leaves.has(src) && scene.ends[dst]?.kind === 1 && style?.line === "allowed" && isAll(style.traffic);
        if (to.has(dst) && styles.has(scene.links[at + 2] ?? 0) && !inside && !marked) yield [src, dst];
      }
    }
  };
  const edges = given.edges.map(({ points, at, line, ...edge }): MapEdge => {
    const all = edge.styles.flatMap((style) => scene.styles[style]?.traffic ?? []);
    const drawn: MapEdge = {
      ...edge, line: LINES[line] ?? "allowed", traffic: all.length === 1 && all[0] ? all[0] : union(...all), at: at && rect(at), findings: [], assertions: [],
      points: Array.from({ length: points.length / 2 }, (_, index) => ({ x: points[2 * index] ?? 0, y: points[2 * index + 1] ?? 0 })),
    };
    if (drawn.line === "blocked" || (drawn.line === "dangerous" && scene.wrong.size)) {
      const wrong = [...pairs(drawn)].flatMap(([src, dst]) => scene.wrong.get(`${src} ${dst}`) ?? []);
      drawn.findings = [...new Set(wrong.flatMap(({ findings }) => [...findings]))];
      drawn.assertions = [...new Set(wrong.flatMap(({ assertions }) => [...assertions]))];
    }
    return drawn;
  });
  return {
    width: given.width, height: given.height, nodes, edges, between: given.between, said: given.said, strangers: scene.strangers, pairs,
    groups: given.groups.map(({ group, title, rect: corners }) => ({ ...rect(corners), title, name: scene.groups[group] ?? "" })),
    folded: new Set(given.folded.map((group) => scene.groups[group] ?? "")),
    names: scene.groups,
    routed: edges.every(({ points }) => points.length > 0),
  };
}

/** The name of an end of a picture: an endpoint's, or a stranger's. */
export function endName(report: Report, picture: Picture, end: number): string {
  return end < report.endpoints.length ? report.endpoint(end).id : (picture.strangers[end - report.endpoints.length] ?? "");
}

/** What opens or closes along an edge. */
export function changeOf(edge: MapEdge): Which | null {
  if (edge.line === "opened" || edge.line === "closed") return edge.line;
  return edge.line === "dangerous" && edge.label.startsWith("+") ? "opened" : null;
}
