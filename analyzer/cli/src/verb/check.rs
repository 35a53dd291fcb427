//! `npv check`.

use std::time::Instant;

use npv_analyzer::query::check::{check, fails};
use npv_analyzer::query::inventory::Inventory;
use npv_analyzer::report::CheckReport;

use crate::args::{CheckArgs, LookArgs};
use crate::input;
use crate::outcome::{Exit, Failure};
use crate::progress::during;
use crate::{output, verbose};

pub(crate) fn run(args: &CheckArgs, look: LookArgs) -> Result<Exit, Failure> {
    output::check(&args.input.format, "check", |format| format.check)?;
    let snapshot = input::read(&args.paths, &args.input, look)?;
    let engine = super::engine(&snapshot, look);
    let start = Instant::now();
    let findings = during("looking for mistakes", look, || check(&snapshot, &engine));
    let complete = snapshot.complete();
    let report = CheckReport {
        sources: &snapshot.sources,
        findings: &findings,
        complete,
        inventory: Inventory::of(&snapshot),
    };
    output::write(
        &args.input.format,
        look,
        "check",
        |format| format.check,
        |write, page| write(&report, page),
    )?;
    verbose::answered(start.elapsed(), look);
    // What was not understood can hide anything, so that comes first.
    if !complete && !args.input.allow_incomplete {
        return Ok(Exit::Incomplete);
    }
    let failed = args.fail_on.severity().is_some_and(|level| fails(&findings, level));
    Ok(if failed { Exit::Findings } else { Exit::Clean })
}
