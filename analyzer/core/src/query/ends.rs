//! Concrete ends of a flow for what a user named.

use std::collections::BTreeMap;

use crate::engine::Symbolic;
use npv_models::cluster::{Cluster, GroupId, PodGroup};
use npv_models::decide::{End, NodeEnd, PodEnd};
use npv_models::policy::{Entity, Layer, PeerMatch, Peers, Policy, PolicySet, PortMatch, Ports, Tier};
use npv_models::space::{Bound, Family, IntervalSet, IpSet, Labels, PortSet, Protocol, Traffic};

/// Nodes by name, so that pods can refer to the one that they run on.
pub(super) struct Ends<'a> {
    cluster: &'a Cluster,
    nodes: BTreeMap<&'a str, NodeEnd<'a>>,
    spaces: &'a Spaces,
}

/// What is known of labels that no manifest shows.
static OPEN: Labels = Labels::OPEN;

/// Where the addresses are that no manifest shows (S-16).
#[derive(Debug, Default)]
pub struct Spaces {
    pods: IpSet,
    nodes: IpSet,
}

impl Spaces {
    /// Those of a cluster.
    pub fn of(cluster: &Cluster) -> Self {
        Self { pods: cluster.pod_space(), nodes: cluster.node_space() }
    }
}

/// In which blocks pods are, whether they have addresses of each family, and on which node they are.
type Kind<'n> = (Vec<bool>, [bool; 2], Option<&'n str>);

/// Pods that a certain set of policies cannot tell apart, by one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) group: GroupId,
    /// The sample among the group's members; `None` for a template.
    pub(super) member: Option<usize>,
}

impl<'a> Ends<'a> {
    pub(super) fn new(cluster: &'a Cluster, spaces: &'a Spaces) -> Self {
        let mut nodes: BTreeMap<&str, NodeEnd<'a>> = BTreeMap::new();
        for node in &cluster.nodes {
            let end = NodeEnd {
                name: &node.name,
                labels: &node.labels,
                addresses: &node.addresses,
                within: &spaces.nodes,
            };
            nodes.insert(&node.name, end);
        }
        // A pod can run on a node that no manifest defines.
        for name in
            cluster.groups.iter().flat_map(|group| &group.members).filter_map(|pod| pod.node.as_deref())
        {
            let unknown = NodeEnd { name, labels: &OPEN, addresses: &[], within: &spaces.nodes };
            nodes.entry(name).or_insert(unknown);
        }
        Self { cluster, nodes, spaces }
    }

    pub(super) fn group(&self, id: GroupId) -> Option<&'a PodGroup> {
        self.cluster.groups.get(id.0 as usize)
    }

    /// One pod as an end.
    pub(super) fn pod(&self, sample: Sample) -> Option<End<'_>> {
        let group = self.group(sample.group)?;
        let namespace = self.cluster.namespaces.get(group.namespace.0 as usize)?;
        let member = sample.member.and_then(|index| group.members.get(index));
        let workload = self.cluster.workloads.get(group.workload.0 as usize)?;
        let name = match member {
            Some(member) => Some(&*member.name),
            // The only pod of a workload is one certain pod, whatever its name will be (S-36).
            None if !group.several && workload.groups.len() == 1 => Some(&*workload.name),
            None => None,
        };
        Some(End::Pod(PodEnd {
            name,
            namespace: Some(&namespace.name),
            namespace_labels: &namespace.labels,
            labels: &group.labels,
            attributes: &group.attributes,
            ports: &group.ports,
            host_network: group.host_network,
            addresses: member.map_or(&[], |member| &*member.addresses),
            within: if group.host_network { &self.spaces.nodes } else { &self.spaces.pods },
            node: member.and_then(|member| member.node.as_deref()).and_then(|name| self.nodes.get(name)),
        }))
    }

    pub(super) fn node(&self, index: usize) -> Option<End<'a>> {
        let name = &*self.cluster.nodes.get(index)?.name;
        self.nodes.get(name).map(|node| End::Node(*node))
    }

    /// Something that the manifests do not define.
    pub(super) fn symbolic<'s>(&self, symbolic: &'s Symbolic) -> End<'s>
    where
        'a: 's,
    {
        match symbolic {
            Symbolic::Pod => self.unknown_pod(),
            Symbolic::Entity(Entity::OtherNode) => self.unknown_node(),
            Symbolic::Entity(entity) => End::Entity(*entity),
            Symbolic::Domain(name) => End::Domain(name),
        }
    }

    /// A node of which nothing is known.
    pub(super) fn unknown_node(&self) -> End<'a> {
        End::Node(NodeEnd { name: "", labels: &OPEN, addresses: &[], within: &self.spaces.nodes })
    }

    /// A pod of which nothing is known (S-84).
    pub(super) fn unknown_pod(&self) -> End<'a> {
        End::Pod(PodEnd::assumed(&self.spaces.pods))
    }

    /// One pod of each kind that the blocks in `cuts` can tell apart, and the number of pods that it stands
    /// for. With `by_node`, pods on different nodes count as different too (S-35).
    pub(super) fn samples(&self, group: GroupId, cuts: &[IpSet], by_node: bool) -> Vec<(Sample, u32)> {
        let Some(pods) = self.group(group) else { return Vec::new() };
        if pods.members.is_empty() {
            return vec![(Sample { group, member: None }, pods.pods)];
        }
        let mut kinds: BTreeMap<Kind<'_>, (usize, u32)> = BTreeMap::new();
        for (index, member) in pods.members.iter().enumerate() {
            let inside = cuts
                .iter()
                .map(|cut| member.addresses.iter().any(|address| cut.contains(*address)))
                .collect();
            let node = if by_node { member.node.as_deref() } else { None };
            let families = Family::ALL.map(|family| {
                // Where no block is in use, families make no difference.
                let mut of_family = member.addresses.iter().filter(|address| Family::of(**address) == family);
                !cuts.is_empty() && of_family.next().is_some()
            });
            kinds.entry((inside, families, node)).or_insert((index, 0)).1 += 1;
        }
        let mut samples: Vec<_> = kinds.into_values().collect();
        samples.sort_unstable();
        samples.into_iter().map(|(member, pods)| (Sample { group, member: Some(member) }, pods)).collect()
    }
}

/// The policies that can have a say about these ends: those that select one of them. Everything else
/// about the set stays as it is.
pub(super) fn relevant(policies: &PolicySet, ends: &[End<'_>]) -> PolicySet {
    let kept = |tier: &Tier| {
        tier.policies.iter().filter(|policy| ends.iter().any(|end| selects(policy, end))).cloned().collect()
    };
    let tiers = |layer: &Layer| {
        layer
            .tiers
            .iter()
            .map(|tier| Tier { policies: kept(tier), name: tier.name.clone(), ..*tier })
            .collect()
    };
    let layers = policies.layers.iter().map(|layer| Layer {
        name: layer.name.clone(),
        tunnels: layer.tunnels.clone(),
        tiers: tiers(layer),
    });
    PolicySet { layers: layers.collect() }
}

/// Whether a rule asks whether its peer is on the subject's own node (K-24, P-23).
pub(super) fn asks_for_nodes(policies: &PolicySet) -> bool {
    let rules =
        policies.policies().flat_map(|(_, _, policy)| policy.ingress.iter().chain(&policy.egress).flatten());
    let mut peers = rules.filter_map(|rule| match &rule.peers {
        Peers::Anyone => None,
        Peers::Listed(peers) => Some(peers),
    });
    let asks = |term: &PeerMatch| matches!(term, PeerMatch::Entity(Entity::OwnNode | Entity::OtherNode));
    peers.any(|peers| peers.iter().any(|peer| peer.matches.terms().into_iter().any(|(term, _)| asks(term))))
}

fn selects(policy: &Policy, end: &End<'_>) -> bool {
    match end {
        End::Pod(pod) => policy.subject.truth(pod).possible() || !policy.also.is_empty(),
        End::Node(_) | End::Entity(_) => !policy.also.is_empty(),
        End::Address(_) | End::Domain(_) => false,
    }
}

/// The blocks that peers speak of, and what is taken out of them.
pub(super) fn blocks(policies: &PolicySet) -> Vec<IpSet> {
    let mut blocks = Vec::new();
    for (_, _, policy) in policies.policies() {
        let rules = policy.ingress.iter().chain(&policy.egress).flatten();
        for rule in rules {
            for peers in [&rule.own, &rule.peers] {
                let Peers::Listed(peers) = peers else { continue };
                for (term, _) in peers.iter().flat_map(|peer| peer.matches.terms()) {
                    if let PeerMatch::Block { cidr, except } = term {
                        blocks.push(IpSet::net(*cidr));
                        blocks.extend(except.iter().map(|net| IpSet::net(*net)));
                    }
                }
            }
        }
    }
    blocks.sort();
    blocks.dedup();
    blocks
}

/// A set of addresses in parts that no block splits any further.
pub(super) fn split(addresses: &IpSet, blocks: &[IpSet]) -> Vec<IpSet> {
    let v4 = cut(addresses.v4(), blocks.iter().map(IpSet::v4));
    let v6 = cut(addresses.v6(), blocks.iter().map(IpSet::v6));
    v4.into_iter()
        .map(|part| IpSet::from_parts(part, IntervalSet::EMPTY))
        .chain(v6.into_iter().map(|part| IpSet::from_parts(IntervalSet::EMPTY, part)))
        .collect()
}

/// Traffic in ranges that no rule of these sets and no declared port of these ends splits any further.
pub(super) fn atoms<'p>(
    traffic: &Traffic,
    policies: impl IntoIterator<Item = &'p PolicySet>,
    ends: &[&End<'_>],
) -> Vec<(Protocol, u16, u16)> {
    let mut cuts: Vec<Traffic> = Vec::new();
    for end in ends {
        if let End::Pod(pod) = end {
            cuts.extend(
                pod.ports.iter().map(|port| Traffic::of(port.protocol, PortSet::single(port.number))),
            );
        }
    }
    for (_, _, policy) in policies.into_iter().flat_map(PolicySet::policies) {
        for rule in policy.ingress.iter().chain(&policy.egress).flatten() {
            let listed = match &rule.ports {
                Ports::All => &[][..],
                Ports::Listed(items) => items,
            };
            cuts.extend(listed.iter().chain(&rule.not_ports).filter_map(|item| match &item.matches {
                PortMatch::Numbers(traffic) => Some(traffic.clone()),
                PortMatch::Named { .. } => None,
            }));
        }
    }
    cuts.sort();
    cuts.dedup();
    let mut atoms = Vec::new();
    for protocol in Protocol::ALL {
        let parts = cut(traffic.ports(protocol), cuts.iter().map(|cut| cut.ports(protocol)));
        atoms
            .extend(parts.iter().flat_map(PortSet::intervals).map(|(first, last)| (protocol, *first, *last)));
    }
    atoms
}

/// A set of numbers in parts that no other set splits any further.
pub(super) fn cut<'b, T: Bound + 'b>(
    whole: &IntervalSet<T>,
    others: impl Iterator<Item = &'b IntervalSet<T>>,
) -> Vec<IntervalSet<T>> {
    // Where a part starts: at another set's first number, and at the one after its last.
    let mut starts: Vec<T> = others
        .flat_map(IntervalSet::intervals)
        .flat_map(|&(first, last)| [Some(first), last.next()])
        .flatten()
        .collect();
    starts.sort_unstable();
    starts.dedup();
    let mut parts = Vec::new();
    for &(first, last) in whole.intervals() {
        let mut from = first;
        let inner = starts.partition_point(|start| *start <= first);
        for &start in starts.iter().skip(inner).take_while(|start| **start <= last) {
            if let Some(before) = start.previous() {
                parts.push(IntervalSet::range(from, before));
            }
            from = start;
        }
        parts.push(IntervalSet::range(from, last));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_whole_and_no_block_splits_them() {
        let net = |text: &str| IpSet::net(text.parse().unwrap());
        let whole = net("0.0.0.0/0").union(&net("::/0"));
        let blocks =
            [net("10.0.0.0/8"), net("10.1.0.0/16"), net("255.255.255.255/32"), net("fd00::/8"), net("::/0")];
        let parts = split(&whole, &blocks);
        assert_eq!(parts.iter().fold(IpSet::EMPTY, |all, part| all.union(part)), whole);
        for part in &parts {
            for block in &blocks {
                assert!(part.is_subset(block) || !part.intersects(block));
            }
        }
        assert_eq!(parts.len(), 9);
    }
}
