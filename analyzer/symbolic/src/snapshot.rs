//! The ends that the manifests define, as a condition on a flow.

use std::collections::BTreeSet;
use std::net::IpAddr;

use npv_models::cluster::{Cluster, Node, PodGroup};
use npv_models::decide::{End, NodeEnd, PodEnd};
use npv_models::space::{IpSet, Labels};

use crate::session::Session;
use crate::term::Bool;
use crate::world::{EndTerms, kind};

impl Session<'_> {
    /// The condition that both ends are pods or nodes of the cluster, or addresses outside it. Where the
    /// manifests define no node, any is possible. Only in a session in which addresses may be unknown can
    /// pods be without one.
    pub fn snapshot(&mut self, cluster: &Cluster) -> Bool {
        let ends = [self.flow.src.clone(), self.flow.dst.clone()];
        let conditions = ends.map(|end| self.of_cluster(cluster, &end));
        self.terms.and(conditions)
    }

    fn of_cluster(&mut self, cluster: &Cluster, end: &EndTerms) -> Bool {
        let mut kinds = vec![end.is(&mut self.terms, kind::ADDRESS)];
        if cluster.nodes.is_empty() {
            kinds.push(end.is(&mut self.terms, kind::NODE));
        }
        for node in &cluster.nodes {
            let none = [];
            let literal = End::Node(NodeEnd { name: &node.name, labels: &node.labels, addresses: &none });
            kinds.push(self.literal_end(&literal, &node.addresses, end));
        }
        for group in &cluster.groups {
            self.group(cluster, group, end, &mut kinds);
        }
        self.terms.or(kinds)
    }

    fn group(&mut self, cluster: &Cluster, group: &PodGroup, end: &EndTerms, kinds: &mut Vec<Bool>) {
        let Some(namespace) = cluster.namespaces.get(group.namespace.0 as usize) else { return };
        let node_named = |name: &str| cluster.nodes.iter().find(|node| *node.name == *name);
        // Only on the host network does it matter which node a pod is on.
        let nodes: BTreeSet<Option<&str>> = if group.host_network && !group.members.is_empty() {
            group.members.iter().map(|member| member.node.as_deref()).collect()
        } else {
            BTreeSet::from([None])
        };
        for name in nodes {
            let here = |node: &Option<Box<str>>| !group.host_network || node.as_deref() == name;
            let members = group.members.iter().filter(|member| here(&member.node));
            let addresses: Vec<IpAddr> =
                members.flat_map(|member| member.addresses.iter().copied()).collect();
            let unknown = Labels::default();
            let node = name.map(|name| NodeEnd {
                name,
                labels: node_named(name).map_or(&unknown, |node: &Node| &node.labels),
                addresses: &[],
            });
            let literal = End::Pod(PodEnd {
                name: None,
                namespace: Some(&namespace.name),
                namespace_labels: &namespace.labels,
                labels: &group.labels,
                ports: &group.ports,
                host_network: group.host_network,
                addresses: &[],
                node: node.as_ref(),
            });
            kinds.push(self.literal_end(&literal, &addresses, end));
        }
    }

    /// The end is this one, with any of these addresses.
    fn literal_end(&mut self, literal: &End<'_>, addresses: &[IpAddr], end: &EndTerms) -> Bool {
        let (protocol, port) = (self.flow.protocol, self.flow.port);
        let literal = EndTerms::literal(&mut self.terms, &self.vocabulary, literal, protocol, port);
        let (mut encoder, flow) = self.encoder();
        let alike = encoder.alike_but_address(&literal, end);
        let set = addresses.iter().fold(IpSet::EMPTY, |set, address| set.union(&IpSet::single(*address)));
        let address = encoder.has_address_of(&set, end, flow);
        self.terms.and([alike, address])
    }
}
