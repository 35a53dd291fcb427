//! Labels that are right and stand in the wrong place: pods in another namespace, labels on a controller and not
//! on its pods.

use std::collections::BTreeSet;

use npv_models::cluster::{GroupId, NamespaceId, Workload};
use npv_models::diagnostic::Finding;
use npv_models::policy::NamespaceSelector;
use npv_models::source::Span;
use npv_models::space::{Labels, Operator, Requirement, Selector};

use super::context::{Context, Placed};
use super::pods::Scope;
use super::rule::Rule;
use super::text;
use super::words::Names;

/// Pods of other namespaces with just the labels that a policy asks for; none where a policy of the same labels is
/// there too, so that each has its own.
pub(super) fn elsewhere(context: &Context<'_>, placed: Placed<'_>) -> Vec<GroupId> {
    let subject = &placed.policy.subject;
    let NamespaceSelector::Named(own) = &subject.namespaces else { return Vec::new() };
    let asks = |one: &Requirement| matches!(one.operator, Operator::In | Operator::Exists);
    if !subject.pods.requirements().iter().any(asks) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, namespace) in (0_u32..).zip(&context.cluster().namespaces) {
        let twin = |other: &&Placed<'_>| {
            other.policy.subject.pods == subject.pods
                && matches!(&other.policy.subject.namespaces, NamespaceSelector::Named(name) if *name == namespace.name)
        };
        if namespace.name == *own {
            continue;
        }
        let mut groups = context.pods.matching(NamespaceId(index), &subject.pods);
        groups.retain(|&id| context.pods.group(id).is_some_and(|pods| context.pods.visible(pods)));
        if !groups.is_empty() && !context.policies().iter().any(|other| twin(&other)) {
            found.append(&mut groups);
        }
    }
    found
}

/// What to do where the pods are in another namespace.
pub(super) fn moved(context: &Context<'_>, others: &[GroupId]) -> Option<String> {
    let namespaces: BTreeSet<&str> = others
        .iter()
        .filter_map(|&id| context.pods.group(id))
        .map(|pods| Names::namespace_name(context.cluster(), pods.namespace))
        .collect();
    let first = namespaces.first()?;
    Some(format!(
        "a policy holds in its own namespace only: write `namespace: {first}` in its `metadata` if these are meant"
    ))
}

/// Points at the first of them.
pub(super) fn pointed_at(context: &Context<'_>, finding: Finding, others: &[GroupId]) -> Finding {
    let Some(pods) = others.first().and_then(|&id| context.pods.group(id)) else { return finding };
    let name = context.cluster().endpoint_name(pods.workload);
    finding.related(pods.span, format!("`{name}` has the very labels"))
}

/// The controller that has the labels which its pods lack, and what to do about it.
pub(super) fn on_controller(
    context: &Context<'_>,
    finding: &Finding,
    selector: &Selector,
    namespaces: &[NamespaceId],
) -> Option<(Finding, String)> {
    let workloads = context.cluster().workloads.iter().filter(|one| namespaces.contains(&one.namespace));
    let (workload, own) = workloads
        .filter_map(|workload| Some((workload, workload.labels.as_ref()?)))
        .find(|(_, own)| selector.matches(&own.value))?;
    let name = format!("{}/{}", workload.kind, workload.name);
    let finding = finding.clone().related(own.span, format!("only `{name}` itself has them"));
    let help =
        format!("the labels stand on `{name}`, not on its pods: write them into the pod template as well");
    Some((finding, help))
}

/// What to do where a selector asks for the Jobs of a CronJob by the CronJob's name.
pub(super) fn of_cron_job(context: &Context<'_>, selector: &Selector, scope: &Scope) -> Option<String> {
    let mut found = selector.requirements().iter().filter_map(|one| context.pods.cron_job_named(scope, one));
    let name = &found.next()?.name;
    Some(format!(
        "the pods of CronJob `{name}` carry the name of each Job that it makes, such as `{name}-28512345`: select by a label of \
         its template"
    ))
}

/// A value among several that a selector asks for, which no pod of its namespaces has and a controller has by itself.
pub(super) fn dead_value<'c>(
    context: &'c Context<'_>,
    selector: &'c Selector,
    scope: &Scope,
) -> Option<(&'c Requirement, &'c str, &'c Workload)> {
    let several =
        selector.requirements().iter().filter(|one| one.operator == Operator::In && one.values.len() > 1);
    for requirement in several {
        for value in &requirement.values {
            let has = |labels: &Labels| labels.get(&requirement.key) == Some(&**value);
            let mut pods = scope.matched.iter().flat_map(|&id| context.pods.of_namespace(id));
            if pods.any(|(_, group)| has(&group.labels)) {
                continue;
            }
            let own = |one: &&Workload| {
                scope.matched.contains(&one.namespace)
                    && one.labels.as_ref().is_some_and(|labels| has(&labels.value))
            };
            if let Some(workload) = context.cluster().workloads.iter().find(own) {
                return Some((requirement, value, workload));
            }
        }
    }
    None
}

/// A finding of `rule` about such a value.
pub(super) fn of_dead_value(
    context: &Context<'_>,
    rule: &Rule,
    (selector, container): (&Selector, Span),
    scope: &Scope,
) -> Option<Finding> {
    let (requirement, value, workload) = dead_value(context, selector, scope)?;
    let mut words = text::words(context.sources(), container, value);
    let span = words.next().unwrap_or(container);
    let name = format!("{}/{}", workload.kind, workload.name);
    let message = format!(
        "the value `{value}` of `{}` matches no pod: the label stands on `{name}` itself, not on its pods",
        requirement.key
    );
    let finding = rule.finding(span, message).label("no pod has it");
    let finding = match &workload.labels {
        Some(labels) => finding.related(labels.span, "here, and not in the pod template"),
        None => finding,
    };
    Some(finding.help("write the label into the pod template as well"))
}
