//! GitHub's workflow commands: annotations at the lines of a pull request.
//!
//! GitHub keeps ten annotations of each kind that a step writes, and drops the rest without a word. npv writes the
//! worst findings, no more than that, and says how many are left.

use std::io::{self, Write};

use npv_models::diagnostic::{Finding, Severity};
use npv_models::source::Origin;

use super::assertion::with_findings;
use super::details::{details, example};
use super::place::{absolute, relative};
use super::summary::{count, left_out, level, levels, scope, worst_first};
use super::visible::visible;
use super::{CheckReport, Format, Page};

/// Annotations of one kind that GitHub keeps of a step.
const MOST: usize = 10;

pub(super) const FORMAT: Format = Format {
    name: "github",
    doc: "GitHub's workflow commands; the ten worst findings of each level become annotations",
    check: Some(check),
    ..Format::NONE
};

fn check(report: &CheckReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let findings = with_findings(report);
    let report = &CheckReport { findings: &findings, ..*report };
    let sorted = worst_first(report.findings);
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let mut of_level = sorted.iter().filter(|finding| finding.severity == severity);
        of_level.by_ref().take(MOST).try_for_each(|finding| annotate(finding, report, page))?;
        let left = of_level.count();
        if left > 0 {
            // Nothing but numbers: a name in a plain line could be a command.
            writeln!(
                page,
                "npv: {} without an annotation, since GitHub keeps {MOST} of each level: see the other formats",
                count(left, level(severity))
            )?;
        }
    }
    writeln!(page, "npv: {} in {}", levels(report), scope(report.inventory))?;
    if !report.complete {
        writeln!(page, "npv: incomplete: {}", left_out(report.findings))?;
    }
    Ok(())
}

fn annotate(finding: &Finding, report: &CheckReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    write!(page, "::{command} ")?;
    let mut lines = vec![finding.message.clone()];
    let is_file = |finding: &Finding| {
        let source = finding.span().and_then(|span| report.sources.get(span.source));
        source.is_some_and(|source| *source.origin() == Origin::File)
    };
    if let Some(place) = finding.span().and_then(|span| report.sources.locate(span)) {
        let file = relative(place.file, report.run.directory);
        let (start, end) = (place.start, place.end);
        if is_file(finding) && !absolute(&file) {
            write!(page, "file={},line={},", property(&file), start.line)?;
            if start.line == end.line {
                // GitHub's last column is part of what is marked; columns are only for marks on one line.
                let last = end.column.saturating_sub(1).max(start.column);
                write!(page, "col={},endColumn={last},", start.column)?;
            } else {
                write!(page, "endLine={},", end.line)?;
            }
        } else {
            lines.push(format!("at {place}"));
        }
    }
    lines.extend(details(finding, report.sources));
    lines.extend(example(finding).map(|line| format!("  {line}")));
    let lines: Vec<String> = lines.iter().map(|line| data(line)).collect();
    writeln!(page, "title={}::{}", property(&format!("npv: {}", finding.rule)), lines.join("%0A"))
}

/// A message: all of it is data but for the escapes.
fn data(text: &str) -> String {
    visible(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property, which ends at a comma or a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_data() {
        assert_eq!(data("a%0A::error::b\nc"), "a%250A::error::b\\nc");
        assert_eq!(property("a:b,c=d%"), "a%3Ab%2Cc=d%25");
    }
}
