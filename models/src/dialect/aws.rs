//! What is Amazon's own: blocks that go by their lengths (P-16), and the cluster-wide policies of
//! `networking.k8s.aws`, which are lowered as those of the API.

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::k8s::{self, NetworkPolicyPeer};
use crate::policy::{Action, Direction, Peer, PeerMatch, Peers, Policy, Priority, Provenance, Rule};

/// Whether something is taken out of a block.
pub(super) fn has_exceptions(policy: &k8s::Policy) -> bool {
    let (k8s::Policy::NetworkPolicy(policy) | k8s::Policy::AwsApplication(policy)) = policy else {
        return false;
    };
    let rules = [&policy.ingress, &policy.egress].into_iter().flatten().flat_map(|rules| &rules.value);
    let mut peers = rules.flat_map(|rule| &rule.peers);
    peers.any(|peer| matches!(&peer.value, NetworkPolicyPeer::Block { except, .. } if !except.is_empty()))
}

/// How far behind the longest a block stands: of pods every address is a block.
fn place(net: &IpNet) -> u8 {
    net.max_prefix_len().saturating_sub(net.prefix_len())
}

/// A policy as one for each length of the blocks in it, the longest first. What is taken out of a block is denied
/// behind what a block of the same length admits (P-16).
pub(super) fn by_length(policy: &Policy) -> Vec<Policy> {
    let mut parts: BTreeMap<(u8, bool), [Vec<Rule>; 2]> = BTreeMap::new();
    // What isolates is there, be it without rules.
    parts.entry((0, false)).or_default();
    for direction in Direction::ALL {
        for rule in policy.rules(direction).unwrap_or_default() {
            let mut add = |at: (u8, bool), rule: Rule| {
                let [egress, ingress] = parts.entry(at).or_default();
                if direction == Direction::Egress { egress.push(rule) } else { ingress.push(rule) }
            };
            let Peers::Listed(peers) = &rule.peers else {
                add((u8::MAX, false), rule.clone());
                continue;
            };
            let mut by_place: BTreeMap<u8, Vec<Peer>> = BTreeMap::new();
            for peer in peers {
                let PeerMatch::Block { cidr, except } = &peer.matches else {
                    by_place.entry(0).or_default().push(peer.clone());
                    continue;
                };
                let whole = PeerMatch::Block { cidr: *cidr, except: Vec::new() };
                by_place.entry(place(cidr)).or_default().push(Peer { matches: whole, ..peer.clone() });
                for (index, hole) in except.iter().enumerate() {
                    let path = format!("{}.ipBlock.except[{index}]", peer.provenance.path);
                    let at = Provenance { path: path.into(), span: peer.provenance.span };
                    let matches = PeerMatch::Block { cidr: *hole, except: Vec::new() };
                    let peers = Peers::Listed(vec![Peer { matches, provenance: at.clone() }]);
                    let denial = Rule { peers, ..Rule::new(Action::Deny, at) };
                    add((place(hole), true), denial);
                }
            }
            for (at, peers) in by_place {
                add((at, false), Rule { peers: Peers::Listed(peers), ..rule.clone() });
            }
        }
    }
    let part = |((place, denies), [egress, ingress]): ((u8, bool), [Vec<Rule>; 2])| Policy {
        priority: Priority::tied(Some(f64::from(place)), if denies { "deny" } else { "allow" }),
        ingress: policy.ingress.is_some().then_some(ingress),
        egress: policy.egress.is_some().then_some(egress),
        ..policy.clone()
    };
    let mut parts: Vec<Policy> = parts.into_iter().map(part).collect();
    // What has no effect has it once.
    parts.iter_mut().skip(1).for_each(|part| part.inert.clear());
    parts
}
