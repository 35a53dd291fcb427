//! One file for each verb: what is read, what is asked, where the answer goes.

pub(crate) mod baseline;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod diff;
pub(crate) mod environments;
pub(crate) mod equivalence;
pub(crate) mod fix;
pub(crate) mod init;
pub(crate) mod man;
pub(crate) mod plugins;
pub(crate) mod prove;
pub(crate) mod reach;
pub(crate) mod report;
pub(crate) mod rule;
pub(crate) mod trace;
pub(crate) mod watch;

use std::time::Instant;

use npv_analyzer::assertion::Assertion;
use npv_analyzer::config::Configured;
use npv_analyzer::engine::{Assumed, Engine};
use npv_analyzer::query::check::sort;
use npv_analyzer::query::prove::{Proofs, prove};
use npv_analyzer::query::reach::assumed;
use npv_analyzer::report::{WalkReport, write_findings};
use npv_analyzer::snapshot::Snapshot;
use npv_models::diagnostic::{Finding, Severity};

use crate::args::LookArgs;
use crate::outcome::Exit;
use crate::progress::during;
use crate::{guard, output, verbose};

/// The exact answers for a snapshot.
fn engine(snapshot: &Snapshot, look: LookArgs) -> Engine {
    engine_assuming(&assumed(snapshot), snapshot, look)
}

/// An engine that knows of these besides.
fn engine_assuming(assumed: &[Assumed], snapshot: &Snapshot, look: LookArgs) -> Engine {
    let start = Instant::now();
    let engine = during("compiling the policies", look, || {
        Engine::with_assumed(&snapshot.cluster, &snapshot.policies, snapshot.profile, assumed)
    });
    verbose::engine(&engine, start.elapsed(), look);
    engine
}

/// The answers to the assertions of the configuration; names in them that mean nobody are findings.
fn proved<'a>(
    snapshot: &Snapshot,
    engine: &Engine,
    findings: &mut Vec<Finding>,
    assertions: &'a [Assertion],
    look: LookArgs,
) -> Proofs<'a> {
    if assertions.is_empty() {
        return Proofs::default();
    }
    let mut proofs = during("looking for proofs", look, || prove(snapshot, engine, assertions))
        .unwrap_or_else(|bug| guard::stop(&bug));
    findings.append(&mut proofs.findings);
    sort(findings);
    proofs
}

/// Shows what reading found wrong, for verbs whose answer is another.
fn show_findings(snapshot: &Snapshot, look: LookArgs) {
    if look.quiet {
        return;
    }
    let wrong: Vec<Finding> = snapshot
        .findings
        .iter()
        .filter(|finding| finding.incomplete || finding.severity == Severity::Error)
        .cloned()
        .collect();
    output::to_stderr(look, |page| write_findings(&wrong, &snapshot.sources, page));
}

/// The answers to a question about chains of connections, ready to be written.
fn walk_report<'a, T>(answers: &'a [T], snapshot: &'a Snapshot) -> WalkReport<'a, T> {
    WalkReport {
        answers,
        sources: &snapshot.sources,
        findings: &snapshot.findings,
        complete: snapshot.complete(),
    }
}

/// How a verb ends that could answer.
fn exit_of(snapshot: &Snapshot, configured: &Configured) -> Exit {
    if snapshot.complete() || *configured.config.output.allow_incomplete {
        Exit::Clean
    } else {
        Exit::Incomplete
    }
}

/// The directory that npv runs in, with forward slashes.
pub(crate) fn working_directory() -> String {
    let directory = std::env::current_dir().unwrap_or_default();
    directory.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
}
