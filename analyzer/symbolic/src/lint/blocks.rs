//! `overlapping-except`.

use npv_models::cluster::PodGroup;
use npv_models::policy::{
    Action, Mode, NamespaceSelector, Peer, PeerMatch, Peers, PodSelector, PortMatch, Ports, Rule,
};
use npv_models::space::{IpSet, Traffic};

use super::{Fact, Study, World};
use crate::encode::{PolicyId, RuleId, block};

impl Study<'_> {
    /// For every hole of a block that is allowed, whether another peer lets some of it in on all of the
    /// same ports, to pods that both rules are about.
    pub(super) fn overlapping_except(&mut self) {
        for (layer, tier) in self.tiers() {
            let mode = self.input.policies.layers.get(layer).and_then(|layer| layer.tiers.get(tier));
            let ordered = mode.is_some_and(|tier| tier.mode != Mode::Union);
            // Where rules deny, too, another one that allows the addresses need not be asked.
            if ordered && self.rules(layer, tier).iter().any(|(_, rule)| rule.action == Action::Deny) {
                continue;
            }
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
                        if let Some((admitted_by, admitting_peer, addresses, world)) = found {
                            self.facts.push(Fact::OverlappingExcept {
                                rule: *id,
                                peer: position,
                                except: hole,
                                admitted_by,
                                admitting_peer,
                                addresses,
                                world,
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
    ) -> Option<(RuleId, Option<usize>, IpSet, World)> {
        if other.direction != id.direction || !covers(&content.ports, &rule.ports) {
            return None;
        }
        let (peer, addresses) = match &content.peers {
            Peers::Anyone => (None, taken.clone()),
            Peers::Listed(peers) => peers.iter().enumerate().find_map(|(index, peer)| {
                let PeerMatch::Block { cidr, except } = &peer.matches else { return None };
                let common = block(cidr, except).intersection(taken);
                let itself = other == id && index == position;
                (!itself && !common.is_empty()).then_some((Some(index), common))
            })?,
        };
        Some((other, peer, addresses, self.share_pods(id, other)?))
    }

    /// Where the two rules are about the same pods: in every cluster where all of the first rule's are of the
    /// other's, or in this one, where the manifests define one that both select.
    fn share_pods(&self, id: RuleId, other: RuleId) -> Option<World> {
        if id.policy == other.policy {
            return Some(World::EveryCluster);
        }
        let subject = |id: RuleId| id.policy.of(self.input.policies).map(|(_, policy)| &policy.subject);
        let (ours, theirs) = (subject(id)?, subject(other)?);
        let everything = |selector: &PodSelector| selector.pods.is_everything();
        let same_place = ours.namespaces == theirs.namespaces;
        if same_place && (everything(theirs) || ours.pods == theirs.pods) {
            return Some(World::EveryCluster);
        }
        let mut groups = self.input.cluster.groups.iter();
        groups
            .any(|group| self.selects(id.policy, ours, group) && self.selects(other.policy, theirs, group))
            .then_some(World::Snapshot)
    }

    /// A selector of the policy matches the pods of the group (S-37, S-63).
    pub(super) fn selects(&self, policy: PolicyId, selector: &PodSelector, group: &PodGroup) -> bool {
        let tier = policy.of(self.input.policies).map(|(tier, _)| tier);
        let profile = tier.map_or(self.input.profile, |tier| tier.profile(self.input.profile));
        let seen = !group.host_network || profile.selectors_see_host_network;
        let namespace = self.input.cluster.namespaces.get(group.namespace.0 as usize);
        let in_namespace = namespace.is_some_and(|namespace| match &selector.namespaces {
            NamespaceSelector::Named(name) => *name == namespace.name,
            NamespaceSelector::Labels(labels) => labels.matches(&namespace.labels),
        });
        seen && in_namespace && group.satisfies(&selector.pods)
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
