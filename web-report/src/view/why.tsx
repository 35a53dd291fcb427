// Why a pair may or may not talk: each side, tier by tier, with the rules that decide.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { nameOf, quoted, traceCommand } from "../model/answers";
import { explain, families, nearest, type Family, type Near, type Said, type Side, type Step } from "../model/explain";
import { remedy, type Remedy } from "../model/remedy";
import type { Ranked, Report } from "../model/report";
import { equal, intersection, isAll, isEmpty, text, union, type Traffic } from "../model/traffic";
import { visible } from "../model/visible";
import type { Rule } from "../schema";
import { unexplained } from "../model/changes";
import { ReasonList } from "./changes";
import { useReport } from "./context";
import { At, ChangeMark, Checkout, Command, EndpointLink, Name, Prose, Snippet, TrafficText, Verdict } from "./parts";
import { go, here, href } from "./router";

const CLOSED = { src: null, dst: null };

export function Why({ src, dst }: { src: number; dst: number }) {
  const report = useReport();
  const panel = useRef<HTMLElement>(null);
  const before = useRef<Element | null>(null);
  useEffect(() => {
    before.current = document.activeElement;
    return () => (before.current as HTMLElement | null)?.focus?.();
  }, []);
  useEffect(() => panel.current?.focus(), [src, dst]);
  const close = () => go(here(CLOSED));
  const traffic = report.traffic(report.at(src, dst));
  return (
    <aside
      class="why" ref={panel} tabIndex={-1} aria-labelledby="why-title"
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <header>
        <h2 id="why-title">Why</h2>
        <a class="button quiet" href={here({ src: report.endpoint(dst).id, dst: report.endpoint(src).id })}>the way back</a>
        <a class="button quiet" href={here(CLOSED)} aria-label="close">close</a>
      </header>
      <Pair src={src} dst={dst} />
      <Changed src={src} dst={dst} />
      <Answer key={`${src} ${dst}`} src={src} dst={dst} traffic={traffic} />
    </aside>
  );
}

/** What opens and closes between the two, and why. */
function Changed({ src, dst }: { src: number; dst: number }) {
  const report = useReport();
  const { changes } = report;
  const flows = useMemo(() => changes?.between(src, dst) ?? [], [changes, src, dst]);
  if (!changes) return null;
  const gone = report.isGone(src) || report.isGone(dst);
  return (
    <>
      {gone ? (
        <p class="note">Only <Name>{changes.diff.answer.base.name}</Name> has both of them.</p>
      ) : null}
      {flows.map((flow, index) => {
        const reasons = changes.reasonsOf(flow);
        const { which, bundle } = flow.row;
        const parts = [[flow.src, src], [flow.dst, dst]].filter(([end = 0, of = 0]) => !changes.end(end).whole.includes(of));
        return (
          <section class={`rule ${which === "opened" ? "allow" : "deny"}`} key={index} aria-label={which}>
            <p><ChangeMark which={which} /> <TrafficText traffic={bundle.traffic} /></p>
            {parts.map(([end = 0]) => <p class="faint" key={end}>between a part of it: <Name>{changes.end(end).name}</Name></p>)}
            {reasons.length ? <ReasonList reasons={reasons} /> : <p class="faint">{unexplained(bundle.between)}</p>}
          </section>
        );
      })}
    </>
  );
}

function Pair({ src, dst }: { src: number; dst: number }) {
  return (
    <p class="pair">
      <EndpointLink index={src} /> <span class="arrow" aria-label="to">→</span> <EndpointLink index={dst} />
    </p>
  );
}

function Answer({ src, dst, traffic }: { src: number; dst: number; traffic: Traffic }) {
  const report = useReport();
  const [from, setFrom] = useState(0);
  const [to, setTo] = useState(0);
  const [source, destination] = [report.end(src).parts[from], report.end(dst).parts[to]];
  const [chosen, choose] = useState(-1);
  const answers = useMemo(() => {
    if (!source || !destination) return [];
    return families(report, source.class, destination.class).map((family) => {
      const egress = explain(report, "egress", source.class, destination.class, family);
      const ingress = explain(report, "ingress", destination.class, source.class, family);
      return { family, egress, ingress, both: intersection(egress.allowed, ingress.allowed) };
    });
  }, [report, source, destination]);
  const allowing = answers.findIndex(({ both }) => !isEmpty(both));
  const sides = answers[chosen] ?? answers[Math.max(0, allowing)];
  if (!sides || !source || !destination) return null;
  const both = union(...answers.map((answer) => answer.both));
  return (
    <>
      <p class="verdict"><Verdict traffic={traffic} /> <TrafficText traffic={traffic} /></p>
      {!report.asks(src, dst) ? <p class="note">{unasked(report, src, dst)}</p> : null}
      <Conditions src={src} dst={dst} />
      <Cause src={src} dst={dst} sides={[sides.egress, sides.ingress]} />
      {report.asks(src, dst) && !report.conditionAt(src, dst) && !sides.egress.beyond && !sides.ingress.beyond && !equal(both, traffic) ? <p class="note">{narrower(report, src, both)}</p> : null}
      <Parts end={src} chosen={from} choose={setFrom} side="source" />
      <Parts end={dst} chosen={to} choose={setTo} side="destination" />
      <Families of={answers.map(({ family }) => family)} chosen={answers.indexOf(sides)} choose={choose} />
      <SideOf said={sides.egress} subject={src} seen={source.seen} other={destination.seen}
        near={isEmpty(sides.egress.allowed) && !sides.egress.beyond ? nearest(report, sides.egress, source.class, destination.class, sides.family) : []} />
      <SideOf said={sides.ingress} subject={dst} seen={destination.seen} other={source.seen}
        near={isEmpty(sides.ingress.allowed) && !sides.ingress.beyond ? nearest(report, sides.ingress, destination.class, source.class, sides.family) : []} />
      <h3>Ask again</h3>
      <Checkout />
      <Command>{traceCommand(report, src, dst)}</Command>
    </>
  );
}

/** Why it is so, in a sentence for each side that denies it, and what to write instead. */
function Cause({ src, dst, sides }: { src: number; dst: number; sides: [Side, Side] }) {
  const report = useReport();
  // Where its steps are not all that decides, a side names no cause.
  const denied = sides.filter((side) => isEmpty(side.allowed) && !side.beyond);
  if (!report.asks(src, dst) || !denied.length) return null;
  return (
    <section class="cause" aria-label="cause">
      <h3>{denied.length > 1 ? "Both sides deny it" : denied[0]?.direction === "egress" ? "The source may not send it" : "The destination does not admit it"}</h3>
      {denied.map((side) => {
        const [subject, other] = side.direction === "egress" ? [src, dst] : [dst, src];
        const step = side.steps.find(({ denied }) => !isEmpty(denied));
        const deny = step?.said.find((said) => said.rule.action === "deny" && !isEmpty(said.decides));
        const [policy] = step?.applying ?? [];
        const cure = deny ? null : remedy(report, side, subject, other);
        return (
          <div key={side.direction}>
            <p>
              {deny ? <>rule <code><Name>{deny.rule.name}</Name></code> of <PolicyLink ranked={deny.ranked} /> denies it</>
                : policy ? <><PolicyLink ranked={policy} />{(step?.applying.length ?? 1) > 1 ? ` and ${(step?.applying.length ?? 1) - 1} more isolate` : " isolates"} <Name>{report.called(subject)[0]}</Name> for {side.direction}, and no rule {side.direction === "ingress" ? "admits" : "leads to"} <Name>{report.called(other)[0]}</Name></>
                : "no rule allows it"}
            </p>
            {cure ? <RemedyOf cure={cure} /> : null}
          </div>
        );
      })}
    </section>
  );
}

/** What to add, to be read and to be copied. */
function RemedyOf({ cure }: { cure: Remedy }) {
  const [copied, setCopied] = useState(false);
  const text = cure.lines.filter(({ add }) => add).map(({ text }) => text).join("\n");
  const copy = () => {
    navigator.clipboard?.writeText(text).then(() => setCopied(true), () => setCopied(false));
  };
  return (
    <figure class="remedy">
      <figcaption><span>To allow it, in <Name>{cure.ranked.object}</Name></span><button type="button" class="small" onClick={copy} onBlur={() => setCopied(false)}>{copied ? "copied" : "copy"}</button></figcaption>
      <pre tabIndex={0} aria-label="what to add">{cure.lines.map(({ add, text }, index) => <span key={index} class={add ? "plus" : undefined}>{add ? "+" : " "} {visible(text)}{"\n"}</span>)}</pre>
    </figure>
  );
}

/** What passes for some requests only, and what depends on something that no manifest shows, by its cause. */
function Conditions({ src, dst }: { src: number; dst: number }) {
  const report = useReport();
  const condition = report.conditionAt(src, dst);
  if (!condition) return null;
  const { partial, requests, unknown, depends } = condition;
  return (
    <section class="cause unsure" aria-label="conditions">
      {isEmpty(partial) ? null : <p><span class="mark warning">some requests</span> <TrafficText traffic={partial} /></p>}
      {requests.length ? (
        <ul>{requests.flatMap(({ ports, http }) => http.map(({ method, path, host, headers, conditions }, place) => (
          <li key={`${text(ports)} ${place}`}><code><Name>{[method ?? "any method", path ?? "any path", host ? `at ${host}` : "", ...(headers ?? []), ...(conditions ?? [])].filter(Boolean).join(" ")}</Name></code> <span class="faint">on {text(ports)}</span></li>
        )))}</ul>
      ) : null}
      {isEmpty(unknown) ? null : <p><span class="mark incomplete">not known</span> <TrafficText traffic={unknown} /></p>}
      {depends.length ? (
        <details open={depends.length < 4}>
          <summary>depends on {depends.length === 1 ? "what no manifest shows" : `${depends.length} things that no manifest shows`}</summary>
          <ul>{depends.map(({ on, at }) => <li key={on}><Prose>{on}</Prose> <At place={at ?? null} /></li>)}</ul>
        </details>
      ) : null}
    </section>
  );
}

function unasked(report: Report, src: number, dst: number): string {
  if (src === dst) return "It is a single pod, and a pod always reaches itself.";
  if (report.isDomain(src)) return "Connections lead to a domain, and never come from one: where they come from is an address.";
  if (report.isAssumed(dst)) return "It is assumed for the routes that lead from it, and nothing is said of what leads there.";
  return "Both ends are outside of the cluster: what passes between them is none of its policies' business.";
}

function narrower(report: Report, src: number, both: Traffic): string {
  if (report.isAssumed(src)) return `The policies allow ${text(both)}; of that, the answer holds what the routes send.`;
  return "Rules tell the parts of these ends apart; the answer above is what all of them come to.";
}

/** A choice among the parts of an end that rules tell apart. */
function Parts({ end, chosen, choose, side }: { end: number; chosen: number; choose: (part: number) => void; side: string }) {
  const { parts } = useReport().end(end);
  if (parts.length < 2) return null;
  return (
    <label class="parts">
      <span>Rules tell {parts.length} parts of the {side} apart, with the same outcome</span>
      <select value={chosen} onChange={(event) => choose(Number(event.currentTarget.value))}>
        {parts.map((part, index) => <option key={part.class} value={index}>{visible(part.seen)}</option>)}
      </select>
    </label>
  );
}

/** A connection is of one address family, and both sides are asked in the same one. */
function Families({ of, chosen, choose }: { of: Family[]; chosen: number; choose: (family: number) => void }) {
  if (of.length < 2) return null;
  return (
    <label class="parts">
      <span>A connection is of one address family: both sides are asked over</span>
      <select value={chosen} onChange={(event) => choose(Number(event.currentTarget.value))}>
        {of.map((family, index) => <option key={family} value={index}>{family}</option>)}
      </select>
    </label>
  );
}

interface SideProps {
  said: Side;
  subject: number;
  seen: string;
  other: string;
  near: Near[];
}

const BEYOND = {
  ends: "A rule here compares the two ends: what stands here is without it, the verdict of the pair is with it.",
  hosts: "Policies for hosts apply here: what stands here is without them, the verdict of the pair is with them.",
};

function SideOf({ said, subject, seen, other, near }: SideProps) {
  const report = useReport();
  const { id } = report.endpoint(subject);
  const leaves = said.direction === "egress";
  return (
    <section class={`side ${said.beyond ? "" : isEmpty(said.allowed) ? "is-denied" : "is-allowed"}`}>
      <h3>
        {leaves ? "What leaves " : "What enters "}<Name>{id}</Name>
        {said.beyond ? null : <Verdict traffic={said.allowed} />}
      </h3>
      <p class="seen">
        <TrafficText traffic={said.allowed} />
        {seen ? <> <span class="faint">seen as</span> <code><Name>{seen}</Name></code></> : null}
      </p>
      {said.exempt ? <p>No policy can apply here: this end is no pod, or it is its node to the network.</p> : null}
      {said.beyond ? <p class="note">{BEYOND[said.beyond]}</p> : null}
      {!said.exempt && !said.beyond && !said.steps.some((step) => step.applying.length) ? (
        <p>No policy selects it for {said.direction}, so everything is allowed.</p>
      ) : null}
      <ol class="steps">
        {said.steps.filter((step) => step.applying.length).map((step, index) => <StepOf key={index} step={step} />)}
      </ol>
      {near.length ? <Nearest near={near} side={said} seen={seen} other={other} /> : null}
    </section>
  );
}

function StepOf({ step }: { step: Step }) {
  const deciding = step.said.filter((said) => !isEmpty(said.decides));
  const silent = step.tier.noMatch === "deny" && !isEmpty(step.denied);
  return (
    <li>
      <h4>{step.layer}: {step.tier.name}</h4>
      {deciding.map((said, index) => <SaidBy key={index} said={said} />)}
      {!deciding.length && !silent ? <p class="faint">No rule matches the other end; the next tier decides.</p> : null}
      {silent ? (
        <div class="rule deny">
          <p>
            <span class="mark denied">denied</span>{" "}
            {isAll(step.denied) ? "everything" : "everything else"}: no rule allows it, and{" "}
            {step.applying.length === 1 ? "this policy isolates" : "these policies isolate"} the pod
          </p>
          <ul class="policies">
            {step.applying.slice(0, 12).map((ranked) => <li key={ranked.index}><PolicyLink ranked={ranked} /></li>)}
            {step.applying.length > 12 ? <li class="faint">and {step.applying.length - 12} more</li> : null}
          </ul>
        </div>
      ) : null}
    </li>
  );
}

export function PolicyLink({ ranked }: { ranked: Ranked }) {
  return (
    <><a href={href("policies", ranked.object)}><Name>{ranked.object}</Name></a> <At place={ranked.policy.at} /></>
  );
}

function SaidBy({ said }: { said: Said }) {
  const { action } = said.rule;
  const mark = action === "allow" ? "allowed" : action === "deny" ? "denied" : "passed";
  return (
    <div class={`rule ${action}`}>
      <p><span class={`mark ${mark}`}>{action}</span> <TrafficText traffic={said.decides} /></p>
      <RuleText ranked={said.ranked} rule={said.rule} />
    </div>
  );
}

function RuleText({ ranked, rule }: { ranked: Ranked; rule: Rule }) {
  const report = useReport();
  const excerpt = rule.excerpt === null ? undefined : report.document.excerpts[rule.excerpt];
  return (
    <>
      <p class="by"><PolicyLink ranked={ranked} /> <code><Name>{rule.name}</Name></code></p>
      {excerpt ? <Snippet excerpt={excerpt} /> : null}
    </>
  );
}

function Nearest({ near, side, seen, other }: { near: Near[]; side: Side; seen: string; other: string }) {
  const [noun, preposition] = side.direction === "ingress" ? ["sources", "from"] : ["destinations", "to"];
  return (
    <div class="nearest">
      <h4>Nearest to allowing it</h4>
      {near.map(({ ranked, rule, unmet }, index) => (
        <div class="rule near" key={index}>
          <RuleText ranked={ranked} rule={rule} />
          <ul>
            {unmet.includes("subject") ? (
              <li>it applies to <Prose>{ranked.policy.selects}</Prose>, and this is <code><Name>{seen}</Name></code></li>
            ) : null}
            {unmet.includes("peers") ? (
              <li>
                it allows {rule.from.length ? <>{preposition} <Prose>{rule.from.join(" or ")}</Prose></> : noun},
                and the other end is <code><Name>{other}</Name></code>
              </li>
            ) : null}
            {unmet.includes("ports") ? <li>it allows {rule.over.join(", ")}, which the destination does not have</li> : null}
          </ul>
        </div>
      ))}
    </div>
  );
}

/** The command for people who would rather ask a terminal. */
export function reachCommand(report: Report, index: number, side: "from" | "to"): string {
  const { inputs, flags } = report.document;
  return ["npv", "reach", `--${side}`, nameOf(report, index), ...inputs, ...flags].map(quoted).join(" ");
}
