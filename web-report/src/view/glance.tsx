// At a glance: how much there is, how much of it is closed, what is open, and what is wrong.
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { OUTCOMES, outcome, over, tally, type Outcome } from "../model/assertions";
import { troubles, waysIn } from "../model/damage";
import { union, text, type Traffic } from "../model/traffic";
import { OutcomeMark } from "./assertions";
import { WHICH, type Changes } from "../model/changes";
import { FlowTable } from "./changes";
import { useReport } from "./context";
import { At, Called, EndpointLink, Name, Prose, SeverityMark, Table, TrafficText, WhyLink, plural } from "./parts";
import { href } from "./router";
import type { Report } from "../model/report";

export function Glance() {
  const report = useReport();
  const { summary, coverage, complete, findings, inputs } = report.document;
  const wrong = findings.length;
  const worst = summary.errors ? "error" : summary.warnings ? "warning" : wrong ? "note" : "clean";
  const exposed = useMemo(() => openToTheInternet(report), [report]);
  const spaces = useMemo(() => byNamespace(report, exposed), [report, exposed]);
  return (
    <>
      <h1>At a glance</h1>
      {report.changes && !complete ? <Incomplete /> : null}
      {report.changes ? <Difference changes={report.changes} /> : null}
      <p class="lead">
        Who can reach whom in <Name>{inputs.join(", ")}</Name>: {plural(summary.pods, "pod")} of{" "}
        {plural(summary.workloads, "workload")} in {plural(summary.namespaces, "namespace")}, under{" "}
        {plural(summary.policies, "policy", "policies")}, as <Plugin />.
      </p>
      {report.changes || complete ? null : <Incomplete />}
      <div class="tiles">
        <Tile title="Findings" link={href("findings")} tone={worst}>
          <strong>{wrong.toLocaleString("en")}</strong>
          <p class="marks">
            {([["error", summary.errors], ["warning", summary.warnings], ["note", summary.notes]] as const)
              .filter(([, count]) => count)
              .map(([severity, count]) => (
                <a key={severity} href={href("findings", null, { severity })}>
                  <span class={`mark ${severity}`}>{plural(count, severity)}</span>
                </a>
              ))}
            {wrong ? null : "nothing is wrong"}
            {summary.suppressed ? <a href={href("findings", null, { state: "suppressed" })}><span class="mark">{summary.suppressed} suppressed</span></a> : null}
            {summary.baseline ? <a href={href("findings", null, { state: "baseline" })}><span class="mark">{summary.baseline} in the baseline</span></a> : null}
          </p>
        </Tile>
        <Asserted />
        <Tile title="Isolated pods" link={href("workloads")}>
          <Share name="ingress" part={coverage.ingress} whole={summary.pods} />
          <Share name="egress" part={coverage.egress} whole={summary.pods} />
        </Tile>
        <Tile title="Open to the internet" link={href("workloads")} tone={exposed.length ? "warning" : "clean"}>
          <strong>{exposed.length.toLocaleString("en")}</strong>
          <p>of {plural(report.document.endpoints.filter((end) => end.pods).length, "endpoint")} with pods</p>
        </Tile>
        <Tile title="Connections" link={href("matrix")}>
          <strong>{coverage.connections.toLocaleString("en")}</strong>
          <p>allowed among {plural(report.document.endpoints.length, "endpoint")}</p>
        </Tile>
      </div>
      <Contradicted />
      {wrong ? <Troubles /> : null}
      <section>
        <h2>Open to the internet</h2>
        <p class="faint">As far as policies say: whether there is a way in from outside is up to Services, routes and the network.</p>
        <Table
          name="open-to-the-internet" caption="Endpoints that addresses of the internet may connect to" rows={exposed}
          empty="No address of the internet may connect to a pod."
          columns={[
            { name: "Endpoint", value: (row) => report.endpoint(row.end).id, cell: (row) => <EndpointLink index={row.end} /> },
            { name: "Over", value: (row) => text(row.traffic), cell: (row) => <TrafficText traffic={row.traffic} /> },
            { name: "From", value: (row) => row.from.map((from) => report.called(from)[0]).join(" "), cell: (row) => (
              <>{row.from.slice(0, 3).map((from, place) => <>{place ? ", " : ""}<WhyLink src={from} dst={row.end}><Called index={from} /></WhyLink></>)}
                {row.from.length > 3 ? <span class="faint"> and {row.from.length - 3} more</span> : null}</>
            ) },
            { name: "Way in", value: (row) => row.ways.join(" "), cell: (row) => row.ways.length
              ? <>{row.ways.slice(0, 3).map((way, place) => <>{place ? ", " : ""}<Name>{way}</Name></>)}{row.ways.length > 3 ? <span class="faint"> and {row.ways.length - 3} more</span> : null}</>
              : <span class="faint">none in the manifests</span> },
          ]}
        />
      </section>
      <section>
        <h2>Namespaces</h2>
        <Table
          name="namespaces" caption="How much of each namespace is closed" rows={spaces}
          columns={[
            { name: "Namespace", value: (row) => row.name, cell: (row) => <a href={href("map", null, { namespace: row.name })}><Name>{row.name}</Name></a> },
            { name: "Endpoints", number: true, value: (row) => row.ends, cell: (row) => row.ends },
            { name: "Pods", number: true, value: (row) => row.pods, cell: (row) => row.pods },
            { name: "Policies", number: true, value: (row) => row.policies, cell: (row) => row.policies },
            { name: "Isolated for ingress", number: true, value: (row) => percent(row.ingress, row.pods), cell: (row) => `${percent(row.ingress, row.pods)} %` },
            { name: "Isolated for egress", number: true, value: (row) => percent(row.egress, row.pods), cell: (row) => `${percent(row.egress, row.pods)} %` },
            { name: "Open to the internet", number: true, value: (row) => row.exposed, cell: (row) => row.exposed },
          ]}
        />
      </section>
    </>
  );
}

/** The network plugin whose rules the answers follow, and how it is known. */
function Plugin() {
  const { cni } = useReport().document;
  const how = cni.named ? "as asked for" : cni.seen.length ? "which the manifests show" : "taken for granted: name another with --cni";
  return <><Name>{cni.name}</Name> enforces {cni.enforces ? "them" : "none of them"} <span class="faint">({how})</span></>;
}

function percent(part: number, whole: number): number {
  return whole ? Math.floor((part / whole) * 100) : 0;
}

function Tile({ title, link, tone, children }: { title: string; link: string; tone?: string; children: ComponentChildren }) {
  return (
    <section class={`tile ${tone ?? ""}`}>
      <h2><a href={link}>{title}</a></h2>
      {children}
    </section>
  );
}

function Share({ name, part, whole }: { name: string; part: number; whole: number }) {
  return (
    <p class="share">
      <label>
        <span>{name}</span>
        <meter min={0} max={whole || 1} value={part}>{percent(part, whole)} %</meter>
        <span class="of">{percent(part, whole)} %</span>
      </label>
    </p>
  );
}

/** How many assertions end in which way. */
function Asserted() {
  const { assertions } = useReport().document;
  const counts = useMemo(() => tally(assertions), [assertions]);
  const tone = counts.fails ? "error" : counts.undecided || counts.vacuous ? "warning" : assertions.length ? "clean" : "";
  const words: Record<Outcome, [string, string]> = {
    fails: ["fails", "fail"], undecided: ["undecided", "undecided"], vacuous: ["holds vacuously", "hold vacuously"], holds: ["holds", "hold"],
  };
  return (
    <Tile title="Assertions" link={href("assertions")} tone={tone}>
      <strong>{assertions.length.toLocaleString("en")}</strong>
      <p class="marks">
        {OUTCOMES.filter((outcome) => counts[outcome]).map((outcome) => (
          <a key={outcome} href={href("assertions", null, { outcome })}>
            <OutcomeMark of={outcome}>{`${counts[outcome]} ${words[outcome][counts[outcome] === 1 ? 0 : 1]}`}</OutcomeMark>
          </a>
        ))}
        {assertions.length ? null : "the configuration asserts nothing"}
      </p>
    </Tile>
  );
}

/** The assertions that do not hold, or that nobody knows of. */
function Contradicted() {
  const { assertions } = useReport().document;
  const open = assertions.filter(({ holds }) => holds !== true);
  if (!open.length) return null;
  return (
    <section>
      <h2>What does not hold</h2>
      <ul class="brief">
        {open.slice(0, 6).map((assertion) => {
          const found = assertion.counterexample;
          return (
            <li key={assertion.name}>
              <OutcomeMark of={outcome(assertion)} />
              <a href={href("assertions", assertion.name)}>
                <Name>{assertion.name}</Name>
                {found ? <span class="faint">: <Name>{found.src.id}</Name> → <Name>{found.dst.id}</Name> on {over(found)} is {found.verdict === "deny" ? "denied" : "allowed"}</span> : null}
              </a>
            </li>
          );
        })}
      </ul>
      {open.length > 6 ? <p><a href={href("assertions")}>All {assertions.length} assertions</a></p> : null}
    </section>
  );
}

/** So many rows of what opens, and of what closes, are shown here. */
const BRIEF = 8;

/** What opened, what closed, who came and went, and what is wrong now. */
function Difference({ changes }: { changes: Changes }) {
  const { answer, count } = changes.diff;
  const { endpointsAdded, endpointsRemoved, findingsIntroduced, findingsResolved } = answer;
  const dangerous = changes.rows.filter(({ bundle }) => bundle.danger && bundle.between === "existing");
  const flows = dangerous.reduce((sum, row) => sum + changes.count(row), 0);
  return (
    <>
      <p class="lead">
        What <Name>{answer.head.name}</Name> opens and closes, compared with <Name>{answer.base.name}</Name>
      </p>
      {answer.base.complete ? null : (
        <p class="note">
          <Name>{answer.base.name}</Name> is incomplete: something of it could not be read or is not modelled, so more or
          less may be opened and closed than is shown.
        </p>
      )}
      <div class="tiles">
        <Tile title="Opened" link={href("changes", null, { which: "opened" })} tone={count.opened ? (dangerous.length ? "warning" : "") : "clean"}>
          <strong>{count.opened ? `+${count.opened.toLocaleString("en")}` : 0}</strong>
          <p>{count.opened === 1 ? "flow" : "flows"}{flows ? `, ${flows.toLocaleString("en")} of them worth a second look` : ""}</p>
        </Tile>
        <Tile title="Closed" link={href("changes", null, { which: "closed" })}>
          <strong>{count.closed ? `−${count.closed.toLocaleString("en")}` : 0}</strong>
          <p>{count.closed === 1 ? "flow" : "flows"}</p>
        </Tile>
        <Tile title="Workloads" link={href("changes")}>
          <strong>{signed(endpointsAdded.length, endpointsRemoved.length)}</strong>
          <p>{endpointsAdded.length} new, {endpointsRemoved.length} gone</p>
        </Tile>
        <Tile title="Findings" link={href("findings", null, { since: "base" })} tone={findingsIntroduced.length ? "warning" : "clean"}>
          <strong>{signed(findingsIntroduced.length, findingsResolved.length)}</strong>
          <p>{findingsIntroduced.length} introduced, {findingsResolved.length} resolved</p>
        </Tile>
      </div>
      {WHICH.map((which) => {
        const rows = changes.rows.filter((row) => row.which === which);
        if (!rows.length) return null;
        return (
          <section key={which}>
            <h2>What {which}</h2>
            <FlowTable
              name={`glance-${which}`} rows={rows.slice(0, BRIEF)}
              caption={rows.length > BRIEF ? `The first ${BRIEF} of ${rows.length} rows` : plural(count[which], "flow")}
            />
            {rows.length > BRIEF ? <p><a href={href("changes", null, { which })}>Everything that {which}</a></p> : null}
          </section>
        );
      })}
      <h2 class="whole">All of <Name>{answer.head.name}</Name></h2>
    </>
  );
}

function signed(come: number, gone: number): string {
  return [come ? `+${come}` : "", gone ? `−${gone}` : ""].filter(Boolean).join(" ") || "0";
}

function Incomplete() {
  const { findings } = useReport().document;
  const why = [...findings.entries()].filter(([, finding]) => finding.incomplete);
  return (
    <section class="incomplete-notice" aria-label="incomplete">
      <h2>This report is incomplete</h2>
      <p>Something could not be read or is not modelled, so more or less may be allowed than is shown.</p>
      <ul>
        {why.slice(0, 8).map(([index, finding]) => (
          <li key={index}><a href={href("findings", finding.fingerprint)}><Prose>{finding.message}</Prose></a> <At place={finding.locations[0] ?? null} /></li>
        ))}
        {why.length > 8 ? <li>and {why.length - 8} more</li> : null}
      </ul>
    </section>
  );
}

/** So many causes are on the first screen. */
const MOST_TROUBLES = 6;

/** What is wrong, the most damage first. */
function Troubles() {
  const report = useReport();
  const all = useMemo(() => troubles(report), [report]);
  const { findings, map } = report.document;
  return (
    <section>
      <h2>What is wrong</h2>
      <ul class="brief">
        {all.slice(0, MOST_TROUBLES).map(({ finding, index, damage, consequences }) => (
          <li key={index}>
            <SeverityMark severity={finding.severity} />
            <div>
              {damage ? <span class={`damage ${damage}`}>{damage}</span> : null}
              <a href={href("findings", finding.fingerprint)}><Prose>{finding.message}</Prose></a>
              {consequences.length ? (
                <ul class="consequences">
                  {consequences.slice(0, 3).map((one) => <li key={one.index}>so <a href={href("findings", one.finding.fingerprint)}><Prose>{one.finding.message}</Prose></a></li>)}
                  {consequences.length > 3 ? <li class="faint">and {consequences.length - 3} more</li> : null}
                </ul>
              ) : null}
            </div>
            {map.about[index]?.length ? <a class="button small" href={href("map", null, { finding: finding.fingerprint })}>on the map</a> : null}
          </li>
        ))}
      </ul>
      {all.length > MOST_TROUBLES ? <p><a href={href("findings")}>All {findings.length} findings</a></p> : null}
    </section>
  );
}

interface Exposed {
  end: number;
  /** The ways in that the manifests show. */
  ways: string[];
  from: number[];
  traffic: Traffic;
}

/** The endpoints that addresses of the internet may connect to. */
export function openToTheInternet(report: Report): Exposed[] {
  const outside = report.endpoints.flatMap((_, index) => (report.end(index).internet ? [index] : []));
  const exposed = report.document.coverage.exposed.map((end) => {
    const from = outside.filter((source) => report.at(source, end));
    return { end, from, ways: waysIn(report, end), traffic: union(...from.map((source) => report.traffic(report.at(source, end)))) };
  });
  // Who can really be reached from there comes first.
  return exposed.sort((a, b) => Number(!a.ways.length) - Number(!b.ways.length));
}

function byNamespace(report: Report, exposed: Exposed[]) {
  const spaces = new Map(
    report.document.namespaces.map(({ name }) => [name, { name, ends: 0, pods: 0, policies: 0, ingress: 0, egress: 0, exposed: 0 }]),
  );
  report.document.endpoints.forEach((endpoint, index) => {
    const space = spaces.get(endpoint.namespace ?? "");
    if (!space) return;
    const [ingress, egress] = report.end(index).isolated;
    const pods = endpoint.pods ?? 0;
    space.ends += 1;
    space.pods += pods;
    space.ingress += ingress ? pods : 0;
    space.egress += egress ? pods : 0;
  });
  for (const { policy } of report.policies) {
    const space = spaces.get(policy.namespace ?? "");
    if (space) space.policies += 1;
  }
  for (const { end } of exposed) {
    const space = spaces.get(report.endpoint(end).namespace ?? "");
    if (space) space.exposed += 1;
  }
  return [...spaces.values()];
}
