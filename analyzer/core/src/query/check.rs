//! What is wrong with the manifests: what reading found, and what the lint rules find.

use npv_models::diagnostic::{Finding, Severity};
use npv_symbolic::session::Error;

use crate::engine::Engine;
use crate::lint::{self, Context};
use crate::snapshot::Snapshot;

/// All findings, sorted by position.
///
/// # Errors
/// When a proof does not stand up to the reference semantics: a bug in npv.
pub fn check(snapshot: &Snapshot, engine: &Engine) -> Result<Vec<Finding>, Error> {
    let mut findings = snapshot.findings.clone();
    findings.extend(lint::run(&Context::new(snapshot, engine))?);
    sort(&mut findings);
    Ok(findings)
}

/// Sorts findings by position, then by rule and key: an order that depends on nothing but the input.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let at = |finding: &Finding| finding.span().map(|span| (span.source, span.start, span.end));
        at(a).cmp(&at(b)).then_with(|| a.rule.cmp(b.rule)).then_with(|| a.key.cmp(&b.key))
    });
}

/// Whether a finding of this severity or a worse one is there. What makes the analysis incomplete does not
/// count: it has an exit status of its own.
pub fn fails(findings: &[Finding], at_least: Severity) -> bool {
    findings.iter().any(|finding| !finding.incomplete && finding.severity >= at_least)
}
