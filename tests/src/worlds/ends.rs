//! The concrete ends of a world's flows.

use std::fmt;
use std::net::IpAddr;

use npv_models::cluster::{Cluster, GroupId, Member};
use npv_models::decide::{End, NodeEnd, PodEnd};
use npv_models::space::Labels;

/// Who is at an end of a flow, by where the cluster holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// A pod of a group: the listed one with this index, or any one of a template.
    Pod(GroupId, Option<usize>),
    /// A pod of which nothing is known (S-84).
    Assumed,
    /// The node with this index.
    Node(usize),
    /// An address outside the cluster.
    Address(IpAddr),
}

/// A cluster with its nodes as ends, so that pods can refer to them.
pub struct Inventory<'w> {
    cluster: &'w Cluster,
    nodes: Vec<NodeEnd<'w>>,
    nothing: Labels,
}

impl<'w> Inventory<'w> {
    /// The ends of a cluster.
    pub fn new(cluster: &'w Cluster) -> Self {
        let nodes = cluster
            .nodes
            .iter()
            .map(|node| NodeEnd { name: &node.name, labels: &node.labels, addresses: &node.addresses })
            .collect();
        Self { cluster, nodes, nothing: Labels::default() }
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
                Some(End::Pod(PodEnd {
                    name: member.map(|member| &*member.name),
                    namespace: Some(&namespace.name),
                    namespace_labels: labels,
                    labels: &group.labels,
                    ports: &group.ports,
                    host_network: group.host_network,
                    addresses: member.map_or(&[], |member| &member.addresses),
                    node: self.nodes.iter().find(|end| Some(end.name) == node),
                }))
            }
            Who::Assumed => Some(End::Pod(PodEnd {
                name: None,
                namespace: None,
                namespace_labels: &self.nothing,
                labels: &self.nothing,
                ports: &[],
                host_network: false,
                addresses: &[],
                node: None,
            })),
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
            Self::Address(address) => address.fmt(f),
        }
    }
}
