//! `policies-not-enforced`.

use npv_models::cni::{Deviation, DeviationKind};
use npv_models::diagnostic::Finding;

use crate::lint::rule::lint_rule;
use crate::lint::{Check, Context};

lint_rule! {
    /// A policy that the network plugin of the cluster does not enforce.
    ///
    /// ## What it finds
    ///
    /// A policy where nothing enforces policies at all, as on Flannel or on EKS as it is installed by default, or where the
    /// network plugin does not watch policies of this kind. Which plugin it is the manifests show, or `--cni` says.
    ///
    /// ## Why it matters
    ///
    /// The API server takes the policy, `kubectl get` lists it, and nothing happens: every pod stays as open as without it.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: apps/v1
    /// kind: DaemonSet
    /// metadata: {name: kube-flannel-ds, namespace: kube-flannel}
    /// spec:
    ///   selector: {matchLabels: {app: flannel}}
    ///   template:
    ///     metadata: {labels: {app: flannel}}
    ///     spec:
    ///       hostNetwork: true
    ///       containers:
    ///         - name: kube-flannel
    ///           image: ghcr.io/flannel-io/flannel:v0.28.9
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: default-deny, namespace: shop}
    /// spec:
    ///   podSelector: {}
    ///   policyTypes: [Ingress, Egress]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Have something enforce it: another network plugin, or the part of this one that does. For Flannel that is
    /// kube-network-policies, which its chart adds with `netpol.enabled`.
    ///
    /// ```yaml
    /// apiVersion: apps/v1
    /// kind: DaemonSet
    /// metadata: {name: kube-flannel-ds, namespace: kube-flannel}
    /// spec:
    ///   selector: {matchLabels: {app: flannel}}
    ///   template:
    ///     metadata: {labels: {app: flannel}}
    ///     spec:
    ///       hostNetwork: true
    ///       containers:
    ///         - name: kube-flannel
    ///           image: ghcr.io/flannel-io/flannel:v0.28.9
    ///         - name: kube-network-policies
    ///           image: registry.k8s.io/networking/kube-network-policies:v1.0.0
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where nothing shows the network plugin and nobody names one: then policies mean what the API says. Where what is
    /// installed contradicts itself. Where nobody has shown whether the plugin watches the kind: `unsupported-by-cni` speaks
    /// of that.
    pub(in crate::lint) static POLICIES_NOT_ENFORCED = {
        name: "policies-not-enforced",
        category: Dead,
        severity: Error,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let deviations = context.snapshot.deviations.iter();
    for Deviation { kind, object, instead, span, .. } in deviations {
        if *kind != DeviationKind::NotEnforced {
            continue;
        }
        let cni = &context.snapshot.cni;
        let message = format!("nothing enforces this policy: {} {instead}", cni.name);
        let finding = POLICIES_NOT_ENFORCED
            .finding(*span, message)
            .label("has no effect")
            .object(object.to_string())
            .key(cni.name);
        let finding = match &cni.shown {
            Some(shown) => finding.related(shown.1, format!("shows that it is {}", cni.name)),
            None => finding,
        };
        findings.push(finding.help(match cni.traits.enforces() {
            true => "write it as a policy of a kind that the plugin watches".to_owned(),
            false => format!(
                "switch policies on, or install a plugin that enforces them; if `{}` is not what the cluster has, say so: `--cni \
                 NAME`, or `cni:` in `npv.yaml`",
                cni.name
            ),
        }));
    }
}
