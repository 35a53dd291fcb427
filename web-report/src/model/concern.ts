// Whom findings are about.
import type { Report } from "./report";

/** The endpoints that findings are about: those of a rule, about an object, or the one with a fingerprint. */
export function concerned(report: Report, what: string): Set<number> {
  const wanted = report.told.filter(
    ({ finding, state }) => finding.fingerprint === what || state === "new" && (finding.rule === what || finding.object === what),
  );
  return new Set(wanted.flatMap(({ index }) => report.document.map.about[index] ?? []));
}
