//! Lint rules, tested by Markdown: prose, manifests, and the expected findings right under the text that
//! they are about. See `README.md` beside this file for the notation.

mod fingerprints;
mod markdown;
mod pages;
mod undecided;

use npv_analyzer::config::Configured;
use npv_analyzer::engine::Engine;
use npv_analyzer::lint::{self, Context};
use npv_analyzer::snapshot::{Options, Snapshot};
use npv_analyzer::suppress::{Circumstances, suppress};
use npv_models::diagnostic::Finding;
use npv_symbolic::session::BUDGET;

/// Everything that `npv check` finds in some texts, pedantic rules included.
fn check(texts: &[(String, String)]) -> (Snapshot, Vec<Finding>) {
    check_within(BUDGET, texts)
}

/// What remains of findings when exceptions are looked through.
fn excepted(findings: Vec<Finding>, snapshot: &Snapshot, configured: &Configured) -> Vec<Finding> {
    let today = "2026-11-21".parse().expect("this is a day");
    let circumstances = Circumstances { configured, today, named: &[] };
    suppress(findings, snapshot, circumstances, |_| true).0
}

/// The same with a solver that gives up after so many steps.
fn check_within(budget: u32, texts: &[(String, String)]) -> (Snapshot, Vec<Finding>) {
    let options = Options { namespace: "default".into(), ..Options::default() };
    let snapshot = Snapshot::from_texts(texts.iter().cloned(), &options).expect("the texts are small");
    let engine = Engine::new(&snapshot.cluster, &snapshot.policies, snapshot.profile);
    let mut findings = snapshot.findings.clone();
    let context = Context::new(&snapshot, &engine).pedantic(true).budget(budget);
    findings.extend(lint::run(&context).expect("every proof replays"));
    let configured = Configured::default();
    let findings = excepted(findings, &snapshot, &configured);
    for finding in &findings {
        assert!(lint::rule(finding.rule).is_some(), "`{}` is not registered", finding.rule);
        assert!(!finding.locations.is_empty(), "`{}` has no location", finding.rule);
    }
    (snapshot, findings)
}
