//! `implicit-policy-types`.

use npv_models::diagnostic::{Applicability, Edit, Finding, Fix};
use npv_models::policy::{Direction, Policy};

use crate::lint::rule::lint_rule;
use crate::lint::words;
use crate::lint::{Check, Context, text};

lint_rule! {
    /// A NetworkPolicy that does not say for which directions it isolates.
    ///
    /// ## What it finds
    ///
    /// A NetworkPolicy without `policyTypes`.
    ///
    /// ## Why it matters
    ///
    /// What is left out then depends on what else is there: ingress always, and egress only if there is an egress rule.
    /// Whoever removes the last egress rule opens egress, and does not see it.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {}
    ///   egress: [{}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Write the types that are in effect.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {}
    ///   policyTypes: [Ingress, Egress]
    ///   egress: [{}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On cluster-wide policies, which have no types, and where `rules-without-policy-type` speaks of the same policy.
    pub(in crate::lint) static IMPLICIT_POLICY_TYPES = {
        name: "implicit-policy-types",
        category: Hygiene,
        severity: Note,
        pedantic: true,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let policies = context.policies().iter().map(|placed| placed.policy);
    let policies = policies.filter(|policy| {
        (policy.object.group, policy.object.kind) == ("networking.k8s.io", "NetworkPolicy")
            && policy.inert.is_empty()
    });
    findings.extend(policies.filter_map(|policy| finding(context, policy)));
}

fn finding(context: &Context<'_>, policy: &Policy) -> Option<Finding> {
    let sources = context.sources();
    let name = policy.name_span;
    let subject =
        text::key_before(sources, policy.subject_span, "podSelector").filter(|_| policy.subject_span != name);
    // The object may begin with its spec.
    let from = subject.filter(|key| key.start < name.start).unwrap_or(name);
    if text::key(sources, text::rest_of_object(sources, from), "policyTypes").is_some() {
        return None;
    }
    let directions = [Direction::Ingress, Direction::Egress];
    let types: Vec<&str> = directions
        .into_iter()
        .filter(|direction| policy.rules(*direction).is_some())
        .map(words::policy_type)
        .collect();
    // Before the rules, as everybody writes it.
    let list = directions.into_iter().filter_map(|direction| {
        let first = policy.rules(direction)?.first()?;
        text::key_before(sources, first.provenance.span, direction.name())
    });
    let list = list.min_by_key(|key| key.start).filter(|key| key.start > name.start);
    let edits: Vec<Edit> = list
        .or(subject)
        .and_then(|key| {
            text::insert_before_key(sources, key, "policyTypes", &format!("[{}]", types.join(", ")))
        })
        .into_iter()
        .collect();
    let (object, types) = (policy.object.to_string(), words::some(types, 2));
    let message = format!(
        "`{object}` leaves `policyTypes` out, which means {types} as long as its rules are what they are"
    );
    Some(IMPLICIT_POLICY_TYPES.finding(name, message).label("has no `policyTypes`").object(object).fix(Fix {
        description: format!("write {types} under `policyTypes`"),
        applicability: if edits.is_empty() { Applicability::DisplayOnly } else { Applicability::Safe },
        edits,
        example: None,
    }))
}
