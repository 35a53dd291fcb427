//! Worlds where the two sides of a connection admit different address families.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use npv_models::policy::{Peer, PeerMatch, Peers, Ports, Rule};
use npv_models::space::Family;

use super::World;

/// Addresses that most blocks of their families hold.
const V4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// The world with rules for blocks only, of IPv4 for egress and of IPv6 for ingress where they have some, and with
/// most pods having addresses of both families.
pub(super) fn apart(mut world: World) -> World {
    for member in world.cluster.groups.iter_mut().flat_map(|group| &mut group.members) {
        // Those with some addresses keep them: one family only now and then.
        if member.addresses.is_empty() {
            member.addresses = [IpAddr::V4(V4), IpAddr::V6(V6)].into();
        }
    }
    for tier in world.policies.layers.iter_mut().flat_map(|layer| &mut layer.tiers) {
        for policy in &mut tier.policies {
            policy.egress.iter_mut().flatten().for_each(|rule| narrow(rule, Family::V4));
            policy.ingress.iter_mut().flatten().for_each(|rule| narrow(rule, Family::V6));
        }
    }
    world
}

/// Keeps the blocks of the family where the rule has some, and else its blocks; a rule for other peers gets a
/// block in place of the first, and every port.
fn narrow(rule: &mut Rule, family: Family) {
    let Peers::Listed(peers) = &mut rule.peers else { return };
    let wanted = |peer: &Peer, family: Option<Family>| match &peer.matches {
        PeerMatch::Block { cidr, .. } => family.is_none_or(|family| Family::of(cidr.addr()) == family),
        _ => false,
    };
    for family in [Some(family), None] {
        if peers.iter().any(|peer| wanted(peer, family)) {
            peers.retain(|peer| wanted(peer, family));
            return;
        }
    }
    if let Some(first) = peers.first_mut() {
        let address = match family {
            Family::V4 => IpAddr::V4(V4),
            Family::V6 => IpAddr::V6(V6),
        };
        first.matches = PeerMatch::Block { cidr: address.into(), except: Vec::new() };
        peers.truncate(1);
        rule.ports = Ports::All;
    }
}
