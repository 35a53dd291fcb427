//! Namespaces, workloads, Services and routes, as the manifests define them.

use std::collections::BTreeMap;

use npv_models::cluster::{Cluster, GroupId, NotAttached, PodGroup, ResolvedBackend, ServiceType, Target};
use npv_models::k8s::{BackendPort, Hostname, Route, TargetPort};
use npv_models::space::{Labels, Protocol};
use serde::Serialize;

use crate::engine::{EndpointKind, Engine};
use crate::report::json::Place;
use crate::snapshot::Snapshot;

/// Pods of one group that are named; the rest is counted.
const MOST_MEMBERS: usize = 100;

#[derive(Serialize)]
pub(super) struct NamespaceOf<'a> {
    name: &'a str,
    labels: BTreeMap<&'a str, &'a str>,
    defined: bool,
}

#[derive(Serialize)]
pub(super) struct WorkloadOf<'a> {
    namespace: &'a str,
    kind: &'a str,
    name: &'a str,
    at: Option<Place<'a>>,
    account: Option<&'a str>,
    groups: Vec<GroupOf<'a>>,
}

/// Pods that share all that a policy can see but their addresses.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupOf<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    ports: Vec<PortOf<'a>>,
    host_network: bool,
    pods: u32,
    /// The first of the pods that the manifests list one by one.
    members: Vec<&'a str>,
}

#[derive(Serialize)]
struct PortOf<'a> {
    name: Option<&'a str>,
    protocol: Protocol,
    port: u16,
}

#[derive(Serialize)]
pub(super) struct ServiceOf<'a> {
    namespace: &'a str,
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    at: Option<Place<'a>>,
    ports: Vec<ServicePortOf<'a>>,
}

impl ServiceOf<'_> {
    /// Whether it is the object of this name.
    pub(super) fn is(&self, object: &str) -> bool {
        object.strip_prefix("Service/") == Some(&format!("{}/{}", self.namespace, self.name))
    }

    /// The endpoints that it leads to.
    pub(super) fn ends(&self) -> impl Iterator<Item = u32> + '_ {
        self.ports.iter().flat_map(|port| &port.targets).filter_map(|target| target.endpoint)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServicePortOf<'a> {
    name: Option<&'a str>,
    protocol: Protocol,
    port: u16,
    node_port: Option<u16>,
    targets: Vec<TargetOf>,
}

/// Where a port ends: endpoints at a port of theirs, or an address.
#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct TargetOf {
    endpoint: Option<u32>,
    address: Option<String>,
    /// `None` where the pods have no port of the name that is asked for.
    port: Option<u16>,
}

#[derive(Serialize)]
pub(super) struct RouteOf<'a> {
    kind: &'a str,
    namespace: Option<&'a str>,
    name: &'a str,
    at: Option<Place<'a>>,
    parents: Vec<ParentOf>,
    rules: Vec<RouteRuleOf<'a>>,
}

impl RouteOf<'_> {
    /// Whether it is the object of this name.
    pub(super) fn is(&self, object: &str) -> bool {
        let name =
            self.namespace.map_or_else(|| self.name.to_owned(), |space| format!("{space}/{}", self.name));
        object == format!("{}/{name}", self.kind)
    }

    /// The endpoints that it leads from and to.
    pub(super) fn ends(&self) -> impl Iterator<Item = u32> + '_ {
        let targets = self.rules.iter().flat_map(|rule| &rule.backends).flat_map(|backend| &backend.targets);
        let from = self.parents.iter().flat_map(|parent| &parent.pods).copied();
        from.chain(targets.filter_map(|target| target.endpoint))
    }
}

#[derive(Serialize)]
struct ParentOf {
    /// The id of the entry point's endpoint where it is assumed.
    entry: String,
    /// The endpoints that serve it, where the manifests hold them.
    pods: Vec<u32>,
    /// Why the route is not attached.
    problem: Option<&'static str>,
}

#[derive(Serialize)]
struct RouteRuleOf<'a> {
    hosts: Vec<&'a str>,
    paths: Vec<String>,
    backends: Vec<BackendOf<'a>>,
}

#[derive(Serialize)]
struct BackendOf<'a> {
    namespace: &'a str,
    name: &'a str,
    port: String,
    weight: u32,
    targets: Vec<TargetOf>,
    problem: Option<&'static str>,
}

fn labels(labels: &Labels) -> BTreeMap<&str, &str> {
    labels.iter().collect()
}

pub(super) fn namespaces(snapshot: &Snapshot) -> Vec<NamespaceOf<'_>> {
    let namespaces = snapshot.cluster.namespaces.iter().map(|namespace| NamespaceOf {
        name: &namespace.name,
        labels: labels(&namespace.labels),
        defined: namespace.defined.is_some(),
    });
    namespaces.collect()
}

pub(super) fn workloads(snapshot: &Snapshot) -> Vec<WorkloadOf<'_>> {
    let cluster = &snapshot.cluster;
    let workloads = cluster.workloads.iter().map(|workload| WorkloadOf {
        namespace: cluster.namespace_name(workload.namespace),
        kind: &workload.kind,
        name: &workload.name,
        at: Place::of(workload.span, &snapshot.sources),
        account: workload.service_account.as_deref(),
        groups: workload
            .groups
            .iter()
            .filter_map(|group| cluster.groups.get(group.0 as usize))
            .map(of_group)
            .collect(),
    });
    workloads.collect()
}

fn of_group(group: &PodGroup) -> GroupOf<'_> {
    let ports = group.ports.iter().map(|port| PortOf {
        name: port.name.as_deref(),
        protocol: port.protocol,
        port: port.number,
    });
    GroupOf {
        labels: labels(&group.labels),
        ports: ports.collect(),
        host_network: group.host_network,
        pods: group.pods,
        members: group.members.iter().take(MOST_MEMBERS).map(|member| &*member.name).collect(),
    }
}

/// The endpoints of each group of pods.
fn ends_of(engine: &Engine) -> BTreeMap<GroupId, Vec<u32>> {
    let mut ends: BTreeMap<GroupId, Vec<u32>> = BTreeMap::new();
    for (id, endpoint) in engine.ids().zip(engine.endpoints()) {
        if let EndpointKind::Pods { groups, .. } = &endpoint.kind {
            for group in groups {
                ends.entry(*group).or_default().push(id.0);
            }
        }
    }
    ends
}

fn of_targets(targets: &[Target], ends: &BTreeMap<GroupId, Vec<u32>>) -> Vec<TargetOf> {
    let mut all = Vec::new();
    for target in targets {
        let (group, port) = match target {
            Target::Pods { group, port } => (group, Some(*port)),
            Target::Unresolved { group } => (group, None),
            Target::Address { address, port } => {
                let address = Some(address.to_string());
                all.push(TargetOf { endpoint: None, address, port: Some(*port) });
                continue;
            }
        };
        let of_group = ends.get(group).into_iter().flatten();
        all.extend(of_group.map(|end| TargetOf { endpoint: Some(*end), address: None, port }));
    }
    all.sort();
    all.dedup();
    all
}

pub(super) fn services<'a>(snapshot: &'a Snapshot, engine: &Engine) -> Vec<ServiceOf<'a>> {
    let cluster = &snapshot.cluster;
    let ends = ends_of(engine);
    let services = cluster.services.iter().map(|service| ServiceOf {
        namespace: cluster.namespace_name(service.namespace),
        name: &service.name,
        kind: match service.kind {
            ServiceType::ClusterIp if service.headless => "headless",
            ServiceType::ClusterIp => "ClusterIP",
            ServiceType::NodePort => "NodePort",
            ServiceType::LoadBalancer => "LoadBalancer",
            ServiceType::ExternalName => "ExternalName",
        },
        at: Place::of(service.span, &snapshot.sources),
        ports: service
            .ports
            .iter()
            .map(|port| ServicePortOf {
                name: port.name.as_deref(),
                protocol: port.protocol,
                port: port.port,
                node_port: port.node_port,
                targets: of_targets(&cluster.targets(service, port), &ends),
            })
            .collect(),
    });
    services.collect()
}

pub(super) fn routes<'a>(snapshot: &'a Snapshot, engine: &Engine) -> Vec<RouteOf<'a>> {
    let cluster = &snapshot.cluster;
    let ends = ends_of(engine);
    let routes = cluster.routing.routes.iter().map(|route| RouteOf {
        kind: route.object.kind,
        namespace: route.object.namespace.as_deref(),
        name: &route.object.name,
        at: Place::of(route.meta.name.span, &snapshot.sources),
        parents: parents(cluster, route, &ends),
        rules: route
            .rules
            .iter()
            .map(|rule| RouteRuleOf {
                hosts: rule.hosts.iter().map(Hostname::as_str).collect(),
                paths: rule.paths.iter().map(ToString::to_string).collect(),
                backends: rule
                    .backends
                    .iter()
                    .map(|backend| {
                        let (targets, problem) = match cluster.resolve(route, backend) {
                            ResolvedBackend::Ports(_, ports) => {
                                let targets: Vec<Target> =
                                    ports.into_iter().flat_map(|(_, targets)| targets).collect();
                                (of_targets(&targets, &ends), None)
                            }
                            ResolvedBackend::NoPort(_) => (Vec::new(), Some("the Service has no such port")),
                            ResolvedBackend::NoService => (Vec::new(), Some("there is no such Service")),
                            ResolvedBackend::Unknown => (Vec::new(), Some("not in the manifests")),
                            ResolvedBackend::NotGranted => {
                                (Vec::new(), Some("no ReferenceGrant permits the reference"))
                            }
                        };
                        BackendOf {
                            namespace: &backend.namespace,
                            name: &backend.name,
                            port: backend_port(&backend.port),
                            weight: backend.weight,
                            targets,
                            problem,
                        }
                    })
                    .collect(),
            })
            .collect(),
    });
    routes.collect()
}

fn parents(cluster: &Cluster, route: &Route, ends: &BTreeMap<GroupId, Vec<u32>>) -> Vec<ParentOf> {
    let parents = cluster.attachments(route).into_iter().map(|attachment| {
        let pods = cluster.controller_pods(&attachment.entry);
        let mut pods: Vec<u32> = pods.iter().filter_map(|group| ends.get(group)).flatten().copied().collect();
        pods.sort_unstable();
        pods.dedup();
        ParentOf {
            entry: attachment.entry.assumed_id(),
            pods,
            problem: attachment.problem.map(|problem| match problem {
                NotAttached::NoGateway => "there is no such Gateway",
                NotAttached::NoListener => "the Gateway has no such listener",
                NotAttached::Kind(_) => "no listener takes routes of this kind",
                NotAttached::Hostname(_) => "no listener serves the route's hosts",
                NotAttached::Namespace(_) => "the listener does not admit the route's namespace",
            }),
        }
    });
    parents.collect()
}

fn backend_port(port: &BackendPort) -> String {
    match port {
        BackendPort::Number(number) | BackendPort::Target(TargetPort::Number(number)) => number.to_string(),
        BackendPort::Name(name) | BackendPort::Target(TargetPort::Name(name)) => name.to_string(),
        BackendPort::All => "all".to_owned(),
    }
}
