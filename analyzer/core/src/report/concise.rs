//! One line for each finding, as compilers write them: for editors, `grep` and logs.

use std::io::{self, Write};

use npv_models::diagnostic::Severity;

use super::assertion::with_findings;
use super::summary::level;
use super::visible::visible;
use super::{CheckReport, Format, Ink, Page};

pub(super) const FORMAT: Format =
    Format { name: "concise", doc: "one line for each finding", check: Some(check), ..Format::NONE };

fn check(report: &CheckReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let findings = with_findings(report);
    let report = &CheckReport { findings: &findings, ..*report };
    for finding in report.findings {
        if let Some(place) = finding.span().and_then(|span| report.sources.locate(span)) {
            let file = visible(place.file);
            let at = format!("{file}:{}:{}:", place.start.line, place.start.column);
            write!(page, "{} ", page.ink(Ink::Place, at))?;
        }
        let ink = match finding.severity {
            Severity::Error => Ink::Denied,
            Severity::Warning => Ink::Caution,
            Severity::Note => Ink::Heading,
        };
        let level = page.ink(ink, level(finding.severity));
        writeln!(page, "{level}[{}]: {}", finding.rule, visible(&finding.message))?;
    }
    Ok(())
}
