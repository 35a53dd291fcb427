//! SARIF 2.1.0, the OASIS format that code scanning services and editors read.
//!
//! Columns count code points, as everywhere in npv, and the log says so. Names are data here as well: a
//! message's braces and links are escaped, as section 3.11 of the standard asks.

mod flow;
mod log;
mod message;
mod place;
mod result;
mod rules;
mod trace;

use std::io::{self, Write};

use log::{Descriptor, Invocation, Notification, RuleReference};
use npv_models::diagnostic::Finding;
use place::Files;
use serde::Serialize;

use super::assertion::with_findings;
use super::{CheckReport, Format, Page};
use crate::suppress::Suppressed;

/// The published schema, at the place that its own `id` gives.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// What relative URIs start from.
const TOP: &str = "%SRCROOT%";

pub(super) const FORMAT: Format = Format {
    name: "sarif",
    doc: "SARIF 2.1.0, for editors and archives; with what is suppressed, and why; a trace as a code flow",
    check: Some(whole),
    trace: Some(trace::write),
    ..Format::NONE
};

/// GitHub takes a suppressed result for an open alert.
pub(super) const OPEN: Format = Format {
    name: "code-scanning",
    doc: "SARIF 2.1.0 without what is suppressed, for services that do not read that, such as GitHub's",
    check: Some(open),
    ..Format::NONE
};

fn whole(report: &CheckReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    write_log(report, report.run.suppressed, page)
}

fn open(report: &CheckReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    write_log(report, &[], page)
}

fn write_log(report: &CheckReport<'_>, suppressed: &[Suppressed], page: &mut Page<'_>) -> io::Result<()> {
    let findings = with_findings(report);
    let report = &CheckReport { findings: &findings, ..*report };
    start(page, rules::descriptors(), &invocation(report))?;
    let open = report.findings.iter().map(|finding| result::of(finding, report));
    list(page, open.chain(suppressed.iter().map(|one| result::suppressed(one, report))))?;
    writeln!(page, "}}]}}")
}

/// Everything before the results.
fn start(
    page: &mut Page<'_>,
    rules: impl Iterator<Item = Descriptor>,
    invocation: &Invocation<'_>,
) -> io::Result<()> {
    writeln!(page, "{{\"$schema\": \"{SCHEMA}\",\n\"version\": \"2.1.0\",\n\"runs\": [{{")?;
    write!(page, "\"tool\": {{\"driver\": {{\"name\": \"npv\", \"version\": ")?;
    value(page, &env!("CARGO_PKG_VERSION"))?;
    write!(page, ", \"semanticVersion\": ")?;
    value(page, &env!("CARGO_PKG_VERSION"))?;
    write!(page, ", \"rules\": ")?;
    list(page, rules)?;
    writeln!(page, "}}}},\n\"columnKind\": \"unicodeCodePoints\",")?;
    let top = "the directory that npv ran in; services take it for the top of the repository";
    writeln!(page, "\"originalUriBaseIds\": {{\"{TOP}\": {{\"description\": {{\"text\": \"{top}\"}}}}}},")?;
    write!(page, "\"invocations\": [")?;
    value(page, invocation)?;
    write!(page, "],\n\"results\": ")
}

/// How the run ended, and what it left out.
fn invocation<'a>(report: &'a CheckReport<'_>) -> Invocation<'a> {
    let status = report.run.status;
    let left_out = report.findings.iter().filter(|finding| finding.incomplete);
    Invocation {
        // Findings are what npv is run for; only what keeps it from looking is a failure.
        execution_successful: matches!(status, 0 | 1),
        exit_code: Some(status),
        exit_code_description: Some(match status {
            0 => "nothing at or above the level that fails the run",
            1 => "findings",
            3 => "incomplete: some input could not be read or is not modelled",
            _ => "no answer",
        }),
        tool_execution_notifications: left_out
            .map(|finding| {
                let level = if status == 3 { "error" } else { "warning" };
                notification(finding, level, rules::index(finding.rule), Files::of(report))
            })
            .collect(),
    }
}

/// That something is left out.
fn notification<'a>(
    finding: &'a Finding,
    level: &'static str,
    index: Option<usize>,
    files: Files<'_>,
) -> Notification<'a> {
    Notification {
        level,
        message: message::plain(&format!("left out of the analysis: {}", finding.message)),
        associated_rule: Some(RuleReference { id: finding.rule, index }),
        locations: result::primary(finding, files).into_iter().collect(),
    }
}

/// Writes a value on one line.
fn value<T: Serialize>(page: &mut Page<'_>, value: &T) -> io::Result<()> {
    serde_json::to_writer(page, value).map_err(io::Error::from)
}

/// Writes values, one on each line.
fn list<T: Serialize>(page: &mut Page<'_>, values: impl Iterator<Item = T>) -> io::Result<()> {
    write!(page, "[")?;
    for (index, item) in values.enumerate() {
        write!(page, "{}", if index == 0 { "\n" } else { ",\n" })?;
        value(page, &item)?;
    }
    write!(page, "]")
}
