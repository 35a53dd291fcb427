// What must hold: whether it does, and for what does not the flow that contradicts it, who decides it and how to see it.
import { HEADER, OUTCOMES, byDefault, notes, outcome, over, rows, where, type Outcome } from "../model/assertions";
import { csv } from "../model/csv";
import { visible } from "../model/visible";
import type { Assertion, Counterexample, FlowEnd, Proof, Step } from "../schema";
import { useReport } from "./context";
import { download } from "./download";
import { At, Command, EndpointLink, Name, Prose, Snippet, plural } from "./parts";
import { go, here, href, useRoute } from "./router";

/** How an outcome is shown: the mark's style, and a word for a filter. */
const STYLES: Record<Outcome, string> = { fails: "error", undecided: "warning", vacuous: "warning", holds: "allowed" };
const WORDS: Record<Outcome, string> = { fails: "fails", undecided: "undecided", vacuous: "holds vacuously", holds: "holds" };

export function OutcomeMark({ of, children }: { of: Outcome; children?: string }) {
  return <span class={`mark ${STYLES[of]}`}>{children ?? WORDS[of]}</span>;
}

export function Assertions() {
  const { assertions, assumptions } = useReport().document;
  const { parameters, about } = useRoute();
  const wanted = parameters.get("outcome");
  const words = (parameters.get("find") ?? "").toLowerCase();
  const shown = assertions
    .map((assertion, index) => ({ assertion, index, ended: outcome(assertion) }))
    .filter(({ assertion }) => !about || assertion.name === about)
    .filter(({ ended }) => !wanted || ended === wanted)
    .filter(({ assertion }) => !words || haystack(assertion).includes(words))
    .sort((a, b) => OUTCOMES.indexOf(a.ended) - OUTCOMES.indexOf(b.ended) || a.index - b.index);
  const set = (name: string) => (event: { currentTarget: { value: string } }) =>
    go(here({ [name]: event.currentTarget.value || null }, null), "replace");
  const save = () => download("assertions.csv", "text/csv", csv(HEADER, rows(shown.map(({ assertion }) => assertion))));
  if (!assertions.length) return <None />;
  return (
    <>
      <h1>Assertions</h1>
      <div class="toolbar" role="search">
        <label>Find <input type="search" value={parameters.get("find") ?? ""} onInput={set("find")} /></label>
        <label>
          Outcome{" "}
          <select value={wanted ?? ""} onChange={set("outcome")}>
            <option value="">all</option>
            {OUTCOMES.map((name) => <option key={name} value={name}>{WORDS[name]}</option>)}
          </select>
        </label>
        <span class="count" role="status">{plural(shown.length, "assertion")}</span>
        <button type="button" class="quiet save" onClick={save}>CSV</button>
      </div>
      {about ? <p><a href={href("assertions")}>Show all assertions</a></p> : null}
      {shown.length ? null : <p class="empty">No assertion is like that.</p>}
      <ol class="findings">
        {shown.map(({ assertion, index, ended }) => (
          <li key={index}><AssertionOf assertion={assertion} index={index} ended={ended} /></li>
        ))}
      </ol>
      {assumptions.length ? (
        <section>
          <h2>Taken for granted</h2>
          <p class="faint">What is said about every cluster is said of every cluster in which this is so.</p>
          <ul>{assumptions.map((assumption) => <li key={assumption}><Prose>{assumption}</Prose></li>)}</ul>
        </section>
      ) : null}
    </>
  );
}

function None() {
  return (
    <>
      <h1>Assertions</h1>
      <p class="empty">The configuration asserts nothing.</p>
      <p>
        An assertion in <code>npv.yaml</code> says what must hold, for instance <code>{"{expect: deny, from: any-pod, to: internet}"}</code>; npv
        proves it for every cluster that these policies can be in, or shows a flow that contradicts it.
      </p>
    </>
  );
}

function haystack({ name, counterexample: found }: Assertion): string {
  const flow = found ? [found.src.id, found.dst.id, ...found.steps.map(({ object }) => object ?? "")] : [];
  return [name, ...flow].join(" ").toLowerCase();
}

function AssertionOf({ assertion, index, ended }: { assertion: Assertion; index: number; ended: Outcome }) {
  const { excerpts, proofs } = useReport().document;
  const proof = proofs[index];
  const written = proof && excerpts[proof.whole ?? -1];
  const found = assertion.counterexample;
  return (
    <article class={`finding ${STYLES[ended]}`}>
      <header>
        <OutcomeMark of={ended} /> <span class="faint">{where(assertion)}</span> <At place={assertion.at} />
        <a class="anchor" href={href("assertions", assertion.name)} aria-label="a link to this assertion">#</a>
      </header>
      <h2 class="message"><Name>{assertion.name}</Name></h2>
      {notes(assertion).map((note) => <p class="note" key={note}><Prose>{note}</Prose></p>)}
      {written ? (
        <details open={ended === "fails"}><summary>as it is written</summary><Snippet excerpt={written} /></details>
      ) : null}
      {found && proof ? <Contradiction found={found} proof={proof} index={index} /> : null}
    </article>
  );
}

function Contradiction({ found, proof, index }: { found: Counterexample; proof: Proof; index: number }) {
  const allowed = found.verdict !== "deny";
  const sides = (["egress", "ingress"] as const).map((side) => ({
    side,
    end: side === "egress" ? found.src : found.dst,
    steps: found.steps.map((step, at) => ({ step, excerpt: proof.steps[at] ?? null })).filter(({ step }) => step.side === side),
  }));
  return (
    <>
      <h3>This flow contradicts it</h3>
      <p class="pair">
        <EndOf end={found.src} /> → <EndOf end={found.dst} /> on {over(found)}{" "}
        <span class={`mark ${allowed ? "allowed" : "denied"}`}>{allowed ? "allowed" : "denied"}</span>
      </p>
      <Seen end={found.src} />
      <Seen end={found.dst} />
      {sides.map(({ side, end, steps }) => (
        <section class="decides" key={side}>
          <h4>{side === "egress" ? "What leaves " : "What enters "}<Name>{end.id}</Name></h4>
          {steps.map(({ step, excerpt }, at) => <StepOf key={at} step={step} excerpt={excerpt} end={end} />)}
        </section>
      ))}
      {found.nearest.length ? <Nearest found={found} proof={proof} /> : null}
      <Replay found={found} index={index} />
    </>
  );
}

/** An end of a flow; one that is not in these manifests is told by its name alone. */
function EndOf({ end }: { end: FlowEnd }) {
  const known = useReport().index(end.id);
  return known === undefined ? <Name>{end.id}</Name> : <EndpointLink index={known} />;
}

function Seen({ end }: { end: FlowEnd }) {
  return end.seen ? <p class="seen"><Name>{end.id}</Name> <span class="faint">is seen as</span> <code><Name>{end.seen}</Name></code></p> : null;
}

const SAYS = { allow: "allows it", deny: "denies it", pass: "passes it on", log: "logs it" };
const MARKS = { allow: "allowed", deny: "denied", pass: "passed", log: "" };

function StepOf({ step, excerpt, end }: { step: Step; excerpt: number | null; end: FlowEnd }) {
  const report = useReport();
  const shown = excerpt === null ? undefined : report.document.excerpts[excerpt];
  if (step.object === null) {
    return <p><span class={`mark ${MARKS[step.action]}`}>{step.action}</span> by default: {visible(byDefault(step, end.id))}.</p>;
  }
  return (
    <div class={`rule ${step.action}`}>
      <p>
        <span class={`mark ${MARKS[step.action]}`}>{step.action}</span> <PolicyName object={step.object} />{" "}
        {step.rule === null
          ? step.action === "allow" ? "has no rule for it, and its tier allows" : "isolates the pod, and no rule allows this"
          : <><code><Name>{step.rule}</Name></code> {SAYS[step.action]}</>}
      </p>
      {shown ? <Snippet excerpt={shown} /> : <p><At place={step.at} /></p>}
      {step.also?.length ? (
        <p>Isolated too by {step.also.map(({ object, at }, index) => <>{index ? ", " : ""}<PolicyName object={object} /> <At place={at} /></>)}</p>
      ) : null}
    </div>
  );
}

function PolicyName({ object }: { object: string }) {
  const known = useReport().policies.some((ranked) => ranked.object === object);
  return known ? <a href={href("policies", object)}><Name>{object}</Name></a> : <Name>{object}</Name>;
}

function Nearest({ found, proof }: { found: Counterexample; proof: Proof }) {
  const { excerpts } = useReport().document;
  const fewest = Math.min(...found.nearest.map(({ unmet }) => unmet.length));
  return (
    <section class="decides">
      <h4>Nearest to allowing it</h4>
      {found.nearest.map(({ object, rule, at, unmet }, index) => {
        // What is further off says nothing.
        if (unmet.length > fewest) return null;
        const shown = excerpts[proof.nearest[index] ?? -1];
        return (
          <div class="rule near" key={index}>
            <p><PolicyName object={object} /> <code><Name>{rule}</Name></code></p>
            <ul>{unmet.map((text) => <li key={text}><Prose>{text}</Prose></li>)}</ul>
            {shown ? <Snippet excerpt={shown} /> : <p><At place={at} /></p>}
          </div>
        );
      })}
    </section>
  );
}

function Replay({ found, index }: { found: Counterexample; index: number }) {
  const { manifests, command } = found;
  const id = `witness-${index}`;
  return (
    <section class="decides">
      <h4 id={id}>To see it</h4>
      {manifests === null ? null : (
        <details>
          <summary>What it takes, to be saved as <code>witness.yaml</code></summary>
          <button type="button" class="save-witness" onClick={() => download("witness.yaml", "application/yaml", manifests)}>save witness.yaml</button>
          <pre class="manifests" tabIndex={0} aria-labelledby={id}>{visibleLines(manifests)}</pre>
        </details>
      )}
      <Command>{command}</Command>
    </section>
  );
}

/** A text with line ends, and with nothing else that is not seen. */
function visibleLines(text: string): string {
  return text.split("\n").map(visible).join("\n");
}
