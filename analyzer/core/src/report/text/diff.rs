//! `npv diff` as bundles of flows, and what else has changed.

use std::io::{self, Write};

use npv_models::diagnostic::{Finding, Severity};
use npv_models::source::{SourceMap, Span};

use super::{count, incomplete};
use crate::query::diff::{Bundle, Danger, End, Folding, PolicyChange, Presence, Which, Whom};
use crate::report::visible::visible;
use crate::report::{DiffReport, Ink, Page};

/// So many ends are named before the rest is only counted.
const NAMED: usize = 4;
/// So many reasons of a bundle are named before the rest is only counted.
const REASONS: usize = 4;

pub(super) fn write(report: &DiffReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let flows = &report.diff.flows;
    let folding = Folding::new(flows);
    for which in Which::ALL {
        let bundles = report.why.bundles(which);
        section(report, which, true, &folding, &bundles, page)?;
        section(report, which, false, &folding, &bundles, page)?;
    }
    for (presence, heading) in
        [(Presence::Added, "new endpoints"), (Presence::Removed, "endpoints that are gone")]
    {
        let ends: Vec<&End> = flows.ends.iter().filter(|end| end.presence == presence).collect();
        if ends.is_empty() {
            continue;
        }
        writeln!(page, "{}", page.ink(Ink::Heading, heading))?;
        for end in ends {
            writeln!(page, "  {}", visible(&end.party.id))?;
        }
        writeln!(page)?;
    }
    policies(report, page)?;
    for (heading, findings, sources) in [
        ("findings introduced", &report.diff.introduced, report.head.sources),
        ("findings resolved", &report.diff.resolved, report.base.sources),
    ] {
        self::findings(heading, findings, sources, page)?;
    }
    summary(report, page)
}

/// The bundles between ends that are on both sides, or those with an end that is not.
fn section(
    report: &DiffReport<'_>,
    which: Which,
    existing: bool,
    folding: &Folding<'_>,
    bundles: &[(Danger, Bundle)],
    page: &mut Page<'_>,
) -> io::Result<()> {
    let mut wanted = bundles
        .iter()
        .map(|(_, bundle)| bundle)
        .filter(|bundle| (bundle.presence == Presence::Both) == existing)
        .peekable();
    if wanted.peek().is_none() {
        return Ok(());
    }
    let heading = match (which, existing) {
        (_, true) => which.name(),
        (Which::Opened, false) => "opened with new endpoints",
        (Which::Closed, false) => "closed with endpoints that are gone",
    };
    let ink = if which == Which::Opened { Ink::Caution } else { Ink::Allowed };
    writeln!(page, "{}", page.ink(Ink::Heading, heading))?;
    for bundle in wanted {
        let arrow = page.ink(Ink::Faint, "→").to_string();
        let (src, dst) = (whom(folding, &bundle.src), whom(folding, &bundle.dst));
        let traffic =
            if bundle.traffic.is_all() { "all traffic".to_owned() } else { bundle.traffic.to_string() };
        writeln!(page, "  {src} {arrow} {dst}  {}", page.ink(ink, traffic))?;
        whys(report, which, bundle, page)?;
    }
    writeln!(page)
}

/// Why the flows of a bundle open or close, each reason with its place.
fn whys(report: &DiffReport<'_>, which: Which, bundle: &Bundle, page: &mut Page<'_>) -> io::Result<()> {
    let (whys, _) = bundle.why(report.why, which);
    for why in whys.iter().take(REASONS) {
        let at = why.at.map(|(span, in_head)| {
            place(span, if in_head { report.head.sources } else { report.base.sources })
        });
        let at = page.ink(Ink::Place, at.unwrap_or_default());
        writeln!(page, "      {}  {at}", visible(&why.text()))?;
    }
    match whys.len().saturating_sub(REASONS) {
        0 => Ok(()),
        more => writeln!(page, "      and {}", count(more, "other reason")),
    }
}

/// A set of ends in few words.
fn whom(folding: &Folding<'_>, ends: &[usize]) -> String {
    let words = folding.fold(ends);
    let text = |word: &Whom<'_>| match word {
        Whom::Everybody => "*/*".to_owned(),
        Whom::Namespace(namespace) => format!("{}/*", visible(namespace)),
        Whom::One(end) => visible(&end.name()).into_owned(),
    };
    let shown: Vec<String> = words.iter().take(NAMED).map(text).collect();
    match words.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn policies(report: &DiffReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    if report.diff.policies.is_empty() {
        return Ok(());
    }
    writeln!(page, "{}", page.ink(Ink::Heading, "policies"))?;
    for PolicyChange { object, base, head } in &report.diff.policies {
        let (sign, word, at) = match (base, head) {
            (None, Some(span)) => ('+', "added", place(*span, report.head.sources)),
            (Some(span), None) => ('-', "removed", place(*span, report.base.sources)),
            (_, Some(span)) => ('~', "changed", place(*span, report.head.sources)),
            (None, None) => continue,
        };
        writeln!(page, "  {sign} `{}` {word}  {}", visible(object), page.ink(Ink::Place, at))?;
    }
    writeln!(page)
}

fn place(span: Span, sources: &SourceMap) -> String {
    sources.locate(span).map_or_else(String::new, |at| visible(&at.to_string()).into_owned())
}

fn findings(heading: &str, findings: &[Finding], sources: &SourceMap, page: &mut Page<'_>) -> io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    writeln!(page, "{}", page.ink(Ink::Heading, heading))?;
    for finding in findings {
        let (word, ink) = match finding.severity {
            Severity::Error => ("error", Ink::Denied),
            Severity::Warning => ("warning", Ink::Caution),
            Severity::Note => ("note", Ink::Heading),
        };
        let at = finding.span().map_or_else(String::new, |span| place(span, sources));
        let level = page.ink(ink, format!("{word}[{}]", finding.rule));
        writeln!(page, "  {level} {}  {}", visible(&finding.message), page.ink(Ink::Place, at))?;
    }
    writeln!(page)
}

fn summary(report: &DiffReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let counts = Which::ALL.map(|which| report.diff.flows.count(which));
    let [opened, closed] = counts;
    let flows = match (opened, closed) {
        (0, 0) => "no flow opened or closed".to_owned(),
        (opened, closed) => format!("{} opened, {closed} closed", count(opened, "flow")),
    };
    let (new, gone) = (report.diff.introduced.len(), report.diff.resolved.len());
    let findings = match (new, gone) {
        (0, 0) => String::new(),
        (new, gone) => format!("; {} introduced, {gone} resolved", count(new, "finding")),
    };
    writeln!(page, "{}", page.ink(Ink::Heading, format!("{flows}{findings}")))?;
    for side in [&report.base, &report.head] {
        if !side.complete {
            let text = format!("`{}` is {}", visible(side.name), incomplete(side.findings));
            writeln!(page, "{}", page.ink(Ink::Caution, text))?;
        }
    }
    Ok(())
}
