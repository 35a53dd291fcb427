//! `undecided-rule`.

use std::collections::BTreeSet;

use npv_models::diagnostic::{Finding, Severity};
use npv_models::source::Span;
use npv_symbolic::encode::RuleId;
use npv_symbolic::lint::Facts;
use npv_symbolic::solver::WITHOUT_Z3;

use crate::lint::proofs::{self, Subject};
use crate::lint::rule::lint_rule;
use crate::lint::words;
use crate::lint::{Check, Context};

lint_rule! {
    /// A rule of which npv could not prove whether it has an effect.
    ///
    /// ## What it finds
    ///
    /// A rule of which the solver gave up to find out whether others hide it. The question has been asked and has no
    /// answer, so the analysis is incomplete. An npv that was built without Z3 says once how many rules it
    /// could not judge; there is nothing to be done about the manifests then, and it is no more than a note.
    ///
    /// ## Why it matters
    ///
    /// The other rules of this category say nothing about the rule, and their silence proves nothing here.
    ///
    /// ## Example
    ///
    /// With a solver that gives up at once:
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: api}}
    ///   ingress:
    ///     - from: [{podSelector: {matchExpressions: [{key: app, operator: Exists}]}}]
    ///     - from: [{podSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]}}]
    ///     - from: [{podSelector: {matchLabels: {tier: front}}}]
    ///       ports: [{port: 8080}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Write rules that are easy to compare: for people, too.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: api}}
    ///   ingress:
    ///     - from: [{podSelector: {}}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where every question has an answer: in all manifests that we know of.
    pub(in crate::lint) static UNDECIDED_RULE = {
        name: "undecided-rule",
        category: Shadow,
        severity: Warning,
        check: Check::Proof(check),
    };
}

fn check(context: &Context<'_>, facts: &Facts, findings: &mut Vec<Finding>) {
    let mut without_z3 = BTreeSet::new();
    let mut given_up = BTreeSet::new();
    for (rule, why) in &facts.unknown {
        if why == WITHOUT_Z3 {
            without_z3.insert(*rule);
        } else if given_up.insert(*rule)
            && let Some((span, name, object)) = place(context, *rule)
        {
            findings.push(
                UNDECIDED_RULE
                    .finding(span, format!("npv could not prove whether {name} has an effect: {why}"))
                    .label("the solver gave up")
                    .object(object)
                    .help("whether others hide it is not known; rules that speak of the same labels are easier to compare")
                    .key(Subject::of(context, *rule).map_or_else(String::new, |subject| subject.key()))
                    .incomplete(),
            );
        }
    }
    if let Some((span, _, object)) = without_z3.first().and_then(|rule| place(context, *rule)) {
        let rules = words::count(without_z3.len(), "rule");
        let mut finding = UNDECIDED_RULE
            .finding(span, format!("{WITHOUT_Z3}, and cannot tell of {rules} whether others hide them"))
            .label("one of them")
            .object(object)
            .help("a build with the feature `z3` proves it, for every cluster")
            .key("z3");
        finding.severity = Severity::Note;
        findings.push(finding);
    }
}

/// Where a rule is, what it is called and which object it is in; the policy where it is about that.
fn place(context: &Context<'_>, id: RuleId) -> Option<(Span, String, String)> {
    if let Some(subject) = Subject::of(context, id) {
        let object = subject.policy.object.to_string();
        return Some((subject.rule.provenance.span, subject.full_name(), object));
    }
    let policy = proofs::policy(context, id.policy)?;
    Some((policy.name_span, format!("`{}`", policy.object), policy.object.to_string()))
}
