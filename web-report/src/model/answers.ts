// The documented answers, rebuilt from the document.
import type { Report } from "./report";
import { NONE, isAll } from "./traffic";

/** What `npv reach --format json` prints. */
export function reach(report: Report): unknown {
  const { schemaVersion, cni, endpoints, diagnostics } = report.document;
  // What only a lint rule could not decide leaves this answer whole.
  const complete = !diagnostics.some((finding) => finding.incomplete);
  const conditions = new Map<number, Map<number, unknown>>();
  for (const { src, dst, condition } of report.conditions()) {
    const row = conditions.get(src) ?? new Map<number, unknown>();
    conditions.set(src, row.set(dst, condition.written));
  }
  const connections: unknown[] = [];
  for (let src = 0; src < endpoints.length; src++) {
    const rest = new Map([...report.from(src)].map(({ end, traffic }) => [end, report.traffic(traffic)]));
    const shaded = conditions.get(src) ?? new Map();
    for (const dst of [...new Set([...rest.keys(), ...shaded.keys()])].sort((a, b) => a - b)) {
      const traffic = rest.get(dst) ?? NONE;
      connections.push({ src: report.endpoint(src).id, dst: report.endpoint(dst).id, all: isAll(traffic), traffic, ...shaded.get(dst) });
    }
  }
  return { schemaVersion, complete, cni, endpoints, connections, diagnostics };
}

// Letters that a shell leaves alone.
const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** A word of a command line. */
export function quoted(word: string): string {
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The name by which a command knows an endpoint: short where that is unambiguous. */
export function nameOf(report: Report, index: number): string {
  const { id, namespace, name, kind } = report.endpoint(index);
  if (namespace === undefined || name === undefined || id !== `${namespace}/${name}[${kind}]`) return id;
  const alike = report.document.workloads.filter((other) => other.namespace === namespace && other.name === name);
  return alike.length > 1 ? `${namespace}/${kind}/${name}` : `${namespace}/${name}`;
}

/** The command that shows why on the manifests themselves. */
export function traceCommand(report: Report, src: number, dst: number): string {
  const { inputs, flags } = report.document;
  const words = ["trace", nameOf(report, src), nameOf(report, dst), ...inputs, ...flags];
  return ["npv", ...words.map(quoted)].join(" ");
}
