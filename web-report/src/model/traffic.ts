// Sets of traffic: for each protocol, ascending disjoint ranges of destination ports.
import type { Traffic } from "../schema";

export type Protocol = "TCP" | "UDP" | "SCTP";
export type Range = [number, number];
export type { Traffic };

export const PROTOCOLS: readonly Protocol[] = ["TCP", "UDP", "SCTP"];
export const LAST_PORT = 65535;
export const NONE: Traffic = { TCP: [], UDP: [], SCTP: [] };
export const ALL: Traffic = { TCP: [[1, LAST_PORT]], UDP: [[1, LAST_PORT]], SCTP: [[1, LAST_PORT]] };

function ranges(traffic: Traffic, protocol: Protocol): Range[] {
  return traffic[protocol] as Range[];
}

function each(of: (protocol: Protocol) => Range[]): Traffic {
  return { TCP: of("TCP"), UDP: of("UDP"), SCTP: of("SCTP") };
}

function unite(all: Range[]): Range[] {
  const sorted = [...all].sort((a, b) => a[0] - b[0]);
  const united: Range[] = [];
  for (const [first, last] of sorted) {
    const end = united.at(-1);
    if (end && first <= end[1] + 1) end[1] = Math.max(end[1], last);
    else united.push([first, last]);
  }
  return united;
}

function complement(all: Range[]): Range[] {
  const rest: Range[] = [];
  let from = 1;
  for (const [first, last] of all) {
    if (first > from) rest.push([from, first - 1]);
    from = last + 1;
  }
  if (from <= LAST_PORT) rest.push([from, LAST_PORT]);
  return rest;
}

function common(left: Range[], right: Range[]): Range[] {
  const both: Range[] = [];
  for (let l = 0, r = 0; l < left.length && r < right.length; ) {
    const [a, b] = [left[l] as Range, right[r] as Range];
    const [first, last] = [Math.max(a[0], b[0]), Math.min(a[1], b[1])];
    if (first <= last) both.push([first, last]);
    if (a[1] < b[1]) l++;
    else r++;
  }
  return both;
}

export function union(...all: Traffic[]): Traffic {
  return each((protocol) => unite(all.flatMap((traffic) => ranges(traffic, protocol).map(([a, b]) => [a, b] as Range))));
}

export function intersection(left: Traffic, right: Traffic): Traffic {
  return each((protocol) => common(ranges(left, protocol), ranges(right, protocol)));
}

export function difference(left: Traffic, right: Traffic): Traffic {
  return each((protocol) => common(ranges(left, protocol), complement(ranges(right, protocol))));
}

export function isEmpty(traffic: Traffic): boolean {
  return PROTOCOLS.every((protocol) => ranges(traffic, protocol).length === 0);
}

function isWhole(of: Range[]): boolean {
  return of.length === 1 && of[0]?.[0] === 1 && of[0]?.[1] === LAST_PORT;
}

export function isAll(traffic: Traffic): boolean {
  return PROTOCOLS.every((protocol) => isWhole(ranges(traffic, protocol)));
}

export function equal(left: Traffic, right: Traffic): boolean {
  return text(left) === text(right);
}

export function has(traffic: Traffic, protocol: Protocol, port: number): boolean {
  return ranges(traffic, protocol).some(([first, last]) => first <= port && port <= last);
}

function list(of: Range[]): string {
  return of.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}

/** `TCP 80,443; UDP all`, as npv writes it everywhere. */
export function text(traffic: Traffic): string {
  if (isAll(traffic)) return "all";
  const parts = PROTOCOLS.filter((protocol) => ranges(traffic, protocol).length > 0).map((protocol) => {
    const of = ranges(traffic, protocol);
    return `${protocol} ${isWhole(of) ? "all" : list(of)}`;
  });
  return parts.length ? parts.join("; ") : "none";
}

/** At most `length` characters for a narrow place: `8080`, `53/udp`, `80,443 +2`. */
export function short(traffic: Traffic, length = 9): string {
  if (isAll(traffic)) return "all";
  const items = PROTOCOLS.flatMap((protocol) => {
    const of = ranges(traffic, protocol);
    const suffix = protocol === "TCP" ? "" : `/${protocol.toLowerCase()}`;
    if (isWhole(of)) return [protocol === "TCP" ? "tcp" : protocol.toLowerCase()];
    return of.map((range) => list([range]) + suffix);
  });
  let shown = items[0] ?? "";
  let count = 1;
  for (; count < items.length; count++) {
    const next = `${shown},${items[count]}`;
    const rest = items.length - count - 1;
    if ((next + (rest ? ` +${rest}` : "")).length > length) break;
    shown = next;
  }
  return count < items.length ? `${shown} +${items.length - count}` : shown;
}

/** A flow of some traffic, the lowest port first, for a command to try. */
export function first(traffic: Traffic): { protocol: Protocol; port: number } | null {
  for (const protocol of PROTOCOLS) {
    const range = ranges(traffic, protocol)[0];
    if (range) return { protocol, port: range[0] };
  }
  return null;
}

/** `8080`, `8080/udp`, `udp`: as people ask for ports. `null` where it is none. */
export function parse(input: string): Traffic | null {
  const match = /^\s*(?:(\d+)(?:-(\d+))?)?\s*\/?\s*(tcp|udp|sctp)?\s*$/i.exec(input);
  if (!match || (!match[1] && !match[3])) return null;
  const range: Range = match[1] ? [Number(match[1]), Number(match[2] ?? match[1])] : [1, LAST_PORT];
  const [low, high] = range;
  if (low < 1 || high > LAST_PORT || low > high) return null;
  const named = match[3]?.toUpperCase();
  return each((protocol) => (!named || named === protocol ? [range] : []));
}
