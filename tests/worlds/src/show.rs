//! A world as a person reads it.

use std::fmt;

use npv_models::policy::{
    Direction, NamespaceSelector, PeerMatch, Peers, PodSelector, Policy, PortItem, PortMatch, Ports, Rule,
    Tier,
};

use npv_models::space::Labels;

use crate::World;

pub(super) fn world(world: &World, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let cluster = &world.cluster;
    writeln!(f)?;
    writeln!(f, "{:?}", world.profile)?;
    writeln!(f, "pod addresses: {:?}", cluster.pod_space().ranges().collect::<Vec<_>>())?;
    writeln!(f, "namespaces:")?;
    for namespace in &cluster.namespaces {
        let defined = if namespace.defined.is_some() { "" } else { " (not defined)" };
        writeln!(f, "- {}: {}{}{defined}", namespace.name, namespace.labels, open(&namespace.labels))?;
    }
    writeln!(f, "nodes:")?;
    for node in &cluster.nodes {
        writeln!(f, "- {}: {}{} {:?}", node.name, node.labels, open(&node.labels), node.addresses)?;
    }
    writeln!(f, "groups:")?;
    for (index, group) in cluster.groups.iter().enumerate() {
        let name = |id: u32| cluster.workloads.get(id as usize).map_or("?", |workload| &*workload.name);
        let namespace =
            cluster.namespaces.get(group.namespace.0 as usize).map_or("?", |namespace| &*namespace.name);
        write!(
            f,
            "- {index} is {namespace}/{}: {}{}, {}, {} pods",
            name(group.workload.0),
            group.labels,
            open(&group.labels),
            group.attributes,
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
        for tunnel in &layer.tunnels {
            write!(f, "- tunnel to port {} from ", tunnel.port)?;
            peer(&tunnel.src, f)?;
            write!(f, " to ")?;
            peer(&tunnel.dst, f)?;
            writeln!(f)?;
        }
        for one in &layer.tiers {
            tier(one, f)?;
        }
    }
    Ok(())
}

/// What is not seen in the listing of some labels.
fn open(labels: &Labels) -> String {
    let added: Vec<&str> = labels.unknown().collect();
    let added = if added.is_empty() { String::new() } else { format!(" with unknown {}", added.join(", ")) };
    format!("{added}{}", if labels.is_open() { ".." } else { "" })
}

fn tier(tier: &Tier, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Tier { name, mode, no_match, pass, fixed, policies } = tier;
    writeln!(f, "- tier {name}: {mode:?}, no match: {no_match:?}, pass: {pass:?}, fixed: {fixed:?}")?;
    policies.iter().try_for_each(|one| policy(one, f))
}

fn policy(policy: &Policy, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "  - {} for ", policy.object.name)?;
    pods(&policy.subject, f)?;
    for also in &policy.also {
        write!(f, " and ")?;
        peer(also, f)?;
    }
    writeln!(f, ", priority {}, {:?}", policy.priority, policy.isolation)?;
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
    if !matches!(rule.own, Peers::Anyone) {
        peers("own end", &rule.own, f)?;
    }
    peers(word, &rule.peers, f)?;
    match &rule.ports {
        Ports::All => writeln!(f, "      ports: all")?,
        Ports::Listed(listed) => items("ports", listed, f)?,
    }
    if rule.not_ports.is_empty() { Ok(()) } else { items("not ports", &rule.not_ports, f) }
}

fn peers(word: &str, peers: &Peers, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Peers::Listed(peers) = peers else { return writeln!(f, "      {word}: anyone") };
    writeln!(f, "      {word}:{}", if peers.is_empty() { " nobody" } else { "" })?;
    for one in peers {
        write!(f, "      - ")?;
        peer(&one.matches, f)?;
        writeln!(f)?;
    }
    Ok(())
}

fn items(word: &str, items: &[PortItem], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "      {word}: [")?;
    for (index, item) in items.iter().enumerate() {
        write!(f, "{}", if index == 0 { "" } else { ", " })?;
        match &item.matches {
            PortMatch::Numbers(traffic) => write!(f, "{traffic}")?,
            PortMatch::Named { protocol: Some(protocol), name } => write!(f, "{protocol} {name}")?,
            PortMatch::Named { protocol: None, name } => write!(f, "any {name}")?,
        }
        if let Some(requests) = &item.requests {
            write!(f, " ({requests})")?;
        }
    }
    writeln!(f, "]")
}

fn peer(peer: &PeerMatch, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match peer {
        PeerMatch::Pods(selector) => pods(selector, f),
        PeerMatch::Block { cidr, except } => {
            write!(f, "block {cidr}")?;
            except.iter().try_for_each(|hole| write!(f, " except {hole}"))
        }
        PeerMatch::Nodes(selector) => write!(f, "nodes `{selector}`"),
        PeerMatch::Domain(name) => write!(f, "domain {name}"),
        PeerMatch::Entity(entity) => write!(f, "the entity {}", entity.name()),
        PeerMatch::Same(same) => write!(f, "{same:?}"),
        PeerMatch::All(parts) => combined("all", parts, f),
        PeerMatch::Any(parts) => combined("any", parts, f),
        PeerMatch::Not(part) => {
            write!(f, "not ")?;
            self::peer(part, f)
        }
        PeerMatch::Unknown => write!(f, "unknown"),
    }
}

fn combined(word: &str, parts: &[PeerMatch], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{word} of [")?;
    for (index, part) in parts.iter().enumerate() {
        write!(f, "{}", if index == 0 { "" } else { ", " })?;
        peer(part, f)?;
    }
    write!(f, "]")
}

fn pods(selector: &PodSelector, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match &selector.namespaces {
        NamespaceSelector::Named(name) => write!(f, "pods `{}` of {name}", selector.pods),
        NamespaceSelector::Labels(labels) => write!(f, "pods `{}` of namespaces `{labels}`", selector.pods),
    }
}
