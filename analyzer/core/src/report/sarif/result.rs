//! One finding as a SARIF result.

use npv_models::diagnostic::{self, Applicability, Finding, Role};
use npv_models::source::Origin;

use super::log::{
    ArtifactChange, CodeFlow, Content, Fingerprints, Fix, FixProperties, Location, Properties, Replacement,
    SarifResult, Suppression, ThreadFlowLocation,
};
use super::place::{Files, logical};
use super::{flow, message, rules};
use crate::query::prove::Outcome;
use crate::query::trace::Part;
use crate::report::CheckReport;
use crate::report::assertion::RULE;
use crate::report::details::details;
use crate::report::summary::level;
use crate::report::visible::visible;
use crate::suppress::{Means, Suppressed};

pub(super) fn of<'a>(finding: &'a Finding, report: &CheckReport<'_>) -> SarifResult<'a> {
    let primary = primary(finding, Files::of(report)).map(|location| Location {
        logical: finding.object.iter().map(|object| logical(object)).collect(),
        ..location
    });
    let details = details(finding, report.sources);
    let text = message::lines(std::iter::once(&*finding.message).chain(details.iter().map(String::as_str)));
    SarifResult {
        rule_id: finding.rule,
        rule_index: rules::index(finding.rule),
        kind: None,
        level: level(finding.severity),
        message: super::log::Message { text, markdown: None },
        locations: primary.into_iter().collect(),
        related_locations: related(finding, report),
        partial_fingerprints: Some(Fingerprints { finding: finding.fingerprint() }),
        code_flows: code_flow(finding, report).into_iter().collect(),
        fixes: finding.fix.as_ref().and_then(|proposed| fix(proposed, report)).into_iter().collect(),
        suppressions: Vec::new(),
        properties: Properties {
            example: finding.fix.as_ref().and_then(|fix| fix.example.as_deref()),
            incomplete: Some(finding.incomplete),
            ..Properties::default()
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
        location: Files::of(report).place(one.at, None),
    };
    SarifResult { suppressions: vec![suppression], ..of(&one.finding, report) }
}

/// Where a finding's first location is.
pub(super) fn primary(finding: &Finding, files: Files<'_>) -> Option<Location> {
    let first = finding.locations.first()?;
    files.place(first.span, first.label.as_deref())
}

fn related(finding: &Finding, report: &CheckReport<'_>) -> Vec<Location> {
    let files = Files::of(report);
    let shown = finding.locations.iter().filter(|location| location.role == Role::Related);
    shown
        .filter_map(|location| files.place(location.span, location.label.as_deref()))
        .enumerate()
        .map(|(index, location)| Location { id: Some(index + 1), ..location })
        .collect()
}

/// The flow that shows the finding: past the places that decide on it.
fn code_flow(finding: &Finding, report: &CheckReport<'_>) -> Option<CodeFlow> {
    let witness = finding.witness.as_ref()?;
    let files = Files::of(report);
    if let Some(part) = contradiction(finding, report) {
        return flow::of_part(part, &[], files).into_iter().next();
    }
    let text = format!("{} -> {} on {} {}", witness.src, witness.dst, witness.protocol, witness.port);
    let shown = finding.locations.iter().filter(|location| location.role != Role::Hidden);
    let locations = shown
        .filter_map(|location| files.place(location.span, location.label.as_deref()))
        .map(|location| ThreadFlowLocation { location, kinds: Vec::new(), importance: "important" })
        .collect();
    flow::code_flow(&text, locations)
}

/// What decides on the flow that an assertion does not hold for.
fn contradiction<'a>(finding: &Finding, report: &'a CheckReport<'_>) -> Option<&'a Part> {
    let mut proofs = report.proofs.proofs.iter().filter(|_| finding.rule == RULE);
    let proof = proofs.find(|proof| proof.assertion.name == finding.key)?;
    match &proof.outcome {
        Outcome::Fails(found) => Some(&found.part),
        Outcome::Holds | Outcome::Vacuous(_) | Outcome::Unknown(_) => None,
    }
}

/// The edits by file. What is only to be shown is in the message, and what a command rendered cannot be edited.
fn fix(proposed: &diagnostic::Fix, report: &CheckReport<'_>) -> Option<Fix> {
    if proposed.edits.is_empty() || proposed.applicability == Applicability::DisplayOnly {
        return None;
    }
    let files = Files::of(report);
    let mut changes: Vec<ArtifactChange> = Vec::new();
    for edit in &proposed.edits {
        let source = report.sources.get(edit.span.source)?;
        if *source.origin() != Origin::File {
            return None;
        }
        let artifact_location = files.artifact(source.name());
        let replacement = Replacement {
            deleted_region: files.region(edit.span)?,
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
