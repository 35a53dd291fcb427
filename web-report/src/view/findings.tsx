// What is wrong, why, and what to write instead.
import { useMemo, useState } from "preact/hooks";
import { csv } from "../model/csv";
import type { State, Told } from "../model/report";
import { visible } from "../model/visible";
import type { Finding, Severity } from "../schema";
import { PresenceMark } from "./changes";
import { useReport } from "./context";
import { download } from "./download";
import { At, EndpointLink, Name, Prose, SeverityMark, Snippet, WhyLink, plural } from "./parts";
import { go, here, href, useRoute } from "./router";

const SEVERITIES: Severity[] = ["error", "warning", "note"];
/** What becomes of findings, in words. */
const STATES: Record<State, string> = { new: "open", suppressed: "suppressed", baseline: "in the baseline" };
const PAGE = 50;

export function Findings() {
  const report = useReport();
  const { parameters, about } = useRoute();
  const [shown, setShown] = useState(PAGE);
  const severity = parameters.get("severity");
  const rule = parameters.get("rule");
  const introduced = useMemo(() => new Set(report.document.diff?.answer.findingsIntroduced.map((finding) => finding.fingerprint)), [report]);
  const fresh = parameters.get("since") === "base" && report.changes !== null;
  const words = (parameters.get("find") ?? "").toLowerCase();
  // A link to a finding leads there, whatever has become of it.
  const state = parameters.get("state") ?? (about ? "all" : "new");
  const all = report.told;
  const { summary } = report.document;
  const left = summary.suppressed + summary.baseline;
  const rules = useMemo(() => [...new Set(all.map(({ finding }) => finding.rule))].sort(), [all]);
  const matching = useMemo(
    () =>
      all
        .filter((told) => state === "all" || told.state === state)
        .filter(({ finding }) => !about || finding.fingerprint === about)
        .filter(({ finding }) => !severity || finding.severity === severity)
        .filter(({ finding }) => !rule || finding.rule === rule)
        .filter(({ finding }) => !fresh || introduced.has(finding.fingerprint))
        .filter(({ finding }) => !words || haystack(finding).includes(words))
        .sort((a, b) => SEVERITIES.indexOf(a.finding.severity) - SEVERITIES.indexOf(b.finding.severity) || a.index - b.index),
    [all, about, state, severity, rule, words, fresh, introduced],
  );
  const save = () => {
    const header = ["state", "severity", "rule", "message", "object", "file", "line", "help", "fingerprint", "reason"];
    const rows = matching.map(({ finding, state, by }) => {
      const place = finding.locations[0];
      const { severity, rule, message, object, help, fingerprint } = finding;
      return [state, severity, rule, message, object, place?.file, place?.line, help.join("; "), fingerprint, by?.reason];
    });
    download("findings.csv", "text/csv", csv(header, rows));
  };
  const set = (name: string) => (event: { currentTarget: { value: string } }) =>
    go(here({ [name]: event.currentTarget.value || null }, null), "replace");
  return (
    <>
      <h1>Findings</h1>
      <div class="toolbar" role="search">
        <label>Find <input type="search" value={parameters.get("find") ?? ""} onInput={set("find")} /></label>
        <label>
          Severity{" "}
          <select value={severity ?? ""} onChange={set("severity")}>
            <option value="">all</option>
            {SEVERITIES.map((name) => <option key={name} value={name}>{name}</option>)}
          </select>
        </label>
        <label>
          Rule{" "}
          <select value={rule ?? ""} onChange={set("rule")}>
            <option value="">all</option>
            {rules.map((name) => <option key={name} value={name}>{name}</option>)}
          </select>
        </label>
        {report.changes ? (
          <label>
            <input type="checkbox" checked={fresh} onChange={(event) => go(here({ since: event.currentTarget.checked ? "base" : null }, null), "replace")} />
            only new ones
          </label>
        ) : null}
        {left ? (
          <label>
            Show{" "}
            <select value={state} onChange={set("state")}>
              {(Object.keys(STATES) as State[]).map((name) => <option key={name} value={name}>{STATES[name]}</option>)}
              <option value="all">all</option>
            </select>
          </label>
        ) : null}
        <span class="count" role="status">{plural(matching.length, "finding")}</span>
        <button type="button" class="quiet save" onClick={save}>CSV</button>
      </div>
      {about ? <p><a href={href("findings")}>Show all findings</a></p> : null}
      {matching.length ? null : <p class="empty">{report.document.findings.length || state !== "new" ? "No finding is like that." : left ? "Nothing is wrong but what is known." : "Nothing is wrong."}</p>}
      <ol class="findings">
        {matching.slice(0, shown).map((told) => (
          <li key={told.index}><FindingOf told={told} /></li>
        ))}
      </ol>
      {matching.length > shown ? (
        <button type="button" class="more" onClick={() => setShown(shown + 4 * PAGE)}>Show more of {matching.length}</button>
      ) : null}
    </>
  );
}

const MEANS = { comment: "a comment", annotation: "an annotation", configuration: "the configuration" };

function haystack(finding: Finding): string {
  const files = finding.locations.map((place) => place.file);
  return [finding.rule, finding.message, finding.object ?? "", ...files].join(" ").toLowerCase();
}

export function FindingOf({ told }: { told: Told }) {
  const report = useReport();
  const { finding, index, state, by } = told;
  const shown = report.document.shown[index] ?? [];
  const about = report.document.lintRules[finding.rule];
  const isPolicy = report.policies.some((ranked) => ranked.object === finding.object);
  const { witness, fix } = finding;
  const [src, dst] = [witness ? report.index(witness.src) : undefined, witness ? report.index(witness.dst) : undefined];
  return (
    <article class={`finding ${state === "new" ? finding.severity : ""}`}>
      <header>
        <SeverityMark severity={finding.severity} />
        <a class="rule-name" href={href("findings", null, { rule: finding.rule })}>{finding.rule}</a>
        {finding.object ? (
          isPolicy
            ? <a class="object" href={href("policies", finding.object)}><Name>{finding.object}</Name></a>
            : <span class="object"><Name>{finding.object}</Name></span>
        ) : null}
        {state === "new" ? null : <span class="mark">{STATES[state]}</span>}
        {report.document.diff?.answer.findingsIntroduced.some((one) => one.fingerprint === finding.fingerprint) ? <PresenceMark presence="new" /> : null}
        {finding.incomplete ? <span class="mark incomplete">incomplete</span> : null}
        <a class="anchor" href={href("findings", finding.fingerprint)} aria-label="a link to this finding">#</a>
      </header>
      <p class="message"><Prose>{finding.message}</Prose></p>
      {by ? <p class="note">Suppressed by {MEANS[by.means]} at <At place={by.at} />: <Name>{by.reason}</Name></p> : null}
      {shown.map((number) => {
        const excerpt = report.document.excerpts[number];
        return excerpt ? <Snippet key={number} excerpt={excerpt} /> : null;
      })}
      {witness ? (
        <p class="witness">
          For example {src === undefined ? <Name>{witness.src}</Name> : <EndpointLink index={src} />} →{" "}
          {dst === undefined ? <Name>{witness.dst}</Name> : <EndpointLink index={dst} />} on {witness.protocol} {witness.port}
          {src !== undefined && dst !== undefined ? <> <WhyLink src={src} dst={dst} /></> : null}
        </p>
      ) : null}
      <p><a class="button small" href={href("map", null, { finding: finding.fingerprint })}>show on the map</a></p>
      {finding.help.length ? (
        <ul class="help">{finding.help.map((help) => <li key={help}><Prose>{help}</Prose></li>)}</ul>
      ) : null}
      {fix ? (
        <div class="fix">
          {finding.help.includes(fix.description) && !fix.example ? null : <p><b>Fix</b> <Prose>{fix.description}</Prose></p>}
          {fix.example ? <pre tabIndex={0} aria-label="what to write">{fix.example.split("\n").map(visible).join("\n")}</pre> : null}
        </div>
      ) : null}
      {about ? <p class="about"><Prose>{about.summary}</Prose> <code>npv rule {finding.rule}</code></p> : null}
    </article>
  );
}
