//! What proofs cost: a full check, and questions about who can reach whom in any cluster.

use std::fs;
use std::path::Path;

use npv_analyzer::engine::Engine;
use npv_analyzer::query::check::check;
use npv_analyzer::snapshot::{Options, Snapshot};
use npv_models::decide::Verdict;
use npv_models::space::Selector;
use npv_symbolic::lint::{Input, facts};
use npv_symbolic::session::{self, BUDGET, Session};
use npv_symbolic::spec::{EndSpec, Question};
use serde::Serialize;

use crate::measure::{Moment, Time};

/// What the proofs of one cluster took.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proofs {
    /// Number of policies.
    pub policies: usize,
    /// Number of their rules.
    pub rules: usize,
    /// Every lint rule, those that rest on proofs included, from the snapshot to the findings.
    pub check: Time,
    /// The proofs alone.
    pub prove: Time,
    /// Questions of the lint rules that folding settled.
    pub folded: u32,
    /// Those that a flow settled which was found by trying.
    pub tried: u32,
    /// Those that were put to the solver.
    pub asked: u32,
    /// Findings of the check.
    pub findings: usize,
    /// Questions of a session whether anybody else reaches the pods of a namespace, with a witness, in a second of
    /// one processor.
    pub queries_per_second: f64,
}

/// Measures on the manifests of a file.
///
/// # Errors
/// A message when the file cannot be read, or an answer is wrong.
pub fn run(file: &Path) -> Result<Proofs, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let snapshot = Snapshot::from_texts([(file.display().to_string(), text)], &Options::default())
        .map_err(|length| format!("{}: {length} bytes are too many", file.display()))?;
    let engine = Engine::new(&snapshot.cluster, &snapshot.policies, snapshot.profile);
    let start = Moment::now();
    let findings = check(&snapshot, &engine).map_err(|error| error.to_string())?.len();
    let checked = Moment::now();
    let found = facts(&Input {
        policies: &snapshot.policies,
        profile: snapshot.profile,
        cluster: &snapshot.cluster,
        snapshot_too: false,
        budget: BUDGET,
    })
    .map_err(|error| error.to_string())?;
    let proved = Moment::now();
    let rules = snapshot.policies.policies().map(|(_, _, policy)| {
        policy.ingress.as_ref().map_or(0, Vec::len) + policy.egress.as_ref().map_or(0, Vec::len)
    });
    Ok(Proofs {
        policies: snapshot.policies.policies().count(),
        rules: rules.sum(),
        check: checked.since(start),
        prove: proved.since(checked),
        folded: found.effort.folded,
        tried: found.effort.tried,
        asked: found.effort.asked,
        findings,
        queries_per_second: queries(&snapshot)?,
    })
}

/// Twenty namespaces at most: who else reaches their pods?
fn queries(snapshot: &Snapshot) -> Result<f64, String> {
    let namespaces = snapshot.cluster.namespaces.iter().take(20);
    let questions: Vec<_> = namespaces
        .map(|namespace| {
            let to = EndSpec::pods_in(&namespace.name, Selector::EVERYTHING);
            Question { not_from: Some(to.clone()), ..Question::between(EndSpec::anybody(), to) }
        })
        .collect();
    let options = session::Options::default();
    let mut session = Session::new(&[&snapshot.policies], snapshot.profile, options, &questions);
    let start = Moment::now();
    for question in &questions {
        session.reachable(0, question, Verdict::Allow).map_err(|error| error.to_string())?;
    }
    let time = Moment::now().since(start);
    // Of what takes less than a step of the processor's clock, the other one tells more.
    let milliseconds = time.processor.filter(|time| *time >= 50.0).unwrap_or(time.wall);
    Ok(f64::from(u32::try_from(questions.len()).unwrap_or(u32::MAX)) / (milliseconds / 1e3).max(1e-9))
}
