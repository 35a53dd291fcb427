//! `shadowed-rule`.

use npv_models::diagnostic::Finding;
use npv_models::policy::Action;
use npv_symbolic::lint::Facts;

use crate::lint::proofs;
use crate::lint::rule::lint_rule;
use crate::lint::{Check, Context};

lint_rule! {
    /// A rule of an ordered tier that never decides, because earlier rules match all that it matches.
    ///
    /// ## What it finds
    ///
    /// A rule of a ClusterNetworkPolicy, an AdminNetworkPolicy or a BaselineAdminNetworkPolicy all of whose
    /// flows earlier rules of the same tier match, whatever they do with them: rules before it in its
    /// policy, and rules of policies with a lower priority. *In every cluster* means that no pod, no namespace and
    /// no address that could ever be there makes a difference; that is proved. The finding points at the
    /// rules that hide it, and none of them could be left out. *In this snapshot*, where only the pods of the
    /// manifests count, it is a note and reported on request.
    ///
    /// ## Why it matters
    ///
    /// The first rule that matches decides. A hidden rule looks like policy and is none: an exception written below the
    /// denial that it is an exception to never applies, and a denial below an `Accept` protects nothing.
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
    ///     - name: dashboards
    ///       action: Accept
    ///       from: [{namespaces: {matchLabels: {team: platform}}}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Move the rule before those that hide it, or remove it.
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
    ///     - name: dashboards
    ///       action: Accept
    ///       from: [{namespaces: {matchLabels: {team: platform}}}]
    ///     - name: closed
    ///       action: Deny
    ///       from: [{namespaces: {}}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where one flow is left to the rule, be it of a pod that is yet to come. Between policies of equal priority, whose
    /// order is undefined, which `conflicting-policies` speaks of. For rules with domain names or with peers
    /// that npv does not know: whom they match cannot be told. For a rule that matches nobody by itself, which
    /// `vacuous-selector` speaks of.
    pub(in crate::lint) static SHADOWED_RULE = {
        name: "shadowed-rule",
        category: Shadow,
        severity: Warning,
        check: Check::Proof(check),
    };
}

fn check(context: &Context<'_>, facts: &Facts, findings: &mut Vec<Finding>) {
    let of_kind = |action| action != Action::Pass;
    findings.extend(proofs::shadowed(
        context,
        facts,
        &SHADOWED_RULE,
        of_kind,
        ["decides nothing", "never decides"],
    ));
}
