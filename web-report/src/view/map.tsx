// The map: what is asked for, what is wrong beside it, and the same as a table.
import { useMemo, useState } from "preact/hooks";
import { concerned } from "../model/concern";
import { changeOf, draw, endName, type MapEdge, type Picture } from "../model/map";
import { intersection, parse, text, type Traffic } from "../model/traffic";
import { visible } from "../model/visible";
import { useLayout, useReport } from "./context";
import { MapCanvas } from "./mapcanvas";
import { ChangeMark, OnlyChanged, Prose, SeverityMark, Table, TrafficText, WhyLink, plural, type Column } from "./parts";
import { go, here, href, useRoute } from "./router";

export function MapView() {
  const layout = useLayout();
  if (layout === true) return <Map />;
  return <><h1>Map</h1>{layout ? <p class="note">The map cannot be laid out here: {layout}</p> : <p class="empty">…</p>}</>;
}

function Map() {
  const report = useReport();
  const { parameters } = useRoute();
  const port = parameters.get("port") ?? "";
  const namespace = parameters.get("namespace");
  const finding = parameters.get("finding");
  const open = parameters.get("open");
  const changed = report.changes !== null && parameters.get("changed") === "yes";
  const focus = report.index(parameters.get("focus") ?? "") ?? null;
  const protocol = parameters.get("protocol");
  const asked = useMemo(() => askedFor(port, protocol), [port, protocol]);
  const names = useMemo(() => namesOf(report), [report]);
  const picture = useMemo(() => {
    const about = finding ? concerned(report, finding) : null;
    // Who is concerned by something without a place is drawn among everybody.
    const only = about?.size ? about : null;
    const opened = open === null ? (namespace ? new Set([namespace]) : null) : new Set(open === "*" ? names : open.split("|").filter(Boolean));
    return draw(report, { focus, namespace, asked, only, open: opened, changed });
  }, [report, focus, namespace, asked, finding, open, changed, names]);
  const set = (name: string) => (event: { currentTarget: { value: string } }) =>
    go(here({ [name]: event.currentTarget.value || null }), "replace");
  const [find, setFind] = useState("");
  const boxes = picture.names.length;
  return (
    <div class="full">
      <h1>Map</h1>
      <div class="toolbar" role="search">
        <label>Find <input type="search" value={find} onInput={(event) => setFind(event.currentTarget.value)} placeholder="name" /></label>
        <label>
          Namespace{" "}
          <select value={namespace ?? ""} onChange={set("namespace")}>
            <option value="">all</option>
            {names.map((name) => <option key={name} value={name}>{visible(name)}</option>)}
          </select>
        </label>
        <label>
          Port <input class="port" type="search" value={port} onInput={set("port")} placeholder="5432/tcp" aria-invalid={Boolean(port && !parse(port))} />
        </label>
        <label>
          Protocol{" "}
          <select value={protocol ?? ""} onChange={set("protocol")}>
            <option value="">all</option>
            {PROTOCOLS.map((name) => <option key={name} value={name}>{name.toUpperCase()}</option>)}
          </select>
        </label>
        <FindingFilter value={finding} set={set("finding")} />
        <OnlyChanged />
        {focus === null ? null : <a class="button" href={here({ focus: null })}>everybody</a>}
        {picture.folded.size ? <a class="button" href={here({ open: "*" })}>unfold all</a> : null}
        {boxes > 1 && picture.folded.size < boxes ? <a class="button" href={here({ open: "|" })}>fold all</a> : null}
      </div>
      {picture.nodes.length ? (
        <div class="map-and-wrong">
          <MapCanvas picture={picture} find={find.toLowerCase()} />
          <Wrong shown={finding} />
        </div>
      ) : <p class="empty">{changed ? "Nothing opens or closes." : "Nobody is like that: nothing to draw."}</p>}
      <details class="as-table" data-said={picture.said}>
        <summary>As a table: {plural(picture.edges.length, "line")}{picture.said ? `, and ${plural(picture.said, "connection")} that marks and titles say` : ""}</summary>
        <Edges picture={picture} />
      </details>
    </div>
  );
}

const PROTOCOLS = ["tcp", "udp", "sctp"];

function namesOf(report: ReturnType<typeof useReport>): string[] {
  const defined = report.document.namespaces.map(({ name }) => name);
  const left = report.endpoints.flatMap(({ namespace }) => (namespace !== undefined && !defined.includes(namespace) ? [namespace] : []));
  return [...defined, ...new Set(left)];
}

/** The traffic of a port and a protocol; `null` is all of it. */
function askedFor(port: string, protocol: string | null): Traffic | null {
  const [over, all] = [parse(port), parse(protocol ?? "")];
  return over && all ? intersection(over, all) : (over ?? all);
}

/** Rules that found something, objects that findings are about, and the one finding that a link led here with. */
function FindingFilter({ value, set }: { value: string | null; set: (event: { currentTarget: { value: string } }) => void }) {
  const { told, document } = useReport();
  const objects = [...new Set(document.findings.flatMap(({ object }) => (object ? [object] : [])))].sort();
  const rules = [...new Set(document.findings.map(({ rule }) => rule))].sort();
  const one = told.find(({ finding }) => finding.fingerprint === value)?.finding;
  if (!rules.length && !one) return null;
  return (
    <label>
      Finding{" "}
      <select class="short" value={value ?? ""} onChange={set}>
        <option value="">all</option>
        {one ? <option value={one.fingerprint}>{visible(one.message.replaceAll("`", ""))}</option> : null}
        <optgroup label="of a rule">{rules.map((rule) => <option key={rule} value={rule}>{rule}</option>)}</optgroup>
        <optgroup label="about">{objects.map((object) => <option key={object} value={object}>{visible(object)}</option>)}</optgroup>
      </select>
    </label>
  );
}

/** So many findings are beside the map. */
const MOST_BESIDE = 200;

/** What is wrong, beside where it is wrong: each finding by one click. */
function Wrong({ shown }: { shown: string | null }) {
  const { told, document } = useReport();
  const one = told.find(({ finding }) => finding.fingerprint === shown);
  const rank = ["error", "warning", "note"];
  const all = useMemo(
    () => document.findings.map((finding, index) => ({ finding, index })).sort((a, b) => rank.indexOf(a.finding.severity) - rank.indexOf(b.finding.severity) || a.index - b.index),
    [document],
  );
  if (!all.length && !one) return null;
  const listed = one && one.state !== "new" ? [{ finding: one.finding, index: one.index }, ...all] : all;
  return (
    <details class="wrong" open={typeof innerWidth === "undefined" || innerWidth > 1100}>
      <summary>{plural(all.length, "finding")}</summary>
      <ul tabIndex={0} aria-label="findings">
        {listed.slice(0, MOST_BESIDE).map(({ finding, index }) => {
          const current = finding.fingerprint === shown;
          const places = document.map.about[index]?.length ?? 0;
          return (
            <li key={index} class={current ? "current" : undefined} ref={(element) => { if (current) element?.scrollIntoView({ block: "nearest" }); }}>
              <a href={href("findings", finding.fingerprint)}><SeverityMark severity={finding.severity} /> <Prose>{finding.message}</Prose></a>
              {places ? (
                <a class="button small" href={here({ finding: current ? null : finding.fingerprint })} aria-current={current ? "true" : undefined}>
                  {current ? "show everything" : "show here"}
                </a>
              ) : null}
            </li>
          );
        })}
        {listed.length > MOST_BESIDE ? <li><a href={href("findings")}>and {listed.length - MOST_BESIDE} more</a></li> : null}
      </ul>
    </details>
  );
}

/** Lines of the table that are drawn with their first connection. */
function Edges({ picture }: { picture: Picture }) {
  const report = useReport();
  const changes: Column<MapEdge>[] = report.changes
    ? [{ name: "Change", value: (edge) => changeOf(edge), cell: (edge) => { const which = changeOf(edge); return which ? <ChangeMark which={which} /> : ""; } }]
    : [];
  const labelOf = (index: number) => {
    const node = picture.nodes[index];
    if (!node) return "";
    const own = node.kind === "hub" && node.note ? `${node.label} (${node.note})` : node.label;
    return node.group === null ? own : `${node.group}/${own}`;
  };
  return (
    <Table
      name="map" caption="What the map shows" rows={picture.edges} keyOf={(edge) => `${edge.from} ${edge.to} ${edge.line} ${edge.label}`}
      columns={[
        ...changes,
        { name: "From", value: (edge) => labelOf(edge.from), cell: (edge) => labelOf(edge.from) },
        { name: "To", value: (edge) => labelOf(edge.to), cell: (edge) => labelOf(edge.to) },
        { name: "Over", value: (edge) => text(edge.traffic), cell: (edge) => <TrafficText traffic={edge.traffic} /> },
        { name: "Line", value: (edge) => edge.line, cell: (edge) => edge.line },
        { name: "Pairs", number: true, value: (edge) => edge.links, cell: (edge) => edge.links },
        { name: "Why", value: () => "", cell: (edge) => <FirstPair picture={picture} edge={edge} /> },
      ]}
    />
  );
}

function FirstPair({ picture, edge }: { picture: Picture; edge: MapEdge }) {
  const report = useReport();
  const [pair] = picture.pairs(edge);
  if (!pair) return null;
  const [src, dst] = pair;
  if (Math.max(src, dst) < report.endpoints.length) return <WhyLink src={src} dst={dst} />;
  const [finding] = edge.findings;
  const about = finding === undefined ? undefined : report.document.findings[finding];
  return about ? <a href={href("findings", about.fingerprint)}>finding</a> : <>{visible(endName(report, picture, Math.max(src, dst)))}</>;
}
