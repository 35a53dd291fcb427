//! Findings as rustc shows them: message, lines, help, and a summary.

use std::borrow::Cow;
use std::io::{self, Write};

use annotate_snippets::{Group, Level};
use npv_models::diagnostic::{Finding, Role, Severity};
use npv_models::source::SourceMap;

use super::snippet::{self, Mark};
use super::{aside, count};
use crate::report::details::{rendered_by, says_more};
use crate::report::summary::scope;
use crate::report::visible::visible;
use crate::report::{CheckReport, Ink, Look, Page};

/// The answer of `npv check`.
pub(super) fn check(report: &CheckReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    findings(report.findings, report.sources, page)?;
    summary(report, page)
}

/// Findings, each followed by an empty line.
///
/// # Errors
/// What the page's stream returns.
pub fn findings(findings: &[Finding], sources: &SourceMap, page: &mut Page<'_>) -> io::Result<()> {
    for finding in findings {
        let rendered = snippet::renderer(page.look()).render(&[group(finding, sources, page.look())]);
        snippet::write(page, &rendered)?;
        if let Some(example) = finding.fix.as_ref().and_then(|fix| fix.example.as_deref()) {
            for line in example.trim_end().lines() {
                writeln!(page, "        {}", visible(line))?;
            }
        }
        writeln!(page)?;
    }
    Ok(())
}

fn group<'a>(finding: &'a Finding, sources: &'a SourceMap, look: Look) -> Group<'a> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let marks: Vec<Mark<'a>> = finding
        .locations
        .iter()
        .filter(|location| location.role != Role::Hidden)
        .map(|location| Mark {
            span: location.span,
            primary: location.role == Role::Primary,
            label: Cow::Borrowed(location.label.as_deref().unwrap_or_default()),
        })
        .collect();
    let title = level.primary_title(visible(&finding.message)).id(finding.rule);
    let mut group = Group::with_title(title).elements(snippet::elements(&marks, sources));
    if let Some(command) = rendered_by(finding, sources) {
        group = group.element(Level::NOTE.message(format!("this is the output of `{}`", visible(command))));
    }
    if let Some(witness) = &finding.witness {
        let flow = format!(
            "for example {} -> {} on {} {}",
            visible(&witness.src),
            visible(&witness.dst),
            witness.protocol,
            witness.port
        );
        group = group.element(Level::NOTE.message(flow));
    }
    for help in &finding.help {
        group = group.element(Level::HELP.message(aside(&visible(help), look)));
    }
    if let Some(fix) = finding.fix.as_ref().filter(|fix| says_more(fix, finding)) {
        let colon = if fix.example.is_some() { ":" } else { "" };
        let text = format!("{}{colon}", visible(&fix.description));
        group = group.element(Level::HELP.message(aside(&text, look)));
    }
    group
}

/// What is not shown, and why: `; 2 suppressed, 3 in the baseline`.
pub(super) fn left_out(report: &CheckReport<'_>) -> String {
    let counts = [(report.run.suppressed.len(), "suppressed"), (report.run.baseline, "in the baseline")];
    let counts = counts.iter().filter(|(number, _)| *number > 0);
    let counts: Vec<String> = counts.map(|(number, what)| format!("{number} {what}")).collect();
    if counts.is_empty() { String::new() } else { format!("; {}", counts.join(", ")) }
}

fn summary(report: &CheckReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let errors = report.count(Severity::Error);
    let warnings = report.count(Severity::Warning);
    let notes = report.count(Severity::Note);
    if errors + warnings + notes == 0 {
        write!(page, "{}", page.ink(Ink::Allowed, "no findings"))?;
    } else {
        let mut separator = "";
        for (number, what, ink) in [
            (errors, "error", Ink::Denied),
            (warnings, "warning", Ink::Caution),
            (notes, "note", Ink::Heading),
        ] {
            if number > 0 {
                write!(page, "{separator}{}", page.ink(ink, count(number, what)))?;
                separator = ", ";
            }
        }
    }
    writeln!(page, " in {}{}", scope(report.inventory), left_out(report))?;
    if !report.complete {
        writeln!(page, "{}", page.ink(Ink::Caution, super::incomplete(report.findings)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use npv_models::source::{Origin, SourceId, Span};

    use super::*;

    fn shown(finding: Finding, sources: &SourceMap) -> String {
        let mut out = Vec::new();
        findings(&[finding], sources, &mut Page::new(&mut out, Look::default())).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_finding_needs_no_text_to_point_at() {
        let mut sources = SourceMap::default();
        let empty = sources.add("empty.yaml", "", Origin::File).unwrap();
        let at =
            |source| Finding::new("unreadable-document", Severity::Error, Span::new(source, 0, 0), "empty");
        assert_eq!(shown(at(empty), &sources), "error[unreadable-document]: empty\n--> empty.yaml:1:1\n\n");
        let nowhere = shown(at(SourceId(7)).help("look elsewhere"), &sources);
        assert!(nowhere.starts_with("error[unreadable-document]: empty\n"), "{nowhere}");
        assert!(nowhere.contains("help: look elsewhere"), "{nowhere}");
    }

    #[test]
    fn a_span_past_the_end_is_no_panic() {
        let mut sources = SourceMap::default();
        let id = sources.add("a.yaml", "a: 1\n", Origin::File).unwrap();
        for (start, end) in [(5, 5), (5, 99), (99, 99), (0, 99), (4, 5)] {
            let finding = Finding::new("wrong-type", Severity::Warning, Span::new(id, start, end), "a")
                .related(Span::new(id, end, end), "b");
            assert!(shown(finding, &sources).contains("a.yaml:"), "{start} {end}");
        }
    }

    #[test]
    fn a_long_line_is_cut_and_has_one_place() {
        let mut sources = SourceMap::default();
        let text = format!("a: {}b{}\n", "x".repeat(500), "y".repeat(500));
        let id = sources.add("long.yaml", text, Origin::File).unwrap();
        let finding = || Finding::new("wrong-type", Severity::Error, Span::new(id, 503, 504), "a");
        let text = shown(finding(), &sources);
        assert!(text.contains("--> long.yaml:1:504\n") && !text.contains(":::"), "{text}");
        let mut out = Vec::new();
        let look = Look { color: true, width: None };
        findings(&[finding()], &sources, &mut Page::new(&mut out, look)).unwrap();
        assert!(!String::from_utf8(out).unwrap().contains(":::"));
    }

    #[test]
    fn related_places_in_other_files_are_shown() {
        let mut sources = SourceMap::default();
        let one = sources.add("one.yaml", "a: 1\n", Origin::File).unwrap();
        let two =
            sources.add("two.yaml", "b: 2\nc: 3\n", Origin::Rendered { command: "helm".into() }).unwrap();
        let finding = Finding::new("wrong-type", Severity::Warning, Span::new(one, 3, 4), "a")
            .label("here")
            .related(Span::new(two, 8, 9), "and there")
            .hidden(Span::new(two, 0, 1));
        let text = shown(finding, &sources);
        assert!(text.contains("--> one.yaml:1:4") && text.contains("::: two.yaml:2:4"), "{text}");
        assert!(text.contains("and there") && !text.contains("b: 2"), "{text}");
    }
}
