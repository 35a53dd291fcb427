// The matrix as a tree of groups: what stands in a row or column, and what a cell says.
import type { Report } from "./report";
import type { PairChange } from "./changes";
import { isEmpty, intersection, union, type Traffic } from "./traffic";

/** A row or a column. */
export type Line = { group: number; end?: never } | { end: number; group: number };

export interface Group {
  name: string;
  members: number[];
}

/** What a cell of groups says: how many of its pairs are connected, of how many. */
export interface Share {
  connected: number;
  pairs: number;
}

/** How many pairs of a cell of groups have something that opens, and that closes. */
export interface Changed {
  opened: number;
  closed: number;
}

export class Matrix {
  readonly groups: Group[] = [];
  readonly groupOf: number[];
  readonly #perRow = new Map<number, Int32Array>();
  readonly #cells = new Map<string, Share>();
  readonly #changed = new Map<number, Changed[]>();

  constructor(readonly report: Report, readonly asked: Traffic | null, readonly key: string) {
    const numbers = new Map<string, number>();
    this.groupOf = report.groupOf.map((name, end) => {
      let number = numbers.get(name);
      if (number === undefined) {
        number = this.groups.length;
        numbers.set(name, number);
        this.groups.push({ name, members: [] });
      }
      this.groups[number]?.members.push(end);
      return number;
    });
  }

  /** The lines of an axis: every group, and the members of those that are open and wanted. */
  lines(open: (group: string) => boolean, wanted: (end: number) => boolean): Line[] {
    return this.groups.flatMap(({ name, members }, group) => {
      const shown = members.filter(wanted);
      if (!shown.length) return [];
      return [{ group }, ...(open(name) ? shown.map((end) => ({ end, group })) : [])];
    });
  }

  /** Whether there is anything from one endpoint to another, of what is asked for. */
  connected(src: number, dst: number): boolean {
    const number = this.report.at(src, dst);
    return this.asked ? this.report.overlaps(number, this.asked, this.key) : number !== 0;
  }

  /** What is asked for of the traffic between two endpoints. */
  traffic(src: number, dst: number): Traffic {
    const traffic = this.report.traffic(this.report.at(src, dst));
    return this.asked ? intersection(traffic, this.asked) : traffic;
  }

  /** What opens and closes between two endpoints, of what is asked for. */
  change(src: number, dst: number): Pick<PairChange, "opened" | "closed" | "part"> | null {
    const change = this.report.changes?.from(src).get(dst);
    if (!change) return null;
    const { part } = change;
    const [opened, closed] = [change.opened, change.closed].map((traffic) => (this.asked ? intersection(traffic, this.asked) : traffic)) as [Traffic, Traffic];
    return isEmpty(opened) && isEmpty(closed) ? null : { opened, closed, part };
  }

  /** The same for lines of groups, counted in pairs. */
  changed(row: Line, column: Line): Changed {
    const all: Changed = { opened: 0, closed: 0 };
    if (!this.report.changes) return all;
    for (const src of this.#members(row)) {
      const one = column.end === undefined ? this.#changesOf(src)[column.group] : this.#oneChange(src, column.end);
      all.opened += one?.opened ?? 0;
      all.closed += one?.closed ?? 0;
    }
    return all;
  }

  #oneChange(src: number, dst: number): Changed {
    const change = this.change(src, dst);
    return { opened: change && !isEmpty(change.opened) ? 1 : 0, closed: change && !isEmpty(change.closed) ? 1 : 0 };
  }

  /** How many members of each group have something that changes from a source. */
  #changesOf(src: number): Changed[] {
    const known = this.#changed.get(src);
    if (known) return known;
    const counts = this.groups.map(() => ({ opened: 0, closed: 0 }));
    for (const dst of this.report.changes?.from(src).keys() ?? []) {
      const [count, one] = [counts[this.groupOf[dst] ?? 0], this.#oneChange(src, dst)];
      if (!count) continue;
      count.opened += one.opened;
      count.closed += one.closed;
    }
    this.#changed.set(src, counts);
    return counts;
  }

  share(row: Line, column: Line): Share {
    const id = `${row.end ?? `g${row.group}`} ${column.end ?? `g${column.group}`}`;
    const known = this.#cells.get(id);
    if (known) return known;
    const share = this.#count(row, column);
    this.#cells.set(id, share);
    return share;
  }

  #members(line: Line): number[] {
    return line.end === undefined ? (this.groups[line.group]?.members ?? []) : [line.end];
  }

  #count(row: Line, column: Line): Share {
    // Pairs are those of today: who is gone has none.
    const here = (line: Line) => this.#members(line).filter((end) => !this.report.isGone(end));
    const [sources, destinations] = [here(row), here(column)];
    if (!sources.length || !destinations.length) return { connected: 0, pairs: 0 };
    let pairs = sources.length * destinations.length;
    if (row.group === column.group) {
      for (const end of sources) if (destinations.includes(end) && !this.report.asks(end, end)) pairs -= 1;
    }
    if (this.report.end(sources[0] ?? 0).outside && this.report.end(destinations[0] ?? 0).outside) pairs = 0;
    let connected = 0;
    for (const src of sources) {
      if (column.end === undefined) connected += this.#ofRow(src)[column.group] ?? 0;
      else if (this.connected(src, column.end)) connected += 1;
    }
    return { connected, pairs };
  }

  /** How many members of each group a source reaches. Equal rows are counted once. */
  #ofRow(src: number): Int32Array {
    const row = this.report.document.rowOf[src] ?? -1;
    const known = this.#perRow.get(row);
    if (known) return known;
    const counts = new Int32Array(this.groups.length);
    for (const { end, traffic } of this.report.from(src)) {
      if (this.asked && !this.report.overlaps(traffic, this.asked, this.key)) continue;
      const group = this.groupOf[end] ?? 0;
      counts[group] = (counts[group] ?? 0) + 1;
    }
    this.#perRow.set(row, counts);
    return counts;
  }

  /** All traffic between two lines. */
  all(row: Line, column: Line): Traffic {
    const numbers = new Set<number>();
    for (const src of this.#members(row)) {
      for (const dst of this.#members(column)) numbers.add(this.report.at(src, dst));
    }
    const traffic = union(...[...numbers].map((number) => this.report.traffic(number)));
    return this.asked && !isEmpty(traffic) ? intersection(traffic, this.asked) : traffic;
  }
}
