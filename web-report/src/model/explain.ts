// Why: what each tier says about a pair of classes, rule by rule. The verdicts are npv's own, in the document;
// this names the rules that they come from, and a test holds it against them for every pair of the corpus.
import type { Class, Rule, Tier } from "../schema";
import type { Direction, Ranked, Report } from "./report";
import { rulesOf } from "./report";
import { ALL, NONE, difference, intersection, isEmpty, union, type Traffic } from "./traffic";

/** What a rule that matches the other end has to say. */
export interface Said {
  ranked: Ranked;
  rule: Rule;
  /** What it matches, whatever came before. */
  matches: Traffic;
  /** What it decides. */
  decides: Traffic;
}

/** What a tier does with the traffic that comes to it. */
export interface Step {
  layer: string;
  tier: Tier;
  /** The policies that apply to the subject here. */
  applying: Ranked[];
  said: Said[];
  allowed: Traffic;
  denied: Traffic;
  /** What goes on to the next tier. */
  passed: Traffic;
}

/** What one side of a connection says. */
export interface Side {
  direction: Direction;
  /** No policy can speak of this end: it is no pod, or a pod on its node's network. */
  exempt: boolean;
  steps: Step[];
  allowed: Traffic;
  /** Why the steps are not all that decides: a rule compares the two ends, or policies for hosts apply. */
  beyond: "ends" | "hosts" | null;
}

/** A rule that would allow what is denied if something were different. */
export interface Near {
  ranked: Ranked;
  rule: Rule;
  /** What would have to be different. */
  unmet: Unmet[];
}

export type Unmet = "subject" | "peers" | "ports";

function classOf(report: Report, number: number): Class {
  const found = report.document.classes[number];
  if (!found) throw new RangeError(`no class ${number}`);
  return found;
}

/** What a rule's ports are at a destination. */
function portsAt(report: Report, rule: Rule, tier: Tier, destination: Class): Traffic {
  const blind = destination.host && !tier.seesHosts;
  const named = blind ? [] : destination.ports.filter(([name]) => rule.names.includes(name as number));
  const fixed = report.traffic(rule.traffic);
  return named.length ? union(fixed, ...named.map(([, traffic]) => report.traffic(traffic as number))) : fixed;
}

/** The address families that a pair is to be asked for; `null` where that makes no difference. */
export type Family = "IPv4" | "IPv6" | null;

/** A connection is of one address family: both sides have to allow it in the same one. */
export function families(report: Report, src: number, dst: number): Family[] {
  const [source, destination] = [classOf(report, src), classOf(report, dst)];
  const beyond = [source, destination].some((end) => end.outside || end.domain);
  if (!report.document.byFamily || beyond) return [null];
  const common = (["IPv4", "IPv6"] as const).filter((family) => [source, destination].every((end) => (end.family ?? family) === family));
  // Ends without a family in common: each side is asked about the other end as it is known.
  return common.length ? common : [null];
}

/** The set of classes at the other end of a rule. */
export function peersOf(rule: Rule, family: Family): number {
  const [any = 0, v4 = any, v6 = any] = rule.peers;
  return family === "IPv4" ? v4 : family === "IPv6" ? v6 : any;
}

/** What one side says about a peer that is several classes at once: a domain and one of its addresses. */
function side(report: Report, direction: Direction, subject: number, peers: number[], family: Family): Side {
  const own = classOf(report, subject);
  if (!own.subject) return { direction, exempt: !own.also, steps: [], allowed: ALL, beyond: own.also ? "hosts" : null };
  const destination = direction === "ingress" ? own : classOf(report, peers[0] ?? subject);
  const steps: Step[] = [];
  let total = ALL;
  let relative = false;
  for (const layer of report.document.layers) {
    let undecided = ALL;
    let allowed = NONE;
    for (const tier of layer.tiers) {
      // Policies do not apply to whom their tier does not see.
      if (own.host && !tier.seesHosts) continue;
      const applying = report.policies.filter(
        (ranked) =>
          ranked.tier === tier &&
          ranked.policy[direction] !== null &&
          report.holds(ranked.policy.subject, subject),
      );
      if (!applying.length && tier.participation === "selected") continue;
      const matching = applying.flatMap((ranked) =>
        rulesOf(ranked.policy, direction)
          .filter((rule) => peers.some((peer) => report.holds(peersOf(rule, family), peer)))
          .map((rule) => ({ ranked, rule, matches: portsAt(report, rule, tier, destination) })),
      );
      relative ||= applying.some((ranked) => rulesOf(ranked.policy, direction).some((rule) => rule.relative));
      const step = evaluate(tier, matching, undecided);
      steps.push({ layer: layer.name, tier, applying, ...step });
      allowed = union(allowed, step.allowed);
      undecided = step.passed;
      if (isEmpty(undecided)) break;
    }
    // What no tier has decided is allowed.
    total = intersection(total, union(allowed, undecided));
  }
  return { direction, exempt: false, steps, allowed: total, beyond: own.also ? "hosts" : relative ? "ends" : null };
}

type Matching = Omit<Said, "decides">;

function evaluate(tier: Tier, matching: Matching[], incoming: Traffic) {
  let undecided = incoming;
  let [allowed, denied, passed] = [NONE, NONE, NONE];
  const said: Said[] = [];
  /** Rules that have their say together, so that none of them comes before another. */
  const together = (rules: Matching[]) => {
    const before = undecided;
    for (const rule of rules) {
      const decides = intersection(before, rule.matches);
      said.push({ ...rule, decides });
      if (rule.rule.action === "log") continue;
      if (rule.rule.action === "allow") allowed = union(allowed, decides);
      else if (rule.rule.action === "deny") denied = union(denied, decides);
      else passed = union(passed, decides);
      undecided = difference(undecided, decides);
    }
  };
  const of = (action: Rule["action"]) => matching.filter(({ rule }) => rule.action === action);
  if (tier.mode === "first-match") matching.forEach((rule) => together([rule]));
  else if (tier.mode === "union") together(of("allow"));
  else (["deny", "allow", "pass"] as const).forEach((action) => together(of(action)));
  if (tier.noMatch === "deny") denied = union(denied, undecided);
  else if (tier.noMatch === "allow") allowed = union(allowed, undecided);
  else passed = union(passed, undecided);
  return { said, allowed, denied, passed };
}

/** What one side says about a class at the other end. */
export function explain(report: Report, direction: Direction, subject: number, peer: number, family: Family): Side {
  const said = side(report, direction, subject, [peer], family);
  if (direction === "ingress" || !classOf(report, peer).domain || said.exempt) return said;
  // A name can resolve to any address, and what passes is what passes to every one of them.
  const addresses = report.document.classes.flatMap((of, number) => (of.outside ? [number] : []));
  const allowed = addresses.map((address) => side(report, direction, subject, [peer, address], family).allowed);
  return { ...said, allowed: allowed.reduce(intersection, ALL) };
}

/** The rules that come nearest to allowing something on a side that denies it all, the nearest first. */
export function nearest(report: Report, said: Side, subject: number, peer: number, family: Family, most = 3): Near[] {
  const denying = said.steps.find((step) => !isEmpty(step.denied));
  if (!denying) return [];
  const { direction } = said;
  const destination = classOf(report, direction === "ingress" ? subject : peer);
  const near: (Near & { distance: number })[] = [];
  for (const ranked of report.policies) {
    if (ranked.tier !== denying.tier) continue;
    const selects = report.holds(ranked.policy.subject, subject);
    for (const rule of rulesOf(ranked.policy, direction)) {
      if (rule.action !== "allow") continue;
      const unmet: Unmet[] = [];
      if (!selects) unmet.push("subject");
      if (!report.holds(peersOf(rule, family), peer)) unmet.push("peers");
      if (isEmpty(portsAt(report, rule, ranked.tier, destination))) unmet.push("ports");
      // A policy for other pods that admits other peers is near to nothing.
      if (!unmet.length || unmet.length > 1 && unmet.includes("subject")) continue;
      near.push({ ranked, rule, unmet, distance: unmet.length * 2 + (selects ? 0 : 1) });
    }
  }
  near.sort((a, b) => a.distance - b.distance);
  return near.slice(0, most);
}
