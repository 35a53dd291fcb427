//! GitLab's Code Quality report: what a merge request shows beside the changed lines.

use std::collections::BTreeMap;
use std::io::{self, Write};

use npv_models::diagnostic::{Finding, Severity};
use serde::Serialize;

use super::assertion::with_findings;
use super::details::details;
use super::place::relative;
use super::visible::visible;
use super::{CheckReport, Format, Page};

pub(super) const FORMAT: Format =
    Format { name: "gitlab", doc: "GitLab's Code Quality report", check: Some(check), ..Format::NONE };

#[derive(Serialize)]
struct Violation<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
    end: u32,
}

fn check(report: &CheckReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let findings = with_findings(report);
    let report = &CheckReport { findings: &findings, ..*report };
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    write!(page, "[")?;
    for (index, finding) in report.findings.iter().enumerate() {
        write!(page, "{}", if index == 0 { "\n" } else { ",\n" })?;
        serde_json::to_writer(&mut *page, &violation(finding, report, &mut taken))
            .map_err(io::Error::from)?;
    }
    writeln!(page, "\n]")
}

fn violation<'a>(
    finding: &'a Finding,
    report: &CheckReport<'_>,
    taken: &mut BTreeMap<String, usize>,
) -> Violation<'a> {
    let place = finding.span().and_then(|span| report.sources.locate(span));
    let mut description = visible(&finding.message).into_owned();
    for line in details(finding, report.sources) {
        description.push_str("; ");
        description.push_str(&visible(&line));
    }
    let fingerprint = finding.fingerprint();
    let count = taken.entry(fingerprint.clone()).or_default();
    *count += 1;
    Violation {
        description,
        check_name: finding.rule,
        // GitLab shows one violation of each fingerprint.
        fingerprint: if *count > 1 { format!("{fingerprint}-{count}") } else { fingerprint },
        severity: match finding.severity {
            Severity::Error => "critical",
            Severity::Warning => "major",
            Severity::Note => "info",
        },
        location: Location {
            path: place
                .map_or_else(String::new, |place| relative(place.file, report.run.directory).into_owned()),
            lines: Lines {
                begin: place.map_or(1, |place| place.start.line),
                end: place.map_or(1, |place| place.end.line),
            },
        },
    }
}
