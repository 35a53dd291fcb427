//! Rewriting worlds.

use npv_models::policy::{Peer, Peers, Policy, PortItem, Ports, Rule, Tier};
use npv_worlds::World;

/// The world with every tier changed.
pub(crate) fn each_tier(world: &World, change: impl Fn(&mut Tier)) -> World {
    let mut world = world.clone();
    world.policies.layers.iter_mut().flat_map(|layer| &mut layer.tiers).for_each(change);
    world
}

/// The world with every list of rules changed.
pub(crate) fn each_list(world: &World, change: impl Fn(&mut Vec<Rule>)) -> World {
    each_tier(world, |tier| {
        let policies = tier.policies.iter_mut();
        policies.flat_map(|policy| policy.ingress.iter_mut().chain(&mut policy.egress)).for_each(&change);
    })
}

/// The world with every rule replaced by rules in its place.
pub(crate) fn each_rule(world: &World, change: impl Fn(&Rule) -> Vec<Rule>) -> World {
    each_list(world, |rules| *rules = rules.iter().flat_map(&change).collect())
}

/// The world with every entry of every list of peers replaced.
pub(crate) fn each_peer(world: &World, change: impl Fn(&Peer) -> Vec<Peer>) -> World {
    each_rule(world, |rule| {
        let mut rule = rule.clone();
        if let Peers::Listed(peers) = &mut rule.peers {
            *peers = peers.iter().flat_map(&change).collect();
        }
        vec![rule]
    })
}

/// The world with every entry of every list of ports replaced.
pub(crate) fn each_port_item(world: &World, change: impl Fn(&PortItem) -> Vec<PortItem>) -> World {
    each_rule(world, |rule| {
        let mut rule = rule.clone();
        if let Ports::Listed(items) = &mut rule.ports {
            *items = items.iter().flat_map(&change).collect();
        }
        rule.not_ports = rule.not_ports.iter().flat_map(&change).collect();
        vec![rule]
    })
}

/// The world with a policy for each rule and direction; a list without rules is a policy too, because it
/// isolates.
pub(crate) fn split_policies(world: &World) -> World {
    let lists = |rules: &Option<Vec<Rule>>| -> Vec<Vec<Rule>> {
        match rules {
            None => Vec::new(),
            Some(rules) if rules.is_empty() => vec![Vec::new()],
            Some(rules) => rules.iter().map(|rule| vec![rule.clone()]).collect(),
        }
    };
    each_tier(world, |tier| {
        tier.policies = tier
            .policies
            .iter()
            .flat_map(|policy| {
                let bare = Policy { ingress: None, egress: None, ..policy.clone() };
                let ingress = lists(&policy.ingress).into_iter().map(|rules| (Some(rules), None));
                let egress = lists(&policy.egress).into_iter().map(|rules| (None, Some(rules)));
                ingress
                    .chain(egress)
                    .map(|(ingress, egress)| Policy { ingress, egress, ..bare.clone() })
                    .collect::<Vec<_>>()
            })
            .collect();
    })
}
