//! The concrete ends of a world's flows.

use std::fmt;
use std::net::IpAddr;

use npv_models::cluster::{Cluster, GroupId, Member};
use npv_models::decide::{End, NodeEnd, PodEnd};
use npv_models::policy::Entity;
use npv_models::space::{DomainName, IpSet, Labels};

use crate::policies::domains;

/// Who is at an end of a flow, by where the cluster holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// A pod of a group: the listed one with this index, or any one of a template.
    Pod(GroupId, Option<usize>),
    /// A pod of which nothing is known (S-84).
    Assumed,
    /// The node with this index.
    Node(usize),
    /// Something that every cluster has.
    Entity(Entity),
    /// Whatever the domain with this index among those of policies resolves to.
    Domain(usize),
    /// An address outside the cluster.
    Address(IpAddr),
}

/// A cluster with its nodes as ends, so that pods can refer to them.
pub struct Inventory<'w> {
    cluster: &'w Cluster,
    nodes: Vec<NodeEnd<'w>>,
    /// Nodes that are like these and others.
    others: Vec<NodeEnd<'w>>,
    domains: Vec<DomainName>,
    pod_space: &'w IpSet,
    node_space: &'w IpSet,
}

/// Where the addresses are that no manifest shows.
#[derive(Clone, Debug)]
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

impl<'w> Inventory<'w> {
    /// The ends of a cluster.
    pub fn new(cluster: &'w Cluster, spaces: &'w Spaces) -> Self {
        let node = |node: &'w npv_models::cluster::Node| NodeEnd {
            name: &node.name,
            labels: &node.labels,
            addresses: &node.addresses,
            within: &spaces.nodes,
        };
        let nodes: Vec<NodeEnd<'w>> = cluster.nodes.iter().map(node).collect();
        let others = ["another", "a third"].into_iter().zip(&nodes);
        let others = others.map(|(name, node)| NodeEnd { name, ..*node }).collect();
        Self {
            cluster,
            nodes,
            others,
            domains: domains(),
            pod_space: &spaces.pods,
            node_space: &spaces.nodes,
        }
    }

    /// Every pod and node, of a template one pod.
    pub fn members(&self) -> Vec<Who> {
        let mut everyone = self.everyone();
        everyone.retain(|who| *who != Who::Assumed);
        everyone
    }

    /// Every pod and node, of a template one pod; and an assumed pod.
    pub fn everyone(&self) -> Vec<Who> {
        let groups = self.cluster.groups.iter().enumerate().flat_map(|(index, group)| {
            let id = GroupId(index as u32);
            let template = group.members.is_empty().then_some(Who::Pod(id, None));
            let members = (0..group.members.len()).map(move |member| Who::Pod(id, Some(member)));
            template.into_iter().chain(members)
        });
        groups.chain((0..self.nodes.len()).map(Who::Node)).chain([Who::Assumed]).collect()
    }

    /// The end; `None` where the cluster has none such.
    pub fn end(&self, who: Who) -> Option<End<'_>> {
        self.end_among(&self.nodes, who)
    }

    /// The same as a pod in general: on a node that is like its own, but nobody else's.
    pub fn anywhere(&self, who: Who) -> Option<End<'_>> {
        self.end_among(&self.others, who)
    }

    fn end_among<'a>(&'a self, nodes: &'a [NodeEnd<'w>], who: Who) -> Option<End<'a>> {
        match who {
            Who::Pod(group, member) => {
                let group = self.cluster.groups.get(group.0 as usize)?;
                let namespace = self.cluster.namespaces.get(group.namespace.0 as usize)?;
                let labels: &Labels = &namespace.labels;
                let member: Option<&Member> = match member {
                    Some(index) => Some(group.members.get(index)?),
                    None => None,
                };
                let node = member.and_then(|member| member.node.as_deref());
                let node = self.nodes.iter().position(|known| Some(known.name) == node);
                Some(End::Pod(PodEnd {
                    name: member.map(|member| &*member.name),
                    namespace: Some(&namespace.name),
                    namespace_labels: labels,
                    labels: &group.labels,
                    attributes: &group.attributes,
                    ports: &group.ports,
                    host_network: group.host_network,
                    addresses: member.map_or(&[], |member| &member.addresses),
                    within: if group.host_network { self.node_space } else { self.pod_space },
                    node: node.and_then(|node| nodes.get(node)),
                }))
            }
            Who::Assumed => Some(End::Pod(PodEnd::assumed(self.pod_space))),
            Who::Entity(entity) => Some(End::Entity(entity)),
            Who::Domain(index) => self.domains.get(index).map(End::Domain),
            Who::Node(index) => self.nodes.get(index).copied().map(End::Node),
            Who::Address(address) => Some(End::Address(address)),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod(group, Some(member)) => write!(f, "pod {member} of group {}", group.0),
            Self::Pod(group, None) => write!(f, "a pod of group {}", group.0),
            Self::Assumed => write!(f, "an assumed pod"),
            Self::Node(index) => write!(f, "node{index}"),
            Self::Entity(entity) => write!(f, "the entity {}", entity.name()),
            Self::Domain(index) => write!(f, "domain {index}"),
            Self::Address(address) => address.fmt(f),
        }
    }
}
