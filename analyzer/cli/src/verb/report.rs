//! `npv report`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use npv_analyzer::config::Place;
use npv_analyzer::query::check::{Judged, Selection, judge};
use npv_analyzer::query::inventory::Inventory;
use npv_analyzer::query::reach::Party;
use npv_analyzer::report::{FullReport, Replay};
use npv_analyzer::suppress::Circumstances;

use crate::args::{InputArgs, LookArgs, ReportArgs};
use crate::guard;
use crate::input;
use crate::outcome::{Exit, Failure};
use crate::output::Output;
use crate::progress::during;
use crate::{output, verbose, witness};

pub(crate) fn run(args: &ReportArgs, look: LookArgs) -> Result<Exit, Failure> {
    let file = args.output.as_ref().and_then(|file| Output::to_file("html", file.clone()));
    let outputs: Vec<Output> = file.into_iter().chain(args.input.format.iter().cloned()).collect();
    if outputs.is_empty() {
        return Err(Failure::usage("`npv report` has no file to write to", "name one: `-o report.html`"));
    }
    output::check(&outputs, "report", |format| format.report)?;
    let mut configured = input::configure_one(&args.paths, &args.input, look)?;
    let file = args.baseline.clone().map(|file| Some(Place(file)));
    configured.config.baseline.switch("--baseline", file);
    let today = input::today()?;
    let baseline = if args.no_baseline { None } else { input::baseline(&configured, look)? };
    let inputs = configured.inputs(&args.paths);
    let mut snapshot = input::load(&inputs, &configured, look)?;
    input::adopt(&configured, baseline.as_ref(), &mut snapshot);
    let selection = Selection { config: configured.config.clone(), ..Selection::default() };
    let engine = super::engine(&snapshot, look);
    let start = Instant::now();
    let circumstances = Circumstances { configured: &configured, today, named: &args.paths };
    let Judged { mut findings, suppressed, known } = during("looking for mistakes", look, || {
        judge(&snapshot, &engine, &selection, circumstances, baseline.as_ref())
            .map(|judged| judged.united(&snapshot))
    })
    .unwrap_or_else(|bug| guard::stop(&bug));
    let assertions = configured.assertions(&snapshot);
    let proofs = super::proved(&snapshot, &engine, &mut findings, &assertions, look);
    let arguments = witness::arguments(&inputs, &args.input);
    let complete = snapshot.complete() && !findings.iter().any(|finding| finding.incomplete);
    let parties: Vec<Party> =
        engine.endpoints().iter().map(|endpoint| Party::of(endpoint, &snapshot.cluster)).collect();
    let report = FullReport {
        snapshot: &snapshot,
        engine: &engine,
        parties: &parties,
        findings: &findings,
        suppressed: &suppressed,
        known: &known,
        proofs: &proofs,
        replay: &Replay { arguments, ..Replay::default() },
        complete,
        inventory: Inventory::of(&snapshot),
        inputs: &inputs.iter().map(|path| shown(path)).collect::<Vec<_>>(),
        flags: &flags(&args.input),
    };
    output::write(&outputs, look, "report", |format| format.report, |write, page| write(&report, page))?;
    verbose::answered(start.elapsed(), look);
    // What is not known can hide anything, as what is not read can.
    let whole = complete && !proofs.unknown();
    Ok(if whole || *configured.config.output.allow_incomplete { Exit::Clean } else { Exit::Incomplete })
}

pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// The options that change what the inputs mean, so that the commands in a report ask of the same inputs.
pub(super) fn flags(args: &InputArgs) -> Vec<String> {
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
        (args.staged, "--staged"),
        (args.blocks_skip_pods, "--blocks-skip-pods"),
        (args.selectors_see_host_network, "--selectors-see-host-network"),
    ];
    flags.extend(switches.into_iter().filter(|(on, _)| *on).map(|(_, name)| name.to_owned()));
    let values: Vec<&PathBuf> = args.values.iter().collect();
    flags.extend(values.into_iter().flat_map(|file| ["--values".to_owned(), shown(file)]));
    if let Some(plugin) = args.plugin() {
        flags.extend(["--cni".to_owned(), plugin.to_string()]);
    }
    flags.extend(args.set.iter().flat_map(|value| ["--set".to_owned(), value.clone()]));
    let named = [("--kube-version", &args.kube_version), ("--environment", &args.environment)];
    for (name, value) in named {
        flags.extend(value.iter().flat_map(|value| [name.to_owned(), value.clone()]));
    }
    if let Some(controller) = &args.ingress_controller {
        flags.extend(["--ingress-controller".to_owned(), controller.to_string()]);
    }
    flags
}
