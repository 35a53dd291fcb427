//! `release-label-in-selector`.

use npv_models::diagnostic::Finding;
use npv_models::policy::{NamespaceSelector, PeerMatch, PodSelector};
use npv_models::source::Span;
use npv_models::space::{Operator, Selector};

use crate::lint::rule::lint_rule;
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context, text};

lint_rule! {
    /// A selector that asks for a label whose value changes with every release.
    ///
    /// ## What it finds
    ///
    /// A subject or peer of a policy, or the selector of a Service, that asks for a value of `helm.sh/chart`,
    /// `app.kubernetes.io/version` or `pod-template-hash`.
    ///
    /// ## Why it matters
    ///
    /// While a new release rolls out, old and new pods run side by side, and the selector matches the new ones only. Under a
    /// default deny the running ones are cut off; without one they are open to everybody.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: etcd, namespace: kv}
    /// spec:
    ///   podSelector: {matchLabels: {app.kubernetes.io/name: etcd, helm.sh/chart: etcd-8.8.0}}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Select by labels that stay.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: etcd, namespace: kv}
    /// spec:
    ///   podSelector: {matchLabels: {app.kubernetes.io/name: etcd}}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where the label only has to be there, or must not have a value. On labels that teams give versions on purpose,
    /// such as `version`.
    pub(in crate::lint) static RELEASE_LABEL_IN_SELECTOR = {
        name: "release-label-in-selector",
        category: Hygiene,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

/// Labels that tools give another value with every release.
const CHANGING: [&str; 4] =
    ["helm.sh/chart", "app.kubernetes.io/version", "pod-template-hash", "rollouts-pod-template-hash"];

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for placed in context.policies() {
        let policy = placed.policy;
        let mut places: Vec<(Span, String)> = Vec::new();
        let mut add = |selector: &PodSelector, container: Span| {
            let namespaces = match &selector.namespaces {
                NamespaceSelector::Labels(labels) => asked(labels),
                NamespaceSelector::Named(_) => None,
            };
            for label in asked(&selector.pods).into_iter().chain(namespaces) {
                let key = label.split('=').next().unwrap_or_default();
                let span = text::label_within(context.sources(), container, key).unwrap_or(container);
                if !places.iter().any(|(known, _)| *known == span) {
                    places.push((span, label));
                }
            }
        };
        add(&policy.subject, policy.subject_span);
        let directions = npv_models::policy::Direction::ALL;
        for rule in directions.iter().filter_map(|direction| policy.rules(*direction)).flatten() {
            let npv_models::policy::Peers::Listed(peers) = &rule.peers else { continue };
            for peer in peers {
                if let PeerMatch::Pods(selector) = &peer.matches {
                    add(selector, peer.provenance.span);
                }
            }
        }
        findings.extend(finding(&policy.object.to_string(), &places));
    }
    for service in &context.cluster().services {
        let Some((selector, span)) = service.selector.as_ref().zip(service.selector_span) else { continue };
        let places: Vec<(Span, String)> = asked(selector)
            .into_iter()
            .map(|label| {
                let key = label.split('=').next().unwrap_or_default();
                (text::label_within(context.sources(), span, key).unwrap_or(span), label)
            })
            .collect();
        findings.extend(finding(&context.cluster().service_object(service), &places));
    }
}

/// The first label of a selector that changes with every release.
fn asked(selector: &Selector) -> Option<String> {
    let mut requirements = selector.requirements().iter();
    let found = requirements.find(|one| one.operator == Operator::In && CHANGING.contains(&&*one.key))?;
    Some(format!("{}={}", found.key, found.values.join(",")))
}

fn finding(object: &str, places: &[(Span, String)]) -> Option<Finding> {
    let ((first, label), others) = places.split_first()?;
    let message = format!(
        "`{object}` selects by `{label}`, which changes with every release: while one rolls out, it matches the new pods only"
    );
    let key = label.split('=').next().unwrap_or_default();
    let finding = RELEASE_LABEL_IN_SELECTOR
        .finding(*first, message)
        .label("changes with every release")
        .object(object)
        .key(key)
        .help(format!("select by labels that stay, without {}", words::some([key], 1)));
    Some(others.iter().take(4).fold(finding, |finding, (span, _)| finding.related(*span, "and here")))
}
