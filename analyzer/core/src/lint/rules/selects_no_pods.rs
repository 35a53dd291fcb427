//! `selects-no-pods`.

use std::borrow::Cow;
use std::collections::BTreeSet;

use npv_models::cluster::GroupId;
use npv_models::diagnostic::{Applicability, Edit, Finding, Fix};
use npv_models::policy::{ObjectRef, Policy, attribute};
use npv_models::source::Span;
use npv_models::space::{Labels, Requirement, Selector};

use crate::lint::context::Placed;
use crate::lint::misplaced::{elsewhere, moved, of_cron_job, of_dead_value, on_controller, pointed_at};
use crate::lint::pods::Selected;
use crate::lint::rule::lint_rule;
use crate::lint::similar::{Typo, nearest, typo};
use crate::lint::spelling::Spelling;
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context, text};

lint_rule! {
    /// A policy whose subject selects none of the pods that the manifests define.
    ///
    /// ## What it finds
    ///
    /// A policy that selects no pod of its namespace - for a policy of the whole cluster, of the
    /// namespaces that it names - although the manifests define pods there. Pods on the host network
    /// do not count: no selector sees them, their traffic is the node's.
    ///
    /// ## Why it matters
    ///
    /// The policy protects nobody. A misspelt label or a renamed application leaves the pods that it was
    /// written for as open as if it were not there.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: db-0, namespace: shop, labels: {app: database}}
    /// spec: {containers: [{name: db}]}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db, namespace: shop}
    /// spec: {podSelector: {matchLabels: {app: databse}}}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Write the labels that the pod template has. Where the pods are in another namespace, so must the policy be.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db, namespace: shop}
    /// spec: {podSelector: {matchLabels: {app: database}}}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where the manifests define no workload at all in the namespace, unless pods with just these labels are in
    /// another one. Where the selector asks for a label that pods get only when a controller or an operator creates
    /// them. Where nobody has filled in the placeholder in it, or in the labels of a pod (`${APP}`). Where something that
    /// the manifests do not show may make pods in the namespace: a release, an operator of a custom resource, an
    /// account that may create pods, a document that could not be read.
    pub(in crate::lint) static SELECTS_NO_PODS = {
        name: "selects-no-pods",
        category: Dead,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    // The policy of a mesh is one for each sort of its servers, of which it may well select only some.
    let mut known: BTreeSet<&ObjectRef> = BTreeSet::new();
    let parts = || context.policies().iter().filter(|placed| is_part(placed.policy));
    known.extend(parts().filter(|placed| selects_some(context, placed)).map(|placed| &*placed.policy.object));
    for &placed in context.policies() {
        if is_part(placed.policy) && !known.insert(&*placed.policy.object) {
            continue;
        }
        let Some(selected) = context.selected(placed.tier, &placed.policy.subject) else { continue };
        if let Some(finding) = finding(context, placed, selected) {
            findings.push(finding);
        } else if !selected.may_hold_more() {
            let subject = (&placed.policy.subject.pods, placed.policy.subject_span);
            let found = of_dead_value(context, &SELECTS_NO_PODS, subject, &selected.scope);
            let object = placed.policy.object.to_string();
            findings.extend(found.map(|finding| finding.object(object).key("value")));
        }
    }
}

/// What the object itself asks of pods.
fn written(selector: &Selector) -> Cow<'_, Selector> {
    let is_internal = |requirement: &Requirement| attribute::is_internal(&requirement.key);
    if !selector.requirements().iter().any(is_internal) {
        return Cow::Borrowed(selector);
    }
    let own = selector.requirements().iter().filter(|requirement| !is_internal(requirement));
    Cow::Owned(Selector::new(own.cloned()))
}

/// Whether it is a part of what an object says: its subject asks for what only npv sees.
fn is_part(policy: &Policy) -> bool {
    policy.subject.pods.requirements().iter().any(|requirement| attribute::is_internal(&requirement.key))
}

fn selects_some(context: &Context<'_>, placed: &Placed<'_>) -> bool {
    let selected = context.selected(placed.tier, &placed.policy.subject);
    selected.is_none_or(|selected| !selected.pods.is_empty() || selected.may_hold_more())
}

fn finding(context: &Context<'_>, placed: Placed<'_>, selected: &Selected) -> Option<Finding> {
    let Placed { policy, .. } = placed;
    if !selected.pods.is_empty() || selected.may_hold_more() {
        return None;
    }
    // Who else it applies to, the manifests may show or not.
    if !policy.also.is_empty() {
        return None;
    }
    let subject = Spelling::of(&policy.object).subject;
    let span = text::with_key(context.sources(), policy.subject_span, subject);
    let selector = &written(&policy.subject.pods);
    let object = &policy.object;
    let scope = &selected.scope;
    if scope.matched.is_empty() {
        // Only a selector of namespaces can miss them all.
        if !scope.nobody_carries || context.cluster().groups.is_empty() {
            return None;
        }
        let subject = words::pods(&policy.subject);
        let message = format!("`{object}` selects {subject}, but no Namespace object carries such labels");
        return Some(
            SELECTS_NO_PODS
                .finding(span, message)
                .object(object.to_string())
                .label("no namespace matches")
                .help("give the namespaces that it is meant for these labels, or select by labels that they have"),
        );
    }
    let others = elsewhere(context, placed);
    if !scope.matched.iter().any(|&namespace| context.pods.has_pods(namespace)) {
        return misplaced(context, placed, &others);
    }
    let groups = || {
        scope
            .matched
            .iter()
            .flat_map(|&namespace| context.pods.of_namespace(namespace))
            .filter(|(_, group)| context.pods.visible(group))
    };
    let places = words::some(scope.matched.iter().map(|&id| context.cluster().namespace_name(id)), 3);
    let plural = if scope.matched.len() == 1 { "" } else { "s" };
    let all = scope.matched.iter().flat_map(|&namespace| context.pods.of_namespace(namespace));
    let workloads = context.cluster().endpoint_names(all.map(|(id, _)| id)).len();
    let there = words::count(workloads, "workload");
    let but = if selected.hidden.is_empty() {
        format!("({there})")
    } else {
        format!("but those on the host network, which no {} applies to ({there})", object.kind)
    };
    let message = format!(
        "`{object}` selects none of the pods that the manifests define in namespace{plural} {places} {but}"
    );
    let mut finding = SELECTS_NO_PODS
        .finding(span, message)
        .object(object.to_string())
        .label(format!("no pod has {}", words::selector(selector)));
    if let Some(&hidden) = selected.hidden.first() {
        let names = words::some(context.cluster().endpoint_names(selected.hidden.iter().copied()), 3);
        finding = finding
            .label("selects nobody")
            .help(format!("no policy can select {names}: on the host network, a pod is its node"));
        if let Some(group) = context.pods.group(hidden) {
            finding = finding.related(group.span, "on the host network");
        }
        return Some(finding);
    }
    if let Some((typo, group)) = typo(selector, groups().map(|(_, group)| (group, &*group.labels))) {
        let name = context.cluster().endpoint_name(group.workload);
        let finding = finding.related(group.span, format!("`{name}` has {}", group.labels));
        return Some(with_typo(context, finding, &typo, policy.subject_span));
    }
    if let Some(moved) = moved(context, &others) {
        let finding = pointed_at(context, finding, &others);
        return Some(finding.help(moved));
    }
    if let Some(help) = of_cron_job(context, selector, scope) {
        return Some(finding.help(help));
    }
    if let Some((finding, help)) = on_controller(context, &finding, selector, &scope.matched) {
        return Some(finding.help(help));
    }
    if let Some((group, labels, unmet)) =
        nearest(selector, groups().map(|(_, group)| (group, &*group.labels)))
        && (unmet.len() < selector.requirements().len() || workloads == 1 || has_a_key(labels, &unmet))
    {
        let name = context.cluster().endpoint_name(group.workload);
        let wanted = words::some(&unmet, 3);
        finding =
            finding.related(group.span, format!("nearest is `{name}` with {labels}, which lacks {wanted}"));
    }
    Some(finding.help("write the labels that the pod template has"))
}

/// The policy's own namespace shows no pod, and another one shows pods with just its labels.
fn misplaced(context: &Context<'_>, placed: Placed<'_>, others: &[GroupId]) -> Option<Finding> {
    let help = moved(context, others)?;
    let policy = placed.policy;
    let own = policy.object.namespace.as_deref().unwrap_or_default();
    let span = text::namespace_beside(context.sources(), policy.name_span, own).unwrap_or(policy.name_span);
    let names = words::some(context.cluster().endpoint_names(others.iter().copied()), 3);
    let message = format!(
        "`{}` selects nobody: no manifest shows a pod in namespace `{own}`, and {names} has the very labels",
        policy.object
    );
    let finding =
        SELECTS_NO_PODS.finding(span, message).object(policy.object.to_string()).label("shows no pod");
    Some(pointed_at(context, finding, others).help(help))
}

/// Whether the pods have one of the labels that are asked for, with another value.
fn has_a_key(labels: &Labels, unmet: &[&Requirement]) -> bool {
    unmet.iter().any(|requirement| labels.get(&requirement.key).is_some())
}

/// Adds the one misspelling that explains a selector that matches nothing, with the edit that mends it.
pub(super) fn with_typo(context: &Context<'_>, finding: Finding, typo: &Typo, container: Span) -> Finding {
    let (written, meant) = (typo.written(), typo.meant());
    let mut words = text::words(context.sources(), container, written);
    // An edit only where there is no doubt which word is meant.
    let edits = match (words.next(), words.next()) {
        (Some(span), None) => vec![Edit { span, replacement: meant.to_owned() }],
        _ => Vec::new(),
    };
    let applicability = if edits.is_empty() { Applicability::DisplayOnly } else { Applicability::Unsafe };
    let key = typo.meant_key.trim_start_matches('@');
    finding.help(format!("did you mean `{key}={}`?", typo.meant_value)).fix(Fix {
        description: format!("replace `{written}` by `{meant}`"),
        applicability,
        edits,
        example: None,
    })
}
