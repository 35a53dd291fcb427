//! `monitor-selects-nothing`.

use npv_models::cluster::{Cluster, NamespaceId};
use npv_models::diagnostic::Finding;
use npv_models::k8s::{Monitor, MonitorNamespaces, MonitorTarget};
use npv_models::space::{Labels, Selector};

use crate::lint::rule::lint_rule;
use crate::lint::similar::{nearest, typo};
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context, text};

lint_rule! {
    /// A ServiceMonitor or PodMonitor that selects nothing to scrape.
    ///
    /// ## What it finds
    ///
    /// A ServiceMonitor whose selector matches the labels of no Service in its namespaces, or whose ports none of these
    /// Services has; a PodMonitor whose selector matches no pod.
    ///
    /// ## Why it matters
    ///
    /// Nothing is scraped, and nothing says so: a ServiceMonitor selects by the labels of the Service itself, not by those
    /// of its pods.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: api, namespace: shop, labels: {app: api}}
    /// spec: {selector: {app: api}, ports: [{name: metrics, port: 9090}]}
    /// ---
    /// apiVersion: monitoring.coreos.com/v1
    /// kind: ServiceMonitor
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   selector: {matchLabels: {app: apis}}
    ///   endpoints: [{port: metrics}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Write the labels that the Service has.
    ///
    /// ```yaml
    /// apiVersion: monitoring.coreos.com/v1
    /// kind: ServiceMonitor
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   selector: {matchLabels: {app: api}}
    ///   endpoints: [{port: metrics}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where it looks in all namespaces, or in one of which the manifests show no Service, or into which something deploys
    /// that they do not show. For a PodMonitor likewise, by pods.
    pub(in crate::lint) static MONITOR_SELECTS_NOTHING = {
        name: "monitor-selects-nothing",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for monitor in &context.cluster().demands.monitors {
        findings.extend(finding(context, monitor));
    }
}

/// Where a monitor looks; `None` where the manifests do not show all that is there.
fn scope(context: &Context<'_>, monitor: &Monitor) -> Option<Vec<NamespaceId>> {
    let names: Vec<&str> = match &monitor.namespaces {
        MonitorNamespaces::Own => vec![&monitor.meta.namespace],
        MonitorNamespaces::Named(names) => names.iter().map(|name| &**name).collect(),
        MonitorNamespaces::Any => return None,
    };
    let cluster = context.cluster();
    let shown = |id: NamespaceId| match monitor.selects {
        MonitorTarget::Services => cluster.services.iter().any(|service| service.namespace == id),
        MonitorTarget::Pods => context.pods.has_pods(id),
    };
    let known = |name: &&str| {
        let id = context.pods.namespace(name).filter(|&id| shown(id));
        id.filter(|_| cluster.unseen_pods(name).is_none())
    };
    names.iter().map(known).collect()
}

/// Everything there that the monitor could select, by its labels.
fn selectable<'c>(
    cluster: &'c Cluster,
    monitor: &Monitor,
    scope: &[NamespaceId],
) -> Vec<(npv_models::source::Span, &'c Labels)> {
    match monitor.selects {
        MonitorTarget::Services => {
            let services = cluster.services.iter().filter(|service| scope.contains(&service.namespace));
            services.map(|service| (service.span, &*service.labels)).collect()
        }
        MonitorTarget::Pods => {
            let groups = cluster.groups.iter().filter(|group| scope.contains(&group.namespace));
            groups.map(|group| (group.span, &*group.labels)).collect()
        }
    }
}

fn finding(context: &Context<'_>, monitor: &Monitor) -> Option<Finding> {
    let cluster = context.cluster();
    let scope = scope(context, monitor)?;
    let what = match monitor.selects {
        MonitorTarget::Services => "Service",
        MonitorTarget::Pods => "pod",
    };
    let places = words::some(scope.iter().map(|&id| Names::namespace_name(cluster, id)), 3);
    let rest = text::rest_of_object(context.sources(), monitor.meta.name.span);
    let object = monitor.object.to_string();
    let all = selectable(cluster, monitor, &scope);
    if all.iter().any(|(_, labels)| monitor.selector.matches(labels)) {
        return no_port(context, monitor, &scope);
    }
    let span = text::key(context.sources(), rest, "selector").unwrap_or(monitor.meta.name.span);
    let message =
        format!("`{object}` scrapes nothing: no {what} of {places} has {}", wanted(&monitor.selector));
    let finding = MONITOR_SELECTS_NOTHING
        .finding(span, message)
        .label(format!("selects no {what}"))
        .object(object)
        .key("selector");
    let sets = || all.iter().map(|(span, labels)| (*span, *labels));
    if let Some((typo, at)) = typo(&monitor.selector, sets()) {
        let finding = finding.related(at, format!("has `{}={}`", typo.meant_key, typo.meant_value));
        return Some(finding.help(format!("did you mean `{}={}`?", typo.meant_key, typo.meant_value)));
    }
    let help = match monitor.selects {
        MonitorTarget::Services => {
            "a ServiceMonitor selects by the labels of the Service itself, not by its pods'"
        }
        MonitorTarget::Pods => "write the labels that the pod template has",
    };
    let finding = finding.help(help);
    let Some((at, labels, unmet)) = nearest(&monitor.selector, sets()) else { return Some(finding) };
    Some(if unmet.len() < monitor.selector.requirements().len() || all.len() == 1 {
        let has = if labels.is_empty() { "nothing".to_owned() } else { labels.to_string() };
        finding.related(at, format!("nearest has {has}, and lacks {}", words::some(&unmet, 3)))
    } else {
        finding
    })
}

fn wanted(selector: &Selector) -> String {
    if selector.is_everything() { "any labels".to_owned() } else { format!("`{selector}`") }
}

/// The Services are there, and none has a port of the name that is asked for.
fn no_port(context: &Context<'_>, monitor: &Monitor, scope: &[NamespaceId]) -> Option<Finding> {
    if monitor.selects != MonitorTarget::Services || monitor.endpoints.is_empty() {
        return None;
    }
    let selected = || {
        let services = context.cluster().services.iter();
        services.filter(|one| scope.contains(&one.namespace) && monitor.selector.matches(&one.labels))
    };
    let missing =
        |name: &str| !selected().flat_map(|one| &one.ports).any(|port| port.name.as_deref() == Some(name));
    let mut names = monitor.endpoints.iter().map(|endpoint| endpoint.port.as_deref());
    // One that finds its port is enough to scrape something.
    if !names.clone().all(|name| name.is_some_and(missing)) {
        return None;
    }
    let name = names.next().flatten()?;
    let endpoint = monitor.endpoints.first()?;
    let object = monitor.object.to_string();
    let service = selected().next()?;
    let ports = service.ports.iter().map(|port| match &port.name {
        Some(name) => format!("{} ({name})", port.port),
        None => format!("{} without a name", port.port),
    });
    let ports = words::some(ports, 6);
    Some(
        MONITOR_SELECTS_NOTHING
            .finding(
                endpoint.at.span,
                format!(
                    "`{object}` scrapes nothing: no port of the Services that it selects is called `{name}`"
                ),
            )
            .label("no such port")
            .object(object)
            .key(format!("port {name}"))
            .related(service.span, format!("its ports are {ports}"))
            .help("a ServiceMonitor names a port of the Service; `targetPort` names one of the pods"),
    )
}
