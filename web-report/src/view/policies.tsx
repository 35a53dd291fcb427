// What each policy selects and allows, and which of its rules do nothing.
import { useMemo } from "preact/hooks";
import { csv } from "../model/csv";
import { peersOf } from "../model/explain";
import { rulesOf, type Direction, type Ranked, type Report, type Told } from "../model/report";
import { isEmpty } from "../model/traffic";
import { visible } from "../model/visible";
import type { Place, Rule } from "../schema";
import { useReport } from "./context";
import { download } from "./download";
import { FindingOf } from "./findings";
import { At, EndpointLink, Name, Prose, Snippet, Table, plural } from "./parts";
import { go, here, href, useRoute } from "./router";

export function Policies() {
  const report = useReport();
  const { about } = useRoute();
  const one = about === null ? undefined : report.policies.find((ranked) => ranked.object === about);
  return one ? <Policy ranked={one} /> : <All />;
}

interface Row {
  ranked: Ranked;
  selects: number;
  ingress: string;
  egress: string;
  dead: number;
}

function All() {
  const report = useReport();
  const { parameters } = useRoute();
  const words = (parameters.get("find") ?? "").toLowerCase();
  const rows = useMemo<Row[]>(
    () =>
      report.policies.map((ranked) => ({
        ranked,
        selects: report.members(ranked.policy.subject).length,
        ingress: says(ranked, "ingress"),
        egress: says(ranked, "egress"),
        dead: deadRules(report, ranked).size,
      })),
    [report],
  );
  const shown = rows.filter(({ ranked }) => ranked.object.toLowerCase().includes(words));
  return (
    <>
      <h1>Policies</h1>
      <div class="toolbar" role="search">
        <label>
          Find{" "}
          <input type="search" value={parameters.get("find") ?? ""}
            onInput={(event) => go(here({ find: event.currentTarget.value || null }), "replace")} />
        </label>
        <span class="count" role="status">{plural(shown.length, "policy", "policies")}</span>
        <button type="button" class="quiet save" onClick={() => savePolicies(report)}>all rules as CSV</button>
      </div>
      <Table
        name="policies" caption="Policies in the order in which they are evaluated" rows={shown} keyOf={(row) => row.ranked.index}
        empty="No policy is like that."
        columns={[
          { name: "Policy", value: ({ ranked }) => ranked.object, cell: ({ ranked }) => <a href={href("policies", ranked.object)}><Name>{ranked.object}</Name></a> },
          { name: "Tier", value: ({ ranked }) => ranked.tier.name, cell: ({ ranked }) => ranked.tier.name },
          { name: "Selects", value: ({ ranked }) => ranked.policy.selects, cell: ({ ranked }) => <Prose>{ranked.policy.selects}</Prose> },
          { name: "Endpoints", number: true, value: (row) => row.selects, cell: (row) => (row.selects ? row.selects : <span class="mark warning">0</span>) },
          { name: "Ingress", value: (row) => row.ingress, cell: (row) => row.ingress },
          { name: "Egress", value: (row) => row.egress, cell: (row) => row.egress },
          { name: "Dead rules", number: true, value: (row) => row.dead, cell: (row) => (row.dead ? <span class="mark warning">{row.dead}</span> : 0) },
          { name: "Findings", number: true, value: ({ ranked }) => ranked.findings.length, cell: ({ ranked }) => ranked.findings.length },
        ]}
      />
    </>
  );
}

function says({ policy, tier }: Ranked, direction: Direction): string {
  const rules = policy[direction];
  if (rules === null) return "–";
  if (rules.length) return plural(rules.length, "rule");
  return tier.participation === "selected" ? "denies all" : "no rules";
}

/** Lint rules that say that a rule of a policy decides nothing. */
const DEAD = ["shadowed-rule", "redundant-rule", "unreachable-pass"];

/** Rules that do nothing, and why: they match nobody or no port that anybody has, or others decide all that they would. */
function deadRules(report: Report, { policy, findings }: Ranked): Map<Rule, Told | null> {
  const selectsNobody = !report.members(policy.subject).length;
  const told = findings.map((index) => report.tell(index)).filter(({ finding }) => DEAD.includes(finding.rule));
  const dead = new Map<Rule, Told | null>();
  for (const rule of [...rulesOf(policy, "ingress"), ...rulesOf(policy, "egress")]) {
    const says = told.find(({ finding }) => rule.at !== null && within(finding.locations[0], rule.at));
    const nothing = selectsNobody || !(report.document.sets[peersOf(rule, null)] ?? []).length || portless(report, rule);
    if (nothing || says) dead.set(rule, says ?? null);
  }
  return dead;
}

function within(place: Place | undefined, all: Place): boolean {
  return place !== undefined && place.file === all.file && place.line >= all.line && place.line <= all.endLine;
}

function portless(report: Report, rule: Rule): boolean {
  return isEmpty(report.traffic(rule.traffic)) && !rule.names.length;
}

function Policy({ ranked }: { ranked: Ranked }) {
  const report = useReport();
  const { policy, tier, layer } = ranked;
  const subjects = useMemo(() => report.members(policy.subject), [report, policy]);
  const dead = useMemo(() => deadRules(report, ranked), [report, ranked]);
  const excerpt = policy.excerpt === null ? undefined : report.document.excerpts[policy.excerpt];
  return (
    <>
      <p class="crumbs"><a href={href("policies")}>Policies</a></p>
      <h1><Name>{ranked.object}</Name></h1>
      <p><At place={policy.at} /> <span class="faint">{layer.name}, tier {tier.name}{tier.mode === "first-match" && policy.priority !== null ? `, priority ${policy.priority}` : ""}</span></p>
      <section>
        <h2>Selects</h2>
        <p><Prose>{policy.selects}</Prose></p>
        {excerpt ? <Snippet excerpt={excerpt} /> : null}
        <Ends of={subjects} name="selected" caption="The endpoints that it selects" empty="It selects nobody: the policy has no effect." />
      </section>
      {(["ingress", "egress"] as const).map((direction) => (
        <section key={direction}>
          <h2>{direction === "ingress" ? "Ingress" : "Egress"}</h2>
          {policy[direction] === null ? (
            <p class="faint">
              {policy.inert.includes(direction)
                ? "Rules are written and have no effect: policyTypes leaves this direction out."
                : "The policy says nothing of this direction."}
            </p>
          ) : rulesOf(policy, direction).length ? (
            rulesOf(policy, direction).map((rule, index) => <RuleOf key={index} rule={rule} direction={direction} dead={dead.get(rule)} />)
          ) : (
            <p>{tier.participation === "selected" ? "No rule: of what it selects, nothing is allowed by this policy." : "No rule."}</p>
          )}
        </section>
      ))}
      {ranked.findings.length ? (
        <section>
          <h2>Findings</h2>
          {ranked.findings.map((index) => <FindingOf key={index} told={report.tell(index)} />)}
        </section>
      ) : null}
    </>
  );
}

function RuleOf({ rule, direction, dead }: { rule: Rule; direction: Direction; dead: Told | null | undefined }) {
  const report = useReport();
  const excerpt = rule.excerpt === null ? undefined : report.document.excerpts[rule.excerpt];
  const peers = useMemo(() => report.members(peersOf(rule, null)), [report, rule]);
  const everybody = !rule.from.length;
  return (
    <div class={`rule ${rule.action}`}>
      <p>
        <span class={`mark ${rule.action === "allow" ? "allowed" : rule.action === "deny" ? "denied" : "passed"}`}>{rule.action}</span>{" "}
        {direction === "ingress" ? "from" : "to"} {everybody ? "everybody" : <Prose>{rule.from.join(", or ")}</Prose>}
        {" "}over {rule.over.length ? <code><Name>{rule.over.join(", ")}</Name></code> : "everything"}
        {dead === null ? <> <span class="mark warning">dead: matches nothing</span></> : null}
        {dead ? <> <a href={href("findings", dead.finding.fingerprint)}><span class="mark warning">dead: {dead.finding.rule}</span></a></> : null}
      </p>
      {rule.unsupported ? <p class="note">Not modelled: <Prose>{rule.unsupported}</Prose></p> : null}
      <p class="by"><code><Name>{rule.name}</Name></code> <At place={rule.at} /></p>
      {excerpt ? <Snippet excerpt={excerpt} /> : null}
      {everybody ? null : (
        <details>
          <summary>{plural(peers.length, "endpoint")} at the other end</summary>
          <Ends of={peers} name="peers" caption={`The endpoints that the peers of ${visible(rule.name)} match`} empty="Its peers match nobody." />
        </details>
      )}
    </div>
  );
}

export function Ends({ of, name, caption, empty }: { of: number[]; name: string; caption: string; empty: string }) {
  const report = useReport();
  return (
    <Table
      name={name} caption={caption} rows={of} empty={empty} keyOf={(index) => index}
      columns={[
        { name: "Endpoint", value: (index) => report.endpoint(index).id, cell: (index) => <EndpointLink index={index} /> },
        { name: "Pods", number: true, value: (index) => report.endpoint(index).pods ?? 0, cell: (index) => report.endpoint(index).pods ?? "–" },
      ]}
    />
  );
}

/** All rules of all policies as CSV. */
export function savePolicies(report: Report): void {
  const rows = report.policies.flatMap((ranked) =>
    (["ingress", "egress"] as const).flatMap((direction) =>
      rulesOf(ranked.policy, direction).map((rule) => [
        ranked.object, direction, rule.name, rule.action, rule.from.join(" or ") || "everybody", rule.over.join(", ") || "all",
        rule.at?.file, rule.at?.line,
      ]),
    ),
  );
  download("rules.csv", "text/csv", csv(["policy", "direction", "rule", "action", "peers", "ports", "file", "line"], rows));
}
