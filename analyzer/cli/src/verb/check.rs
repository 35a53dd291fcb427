//! `npv check`.

use std::time::Instant;

use npv_analyzer::config::{Configured, Place};
use npv_analyzer::fix::Checked;
use npv_analyzer::query::check::{Judged, fails, judge};
use npv_analyzer::query::inventory::Inventory;
use npv_analyzer::report::{CheckReport, Replay, Run, Scene};
use npv_analyzer::snapshot::Snapshot;
use npv_analyzer::suppress::Circumstances;

use crate::args::{CheckArgs, LookArgs};
use crate::guard;
use crate::input;
use crate::outcome::{Exit, Failure};
use crate::progress::during;
use crate::verb::environments::{self, Terms};
use crate::verb::prove::counterexamples;
use crate::verb::report::{flags, shown};
use crate::verb::{fix, plugins};
use crate::{output, select, verbose, witness};

pub(crate) fn run(args: &CheckArgs, look: LookArgs) -> Result<Exit, Failure> {
    let mut configured = input::configure_for_some(&args.paths, &args.input, look)?;
    plugins::refuse(args)?;
    let output = &mut configured.config.output;
    output.fail_on.switch("--fail-on", args.fail_on);
    let file = args.baseline.clone().map(|file| Some(Place(file)));
    configured.config.baseline.switch("--baseline", file);
    let selection = select::selection(&args.lint, &mut configured)?;
    let outputs = output::of(&args.input.format, &configured)?;
    output::check(&outputs, "check", |format| format.check)?;
    let today = input::today()?;
    let baseline = if args.no_baseline { None } else { input::baseline(&configured, look)? };
    let names = match configured.environment {
        Some(_) => Vec::new(),
        None => input::environments(&args.paths, &configured)?,
    };
    if names.len() > 1 {
        if args.input.cni.len() > 1 {
            return Err(Failure::usage(
                "several environments are checked for one network plugin at a time",
                "name one plugin, or choose an environment: `--environment NAME`",
            ));
        }
        let terms = Terms { paths: &args.paths, selection: &selection, baseline: baseline.as_ref(), today };
        return environments::check(&names, args, &mut configured, &terms, &outputs, look);
    }
    let inputs = configured.inputs(&args.paths);
    fix::check(&inputs, args)?;
    let mut snapshot = input::load(&inputs, &configured, look)?;
    input::adopt(&configured, baseline.as_ref(), &mut snapshot);
    let circumstances = Circumstances { configured: &configured, today, named: &args.paths };
    let ask = |snapshot: &Snapshot| {
        let engine = super::engine(snapshot, look);
        let Judged { findings, suppressed, known } = during("looking for mistakes", look, || {
            judge(snapshot, &engine, &selection, circumstances, baseline.as_ref())
                .map(|judged| judged.united(snapshot))
        })
        .unwrap_or_else(|bug| guard::stop(&bug));
        Checked { engine, findings, suppressed, known }
    };
    let start = Instant::now();
    let mut checked = ask(&snapshot);
    let options = configured.options();
    if args.fix.diff {
        fix::show(&snapshot, &checked, &fix::request(&options, args, &ask), look)?;
        return Ok(exit(&snapshot, &checked, &configured));
    }
    if args.fix.fix && fix::write(&snapshot, &checked, &fix::request(&options, args, &ask), look) {
        // What remains is what the files say now.
        snapshot = input::load(&inputs, &configured, look)?;
        input::adopt(&configured, baseline.as_ref(), &mut snapshot);
        checked = ask(&snapshot);
    }
    plugins::check(&snapshot, &mut checked, args, &options, look, &ask);
    let assertions = configured.assertions(&snapshot);
    let proofs = super::proved(&snapshot, &checked.engine, &mut checked.findings, &assertions, look);
    let replay = Replay {
        arguments: witness::arguments(&inputs, &args.input),
        checkout: None,
        files: match &args.witness_dir {
            Some(directory) => witness::write(directory, counterexamples(&proofs))?,
            None => Vec::new(),
        },
    };
    let exit = match exit(&snapshot, &checked, &configured) {
        Exit::Clean | Exit::Findings if proofs.unknown() && !*configured.config.output.allow_incomplete => {
            Exit::Incomplete
        }
        Exit::Clean if proofs.fail() => Exit::Findings,
        exit => exit,
    };
    let directory = super::working_directory();
    let report = CheckReport {
        sources: &snapshot.sources,
        findings: &checked.findings,
        complete: complete(&snapshot, &checked),
        proofs: &proofs,
        replay: &replay,
        inventory: Inventory::of(&snapshot),
        run: Run {
            directory: &directory,
            fail_on: configured.config.output.fail_on.severity(),
            status: exit.status(),
            suppressed: &checked.suppressed,
            baseline: checked.known.len(),
            fixing: args.fix.fix,
            environments: &[],
        },
        scene: Scene {
            snapshot: &snapshot,
            engine: &checked.engine,
            known: &checked.known,
            inputs: &inputs.iter().map(|path| shown(path)).collect::<Vec<_>>(),
            flags: &flags(&args.input),
        },
    };
    output::write(&outputs, look, "check", |format| format.check, |write, page| write(&report, page))?;
    verbose::suppressed(&checked.suppressed, &snapshot.sources, look);
    verbose::answered(start.elapsed(), look);
    Ok(exit)
}

fn exit(snapshot: &Snapshot, checked: &Checked, configured: &Configured) -> Exit {
    let output = &configured.config.output;
    // What was not understood can hide anything, so that comes first.
    if !complete(snapshot, checked) && !*output.allow_incomplete {
        return Exit::Incomplete;
    }
    let failed = output.fail_on.severity().is_some_and(|level| fails(&checked.findings, level));
    if failed { Exit::Findings } else { Exit::Clean }
}

/// Whether everything was read and understood, and every question has an answer.
fn complete(snapshot: &Snapshot, checked: &Checked) -> bool {
    snapshot.complete() && !checked.findings.iter().any(|finding| finding.incomplete)
}
