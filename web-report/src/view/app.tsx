// The frame around the views: navigation, theme, downloads and the panel that says why.
import { useEffect, useRef, useState } from "preact/hooks";
import { reach } from "../model/answers";
import type { Report } from "../model/report";
import { visible } from "../model/visible";
import { Assertions } from "./assertions";
import { LayoutContext, ReportContext } from "./context";
import { download } from "./download";
import { ChangesView } from "./changes";
import { Findings } from "./findings";
import { Glance } from "./glance";
import { MapView } from "./map";
import { MatrixView } from "./matrix";
import { Policies } from "./policies";
import { href, useRoute, type View } from "./router";
import { Services } from "./services";
import { nextTheme, useTheme } from "./theme";
import { Why } from "./why";
import { Workloads } from "./workloads";

const TITLES: Record<View, string> = {
  glance: "At a glance",
  changes: "Changes",
  map: "Map",
  matrix: "Matrix",
  findings: "Findings",
  assertions: "Assertions",
  policies: "Policies",
  workloads: "Workloads",
  services: "Services and routes",
};

const COMPONENTS: Record<View, () => preact.JSX.Element> = {
  glance: Glance,
  changes: ChangesView,
  map: MapView,
  matrix: MatrixView,
  findings: Findings,
  assertions: Assertions,
  policies: Policies,
  workloads: Workloads,
  services: Services,
};

export function App({ report, ready }: { report: Report; ready: Promise<void> }) {
  const { view, about, parameters } = useRoute();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const Component = COMPONENTS[view];
  const [src, dst] = ["src", "dst"].map((name) => report.index(parameters.get(name) ?? ""));
  useEffect(() => {
    document.title = visible(`${TITLES[view]}${about ? `: ${about}` : ""} – npv ${report.changes ? "diff" : "report"}`);
    // A link leads to the top of its view, for eyes and for screen readers; the page itself starts at its own.
    if (first.current) first.current = false;
    else {
      scrollTo(0, 0);
      main.current?.focus();
    }
  }, [view, about]);
  return (
    <ReportContext.Provider value={report}>
    <LayoutContext.Provider value={ready}>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>Skip to the content</a>
      <div class={src !== undefined && dst !== undefined ? "frame with-why" : "frame"}>
        <Navigation view={view} report={report} />
        <main id="main" ref={main} tabIndex={-1} class={src !== undefined && dst !== undefined ? "beside" : ""}>
          <Component />
        </main>
        {src !== undefined && dst !== undefined ? <Why src={src} dst={dst} /> : null}
      </div>
    </LayoutContext.Provider>
    </ReportContext.Provider>
  );
}

function Navigation({ view, report }: { view: View; report: Report }) {
  const counts: Partial<Record<View, number>> = {
    changes: (report.document.diff?.count.opened ?? 0) + (report.document.diff?.count.closed ?? 0),
    findings: report.document.findings.length,
    assertions: report.document.assertions.length,
    policies: report.policies.length,
  };
  return (
    <nav aria-label="views">
      <p class="brand"><span aria-hidden="true" class="logo" />npv <span class="faint">{report.changes ? "diff" : "report"}</span></p>
      <ul>
        {(Object.keys(TITLES) as View[]).filter((name) => name !== "changes" || report.changes).map((name) => (
          <li key={name}>
            <a href={href(name)} aria-current={name === view ? "page" : undefined}>
              {TITLES[name]}{counts[name] ? <span class="count">{counts[name]?.toLocaleString("en")}</span> : null}
            </a>
          </li>
        ))}
      </ul>
      <Tools report={report} />
    </nav>
  );
}

function Tools({ report }: { report: Report }) {
  const [theme, setTheme] = useTheme();
  const [busy, setBusy] = useState(false);
  const save = (name: string, answer: () => unknown) => {
    setBusy(true);
    setTimeout(() => {
      download(name, "application/json", JSON.stringify(answer()));
      setBusy(false);
    });
  };
  return (
    <div class="tools" aria-busy={busy}>
      <button type="button" class="quiet" onClick={() => setTheme(nextTheme(theme))}>theme: {theme}</button>
      <button type="button" class="quiet" onClick={() => save("reach.json", () => reach(report))} title="the answer of npv reach --format json">
        reach.json
      </button>
      {report.document.diff?.whole ? (
        <button type="button" class="quiet" onClick={() => save("diff.json", () => report.document.diff?.answer)} title="the answer of npv diff --format json">
          diff.json
        </button>
      ) : null}
      <button type="button" class="quiet" onClick={() => save("report.json", () => report.document)} title="the answer of npv report --format json">
        report.json
      </button>
      <p class="faint version">npv {report.document.npv}</p>
    </div>
  );
}
