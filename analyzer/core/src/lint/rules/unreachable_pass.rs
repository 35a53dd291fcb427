//! `unreachable-pass`.

use npv_models::diagnostic::Finding;
use npv_models::policy::Action;
use npv_symbolic::lint::Facts;

use crate::lint::proofs;
use crate::lint::rule::lint_rule;
use crate::lint::{Check, Context};

lint_rule! {
    /// A `Pass` that no flow ever reaches, because earlier rules of its tier match all that it matches.
    ///
    /// ## What it finds
    ///
    /// A rule with the action `Pass` all of whose flows earlier rules of the same tier match: rules before it
    /// in its policy, and rules of policies with a lower priority. *In every cluster* is a proof for all pods,
    /// namespaces and addresses that could ever be; *in this snapshot*, where only the pods of the manifests
    /// count, it is a note and reported on request. The finding points at the rules that hide it.
    ///
    /// ## Why it matters
    ///
    /// A `Pass` leaves a decision to the teams and their NetworkPolicies. When an earlier rule has decided,
    /// what the teams write has no effect, and nobody tells them.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: policy.networking.k8s.io/v1alpha2
    /// kind: ClusterNetworkPolicy
    /// metadata: {name: production}
    /// spec:
    ///   tier: Admin
    ///   priority: 40
    ///   subject: {namespaces: {matchLabels: {env: prod}}}
    ///   ingress:
    ///     - name: closed
    ///       action: Deny
    ///       from: [{namespaces: {}}]
    ///     - name: teams-decide-among-production
    ///       action: Pass
    ///       from: [{namespaces: {matchLabels: {env: prod}}}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Move the `Pass` before the rules that hide it, or remove it.
    ///
    /// ```yaml
    /// apiVersion: policy.networking.k8s.io/v1alpha2
    /// kind: ClusterNetworkPolicy
    /// metadata: {name: production}
    /// spec:
    ///   tier: Admin
    ///   priority: 40
    ///   subject: {namespaces: {matchLabels: {env: prod}}}
    ///   ingress:
    ///     - name: teams-decide-among-production
    ///       action: Pass
    ///       from: [{namespaces: {matchLabels: {env: prod}}}]
    ///     - name: closed
    ///       action: Deny
    ///       from: [{namespaces: {}}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where one flow gets as far as the rule, be it of a pod that is yet to come. For a `Pass` at the end of a tier that
    /// changes nothing, since what no rule matches goes on to the next tier anyway: it says what is meant.
    pub(in crate::lint) static UNREACHABLE_PASS = {
        name: "unreachable-pass",
        category: Shadow,
        severity: Warning,
        check: Check::Proof(check),
    };
}

fn check(context: &Context<'_>, facts: &Facts, findings: &mut Vec<Finding>) {
    let of_kind = |action| action == Action::Pass;
    findings.extend(proofs::shadowed(
        context,
        facts,
        &UNREACHABLE_PASS,
        of_kind,
        ["passes nothing on", "never passes anything on"],
    ));
}
