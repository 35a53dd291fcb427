//! `npv diff`.

use std::path::Path;
use std::slice;
use std::time::Instant;

use npv_analyzer::query::diff::{diff, engines};
use npv_analyzer::report::{DiffReport, SideReport};
use npv_analyzer::snapshot::Snapshot;

use crate::args::{DiffArgs, LookArgs};
use crate::guard;
use crate::outcome::{Exit, Failure};
use crate::progress::during;
use crate::{input, output, verbose};

pub(crate) fn run(args: &DiffArgs, look: LookArgs) -> Result<Exit, Failure> {
    output::check(&args.input.format, "diff", |format| format.diff)?;
    let [base, head] = args.sides.as_slice() else {
        return Err(Failure::usage("`npv diff` compares two sides", "name both: `npv diff BASE HEAD`"));
    };
    let read = |path: &Path| input::read(slice::from_ref(&path.to_owned()), &args.input, look);
    let (before, after) = (read(base)?, read(head)?);
    let start = Instant::now();
    let [old, new] = during("compiling the policies", look, || engines(&before, &after));
    verbose::engine(&old, start.elapsed(), look);
    verbose::engine(&new, start.elapsed(), look);
    let answer = during("comparing", look, || diff(&before, &after, [&old, &new]))
        .unwrap_or_else(|bug| guard::stop(&bug));
    let names = [base, head].map(|side| side.display().to_string());
    let [base, head] = &names;
    let report = DiffReport { diff: &answer, base: side(base, &before), head: side(head, &after) };
    output::write(
        &args.input.format,
        look,
        "diff",
        |format| format.diff,
        |write, page| write(&report, page),
    )?;
    verbose::answered(start.elapsed(), look);
    Ok(if report.complete() || args.input.allow_incomplete { Exit::Clean } else { Exit::Incomplete })
}

fn side<'a>(name: &'a str, snapshot: &'a Snapshot) -> SideReport<'a> {
    SideReport {
        name,
        sources: &snapshot.sources,
        findings: &snapshot.findings,
        complete: snapshot.complete(),
    }
}
