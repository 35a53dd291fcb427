//! `namespace-without-default-deny`.

use npv_models::cluster::{Namespace, NamespaceId};
use npv_models::diagnostic::{Applicability, Finding, Fix};
use npv_models::policy::{Action, Direction, NamespaceSelector, Peers, Policy};

use crate::lint::context::Placed;
use crate::lint::rule::lint_rule;
use crate::lint::words;
use crate::lint::{Check, Context};

lint_rule! {
    /// A namespace in which a pod that nobody has thought of is open to everybody.
    ///
    /// ## What it finds
    ///
    /// A namespace with workloads and no policy that isolates every pod of it, whatever its labels, for ingress or for egress. That
    /// all pods of today are selected by some policy is not enough: the next one may not be.
    ///
    /// ## Why it matters
    ///
    /// What no policy selects is open. With a default deny, forgetting a policy breaks something and is noticed; without
    /// one it opens something and is not.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: web, namespace: shop, labels: {app: web}}
    /// spec: {containers: [{name: web}]}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: web}}
    ///   policyTypes: [Ingress, Egress]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Deny by default, beside the policies that admit what is needed.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: default-deny, namespace: shop}
    /// spec:
    ///   podSelector: {}
    ///   policyTypes: [Ingress, Egress]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On `kube-system` and the other namespaces of the cluster itself, on namespaces whose pods are all on the host network, and where
    /// a cluster-wide policy denies everything to every pod of the namespace. Pods that are open today are what `no-policy` speaks of.
    pub(in crate::lint) static NAMESPACE_WITHOUT_DEFAULT_DENY = {
        name: "namespace-without-default-deny",
        category: Exposure,
        severity: Note,
        pedantic: true,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    if !context.snapshot.cni.traits.enforces() {
        return;
    }
    for (index, namespace) in (0_u32..).zip(&context.cluster().namespaces) {
        let system = super::no_policy::is_of_the_cluster(&namespace.name);
        let mut pods = context.pods.of_namespace(NamespaceId(index));
        let Some((_, first)) = pods.find(|(_, group)| context.pods.visible(group)).filter(|_| !system) else {
            continue;
        };
        let open: Vec<Direction> = [Direction::Ingress, Direction::Egress]
            .into_iter()
            .filter(|direction| {
                !context.policies().iter().any(|placed| denies(placed, namespace, *direction))
            })
            .collect();
        if open.is_empty() {
            continue;
        }
        let name = &namespace.name;
        let directions = open.iter().map(|direction| direction.name()).collect::<Vec<_>>().join(" and ");
        let types =
            open.iter().map(|direction| words::policy_type(*direction)).collect::<Vec<_>>().join(", ");
        let message = format!(
            "no policy denies {directions} by default in namespace `{name}`: a pod that no other policy selects is open"
        );
        let defined = namespace.defined;
        let finding = NAMESPACE_WITHOUT_DEFAULT_DENY
            .finding(defined.unwrap_or(first.span), message)
            .label(if defined.is_some() {
                "without a default deny"
            } else {
                "in a namespace without a default deny"
            })
            .object(format!("Namespace/{name}"))
            .key("default-deny");
        findings.push(finding.fix(Fix {
            description: format!("deny {directions} by default in namespace `{name}`"),
            applicability: Applicability::DisplayOnly,
            edits: Vec::new(),
            example: Some(format!(
                "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: default-deny\n  namespace: \
                 {name}\nspec:\n  podSelector: {{}}\n  policyTypes: [{types}]\n"
            )),
        }));
    }
}

/// Whether nothing passes to or from a pod of the namespace unless some policy admits it.
fn denies(placed: &Placed<'_>, namespace: &Namespace, direction: Direction) -> bool {
    let Policy { subject, .. } = placed.policy;
    let is_subject = subject.pods.is_everything()
        && match &subject.namespaces {
            NamespaceSelector::Named(name) => *name == namespace.name,
            NamespaceSelector::Labels(labels) => labels.matches(&namespace.labels),
        };
    let Some(rules) = placed.policy.rules(direction).filter(|_| is_subject) else { return false };
    placed.isolates(direction)
        || rules.iter().any(|rule| {
            let every_pod = |peer: &npv_models::policy::Peer| match &peer.matches {
                npv_models::policy::PeerMatch::Pods(selector) => {
                    selector.pods.is_everything()
                        && matches!(&selector.namespaces, NamespaceSelector::Labels(labels) if labels.is_everything())
                }
                _ => false,
            };
            let everybody = match &rule.peers {
                Peers::Anyone => true,
                Peers::Listed(peers) => peers.iter().any(every_pod),
            };
            rule.action == Action::Deny && everybody
        })
}
