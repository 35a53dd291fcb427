//! `npv check`.

use std::time::Instant;

use npv_analyzer::fix::Checked;
use npv_analyzer::query::check::{check, fails};
use npv_analyzer::query::inventory::Inventory;
use npv_analyzer::report::{CheckReport, Run};
use npv_analyzer::snapshot::Snapshot;

use crate::args::{CheckArgs, LookArgs};
use crate::guard;
use crate::input;
use crate::outcome::{Exit, Failure};
use crate::progress::during;
use crate::verb::fix;
use crate::{output, verbose};

pub(crate) fn run(args: &CheckArgs, look: LookArgs) -> Result<Exit, Failure> {
    output::check(&args.input.format, "check", |format| format.check)?;
    fix::check(args)?;
    let mut snapshot = input::read(&args.paths, &args.input, look)?;
    let ask = |snapshot: &Snapshot| {
        let engine = super::engine(snapshot, look);
        let findings = during("looking for mistakes", look, || check(snapshot, &engine))
            .unwrap_or_else(|bug| guard::stop(&bug));
        Checked { engine, findings }
    };
    let start = Instant::now();
    let mut checked = ask(&snapshot);
    if args.fix.diff {
        fix::show(&snapshot, &checked, args, &ask, look)?;
        return Ok(exit(&snapshot, &checked, args));
    }
    if args.fix.fix && fix::write(&snapshot, &checked, args, &ask, look)? {
        // What remains is what the files say now.
        snapshot = input::read(&args.paths, &args.input, look)?;
        checked = ask(&snapshot);
    }
    let exit = exit(&snapshot, &checked, args);
    let directory = working_directory();
    let report = CheckReport {
        sources: &snapshot.sources,
        findings: &checked.findings,
        complete: complete(&snapshot, &checked),
        inventory: Inventory::of(&snapshot),
        run: Run { directory: &directory, fail_on: args.fail_on.severity(), status: exit.status() },
    };
    output::write(
        &args.input.format,
        look,
        "check",
        |format| format.check,
        |write, page| write(&report, page),
    )?;
    verbose::answered(start.elapsed(), look);
    Ok(exit)
}

fn exit(snapshot: &Snapshot, checked: &Checked, args: &CheckArgs) -> Exit {
    // What was not understood can hide anything, so that comes first.
    if !complete(snapshot, checked) && !args.input.allow_incomplete {
        return Exit::Incomplete;
    }
    let failed = args.fail_on.severity().is_some_and(|level| fails(&checked.findings, level));
    if failed { Exit::Findings } else { Exit::Clean }
}

/// The directory that npv runs in, with forward slashes.
fn working_directory() -> String {
    let directory = std::env::current_dir().unwrap_or_default();
    directory.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
}

/// Whether everything was read and understood, and every question has an answer.
fn complete(snapshot: &Snapshot, checked: &Checked) -> bool {
    snapshot.complete() && !checked.findings.iter().any(|finding| finding.incomplete)
}
