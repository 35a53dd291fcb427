//! `overlapping-except`.

use npv_models::cluster::PodGroup;
use npv_models::policy::{
    Action, NamespaceSelector, Peer, PeerMatch, Peers, PodSelector, PortMatch, Ports, Rule,
};
use npv_models::space::{IpSet, Traffic};

use super::{Fact, Study};
use crate::encode::{RuleId, block};

impl Study<'_> {
    /// For every hole of a block that is allowed, whether another peer lets some of it in on all of the
    /// same ports, to pods that both rules are about.
    pub(super) fn overlapping_except(&mut self) {
        for (layer, tier) in self.tiers() {
            let rules: Vec<_> = self
                .rules(layer, tier)
                .into_iter()
                .filter(|(_, rule)| rule.action == Action::Allow)
                .collect();
            for (id, rule) in &rules {
                for (position, peer) in listed(&rule.peers).iter().enumerate() {
                    let PeerMatch::Block { cidr, except } = &peer.matches else { continue };
                    for (hole, net) in except.iter().enumerate() {
                        // Only what the block would have let in.
                        let taken = IpSet::net(*net).intersection(&IpSet::net(*cidr));
                        let found = rules.iter().find_map(|(other, content)| {
                            self.admits((*id, rule, position), (*other, content), &taken)
                        });
                        if let Some((admitted_by, admitting_peer, addresses)) = found {
                            self.facts.push(Fact::OverlappingExcept {
                                rule: *id,
                                peer: position,
                                except: hole,
                                admitted_by,
                                admitting_peer,
                                addresses,
                            });
                        }
                    }
                }
            }
        }
    }

    fn admits(
        &self,
        (id, rule, position): (RuleId, &Rule, usize),
        (other, content): (RuleId, &Rule),
        taken: &IpSet,
    ) -> Option<(RuleId, Option<usize>, IpSet)> {
        if other.direction != id.direction
            || !covers(&content.ports, &rule.ports)
            || !(other.policy == id.policy || self.share_pods(id, other))
        {
            return None;
        }
        let Peers::Listed(peers) = &content.peers else { return Some((other, None, taken.clone())) };
        peers.iter().enumerate().find_map(|(index, peer)| {
            let PeerMatch::Block { cidr, except } = &peer.matches else { return None };
            let common = block(cidr, except).intersection(taken);
            let itself = other == id && index == position;
            (!itself && !common.is_empty()).then_some((other, Some(index), common))
        })
    }

    /// The first rule's pods are all pods of the other's, or the manifests define one that both select.
    fn share_pods(&self, id: RuleId, other: RuleId) -> bool {
        let subject = |id: RuleId| id.policy.of(self.input.policies).map(|(_, policy)| &policy.subject);
        let (Some(ours), Some(theirs)) = (subject(id), subject(other)) else { return false };
        let everything = |selector: &PodSelector| selector.pods.is_everything();
        let same_place = ours.namespaces == theirs.namespaces;
        (same_place && (everything(theirs) || ours.pods == theirs.pods))
            || self
                .input
                .cluster
                .groups
                .iter()
                .any(|group| self.selects(ours, group) && self.selects(theirs, group))
    }

    /// The selector matches the pods of the group (S-37).
    pub(super) fn selects(&self, selector: &PodSelector, group: &PodGroup) -> bool {
        let seen = !group.host_network || self.input.profile.selectors_see_host_network;
        let namespace = self.input.cluster.namespaces.get(group.namespace.0 as usize);
        let in_namespace = namespace.is_some_and(|namespace| match &selector.namespaces {
            NamespaceSelector::Named(name) => *name == namespace.name,
            NamespaceSelector::Labels(labels) => labels.matches(&namespace.labels),
        });
        seen && in_namespace && selector.pods.matches(&group.labels)
    }
}

/// The entries of a list of peers.
pub(super) fn listed(peers: &Peers) -> &[Peer] {
    match peers {
        Peers::Anyone => &[],
        Peers::Listed(peers) => peers,
    }
}

/// Whatever the second list of ports matches, the first does too.
fn covers(wide: &Ports, narrow: &Ports) -> bool {
    let Ports::Listed(wide) = wide else { return true };
    let numbers = wide.iter().fold(Traffic::NONE, |all, item| match &item.matches {
        PortMatch::Numbers(traffic) => all.union(traffic),
        PortMatch::Named { .. } => all,
    });
    match narrow {
        Ports::All => numbers.is_all(),
        Ports::Listed(narrow) => {
            !narrow.is_empty()
                && narrow.iter().all(|item| match &item.matches {
                    PortMatch::Numbers(traffic) => traffic.is_subset(&numbers),
                    named @ PortMatch::Named { .. } => wide.iter().any(|item| item.matches == *named),
                })
        }
    }
}
