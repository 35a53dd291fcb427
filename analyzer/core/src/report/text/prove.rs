//! `npv prove`: what holds, and the flow that contradicts what does not.

use std::io::{self, Write};

use npv_models::source::SourceMap;

use super::{count, incomplete, trace};
use crate::assertion::World;
use crate::query::prove::{Counterexample, Outcome, Proof};
use crate::report::visible::visible;
use crate::report::{Ink, Page, ProveReport, Replay};

/// The answer of `npv prove`.
pub(super) fn write(report: &ProveReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    proofs(&report.proofs.proofs, report.replay, report.sources, page)?;
    assumptions(&report.proofs.assumptions, page)?;
    if !report.complete {
        writeln!(page, "{}", page.ink(Ink::Caution, incomplete(report.findings)))?;
    }
    Ok(())
}

/// Assertions, each with its counterexample.
pub(super) fn proofs(
    proofs: &[Proof<'_>],
    replay: &Replay,
    sources: &SourceMap,
    page: &mut Page<'_>,
) -> io::Result<()> {
    for (index, proof) in proofs.iter().enumerate() {
        headline(proof, sources, page)?;
        let file = replay.files.get(index).and_then(Option::as_deref);
        if let Outcome::Fails(found) = &proof.outcome {
            writeln!(page)?;
            counterexample(found, replay, file, sources, page)?;
        }
    }
    Ok(())
}

/// How many assertions hold.
pub(super) fn summary(proofs: &[Proof<'_>], page: &mut Page<'_>) -> io::Result<()> {
    let number = |wanted| proofs.iter().filter(|proof| proof.outcome.holds() == wanted).count();
    let mut separator = "";
    for (number, word, ink) in [
        (number(Some(true)), "holds", Ink::Allowed),
        (number(Some(false)), "fails", Ink::Denied),
        (number(None), "is unknown", Ink::Caution),
    ] {
        if number > 0 {
            let word = match (number, word) {
                (1, word) => word,
                (_, "holds") => "hold",
                (_, "fails") => "fail",
                (_, _) => "are unknown",
            };
            let text = format!("{} {word}", count(number, "assertion"));
            write!(page, "{separator}{}", page.ink(ink, text))?;
            separator = ", ";
        }
    }
    if separator.is_empty() { Ok(()) } else { writeln!(page) }
}

fn headline(proof: &Proof<'_>, sources: &SourceMap, page: &mut Page<'_>) -> io::Result<()> {
    let (word, ink) = match &proof.outcome {
        Outcome::Holds => ("holds", Ink::Allowed),
        Outcome::Vacuous(_) => ("holds vacuously", Ink::Caution),
        Outcome::Fails(_) => ("fails", Ink::Denied),
        Outcome::Unknown(_) => ("unknown", Ink::Caution),
    };
    let world = match proof.assertion.world {
        World::EveryCluster => "in every cluster",
        World::Snapshot => "in this snapshot",
    };
    let world = if proof.outcome.holds() == Some(false) && proof.assertion.world == World::EveryCluster {
        "in some cluster"
    } else {
        world
    };
    let name = visible(&proof.assertion.name);
    write!(
        page,
        "{}: {} {}",
        page.ink(ink, word),
        page.ink(Ink::Heading, name),
        page.ink(Ink::Faint, world)
    )?;
    // What stands on the command line needs no place.
    let place = sources.locate(proof.assertion.span).filter(|place| !place.file.starts_with('<'));
    if let Some(place) = place {
        let place = place.to_string();
        write!(page, "  {}", page.ink(Ink::Place, visible(&place)))?;
    }
    writeln!(page)?;
    let why = match &proof.outcome {
        Outcome::Vacuous(why) => Some(why.clone()),
        Outcome::Unknown(why) => Some(format!("not decided: {why}")),
        Outcome::Holds | Outcome::Fails(_) => None,
    };
    for note in why.iter().chain(&proof.notes) {
        writeln!(page, "  {} {}", page.ink(Ink::Caution, "note:"), visible(note))?;
    }
    Ok(())
}

/// A flow, what decides it, and how to see it.
pub(in crate::report) fn counterexample(
    found: &Counterexample,
    replay: &Replay,
    file: Option<&str>,
    sources: &SourceMap,
    page: &mut Page<'_>,
) -> io::Result<()> {
    trace::headline(&found.part, page)?;
    trace::sides(&found.part, sources, page)?;
    how_to_see(found, replay, file, page)
}

/// The manifests that a flow needs, and the command that shows it.
pub(super) fn how_to_see(
    found: &Counterexample,
    replay: &Replay,
    file: Option<&str>,
    page: &mut Page<'_>,
) -> io::Result<()> {
    let heading = |page: &mut Page<'_>, text: &str| {
        let text = page.ink(Ink::Heading, text).to_string();
        writeln!(page, "{text}")
    };
    let to_see = match &replay.checkout {
        Some(revision) => format!("to see it, with {} checked out:", visible(revision)),
        None => "to see it:".to_owned(),
    };
    match (&found.manifests, file) {
        (Some(manifests), None) => {
            heading(page, "what it takes, to be saved as witness.yaml:")?;
            for line in manifests.lines() {
                writeln!(page, "    {}", visible(line))?;
            }
            writeln!(page)?;
            heading(page, &to_see)?;
            writeln!(page, "    {}", visible(&found.command(&replay.arguments, Some("witness.yaml"))))?;
        }
        (_, file) => {
            heading(page, &to_see)?;
            writeln!(page, "    {}", visible(&found.command(&replay.arguments, file)))?;
        }
    }
    writeln!(page)
}

/// What the answers take for granted.
pub(super) fn assumptions(assumptions: &[&str], page: &mut Page<'_>) -> io::Result<()> {
    if assumptions.is_empty() {
        return Ok(());
    }
    writeln!(page, "{}", page.ink(Ink::Faint, "taken for granted:"))?;
    for assumption in assumptions {
        writeln!(page, "{}", page.ink(Ink::Faint, format!("  - {assumption}")))?;
    }
    Ok(())
}
