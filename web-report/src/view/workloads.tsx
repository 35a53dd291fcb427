// Who can reach a workload, what it can reach, and how far one gets from there.
import { useMemo } from "preact/hooks";
import { traceCommand } from "../model/answers";
import { text } from "../model/traffic";
import { blastRadius } from "../model/walk";
import type { Group } from "../schema";
import { presenceOf } from "../model/changes";
import { isEmpty } from "../model/traffic";
import { PresenceMark } from "./changes";
import { useReport } from "./context";
import { FindingOf } from "./findings";
import { At, ChangeMark, Checkout, Command, EndpointLink, Name, Table, TrafficText, WhyLink, plural, type Column } from "./parts";
import { go, here, href, useRoute } from "./router";
import { PolicyLink, reachCommand } from "./why";

export function Workloads() {
  const report = useReport();
  const { about } = useRoute();
  const index = about === null ? undefined : report.index(about);
  return index === undefined ? <All /> : <One key={index} index={index} />;
}

function All() {
  const report = useReport();
  const { parameters } = useRoute();
  const find = parameters.get("find") ?? "";
  const exposed = useMemo(() => new Set(report.document.coverage.exposed), [report]);
  const reachedBy = useMemo(() => {
    const counts = new Uint32Array(report.endpoints.length);
    report.endpoints.forEach((_, src) => {
      for (const { end } of report.from(src)) counts[end] = (counts[end] ?? 0) + 1;
    });
    return counts;
  }, [report]);
  const reaches = useMemo(
    () =>
      report.endpoints.map((_, src) => {
        const row = report.row(src);
        let count = 0;
        for (let at = 1; at < row.length; at += 3) count += row[at] ?? 0;
        return count;
      }),
    [report],
  );
  const words = find.toLowerCase();
  const rows = report.endpoints.flatMap((endpoint, index) => {
    const labels = report.end(index).parts.map((part) => part.seen).join(" ");
    return `${endpoint.id} ${labels}`.toLowerCase().includes(words) ? [index] : [];
  });
  const changed: Column<number>[] = report.changes
    ? [{ name: "Change", value: (index) => presenceOf(report, index), cell: (index) => <PresenceMark presence={presenceOf(report, index)} /> }]
    : [];
  const side = (index: number, at: 0 | 1) => (report.end(index).workload === null ? "–" : report.end(index).isolated[at] ? "isolated" : "open");
  return (
    <>
      <h1>Workloads</h1>
      <div class="toolbar" role="search">
        <label>
          Find{" "}
          <input type="search" value={find} placeholder="name or label"
            onInput={(event) => go(here({ find: event.currentTarget.value || null }), "replace")} />
        </label>
        <span class="count" role="status">{plural(rows.length, "endpoint")}</span>
      </div>
      <Table
        name="endpoints" caption="Workloads as far as policies tell their pods apart, and everything else that has a part in a connection"
        rows={rows} keyOf={(index) => index} empty="No endpoint is like that."
        columns={[
          { name: "Endpoint", value: (index) => report.endpoint(index).id, cell: (index) => <EndpointLink index={index} /> },
          ...changed,
          { name: "Pods", number: true, value: (index) => report.endpoint(index).pods ?? 0, cell: (index) => report.endpoint(index).pods ?? "–" },
          { name: "Ingress", value: (index) => side(index, 0), cell: (index) => side(index, 0) },
          { name: "Egress", value: (index) => side(index, 1), cell: (index) => side(index, 1) },
          { name: "Reached by", number: true, value: (index) => reachedBy[index], cell: (index) => reachedBy[index] },
          { name: "Reaches", number: true, value: (index) => reaches[index], cell: (index) => reaches[index] },
          { name: "Internet", value: (index) => (exposed.has(index) ? "open" : ""), cell: (index) => (exposed.has(index) ? <span class="mark warning">open</span> : "") },
        ]}
      />
    </>
  );
}

function One({ index }: { index: number }) {
  const report = useReport();
  const endpoint = report.endpoint(index);
  const workload = report.workload(index);
  return (
    <>
      <p class="crumbs"><a href={href("workloads")}>Workloads</a></p>
      <h1><Name>{endpoint.id}</Name></h1>
      <p>
        <PresenceMark presence={presenceOf(report, index)} />{" "}
        {workload ? <At place={workload.at} /> : <span class="faint">{endpoint.kind}</span>}{" "}
        <a class="button quiet" href={href("map", null, { focus: endpoint.id })}>show on the map</a>
      </p>
      {endpoint.ranges ? (
        <section>
          <h2>Addresses</h2>
          <p class="ranges">{endpoint.ranges.map(([first, last]) => <code key={first}>{first === last ? first : `${first} – ${last}`}</code>)}</p>
        </section>
      ) : null}
      {workload ? (
        <section>
          <h2>Pods</h2>
          <p>
            {plural(endpoint.pods ?? 0, "pod")}, run as the ServiceAccount <code><Name>{workload.account ?? "default"}</Name></code>
          </p>
          {workload.groups.map((group, at) => <GroupOf key={at} group={group} />)}
        </section>
      ) : null}
      <Changed index={index} />
      {report.isGone(index) ? null : <Today index={index} />}
    </>
  );
}

/** What opens and closes to and from an endpoint. */
function Changed({ index }: { index: number }) {
  const report = useReport();
  const rows = useMemo(() => {
    const { changes } = report;
    if (!changes) return [];
    const outgoing = [...changes.from(index).keys()].map((dst) => ({ src: index, dst }));
    const incoming = report.endpoints.flatMap((_, src) => (src !== index && changes.from(src).has(index) ? [{ src, dst: index }] : []));
    return [...incoming, ...outgoing].flatMap((pair) => {
      const { opened, closed } = changes.at(pair.src, pair.dst);
      const both = [{ ...pair, which: "opened" as const, traffic: opened }, { ...pair, which: "closed" as const, traffic: closed }];
      return both.filter(({ traffic }) => !isEmpty(traffic));
    });
  }, [report, index]);
  if (!rows.length) return null;
  return (
    <section>
      <h2>What changes</h2>
      <Table
        name="changes" caption={plural(rows.length, "connection")} rows={rows} keyOf={(row) => `${row.src} ${row.dst} ${row.which}`}
        columns={[
          { name: "Change", value: ({ which }) => which, cell: ({ which }) => <ChangeMark which={which} /> },
          { name: "From", value: ({ src }) => report.endpoint(src).id, cell: ({ src }) => (src === index ? "here" : <EndpointLink index={src} />) },
          { name: "To", value: ({ dst }) => report.endpoint(dst).id, cell: ({ dst }) => (dst === index ? "here" : <EndpointLink index={dst} />) },
          { name: "Over", value: ({ traffic }) => text(traffic), cell: ({ traffic }) => <TrafficText traffic={traffic} /> },
          { name: "Why", value: ({ src, dst }) => traceCommand(report, src, dst), cell: ({ src, dst }) => <WhyLink src={src} dst={dst} /> },
        ]}
      />
    </section>
  );
}

function Today({ index }: { index: number }) {
  const report = useReport();
  const end = report.end(index);
  const workload = report.workload(index);
  const incoming = useMemo(() => [...report.to(index)].map(({ end, traffic }) => ({ end, traffic: report.traffic(traffic) })), [report, index]);
  const outgoing = useMemo(() => [...report.from(index)].map(({ end, traffic }) => ({ end, traffic: report.traffic(traffic) })), [report, index]);
  const radius = useMemo(() => (end.workload === null ? [] : blastRadius(report, index)), [report, index]);
  const findings = workload ? report.findingsOf(`${workload.kind}/${workload.namespace}/${workload.name}`) : [];
  return (
    <>
      <Policies index={index} />
      <section>
        <h2>Who can reach it</h2>
        <Checkout />
        <Connections name="reached-by" rows={incoming} src={(row) => row} dst={() => index} head="From" empty="Nobody can." />
        <Command>{reachCommand(report, index, "to")}</Command>
      </section>
      <section>
        <h2>What it can reach</h2>
        <Connections name="reaches" rows={outgoing} src={() => index} dst={(row) => row} head="To" empty="Nothing." />
        <Command>{reachCommand(report, index, "from")}</Command>
      </section>
      {workload ? (
        <section>
          <h2>Blast radius</h2>
          <p>
            Somebody who takes it over gets at {plural(radius.filter(({ end }) => report.end(end).workload !== null).length, "endpoint")} with
            pods, from connection to connection.
          </p>
          <Table
            name="blast-radius" caption="What can be got at, and by way of whom" rows={radius} empty="Nothing can be got at from here."
            keyOf={(row) => row.end}
            columns={[
              { name: "Endpoint", value: (row) => report.endpoint(row.end).id, cell: (row) => <EndpointLink index={row.end} /> },
              { name: "Hops", number: true, value: (row) => row.hops, cell: (row) => row.hops },
              { name: "By way of", value: (row) => report.endpoint(row.by).id, cell: (row) => (row.by === index ? "" : <EndpointLink index={row.by} />) },
              { name: "Why", value: (row) => traceCommand(report, row.by, row.end), cell: (row) => <WhyLink src={row.by} dst={row.end} /> },
            ]}
          />
        </section>
      ) : null}
      {findings.length ? (
        <section>
          <h2>Findings</h2>
          {findings.map((finding) => <FindingOf key={finding} told={report.tell(finding)} />)}
        </section>
      ) : null}
    </>
  );
}

function GroupOf({ group }: { group: Group }) {
  const ports = group.ports.map(({ name, port, protocol }) => `${name ? `${name} ` : ""}${port}/${protocol}`);
  return (
    <div class="pod-group">
      <p>
        {Object.entries(group.labels).map(([key, value]) => <code class="label" key={key}><Name>{`${key}=${value}`}</Name></code>)}
        {group.hostNetwork ? <span class="mark note">on the host network</span> : null}
      </p>
      <p class="faint">{ports.length ? <>ports <Name>{ports.join(", ")}</Name></> : "declares no ports"}</p>
      {group.members.length ? (
        <details>
          <summary>{plural(group.pods, "pod")}</summary>
          <ul class="members">
            {group.members.map((name) => <li key={name}><Name>{name}</Name></li>)}
            {group.pods > group.members.length ? <li class="faint">and {group.pods - group.members.length} more</li> : null}
          </ul>
        </details>
      ) : null}
    </div>
  );
}

function Policies({ index }: { index: number }) {
  const report = useReport();
  if (report.end(index).workload === null) return null;
  return (
    <section>
      <h2>Policies</h2>
      {(["ingress", "egress"] as const).map((direction) => {
        const applying = report.applying(index, direction);
        return (
          <div key={direction}>
            <h3>{direction === "ingress" ? "Ingress" : "Egress"}</h3>
            {applying.length ? (
              <ul class="policies">{applying.map((ranked) => <li key={ranked.index}><PolicyLink ranked={ranked} /></li>)}</ul>
            ) : (
              <p class="faint">No policy applies: everything is allowed.</p>
            )}
          </div>
        );
      })}
    </section>
  );
}

interface Peer {
  end: number;
  traffic: Parameters<typeof TrafficText>[0]["traffic"];
}

interface ConnectionsProps {
  name: string;
  rows: Peer[];
  src: (end: number) => number;
  dst: (end: number) => number;
  head: string;
  empty: string;
}

function Connections({ name, rows, src, dst, head, empty }: ConnectionsProps) {
  const report = useReport();
  return (
    <Table
      name={name} caption={`${plural(rows.length, "connection")} ${head === "From" ? "to it" : "from it"}`} rows={rows} empty={empty} keyOf={(row) => row.end}
      columns={[
        { name: head, value: (row) => report.endpoint(row.end).id, cell: (row) => <EndpointLink index={row.end} /> },
        { name: "Over", value: (row) => text(row.traffic), cell: (row) => <TrafficText traffic={row.traffic} /> },
        { name: "Why", value: (row) => traceCommand(report, src(row.end), dst(row.end)), cell: (row) => <WhyLink src={src(row.end)} dst={dst(row.end)} /> },
      ]}
    />
  );
}
