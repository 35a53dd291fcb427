//! The page for readers without JavaScript: what differs, the summary, the assertions, the findings and the
//! connections.

use std::io::{self, Write};

use npv_models::diagnostic::{Finding, Role};

use super::difference::{BundleOf, Difference};
use super::document::Document;
use super::excerpt::Excerpt;
use super::markup::Text;
use crate::query::prove::{Outcome, Proof};
use crate::query::reach::{By, Question, reach};
use crate::report::{FullReport, Look, Page, summary, text};

/// Findings that are shown in full; the rest is counted.
const MOST_FINDINGS: usize = 500;
/// Rows of the table of connections; where there are more, it speaks of workloads, and then of namespaces.
const MOST_CONNECTIONS: usize = 2_000;

/// Writes the page.
pub(super) fn write(document: &Document<'_>, report: &FullReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    if let Some(diff) = &document.diff {
        changes(diff, page)?;
    }
    numbers(document, &report.proofs.proofs, page)?;
    assertions(document, report, page)?;
    findings(document, report.findings, page)?;
    suppressed(report, page)?;
    connections(report, page)
}

/// What opens and closes, the most dangerous first.
fn changes(diff: &Difference<'_>, page: &mut Page<'_>) -> io::Result<()> {
    for (heading, count, bundles) in
        [("Opened", diff.count.opened, &diff.opened), ("Closed", diff.count.closed, &diff.closed)]
    {
        writeln!(page, "<h2>{heading}: {}</h2>", summary::count(count, "flow"))?;
        if bundles.is_empty() {
            continue;
        }
        writeln!(
            page,
            "<table><thead><tr><th scope=\"col\">From</th><th scope=\"col\">To</th><th scope=\"col\">Over</th>\
             <th scope=\"col\">Why</th></tr></thead><tbody>"
        )?;
        for bundle in bundles.iter().take(MOST_CONNECTIONS) {
            let danger = bundle.danger.map_or_else(String::new, |danger| format!("<b>{danger}</b> "));
            writeln!(
                page,
                "<tr><td>{danger}{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                Text(bundle.from.join(", ")),
                Text(bundle.to.join(", ")),
                Text(&bundle.traffic),
                Text(whys(diff, bundle))
            )?;
        }
        writeln!(page, "</tbody></table>")?;
        if let Some(more @ 1..) = bundles.len().checked_sub(MOST_CONNECTIONS) {
            writeln!(page, "<p>There are {more} more.</p>")?;
        }
    }
    Ok(())
}

fn whys(diff: &Difference<'_>, bundle: &BundleOf) -> String {
    let whys = diff.why(bundle).map(|reason| match &reason.excerpt {
        Some(excerpt) => {
            let (file, line) = excerpt.place();
            format!("{} ({file}:{line})", reason.message)
        }
        None => reason.message.clone(),
    });
    let whys: Vec<String> = whys.collect();
    match (bundle.between, whys.is_empty()) {
        ("added", true) => "one of them is new".to_owned(),
        ("removed", true) => "one of them is gone".to_owned(),
        _ => whys.join("; "),
    }
}

fn numbers(document: &Document<'_>, proofs: &[Proof<'_>], page: &mut Page<'_>) -> io::Result<()> {
    let (summary, coverage) = (&document.summary, &document.coverage);
    writeln!(page, "<h2>At a glance</h2>\n<table><tbody>")?;
    let rows: [(&str, u64); 12] = [
        ("Errors", summary.errors as u64),
        ("Warnings", summary.warnings as u64),
        ("Notes", summary.notes as u64),
        ("Namespaces", summary.namespaces as u64),
        ("Workloads", summary.workloads as u64),
        ("Pods", summary.pods),
        ("Policies", summary.policies as u64),
        ("Services", summary.services as u64),
        ("Pods isolated for ingress", coverage.ingress),
        ("Pods isolated for egress", coverage.egress),
        ("Workloads open to the internet", coverage.exposed.len() as u64),
        ("Connections", coverage.connections),
    ];
    // Only what there is: whoever has no baseline need not learn of it here.
    let left_out = [
        ("Suppressed findings", document.suppressed.len()),
        ("Findings of the baseline", document.baseline.len()),
    ];
    let outcomes = OUTCOMES.map(|word| {
        (format!("Assertions: {word}"), proofs.iter().filter(|proof| ended(proof) == word).count())
    });
    let some = left_out.map(|(name, count)| (name.to_owned(), count)).into_iter().chain(outcomes);
    let rows = rows.map(|(name, count)| (name.to_owned(), count)).into_iter();
    for (name, count) in
        rows.chain(some.filter(|(_, count)| *count > 0).map(|(name, count)| (name, count as u64)))
    {
        writeln!(page, "<tr><th scope=\"row\">{name}</th><td>{count}</td></tr>")?;
    }
    if let Some(plugin) = &document.plugin {
        writeln!(page, "<tr><th scope=\"row\">Network plugin</th><td>{}</td></tr>", Text(plugin))?;
    }
    writeln!(page, "</tbody></table>")?;
    if !document.complete {
        writeln!(page, "<p>This report is incomplete: some input could not be read or is not modelled.</p>")?;
    }
    Ok(())
}

/// How assertions can end, the worst first.
const OUTCOMES: [&str; 4] = ["fails", "undecided", "holds vacuously", "holds"];

fn ended(proof: &Proof<'_>) -> &'static str {
    match proof.outcome {
        Outcome::Fails(_) => "fails",
        Outcome::Unknown(_) => "undecided",
        Outcome::Vacuous(_) => "holds vacuously",
        Outcome::Holds => "holds",
    }
}

fn assertions(document: &Document<'_>, report: &FullReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let proofs = &report.proofs.proofs;
    if proofs.is_empty() {
        return Ok(());
    }
    writeln!(page, "<h2>Assertions</h2>\n<ol>")?;
    for (proof, excerpts) in proofs.iter().zip(&document.proofs) {
        writeln!(page, "<li><p><b>{}</b> {}</p>", ended(proof), Text(&proof.assertion.name))?;
        let why = match &proof.outcome {
            Outcome::Vacuous(why) => Some(why.clone()),
            Outcome::Unknown(why) => Some(format!("not decided: {why}")),
            Outcome::Holds | Outcome::Fails(_) => None,
        };
        for note in why.iter().chain(&proof.notes) {
            writeln!(page, "<p>note: {}</p>", Text(note))?;
        }
        if let Some(excerpt) = excerpts.whole().and_then(|number| document.excerpts.get(number as usize)) {
            snippet(excerpt, page)?;
        }
        if let Outcome::Fails(found) = &proof.outcome {
            let mut shown = Vec::new();
            let mut paper = Page::new(&mut shown, Look::default());
            text::counterexample(found, report.replay, None, &report.snapshot.sources, &mut paper)?;
            writeln!(page, "<pre>")?;
            for line in String::from_utf8_lossy(&shown).lines() {
                writeln!(page, "{}", Text(line))?;
            }
            writeln!(page, "</pre>")?;
        }
        writeln!(page, "</li>")?;
    }
    writeln!(page, "</ol>")
}

fn suppressed(report: &FullReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let lists = [
        ("Suppressed", report.suppressed.iter().map(|one| (&one.finding, Some(&*one.reason))).collect()),
        ("In the baseline", report.known.iter().map(|finding| (finding, None)).collect::<Vec<_>>()),
    ];
    for (title, list) in lists {
        if list.is_empty() {
            continue;
        }
        writeln!(page, "<h2>{title}</h2>\n<ol>")?;
        for (finding, reason) in list.iter().take(MOST_FINDINGS) {
            write!(page, "<li><p>[{}] {}", Text(finding.rule), Text(&finding.message))?;
            let place = finding.span().and_then(|span| report.snapshot.sources.locate(span));
            if let Some(place) = place {
                write!(page, " <code>{}</code>", Text(place))?;
            }
            if let Some(reason) = reason {
                write!(page, "</p><p>reason: {}", Text(reason))?;
            }
            writeln!(page, "</p></li>")?;
        }
        writeln!(page, "</ol>")?;
        if let Some(more @ 1..) = list.len().checked_sub(MOST_FINDINGS) {
            writeln!(page, "<p>There are {more} more.</p>")?;
        }
    }
    Ok(())
}

fn snippet(excerpt: &Excerpt<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let (file, line) = excerpt.place();
    writeln!(page, "<p><code>{}:{line}</code></p><pre>", Text(file))?;
    for line in excerpt.text().lines() {
        writeln!(page, "{}", Text(line))?;
    }
    writeln!(page, "</pre>")
}

fn findings(document: &Document<'_>, findings: &[Finding], page: &mut Page<'_>) -> io::Result<()> {
    writeln!(page, "<h2>Findings</h2>")?;
    if findings.is_empty() {
        return writeln!(page, "<p>There are none.</p>");
    }
    writeln!(page, "<ol>")?;
    for (finding, shown) in findings.iter().zip(&document.shown).take(MOST_FINDINGS) {
        let severity = format!("{:?}", finding.severity).to_lowercase();
        writeln!(page, "<li><p><b>{severity}</b> [{}] {}</p>", Text(finding.rule), Text(&finding.message))?;
        let label = finding.locations.iter().find(|location| location.role == Role::Primary);
        if let Some(label) = label.and_then(|location| location.label.as_deref()) {
            writeln!(page, "<p>{}</p>", Text(label))?;
        }
        for excerpt in shown.iter().filter_map(|number| document.excerpts.get(*number as usize)) {
            snippet(excerpt, page)?;
        }
        for help in &finding.help {
            writeln!(page, "<p>help: {}</p>", Text(help))?;
        }
        writeln!(page, "</li>")?;
    }
    writeln!(page, "</ol>")?;
    if let Some(more @ 1..) = findings.len().checked_sub(MOST_FINDINGS) {
        writeln!(page, "<p>There are {more} more.</p>")?;
    }
    Ok(())
}

fn connections(report: &FullReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let (cluster, engine) = (&report.snapshot.cluster, report.engine);
    for (by, of) in [(By::Endpoint, ""), (By::Workload, " of workloads"), (By::Namespace, " of namespaces")] {
        let question = Question { by, ..Question::default() };
        let answer = reach(&question, cluster, engine);
        let mut lines: Vec<String> = Vec::new();
        let mut count = 0_usize;
        let name = |index: usize| answer.parties.get(index).map_or("", |party| party.id.as_str());
        let ended = answer.each(|link| {
            count += 1;
            if count > MOST_CONNECTIONS && by != By::Namespace {
                return Err(());
            }
            if count <= MOST_CONNECTIONS {
                lines.push(format!(
                    "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
                    Text(name(link.src)),
                    Text(name(link.dst)),
                    Text(&*link.traffic)
                ));
            }
            Ok(())
        });
        if ended.is_err() {
            continue;
        }
        writeln!(page, "<h2>Connections{of}</h2>")?;
        writeln!(
            page,
            "<table><thead><tr><th scope=\"col\">From</th><th scope=\"col\">To</th><th scope=\"col\">Over</th>\
             </tr></thead><tbody>"
        )?;
        for line in &lines {
            writeln!(page, "{line}")?;
        }
        writeln!(page, "</tbody></table>")?;
        if let Some(more @ 1..) = count.checked_sub(lines.len()) {
            writeln!(page, "<p>There are {more} more.</p>")?;
        }
        return Ok(());
    }
    Ok(())
}
