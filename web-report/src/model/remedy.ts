// What to write so that a denied pair may talk: a change to one policy of each side that denies it.
import type { Side } from "./explain";
import type { Ranked, Report } from "./report";
import { isEmpty, type Protocol } from "./traffic";

/** Lines to add to a policy. */
export interface Remedy {
  ranked: Ranked;
  /** The lines, each with what is done with it: it is added, or it is there already. */
  lines: { add: boolean; text: string }[];
}

/** Labels that name what a pod is, the most usual first. */
const NAMING = ["app.kubernetes.io/name", "app", "k8s-app", "name", "component", "role"];
const NAMESPACE = "kubernetes.io/metadata.name";

/** What would let a side allow its connections to or from the other end; `null` where no NetworkPolicy's rule is missing. */
export function remedy(report: Report, side: Side, subject: number, other: number): Remedy | null {
  const denying = side.steps.find((step) => !isEmpty(step.denied));
  const ranked = denying?.tier.noMatch === "deny" ? denying.applying.find(({ policy }) => policy.kind === "NetworkPolicy") : undefined;
  const peer = peerOf(report, subject, other);
  if (!ranked || !peer) return null;
  const ingress = side.direction === "ingress";
  const ports = portsOf(report, ingress ? subject : other);
  const lines = [
    `- ${ingress ? "from" : "to"}:`,
    ...peer.map((line, index) => `    ${index ? " " : "-"} ${line}`),
    ...(ports.length ? ["  ports:", ...ports.map(({ port, protocol }) => `    - {port: ${port}, protocol: ${protocol}}`)] : []),
  ];
  return { ranked, lines: [{ add: false, text: "spec:" }, { add: false, text: `  ${side.direction}:` }, ...lines.map((text) => ({ add: true, text: `    ${text}` }))] };
}

function peerOf(report: Report, subject: number, other: number): string[] | null {
  const { ranges, namespace } = report.endpoint(other);
  if (ranges) {
    const [[first, last] = []] = ranges;
    if (first === undefined || ranges.length > 1) return null;
    return first === last ? [`ipBlock: {cidr: ${first}/${first.includes(":") ? 128 : 32}}`] : null;
  }
  const labels = report.workload(other)?.groups[0]?.labels ?? {};
  const key = NAMING.find((name) => labels[name] !== undefined) ?? Object.keys(labels)[0];
  if (key === undefined || namespace === undefined) return null;
  const pods = `podSelector: {matchLabels: {${key}: ${JSON.stringify(labels[key])}}}`;
  if (namespace === report.endpoint(subject).namespace) return [pods];
  return [`namespaceSelector: {matchLabels: {${NAMESPACE}: ${JSON.stringify(namespace)}}}`, pods];
}

/** The ports that the pods of the destination declare. */
function portsOf(report: Report, destination: number): { port: number; protocol: Protocol }[] {
  const ports = report.workload(destination)?.groups.flatMap((group) => group.ports) ?? [];
  const known = new Map(ports.map(({ port, protocol }) => [`${port} ${protocol}`, { port, protocol: protocol as Protocol }]));
  return [...known.values()];
}
