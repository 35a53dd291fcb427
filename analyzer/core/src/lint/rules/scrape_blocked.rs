//! `scrape-blocked`.

use npv_models::cluster::{GroupId, NamespaceId, Service, ServicePort, Target, TargetPort};
use npv_models::diagnostic::Finding;
use npv_models::k8s::{Monitor, MonitorEndpoint, MonitorNamespaces, MonitorTarget};
use npv_models::space::{Labels, Protocol};

use crate::lint::blocked::{Blocked, Party};
use crate::lint::callers::Caller;
use crate::lint::rule::lint_rule;
use crate::lint::services::target;
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context};

lint_rule! {
    /// A policy keeps Prometheus from a port that a ServiceMonitor or PodMonitor tells it to scrape.
    ///
    /// ## What it finds
    ///
    /// Pods that a monitor selects, by their Service or directly, which Prometheus may not reach on
    /// the port that the monitor names.
    ///
    /// ## Why it matters
    ///
    /// Metrics and alerts go silent, and silence looks like health.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: web, namespace: shop, labels: {app: web}}
    /// spec: {containers: [{name: web, ports: [{name: metrics, containerPort: 9102}]}]}
    /// ---
    /// apiVersion: monitoring.coreos.com/v1
    /// kind: PodMonitor
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   selector: {matchLabels: {app: web}}
    ///   podMetricsEndpoints: [{port: metrics}]
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: default-deny, namespace: shop}
    /// spec: {podSelector: {}, policyTypes: [Ingress]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Admit the namespace of Prometheus on the metrics port.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web-metrics, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: web}}
    ///   ingress:
    ///     - from:
    ///         - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}
    ///       ports:
    ///         - port: metrics
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where the manifests do not hold the pods of Prometheus: as soon as a rule for that port names
    /// another namespace or addresses. For a port that the monitor names and nobody has.
    pub(in crate::lint) static SCRAPE_BLOCKED = {
        name: "scrape-blocked",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let monitors = &context.cluster().demands.monitors;
    if monitors.is_empty() {
        return;
    }
    let party = prometheus(context);
    let mut blocked = Blocked::new(context);
    for monitor in monitors {
        for (group, port, endpoint) in scraped(context, monitor) {
            blocked.ask(&party, group, (Protocol::Tcp, port), (endpoint.at.span, "scraped by this monitor"));
        }
    }
    blocked.report(&SCRAPE_BLOCKED, findings);
}

/// Whether pods with these labels are those of Prometheus, as far as its operator and its charts go.
pub(crate) fn is_prometheus(labels: &Labels) -> bool {
    let is = |key, value| labels.get(key) == Some(value);
    is("app.kubernetes.io/name", "prometheus")
        || is("app.kubernetes.io/name", "prometheus-agent")
        || is("app", "prometheus")
        || labels.get("operator.prometheus.io/name").is_some()
}

/// The pods that scrape, known by the labels that the operator and the charts give them.
pub(in crate::lint) fn prometheus(context: &Context<'_>) -> Party {
    let groups: Vec<GroupId> = (0_u32..)
        .zip(&context.cluster().groups)
        .filter(|(_, group)| match &context.cluster().assumptions.prometheus {
            Some(labels) => labels.iter().all(|(key, value)| group.labels.get(key) == Some(value)),
            None => is_prometheus(&group.labels),
        })
        .map(|(index, _)| GroupId(index))
        .collect();
    if groups.is_empty() {
        return Party {
            name: "Prometheus".to_owned(),
            id: "{prometheus}".to_owned(),
            caller: Caller::Unseen,
            short: "prometheus",
        };
    }
    let names = words::some(context.cluster().endpoint_names(groups.iter().copied()), 2);
    Party {
        name: format!("Prometheus {names}"),
        id: "{prometheus}".to_owned(),
        caller: Caller::Pods(groups),
        short: "prometheus",
    }
}

/// The pods that a monitor selects, with the port to scrape.
pub(in crate::lint) fn scraped<'m>(
    context: &Context<'_>,
    monitor: &'m Monitor,
) -> Vec<(GroupId, u16, &'m MonitorEndpoint)> {
    let cluster = context.cluster();
    let within = |namespace: NamespaceId| {
        let name = cluster.namespace_name(namespace);
        match &monitor.namespaces {
            MonitorNamespaces::Own => name == &*monitor.meta.namespace,
            MonitorNamespaces::Any => true,
            MonitorNamespaces::Named(names) => names.iter().any(|known| &**known == name),
        }
    };
    let mut found = Vec::new();
    match monitor.selects {
        MonitorTarget::Services => {
            let services = cluster.services.iter();
            for service in services
                .filter(|service| within(service.namespace) && monitor.selector.matches(&service.labels))
            {
                for endpoint in &monitor.endpoints {
                    found.extend(
                        of_service(context, service, endpoint)
                            .into_iter()
                            .map(|(group, port)| (group, port, endpoint)),
                    );
                }
            }
        }
        MonitorTarget::Pods => {
            for (index, group) in (0_u32..).zip(&cluster.groups) {
                if !within(group.namespace) || !monitor.selector.matches(&group.labels) {
                    continue;
                }
                for endpoint in &monitor.endpoints {
                    let port = match (&endpoint.port, &endpoint.target) {
                        (Some(name), _) | (None, Some(TargetPort::Name(name))) => group
                            .ports
                            .iter()
                            .find(|port| port.name.as_ref() == Some(name))
                            .map(|port| port.number),
                        (None, Some(TargetPort::Number(number))) => Some(*number),
                        (None, None) => None,
                    };
                    found.extend(port.map(|port| (GroupId(index), port, endpoint)));
                }
            }
        }
    }
    found
}

/// A monitor names a Service's port by name, or the port of the pods; Prometheus connects to the pods.
fn of_service(context: &Context<'_>, service: &Service, endpoint: &MonitorEndpoint) -> Vec<(GroupId, u16)> {
    let cluster = context.cluster();
    // Prometheus asks for endpoints: their port is the one that `targetPort` resolves to, also where the Service is
    // headless and translates nothing (S-82).
    let of_port = |port: &ServicePort| -> Vec<(GroupId, u16)> {
        if service.selector.is_some() {
            let backends = cluster.backends(service);
            return backends.filter_map(|(group, pods)| Some((group, target(port, pods)?))).collect();
        }
        let targets = cluster.targets(service, port).into_iter();
        targets
            .filter_map(|target| match target {
                Target::Pods { group, port } => Some((group, port)),
                Target::Unresolved { .. } | Target::Address { .. } => None,
            })
            .collect()
    };
    if let Some(name) = &endpoint.port {
        return service
            .ports
            .iter()
            .filter(|port| port.name.as_ref() == Some(name))
            .flat_map(of_port)
            .collect();
    }
    match &endpoint.target {
        Some(TargetPort::Number(number)) => {
            cluster.backends(service).map(|(group, _)| (group, *number)).collect()
        }
        Some(TargetPort::Name(name)) => cluster
            .backends(service)
            .filter_map(|(group, pods)| {
                let declared = pods.ports.iter().find(|port| port.name.as_ref() == Some(name))?;
                Some((group, declared.number))
            })
            .collect(),
        None => Vec::new(),
    }
}
