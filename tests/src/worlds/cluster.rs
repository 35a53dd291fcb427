//! Random inventories.

use std::net::IpAddr;
use std::sync::Arc;

use npv_models::cluster::{
    Cluster, ContainerPort, GroupId, Member, Namespace, NamespaceId, Node, PodGroup, Workload, WorkloadId,
};
use npv_models::space::{Labels, Protocol};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::nowhere;

/// Names of namespaces, in the order in which they are used.
pub(super) const NAMESPACES: [&str; 3] = ["n0", "n1", "n2"];
/// Keys of labels.
pub(super) const KEYS: [&str; 2] = ["a", "b"];
/// Values of labels; the empty one is a value too (S-43).
pub(super) const VALUES: [&str; 3] = ["x", "y", ""];
/// Names of container ports.
pub(super) const PORT_NAMES: [&str; 2] = ["web", "dns"];
/// Numbers of ports, neighbours among them and both ends of the domain.
pub(super) const PORTS: [u16; 8] = [80, 80, 81, 81, 79, 8080, 1, 65535];
/// Addresses of pods and nodes: at the ends of the blocks that policies use, and outside of all.
const ADDRESSES: [&str; 9] = [
    "10.0.0.1",
    "10.0.0.2",
    "10.0.0.3",
    "10.0.0.4",
    "10.128.0.0",
    "192.168.0.1",
    "2001:db8::1",
    "2001:db8::2",
    "fd00::1",
];
/// How many of them are IPv6: the last ones.
const IPV6: usize = 3;

/// TCP half of the time, so that rules, ports and flows meet.
pub(super) fn protocols() -> impl Strategy<Value = Protocol> {
    select(vec![Protocol::Tcp, Protocol::Tcp, Protocol::Udp, Protocol::Sctp])
}

pub(super) fn labels() -> impl Strategy<Value = Labels> {
    vec((select(&KEYS[..]), select(&VALUES[..])), 0..=2).prop_map(Labels::from_iter)
}

#[expect(clippy::expect_used, reason = "the vocabulary is well-formed")]
fn addresses(count: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Box<[IpAddr]>> {
    let (v4, v6) = ADDRESSES.split_at(ADDRESSES.len() - IPV6);
    // One of each family is what a pod of a dual-stack cluster has.
    let both = (select(v4), select(v6)).prop_map(|(v4, v6)| vec![v4, v6]);
    prop_oneof![2 => vec(select(&ADDRESSES[..]), count), 1 => both]
        .prop_map(|texts| texts.into_iter().map(|text| text.parse().expect("an address")).collect())
}

fn container_port() -> impl Strategy<Value = ContainerPort> {
    let name = proptest::option::weighted(0.9, select(&PORT_NAMES[..]));
    (name, protocols(), select(&PORTS[..])).prop_map(|(name, protocol, number)| ContainerPort {
        name: name.map(Into::into),
        protocol,
        number,
    })
}

/// What becomes a group of pods; indices are taken modulo what there is.
#[derive(Clone, Debug)]
struct GroupPlan {
    labels: Labels,
    ports: Vec<ContainerPort>,
    host_network: bool,
    /// Addresses and the node of each listed pod; none for a template.
    members: Vec<(Box<[IpAddr]>, Option<usize>)>,
    replicas: u32,
}

fn group() -> impl Strategy<Value = GroupPlan> {
    let node = proptest::option::weighted(0.7, 0_usize..2);
    (
        labels(),
        vec(container_port(), 0..=4),
        prop_oneof![3 => Just(false), 1 => Just(true)],
        vec((addresses(0..=2), node), 0..=2),
        1_u32..=2,
    )
        .prop_map(|(labels, ports, host_network, members, replicas)| GroupPlan {
            labels,
            ports,
            host_network,
            members,
            replicas,
        })
}

/// One to three namespaces, up to two nodes, one to four workloads of one or two groups.
pub(super) fn clusters() -> impl Strategy<Value = Cluster> {
    let namespaces = vec(labels(), 1..=3);
    let nodes = vec((labels(), addresses(1..=2)), 0..=2);
    let workloads = vec((select(vec![0_usize, 0, 1, 2]), vec(group(), 1..=2)), 1..=4);
    (namespaces, nodes, workloads)
        .prop_map(|(namespaces, nodes, workloads)| assemble(namespaces, nodes, workloads))
}

fn assemble(
    namespaces: Vec<Labels>,
    nodes: Vec<(Labels, Box<[IpAddr]>)>,
    workloads: Vec<(usize, Vec<GroupPlan>)>,
) -> Cluster {
    let mut cluster = Cluster::default();
    for (mut labels, name) in namespaces.into_iter().zip(NAMESPACES) {
        labels.insert("kubernetes.io/metadata.name", name);
        cluster.namespaces.push(Namespace {
            name: name.into(),
            labels: Arc::new(labels),
            defined: Some(nowhere()),
        });
    }
    for (index, (labels, addresses)) in nodes.into_iter().enumerate() {
        let name = format!("node{index}").into();
        cluster.nodes.push(Node { name, labels: Arc::new(labels), addresses, span: nowhere() });
    }
    // Workloads are sorted by namespace and name.
    let mut workloads: Vec<_> = workloads
        .into_iter()
        .map(|(namespace, groups)| (NamespaceId((namespace % cluster.namespaces.len()) as u32), groups))
        .collect();
    workloads.sort_by_key(|(namespace, _)| *namespace);
    for (index, (namespace, plans)) in workloads.into_iter().enumerate() {
        let name = format!("w{index}");
        let workload = WorkloadId(index as u32);
        let mut groups = Vec::new();
        for (number, plan) in plans.into_iter().enumerate() {
            groups.push(GroupId(cluster.groups.len() as u32));
            let group = realise(&cluster, plan, &format!("{name}-{number}"), namespace, workload);
            cluster.groups.push(group);
        }
        cluster.workloads.push(Workload {
            namespace,
            kind: "Deployment".into(),
            name: name.into(),
            span: nowhere(),
            service_account: None,
            hook: false,
            labels: None,
            mentions: Vec::new(),
            groups,
        });
    }
    cluster
}

fn realise(
    cluster: &Cluster,
    plan: GroupPlan,
    name: &str,
    namespace: NamespaceId,
    workload: WorkloadId,
) -> PodGroup {
    let mut ports = plan.ports;
    ports.sort();
    let members: Vec<Member> = plan
        .members
        .into_iter()
        .enumerate()
        .map(|(index, (addresses, node))| {
            let node = node.and_then(|node| cluster.nodes.get(node));
            Member {
                name: format!("{name}-{index}").into(),
                // On the host network, a pod's addresses are its node's.
                addresses: match node {
                    Some(node) if plan.host_network => node.addresses.clone(),
                    _ => addresses,
                },
                node: node.map(|node| node.name.clone()),
            }
        })
        .collect();
    let pods = if members.is_empty() { plan.replicas } else { members.len() as u32 };
    PodGroup {
        workload,
        namespace,
        labels: Arc::new(plan.labels),
        ports: ports.into(),
        host_network: plan.host_network,
        members,
        pods,
        several: pods > 1,
        undeclared: false,
        dns: npv_models::cluster::Dns::Cluster,
        span: nowhere(),
    }
}
