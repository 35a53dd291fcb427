//! `deprecated-api-version`, which reading finds, and `replaced-policy-kind`.

use npv_models::diagnostic::Finding;
use npv_models::source::Span;

use crate::lint::rule::lint_rule;
use crate::lint::{Check, Context, text};

lint_rule! {
    /// An object of an API version that clusters no longer serve.
    ///
    /// ## What it finds
    ///
    /// A NetworkPolicy of `extensions/v1beta1` (gone since Kubernetes 1.16), an Ingress or IngressClass of
    /// `networking.k8s.io/v1beta1` (gone since 1.22), and workloads of `extensions/v1beta1`, `apps/v1beta1` and
    /// `apps/v1beta2` (gone since 1.16).
    ///
    /// ## Why it matters
    ///
    /// The API server refuses an object of a version that it does not serve. A policy that is refused protects nothing, and a
    /// deployment that goes on after the error leaves the pods open.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: extensions/v1beta1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec: {podSelector: {}, policyTypes: [Ingress]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Write the version that took its place. For a NetworkPolicy nothing else changes.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec: {podSelector: {}, policyTypes: [Ingress]}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On every other version, and on kinds that mean nothing to npv. `replaced-policy-kind` speaks of
    /// AdminNetworkPolicies.
    pub(in crate::lint) static DEPRECATED_API_VERSION = {
        name: "deprecated-api-version",
        category: Hygiene,
        severity: Warning,
        check: Check::Reading,
    };
}

lint_rule! {
    /// A policy of a kind that ClusterNetworkPolicy has replaced.
    ///
    /// ## What it finds
    ///
    /// An AdminNetworkPolicy or a BaselineAdminNetworkPolicy of `policy.networking.k8s.io/v1alpha1`.
    ///
    /// ## Why it matters
    ///
    /// From `v1alpha2` on both are one kind, with a `tier`. Network plugins drop the old ones, and a policy of a
    /// kind that nobody enforces protects nothing. The rule is pedantic, since many clusters have only the old kinds.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: policy.networking.k8s.io/v1alpha1
    /// kind: AdminNetworkPolicy
    /// metadata: {name: inner}
    /// spec:
    ///   priority: 10
    ///   subject: {namespaces: {}}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Write a ClusterNetworkPolicy, where the cluster has it: `Accept` in place of `Allow`, and `protocols` in place of `ports`.
    ///
    /// ```yaml
    /// apiVersion: policy.networking.k8s.io/v1alpha2
    /// kind: ClusterNetworkPolicy
    /// metadata: {name: inner}
    /// spec:
    ///   tier: Admin
    ///   priority: 10
    ///   subject: {namespaces: {}}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On every other kind of policy.
    pub(in crate::lint) static REPLACED_POLICY_KIND = {
        name: "replaced-policy-kind",
        category: Hygiene,
        severity: Note,
        pedantic: true,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for placed in context.policies() {
        let object = &placed.policy.object;
        if !matches!(object.kind, "AdminNetworkPolicy" | "BaselineAdminNetworkPolicy") {
            continue;
        }
        let sources = context.sources();
        let name = placed.policy.name_span;
        let version = text::key_before(sources, name, "apiVersion")
            .and_then(|key| text::value(sources, Span::new(key.source, key.start, name.start), "apiVersion"));
        let (kind, object) = (object.kind, object.to_string());
        findings.push(
            REPLACED_POLICY_KIND
                .finding(version.unwrap_or(name), format!("ClusterNetworkPolicy has replaced `{kind}`"))
                .label("the former API")
                .object(object)
                .help("write it as a ClusterNetworkPolicy of `policy.networking.k8s.io/v1alpha2`, where the cluster has it"),
        );
    }
}
