//! `service-without-backends`.

use npv_models::cluster::{NamespaceId, PodGroup, Service, ServiceType};
use npv_models::diagnostic::Finding;
use npv_models::policy::{NamespaceSelector, PodSelector};
use npv_models::space::Labels;

use super::selects_no_pods::with_typo;
use crate::lint::misplaced::on_controller;
use crate::lint::rule::lint_rule;
use crate::lint::similar::{nearest, typo};
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context, text};

lint_rule! {
    /// A Service whose selector selects no pod.
    ///
    /// ## What it finds
    ///
    /// A Service with a selector that none of the pods in its namespace match.
    ///
    /// ## Why it matters
    ///
    /// Connections to it are refused or time out. It happens when a label of the pods moves on, such as a version,
    /// and the Service stays behind.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: api, namespace: shop, labels: {app: api, version: "2.4"}}
    /// spec: {containers: [{name: api}]}
    /// ---
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   selector: {app: api, version: "2.3"}
    ///   ports: [{port: 80}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Select by labels that the pods have, and that do not change with every release.
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   selector: {app: api}
    ///   ports: [{port: 80}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where the manifests define no workload at all in the namespace; for a Service without a selector,
    /// and for an ExternalName. Where the selector asks for a label that pods get only when a controller
    /// or an operator creates them, such as the name of one replica of a StatefulSet. Where something that the manifests
    /// do not show may make pods in the namespace: a release, an operator of a custom resource, an account that may
    /// create pods, a document that could not be read.
    pub(in crate::lint) static SERVICE_WITHOUT_BACKENDS = {
        name: "service-without-backends",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for (service, backends) in context.services().iter() {
        if backends.is_empty() && service.kind != ServiceType::ExternalName {
            findings.extend(finding(context, service));
        }
    }
}

fn finding(context: &Context<'_>, service: &Service) -> Option<Finding> {
    let cluster = context.cluster();
    let (selector, span) = (service.selector.as_ref()?, service.selector_span?);
    if selector.is_everything() || !context.pods.has_pods(service.namespace) {
        return None;
    }
    let namespace = Names::namespace_name(cluster, service.namespace);
    let own = NamespaceSelector::Named(namespace.into());
    if context.pods.select(&PodSelector { namespaces: own, pods: selector.clone() }, true).may_hold_more() {
        return None;
    }
    let object = cluster.service_object(service);
    let message = format!("`{object}` has no backend: no pod of namespace `{namespace}` has `{selector}`");
    let finding = SERVICE_WITHOUT_BACKENDS
        .finding(text::with_key(context.sources(), span, "selector"), message)
        .label("selects no pod")
        .object(object)
        .key("selector");
    let pods = || of(context, service.namespace);
    if let Some((typo, pods)) = typo(selector, pods()) {
        let name = cluster.endpoint_name(pods.workload);
        let finding = finding.related(pods.span, format!("`{name}` has {}", pods.labels));
        return Some(with_typo(context, finding, &typo, span));
    }
    if let Some((finding, help)) = on_controller(context, &finding, selector, &[service.namespace]) {
        return Some(finding.help(help));
    }
    let finding = finding.help("select by labels that the pods have");
    let Some((pods, labels, unmet)) = nearest(selector, pods()) else { return Some(finding) };
    if unmet.len() >= selector.requirements().len() {
        return Some(finding);
    }
    let (name, lacks) = (cluster.endpoint_name(pods.workload), words::some(&unmet, 3));
    Some(finding.related(pods.span, format!("nearest is `{name}` with {labels}, which lacks {lacks}")))
}

fn of<'c>(
    context: &'c Context<'_>,
    namespace: NamespaceId,
) -> impl Iterator<Item = (&'c PodGroup, &'c Labels)> {
    context.pods.of_namespace(namespace).map(|(_, pods)| (pods, &*pods.labels))
}
