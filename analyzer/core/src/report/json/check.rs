//! `npv check --format json`, and the findings of every other shape.

use std::io::{self, Write};

use npv_models::diagnostic::{Applicability, Finding, Role, Severity, Witness};
use npv_models::source::SourceMap;
use serde::Serialize;

use super::prove::assertions;
use super::{Place, SCHEMA_VERSION, plugin, value};
use crate::query::inventory::Inventory;
use crate::report::{CheckReport, Enforcer, Page};
use crate::suppress::{Means, Suppressed};

#[derive(Serialize)]
struct Location<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
}

#[derive(Serialize)]
struct Edit<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    replacement: &'a str,
}

#[derive(Serialize)]
struct Fix<'a> {
    description: &'a str,
    applicability: Applicability,
    edits: Vec<Edit<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    example: Option<&'a str>,
}

/// A finding as programs read it.
#[derive(Serialize)]
pub(in crate::report) struct Diagnostic<'a> {
    rule: &'a str,
    severity: Severity,
    message: &'a str,
    object: Option<&'a str>,
    locations: Vec<Location<'a>>,
    help: &'a [String],
    witness: Option<&'a Witness>,
    fix: Option<Fix<'a>>,
    incomplete: bool,
    fingerprint: String,
}

impl<'a> Diagnostic<'a> {
    pub(in crate::report) fn of(finding: &'a Finding, sources: &'a SourceMap) -> Self {
        let locations = finding.locations.iter().filter_map(|location| {
            let place = Place::of(location.span, sources)?;
            Some(Location { place, role: location.role, label: location.label.as_deref() })
        });
        let fix = finding.fix.as_ref().map(|fix| Fix {
            description: &fix.description,
            applicability: fix.applicability,
            edits: fix
                .edits
                .iter()
                .filter_map(|edit| {
                    Some(Edit { place: Place::of(edit.span, sources)?, replacement: &edit.replacement })
                })
                .collect(),
            example: fix.example.as_deref(),
        });
        Self {
            rule: finding.rule,
            severity: finding.severity,
            message: &finding.message,
            object: finding.object.as_deref(),
            locations: locations.collect(),
            help: &finding.help,
            witness: finding.witness.as_ref(),
            fix,
            incomplete: finding.incomplete,
            fingerprint: finding.fingerprint(),
        }
    }
}

/// Writes the list of diagnostics that ends the other shapes.
pub(super) fn write_diagnostics(
    findings: &[Finding],
    sources: &SourceMap,
    page: &mut Page<'_>,
) -> io::Result<()> {
    write!(page, "\"diagnostics\": ")?;
    write_findings(findings, sources, page)
}

/// Writes a list of findings.
pub(super) fn write_findings(
    findings: &[Finding],
    sources: &SourceMap,
    page: &mut Page<'_>,
) -> io::Result<()> {
    write!(page, "[")?;
    for (index, finding) in findings.iter().enumerate() {
        write!(page, "{}", if index == 0 { "\n" } else { ",\n" })?;
        value(page, &Diagnostic::of(finding, sources))?;
    }
    write!(page, "]")
}

/// Counts of findings and of what was looked at.
#[derive(Serialize)]
pub(in crate::report) struct Summary {
    pub(in crate::report) errors: usize,
    pub(in crate::report) warnings: usize,
    pub(in crate::report) notes: usize,
    pub(in crate::report) files: usize,
    pub(in crate::report) namespaces: usize,
    pub(in crate::report) workloads: usize,
    pub(in crate::report) pods: u64,
    pub(in crate::report) services: usize,
    pub(in crate::report) policies: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) suppressed: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) baseline: Option<usize>,
}

impl Summary {
    pub(in crate::report) fn of(findings: &[Finding], counts: Inventory) -> Self {
        let count =
            |severity: Severity| findings.iter().filter(|finding| finding.severity == severity).count();
        Self {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            notes: count(Severity::Note),
            files: counts.files,
            namespaces: counts.namespaces,
            workloads: counts.workloads,
            pods: counts.pods,
            services: counts.services,
            policies: counts.policies,
            suppressed: None,
            baseline: None,
        }
    }
}

/// A finding that is as it should be.
#[derive(Serialize)]
pub(in crate::report) struct Excepted<'a> {
    means: Means,
    reason: &'a str,
    at: Place<'a>,
    finding: Diagnostic<'a>,
}

impl<'a> Excepted<'a> {
    /// `None` where the exception is in no source.
    pub(in crate::report) fn of(one: &'a Suppressed, sources: &'a SourceMap) -> Option<Self> {
        let at = Place::of(one.at, sources)?;
        Some(Self {
            means: one.means,
            reason: &one.reason,
            at,
            finding: Diagnostic::of(&one.finding, sources),
        })
    }
}

fn write_suppressed(report: &CheckReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    write!(page, "[")?;
    let mut separator = "\n";
    for one in report.run.suppressed {
        let Some(excepted) = Excepted::of(one, report.sources) else { continue };
        write!(page, "{separator}")?;
        value(page, &excepted)?;
        separator = ",\n";
    }
    write!(page, "]")
}

pub(super) fn write(report: &CheckReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    writeln!(page, "{{\"schemaVersion\": {SCHEMA_VERSION},")?;
    writeln!(page, "\"complete\": {},", report.complete)?;
    plugin::write(Enforcer::of(report.scene.snapshot), report.sources, page)?;
    write!(page, "\"findings\": ")?;
    write_findings(report.findings, report.sources, page)?;
    writeln!(page, ",")?;
    assertions(&report.proofs.proofs, report.replay, report.sources, page)?;
    write!(page, ",\n\"assumptions\": ")?;
    value(page, &report.proofs.assumptions)?;
    write!(page, ",\n\"suppressed\": ")?;
    write_suppressed(report, page)?;
    writeln!(page, ",")?;
    write!(page, "\"summary\": ")?;
    let summary = Summary::of(report.findings, report.inventory);
    let (suppressed, baseline) = (Some(report.run.suppressed.len()), Some(report.run.baseline));
    value(page, &Summary { suppressed, baseline, ..summary })?;
    writeln!(page, "}}")
}
