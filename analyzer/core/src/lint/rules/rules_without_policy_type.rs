//! `rules-without-policy-type`.

use npv_models::diagnostic::{Applicability, Edit, Finding, Fix};
use npv_models::policy::{Inert, Policy};

use crate::lint::rule::lint_rule;
use crate::lint::spelling::Spelling;
use crate::lint::words;
use crate::lint::{Check, Context, text};

lint_rule! {
    /// Rules of a direction that the policy's types leave out, so that they have no effect.
    ///
    /// ## What it finds
    ///
    /// A NetworkPolicy with `egress` rules whose `policyTypes` is `[Ingress]`, or with `ingress` rules
    /// whose `policyTypes` is `[Egress]`. And `egress: []` where Egress is not listed: without
    /// `policyTypes`, an empty list does not add it.
    ///
    /// ## Why it matters
    ///
    /// The API server accepts such rules and every plugin ignores them: the pods stay open in that direction.
    /// `egress: []` reads as *nothing may leave*, and everything may.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: db}}
    ///   policyTypes: [Ingress]
    ///   egress:
    ///     - to:
    ///         - ipBlock: {cidr: 10.0.0.0/8}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// List the type, or remove the rules. Mind that listing it isolates the pods: whatever no rule
    /// admits is then denied.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: db}}
    ///   policyTypes: [Ingress, Egress]
    ///   egress:
    ///     - to:
    ///         - ipBlock: {cidr: 10.0.0.0/8}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where `policyTypes` is left out and there are egress rules: then Egress is among the types. On
    /// admin policies, which have no types.
    pub(in crate::lint) static RULES_WITHOUT_POLICY_TYPE = {
        name: "rules-without-policy-type",
        category: Dead,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for placed in context.policies() {
        for inert in &placed.policy.inert {
            findings.push(finding(context, placed.policy, inert));
        }
    }
}

fn finding(context: &Context<'_>, policy: &Policy, inert: &Inert) -> Finding {
    let sources = context.sources();
    let (field, wanted) = (inert.direction.name(), words::policy_type(inert.direction));
    let object = &policy.object;
    let types = Spelling::of(object).types;
    let message = match (inert.rules, inert.types_span) {
        (0, None) => format!(
            "`{field}: []` of `{object}` denies nothing: without `{types}`, an empty list does not isolate for \
             {field}"
        ),
        (0, Some(_)) => {
            format!("`{field}: []` of `{object}` denies nothing: `{types}` leaves `{wanted}` out")
        }
        (rules, _) => format!(
            "{} of `{object}` {} no effect: `{types}` leaves `{wanted}` out",
            words::count(rules, &format!("{field} rule")),
            if rules == 1 { "has" } else { "have" }
        ),
    };
    let list = inert.provenance.span;
    let span = text::key_before(sources, list, field).unwrap_or(list);
    let mut finding = RULES_WITHOUT_POLICY_TYPE
        .finding(span, message)
        .label("without effect")
        .object(object.to_string())
        .key(field);
    let edit = match inert.types_span {
        Some(list) => {
            finding = finding.related(list, format!("`{wanted}` is not among the types"));
            text::append(sources, list, wanted)
        }
        None => text::insert_before_key(sources, span, types, &format!("[Ingress, {wanted}]")),
    };
    let edits: Vec<Edit> = edit.into_iter().collect();
    finding
        .help(format!(
            "list `{wanted}` under `{types}`, which then denies every {field} connection that no rule admits; or \
             remove the list"
        ))
        .fix(Fix {
            description: format!("add `{wanted}` to `{types}`"),
            // It isolates pods that were open: to be looked at, not to be applied blindly.
            applicability: if edits.is_empty() { Applicability::DisplayOnly } else { Applicability::Unsafe },
            edits,
            example: None,
        })
}
