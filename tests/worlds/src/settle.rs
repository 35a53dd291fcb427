//! Clusters that the manifests of a world allow for: what no manifest settles, settled one way or the other.

use std::net::IpAddr;
use std::sync::Arc;

use npv_models::policy::Action;
use npv_models::space::{IpSet, Labels};

use crate::World;
use crate::cluster::{ADDRESSES, KEYS, VALUES};

/// Numbers to choose by, over and over again.
#[derive(Debug)]
pub struct Choices {
    numbers: Vec<u8>,
    next: usize,
}

impl Choices {
    /// Those; always the first where there are none.
    pub fn new(numbers: Vec<u8>) -> Self {
        Self { numbers, next: 0 }
    }

    /// One of some.
    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        let number = self.numbers.get(self.next % self.numbers.len().max(1)).copied().unwrap_or_default();
        self.next += 1;
        of[usize::from(number) % of.len()]
    }
}

impl World {
    /// The same world with less that is unknown: labels and the addresses of pods have values, and actions are one of
    /// allow and deny. Who an assumed end is and what a domain resolves to stays open, and so do the nodes on which
    /// nobody is known to be.
    #[must_use]
    pub fn settled(&self, choices: &mut Choices) -> Self {
        let mut world = self.clone();
        let cluster = &mut world.cluster;
        let (pods, nodes) = (cluster.pod_space(), cluster.node_space());
        for namespace in &mut cluster.namespaces {
            namespace.labels = Arc::new(labels(&namespace.labels, choices));
        }
        for node in &mut cluster.nodes {
            node.labels = Arc::new(labels(&node.labels, choices));
        }
        for group in &mut cluster.groups {
            group.labels = Arc::new(labels(&group.labels, choices));
            let within = if group.host_network { &nodes } else { &pods };
            for member in group.members.iter_mut().filter(|member| member.addresses.is_empty()) {
                member.addresses = Box::new([address(within, choices)]);
            }
        }
        cluster.assumptions.pod_addresses = IpSet::single(address(&pods, choices));
        for tier in world.policies.layers.iter_mut().flat_map(|layer| &mut layer.tiers) {
            for policy in &mut tier.policies {
                for rule in policy.ingress.iter_mut().chain(&mut policy.egress).flatten() {
                    if rule.action == Action::Unknown {
                        rule.action = choices.one(&[Action::Allow, Action::Deny]);
                    }
                }
            }
        }
        world
    }
}

/// Labels of which everything is known.
fn labels(vague: &Labels, choices: &mut Choices) -> Labels {
    let mut labels: Labels = vague.iter().collect();
    let values = [VALUES.as_slice(), &["another"]].concat();
    for key in vague.unknown() {
        labels.insert(key, choices.one(&values));
    }
    if vague.is_open() {
        for key in KEYS {
            if labels.get(key).is_none() && choices.one(&[true, false]) {
                labels.insert(key, choices.one(&values));
            }
        }
    }
    labels
}

/// One of the addresses of which worlds speak, or the first or the last of all that there are.
fn address(within: &IpSet, choices: &mut Choices) -> IpAddr {
    let known =
        ADDRESSES.iter().map(|text| text.parse().unwrap()).filter(|address| within.contains(*address));
    let ends = within.ranges().flat_map(|(first, last)| [first, last]);
    choices.one(&known.chain(ends).collect::<Vec<_>>())
}
