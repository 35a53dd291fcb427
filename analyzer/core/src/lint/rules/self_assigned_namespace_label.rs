//! `self-assigned-namespace-label`.

use npv_models::diagnostic::Finding;
use npv_models::policy::{Action, Direction, NamespaceSelector, PeerMatch};
use npv_models::space::Operator;

use crate::lint::pods::NAMESPACE_NAME;
use crate::lint::rule::lint_rule;
use crate::lint::spelling::Spelling;
use crate::lint::words;
use crate::lint::{Check, Context};

lint_rule! {
    /// A rule that admits namespaces by a label which whoever owns a namespace can set.
    ///
    /// ## What it finds
    ///
    /// A `namespaceSelector` of an ingress rule that asks for labels, and for none that only the cluster sets.
    ///
    /// ## Why it matters
    ///
    /// Labels of a namespace are what its owner writes. Where teams create or label their namespaces themselves, any of them
    /// gets in by adding the label. `kubernetes.io/metadata.name` cannot be set: it is the namespace's name. The
    /// rule is pedantic, since in many clusters nobody but its administrators writes Namespace objects.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: db}}
    ///   ingress:
    ///     - from: [{namespaceSelector: {matchLabels: {team: payments}}}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Select namespaces by their name, or see to it that only the platform's team may write their labels.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: db}}
    ///   ingress:
    ///     - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: payments}}}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On selectors that also ask for the name, on labels that Capsule, Rancher and the hierarchical namespace controller keep
    /// for themselves, on an empty selector, which hides nothing, and on rules that deny.
    pub(in crate::lint) static SELF_ASSIGNED_NAMESPACE_LABEL = {
        name: "self-assigned-namespace-label",
        category: Exposure,
        severity: Note,
        pedantic: true,
        check: Check::Snapshot(check),
    };
}

/// Whether an admission controller keeps the label from whoever owns the namespace.
fn is_kept(key: &str) -> bool {
    let (prefix, _) = key.split_once('/').unwrap_or_default();
    prefix == "capsule.clastix.io" || prefix == "field.cattle.io" || prefix.ends_with(".tree.hnc.x-k8s.io")
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for placed in context.rules() {
        if placed.direction != Direction::Ingress || placed.rule.action != Action::Allow {
            continue;
        }
        for peer in placed.peers() {
            let PeerMatch::Pods(selector) = &peer.matches else { continue };
            let NamespaceSelector::Labels(labels) = &selector.namespaces else { continue };
            let certain = labels.requirements().iter().any(|one| {
                (&*one.key == NAMESPACE_NAME && one.operator == Operator::In)
                    || (is_kept(&one.key) && matches!(one.operator, Operator::In | Operator::Exists))
            });
            let Some(first) = labels.requirements().first().filter(|_| !certain) else { continue };
            let object = placed.at.policy.object.to_string();
            let span = peer.provenance.span;
            let spelling = Spelling::of(&placed.at.policy.object);
            let at = spelling.label(context.sources(), span, "namespaceSelector", &first.key).unwrap_or(span);
            let message =
                format!("`{object}` admits {}: whoever may label a namespace gets in", words::pods(selector));
            findings.push(
                SELF_ASSIGNED_NAMESPACE_LABEL
                    .finding(at, message)
                    .label("set by the owner of the namespace")
                    .object(object)
                    .key(words::pods(selector))
                    .help(format!(
                        "select by `{NAMESPACE_NAME}`, or let nobody but the platform's team label namespaces"
                    )),
            );
        }
    }
}
