//! `npv check` of several environments: each is a cluster of its own, and what is found in all of them is said once.

use std::path::PathBuf;
use std::time::Instant;

use npv_analyzer::assertion::Assertion;
use npv_analyzer::baseline::Baseline;
use npv_analyzer::config::{Configured, Date};
use npv_analyzer::engine::Engine;
use npv_analyzer::query::check::{Judged, Selection, fails, judge, sort};
use npv_analyzer::query::environments::merge;
use npv_analyzer::query::inventory::Inventory;
use npv_analyzer::query::prove::Proofs;
use npv_analyzer::report::{CheckReport, Replay, Run, Scene};
use npv_analyzer::snapshot::Snapshot;
use npv_analyzer::suppress::{Circumstances, Suppressed};
use npv_models::diagnostic::Finding;
use npv_models::source::SourceMap;

use crate::args::{CheckArgs, LookArgs};
use crate::outcome::{Exit, Failure};
use crate::output::Output;
use crate::progress::during;
use crate::verb::prove::counterexamples;
use crate::{guard, input, output, verbose, witness};

/// An environment with what is found in it.
pub(crate) struct Part {
    name: String,
    snapshot: Snapshot,
    engine: Engine,
    judged: Judged,
    assertions: Vec<Assertion>,
}

/// By what environments are judged.
pub(crate) struct Terms<'a> {
    pub(crate) paths: &'a [PathBuf],
    pub(crate) selection: &'a Selection,
    pub(crate) baseline: Option<&'a Baseline>,
    pub(crate) today: Date,
}

/// Reads and judges each environment. The texts of all are of one map, which the last one has.
///
/// # Errors
/// There is nothing to read in one of them.
pub(crate) fn judged(
    names: &[String],
    configured: &mut Configured,
    terms: &Terms<'_>,
    look: LookArgs,
) -> Result<Vec<Part>, Failure> {
    let ahead = during("rendering", look, || input::ahead(terms.paths, configured))?;
    let mut sources = SourceMap::default();
    let mut parts: Vec<Part> = Vec::new();
    for name in names {
        configured.environment = Some(name.clone());
        if let Some(last) = parts.last_mut() {
            sources = std::mem::take(&mut last.snapshot.sources);
        }
        let mut snapshot = input::load_environment(sources, terms.paths, &ahead, configured, look)?;
        sources = SourceMap::default();
        input::adopt(configured, terms.baseline, &mut snapshot);
        let engine = super::engine(&snapshot, look);
        let circumstances = Circumstances { configured, today: terms.today, named: terms.paths };
        let judged = during("looking for mistakes", look, || {
            judge(&snapshot, &engine, terms.selection, circumstances, terms.baseline)
        })
        .unwrap_or_else(|bug| guard::stop(&bug));
        let mut assertions = configured.assertions(&snapshot);
        for assertion in &mut assertions {
            assertion.name = format!("{} (in `{name}`)", assertion.name);
        }
        parts.push(Part { name: name.clone(), snapshot, engine, judged, assertions });
    }
    verbose::skipped_files(
        parts.iter().flat_map(|part| part.snapshot.skipped.iter().copied()),
        parts.last().map(|part| &part.snapshot.sources),
        look,
    );
    Ok(parts)
}

/// The texts of all environments.
pub(crate) fn sources(parts: &[Part]) -> Result<&SourceMap, Failure> {
    let last = parts.last().map(|part| &part.snapshot.sources);
    last.ok_or_else(|| Failure::usage("there is no environment", "name some under `environments`"))
}

/// The same, where nothing else of them is wanted any more.
pub(crate) fn into_sources(parts: Vec<Part>) -> SourceMap {
    parts.into_iter().next_back().map(|part| part.snapshot.sources).unwrap_or_default()
}

/// What is found in all of them, as one list.
pub(crate) fn merged(parts: &mut [Part], more: Vec<Vec<Finding>>) -> Vec<Finding> {
    let mut all = Vec::new();
    let mut more = more.into_iter();
    for part in parts.iter_mut() {
        let mut findings = std::mem::take(&mut part.judged.findings);
        findings.extend(more.next().unwrap_or_default());
        sort(&mut findings);
        all.push((part.name.clone(), findings));
    }
    let empty = SourceMap::default();
    merge(all, parts.last().map_or(&empty, |part| &part.snapshot.sources))
}

/// Whether everything was read and understood.
pub(crate) fn complete(parts: &[Part], findings: &[Finding]) -> bool {
    parts.iter().all(|part| part.snapshot.complete()) && !findings.iter().any(|finding| finding.incomplete)
}

/// The answer of `npv check` about several environments.
///
/// # Errors
/// There is nothing to read, or the answer cannot be about several.
pub(crate) fn check(
    names: &[String],
    args: &CheckArgs,
    configured: &mut Configured,
    terms: &Terms<'_>,
    outputs: &[Output],
    look: LookArgs,
) -> Result<Exit, Failure> {
    let one = |what: &str| {
        let first = names.first().map_or("", String::as_str);
        Failure::usage(
            format!("there are {} environments, and {what} is about one of them", names.len()),
            format!("choose it: `--environment {first}`"),
        )
    };
    if args.fix.fix || args.fix.diff {
        return Err(one("a fix"));
    }
    if outputs.iter().any(|output| output.name() == "html") {
        return Err(one("an HTML report"));
    }
    let start = Instant::now();
    let mut parts = judged(names, configured, terms, look)?;
    let assertions: Vec<Vec<Assertion>> =
        parts.iter_mut().map(|part| std::mem::take(&mut part.assertions)).collect();
    let mut proofs = Proofs::default();
    let mut unknown_names = Vec::new();
    for (part, assertions) in parts.iter().zip(&assertions) {
        let mut findings = Vec::new();
        let own = super::proved(&part.snapshot, &part.engine, &mut findings, assertions, look);
        unknown_names.push(findings);
        proofs.proofs.extend(own.proofs);
        proofs.assumptions = own.assumptions;
    }
    let findings = merged(&mut parts, unknown_names);
    let complete = complete(&parts, &findings);
    let config = &configured.config.output;
    let replay = Replay {
        // Whoever asks without naming one is answered for each.
        arguments: witness::arguments(terms.paths, &args.input),
        checkout: None,
        files: match &args.witness_dir {
            Some(directory) => witness::write(directory, counterexamples(&proofs))?,
            None => Vec::new(),
        },
    };
    let failed = config.fail_on.severity().is_some_and(|level| fails(&findings, level));
    let exit = match (complete && !proofs.unknown(), failed || proofs.fail()) {
        (false, _) if !*config.allow_incomplete => Exit::Incomplete,
        (_, true) => Exit::Findings,
        (_, false) => Exit::Clean,
    };
    let sources = sources(&parts)?;
    let mut inventory = Inventory::default();
    for own in parts.iter().map(|part| Inventory::of(&part.snapshot)) {
        inventory.files += own.files;
        inventory.namespaces += own.namespaces;
        inventory.workloads += own.workloads;
        inventory.pods += own.pods;
        inventory.services += own.services;
        inventory.policies += own.policies;
    }
    let suppressed: Vec<Suppressed> =
        parts.iter().flat_map(|part| part.judged.suppressed.iter().cloned()).collect();
    let directory = super::working_directory();
    let Some(first) = parts.first() else { return Ok(exit) };
    let report = CheckReport {
        sources,
        findings: &findings,
        complete,
        proofs: &proofs,
        replay: &replay,
        inventory,
        run: Run {
            directory: &directory,
            fail_on: config.fail_on.severity(),
            status: exit.status(),
            suppressed: &suppressed,
            baseline: parts.iter().map(|part| part.judged.known.len()).sum(),
            fixing: false,
            environments: names,
        },
        scene: Scene {
            snapshot: &first.snapshot,
            engine: &first.engine,
            known: &first.judged.known,
            inputs: &[],
            flags: &[],
        },
    };
    output::write(outputs, look, "check", |format| format.check, |write, page| write(&report, page))?;
    verbose::suppressed(&suppressed, sources, look);
    verbose::answered(start.elapsed(), look);
    Ok(exit)
}
