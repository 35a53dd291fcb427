//! One finding as a SARIF result.

use npv_models::diagnostic::{self, Applicability, Finding, Role};
use npv_models::source::{Origin, Span};

use super::log::{
    ArtifactChange, ArtifactLocation, CodeFlow, Content, Fingerprints, Fix, FixProperties, Location,
    LogicalLocation, PhysicalLocation, Properties, Region, Replacement, SarifResult, Suppression, ThreadFlow,
    ThreadFlowLocation,
};
use super::{TOP, message, rules};
use crate::report::CheckReport;
use crate::report::details::details;
use crate::report::place::{absolute, relative, uri};
use crate::report::summary::level;
use crate::report::visible::visible;
use crate::suppress::{Means, Suppressed};

pub(super) fn of<'a>(finding: &'a Finding, report: &CheckReport<'_>) -> SarifResult<'a> {
    let primary = primary(finding, report).map(|location| Location {
        logical: finding
            .object
            .iter()
            .map(|object| LogicalLocation {
                fully_qualified_name: visible(object).into_owned(),
                kind: "resource",
            })
            .collect(),
        ..location
    });
    let details = details(finding, report.sources);
    let text = message::lines(std::iter::once(&*finding.message).chain(details.iter().map(String::as_str)));
    SarifResult {
        rule_id: finding.rule,
        rule_index: rules::index(finding.rule),
        level: level(finding.severity),
        message: super::log::Message { text, markdown: None },
        locations: primary.into_iter().collect(),
        related_locations: related(finding, report),
        partial_fingerprints: Fingerprints { finding: finding.fingerprint() },
        code_flows: code_flow(finding, report).into_iter().collect(),
        fixes: finding.fix.as_ref().and_then(|proposed| fix(proposed, report)).into_iter().collect(),
        suppressions: Vec::new(),
        properties: Properties {
            example: finding.fix.as_ref().and_then(|fix| fix.example.as_deref()),
            incomplete: finding.incomplete,
        },
    }
}

/// A finding that is as it should be, with who says so.
pub(super) fn suppressed<'a>(one: &'a Suppressed, report: &CheckReport<'_>) -> SarifResult<'a> {
    let suppression = Suppression {
        kind: match one.means {
            Means::Comment | Means::Annotation => "inSource",
            Means::Configuration => "external",
        },
        status: "accepted",
        justification: visible(&one.reason).into_owned(),
        location: place(one.at, None, report),
    };
    SarifResult { suppressions: vec![suppression], ..of(&one.finding, report) }
}

/// Where a finding's first location is.
pub(super) fn primary(finding: &Finding, report: &CheckReport<'_>) -> Option<Location> {
    let first = finding.locations.first()?;
    place(first.span, first.label.as_deref(), report)
}

fn related(finding: &Finding, report: &CheckReport<'_>) -> Vec<Location> {
    let shown = finding.locations.iter().filter(|location| location.role == Role::Related);
    shown
        .filter_map(|location| place(location.span, location.label.as_deref(), report))
        .enumerate()
        .map(|(index, location)| Location { id: Some(index + 1), ..location })
        .collect()
}

/// The flow that shows the finding: past the places that decide on it.
fn code_flow(finding: &Finding, report: &CheckReport<'_>) -> Option<CodeFlow> {
    let witness = finding.witness.as_ref()?;
    let flow = format!("{} -> {} on {} {}", witness.src, witness.dst, witness.protocol, witness.port);
    let shown = finding.locations.iter().filter(|location| location.role != Role::Hidden);
    let locations: Vec<ThreadFlowLocation> = shown
        .filter_map(|location| place(location.span, location.label.as_deref(), report))
        .map(|location| ThreadFlowLocation { location })
        .collect();
    // A thread flow without a location is against the schema.
    (!locations.is_empty())
        .then(|| CodeFlow { message: message::plain(&flow), thread_flows: vec![ThreadFlow { locations }] })
}

/// The edits by file. What is only to be shown is in the message, and what a command rendered cannot be edited.
fn fix(proposed: &diagnostic::Fix, report: &CheckReport<'_>) -> Option<Fix> {
    if proposed.edits.is_empty() || proposed.applicability == Applicability::DisplayOnly {
        return None;
    }
    let mut changes: Vec<ArtifactChange> = Vec::new();
    for edit in &proposed.edits {
        let source = report.sources.get(edit.span.source)?;
        if *source.origin() != Origin::File {
            return None;
        }
        let artifact_location = artifact(source.name(), report);
        let replacement = Replacement {
            deleted_region: region(edit.span, report)?,
            inserted_content: Content { text: edit.replacement.clone() },
        };
        match changes.iter_mut().find(|change| change.artifact_location.uri == artifact_location.uri) {
            Some(change) => change.replacements.push(replacement),
            None => changes.push(ArtifactChange { artifact_location, replacements: vec![replacement] }),
        }
    }
    Some(Fix {
        description: message::plain(&proposed.description),
        artifact_changes: changes,
        properties: FixProperties { applicability: proposed.applicability },
    })
}

fn place(span: Span, label: Option<&str>, report: &CheckReport<'_>) -> Option<Location> {
    let source = report.sources.get(span.source)?;
    Some(Location {
        id: None,
        physical: PhysicalLocation {
            artifact_location: artifact(source.name(), report),
            region: region(span, report)?,
        },
        logical: Vec::new(),
        message: label.map(message::plain),
    })
}

fn artifact(name: &str, report: &CheckReport<'_>) -> ArtifactLocation {
    let path = relative(name, report.run.directory);
    ArtifactLocation { uri: uri(&path), base: (!absolute(&path)).then_some(TOP) }
}

fn region(span: Span, report: &CheckReport<'_>) -> Option<Region> {
    let place = report.sources.locate(span)?;
    Some(Region {
        start_line: place.start.line,
        start_column: place.start.column,
        end_line: place.end.line,
        end_column: place.end.column,
    })
}
