//! `npv prove --format json`, and the assertions of `npv check`.

use std::io::{self, Write};

use npv_models::source::SourceMap;
use serde::Serialize;

use super::check::write_diagnostics;
use super::trace::Answer;
use super::{Place, SCHEMA_VERSION, value};
use crate::assertion::{World, expected};
use crate::query::prove::{Counterexample, Outcome, Proof};
use crate::report::{Page, ProveReport, Replay};

/// The answer about an assertion.
#[derive(Serialize)]
pub(in crate::report) struct Assertion<'a> {
    name: &'a str,
    holds: Option<bool>,
    expect: &'static str,
    world: &'static str,
    /// Why it holds of nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    vacuous: Option<&'a str>,
    /// Why the solver gave up.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<&'a str>,
    counterexample: Option<Flow<'a>>,
    notes: &'a [String],
    at: Option<Place<'a>>,
}

impl<'a> Assertion<'a> {
    /// `index` is the number of the proof, by which its manifests are known.
    pub(in crate::report) fn of(
        proof: &'a Proof<'_>,
        index: usize,
        replay: &'a Replay,
        sources: &'a SourceMap,
    ) -> Self {
        let (vacuous, unknown, found) = match &proof.outcome {
            Outcome::Holds => (None, None, None),
            Outcome::Vacuous(why) => (Some(&**why), None, None),
            Outcome::Unknown(why) => (None, Some(&**why), None),
            Outcome::Fails(found) => (None, None, Some(found)),
        };
        let file = replay.files.get(index).and_then(Option::as_deref);
        Self {
            name: &proof.assertion.name,
            holds: proof.outcome.holds(),
            expect: expected(proof.assertion.expect),
            world: match proof.assertion.world {
                World::EveryCluster => "any",
                World::Snapshot => "snapshot",
            },
            vacuous,
            unknown,
            counterexample: found.map(|found| Flow::of(found, &replay.arguments, file, sources)),
            notes: &proof.notes,
            at: Place::of(proof.assertion.span, sources),
        }
    }
}

/// A flow, what decides it, and how to see it.
#[derive(Serialize)]
pub(super) struct Flow<'a> {
    #[serde(flatten)]
    answer: Answer<'a>,
    /// The documents to add to the manifests; none where its ends are there already.
    manifests: Option<&'a str>,
    /// Where they were written.
    file: Option<&'a str>,
    command: String,
}

impl<'a> Flow<'a> {
    pub(super) fn of(
        found: &'a Counterexample,
        arguments: &str,
        file: Option<&'a str>,
        sources: &'a SourceMap,
    ) -> Self {
        Self {
            answer: Answer::of(&found.part, sources),
            manifests: found.manifests.as_deref(),
            file,
            command: found.command(arguments, file.or(Some("witness.yaml"))),
        }
    }
}

/// The list of assertions.
pub(super) fn assertions(
    proofs: &[Proof<'_>],
    replay: &Replay,
    sources: &SourceMap,
    page: &mut Page<'_>,
) -> io::Result<()> {
    write!(page, "\"assertions\": [")?;
    for (index, proof) in proofs.iter().enumerate() {
        write!(page, "{}", if index == 0 { "\n" } else { ",\n" })?;
        value(page, &Assertion::of(proof, index, replay, sources))?;
    }
    write!(page, "]")
}

pub(super) fn write(report: &ProveReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    writeln!(page, "{{\"schemaVersion\": {SCHEMA_VERSION},")?;
    writeln!(page, "\"complete\": {},", report.complete)?;
    assertions(&report.proofs.proofs, report.replay, report.sources, page)?;
    write!(page, ",\n\"assumptions\": ")?;
    value(page, &report.proofs.assumptions)?;
    writeln!(page, ",")?;
    write_diagnostics(report.findings, report.sources, page)?;
    writeln!(page, "}}")
}
