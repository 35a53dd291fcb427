//! `vacuous-selector`.

use npv_models::diagnostic::Finding;
use npv_models::policy::{NamespaceSelector, PeerMatch, PodSelector};
use npv_models::source::Span;
use npv_models::space::{Operator, Requirement, Selector};

use crate::lint::pods::NAMESPACE_NAME;
use crate::lint::rule::lint_rule;
use crate::lint::spelling::Spelling;
use crate::lint::words;
use crate::lint::{Check, Context, text};

lint_rule! {
    /// A selector that no label set can satisfy.
    ///
    /// ## What it finds
    ///
    /// A subject or a peer whose requirements exclude each other: a label must have one of some values
    /// and none of them, must be there and must not, must have two values at once. A label has one value,
    /// and every requirement must hold. For namespaces, one that forbids `kubernetes.io/metadata.name`, which
    /// every namespace has.
    ///
    /// ## Why it matters
    ///
    /// In every cluster, now and later, the policy selects nobody or the peer admits nobody. What was
    /// meant is most often *either of the two*, which takes one `In` with both values, or two entries.
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
    ///         - podSelector:
    ///             matchLabels: {app: web}
    ///             matchExpressions:
    ///               - {key: app, operator: In, values: [mobile]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Say one thing of each label.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: api}}
    ///   ingress:
    ///     - from:
    ///         - podSelector:
    ///             matchExpressions:
    ///               - {key: app, operator: In, values: [web, mobile]}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where any label set satisfies the selector, whether or not a pod has it: the other rules of this
    /// category speak of the pods in the manifests.
    pub(in crate::lint) static VACUOUS_SELECTOR = {
        name: "vacuous-selector",
        category: Dead,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

/// Requirements of one selector that cannot hold together.
struct Contradiction<'a> {
    key: &'a str,
    requirements: Vec<&'a Requirement>,
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for placed in context.policies() {
        let policy = placed.policy;
        if let Some(found) = in_pods(&policy.subject) {
            let what = format!("the subject of `{}` selects no pod of any cluster", policy.object);
            findings.push(
                finding(context, &found, policy.subject_span, &what)
                    .object(policy.object.to_string())
                    .key("subject"),
            );
        }
    }
    for placed in context.rules() {
        for peer in placed.peers() {
            let found = match &peer.matches {
                PeerMatch::Pods(selector) => in_pods(selector),
                PeerMatch::Nodes(selector) => contradiction(selector, false),
                _ => None,
            };
            let Some(found) = found else { continue };
            let entry = Spelling::of(&placed.at.policy.object).peer(placed.direction);
            let what = format!("{entry} matches nobody in any cluster");
            findings.push(
                finding(context, &found, peer.provenance.span, &what)
                    .object(placed.at.policy.object.to_string())
                    .key(format!("{} {}", placed.direction, words::peer(&peer.matches))),
            );
        }
    }
}

fn finding(context: &Context<'_>, found: &Contradiction<'_>, container: Span, what: &str) -> Finding {
    let wanted = words::some(&found.requirements, 3);
    // The second of the requirements that exclude each other: the one that a person would remove.
    let span = text::words(context.sources(), container, found.key).nth(1).unwrap_or(container);
    VACUOUS_SELECTOR
        .finding(span, format!("{what}: no label `{}` satisfies {wanted}", found.key))
        .label(format!("excludes what is asked of `{}` before", found.key))
        .help("every requirement must hold; to admit either of two values, list both in one `In`, or write two entries")
}

fn in_pods(selector: &PodSelector) -> Option<Contradiction<'_>> {
    let in_namespaces = match &selector.namespaces {
        NamespaceSelector::Labels(labels) => contradiction(labels, true),
        NamespaceSelector::Named(_) => None,
    };
    in_namespaces.or_else(|| contradiction(&selector.pods, false))
}

/// The requirements on one key that no value, and no absence, satisfies. Keys are independent of each
/// other, so looking at one after the other is exact.
fn contradiction(selector: &Selector, of_namespaces: bool) -> Option<Contradiction<'_>> {
    // Requirements are sorted by key.
    selector.requirements().chunk_by(|a, b| a.key == b.key).find_map(|requirements| {
        let key = &*requirements.first()?.key;
        let always_there = of_namespaces && key == NAMESPACE_NAME;
        let accepts = |value: Option<&str>| requirements.iter().all(|requirement| requirement.accepts(value));
        let listed = requirements.iter().find(|requirement| requirement.operator == Operator::In);
        let must_be_absent =
            || requirements.iter().any(|requirement| requirement.operator == Operator::DoesNotExist);
        let satisfiable = if let Some(listed) = listed {
            // Only a listed value can satisfy an `In`.
            listed.values.iter().any(|value| accepts(Some(value)))
        } else {
            // Without `In`, some value is left after any number of exclusions, unless the key must be absent.
            !must_be_absent() || (!always_there && accepts(None))
        };
        (!satisfiable).then(|| Contradiction { key, requirements: requirements.iter().collect() })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn requirement() -> impl Strategy<Value = Requirement> {
        let operator = prop_oneof![
            Just(Operator::In),
            Just(Operator::NotIn),
            Just(Operator::Exists),
            Just(Operator::DoesNotExist)
        ];
        let values = proptest::collection::vec(prop_oneof![Just("x"), Just("y"), Just("z")], 1..3);
        (prop_oneof![Just("a"), Just("b")], operator, values).prop_map(|(key, operator, values)| {
            match operator {
                Operator::Exists | Operator::DoesNotExist => Requirement::new(key, operator, [""; 0]),
                _ => Requirement::new(key, operator, values),
            }
        })
    }

    proptest! {
        // Four values and absence are a model of all values: three are mentioned, one is any other.
        #[test]
        fn agrees_with_trying_every_label(requirements in proptest::collection::vec(requirement(), 0..5)) {
            let selector = Selector::new(requirements);
            let values = [None, Some("x"), Some("y"), Some("z"), Some("other")];
            let satisfiable = values.iter().any(|&a| {
                values.iter().any(|&b| {
                    let pairs = [("a", a), ("b", b)];
                    let labels = pairs.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
                    selector.matches(&labels)
                })
            });
            prop_assert_eq!(contradiction(&selector, false).is_none(), satisfiable);
        }
    }
}
