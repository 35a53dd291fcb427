//! Findings as rustc shows them: message, lines, help, and a summary.

use std::borrow::Cow;
use std::io::{self, Write};

use annotate_snippets::{Group, Level};
use npv_models::diagnostic::{Finding, Fix, Role, Severity};
use npv_models::source::{Origin, SourceMap};

use super::count;
use super::snippet::{self, Mark};
use crate::report::visible::visible;
use crate::report::{CheckReport, Ink, Page};

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
        let rendered = snippet::renderer(page.look()).render(&[group(finding, sources)]);
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

fn group<'a>(finding: &'a Finding, sources: &'a SourceMap) -> Group<'a> {
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
        group = group.element(Level::HELP.message(visible(help)));
    }
    // A fix may say no more than the help does.
    let new = |fix: &&Fix| fix.example.is_some() || !finding.help.contains(&fix.description);
    if let Some(fix) = finding.fix.as_ref().filter(new) {
        let colon = if fix.example.is_some() { ":" } else { "" };
        group = group.element(Level::HELP.message(format!("{}{colon}", visible(&fix.description))));
    }
    group
}

/// The command that printed the text a finding is in, where a command did.
fn rendered_by<'a>(finding: &Finding, sources: &'a SourceMap) -> Option<&'a str> {
    match sources.get(finding.span()?.source)?.origin() {
        Origin::Rendered { command } => Some(command),
        Origin::File | Origin::Stdin => None,
    }
}

fn summary(report: &CheckReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let inventory = report.inventory;
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
    writeln!(
        page,
        " in {}: {}, {}, {}",
        count(inventory.files, "file"),
        count(inventory.namespaces, "namespace"),
        count(inventory.workloads, "workload"),
        count(inventory.policies, "policy"),
    )?;
    if !report.complete {
        writeln!(page, "{}", page.ink(Ink::Caution, super::incomplete(report.findings)))?;
    }
    Ok(())
}
