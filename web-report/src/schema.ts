// Generated from docs/schema/report.json by scripts/schema.js.

/**
 * Ranges of addresses from first to last, IPv4 before IPv6, ascending and apart.
 */
export type Ranges = [string, string][];
export type Direction = "ingress" | "egress";
export type Protocol = "TCP" | "UDP" | "SCTP";
export type Severity = "note" | "warning" | "error";
/**
 * `mixed` where only some of what was asked is allowed.
 */
export type Verdict = "allow" | "deny" | "mixed";
export type PlaceOrNull = Place | null;

export interface Document {
  schemaVersion: 1;
  /**
   * The version of npv.
   */
  npv: string;
  inputs: string[];
  /**
   * The options that change what the inputs mean.
   */
  flags: string[];
  /**
   * Nothing was left out: all input could be read and is modelled.
   */
  complete: boolean;
  summary: {
    errors: number;
    warnings: number;
    notes: number;
    files: number;
    namespaces: number;
    workloads: number;
    pods: number;
    services: number;
    policies: number;
    /**
     * Findings that exceptions cover.
     */
    suppressed: number;
    /**
     * Findings that the baseline has.
     */
    baseline: number;
  };
  coverage: {
    /**
     * Pods that are isolated for ingress.
     */
    ingress: number;
    egress: number;
    /**
     * Endpoints with pods that addresses of the internet may connect to.
     */
    exposed: number[];
    connections: number;
  };
  /**
   * As in the answer of `npv reach`.
   */
  endpoints: Endpoint[];
  /**
   * One for each endpoint.
   */
  ends: End[];
  /**
   * Distinct sets of traffic; the first is nothing, the second everything.
   */
  traffic: Traffic[];
  /**
   * The answer of `npv reach`, equal rows once: first destination, number of destinations, an index into `traffic`, and so on, ascending.
   */
  rows: number[][];
  /**
   * For each endpoint as a source, an index into `rows`.
   */
  rowOf: number[];
  /**
   * A pair is to be asked for each address family apart, and allowed where both sides allow it in one of them.
   */
  byFamily: boolean;
  classes: Class[];
  /**
   * Names of ports.
   */
  names: string[];
  /**
   * Sets of classes: first class, number of classes, and so on, ascending.
   */
  sets: number[][];
  layers: Layer[];
  namespaces: Namespace[];
  workloads: Workload[];
  services: Service[];
  routes: Route[];
  /**
   * As in the answer of `npv check`.
   */
  findings: Finding[];
  /**
   * What was found and is as it should be, as exceptions say.
   */
  suppressed: Suppressed[];
  /**
   * What was found and was there before, as the baseline says.
   */
  baseline: Finding[];
  /**
   * For each finding, then for each of `suppressed`, then for each of `baseline`, the excerpts that show it.
   */
  shown: number[][];
  excerpts: Excerpt[];
  /**
   * The lint rules that found something.
   */
  lintRules: {
    [k: string]: {
      category: string;
      summary: string;
    };
  };
  /**
   * The assertions of the configuration, as in the answer of `npv check`.
   */
  assertions: Assertion[];
  /**
   * What answers about any possible cluster take for granted; empty where there are none.
   */
  assumptions: string[];
  /**
   * One for each assertion.
   */
  proofs: Proof[];
  /**
   * What reading found wrong, as in the answer of `npv reach`.
   */
  diagnostics: Finding[];
  diff?: Difference;
}
/**
 * A workload as far as no policy tells its pods apart, nodes, addresses outside the cluster, or something assumed.
 */
export interface Endpoint {
  id: string;
  /**
   * The workload's kind, or `External`, `Node`, `Assumed` or `Namespace`.
   */
  kind: string;
  namespace?: string;
  name?: string;
  pods?: number;
  ranges?: Ranges;
}
/**
 * What the answer of `npv reach` does not say of an endpoint.
 */
export interface End {
  /**
   * It can be several pods, so that it can connect to itself.
   */
  several: boolean;
  /**
   * A domain or addresses outside the cluster.
   */
  outside: boolean;
  /**
   * It holds addresses that are routed in the internet.
   */
  internet: boolean;
  /**
   * For ingress, and for egress.
   *
   * @minItems 2
   * @maxItems 2
   */
  isolated: [boolean, boolean];
  /**
   * An index into `workloads`.
   */
  workload: number | null;
  /**
   * Several where rules tell its pods or addresses apart and the answers are the same all the same.
   */
  parts: Part[];
}
export interface Part {
  /**
   * An index into `classes`.
   */
  class: number;
  /**
   * What policies see of it, for people.
   */
  seen: string;
}
/**
 * For each protocol the destination ports, as ranges from first to last, ascending and apart.
 */
export interface Traffic {
  TCP: [number, number][];
  UDP: [number, number][];
  SCTP: [number, number][];
}
/**
 * Pods, nodes or addresses that nothing in the policies tells apart.
 */
export interface Class {
  /**
   * Policies apply to it.
   */
  subject: boolean;
  /**
   * Pods on the host network.
   */
  host: boolean;
  /**
   * Named ports: an index into `names`, and one into `traffic`.
   */
  ports: [number, number][];
  domain: boolean;
  outside: boolean;
  /**
   * The one address family that it can use; `null` where it can use both, or is outside the cluster.
   */
  family: "IPv4" | "IPv6" | null;
}
/**
 * An independent enforcement point; a flow must pass all.
 */
export interface Layer {
  name: string;
  tiers: Tier[];
}
export interface Tier {
  name: string;
  mode: "first-match" | "union" | "deny-wins";
  participation: "everybody" | "selected";
  noMatch: "next-tier" | "deny" | "allow";
  /**
   * Its selectors and named ports see pods on the host network.
   */
  seesHosts: boolean;
  /**
   * In evaluation order.
   */
  policies: Policy[];
}
export interface Policy {
  kind: string;
  namespace: string | null;
  name: string;
  priority: number;
  /**
   * An index into `sets`: the classes that it applies to.
   */
  subject: number;
  selects: string;
  at: Place | null;
  excerpt: number | null;
  /**
   * `null` where the policy says nothing of ingress.
   */
  ingress: Rule[] | null;
  egress: Rule[] | null;
  /**
   * Directions whose rules are written and have no effect.
   */
  inert: Direction[];
}
export interface Place {
  file: string;
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
}
export interface Rule {
  name: string;
  action: "allow" | "deny" | "pass" | "log";
  at: Place | null;
  /**
   * An index into `excerpts`.
   */
  excerpt: number | null;
  /**
   * An index into `sets`: the classes at the other end. Where families are to be asked for apart, followed by those over IPv4 and over IPv6.
   *
   * @minItems 1
   * @maxItems 3
   */
  peers: [number] | [number, number] | [number, number, number];
  /**
   * The peers in words; empty for everybody.
   */
  from: string[];
  /**
   * An index into `traffic`: the ports that are given by number.
   */
  traffic: number;
  /**
   * Indices into `names`: ports by name, looked up on the destination.
   */
  names: number[];
  /**
   * The ports in words; empty for everything.
   */
  over: string[];
  /**
   * What of the rule is not modelled.
   */
  unsupported: string | null;
}
export interface Namespace {
  name: string;
  labels: {
    [k: string]: string;
  };
  defined: boolean;
}
export interface Workload {
  namespace: string;
  kind: string;
  name: string;
  at: Place | null;
  account: string | null;
  groups: Group[];
}
export interface Group {
  labels: {
    [k: string]: string;
  };
  ports: {
    name: string | null;
    protocol: Protocol;
    port: number;
  }[];
  hostNetwork: boolean;
  pods: number;
  /**
   * The first pods, where the manifests list them one by one.
   */
  members: string[];
}
export interface Service {
  namespace: string;
  name: string;
  type: string;
  at: Place | null;
  ports: {
    name: string | null;
    protocol: Protocol;
    port: number;
    nodePort: number | null;
    targets: Target[];
  }[];
}
export interface Target {
  /**
   * An index into `endpoints`.
   */
  endpoint: number | null;
  address: string | null;
  /**
   * `null` where the pods have no port of the name.
   */
  port: number | null;
}
export interface Route {
  kind: string;
  namespace: string | null;
  name: string;
  at: Place | null;
  parents: {
    entry: string;
    /**
     * Indices into `endpoints`.
     */
    pods: number[];
    /**
     * Why the route is not attached.
     */
    problem: string | null;
  }[];
  rules: {
    hosts: string[];
    paths: string[];
    backends: {
      namespace: string;
      name: string;
      port: string;
      weight: number;
      targets: Target[];
      problem: string | null;
    }[];
  }[];
}
export interface Finding {
  /**
   * Name of the lint rule; `npv rule NAME` explains it.
   */
  rule: string;
  severity: Severity;
  message: string;
  /**
   * `Kind/namespace/name`, or `Kind/name` where the kind has no namespace.
   */
  object: string | null;
  locations: Location[];
  help: string[];
  witness: Witness | null;
  fix: Fix | null;
  /**
   * The answer leaves something out because of this.
   */
  incomplete: boolean;
  /**
   * Survives moved lines, renamed files and reordered lists.
   */
  fingerprint: string;
}
export interface Location {
  file: string;
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
  /**
   * The first location is the only primary one. At hidden ones only suppressions apply.
   */
  role: "primary" | "related" | "hidden";
  label?: string;
}
/**
 * A flow that shows the finding.
 */
export interface Witness {
  src: string;
  dst: string;
  protocol: "TCP" | "UDP" | "SCTP";
  port: number;
}
export interface Fix {
  description: string;
  applicability: "safe" | "unsafe" | "display-only";
  edits: Edit[];
  example?: string;
}
export interface Edit {
  file: string;
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
  replacement: string;
}
export interface Suppressed {
  means: "comment" | "annotation" | "configuration";
  reason: string;
  at: Place;
  finding: Finding;
}
/**
 * Lines of a manifest.
 */
export interface Excerpt {
  file: string;
  /**
   * The number of the first line.
   */
  line: number;
  text: string;
  /**
   * The first and the last line of what it is about.
   *
   * @minItems 2
   * @maxItems 2
   */
  marked: [number, number];
  /**
   * There is more of what it is about.
   */
  cut: boolean;
}
export interface Assertion {
  /**
   * What it is called; made from the rest where it has no name.
   */
  name: string;
  /**
   * Whether it holds; null where that is not known.
   */
  holds: boolean | null;
  expect: "allow" | "deny" | "only";
  /**
   * Where it must hold: in any possible cluster, or for the endpoints of the manifests.
   */
  world: "any" | "snapshot";
  /**
   * Why it holds of nothing.
   */
  vacuous?: string;
  /**
   * Why it is not known.
   */
  unknown?: string;
  counterexample: null | Counterexample;
  notes: string[];
  at: PlaceOrNull;
}
/**
 * A flow that contradicts the assertion, with what decides it, in the shape of a part of `npv trace`, and how to see it.
 */
export interface Counterexample {
  verdict: Verdict;
  src: FlowEnd;
  dst: FlowEnd;
  /**
   * The protocol that was asked for; null where everything was.
   */
  protocol: "TCP" | "UDP" | "SCTP" | null;
  port: number | null;
  traffic: Traffic;
  egress: Traffic;
  ingress: Traffic;
  steps: Step[];
  nearest: Near[];
  /**
   * The documents to add to the manifests to see the flow; null where its ends are there already.
   */
  manifests: string | null;
  /**
   * Where they were written (`--witness-dir`).
   */
  file: string | null;
  /**
   * The `npv trace` that shows the flow. Where the documents were not written, they are expected in `witness.yaml`.
   */
  command: string;
}
export interface FlowEnd {
  id: string;
  /**
   * What policies see of it, for people.
   */
  seen: string;
  ranges?: Ranges;
}
export interface Step {
  side: "egress" | "ingress";
  layer: string;
  /**
   * The tier that had a say; `default` where none had, and nothing denies.
   */
  tier: string;
  object: string | null;
  /**
   * Name or path of the rule; null where the endpoint is isolated and no rule matches.
   */
  rule: string | null;
  action: "allow" | "deny" | "pass" | "log";
  at: PlaceOrNull;
  traffic: Traffic;
  /**
   * Why the default applies.
   */
  why?: "not-selected" | "undecided" | "no-pod" | "itself" | "own-node";
  /**
   * Other policies that isolate the endpoint.
   */
  also?: {
    object: string;
    at: PlaceOrNull;
  }[];
}
export interface Near {
  side: "egress" | "ingress";
  object: string;
  rule: string;
  at: PlaceOrNull;
  /**
   * What would have to be different.
   *
   * @minItems 1
   */
  unmet: [string, ...string[]];
}
/**
 * The excerpts that show an assertion, as indices into `excerpts`.
 */
export interface Proof {
  /**
   * The assertion itself.
   */
  whole: number | null;
  /**
   * One for each step of its counterexample.
   */
  steps: (number | null)[];
  /**
   * One for each rule that comes nearest to allowing it.
   */
  nearest: (number | null)[];
}
/**
 * What the head, which the rest of the report is about, opens and closes compared with the base.
 */
export interface Difference {
  answer: Answer;
  /**
   * The answer holds every flow, and not only the first of them; the bundles always do.
   */
  whole: boolean;
  count: {
    opened: number;
    closed: number;
  };
  /**
   * What the endpoints of the answer are in the report, in the answer's order.
   */
  ends: Piece[];
  /**
   * Endpoints that only the base has; their numbers follow those of the report's.
   */
  gone: Endpoint[];
  /**
   * The report's endpoints that the base has no part of.
   */
  added: number[];
  /**
   * Every flow that opens, the most dangerous first.
   */
  opened: Bundle[];
  /**
   * Every flow that closes.
   */
  closed: Bundle[];
  reasons: Reason[];
  /**
   * The revision to check out before the commands of the report are tried.
   */
  checkout?: string;
}
/**
 * What `npv diff --format json` prints.
 */
export interface Answer {
  schemaVersion: 1;
  /**
   * Nothing was left out on either side: all input could be read and is modelled.
   */
  complete: boolean;
  /**
   * The ends of the connections. Blocks of addresses are those of single connections, so they may overlap.
   */
  endpoints: Endpoint[];
  /**
   * What the head allows and the base does not.
   */
  opened: Connection[];
  /**
   * What the base allows and the head does not.
   */
  closed: Connection[];
  /**
   * Only the head has them.
   */
  endpointsAdded: Endpoint[];
  /**
   * Only the base has them.
   */
  endpointsRemoved: Endpoint[];
  policiesAdded: PolicyChange[];
  policiesRemoved: PolicyChange[];
  /**
   * Policies of both sides that mean something else in the head.
   */
  policiesChanged: PolicyChange[];
  /**
   * Findings in the head, by fingerprint, that the base is without; positions are in the head.
   */
  findingsIntroduced: Finding[];
  /**
   * Findings in the base that the head is without; positions are in the base.
   */
  findingsResolved: Finding[];
  base: Side;
  head: Side;
}
/**
 * Traffic that one side allows between the two and the other side does not.
 */
export interface Connection {
  src: string;
  dst: string;
  /**
   * Every port of every protocol.
   */
  all: boolean;
  traffic: Traffic;
  /**
   * Whether both ends are on both sides, or one of them is only in the head or only in the base.
   */
  between: "existing" | "added" | "removed";
  /**
   * Empty where an end is new or gone: that is the reason.
   */
  why: Why[];
}
/**
 * One reason why the connection opens or closes.
 */
export interface Why {
  /**
   * The side that has another verdict now; left out where neither has.
   */
  side?: "egress" | "ingress";
  traffic: Traffic;
  /**
   * What the object does to the connection: a policy that allows it, denies it, isolates an end, or does so no longer; an end with other labels, ports or addresses; routes that lead elsewhere.
   */
  effect:
    "allowed" | "not-denied" | "not-isolated" | "denied" | "isolated" | "not-allowed" | "ends" | "routes";
  /**
   * `Kind/namespace/name` of the policy, or the end.
   */
  object: string;
  /**
   * The policy's rule: its name, or its path in the object.
   */
  rule?: string;
  state: "new" | "changed" | "gone";
  message: string;
  base?: Place;
  head?: Place;
}
export interface PolicyChange {
  /**
   * `Kind/namespace/name`.
   */
  object: string;
  base?: Place;
  head?: Place;
}
export interface Side {
  /**
   * What the user called it.
   */
  name: string;
  /**
   * Nothing was left out of this side.
   */
  complete: boolean;
  /**
   * What reading it found wrong.
   */
  diagnostics: Finding[];
}
/**
 * An endpoint of the comparison in terms of the report's.
 */
export interface Piece {
  /**
   * What people call it.
   */
  name: string;
  /**
   * It can connect to itself in the head, and in the base.
   *
   * @minItems 2
   * @maxItems 2
   */
  several: [boolean, boolean];
  /**
   * The numbers of the endpoints that it is a piece of.
   */
  on: number[];
  /**
   * Those of them that it is all of.
   */
  whole: number[];
}
/**
 * Flows from each of some ends to each of some ends, over the same traffic. An end that cannot connect to itself may be on both sides.
 */
export interface Bundle {
  /**
   * What makes it worth a second look.
   */
  danger?: "from the internet" | "to a data store" | "to the internet" | "across namespaces";
  /**
   * Whether both ends are on both sides, or one of them is only in the head or only in the base.
   */
  between: "existing" | "added" | "removed";
  /**
   * The ends that they come from, by their places in the answer: first, number of ends, and so on.
   */
  src: number[];
  /**
   * The ends that they go to, likewise.
   */
  dst: number[];
  /**
   * The ends that they come from in few words.
   */
  from: string[];
  to: string[];
  traffic: Traffic;
  /**
   * The numbers of their reasons, the most frequent first.
   */
  why: number[];
}
/**
 * One reason why flows open or close.
 */
export interface Reason {
  /**
   * The side that has another verdict now; left out where neither has.
   */
  side?: "egress" | "ingress";
  /**
   * What the object does to the connection: a policy that allows it, denies it, isolates an end, or does so no longer; an end with other labels, ports or addresses; routes that lead elsewhere.
   */
  effect:
    "allowed" | "not-denied" | "not-isolated" | "denied" | "isolated" | "not-allowed" | "ends" | "routes";
  /**
   * `Kind/namespace/name` of the policy, or the end.
   */
  object: string;
  /**
   * The policy's rule: its name, or its path in the object.
   */
  rule?: string;
  state: "new" | "changed" | "gone";
  message: string;
  base?: Place;
  head?: Place;
  excerpt?: Excerpt;
}
