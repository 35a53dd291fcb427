//! A world as a person reads it.

use std::fmt;

use npv_models::policy::{
    Direction, NamespaceSelector, Peer, PeerMatch, Peers, PodSelector, Policy, PortMatch, Ports, Rule, Tier,
};

use super::World;

pub(super) fn world(world: &World, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let cluster = &world.cluster;
    writeln!(f)?;
    writeln!(f, "profile: blocks match pods: {}", world.profile.blocks_match_pods)?;
    writeln!(f, "         selectors see the host network: {}", world.profile.selectors_see_host_network)?;
    writeln!(f, "namespaces:")?;
    for namespace in &cluster.namespaces {
        writeln!(f, "- {}: {}", namespace.name, namespace.labels)?;
    }
    writeln!(f, "nodes:")?;
    for node in &cluster.nodes {
        writeln!(f, "- {}: {} {:?}", node.name, node.labels, node.addresses)?;
    }
    writeln!(f, "groups:")?;
    for (index, group) in cluster.groups.iter().enumerate() {
        let name = |id: u32| cluster.workloads.get(id as usize).map_or("?", |workload| &*workload.name);
        let namespace =
            cluster.namespaces.get(group.namespace.0 as usize).map_or("?", |namespace| &*namespace.name);
        write!(
            f,
            "- {index} is {namespace}/{}: {}, {} pods",
            name(group.workload.0),
            group.labels,
            group.pods
        )?;
        if group.host_network {
            write!(f, ", host network")?;
        }
        for port in &*group.ports {
            write!(f, ", {}={} {}", port.name.as_deref().unwrap_or(""), port.protocol, port.number)?;
        }
        writeln!(f)?;
        for member in &group.members {
            writeln!(f, "  - {} {:?} on {:?}", member.name, member.addresses, member.node)?;
        }
    }
    for layer in &world.policies.layers {
        writeln!(f, "layer {}:", layer.name)?;
        for one in &layer.tiers {
            tier(one, f)?;
        }
    }
    Ok(())
}

fn tier(tier: &Tier, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Tier { name, mode, participation, no_match, fixed, policies } = tier;
    writeln!(
        f,
        "- tier {name}: {mode:?}, {participation:?} take part, no match: {no_match:?}, fixed: {fixed:?}"
    )?;
    policies.iter().try_for_each(|one| policy(one, f))
}

fn policy(policy: &Policy, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "  - {} for ", policy.object.name)?;
    pods(&policy.subject, f)?;
    writeln!(f, ", priority {}", policy.priority)?;
    for direction in Direction::ALL {
        let Some(rules) = policy.rules(direction) else { continue };
        writeln!(f, "    {direction}:{}", if rules.is_empty() { " []" } else { "" })?;
        for one in rules {
            rule(one, direction, f)?;
        }
    }
    Ok(())
}

fn rule(rule: &Rule, direction: Direction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let word = if direction == Direction::Ingress { "from" } else { "to" };
    writeln!(f, "    - {}", rule.action.name())?;
    match &rule.peers {
        Peers::Anyone => writeln!(f, "      {word}: anyone")?,
        Peers::Listed(peers) => {
            writeln!(f, "      {word}:{}", if peers.is_empty() { " nobody" } else { "" })?;
            for one in peers {
                write!(f, "      - ")?;
                peer(one, f)?;
                writeln!(f)?;
            }
        }
    }
    match &rule.ports {
        Ports::All => writeln!(f, "      ports: all"),
        Ports::Listed(items) => {
            write!(f, "      ports: [")?;
            for (index, item) in items.iter().enumerate() {
                write!(f, "{}", if index == 0 { "" } else { ", " })?;
                match &item.matches {
                    PortMatch::Numbers(traffic) => write!(f, "{traffic}")?,
                    PortMatch::Named { protocol: Some(protocol), name } => write!(f, "{protocol} {name}")?,
                    PortMatch::Named { protocol: None, name } => write!(f, "any {name}")?,
                }
            }
            writeln!(f, "]")
        }
    }
}

fn peer(peer: &Peer, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match &peer.matches {
        PeerMatch::Pods(selector) => pods(selector, f),
        PeerMatch::Block { cidr, except } => {
            write!(f, "block {cidr}")?;
            except.iter().try_for_each(|hole| write!(f, " except {hole}"))
        }
        PeerMatch::Nodes(selector) => write!(f, "nodes `{selector}`"),
        PeerMatch::Domain(name) => write!(f, "domain {name}"),
        PeerMatch::Unknown => write!(f, "unknown"),
    }
}

fn pods(selector: &PodSelector, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match &selector.namespaces {
        NamespaceSelector::Named(name) => write!(f, "pods `{}` of {name}", selector.pods),
        NamespaceSelector::Labels(labels) => write!(f, "pods `{}` of namespaces `{labels}`", selector.pods),
    }
}
