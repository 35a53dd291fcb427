// What is wrong, the most damage first: what follows from something else is folded into it.
import type { Finding } from "../schema";
import type { Report } from "./report";

/** A finding, and what follows from it. */
export interface Trouble {
  finding: Finding;
  index: number;
  consequences: { finding: Finding; index: number }[];
  /** What it does: something meant does not pass, something passes that should not, or neither is known. */
  damage: "broken" | "open" | null;
}

/** Rules that say what others lead to. */
const FOLLOWS = new Set(["unreachable-service"]);
const SEVERITIES = ["error", "warning", "note"];
const DAMAGES = ["broken", "open", null];

/** The findings that count, by the damage that they do. */
export function troubles(report: Report): Trouble[] {
  const { findings, map } = report.document;
  const damages = new Map<number, "broken" | "open">();
  for (const { finding, line } of map.wrong) {
    if (finding !== undefined && damages.get(finding) !== "broken") damages.set(finding, line === "blocked" ? "broken" : "open");
  }
  const all: Trouble[] = findings.map((finding, index) => ({
    finding, index, consequences: [], damage: damages.get(index) ?? (FOLLOWS.has(finding.rule) ? "broken" : null),
  }));
  const rank = ({ finding, damage, index }: Trouble) => [SEVERITIES.indexOf(finding.severity), DAMAGES.indexOf(damage), index];
  const sorted = all.sort((a, b) => {
    const [ours, theirs] = [rank(a), rank(b)];
    return ours.reduce((order, own, place) => order || own - (theirs[place] ?? 0), 0);
  });
  const causes = sorted.filter(({ finding }) => !FOLLOWS.has(finding.rule) && finding.severity !== "note");
  return sorted.filter((trouble) => {
    if (!FOLLOWS.has(trouble.finding.rule)) return true;
    const about = new Set(map.about[trouble.index]);
    const cause = causes.find(({ index }) => map.about[index]?.some((end) => about.has(end)));
    cause?.consequences.push({ finding: trouble.finding, index: trouble.index });
    return !cause;
  });
}

/** The ways from outside to an endpoint that the manifests show. */
export function waysIn(report: Report, end: number): string[] {
  const { services, routes } = report.document;
  const ways: string[] = [];
  for (const { namespace, name, type, ports } of services) {
    if (type !== "NodePort" && type !== "LoadBalancer") continue;
    if (ports.some(({ targets }) => targets.some(({ endpoint }) => endpoint === end))) ways.push(`${type} ${namespace}/${name}`);
  }
  for (const { kind, namespace, name, rules } of routes) {
    const leads = rules.some(({ backends }) => backends.some(({ targets }) => targets.some(({ endpoint }) => endpoint === end)));
    if (leads) ways.push([kind, [namespace, name].filter(Boolean).join("/")].join(" "));
  }
  const workload = report.workload(end);
  if (workload?.groups.some(({ hostNetwork }) => hostNetwork)) ways.push("the node's own address");
  return ways;
}
