// What opens and closes compared with the base, in terms of the report's endpoints.
import type { Bundle, Connection, Difference, Piece, Reason } from "../schema";
import type { Report } from "./report";
import { NONE, isEmpty, text, union, type Traffic } from "./traffic";

export type Which = "opened" | "closed";
export const WHICH: readonly Which[] = ["opened", "closed"];

/** What changes between two endpoints of the report. */
export interface PairChange {
  opened: Traffic;
  closed: Traffic;
  /** What opens between all of both: the rest of it opens between parts of them. */
  openedWhole: Traffic;
  /** Something of it is about parts of the two. */
  part: boolean;
  /** Something of what opens is worth a second look. */
  danger: boolean;
}

/** A bundle with its place in the comparison. */
export interface Row {
  which: Which;
  bundle: Bundle;
  src: number[];
  dst: number[];
}

/** A flow between two ends of the comparison. */
export interface Flow {
  row: Row;
  src: number;
  dst: number;
}

const NOTHING: PairChange = { opened: NONE, closed: NONE, openedWhole: NONE, part: false, danger: false };

export class Changes {
  /** What opens, the most dangerous first, and then what closes. */
  readonly rows: Row[];
  readonly #bySource: number[][];
  /** Per endpoint of the report, the ends of the comparison that are pieces of it. */
  readonly #pieces: number[][];
  readonly #perSource = new Map<number, Map<number, PairChange>>();
  readonly #connections: Record<Which, Map<string, Connection>>;
  #touched: Set<number> | null = null;

  constructor(readonly diff: Difference, size: number) {
    // Equal sets are one object, so that what is worked out of one is known of all.
    const known = new Map<string, Traffic>();
    const one = (traffic: Traffic): Traffic => {
      const key = text(traffic);
      const first = known.get(key) ?? traffic;
      known.set(key, first);
      return first;
    };
    const rows = (which: Which): Row[] =>
      diff[which].map((bundle) => ({
        which, bundle: { ...bundle, traffic: one(bundle.traffic as Traffic) }, src: members(bundle.src), dst: members(bundle.dst),
      }));
    this.rows = [...rows("opened"), ...rows("closed")];
    this.#bySource = diff.ends.map(() => []);
    this.rows.forEach((row, index) => row.src.forEach((end) => this.#bySource[end]?.push(index)));
    this.#pieces = Array.from({ length: size }, () => []);
    diff.ends.forEach((piece, end) => piece.on.forEach((on) => this.#pieces[on]?.push(end)));
    const byEnds = (all: Connection[]) => new Map(all.map((one) => [`${one.src}\n${one.dst}`, one]));
    this.#connections = { opened: byEnds(diff.answer.opened), closed: byEnds(diff.answer.closed) };
  }

  end(end: number): Piece {
    const piece = this.diff.ends[end];
    if (!piece) throw new RangeError(`no end ${end}`);
    return piece;
  }

  /** What people and programs call an end of the comparison. */
  id(end: number): string {
    return this.diff.answer.endpoints[end]?.id ?? "";
  }

  /** Whether flows from an end to another are ones: a single pod has none to itself. */
  #is(which: Which, src: number, dst: number): boolean {
    return src !== dst || (this.end(src).several[which === "opened" ? 0 : 1] ?? false);
  }

  /** The flows of a row, one by one. */
  *flows(row: Row): Generator<Flow> {
    for (const src of row.src) for (const dst of row.dst) if (this.#is(row.which, src, dst)) yield { row, src, dst };
  }

  count(row: Row): number {
    const destinations = new Set(row.dst);
    const alone = row.src.filter((end) => destinations.has(end) && !this.#is(row.which, end, end));
    return row.src.length * row.dst.length - alone.length;
  }

  /** What changes from an endpoint of the report to others. */
  from(src: number): Map<number, PairChange> {
    const known = this.#perSource.get(src);
    if (known) return known;
    const found = new Map<number, PairChange>();
    for (const from of this.#pieces[src] ?? []) {
      const all = this.end(from).whole.includes(src);
      for (const row of (this.#bySource[from] ?? []).map((index) => this.rows[index] as Row)) {
        // Most pairs have one row: they share what it says.
        const [whole, part] = [true, false].map((whole) => changeOf(row, whole)) as [PairChange, PairChange];
        for (const to of row.dst) {
          if (!this.#is(row.which, from, to)) continue;
          const end = this.end(to);
          for (const dst of end.on) {
            const change = all && end.whole.includes(dst) ? whole : part;
            const before = found.get(dst);
            found.set(dst, before ? both(before, change) : change);
          }
        }
      }
    }
    this.#perSource.set(src, found);
    return found;
  }

  at(src: number, dst: number): PairChange {
    return this.from(src).get(dst) ?? NOTHING;
  }

  /** The flows that change something between two endpoints of the report. */
  between(src: number, dst: number): Flow[] {
    const destinations = new Set(this.#pieces[dst]);
    const flows: Flow[] = [];
    for (const from of this.#pieces[src] ?? []) {
      for (const index of this.#bySource[from] ?? []) {
        const row = this.rows[index] as Row;
        for (const to of row.dst) if (destinations.has(to) && this.#is(row.which, from, to)) flows.push({ row, src: from, dst: to });
      }
    }
    return flows;
  }

  /** The endpoints of the report that something opens or closes to or from. */
  get touched(): Set<number> {
    if (this.#touched) return this.#touched;
    const touched = new Set<number>();
    for (const row of this.rows) {
      for (const end of [...row.src, ...row.dst]) for (const on of this.end(end).on) touched.add(on);
    }
    this.#touched = touched;
    return touched;
  }

  reasons(row: Row): Reason[] {
    return row.bundle.why.flatMap((number) => this.diff.reasons[number] ?? []);
  }

  /** The reasons for one flow: those of its row, where the answer does not list it. */
  reasonsOf({ row, src, dst }: Flow): Reason[] {
    const all = this.reasons(row);
    const connection = this.#connections[row.which].get(`${this.id(src)}\n${this.id(dst)}`);
    if (!connection) return all;
    const said = new Set(connection.why.map(keyOf));
    return all.filter((reason) => said.has(keyOf(reason)));
  }
}

function keyOf({ message, base, head }: Pick<Reason, "message" | "base" | "head">): string {
  const place = head ?? base;
  return `${message}\n${place?.file}:${place?.line}:${place?.column}`;
}

/** Places that runs stand for: first, number of places, and so on. */
function members(runs: number[]): number[] {
  const all: number[] = [];
  for (let at = 0; at < runs.length; at += 2) {
    const [first = 0, count = 0] = runs.slice(at, at + 2);
    for (let place = first; place < first + count; place++) all.push(place);
  }
  return all;
}

function changeOf({ which, bundle }: Row, whole: boolean): PairChange {
  const traffic = bundle.traffic as Traffic;
  const change = { ...NOTHING, [which]: traffic, part: !whole, danger: which === "opened" && bundle.danger !== undefined };
  return which === "opened" && whole ? { ...change, openedWhole: traffic } : change;
}

function both(one: PairChange, other: PairChange): PairChange {
  const join = (a: Traffic, b: Traffic) => (isEmpty(a) ? b : isEmpty(b) ? a : union(a, b));
  return {
    opened: join(one.opened, other.opened),
    closed: join(one.closed, other.closed),
    openedWhole: join(one.openedWhole, other.openedWhole),
    part: one.part || other.part,
    danger: one.danger || other.danger,
  };
}

/** Where a reason is written, and whether that is in the base. */
export function placeOf(reason: Reason): { place: Reason["head"] & {}; inBase: boolean } | null {
  if (reason.head) return { place: reason.head, inBase: false };
  return reason.base ? { place: reason.base, inBase: true } : null;
}

/** Why an end has no reason of its own. */
export function unexplained(between: Bundle["between"]): string {
  return between === "added" ? "one of them is new" : between === "removed" ? "one of them is gone" : "";
}

/** Which endpoints of the report are new, and which are gone. */
export function presenceOf(report: Report, index: number): "new" | "gone" | null {
  if (report.isGone(index)) return "gone";
  return report.added.has(index) ? "new" : null;
}
