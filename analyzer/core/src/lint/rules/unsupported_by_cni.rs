//! `unsupported-by-cni`.

use npv_models::cni::{Deviation, DeviationKind};
use npv_models::diagnostic::Finding;

use crate::lint::rule::lint_rule;
use crate::lint::{Check, Context};

lint_rule! {
    /// A part of a policy that the network plugin of the cluster ignores, refuses or reads as something else.
    ///
    /// ## What it finds
    ///
    /// A range of ports, a port by name, SCTP or a block of IPv6 addresses where the network plugin does not do with it what
    /// the API says; and a kind of policy of which nobody has shown whether the plugin watches it. `docs/cni.md` lists what
    /// each plugin does, with sources.
    ///
    /// ## Why it matters
    ///
    /// What the plugin makes of it is what the cluster does. A range of which only the first port opens stops traffic;
    /// a policy that is refused because of a port's name leaves its pods open.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: apps/v1
    /// kind: DaemonSet
    /// metadata: {name: cilium, namespace: kube-system}
    /// spec:
    ///   selector: {matchLabels: {k8s-app: cilium}}
    ///   template:
    ///     metadata: {labels: {k8s-app: cilium}}
    ///     spec:
    ///       hostNetwork: true
    ///       containers:
    ///         - name: cilium-agent
    ///           image: quay.io/cilium/cilium:v1.16.5
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: web}}
    ///   ingress:
    ///     - ports:
    ///         - port: 8000
    ///           endPort: 8002
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Write what the plugin understands: each port by its number.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: web}}
    ///   ingress:
    ///     - ports:
    ///         - port: 8000
    ///         - port: 8001
    ///         - port: 8002
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where nothing shows the network plugin and nobody names one. On what the API leaves to the plugin, such as blocks that
    /// hold addresses of pods: the pedantic `differs-by-cni` speaks of that. On policies that the plugin does not watch at
    /// all: `policies-not-enforced` speaks of those.
    pub(in crate::lint) static UNSUPPORTED_BY_CNI = {
        name: "unsupported-by-cni",
        category: Dead,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let cni = &context.snapshot.cni;
    for Deviation { kind, object, what, instead, span } in &context.snapshot.deviations {
        if !kind.is_unsupported() {
            continue;
        }
        let message = format!("{what} is not what {cni} reads: it {instead}");
        let finding = UNSUPPORTED_BY_CNI
            .finding(*span, message)
            .object(object.to_string())
            .key(format!("{} {what}", kind.name()));
        let finding = match &cni.shown {
            Some(shown) => finding.related(shown.1, format!("shows that it is {}", cni.name)),
            None => finding,
        };
        findings.push(finding.help(match kind {
            DeviationKind::EndPort => "write each port by its number",
            DeviationKind::NamedPort => "write the number of the port",
            DeviationKind::Sctp => "switch it on: `enable-sctp: \"true\"` in the ConfigMap `cilium-config`",
            DeviationKind::Ipv6Block => {
                "write a policy of its own for the IPv6 addresses, and expect nothing of it there"
            }
            _ => "say what the plugin does: see `docs/cni.md`",
        }));
    }
}
