//! Lint rules: what is wrong with a snapshot, where, and what to do about it.
//!
//! A rule is one file in `rules/` and one line in [`registry`]. Its doc comment is its documentation
//! page: `npv rule NAME` prints it, `docs/rules.md` is generated from it, and SARIF describes the rule
//! by it. Tests ask of every registered rule that the page is complete and that its examples do what
//! they say.
//!
//! A false alarm gets the gate switched off. So each rule says when it stays silent as carefully as
//! when it fires, and where the manifests cannot tell, it stays silent.

mod blame;
mod blocked;
mod calico;
mod callers;
mod context;
mod dns;
mod docs;
mod example;
mod exposed;
mod first_match;
mod implied;
mod intended;
mod misplaced;
mod pods;
mod proofs;
mod registry;
mod rule;
mod rules;
mod services;
mod similar;
mod spelling;
mod text;
mod traffic;
pub(crate) mod words;

use npv_models::diagnostic::Finding;
use npv_models::k8s::syntax;
use npv_symbolic::session::Error;
use rayon::prelude::*;

pub use context::Context;
pub(crate) use dns::is_dns_pod;
pub use docs::markdown;
pub(crate) use exposed::keeps_data;
pub use intended::{Met, Need, needs};
pub use registry::rules;
pub use rule::{Category, Check, Rule};
pub(crate) use rules::configuration::{
    EXPIRED_SUPPRESSION, INVALID_SUPPRESSION, STALE_BASELINE, UNUSED_SUPPRESSION,
};
pub(crate) use rules::scrape_blocked::is_prometheus;

/// The rule with this name.
pub fn rule(name: &str) -> Option<&'static Rule> {
    rules().iter().copied().find(|rule| rule.name == name)
}

/// Everything that the lint rules find, sorted by position. What reading found is in the snapshot and
/// is not repeated.
///
/// # Errors
/// When a flow that the solver found does not replay through the reference semantics: a bug in npv, after
/// which nothing that it says can be trusted.
pub fn run(context: &Context<'_>) -> Result<Vec<Finding>, Error> {
    run_some(context, |rule| context.pedantic || !rule.pedantic)
}

/// The same of those rules alone that are wanted.
///
/// # Errors
/// As [`run`].
pub fn run_some(context: &Context<'_>, wanted: impl Fn(&Rule) -> bool + Sync) -> Result<Vec<Finding>, Error> {
    let run = |rule: &Rule, check: &dyn Fn(&mut Vec<Finding>)| {
        let mut findings = Vec::new();
        if wanted(rule) {
            check(&mut findings);
        }
        findings
    };
    let of_snapshot = |rule: &&Rule| match rule.check {
        Check::Snapshot(check) => run(rule, &|findings| check(context, findings)),
        Check::Proof(_) | Check::Reading | Check::Configuration | Check::Exceptions => Vec::new(),
    };
    // What could not be proved matters to those alone who want a proof.
    let is_proof = |rule: &&&Rule| matches!(rule.check, Check::Proof(_)) && rule.may_be_silenced();
    let prove = rules().iter().filter(is_proof).any(|rule| wanted(rule));
    let (found, facts) = rayon::join(
        || rules().par_iter().map(of_snapshot).collect::<Vec<_>>(),
        // One solver, one thread: its answers depend on the order of the questions.
        || prove.then(|| proofs::facts(context)).transpose(),
    );
    let facts = facts?;
    let proved = rules().iter().map(|rule| match (rule.check, &facts) {
        (Check::Proof(check), Some(facts)) => run(rule, &|findings| check(context, facts, findings)),
        _ => Vec::new(),
    });
    let mut findings: Vec<Finding> = found.into_iter().chain(proved).flatten().collect();
    keep_what_was_meant(context, &mut findings);
    // An object of which nobody has filled in the name is not what will be deployed.
    let filled_in = |finding: &Finding| finding.object.as_deref().and_then(syntax::placeholder).is_none();
    // Of pods that others make, npv knows what it has been told.
    let configuration = context.snapshot.configuration;
    let told = |finding: &Finding| {
        configuration.is_some() && finding.span().map(|span| span.source) == configuration
    };
    findings.retain(|finding| filled_in(finding) && !told(finding));
    findings.sort_by(|a, b| {
        let order = |finding: &Finding| finding.span().map(|span| (span.source, span.start));
        order(a).cmp(&order(b)).then_with(|| a.rule.cmp(b.rule)).then_with(|| a.key.cmp(&b.key))
    });
    // Several rules of the policies may stand for one of a manifest.
    findings
        .dedup_by(|a, b| (a.rule, a.span(), &a.key, &a.message) == (b.rule, b.span(), &b.key, &b.message));
    Ok(findings)
}

/// Takes out what calls a policy, a rule or an entry superfluous in which something is dead: a label that is misspelt
/// there is the only trace of what was meant, and removing it would settle both findings and mend nothing.
fn keep_what_was_meant(context: &Context<'_>, findings: &mut Vec<Finding>) {
    const SUPERFLUOUS: [&str; 3] = ["redundant-policy", "redundant-rule", "redundant-entry"];
    if !findings.iter().any(|finding| SUPERFLUOUS.contains(&finding.rule)) {
        return;
    }
    let mut dead = Vec::new();
    // Whether anybody wants to hear of them does not matter here.
    for rule in rules().iter().filter(|rule| rule.category == Category::Dead && !rule.pedantic) {
        if let Check::Snapshot(check) = rule.check {
            check(context, &mut dead);
        }
    }
    findings.retain(|finding| {
        !SUPERFLUOUS.contains(&finding.rule)
            || !dead.iter().any(|dead| {
                let within = finding.span().zip(dead.span()).is_some_and(|(own, there)| {
                    own.source == there.source && own.start <= there.start && there.end <= own.end
                });
                dead.object == finding.object && (finding.rule == "redundant-policy" || within)
            })
    });
}
