//! A trace: a result for each verdict, at the rule that decides, with the way to it as a code flow.

use std::io::{self, Write};

use super::flow::{self, Case};
use super::log::{Invocation, Location, Notification, Properties, SarifResult};
use super::place::{Files, logical};
use super::{list, message, notification, rules, start};
use crate::query::trace::{Near, Overall};
use crate::report::summary::level;
use crate::report::{Page, TraceReport};

pub(super) fn write(report: &TraceReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let files = Files::traced(report);
    start(page, std::iter::once(rules::traced()), &invocation(report, files))?;
    let parts = report.trace.parts.iter().flat_map(Case::of).map(|case| result(&case, report, files));
    // A path may end before it comes to any pod.
    let ended = report.trace.parts.is_empty().then(|| stopped(report, files));
    list(page, parts.chain(ended))?;
    writeln!(page, "}}]}}")
}

/// What reading found wrong, and what else the reader should know.
fn invocation<'a>(report: &'a TraceReport<'_>, files: Files<'_>) -> Invocation<'a> {
    let told = report.findings.iter().map(move |finding| {
        // The log's table holds the one rule of the answers.
        let said = notification(finding, level(finding.severity), None, files);
        if finding.incomplete {
            said
        } else {
            Notification { message: message::plain(&finding.message), ..said }
        }
    });
    let notes = report.trace.notes.iter().map(|note| Notification {
        level: "note",
        message: message::plain(note),
        associated_rule: None,
        locations: Vec::new(),
    });
    Invocation {
        execution_successful: report.complete,
        exit_code: None,
        exit_code_description: None,
        tool_execution_notifications: told.chain(notes).collect(),
    }
}

fn result<'a>(case: &Case<'_>, report: &TraceReport<'_>, files: Files<'_>) -> SarifResult<'a> {
    let decisive = case.decisive();
    let place = decisive.and_then(|step| {
        let place = files.place(step.span, None)?;
        Some(Location { logical: vec![logical(&step.object)], ..place })
    });
    let (verdict, word) = if case.allowed() { ("allow", "allowed") } else { ("deny", "denied") };
    let by = match decisive {
        Some(step) => format!("by `{}`", step.object),
        None => "by default".to_owned(),
    };
    let text = format!("{}: {word} {by}", case.text());
    let code_flow = flow::of_case(case, &report.trace.hops, files);
    SarifResult {
        related_locations: related(case, files),
        ..answer(&text, verdict, place, code_flow.into_iter().collect())
    }
}

/// The path that does not get to any pod.
fn stopped<'a>(report: &TraceReport<'_>, files: Files<'_>) -> SarifResult<'a> {
    let last = report.trace.hops.last();
    let place = last.and_then(|hop| hop.span).and_then(|span| files.place(span, None));
    let overall = report.trace.overall.unwrap_or(Overall::Deny);
    let flow = match report.over {
        // A URL says it already.
        Some((protocol, port)) if !report.dst.contains("://") => {
            format!("{} -> {} on {protocol} {port}", report.src, report.dst)
        }
        _ => format!("{} -> {}", report.src, report.dst),
    };
    let word = match overall {
        Overall::Allow => "allowed",
        Overall::Deny => "denied",
        Overall::Mixed => "allowed to some",
    };
    let why = last.map_or_else(String::new, |hop| format!(": {}", hop.text));
    let code_flow = flow::code_flow(&flow, flow::way(&report.trace.hops, files));
    answer(&format!("{flow}: {word}{why}"), overall.name(), place, code_flow.into_iter().collect())
}

/// An answer, which is no mistake.
fn answer<'a>(
    text: &str,
    verdict: &'static str,
    place: Option<Location>,
    code_flows: Vec<super::log::CodeFlow>,
) -> SarifResult<'a> {
    SarifResult {
        rule_id: rules::TRACE,
        rule_index: Some(0),
        kind: Some("informational"),
        level: "none",
        message: message::plain(text),
        locations: place.into_iter().collect(),
        related_locations: Vec::new(),
        partial_fingerprints: None,
        code_flows,
        fixes: Vec::new(),
        suppressions: Vec::new(),
        properties: Properties { verdict: Some(verdict), ..Properties::default() },
    }
}

/// The peers that match, the other policies that isolate, and what comes nearest to allowing what is denied.
fn related(case: &Case<'_>, files: Files<'_>) -> Vec<Location> {
    let sides = [case.egress, case.ingress];
    let steps = sides.iter().flat_map(|decided| &decided.steps);
    let said = steps.flat_map(|step| {
        let peer = step.peer.and_then(|peer| files.place(peer, Some("matches the other end")));
        let also = step.also.iter().filter_map(move |(object, span)| {
            let place = files.place(*span, Some("isolates the endpoint too"))?;
            Some(Location { logical: vec![logical(object)], ..place })
        });
        peer.into_iter().chain(also)
    });
    let near = sides.iter().flat_map(|decided| &decided.near).filter_map(|near| nearest(near, files));
    near.chain(said).enumerate().map(|(index, place)| Location { id: Some(index + 1), ..place }).collect()
}

fn nearest(near: &Near, files: Files<'_>) -> Option<Location> {
    let text = format!("nearest to allowing it: `{}`: {}", near.rule, near.unmet.join("; "));
    let place = files.place(near.span, Some(&text))?;
    Some(Location { logical: vec![logical(&near.object)], ..place })
}
