//! `overridden-by-admin-tier`.

use npv_models::diagnostic::Finding;
use npv_models::policy::Action;
use npv_symbolic::lint::{Fact, Facts};

use crate::lint::proofs::{self, Causes, Subject};
use crate::lint::rule::lint_rule;
use crate::lint::{Check, Context};

lint_rule! {
    /// A rule all of whose flows an earlier tier decides the other way.
    ///
    /// ## What it finds
    ///
    /// A rule of a NetworkPolicy, or of a Baseline policy, and policies of earlier tiers that deny all that it
    /// allows, or allow all that it denies. *In every cluster* is a proof for all pods, namespaces and
    /// addresses that could ever be; *in this snapshot* speaks of the pods and namespaces in the manifests. The finding shows one
    /// such flow and points at the rules that win.
    ///
    /// ## Why it matters
    ///
    /// The rule reads as if a path were open, and it is not: the administrators have closed it, and no
    /// NetworkPolicy opens it again. Whoever wrote the rule looks for the mistake in the wrong place.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: policy.networking.k8s.io/v1alpha2
    /// kind: ClusterNetworkPolicy
    /// metadata: {name: production}
    /// spec:
    ///   tier: Admin
    ///   priority: 30
    ///   subject: {namespaces: {}}
    ///   ingress:
    ///     - name: nothing-from-development
    ///       action: Deny
    ///       from: [{namespaces: {matchLabels: {env: dev}}}]
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: api, namespace: ledger}
    /// spec:
    ///   podSelector: {matchLabels: {app: api}}
    ///   ingress:
    ///     - from: [{namespaceSelector: {matchLabels: {env: dev}}}]
    ///       ports: [{port: 8080}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Remove the rule, or have the administrators except the flow: by an `Accept` or a `Pass` before the denial.
    ///
    /// ```yaml
    /// apiVersion: policy.networking.k8s.io/v1alpha2
    /// kind: ClusterNetworkPolicy
    /// metadata: {name: production}
    /// spec:
    ///   tier: Admin
    ///   priority: 30
    ///   subject: {namespaces: {}}
    ///   ingress:
    ///     - name: ledger-decides-about-its-test-port
    ///       action: Pass
    ///       from: [{namespaces: {matchLabels: {env: dev}}}]
    ///       protocols: [{tcp: {destinationPort: {number: 8080}}}]
    ///     - name: nothing-from-development
    ///       action: Deny
    ///       from: [{namespaces: {matchLabels: {env: dev}}}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where one flow of the rule is left. For a Baseline denial under an allowance of a NetworkPolicy: that is
    /// how the tiers are meant. For rules with domain names, of which nobody knows whom they match.
    pub(in crate::lint) static OVERRIDDEN_BY_ADMIN_TIER = {
        name: "overridden-by-admin-tier",
        category: Conflict,
        severity: Warning,
        check: Check::Proof(check),
    };
}

fn check(context: &Context<'_>, facts: &Facts, findings: &mut Vec<Finding>) {
    for fact in &facts.facts {
        let Fact::Overridden { rule, by, world, witness } = fact else { continue };
        let Some(subject) = Subject::of(context, *rule) else { continue };
        let causes = Causes::new(context, by);
        let witness = proofs::witness(context, &subject, witness);
        let (does, decides, decide) = match subject.rule.action {
            Action::Deny => ("denies", "allows", "allow"),
            _ => ("allows", "denies", "deny"),
        };
        let verb = if causes.is_one() { decides } else { decide };
        let what = format!(
            "{} {does} nothing: {} {verb} all of it in an earlier tier, for example {} {} from `{}` to `{}`",
            subject.full_name(),
            causes.names(subject.policy),
            witness.protocol,
            witness.port,
            witness.src,
            witness.dst,
        );
        let finding = proofs::finding(&OVERRIDDEN_BY_ADMIN_TIER, *world, &subject, &what)
            .label("decided before")
            .help("what an earlier tier decides is final: remove the rule, or ask for a `Pass` before what decides it")
            .witness(witness);
        findings.push(causes.point_at(finding, &format!("{decides} it"), "denies it"));
    }
}
