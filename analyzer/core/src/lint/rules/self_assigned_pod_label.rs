//! `self-assigned-pod-label`.

use npv_models::diagnostic::Finding;
use npv_models::policy::{Action, Direction, NamespaceSelector, PeerMatch};
use npv_models::space::Operator;

use crate::lint::rule::lint_rule;
use crate::lint::spelling::Spelling;
use crate::lint::words;
use crate::lint::{Check, Context};

lint_rule! {
    /// A rule that admits pods of any namespace by a label which anybody can write on a pod.
    ///
    /// ## What it finds
    ///
    /// An entry of `from` with an empty `namespaceSelector` and a `podSelector` that asks for labels.
    ///
    /// ## Why it matters
    ///
    /// Labels of a pod are what its author writes. Whoever may make pods in any namespace of the cluster gets in by
    /// calling them `ingress-nginx` or `prometheus`. A namespace's name cannot be chosen so.
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
    ///     - from:
    ///         - namespaceSelector: {}
    ///           podSelector: {matchLabels: {app.kubernetes.io/name: ingress-nginx}}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Name the namespace in which these pods are.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: api}}
    ///   ingress:
    ///     - from:
    ///         - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress-nginx}}
    ///           podSelector: {matchLabels: {app.kubernetes.io/name: ingress-nginx}}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On egress: who calls a pod that calls itself so harms nobody but itself. On rules that deny, on a `podSelector` that
    /// is empty too, which hides nothing, on policies of the whole cluster, and on a rule that another entry opens to all pods anyway.
    pub(in crate::lint) static SELF_ASSIGNED_POD_LABEL = {
        name: "self-assigned-pod-label",
        category: Exposure,
        severity: Note,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for placed in context.rules() {
        // Policies of the whole cluster select pods everywhere by their nature; platform teams write them.
        if placed.direction != Direction::Ingress
            || placed.rule.action != Action::Allow
            || placed.at.policy.object.namespace.is_none()
        {
            continue;
        }
        let everywhere = |peer: &PeerMatch| match peer {
            PeerMatch::Pods(selector) => {
                matches!(&selector.namespaces, NamespaceSelector::Labels(labels) if labels.is_everything())
            }
            _ => false,
        };
        let open = placed.peers().iter().any(|peer| {
            everywhere(&peer.matches)
                && matches!(&peer.matches, PeerMatch::Pods(selector) if selector.pods.is_everything())
        });
        for peer in placed.peers().iter().filter(|peer| !open && everywhere(&peer.matches)) {
            let PeerMatch::Pods(selector) = &peer.matches else { continue };
            let mut asked = selector.pods.requirements().iter();
            let Some(first) = asked.find(|one| matches!(one.operator, Operator::In | Operator::Exists))
            else {
                continue;
            };
            let object = placed.at.policy.object.to_string();
            let span = peer.provenance.span;
            let spelling = Spelling::of(&placed.at.policy.object);
            let at = spelling.label(context.sources(), span, spelling.pods, &first.key).unwrap_or(span);
            let message = format!(
                "`{object}` admits pods `{}` of every namespace: whoever may make a pod anywhere gets in by writing that label",
                selector.pods
            );
            findings.push(
                SELF_ASSIGNED_POD_LABEL
                    .finding(at, message)
                    .label("written by the author of the pod")
                    .object(object)
                    .key(words::pods(selector))
                    .help("name the namespace of these pods in the `namespaceSelector` of the same entry"),
            );
        }
    }
}
