// How far somebody gets who takes over an endpoint: connections from one to the next.
import type { Report } from "./report";

export interface Reached {
  end: number;
  /** How many connections away. */
  hops: number;
  /** Where the last connection comes from. */
  by: number;
}

/** Everything that can be got at, the nearest first. Addresses outside are reached and lead nowhere. */
export function blastRadius(report: Report, start: number): Reached[] {
  const reached = new Map<number, Reached>();
  let front = [start];
  for (let hops = 1; front.length; hops++) {
    const next: number[] = [];
    for (const from of front) {
      for (const { end } of report.from(from)) {
        if (end === start || reached.has(end)) continue;
        reached.set(end, { end, hops, by: from });
        if (report.end(end).workload !== null) next.push(end);
      }
    }
    front = next;
  }
  return [...reached.values()];
}
