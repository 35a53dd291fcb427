// The document with everything looked up that views ask for again and again.
import type { Condition as WrittenCondition, Document, End, Endpoint, Finding, Layer, Place, Policy, Rule, Suppressed, Tier, Workload } from "../schema";
import { Changes } from "./changes";
import { intersection, isEmpty, type Traffic } from "./traffic";

/** A policy with its place in the evaluation order. */
export interface Ranked {
  /** Its number among all policies. */
  index: number;
  policy: Policy;
  layer: Layer;
  tier: Tier;
  /** `Kind/namespace/name`. */
  object: string;
  findings: number[];
}

/** What becomes of a finding: it counts, an exception covers it, or the baseline has it. */
export type State = "new" | "suppressed" | "baseline";

/** A finding, whatever becomes of it. */
export interface Told {
  finding: Finding;
  /** Its number among all, by which its excerpts are known. */
  index: number;
  state: State;
  /** What covers it. */
  by: Suppressed | null;
}

/** An answer: from whom to whom, over what. */
export interface Connection {
  src: number;
  dst: number;
  traffic: Traffic;
}

export type Direction = "ingress" | "egress";

/** What of a connection is more than a set of ports that pass. */
export interface Condition {
  /** Ports on which some requests pass; perhaps none. */
  partial: Traffic;
  requests: { ports: Traffic; http: RequestText[] }[];
  /** Ports of which it is not known whether they pass; perhaps none. */
  unknown: Traffic;
  depends: { on: string; at?: Place | null }[];
  /** As the document has it. */
  written: WrittenCondition;
}

/** Requests as npv writes them. */
export interface RequestText {
  method?: string;
  path?: string;
  host?: string;
  headers?: string[];
  conditions?: string[];
}

/** An endpoint that only the base has. */
const GONE: End = { several: false, outside: false, internet: false, isolated: [false, false], workload: null, parts: [] };

export class Report {
  /** Those of the document, and after them those that only the base has. */
  readonly endpoints: Endpoint[];
  /** What opens and closes, where this is a comparison. */
  readonly changes: Changes | null;
  /** Endpoints that the base has no part of. */
  readonly added: Set<number>;
  readonly policies: Ranked[] = [];
  /** All findings: what counts, then what exceptions cover, then what the baseline has. */
  readonly told: Told[];
  /** The namespace that each endpoint is shown in; what has none is grouped by its kind. */
  readonly groupOf: string[];
  readonly #byId = new Map<string, number>();
  readonly #byObject = new Map<string, number[]>();
  /** Per endpoint, the findings that count and are about it. */
  readonly #about = new Map<number, number[]>();
  readonly #conditions: Condition[];
  readonly #overlaps = new Map<string, boolean>();

  constructor(readonly document: Document) {
    const { diff } = document;
    this.endpoints = [...document.endpoints, ...(diff?.gone ?? [])];
    this.changes = diff ? new Changes(diff, this.endpoints.length) : null;
    this.added = new Set(diff?.added);
    this.endpoints.forEach((endpoint, index) => this.#byId.set(endpoint.id, index));
    this.told = [
      ...document.findings.map((finding) => ({ finding, state: "new" as const, by: null })),
      ...document.suppressed.map((by) => ({ finding: by.finding, state: "suppressed" as const, by })),
      ...document.baseline.map((finding) => ({ finding, state: "baseline" as const, by: null })),
    ].map((told, index) => ({ ...told, index }));
    this.groupOf = this.endpoints.map((endpoint) => endpoint.namespace ?? groupOfKind(endpoint.kind));
    document.findings.forEach((finding, index) => {
      if (!finding.object) return;
      const known = this.#byObject.get(finding.object);
      if (known) known.push(index);
      else this.#byObject.set(finding.object, [index]);
    });
    this.#conditions = (document.conditions?.kinds ?? []).map((written) => ({
      partial: whole(written.partial), unknown: whole(written.unknown), depends: written.depends ?? [], written,
      requests: (written.requests ?? []).map(({ ports, http }) => ({ ports: whole(ports), http: http as RequestText[] })),
    }));
    document.findings.forEach((_, finding) => {
      for (const end of document.map.about[finding] ?? []) {
        const known = this.#about.get(end);
        if (known) known.push(finding);
        else this.#about.set(end, [finding]);
      }
    });
    for (const layer of document.layers) {
      for (const tier of layer.tiers) {
        for (const policy of tier.policies) {
          const object = [policy.kind, policy.namespace, policy.name].filter((part) => part !== null).join("/");
          this.policies.push({
            index: this.policies.length,
            policy,
            layer,
            tier,
            object,
            findings: this.findingsOf(object),
          });
        }
      }
    }
  }

  /** The index of the endpoint with an id. */
  index(id: string): number | undefined {
    return this.#byId.get(id);
  }

  endpoint(index: number): Endpoint {
    const endpoint = this.endpoints[index];
    if (!endpoint) throw new RangeError(`no endpoint ${index}`);
    return endpoint;
  }

  /** What people call an endpoint, and what stands below that. */
  called(index: number): [string, string] {
    const known = this.document.map.called[index];
    if (known) return known as [string, string];
    const { id, namespace, name, kind } = this.endpoint(index);
    if (namespace === undefined) return [id, kind];
    return [id === `${namespace}/${name}[${kind}]` ? (name ?? id) : id.slice(namespace.length + 1), kind];
  }

  /** The findings that count and are about an endpoint. */
  findingsAbout(index: number): number[] {
    return this.#about.get(index) ?? [];
  }

  /** Whether only the base has an endpoint. */
  isGone(index: number): boolean {
    return index >= this.document.endpoints.length;
  }

  /** Whether an endpoint is pods, on either side. */
  isPods(index: number): boolean {
    return this.end(index).workload !== null || (this.isGone(index) && this.endpoint(index).namespace !== undefined);
  }

  end(index: number): End {
    if (this.isGone(index)) return GONE;
    const end = this.document.ends[index];
    if (!end) throw new RangeError(`no endpoint ${index}`);
    return end;
  }

  workload(index: number): Workload | undefined {
    const workload = this.end(index).workload;
    return workload === null ? undefined : this.document.workloads[workload];
  }

  findingsOf(object: string): number[] {
    return this.#byObject.get(object) ?? [];
  }

  tell(index: number): Told {
    const told = this.told[index];
    if (!told) throw new RangeError(`no finding ${index}`);
    return told;
  }

  traffic(number: number): Traffic {
    const traffic = this.document.traffic[number];
    if (!traffic) throw new RangeError(`no traffic ${number}`);
    return traffic as Traffic;
  }

  row(src: number): number[] {
    return this.document.rows[this.document.rowOf[src] ?? -1] ?? [];
  }

  /** The number of the traffic from one endpoint to another; 0 is nothing. */
  at(src: number, dst: number): number {
    const row = this.row(src);
    let [low, high] = [0, row.length / 3];
    while (low < high) {
      const middle = (low + high) >> 1;
      const start = row[3 * middle] ?? 0;
      if (dst < start) high = middle;
      else if (dst >= start + (row[3 * middle + 1] ?? 0)) low = middle + 1;
      else return row[3 * middle + 2] ?? 0;
    }
    return 0;
  }

  /** Whom an endpoint reaches. */
  *from(src: number): Generator<{ end: number; traffic: number }> {
    const row = this.row(src);
    for (let at = 0; at < row.length; at += 3) {
      const [first = 0, count = 0, traffic = 0] = row.slice(at, at + 3);
      for (let end = first; end < first + count; end++) yield { end, traffic };
    }
  }

  /** Who reaches an endpoint. */
  *to(dst: number): Generator<{ end: number; traffic: number }> {
    for (let end = 0; end < this.endpoints.length; end++) {
      const traffic = this.at(end, dst);
      if (traffic) yield { end, traffic };
    }
  }

  /** What passes in part from one endpoint to another, and what of it nobody knows. */
  conditionAt(src: number, dst: number): Condition | undefined {
    const { conditions } = this.document;
    const row = conditions?.rows[conditions.rowOf[src] ?? -1] ?? [];
    for (let at = 0; at < row.length; at += 3) {
      const [first = 0, count = 0, kind = 0] = row.slice(at, at + 3);
      if (first <= dst && dst < first + count) return this.#conditions[kind];
    }
    return undefined;
  }

  /** Every connection of which something passes in part, or is not known. */
  *conditions(): Generator<{ src: number; dst: number; condition: Condition }> {
    const { conditions } = this.document;
    for (const [src, number] of conditions?.rowOf.entries() ?? []) {
      const row = conditions?.rows[number] ?? [];
      for (let at = 0; at < row.length; at += 3) {
        const [first = 0, count = 0, kind = 0] = row.slice(at, at + 3);
        const condition = this.#conditions[kind];
        if (condition) for (let dst = first; dst < first + count; dst++) yield { src, dst, condition };
      }
    }
  }

  *connections(): Generator<Connection> {
    for (let src = 0; src < this.endpoints.length; src++) {
      for (const { end, traffic } of this.from(src)) yield { src, dst: end, traffic: this.traffic(traffic) };
    }
  }

  /** Whether an endpoint is a name for addresses, which connections only lead to. */
  isDomain(index: number): boolean {
    return this.end(index).parts.some((part) => this.document.classes[part.class]?.domain);
  }

  /** Whether an endpoint stands for a way in that the manifests do not define. */
  isAssumed(index: number): boolean {
    return this.endpoint(index).kind === "Assumed" && !this.end(index).outside;
  }

  /** Whether a pair can have an answer at all: a single pod has no connection to itself. */
  asks(src: number, dst: number): boolean {
    if (this.isGone(src) || this.isGone(dst)) return false;
    if (src === dst) return this.end(src).several;
    if (this.isDomain(src) || this.isAssumed(dst)) return false;
    return !(this.end(src).outside && this.end(dst).outside);
  }

  /** Whether some numbered traffic has a part in common with what is asked for. */
  overlaps(number: number, asked: Traffic, key: string): boolean {
    if (!number) return false;
    const known = this.#overlaps.get(`${number} ${key}`);
    if (known !== undefined) return known;
    const overlaps = !isEmpty(intersection(this.traffic(number), asked));
    this.#overlaps.set(`${number} ${key}`, overlaps);
    return overlaps;
  }

  /** Whether a set holds a class. */
  holds(set: number, member: number): boolean {
    const runs = this.document.sets[set] ?? [];
    let [low, high] = [0, runs.length / 2];
    while (low < high) {
      const middle = (low + high) >> 1;
      const start = runs[2 * middle] ?? 0;
      if (member < start) high = middle;
      else if (member >= start + (runs[2 * middle + 1] ?? 0)) low = middle + 1;
      else return true;
    }
    return false;
  }

  /** The endpoints with a class in a set. */
  members(set: number): number[] {
    const members: number[] = [];
    this.document.ends.forEach((end, index) => {
      if (end.parts.some((part) => this.holds(set, part.class))) members.push(index);
    });
    return members;
  }

  /** The policies that speak of an endpoint's connections in a direction. */
  applying(index: number, direction: Direction): Ranked[] {
    const parts = this.end(index).parts;
    return this.policies.filter(
      ({ policy }) => policy[direction] !== null && parts.some((part) => this.holds(policy.subject, part.class)),
    );
  }
}

export function rulesOf(policy: Policy, direction: Direction): Rule[] {
  return policy[direction] ?? [];
}

/** Ports by protocol, with those protocols that have none. */
function whole(ports: Partial<Traffic> | undefined): Traffic {
  return { TCP: ports?.TCP ?? [], UDP: ports?.UDP ?? [], SCTP: ports?.SCTP ?? [] };
}

function groupOfKind(kind: string): string {
  switch (kind) {
    case "External":
      return "outside";
    case "Node":
      return "nodes";
    default:
      return "assumed";
  }
}
