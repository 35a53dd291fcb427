// Whom a finding is about: whoever its object is, selects or leads to, and the ends of its flow.
import type { Finding, Target } from "../schema";
import type { Report } from "./report";

/** The endpoints that an object is, selects or leads to. */
function ofObject(report: Report, object: string): number[] {
  const { services, routes } = report.document;
  const leads = (targets: Target[]) => targets.flatMap(({ endpoint }) => (endpoint === null ? [] : [endpoint]));
  const policies = report.policies.filter((ranked) => ranked.object === object);
  if (policies.length) return policies.flatMap(({ policy }) => report.members(policy.subject));
  const [kind = "", ...names] = object.split("/");
  const name = names.join("/");
  if (kind === "Namespace") return report.endpoints.flatMap((end, index) => (end.namespace === name ? [index] : []));
  if (kind === "Service") {
    const known = services.filter((service) => `${service.namespace}/${service.name}` === name);
    return known.flatMap((service) => service.ports.flatMap((port) => leads(port.targets)));
  }
  const ends = routes
    .filter((route) => route.kind === kind && [route.namespace, route.name].filter((part) => part !== null).join("/") === name)
    .flatMap((route) => [
      ...route.parents.flatMap((parent) => parent.pods),
      ...route.rules.flatMap((rule) => rule.backends.flatMap((backend) => leads(backend.targets))),
    ]);
  return ends.concat(report.endpoints.flatMap((_, index) => {
    const workload = report.workload(index);
    return workload && workload.kind === kind && `${workload.namespace}/${workload.name}` === name ? [index] : [];
  }));
}

function ofFinding(report: Report, { object, witness }: Finding): number[] {
  const flow = witness ? [report.index(witness.src), report.index(witness.dst)] : [];
  return [...(object === null ? [] : ofObject(report, object)), ...flow.filter((end) => end !== undefined)];
}

/** The endpoints that findings are about: those of a rule, about an object, or the one with a fingerprint. */
export function concerned(report: Report, what: string): Set<number> {
  const wanted = report.told.filter(
    ({ finding, state }) => finding.fingerprint === what || state === "new" && (finding.rule === what || finding.object === what),
  );
  return new Set(wanted.flatMap(({ finding }) => ofFinding(report, finding)));
}
