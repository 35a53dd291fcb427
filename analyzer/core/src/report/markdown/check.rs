//! `npv check --format markdown`: a table for a job's summary or a comment on a pull request.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use npv_models::diagnostic::Finding;

use super::{code, prose};
use crate::report::assertion::with_findings;
use crate::report::details::details;
use crate::report::place::relative;
use crate::report::{CheckReport, Page, summary};

/// Services refuse comments of more than 65,536 characters; some of them are for what surrounds this one.
const LONGEST: usize = 60_000;

pub(super) fn write(report: &CheckReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let findings = with_findings(report);
    let report = &CheckReport { findings: &findings, ..*report };
    writeln!(page, "### npv check: {}\n", summary::levels(report))?;
    let findings = summary::worst_first(report.findings);
    if !findings.is_empty() {
        writeln!(page, "| level | rule | where | what |\n|---|---|---|---|")?;
    }
    let mut written = 0;
    let mut length = 0;
    for finding in &findings {
        let row = row(finding, report);
        length += row.len();
        if length > LONGEST {
            break;
        }
        written += 1;
        writeln!(page, "{row}")?;
    }
    if written < findings.len() {
        let left = summary::count(findings.len() - written, "finding");
        writeln!(page, "\n{left} more, no worse than the last one above: `npv check` lists them all.")?;
    }
    if !findings.is_empty() {
        writeln!(page)?;
    }
    writeln!(page, "{}", summary::scope(report.inventory))?;
    if !report.complete {
        writeln!(page, "\n**Incomplete**: {}", summary::left_out(report.findings))?;
    }
    Ok(())
}

fn row(finding: &Finding, report: &CheckReport<'_>) -> String {
    let place =
        finding.span().and_then(|span| report.sources.locate(span)).map_or_else(String::new, |place| {
            code(&format!("{}:{}", relative(place.file, report.run.directory), place.start.line))
        });
    let level = summary::level(finding.severity);
    let mut row = format!("| {level} | {} | {place} | {}", code(finding.rule), prose(&finding.message));
    for line in details(finding, report.sources) {
        // Writing to a string does not fail.
        let _ = write!(row, "<br>{}", prose(&line));
    }
    row.push_str(" |");
    row
}
