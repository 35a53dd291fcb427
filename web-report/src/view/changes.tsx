// What opens and closes compared with the base, the most dangerous first, and why.
import { useMemo, useState } from "preact/hooks";
import { placeOf, unexplained, type Changes, type Row } from "../model/changes";
import { csv } from "../model/csv";
import { text } from "../model/traffic";
import { visible } from "../model/visible";
import type { Endpoint, Excerpt, Finding, Place, PolicyChange, Reason } from "../schema";
import { useReport } from "./context";
import { download } from "./download";
import { At, EndpointLink, Name, Prose, SeverityMark, Snippet, Table, TrafficText, WhyLink, plural, type Column } from "./parts";
import { go, here, href, useRoute } from "./router";

/** So many ends, and so many reasons, are named in a row before the rest is folded. */
const NAMED = 4;

/** The comparison; views that ask for it are there only where there is one. */
export function useChanges(): Changes {
  const { changes } = useReport();
  if (!changes) throw new Error("nothing is compared");
  return changes;
}

export function ChangesView() {
  const report = useReport();
  const { changes } = report;
  if (!changes) return <p class="empty">This report compares nothing.</p>;
  const { answer } = changes.diff;
  return (
    <>
      <h1>Changes</h1>
      <p class="lead"><Name>{answer.head.name}</Name> compared with <Name>{answer.base.name}</Name></p>
      <Flows changes={changes} />
      <Ends />
      <Policies />
      <Findings name="findings-introduced" title="Findings introduced" rows={answer.findingsIntroduced} known />
      <Findings name="findings-resolved" title="Findings resolved" rows={answer.findingsResolved} />
    </>
  );
}

function Flows({ changes }: { changes: Changes }) {
  const { parameters } = useRoute();
  const which = parameters.get("which");
  const between = parameters.get("between");
  const words = (parameters.get("find") ?? "").toLowerCase();
  const rows = useMemo(
    () =>
      changes.rows
        .filter((row) => !which || row.which === which)
        .filter((row) => !between || (row.bundle.between === "existing") === (between === "existing"))
        .filter((row) => !words || haystack(changes, row).includes(words)),
    [changes, which, between, words],
  );
  const flows = (rows: Row[]) => rows.reduce((sum, row) => sum + changes.count(row), 0);
  const set = (name: string) => (event: { currentTarget: { value: string } }) =>
    go(here({ [name]: event.currentTarget.value || null }), "replace");
  const save = () => download("changes.csv", "text/csv", csv(HEADER, everyFlow(changes, rows)));
  return (
    <>
      <div class="toolbar" role="search">
        <label>Find <input type="search" value={parameters.get("find") ?? ""} onInput={set("find")} placeholder="name, policy or file" /></label>
        <label>
          Flows{" "}
          <select value={which ?? ""} onChange={set("which")}>
            <option value="">all</option>
            <option value="opened">opened</option>
            <option value="closed">closed</option>
          </select>
        </label>
        <label>
          Between{" "}
          <select value={between ?? ""} onChange={set("between")}>
            <option value="">all</option>
            <option value="existing">who is on both sides</option>
            <option value="other">who is new or gone</option>
          </select>
        </label>
        <span class="count" role="status">{plural(flows(rows), "flow")}</span>
        <button type="button" class="quiet save" onClick={save}>every flow as CSV</button>
      </div>
      {(["opened", "closed"] as const).filter((name) => !which || name === which).map((name) => {
        const own = rows.filter((row) => row.which === name);
        const filtered = between !== null || words !== "";
        return (
          <section key={name}>
            <h2>{name === "opened" ? "Opened" : "Closed"}</h2>
            <FlowTable name={name} rows={own} caption={plural(flows(own), "flow")} empty={filtered ? "No flow is like that." : `No flow is ${name}.`} />
          </section>
        );
      })}
    </>
  );
}

interface FlowTableProps {
  name: string;
  rows: Row[];
  caption: string;
  empty?: string;
}

/** Flows in as few rows as say it. */
export function FlowTable({ name, rows, caption, empty }: FlowTableProps) {
  const changes = useChanges();
  const dangers: Column<Row>[] = rows.some(({ bundle }) => bundle.danger)
    ? [{ name: "Danger", value: ({ bundle }) => bundle.danger, cell: ({ bundle }) => (bundle.danger ? <span class="mark warning">{bundle.danger}</span> : "") }]
    : [];
  return (
    <Table
      name={name} caption={caption} rows={rows} empty={empty ?? "There are none."} cards
      columns={[
        ...dangers,
        { name: "From", value: ({ bundle }) => bundle.from.join("; "), cell: (row) => <Whom ends={row.src} words={row.bundle.from} /> },
        { name: "To", value: ({ bundle }) => bundle.to.join("; "), cell: (row) => <Whom ends={row.dst} words={row.bundle.to} /> },
        { name: "Over", value: ({ bundle }) => text(bundle.traffic), cell: ({ bundle }) => <TrafficText traffic={bundle.traffic} /> },
        { name: "Why", value: (row) => said(changes, row), cell: (row) => <Whys row={row} /> },
      ]}
    />
  );
}

/** Some ends in few words, and all of them where somebody asks. */
function Whom({ ends, words }: { ends: number[]; words: string[] }) {
  if (ends.length <= NAMED) return <List>{ends.map((end) => <EndOf key={end} end={end} />)}</List>;
  return (
    <>
      <List>{words.slice(0, NAMED).map((word) => <Name key={word}>{word}</Name>)}</List>
      <Fold summary={`${words.length > NAMED ? `and ${words.length - NAMED} more: ` : ""}${plural(ends.length, "end")}`}>
        {() => <List>{ends.map((end) => <EndOf key={end} end={end} />)}</List>}
      </Fold>
    </>
  );
}

/** What is there only when somebody opens it: there can be thousands. */
function Fold({ summary, children }: { summary: string; children: () => preact.JSX.Element }) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{summary}</summary>
      {open ? children() : null}
    </details>
  );
}

function List({ children }: { children: preact.JSX.Element[] }) {
  return <ul class="plain">{children.map((child) => <li key={child.key}>{child}</li>)}</ul>;
}

/** An end of the comparison, as a link where it is all of an endpoint. */
function EndOf({ end }: { end: number }) {
  const changes = useChanges();
  const { name, whole, on } = changes.end(end);
  const only = on.length === 1 && whole.length === 1 && !changes.diff.answer.endpoints[end]?.ranges ? whole[0] : undefined;
  return only === undefined ? <Name>{name}</Name> : <EndpointLink index={only} />;
}

function Whys({ row }: { row: Row }) {
  const changes = useChanges();
  const reasons = changes.reasons(row);
  const [first] = changes.flows(row);
  const [src, dst] = first ? [changes.end(first.src).on[0], changes.end(first.dst).on[0]] : [];
  return (
    <>
      {reasons.length ? <ReasonList reasons={reasons} /> : <span class="faint">{unexplained(row.bundle.between)}</span>}
      {src !== undefined && dst !== undefined ? <div><WhyLink src={src} dst={dst}>show the pair</WhyLink></div> : null}
    </>
  );
}

/** What turned some flows, each with its lines. */
export function ReasonList({ reasons }: { reasons: Reason[] }) {
  return (
    <ul class="plain reasons">
      {reasons.slice(0, NAMED).map((reason, index) => <li key={index}><ReasonOf reason={reason} /></li>)}
      {reasons.length > NAMED ? (
        <li>
          <details>
            <summary>and {plural(reasons.length - NAMED, "other reason")}</summary>
            <ul class="plain reasons">{reasons.slice(NAMED).map((reason, index) => <li key={index}><ReasonOf reason={reason} /></li>)}</ul>
          </details>
        </li>
      ) : null}
    </ul>
  );
}

function ReasonOf({ reason }: { reason: Reason }) {
  const at = placeOf(reason);
  return (
    <>
      <Prose>{reason.message}</Prose>{" "}
      {at ? <><At place={at.place} />{at.inBase ? <span class="faint"> in the base</span> : null}</> : null}
      {reason.excerpt ? <Lines excerpt={reason.excerpt} /> : null}
    </>
  );
}

function Lines({ excerpt }: { excerpt: Excerpt }) {
  return <Fold summary="lines">{() => <Snippet excerpt={excerpt} />}</Fold>;
}

function said(changes: Changes, row: Row): string {
  const reasons = changes.reasons(row).map((reason) => [reason.message, where(placeOf(reason)?.place)].filter(Boolean).join(" "));
  return reasons.join("; ") || unexplained(row.bundle.between);
}

function where(place: Place | undefined | null): string {
  return place ? `${place.file}:${place.line}` : "";
}

function haystack(changes: Changes, row: Row): string {
  const ends = [...row.src, ...row.dst].map((end) => `${changes.id(end)} ${changes.end(end).name}`);
  return [...ends, ...row.bundle.from, ...row.bundle.to, text(row.bundle.traffic), row.bundle.danger ?? "", said(changes, row)].join(" ").toLowerCase();
}

const HEADER = ["change", "src", "dst", "traffic", "between", "danger", "why"];

function* everyFlow(changes: Changes, rows: Row[]) {
  for (const row of rows) {
    const { between, danger, traffic } = row.bundle;
    for (const flow of changes.flows(row)) {
      const reasons = changes.reasonsOf(flow).map((reason) => [reason.message, where(placeOf(reason)?.place)].filter(Boolean).join(" "));
      const [src, dst] = [flow.src, flow.dst].map((end) => changes.end(end).name);
      yield [row.which, src, dst, text(traffic), between, danger, reasons.join("; ") || unexplained(between)];
    }
  }
}

interface Come {
  endpoint: Endpoint;
  change: string;
  /** Its number in the report. */
  index: number | undefined;
}

/** Who is new, and who is gone. */
function Ends() {
  const report = useReport();
  const { endpointsAdded, endpointsRemoved } = useChanges().diff.answer;
  const rows: Come[] = [
    ...endpointsAdded.map((endpoint) => ({ endpoint, change: "new", index: report.index(endpoint.id) })),
    ...endpointsRemoved.map((endpoint, at) => ({ endpoint, change: "gone", index: report.document.endpoints.length + at })),
  ];
  if (!rows.length) return null;
  return (
    <section>
      <h2>Workloads</h2>
      <Table
        name="workloads-changed" caption={`${endpointsAdded.length} new, ${endpointsRemoved.length} gone`} rows={rows}
        columns={[
          { name: "Change", value: ({ change }) => change, cell: ({ change }) => <PresenceMark presence={change} /> },
          { name: "Endpoint", value: ({ endpoint }) => endpoint.id, cell: ({ endpoint, index }) => (
            index === undefined ? <Name>{endpoint.id}</Name> : <EndpointLink index={index} />
          ) },
          { name: "Pods", number: true, value: ({ endpoint }) => endpoint.pods, cell: ({ endpoint }) => endpoint.pods ?? "–" },
        ]}
      />
    </section>
  );
}

export function PresenceMark({ presence }: { presence: string | null }) {
  if (!presence) return null;
  return <span class={`mark ${presence === "new" ? "opened" : "closed"}`}>{presence === "new" ? "+ new" : "− gone"}</span>;
}

function Policies() {
  const report = useReport();
  const { policiesAdded, policiesRemoved, policiesChanged } = useChanges().diff.answer;
  const rows: { policy: PolicyChange; change: string }[] = [
    ...policiesChanged.map((policy) => ({ policy, change: "changed" })),
    ...policiesAdded.map((policy) => ({ policy, change: "new" })),
    ...policiesRemoved.map((policy) => ({ policy, change: "gone" })),
  ];
  if (!rows.length) return null;
  const known = new Set(report.policies.map(({ object }) => object));
  return (
    <section>
      <h2>Policies</h2>
      <Table
        name="policies-changed" rows={rows}
        caption={`${policiesChanged.length} changed, ${policiesAdded.length} new, ${policiesRemoved.length} gone`}
        columns={[
          { name: "Change", value: ({ change }) => change, cell: ({ change }) => (change === "changed" ? <span class="mark note">changed</span> : <PresenceMark presence={change} />) },
          { name: "Policy", value: ({ policy }) => policy.object, cell: ({ policy }) => (
            known.has(policy.object) ? <a href={href("policies", policy.object)}><Name>{policy.object}</Name></a> : <Name>{policy.object}</Name>
          ) },
          { name: "At", value: ({ policy }) => where(policy.head ?? policy.base), cell: ({ policy }) => <At place={policy.head ?? policy.base ?? null} /> },
        ]}
      />
    </section>
  );
}

/** Findings in a line each; those of the head are shown in full elsewhere. */
function Findings({ name, title, rows, known = false }: { name: string; title: string; rows: Finding[]; known?: boolean }) {
  if (!rows.length) return null;
  return (
    <section>
      <h2>{title}</h2>
      <Table
        name={name} caption={plural(rows.length, "finding")} rows={rows}
        columns={[
          { name: "Level", value: ({ severity }) => severity, cell: ({ severity }) => <SeverityMark severity={severity} /> },
          { name: "Rule", value: ({ rule }) => rule, cell: ({ rule }) => <code>{rule}</code> },
          { name: "What", value: ({ message }) => message, cell: ({ message, fingerprint }) => (
            known ? <a href={href("findings", fingerprint)} title={visible(message)}><Prose>{message}</Prose></a> : <Prose>{message}</Prose>
          ) },
          { name: "At", value: ({ locations }) => where(locations[0]), cell: ({ locations }) => <At place={locations[0] ?? null} /> },
        ]}
      />
    </section>
  );
}
