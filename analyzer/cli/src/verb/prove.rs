//! `npv prove`.

use std::time::Instant;

use npv_analyzer::assertion::{Assertion, RULE, decode_one};
use npv_analyzer::config::Configured;
use npv_analyzer::query::check::fails;
use npv_analyzer::query::name::closest;
use npv_analyzer::query::prove::{Counterexample, Outcome, Proofs, prove};
use npv_analyzer::report::{ProveReport, Replay, write_findings};
use npv_analyzer::snapshot::Snapshot;
use npv_models::diagnostic::{Finding, Severity};
use npv_models::source::{Origin, SourceMap};
use npv_models::yaml;

use super::{equivalence, exit_of, show_findings};
use crate::args::{LookArgs, ProveArgs};
use crate::input::{self, Input};
use crate::outcome::{Exit, Failure};
use crate::progress::during;
use crate::{guard, output, verbose, witness};

pub(crate) fn run(args: &ProveArgs, look: LookArgs) -> Result<Exit, Failure> {
    let assertion = match (&args.assertion, &args.equivalent) {
        (_, Some(sides)) => {
            let [base, head] = sides.as_slice() else {
                return Err(Failure::usage(
                    "`--equivalent` compares two sides",
                    "name both: `--equivalent A B`",
                ));
            };
            return Ok(match equivalence::prove([base, head], args, look)? {
                Ok(Some(true)) => Exit::Clean,
                Ok(Some(false)) => Exit::Findings,
                Ok(None) | Err(equivalence::Incomplete) => Exit::Incomplete,
            });
        }
        (Some(assertion), None) => assertion,
        (None, None) => return Err(Failure::usage("there is nothing to prove", "write an assertion")),
    };
    output::check(&args.input.format, "prove", |format| format.prove)?;
    let Input { configured, mut snapshot } = input::read(&args.paths, &args.input, look)?;
    let assertion = if assertion.trim_start().starts_with('{') || assertion.contains(": ") {
        written(assertion, &mut snapshot.sources, look)?
    } else {
        named(assertion, &configured, &snapshot)?
    };
    let engine = super::engine(&snapshot, look);
    let start = Instant::now();
    let assertions = [assertion];
    let proofs = during("looking for a proof", look, || prove(&snapshot, &engine, &assertions))
        .unwrap_or_else(|bug| guard::stop(&bug));
    if !proofs.findings.is_empty() {
        return Err(wrong(&proofs.findings, &snapshot.sources, look));
    }
    show_findings(&snapshot, look);
    let files = match &args.witness_dir {
        Some(directory) => witness::write(directory, counterexamples(&proofs))?,
        None => Vec::new(),
    };
    let arguments = witness::arguments(&configured.inputs(&args.paths), &args.input);
    let replay = Replay { arguments, checkout: None, files };
    let report = ProveReport {
        proofs: &proofs,
        replay: &replay,
        sources: &snapshot.sources,
        findings: &snapshot.findings,
        complete: snapshot.complete(),
    };
    output::write(
        &args.input.format,
        look,
        "prove",
        |format| format.prove,
        |write, page| write(&report, page),
    )?;
    verbose::answered(start.elapsed(), look);
    Ok(exit(&snapshot, &proofs, &configured))
}

/// The counterexamples by the names of their assertions.
pub(super) fn counterexamples<'p>(
    proofs: &'p Proofs<'_>,
) -> impl Iterator<Item = (&'p str, Option<&'p Counterexample>)> {
    proofs.proofs.iter().map(|proof| match &proof.outcome {
        Outcome::Fails(found) => (&*proof.assertion.name, Some(&**found)),
        Outcome::Holds | Outcome::Vacuous(_) | Outcome::Unknown(_) => (&*proof.assertion.name, None),
    })
}

/// What is not known can hide anything, so that comes first.
fn exit(snapshot: &Snapshot, proofs: &Proofs<'_>, configured: &Configured) -> Exit {
    match exit_of(snapshot, configured) {
        Exit::Clean if proofs.fail() || fails(&snapshot.findings, Severity::Error) => Exit::Findings,
        Exit::Clean if proofs.unknown() => Exit::Incomplete,
        exit => exit,
    }
}

/// The assertion of the configuration with this name.
fn named(name: &str, configured: &Configured, snapshot: &Snapshot) -> Result<Assertion, Failure> {
    let assertions = configured.assertions(snapshot);
    let names: Vec<String> = assertions.iter().map(|assertion| assertion.name.clone()).collect();
    if let Some(assertion) = assertions.into_iter().find(|assertion| assertion.name == name) {
        return Ok(assertion);
    }
    let mut help: Vec<String> =
        closest(name, &names).into_iter().take(1).map(|close| format!("did you mean `{close}`?")).collect();
    help.push(match configured.file.as_deref() {
        None => "there is no `npv.yaml` that could name one; or write it out: `npv prove --help` shows how"
            .to_owned(),
        Some(file) if names.is_empty() => {
            format!("`{}` has no assertions; `npv prove --help` shows how to write one out", file.display())
        }
        Some(file) => format!(
            "those of `{}` are: {}",
            file.display(),
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        ),
    });
    Err(Failure::usage_with(format!("there is no assertion `{name}`"), help))
}

/// The assertion that stands on the command line.
fn written(text: &str, sources: &mut SourceMap, look: LookArgs) -> Result<Assertion, Failure> {
    let too_long = |_| Failure::usage("the assertion is too long", "write it into a file");
    let id = sources.add("<assertion>", text, Origin::File).map_err(too_long)?;
    let documents = yaml::read(id, text, 0);
    let mut findings: Vec<Finding> = documents
        .problems
        .into_iter()
        .map(|problem| {
            let help =
                vec!["write it like `{expect: deny, from: any-pod, to: internet}`, in quotes".to_owned()];
            Finding { rule: RULE, incomplete: false, help, ..problem }
        })
        .collect();
    let assertion = documents.roots.first().and_then(|root| decode_one(root, &mut findings));
    match assertion {
        Some(assertion) if findings.is_empty() => Ok(assertion),
        _ => Err(wrong(&findings, sources, look)),
    }
}

/// Shows what is wrong with an assertion.
fn wrong(findings: &[Finding], sources: &SourceMap, look: LookArgs) -> Failure {
    output::to_stderr(look, |page| write_findings(findings, sources, page));
    Failure::usage(
        "this is no assertion that can be proved",
        "`npv prove --help` shows how assertions are written",
    )
}
