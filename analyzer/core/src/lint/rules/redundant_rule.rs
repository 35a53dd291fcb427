//! `redundant-rule`.

use npv_models::diagnostic::Finding;
use npv_models::policy::Action;
use npv_symbolic::lint::{Fact, Facts};

use crate::fix::remove;
use crate::lint::proofs::{self, Causes, Subject};
use crate::lint::rule::lint_rule;
use crate::lint::{Check, Context};

lint_rule! {
    /// A rule that could go without changing any verdict, because others allow all that it allows.
    ///
    /// ## What it finds
    ///
    /// A rule of a NetworkPolicy all of whose flows other rules for the same pods allow, or policies of an
    /// earlier tier decide. *In every cluster* is a proof for all pods, namespaces and addresses that could
    /// ever be; *in this snapshot*, where only the pods of the manifests count, it is a note and reported on request. The finding
    /// points at the rules that make it so, and none of them could be left out. Of two rules that say the
    /// same, the later one is reported.
    ///
    /// ## Why it matters
    ///
    /// Who removes or narrows the rule to close a path finds that nothing closes. Often it is a leftover that
    /// a wider rule has swallowed, and the wider rule is the mistake.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: api}}
    ///   ingress:
    ///     - from: [{podSelector: {}}]
    ///     - from: [{podSelector: {matchLabels: {app: web}}}]
    ///       ports: [{port: 8080}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Remove the rule, or narrow the one that covers it.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: api}}
    ///   ingress:
    ///     - from: [{podSelector: {matchLabels: {app: web}}}]
    ///       ports: [{port: 8080}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where one flow needs the rule, be it of a pod that is yet to come. Where the whole policy is redundant,
    /// which `redundant-policy` says, and where an earlier tier denies all of the rule's flows, which
    /// `overridden-by-admin-tier` says. For a rule that matches nobody by itself.
    pub(in crate::lint) static REDUNDANT_RULE = {
        name: "redundant-rule",
        category: Shadow,
        severity: Warning,
        check: Check::Proof(check),
    };
}

fn check(context: &Context<'_>, facts: &Facts, findings: &mut Vec<Finding>) {
    for fact in &facts.facts {
        let Fact::RedundantRule { rule, by, world } = fact else { continue };
        let Some(subject) = Subject::of(context, *rule) else { continue };
        let causes = Causes::new(context, by);
        let does = match (subject.rule.action, causes.all(Action::Allow), causes.is_one()) {
            (Action::Allow, true, true) => "allows all that it allows",
            (Action::Allow, true, false) => "allow all that it allows",
            (_, _, true) => "decides all that it matches",
            (_, _, false) => "decide all that it matches",
        };
        let what =
            format!("{} changes no verdict: {} {does}", subject.full_name(), causes.names(subject.policy));
        let finding = proofs::finding(&REDUNDANT_RULE, *world, &subject, &what)
            .label("changes no verdict")
            .help("remove it, or narrow what covers it");
        let finding = causes.point_at(proofs::dead(finding, *world), "covers it", "isolates its pods");
        let edits = remove::item(context.sources(), subject.rule.provenance.span);
        findings.push(proofs::removed(finding, *world, "remove the rule", edits));
    }
}
