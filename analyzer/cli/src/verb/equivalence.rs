//! `npv prove --equivalent` and `npv diff --world any`.

use std::path::{Path, PathBuf};
use std::slice;
use std::time::Instant;

use npv_analyzer::config::Configured;
use npv_analyzer::query::equivalence::{Change, compare};
use npv_analyzer::report::{EquivalenceReport, Replay, SideReport};
use npv_analyzer::snapshot::Snapshot;

use crate::args::{LookArgs, ProveArgs};
use crate::outcome::Failure;
use crate::output::Output;
use crate::progress::during;
use crate::{guard, input, output, verbose, witness};

/// Some input could not be read or is not modelled, so that the answer is not the one that was asked for.
pub(crate) struct Incomplete;

/// One side of the question.
pub(crate) struct Side<'a> {
    /// What the answer calls it.
    pub(crate) name: &'a str,
    /// What it says.
    pub(crate) snapshot: &'a Snapshot,
    /// How to see a flow of it.
    pub(crate) replay: Replay,
}

/// The sides of `npv prove --equivalent`.
///
/// # Errors
/// There is nothing to read.
pub(crate) fn prove(
    [base, head]: [&PathBuf; 2],
    args: &ProveArgs,
    look: LookArgs,
) -> Result<Result<Option<bool>, Incomplete>, Failure> {
    let verb = "prove --equivalent";
    output::check(&args.input.format, verb, |format| format.equivalence)?;
    // Both sides are read by one configuration, or they would differ by what is assumed of them.
    let configured = input::configure(slice::from_ref(head), &args.input, look)?;
    let read = |path: &PathBuf| input::load(slice::from_ref(path), &configured, look);
    let (before, after) = (read(base)?, read(head)?);
    let names = [base, head].map(|side| side.display().to_string());
    let replay = |path: &PathBuf| Replay {
        arguments: witness::arguments(slice::from_ref(path), &args.input),
        ..Replay::default()
    };
    let [old, new] = &names;
    let sides = [
        Side { name: old, snapshot: &before, replay: replay(base) },
        Side { name: new, snapshot: &after, replay: replay(head) },
    ];
    answer(sides, &args.input.format, &configured, args.witness_dir.as_deref(), verb, look)
}

/// Answers whether two sides mean the same: `None` where that is not known.
///
/// # Errors
/// Something cannot be written.
pub(crate) fn answer(
    [mut base, mut head]: [Side<'_>; 2],
    formats: &[Output],
    configured: &Configured,
    witness_dir: Option<&Path>,
    verb: &str,
    look: LookArgs,
) -> Result<Result<Option<bool>, Incomplete>, Failure> {
    let engines = [super::engine(base.snapshot, look), super::engine(head.snapshot, look)];
    let start = Instant::now();
    let [old, new] = &engines;
    let answer = during("comparing", look, || compare(base.snapshot, head.snapshot, [old, new]))
        .unwrap_or_else(|bug| guard::stop(&bug));
    for (name, change, side) in [("closed", &answer.closed, &mut base), ("opened", &answer.opened, &mut head)]
    {
        if let (Some(directory), Change::Flow { allowed, .. }) = (witness_dir, change) {
            side.replay.files = witness::write(directory, [(name, Some(&**allowed))])?;
        }
    }
    let report = EquivalenceReport {
        answer: &answer,
        base: side(base.name, base.snapshot),
        head: side(head.name, head.snapshot),
        replay: (base.replay, head.replay),
    };
    output::write(formats, look, verb, |format| format.equivalence, |write, page| write(&report, page))?;
    verbose::answered(start.elapsed(), look);
    Ok(if report.complete() || *configured.config.output.allow_incomplete {
        Ok(answer.holds())
    } else {
        Err(Incomplete)
    })
}

pub(super) fn side<'a>(name: &'a str, snapshot: &'a Snapshot) -> SideReport<'a> {
    SideReport {
        name,
        sources: &snapshot.sources,
        findings: &snapshot.findings,
        complete: snapshot.complete(),
    }
}
