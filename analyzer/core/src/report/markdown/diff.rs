//! `npv diff --format markdown`: a comment on a pull request, the most dangerous first, of bounded length.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write as _};

use npv_models::diagnostic::Finding;
use npv_models::source::{SourceMap, Span};

use super::{code, plain, prose};
use crate::query::diff::{Bundle, Danger, Folding, Presence, Which, Whom};
use crate::report::{DiffReport, Page, summary};

/// Services refuse comments of more than 65,536 characters; some of them are for what surrounds this one.
const LONGEST: usize = 60_000;
/// So much of it is at most for one part, so that those after it have some.
const PART: usize = 28_000;
/// So many ends, and so many reasons, are named in a row before the rest is only counted.
const NAMED: usize = 4;

pub(super) fn write(report: &DiffReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let text = comment(report);
    page.write_all(text.as_bytes())
}

fn comment(report: &DiffReport<'_>) -> String {
    let [opened, closed] = Which::ALL.map(|which| report.diff.flows.count(which));
    let flows = match (opened, closed) {
        (0, 0) => "no flow opened or closed".to_owned(),
        (opened, closed) => format!("{} opened, {closed} closed", summary::count(opened, "flow")),
    };
    let mut text = format!("### npv diff: {flows}\n\n");
    // Writing to a string does not fail.
    let _ = writeln!(text, "{} compared with {}\n", name(report.head.name), name(report.base.name));
    if !report.complete() {
        let left_out = summary::left_out(&[report.base.findings, report.head.findings].concat());
        let _ = writeln!(text, "**Incomplete**: {left_out}\n");
    }
    let folding = Folding::new(&report.diff.flows);
    for which in Which::ALL {
        let bundles = report.why.bundles(which);
        for existing in [true, false] {
            let wanted: Vec<&(Danger, Bundle)> = bundles
                .iter()
                .filter(|(_, bundle)| (bundle.presence == Presence::Both) == existing)
                .collect();
            // What opens between those who are there already is what the comment is for.
            let folded = which == Which::Closed || !existing;
            let heading = match (which, existing) {
                (Which::Opened, true) => "Opened",
                (Which::Opened, false) => "Opened with new endpoints",
                (Which::Closed, true) => "Closed",
                (Which::Closed, false) => "Closed with endpoints that are gone",
            };
            let rows = wanted.iter().map(|(danger, bundle)| row(report, &folding, which, *danger, bundle));
            let head = "| | from | to | traffic | why |\n|---|---|---|---|---|";
            part(&mut text, heading, folded, head, wanted.len(), rows);
        }
    }
    let policies = &report.diff.policies;
    let rows = policies.iter().filter_map(|change| {
        let (word, place) = match (change.base, change.head) {
            (None, Some(span)) => ("added", place(span, report.head.sources)),
            (Some(span), None) => ("removed", place(span, report.base.sources)),
            (_, Some(span)) => ("changed", place(span, report.head.sources)),
            (None, None) => return None,
        };
        Some(format!("| {word} | {} | {place} |", name(&change.object)))
    });
    part(&mut text, "Policies", true, "| | policy | where |\n|---|---|---|", policies.len(), rows);
    for (heading, findings, sources) in [
        ("Findings introduced", &report.diff.introduced, report.head.sources),
        ("Findings resolved", &report.diff.resolved, report.base.sources),
    ] {
        let sorted = summary::worst_first(findings);
        let rows = sorted.iter().map(|finding| finding_row(finding, sources));
        part(
            &mut text,
            heading,
            true,
            "| level | rule | where | what |\n|---|---|---|---|",
            findings.len(),
            rows,
        );
    }
    text
}

/// A table with as many rows as there is room for, behind a fold where it is not the first thing to read.
fn part(
    text: &mut String,
    heading: &str,
    folded: bool,
    head: &str,
    count: usize,
    rows: impl Iterator<Item = String>,
) {
    if count == 0 {
        return;
    }
    if folded {
        let _ = writeln!(text, "<details><summary>{heading} ({count})</summary>\n\n{head}");
    } else {
        let _ = writeln!(text, "#### {heading}\n\n{head}");
    }
    let mut written = 0;
    let mut room = PART.min(LONGEST.saturating_sub(text.len()));
    for row in rows {
        let Some(left) = room.checked_sub(row.len() + 1) else { continue };
        room = left;
        written += 1;
        let _ = writeln!(text, "{row}");
    }
    if written < count {
        let _ = writeln!(text, "\n{} more: `npv diff` lists them all.", count - written);
    }
    text.push_str(if folded { "\n</details>\n\n" } else { "\n" });
}

fn row(
    report: &DiffReport<'_>,
    folding: &Folding<'_>,
    which: Which,
    danger: Danger,
    bundle: &Bundle,
) -> String {
    let danger = match (which, danger.text()) {
        (Which::Opened, text) if !text.is_empty() => format!("**{text}**"),
        _ => String::new(),
    };
    let traffic = if bundle.traffic.is_all() { "all traffic".to_owned() } else { bundle.traffic.to_string() };
    let (src, dst) = (whom(folding, &bundle.src), whom(folding, &bundle.dst));
    format!("| {danger} | {src} | {dst} | {} | {} |", plain(&cut(&traffic)), whys(report, which, bundle))
}

/// A set of ends in few words.
fn whom(folding: &Folding<'_>, ends: &[usize]) -> String {
    let words = folding.fold(ends);
    let text = |word: &Whom<'_>| match word {
        Whom::Everybody => name("*/*"),
        Whom::Namespace(namespace) => name(&format!("{namespace}/*")),
        Whom::One(end) => name(&end.name()),
    };
    let shown: Vec<String> = words.iter().take(NAMED).map(text).collect();
    match words.len().saturating_sub(NAMED) {
        0 => shown.join("<br>"),
        more => format!("{}<br>and {more} more", shown.join("<br>")),
    }
}

fn whys(report: &DiffReport<'_>, which: Which, bundle: &Bundle) -> String {
    let (whys, _) = bundle.why(report.why, which);
    let lines: Vec<String> = whys
        .iter()
        .take(NAMED)
        .map(|why| {
            let at = why.at.map_or_else(String::new, |(span, in_head)| {
                let sources = if in_head { report.head.sources } else { report.base.sources };
                format!(" {}", place(span, sources))
            });
            format!("{}{at}", prose(&cut(&why.text())))
        })
        .collect();
    match whys.len().saturating_sub(NAMED) {
        0 => lines.join("<br>"),
        more => format!("{}<br>and {}", lines.join("<br>"), summary::count(more, "other reason")),
    }
}

fn finding_row(finding: &Finding, sources: &SourceMap) -> String {
    let at = finding.span().map_or_else(String::new, |span| place(span, sources));
    let level = summary::level(finding.severity);
    format!("| {level} | {} | {at} | {} |", code(finding.rule), prose(&finding.message))
}

fn place(span: Span, sources: &SourceMap) -> String {
    sources
        .locate(span)
        .map_or_else(String::new, |place| code(&format!("{}:{}", cut(place.file), place.start.line)))
}

/// A name as code, cut where it is too long to be one.
fn name(text: &str) -> String {
    code(&cut(text))
}

/// What is longer than this is no name, and no sentence, that anybody reads to its end.
const LONGEST_TEXT: usize = 240;

fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()).into(),
        None => text.into(),
    }
}
