//! Random inventories.

use std::net::IpAddr;
use std::sync::Arc;

use npv_models::cluster::{
    Cluster, ContainerPort, Dns, GroupId, Member, Namespace, NamespaceId, Node, PodGroup, Workload,
    WorkloadId,
};
use npv_models::policy::attribute;
use npv_models::space::{IpSet, Labels, Protocol};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::words::span;
use crate::{Shape, weighted};

/// Names of namespaces, in the order in which they are used.
pub(super) const NAMESPACES: [&str; 3] = ["n0", "n1", "n2"];
/// Keys of labels.
pub(super) const KEYS: [&str; 2] = ["a", "b"];
/// Values of labels; the empty one is a value too (S-43).
pub(super) const VALUES: [&str; 3] = ["x", "y", ""];
/// Names of ServiceAccounts.
pub(super) const ACCOUNTS: [&str; 2] = ["default", "robot"];
/// Names of container ports.
pub(super) const PORT_NAMES: [&str; 2] = ["web", "dns"];
/// Numbers of ports, neighbours among them and both ends of the domain.
pub(super) const PORTS: [u16; 8] = [80, 80, 81, 81, 79, 8080, 1, 65535];
/// Addresses of pods and nodes: at the ends of the blocks that policies use, and outside of all.
pub(super) const ADDRESSES: [&str; 9] = [
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

/// Labels; where not everything is known, now and then a value that no manifest shows, a key that a controller adds, or
/// a set that may have others.
pub(super) fn labels(shape: Shape) -> impl Strategy<Value = Labels> {
    let known = || vec((select(&KEYS[..]), select(&VALUES[..])), 0..=2).prop_map(Labels::from_iter);
    if !shape.unknowns {
        return known().boxed();
    }
    let vague = (known(), weighted(0.5, select(&KEYS[..])), any::<bool>(), any::<bool>());
    let vague = vague.prop_map(|(mut labels, unknown, added, open)| {
        unknown.into_iter().for_each(|key| labels.insert_unknown(key));
        let labels = if added { labels.with_added(&["b"]) } else { labels };
        if open { labels.opened() } else { labels }
    });
    prop_oneof![2 => known(), 1 => vague].boxed()
}

fn addresses(count: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Box<[IpAddr]>> {
    let (v4, v6) = ADDRESSES.split_at(ADDRESSES.len() - IPV6);
    // One of each family is what a pod of a dual-stack cluster has.
    let both = (select(v4), select(v6)).prop_map(|(v4, v6)| vec![v4, v6]);
    prop_oneof![2 => vec(select(&ADDRESSES[..]), count), 1 => both]
        .prop_map(|texts| texts.into_iter().map(|text| text.parse().unwrap()).collect())
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
    account: &'static str,
    ports: Vec<ContainerPort>,
    host_network: bool,
    /// Addresses and the node of each listed pod; none for a template.
    members: Vec<(Box<[IpAddr]>, Option<usize>)>,
    replicas: u32,
}

fn group(shape: Shape) -> impl Strategy<Value = GroupPlan> {
    // Where everything is known, a pod that is listed has an address.
    let addresses = if shape.unknowns { addresses(0..=2).boxed() } else { addresses(1..=2).boxed() };
    let node = weighted(0.7, 0_usize..2);
    (
        (labels(shape), select(&ACCOUNTS[..])),
        vec(container_port(), 0..=4),
        prop_oneof![3 => Just(false), 1 => Just(true)],
        vec((addresses, node), 0..=2),
        1_u32..=2,
    )
        .prop_map(move |((labels, account), ports, host_network, mut members, replicas)| {
            if !shape.unknowns && host_network {
                members.iter_mut().for_each(|(_, node)| *node = Some(node.unwrap_or_default()));
            }
            GroupPlan { labels, account, ports, host_network, members, replicas }
        })
}

/// One to three namespaces, up to two nodes, one to four workloads of one or two groups.
pub(super) fn clusters(shape: Shape) -> impl Strategy<Value = Cluster> {
    let undefined = if shape.unknowns { 0.3 } else { 0.0 };
    let namespaces = vec((labels(shape), weighted(1.0 - undefined, Just(()))), 1..=3);
    let nodes = vec((labels(shape), addresses(1..=2)), 0..=2);
    let workloads = vec((select(vec![0_usize, 0, 1, 2]), vec(group(shape), 1..=2)), 1..=4);
    // Where the addresses of pods are that no manifest shows: in private space, or a block; or this very one.
    let spaces: &[&[&str]] = match shape.unknowns {
        true => &[&[], &["10.0.0.0/29"], &["10.0.0.2/31", "2001:db8::/126"], &["fd00::/8"]],
        false => &[&["10.0.0.3/32"], &["192.168.0.1/32"], &["2001:db8::2/128"]],
    };
    (namespaces, nodes, workloads, select(spaces)).prop_map(move |(namespaces, nodes, workloads, space)| {
        let mut cluster = assemble(shape, namespaces, nodes, workloads);
        let space = space.iter().map(|block| IpSet::net(block.parse().unwrap()));
        cluster.assumptions.pod_addresses = space.fold(IpSet::EMPTY, |all, block| all.union(&block));
        cluster
    })
}

fn assemble(
    shape: Shape,
    namespaces: Vec<(Labels, Option<()>)>,
    nodes: Vec<(Labels, Box<[IpAddr]>)>,
    workloads: Vec<(usize, Vec<GroupPlan>)>,
) -> Cluster {
    let mut cluster = Cluster::default();
    for ((mut labels, defined), name) in namespaces.into_iter().zip(NAMESPACES) {
        labels.insert("kubernetes.io/metadata.name", name);
        // S-42.
        let labels = if defined.is_some() { labels } else { labels.opened() };
        cluster.namespaces.push(Namespace {
            name: name.into(),
            labels: Arc::new(labels),
            defined: defined.map(|()| span()),
        });
    }
    for (index, (labels, addresses)) in nodes.into_iter().enumerate() {
        let name = format!("node{index}").into();
        cluster.nodes.push(Node { name, labels: Arc::new(labels), addresses, span: span() });
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
            let group = realise(&cluster, shape, plan, &format!("{name}-{number}"), namespace, workload);
            cluster.groups.push(group);
        }
        cluster.workloads.push(Workload {
            namespace,
            kind: "Deployment".into(),
            name: name.into(),
            span: span(),
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
    shape: Shape,
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
            let node = node.and_then(|node| {
                let known = cluster.nodes.get(node);
                if shape.unknowns { known } else { known.or(cluster.nodes.first()) }
            });
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
    // Where everything is known, so is the node of who is on its network, and with it its address.
    let host_network = plan.host_network
        && (shape.unknowns || !members.is_empty() && members.iter().all(|member| member.node.is_some()));
    let attributes = Labels::from_iter([(attribute::ACCOUNT, plan.account)]);
    let attributes = if shape.unknowns { attributes.opened() } else { attributes };
    let pods = if members.is_empty() { plan.replicas } else { members.len() as u32 };
    PodGroup {
        workload,
        namespace,
        labels: Arc::new(plan.labels),
        attributes: Arc::new(attributes),
        ports: ports.into(),
        host_network,
        members,
        pods,
        several: pods > 1,
        mesh: None,
        undeclared: false,
        dns: Dns::Cluster,
        span: span(),
    }
}
