//! `npv report`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use npv_analyzer::query::check::{Judged, Selection, judge};
use npv_analyzer::query::inventory::Inventory;
use npv_analyzer::query::reach::Party;
use npv_analyzer::report::FullReport;

use npv_analyzer::suppress::Circumstances;

use crate::args::{InputArgs, LookArgs, ReportArgs};
use crate::guard;
use crate::input::{self, Input};
use crate::outcome::{Exit, Failure};
use crate::output::Output;
use crate::progress::during;
use crate::{output, verbose};

pub(crate) fn run(args: &ReportArgs, look: LookArgs) -> Result<Exit, Failure> {
    let file = args.output.as_ref().and_then(|file| Output::to_file("html", file.clone()));
    let outputs: Vec<Output> = file.into_iter().chain(args.input.format.iter().cloned()).collect();
    if outputs.is_empty() {
        return Err(Failure::usage("`npv report` has no file to write to", "name one: `-o report.html`"));
    }
    output::check(&outputs, "report", |format| format.report)?;
    let Input { configured, snapshot } = input::read(&args.paths, &args.input, look)?;
    let selection = Selection { config: configured.config.clone(), ..Selection::default() };
    let engine = super::engine(&snapshot, look);
    let start = Instant::now();
    let circumstances = Circumstances { configured: &configured, today: input::today()?, named: &args.paths };
    let Judged { findings, suppressed, .. } =
        during("looking for mistakes", look, || judge(&snapshot, &engine, &selection, circumstances, None))
            .unwrap_or_else(|bug| guard::stop(&bug));
    let complete = snapshot.complete() && !findings.iter().any(|finding| finding.incomplete);
    let parties: Vec<Party> =
        engine.endpoints().iter().map(|endpoint| Party::of(endpoint, &snapshot.cluster)).collect();
    let report = FullReport {
        snapshot: &snapshot,
        engine: &engine,
        parties: &parties,
        findings: &findings,
        suppressed: &suppressed,
        complete,
        inventory: Inventory::of(&snapshot),
        inputs: &configured.inputs(&args.paths).iter().map(|path| shown(path)).collect::<Vec<_>>(),
        flags: &flags(&args.input),
    };
    output::write(&outputs, look, "report", |format| format.report, |write, page| write(&report, page))?;
    verbose::answered(start.elapsed(), look);
    Ok(if complete || *configured.config.output.allow_incomplete { Exit::Clean } else { Exit::Incomplete })
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// The options that change what the inputs mean, so that the commands in a report ask of the same inputs.
fn flags(args: &InputArgs) -> Vec<String> {
    let mut flags = Vec::new();
    if let Some(file) = &args.config {
        flags.extend(["--config".to_owned(), shown(file)]);
    }
    if let Some(namespace) = &args.namespace {
        flags.extend(["--namespace".to_owned(), namespace.clone()]);
    }
    let switches = [
        (args.no_config, "--no-config"),
        (args.render, "--render"),
        (args.blocks_skip_pods, "--blocks-skip-pods"),
        (args.selectors_see_host_network, "--selectors-see-host-network"),
    ];
    flags.extend(switches.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.to_owned()));
    let values: Vec<&PathBuf> = args.values.iter().collect();
    flags.extend(values.into_iter().flat_map(|file| ["--values".to_owned(), shown(file)]));
    if let Some(controller) = &args.ingress_controller {
        flags.extend(["--ingress-controller".to_owned(), controller.to_string()]);
    }
    flags
}
