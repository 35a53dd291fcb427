//! The endpoints that the manifests define, as conditions on a flow.

use std::collections::BTreeSet;
use std::net::IpAddr;

use npv_models::cluster::{Cluster, Node, PodGroup};
use npv_models::decide::{End, NodeEnd, PodEnd};
use npv_models::policy::Direction;
use npv_models::space::{IpSet, Labels};

use crate::session::Session;
use crate::term::{Bool, Context};
use crate::world::{EndTerms, kind};

/// Conditions on the two ends of a flow, one for each kind of endpoint that the manifests define.
#[derive(Clone, Debug)]
pub struct Snapshot {
    src: Vec<Bool>,
    dst: Vec<Bool>,
}

impl Session<'_> {
    /// The pods and nodes of a cluster, and the addresses outside it. Where the manifests define no node,
    /// any is possible. Only in a session in which addresses may be unknown can pods be without one.
    pub fn snapshot(&mut self, cluster: &Cluster) -> Snapshot {
        let [src, dst] = [self.flow.src.clone(), self.flow.dst.clone()];
        Snapshot { src: self.of_cluster(cluster, &src), dst: self.of_cluster(cluster, &dst) }
    }

    /// The condition, where only flows between endpoints of the snapshot count.
    pub fn within_snapshot(&mut self, condition: Bool, snapshot: &Snapshot) -> Bool {
        let condition = self.terms.propagate(condition);
        let src = self.plausible(condition, &snapshot.src);
        let dst = self.plausible(condition, &snapshot.dst);
        self.terms.and([condition, src, dst])
    }

    /// The same for conditions that speak only of the end that policies of the direction apply to.
    pub(crate) fn subject_within_snapshot(
        &mut self,
        condition: Bool,
        snapshot: &Snapshot,
        direction: Direction,
    ) -> Bool {
        let kinds = match direction {
            Direction::Egress => &snapshot.src,
            Direction::Ingress => &snapshot.dst,
        };
        let end = self.plausible(condition, kinds);
        self.terms.and([condition, end])
    }

    /// Any of these endpoints, without those that the condition puts out of the question.
    fn plausible(&mut self, condition: Bool, kinds: &[Bool]) -> Bool {
        let context = Context::of(&self.terms, condition);
        let kinds = kinds.iter().copied().filter(|kind| !self.terms.clashes(*kind, &context));
        let kinds: Vec<_> = kinds.collect();
        self.terms.or(kinds)
    }

    fn of_cluster(&mut self, cluster: &Cluster, end: &EndTerms) -> Vec<Bool> {
        let mut kinds = vec![end.is(&mut self.terms, kind::ADDRESS)];
        if cluster.nodes.is_empty() {
            kinds.push(end.is(&mut self.terms, kind::NODE));
        }
        for node in &cluster.nodes {
            let literal = End::Node(NodeEnd { name: &node.name, labels: &node.labels, ..NodeEnd::default() });
            kinds.push(self.literal_end(&literal, &node.addresses, end));
        }
        for group in &cluster.groups {
            self.group(cluster, group, end, &mut kinds);
        }
        // What policies cannot tell apart is one.
        kinds.sort_unstable();
        kinds.dedup();
        kinds
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
                ..NodeEnd::default()
            });
            let literal = End::Pod(PodEnd {
                namespace: Some(&namespace.name),
                namespace_labels: &namespace.labels,
                labels: &group.labels,
                attributes: &group.attributes,
                ports: &group.ports,
                host_network: group.host_network,
                node: node.as_ref(),
                ..PodEnd::default()
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
