//! `npv baseline`.

use std::io::Write as _;
use std::path::Path;

use npv_analyzer::baseline::Baseline;
use npv_analyzer::config::Place;
use npv_analyzer::lint::Rule;
use npv_analyzer::query::check::judge;
use npv_analyzer::suppress::Circumstances;

use super::environments::{self, Terms};
use crate::args::{BaselineVerb, LookArgs};
use crate::guard;
use crate::outcome::{Exit, Failure};
use crate::output::{to_stderr, to_stdout};
use crate::progress::during;
use crate::{input, select};

pub(crate) fn run(verb: &BaselineVerb, look: LookArgs) -> Result<Exit, Failure> {
    let (BaselineVerb::Write(args) | BaselineVerb::Prune(args)) = verb;
    let mut configured = input::configure(&args.paths, &args.input, look)?;
    let selection = select::selection(&args.lint, &mut configured)?;
    let file = args.baseline.clone().map(|file| Some(Place(file)));
    configured.config.baseline.switch("--baseline", file);
    let today = input::today()?;
    let names = match configured.environment {
        Some(_) => Vec::new(),
        None => input::environments(&args.paths, &configured)?,
    };
    let several = if names.len() > 1 {
        let terms = Terms { paths: &args.paths, selection: &selection, baseline: None, today };
        Some(environments::judged(&names, &mut configured, &terms, look)?)
    } else {
        None
    };
    configured.environment.clone_from(&args.input.environment);
    let circumstances = Circumstances { configured: &configured, today, named: &args.paths };
    let snapshot;
    let (findings, sources, complete) = if let Some(mut parts) = several {
        let findings = environments::merged(&mut parts, Vec::new());
        let complete = environments::complete(&parts, &findings);
        (findings, environments::into_sources(parts), complete)
    } else {
        let mut read = input::load(&configured.inputs(&args.paths), &configured, look)?;
        configured.adopt(&mut read);
        snapshot = read;
        let engine = super::engine(&snapshot, look);
        let judged = during("looking for mistakes", look, || {
            judge(&snapshot, &engine, &selection, circumstances, None)
        })
        .unwrap_or_else(|bug| guard::stop(&bug));
        let complete = snapshot.complete();
        (judged.findings, snapshot.sources, complete)
    };
    let path = configured.baseline();
    let (baseline, did) = match verb {
        BaselineVerb::Write(_) => {
            let baseline = Baseline::from_findings(path.clone(), &findings, &sources);
            let did = format!("wrote {} to", count(baseline.len()));
            (baseline, did)
        }
        BaselineVerb::Prune(_) => {
            let Some(old) = input::baseline(&configured, look)? else {
                return Err(Failure::usage(
                    format!("there is no baseline `{}`", path.display()),
                    "make it with `npv baseline write`",
                ));
            };
            let told = |rule: &Rule, file: &Path| selection.runs(rule) && circumstances.read(file);
            let new = old.pruned(&findings, told);
            let did = format!("removed {} from", count(old.len() - new.len()));
            (new, did)
        }
    };
    let left_out = match verb {
        BaselineVerb::Write(_) => findings.len() - baseline.len(),
        BaselineVerb::Prune(_) => 0,
    };
    std::fs::write(&path, baseline.to_text()).map_err(|error| {
        Failure::usage(
            format!("cannot write `{}`: {error}", path.display()),
            "name a file that may be written to: `--baseline FILE`",
        )
    })?;
    to_stdout(look, |page| writeln!(page, "{did} `{}`", path.display()))?;
    if left_out > 0 {
        to_stderr(look, |page| {
            writeln!(
                page,
                "note: {} left out: what is refused or not read is never old news",
                count(left_out)
            )
        });
    }
    Ok(if complete || *configured.config.output.allow_incomplete { Exit::Clean } else { Exit::Incomplete })
}

fn count(findings: usize) -> String {
    if findings == 1 { "1 finding".to_owned() } else { format!("{findings} findings") }
}
