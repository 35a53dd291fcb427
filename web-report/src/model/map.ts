// The map: who is drawn, folded as far as it takes to be read, and which connections are drawn between them.
import { WHICH, presenceOf, type Which } from "./changes";
import type { Report } from "./report";
import { difference, intersection, isAll, isEmpty, short, text, union, type Traffic } from "./traffic";

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
  /** Groups that are drawn as one although there would be room, or in full although there is none. */
  fold: boolean | null;
  /** Only what opens or closes. */
  changed?: boolean;
}

export type NodeKind = "pods" | "outside" | "assumed" | "group" | "alike" | "gate";

/** Something that is drawn: an endpoint, a whole group, or the point at a group's edge that stands for all of it. */
export interface MapNode {
  id: string;
  kind: NodeKind;
  label: string;
  note: string;
  /** The box that it is in. */
  group: string | null;
  /** The endpoints that it stands for. */
  ends: number[];
  /** Whether all of it is new, or gone. */
  presence: "new" | "gone" | null;
  /** The findings that are asked for are about one of them. */
  concerned: boolean;
}

export interface MapEdge {
  from: string;
  to: string;
  traffic: Traffic;
  /** Whether it opens or closes; else both sides allow it. */
  change: Which | null;
  /** The pairs of endpoints that it stands for. */
  pairs: [number, number][];
}

export interface Graph {
  nodes: MapNode[];
  edges: MapEdge[];
  groups: { name: string; within: Traffic | null; size: number }[];
  /** Groups are drawn as one node each. */
  folded: boolean;
  /** They need not be. */
  folds: boolean;
}

/** More nodes or connections than these are no picture. */
const MOST_NODES = 70;
export const MOST_EDGES = 420;
/** So many are folded whatever is asked for. */
const MOST_UNFOLDED = 600;
/** More lines than these hide each other. */
const MOST_FOLDED = 2_000;
/** A group of so many members is worth a point that stands for all of them. */
const WORTH_A_GATE = 3;

export function draw(report: Report, wish: Wish): Graph {
  const pairs = wanted(report, wish);
  const ends = new Set<number>();
  for (const { src, dst } of pairs) ends.add(src).add(dst);
  if (wish.focus !== null) ends.add(wish.focus);
  else if (wish.only) wish.only.forEach((end) => ends.add(end));
  else {
    // Who has no connection at all is worth a look too.
    report.endpoints.forEach((endpoint, index) => {
      if (!wish.changed && report.isPods(index) && (!wish.namespace || endpoint.namespace === wish.namespace)) ends.add(index);
    });
  }
  const folds = ends.size <= MOST_UNFOLDED;
  const folded = !folds || (wish.fold ?? (ends.size > MOST_NODES || bundledSize(report, pairs) > MOST_EDGES));
  const open = (end: number) =>
    !folded || end === wish.focus || (wish.namespace !== null && report.groupOf[end] === wish.namespace && ends.size <= 4 * MOST_NODES);
  return { ...build(report, pairs, ends, open, folded, wish), folds };
}

/** A connection, or what opens or closes of one. */
interface Link {
  src: number;
  dst: number;
  traffic: Traffic;
  change: Which | null;
}

/** The connections that are asked for. */
function wanted(report: Report, wish: Wish): Link[] {
  const all: Link[] = [];
  const key = wish.asked ? text(wish.asked) : "";
  const admits = (src: number, dst: number) =>
    (wish.focus === null || src === wish.focus || dst === wish.focus) &&
    (wish.namespace === null || report.groupOf[src] === wish.namespace || report.groupOf[dst] === wish.namespace) &&
    (wish.only === null || wish.only.has(src) || wish.only.has(dst));
  const { asked } = wish;
  const cut = remembered((traffic: Traffic, by: Traffic) => difference(traffic, by));
  const part = remembered((traffic: Traffic, of: Traffic) => intersection(traffic, of));
  const add = (src: number, dst: number, traffic: Traffic, change: Which | null) => {
    const left = report.changes && asked ? part(traffic, asked) : traffic;
    if (!isEmpty(left)) all.push({ src, dst, traffic: left, change });
  };
  for (let src = 0; src < report.endpoints.length; src++) {
    const changes = report.changes?.from(src);
    for (const { end: dst, traffic: number } of wish.changed ? [] : report.from(src)) {
      if (src === dst || !admits(src, dst) || (asked && !report.overlaps(number, asked, key))) continue;
      const opened = changes?.get(dst)?.openedWhole;
      const traffic = report.traffic(number);
      add(src, dst, opened && !isEmpty(opened) ? cut(traffic, opened) : traffic, null);
    }
    for (const [dst, change] of changes ?? []) {
      if (src === dst || !admits(src, dst)) continue;
      for (const which of WHICH) add(src, dst, change[which], which);
    }
  }
  return all;
}

/** A function of two sets that is asked the same again and again: of so many pairs, few differ. */
function remembered(work: (one: Traffic, other: Traffic) => Traffic): typeof work {
  const known = new Map<Traffic, Map<Traffic, Traffic>>();
  return (one, other) => {
    const answers = known.get(one) ?? new Map<Traffic, Traffic>();
    known.set(one, answers);
    const answer = answers.get(other) ?? work(one, other);
    answers.set(other, answer);
    return answer;
  };
}

/** About how many edges would be drawn: what all of a group has in common counts once. */
function bundledSize(report: Report, pairs: Link[]): number {
  const numbers = new Map<Traffic, number>();
  const number = (traffic: Traffic): number => {
    const known = numbers.get(traffic) ?? numbers.size;
    numbers.set(traffic, known);
    return known;
  };
  const places = new Map([...new Set(report.groupOf)].map((group, place) => [group, place]));
  const groups = report.groupOf.map((group) => places.get(group) ?? 0);
  const bundles = new Set<number>();
  for (const { src, dst, traffic } of pairs) {
    bundles.add((number(traffic) * places.size + (groups[src] ?? 0)) * places.size + (groups[dst] ?? 0));
  }
  return Math.min(pairs.length, bundles.size * 6);
}

function build(
  report: Report, pairs: Link[], ends: Set<number>, open: (end: number) => boolean, folded: boolean, wish: Wish,
): Omit<Graph, "folds"> {
  const nodes = new Map<string, MapNode>();
  const isPods = (end: number) => report.isPods(end);
  // What is outside can be drawn twice: where connections come from on the left, where they go to on the right.
  const ids: Record<"src" | "dst", string[]> = { src: [], dst: [] };
  const nodeOf = (end: number, as: "src" | "dst"): string => (ids[as][end] ??= newNode(end, as));
  const newNode = (end: number, as: "src" | "dst"): string => {
    const group = report.groupOf[end] ?? "";
    const side = isPods(end) ? "" : `${as} `;
    const whole = !open(end);
    const id = whole ? `${side}group ${group}` : `${side}end ${end}`;
    const known = nodes.get(id);
    if (known) {
      if (!known.ends.includes(end)) known.ends.push(end);
      if (known.presence !== presenceOf(report, end)) known.presence = null;
      return id;
    }
    const { label, note } = whole ? { label: group, note: "" } : labelOf(report, end);
    const kind: NodeKind = whole && isPods(end) ? "group" : isPods(end) ? "pods" : report.end(end).outside ? "outside" : "assumed";
    const presence = presenceOf(report, end);
    nodes.set(id, { id, kind, label, note, group: isPods(end) && !whole ? group : null, ends: [end], presence, concerned: false });
    return id;
  };
  const edges = new Map<string, MapEdge>();
  const byEnds = new Map<string, Map<string, MapEdge>>();
  /** What passes among the members of what is drawn as one. */
  const inner: MapEdge[] = [];
  const joined = remembered(union);
  const asking = remembered(intersection);
  for (const { src, dst, traffic: whole, change } of pairs) {
    const [from, to] = [nodeOf(src, "src"), nodeOf(dst, "dst")];
    const traffic = wish.asked ? asking(whole, wish.asked) : whole;
    // Strings of so many pairs would cost more than all the rest.
    const way = change === null ? from : keyOf(from, "", change);
    const others = byEnds.get(way) ?? new Map<string, MapEdge>();
    byEnds.set(way, others);
    const known = others.get(to);
    if (!known) {
      const edge: MapEdge = { from, to, traffic, change, pairs: [[src, dst]] };
      others.set(to, edge);
      if (from === to) inner.push(edge);
      else edges.set(keyOf(from, to, change), edge);
    } else {
      known.pairs.push([src, dst]);
      known.traffic = known.traffic === traffic ? traffic : joined(known.traffic, traffic);
    }
  }
  for (const end of ends) if (isPods(end)) nodeOf(end, "src");
  for (const node of nodes.values()) {
    node.concerned = wish.only !== null && node.ends.some((end) => wish.only?.has(end));
    if (node.kind === "group") node.note = `${node.ends.length} endpoints`;
    else if (node.ends.length > 1) node.note = `${node.ends.length} blocks`;
  }
  if (folded) {
    mergeAlike(nodes, edges);
    if (edges.size > MOST_FOLDED) mergeMutual(nodes, edges, inner);
  }
  const groups = new Map<string, string[]>();
  for (const node of nodes.values()) {
    if (node.group === null) continue;
    const members = groups.get(node.group);
    if (members) members.push(node.id);
    else groups.set(node.group, [node.id]);
  }
  return bundle(nodes, [...edges.values()], groups, folded);
}

function keyOf(from: string, to: string, change: Which | null): string {
  return `${from}\n${to}\n${change ?? ""}`;
}

/** Draws namespaces as one that have the same connections to everybody else. */
function mergeAlike(nodes: Map<string, MapNode>, edges: Map<string, MapEdge>): void {
  const said = new Map<string, string[]>();
  for (const { from, to, traffic, change } of edges.values()) {
    for (const [own, line] of [[from, `to ${to}`], [to, `from ${from}`]] as const) {
      const lines = said.get(own) ?? [];
      lines.push(`${line} ${text(traffic)} ${change ?? ""}`);
      said.set(own, lines);
    }
  }
  const alike = new Map<string, MapNode[]>();
  for (const node of nodes.values()) {
    if (node.kind !== "group") continue;
    const key = (said.get(node.id) ?? []).sort().join("\n");
    const others = alike.get(key);
    if (others) others.push(node);
    else alike.set(key, [node]);
  }
  for (const [first, ...others] of alike.values()) {
    if (!first || others.length < 2) continue;
    const merged = new Set(others.map((node) => node.id));
    for (const node of others) {
      nodes.delete(node.id);
      first.ends.push(...node.ends);
      if (node.presence !== first.presence) first.presence = null;
    }
    first.kind = "alike";
    first.label = `${others.length + 1} namespaces alike`;
    first.note = `${first.ends.length} endpoints`;
    for (const [key, edge] of edges) {
      if (!merged.has(edge.from) && !merged.has(edge.to)) continue;
      edges.delete(key);
      const kept = merged.has(edge.from) ? edges.get(keyOf(first.id, edge.to, edge.change)) : edges.get(keyOf(edge.from, first.id, edge.change));
      kept?.pairs.push(...edge.pairs);
    }
  }
}

/** Draws namespaces as one that have the same connections to everybody else and to each other. */
function mergeMutual(nodes: Map<string, MapNode>, edges: Map<string, MapEdge>, inner: MapEdge[]): void {
  // What is said between two of them in each direction.
  const said = { to: new Map<string, Map<string, string>>(), from: new Map<string, Map<string, string>>() };
  const note = (lines: Map<string, Map<string, string>>, own: string, other: string, text: string) => {
    const of = lines.get(own) ?? new Map<string, string>();
    of.set(other, `${of.get(other) ?? ""} ${text}`);
    lines.set(own, of);
  };
  for (const { from, to, traffic, change } of [...edges.values(), ...inner]) {
    const words = `${text(traffic)} ${change ?? ""}`;
    note(said.to, from, to, words);
    note(said.from, to, from, words);
  }
  const alike = new Map<string, MapNode[]>();
  for (const { id, kind } of nodes.values()) {
    if (kind !== "group") continue;
    const lines = (["to", "from"] as const).flatMap((way) => {
      const of = said[way].get(id) ?? new Map<string, string>();
      const others = [...of].filter(([other]) => other !== id);
      // To its like it says what it says to most: so it says the same to all of them, itself included.
      const common = mostCommon(others.filter(([other]) => nodes.get(other)?.kind === "group").map(([, words]) => words));
      return [...others, [id, common], ["itself", of.get(id) ?? ""]].map(([other, words]) => `${way} ${other} ${words}`);
    });
    const key = lines.sort().join("\n");
    alike.set(key, [...(alike.get(key) ?? []), nodes.get(id) as MapNode]);
  }
  for (const [first, ...others] of alike.values()) {
    if (!first || others.length < 2) continue;
    const all = new Set([first, ...others].map((node) => node.id));
    for (const node of others) {
      nodes.delete(node.id);
      first.ends.push(...node.ends);
      if (node.presence !== first.presence) first.presence = null;
    }
    // All of them with all of them: one of the connections says it.
    const mutual = [...edges.values()].filter(({ from, to }) => from === first.id && to === others[0]?.id);
    const among = mutual.map(({ traffic, change }) => {
      const sign = change === "opened" ? "+ " : change === "closed" ? "− " : "";
      return sign + (isAll(traffic) ? "all traffic" : short(traffic, 14));
    });
    first.kind = "alike";
    first.label = `${all.size} namespaces alike`;
    first.note = [`${first.ends.length} endpoints`, among.length ? `${among.join(", ")} among themselves` : ""].filter(Boolean).join("; ");
    for (const [key, edge] of edges) {
      if (!all.has(edge.from) && !all.has(edge.to)) continue;
      const within = all.has(edge.from) && all.has(edge.to);
      if (within || (edge.from !== first.id && edge.to !== first.id)) edges.delete(key);
      if (within) continue;
      const kept = edges.get(all.has(edge.from) ? keyOf(first.id, edge.to, edge.change) : keyOf(edge.from, first.id, edge.change));
      if (kept && kept !== edge) kept.pairs.push(...edge.pairs);
    }
  }
}

function mostCommon(all: string[]): string {
  const counts = new Map<string, number>();
  for (const one of all) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts].reduce((best, one) => (one[1] > best[1] ? one : best), ["", 0] as [string, number])[0];
}

/** Draws once what all members of a group have in common. */
function bundle(nodes: Map<string, MapNode>, edges: MapEdge[], groups: Map<string, string[]>, folded: boolean): Omit<Graph, "folds"> {
  const gate = (group: string, side: "to" | "from"): string => {
    const id = `${side} all of ${group}`;
    const ends = (groups.get(group) ?? []).flatMap((member) => nodes.get(member)?.ends ?? []);
    if (!nodes.has(id)) nodes.set(id, { id, kind: "gate", label: `all of ${group}`, note: "", group, ends, presence: null, concerned: false });
    return id;
  };
  const merged = (into: "to" | "from", all: MapEdge[]): MapEdge[] => {
    const other = into === "to" ? "from" : "to";
    const left: MapEdge[] = [];
    const bundles = new Map<string, MapEdge[]>();
    for (const edge of all) {
      const group = nodes.get(edge[into])?.group;
      if (!group || nodes.get(edge[into])?.kind !== "pods" || (groups.get(group)?.length ?? 0) < WORTH_A_GATE) left.push(edge);
      else {
        const key = `${edge[other]}\n${group}\n${text(edge.traffic)}\n${edge.change ?? ""}`;
        const bundle = bundles.get(key);
        if (bundle) bundle.push(edge);
        else bundles.set(key, [edge]);
      }
    }
    for (const bundle of bundles.values()) {
      const [first] = bundle;
      if (!first) continue;
      const group = nodes.get(first[into])?.group ?? "";
      // Who is not there on the side that the connections are of has no part in them.
      const absent = first.change === "closed" ? "new" : "gone";
      const members = (groups.get(group) ?? []).filter((member) => nodes.get(member)?.presence !== absent);
      // Nobody is asked about connections to itself.
      const needed = members.length - (members.includes(first[other]) ? 1 : 0);
      if (bundle.length < needed || needed < WORTH_A_GATE - 1) left.push(...bundle);
      else left.push({ ...first, [into]: gate(group, into), pairs: bundle.flatMap((edge) => edge.pairs) });
    }
    return left;
  };
  const drawn = merged("from", merged("to", edges));
  const within = new Map<string, Traffic>();
  const kept = drawn.filter((edge) => {
    const [from, to] = [nodes.get(edge.from), nodes.get(edge.to)];
    // All of a group with all of it: that is said at the group's name.
    if (edge.change || from?.kind !== "gate" || to?.kind !== "gate" || from.group !== to.group || !from.group) return true;
    within.set(from.group, edge.traffic);
    return false;
  });
  const used = new Set(kept.flatMap((edge) => [edge.from, edge.to]));
  return {
    nodes: [...nodes.values()].filter((node) => node.kind !== "gate" || used.has(node.id)),
    edges: kept.filter((edge) => !isEmpty(edge.traffic)),
    groups: [...groups].map(([name, members]) => ({ name, within: within.get(name) ?? null, size: members.length })),
    folded,
  };
}

function labelOf(report: Report, end: number): { label: string; note: string } {
  const { id, namespace, name, kind, ranges } = report.endpoint(end);
  if (namespace !== undefined) {
    const plain = id === `${namespace}/${name}[${kind}]`;
    return { label: plain ? (name ?? id) : id.slice(namespace.length + 1), note: kind };
  }
  if (!ranges) return { label: id, note: kind === "Node" ? "nodes" : "assumed" };
  const part = report.end(end).parts.map((each) => each.seen);
  const [v4, v6] = [["0.0.0.0", "255.255.255.255"], ["::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]].map(
    ([from, to]) => ranges.some(([first, last]) => first === from && last === to),
  );
  if (v4 || v6) return { label: "anywhere outside", note: v4 && v6 ? "every address" : `every ${v4 ? "IPv4" : "IPv6"} address` };
  const internet = report.end(end).internet;
  if (internet && ranges.length > 1) return { label: "internet", note: id };
  return { label: part.length === 1 ? (part[0] ?? id) : id, note: internet ? "addresses of the internet" : "addresses" };
}

