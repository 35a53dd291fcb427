//! Why a flow is denied: the rules that come closest to allowing it, and what keeps them from it.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::matching::{View, in_block};
use super::{Decision, End, Flow, PodEnd, Profile};
use crate::policy::{
    Action, Direction, Entity, Mode, NamespaceSelector, ObjectRef, Peer, PeerMatch, Peers, PodSelector,
    Policy, PortMatch, Ports, Rule, Same, Tier, attribute,
};
use crate::space::{Family, Labels, Protocol, Requirement, Selector, Traffic};

/// A rule that would allow a denied side of a flow if some conditions were met.
#[derive(Clone, Debug)]
pub struct Near<'a> {
    /// The denied side.
    pub direction: Direction,
    /// The layer that denies it.
    pub layer: &'a str,
    /// The tier that denies it, which the rule is in.
    pub tier: &'a Tier,
    /// The rule's policy.
    pub policy: &'a Policy,
    /// A rule that allows.
    pub rule: &'a Rule,
    /// The entry of its peers that `unmet` speaks of; `None` where the rule matches everybody.
    pub peer: Option<&'a Peer>,
    /// What keeps it from allowing the flow; never empty.
    pub unmet: Vec<Unmet<'a>>,
}

/// Whose labels or namespace a condition speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The pod that the policy would have to select.
    Subject,
    /// The pod at the other end.
    Peer,
}

/// A condition that a flow does not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmet<'a> {
    /// A label of a pod.
    Label {
        /// Whose.
        part: Part,
        /// What is wanted.
        wanted: &'a Requirement,
        /// What the pod has under that key.
        has: Option<&'a str>,
    },
    /// A label of the namespace that a pod is in.
    NamespaceLabel {
        /// Whose.
        part: Part,
        /// What is wanted.
        wanted: &'a Requirement,
        /// What the namespace has under that key.
        has: Option<&'a str>,
    },
    /// The namespace that a pod is in, by name (S-11).
    Namespace {
        /// The name that is wanted.
        wanted: &'a str,
        /// The name of the pod's namespace.
        has: &'a str,
    },
    /// A selector asks something of a pod of which nothing is known (S-84).
    NothingKnown {
        /// Which pod.
        part: Part,
    },
    /// A selector of pods cannot match the other end: an address, a node, or a pod on the host network
    /// (S-12, S-37).
    NoPod,
    /// A selector of nodes cannot match the other end.
    NoNode,
    /// A label of the node at the other end.
    NodeLabel {
        /// What is wanted.
        wanted: &'a Requirement,
        /// What the node has under that key; `None` also where the node is not known.
        has: Option<&'a str>,
    },
    /// The other end has no address that the block could match: none is known, or blocks match no pods
    /// (S-16).
    NoAddress {
        /// The block.
        cidr: IpNet,
    },
    /// The address is not in the block.
    Outside {
        /// The block.
        cidr: IpNet,
        /// The address at the other end; of several the first, one of the block's family before others.
        address: IpAddr,
    },
    /// The address is in the block, and in a block taken out of it (S-17).
    Excepted {
        /// The block.
        cidr: IpNet,
        /// What is taken out of it.
        except: IpNet,
        /// The address at the other end.
        address: IpAddr,
    },
    /// The address is in the block, and the packets are of the other family: in the address's own, the flow is
    /// denied too (S-16).
    Family {
        /// The block.
        cidr: IpNet,
        /// The address at the other end.
        address: IpAddr,
        /// The family of the packets.
        asked: Family,
    },
    /// What the domain name resolves to is not known.
    Domain {
        /// The name.
        name: &'a str,
    },
    /// The other end is not this entity.
    Entity {
        /// The one that is wanted.
        wanted: Entity,
    },
    /// The other end is not in the subject's namespace.
    OtherNamespace,
    /// The namespaces of the two ends do not have the same values for these labels.
    NotSame {
        /// The keys.
        keys: &'a [Box<str>],
    },
    /// The rule asks the policy's own end to be something else besides (C-46).
    OwnEnd,
    /// The rule leaves the port out (C-51).
    LeftOut,
    /// The rule excludes the other end by a negation.
    ExceptedPeer,
    /// The peer can match nobody.
    Nobody,
    /// A peer that npv does not know (S-67).
    UnknownPeer,
    /// The port would match over another protocol.
    Protocol {
        /// The protocols over which it would.
        wanted: Vec<Protocol>,
        /// The flow's.
        asked: Protocol,
    },
    /// The destination port.
    Port {
        /// What the rule matches at this destination, its named ports resolved there.
        wanted: Traffic,
        /// The flow's protocol.
        protocol: Protocol,
        /// The flow's destination port.
        port: u16,
    },
    /// The destination declares no such port (S-24), or is no pod (S-26).
    NamedPort {
        /// The name.
        name: &'a str,
        /// The protocol that is wanted, if a certain one is.
        protocol: Option<Protocol>,
    },
    /// Another rule has the say before this one, and does not allow the flow.
    Outranked {
        /// The policy that the other rule is in.
        by: &'a ObjectRef,
    },
}

/// What a condition that is not met weighs, beside how far from met it looks: two slips of a key are nearer than one
/// rule for something else.
const CONDITION: usize = 2;

/// The rules of the tiers that denied the flow that come closest to allowing it, the closest first: those of which
/// least would have to change, a mistyped value before a rule that is about something else.
/// Policies of the endpoint's namespace that do not select it take part too, with that as a condition.
pub fn nearest<'a>(decision: &Decision<'a>, profile: Profile, flow: &Flow<'a>) -> Vec<Near<'a>> {
    let mut found = Vec::new();
    for step in decision.steps.iter().filter(|step| step.action == Action::Deny) {
        let profile = step.tier.profile(profile);
        let exempt = decision.exemption.is_some();
        let view =
            View { profile, family: decision.family, flow, request: None, direction: step.direction, exempt };
        // A rule after the denial of an ordered tier is never asked; nor is any where a denial wins.
        let mut too_late = step.rule.is_some() && step.tier.mode == Mode::DenyWins;
        for policy in &step.tier.policies {
            let Some(of_subject) = subject_conditions(policy, &view, flow) else { continue };
            for rule in policy.rules(step.direction).unwrap_or_default() {
                too_late |= step.rule.is_some_and(|denying| std::ptr::eq(denying, rule));
                if rule.action != Action::Allow {
                    continue;
                }
                let entries: Vec<Option<&Peer>> = match &rule.peers {
                    Peers::Anyone => vec![None],
                    Peers::Listed(peers) => peers.iter().map(Some).collect(),
                };
                for peer in entries {
                    let mut unmet = of_subject.clone();
                    if let Some(peer) = peer {
                        peer_conditions(&peer.matches, &view, flow.peer(step.direction), &mut unmet);
                    }
                    unmet.extend(rule.asks_otherwise(&view));
                    unmet.extend(port_condition(&rule.ports, &view, flow));
                    if too_late {
                        unmet.push(Unmet::Outranked { by: &step.policy.object });
                    } else if sibling_decides(step.tier, policy, rule, &view) {
                        unmet.push(Unmet::Outranked { by: &policy.object });
                    }
                    found.push(Near {
                        direction: step.direction,
                        layer: step.layer,
                        tier: step.tier,
                        policy,
                        rule,
                        peer,
                        unmet,
                    });
                }
            }
        }
    }
    // Stable: equally near rules stay in evaluation order.
    found.sort_by_key(|near| {
        (near.unmet.iter().map(|one| CONDITION + one.distance()).sum::<usize>(), near.unmet.len())
    });
    found
}

/// What keeps a policy from applying to the subject; `None` where it is not about such a subject.
fn subject_conditions<'a>(policy: &'a Policy, view: &View<'_>, flow: &Flow<'a>) -> Option<Vec<Unmet<'a>>> {
    let mut unmet = Vec::new();
    if policy.applies(view).certain() {
        return Some(unmet);
    }
    match flow.subject(view.direction) {
        // S-37, S-63: no policy selects pods that are their node here.
        End::Pod(pod) if view.profile.sees(pod) => {
            // A policy of another namespace is no mistyped selector away from this pod (S-46).
            if let NamespaceSelector::Named(name) = &policy.subject.namespaces
                && pod.namespace != Some(&**name)
            {
                return None;
            }
            pod_conditions(&policy.subject, pod, Part::Subject, &mut unmet);
            Some(unmet)
        }
        _ => None,
    }
}

/// Whether another rule of the same policy would keep this one from allowing the flow, if the policy
/// selected the endpoint.
fn sibling_decides(tier: &Tier, policy: &Policy, rule: &Rule, view: &View<'_>) -> bool {
    let mut rules = policy.rules(view.direction).unwrap_or_default().iter();
    let matches = |other: &&Rule| other.matches(view);
    match tier.mode {
        Mode::Union => false,
        Mode::DenyWins => rules.filter(|other| other.action == Action::Deny).any(|other| matches(&other)),
        Mode::FirstMatch => rules
            .by_ref()
            .take_while(|other| !std::ptr::eq(*other, rule))
            .filter(|other| other.action != Action::Log)
            .find(matches)
            .is_some_and(|other| other.action != Action::Allow),
    }
}

/// The requirements that labels do not certainly satisfy; of choices those of the first alternative.
fn requirements<'a>(
    selector: &'a Selector,
    labels: &'a Labels,
) -> impl Iterator<Item = (&'a Requirement, Option<&'a str>)> {
    let own = selector.requirements().iter();
    let unmet = own.filter(|wanted| !wanted.holds(labels.at(&wanted.key)).certain());
    let choices = selector.choices().iter();
    let choices = choices.filter(|choice| !choice.iter().any(|selector| selector.matches(labels)));
    let first = choices.filter_map(|choice| choice.first()?.unmet(labels));
    unmet.chain(first).map(|wanted| (wanted, labels.get(&wanted.key)))
}

fn pod_conditions<'a>(selector: &'a PodSelector, pod: &PodEnd<'a>, part: Part, unmet: &mut Vec<Unmet<'a>>) {
    let Some(namespace) = pod.namespace else {
        if !selector.matches(pod) {
            unmet.push(Unmet::NothingKnown { part });
        }
        return;
    };
    let before = unmet.len();
    match &selector.namespaces {
        NamespaceSelector::Named(wanted) if **wanted != *namespace => {
            unmet.push(Unmet::Namespace { wanted, has: namespace });
        }
        NamespaceSelector::Named(_) => {}
        NamespaceSelector::Labels(labels) => unmet.extend(
            requirements(labels, pod.namespace_labels).map(|(wanted, has)| Unmet::NamespaceLabel {
                part,
                wanted,
                has,
            }),
        ),
    }
    let pods = requirements(&selector.pods, pod.labels);
    let unmet_labels = pods.filter(|(wanted, _)| !attribute::is(&wanted.key));
    unmet.extend(unmet_labels.map(|(wanted, has)| Unmet::Label { part, wanted, has }));
    let pods = requirements(&selector.pods, pod.attributes);
    let unmet_attributes = pods.filter(|(wanted, _)| attribute::is(&wanted.key));
    unmet.extend(unmet_attributes.map(|(wanted, has)| Unmet::Label { part, wanted, has }));
    // A choice among nothing asks for no label.
    if unmet.len() == before && !selector.matches(pod) {
        unmet.push(Unmet::Nobody);
    }
}

fn peer_conditions<'a>(peer: &'a PeerMatch, view: &View<'_>, end: &End<'a>, unmet: &mut Vec<Unmet<'a>>) {
    if peer.matches(view, end, Action::Allow).certain() {
        return;
    }
    match peer {
        PeerMatch::Pods(selector) => match end {
            End::Pod(pod) if view.profile.sees(pod) => pod_conditions(selector, pod, Part::Peer, unmet),
            _ => unmet.push(Unmet::NoPod),
        },
        PeerMatch::Block { cidr, except } => {
            let addresses = view.profile.addresses(end);
            let inside = addresses.iter().find(|address| in_block(**address, cidr, except));
            if let (Some(address), Some(asked)) = (inside, view.family) {
                unmet.push(Unmet::Family { cidr: *cidr, address: *address, asked });
                return;
            }
            let excepted =
                addresses.iter().find(|address| in_block(**address, cidr, &[])).and_then(|address| {
                    let except = except.iter().find(|hole| hole.contains(address))?;
                    Some(Unmet::Excepted { cidr: *cidr, except: *except, address: *address })
                });
            let family = Family::of(cidr.addr());
            let alike = addresses.iter().find(|address| Family::of(**address) == family);
            let outside = alike.or(addresses.first());
            let outside = outside.map(|address| Unmet::Outside { cidr: *cidr, address: *address });
            unmet.push(excepted.or(outside).unwrap_or(Unmet::NoAddress { cidr: *cidr }));
        }
        PeerMatch::Nodes(selector) => {
            let node = match end {
                End::Node(node) => Some(node),
                End::Pod(pod) if pod.host_network => pod.node,
                _ => {
                    unmet.push(Unmet::NoNode);
                    return;
                }
            };
            match node {
                Some(node) => unmet.extend(
                    requirements(selector, node.labels).map(|(wanted, has)| Unmet::NodeLabel { wanted, has }),
                ),
                None => unmet.extend(
                    selector.requirements().iter().map(|wanted| Unmet::NodeLabel { wanted, has: None }),
                ),
            }
        }
        PeerMatch::Domain(name) => unmet.push(Unmet::Domain { name: name.as_str() }),
        PeerMatch::Entity(entity) => unmet.push(Unmet::Entity { wanted: *entity }),
        PeerMatch::Same(Same::Namespace) => unmet.push(Unmet::OtherNamespace),
        PeerMatch::Same(Same::NamespaceLabels(keys)) => unmet.push(Unmet::NotSame { keys }),
        PeerMatch::All(parts) => parts.iter().for_each(|part| peer_conditions(part, view, end, unmet)),
        // What is nearest of several: the one with the fewest conditions.
        PeerMatch::Any(parts) => {
            let conditions = parts.iter().map(|part| {
                let mut conditions = Vec::new();
                peer_conditions(part, view, end, &mut conditions);
                conditions
            });
            match conditions.min_by_key(Vec::len) {
                Some(nearest) => unmet.extend(nearest),
                None => unmet.push(Unmet::Nobody),
            }
        }
        PeerMatch::Not(_) => unmet.push(Unmet::ExceptedPeer),
        PeerMatch::Unknown => unmet.push(Unmet::UnknownPeer),
    }
}

fn port_condition<'a>(ports: &'a Ports, view: &View<'_>, flow: &Flow<'a>) -> Option<Unmet<'a>> {
    let Ports::Listed(items) = ports else { return None };
    if ports.matches(view) {
        return None;
    }
    let profile = view.profile;
    let mut wanted = Traffic::NONE;
    let mut undeclared = None;
    for item in items {
        match &item.matches {
            PortMatch::Numbers(traffic) => wanted = wanted.union(traffic),
            PortMatch::Named { protocol, name } => {
                let declared = named(&flow.dst, profile, *protocol, name);
                if declared.is_empty() {
                    undeclared = undeclared.or(Some(Unmet::NamedPort { name, protocol: *protocol }));
                }
                wanted = wanted.union(&declared);
            }
        }
    }
    let others: Vec<Protocol> =
        Protocol::ALL.into_iter().filter(|protocol| wanted.contains(*protocol, flow.port)).collect();
    if !others.is_empty() {
        return Some(Unmet::Protocol { wanted: others, asked: flow.protocol });
    }
    undeclared.or(Some(Unmet::Port { wanted, protocol: flow.protocol, port: flow.port }))
}

/// What a port name stands for at a destination.
fn named(end: &End<'_>, profile: Profile, protocol: Option<Protocol>, name: &str) -> Traffic {
    let ports = match end {
        End::Pod(pod) if profile.sees(pod) => pod.ports,
        _ => &[],
    };
    ports
        .iter()
        .filter(|port| port.name.as_deref() == Some(name))
        .filter(|port| protocol.is_none_or(|wanted| wanted == port.protocol))
        .fold(Traffic::NONE, |found, port| {
            found.union(&Traffic::of(port.protocol, crate::space::PortSet::single(port.number)))
        })
}

impl Unmet<'_> {
    /// How far from met the condition looks; only for ordering equally many conditions. A mistyped value
    /// is nearest, an endpoint of the wrong sort farthest.
    fn distance(&self) -> usize {
        let label = |wanted: &Requirement, has: Option<&str>| {
            let closest = has.and_then(|has| wanted.values.iter().map(|value| edits(value, has)).min());
            closest.unwrap_or(8).min(8)
        };
        match self {
            Self::Label { wanted, has, .. }
            | Self::NamespaceLabel { wanted, has, .. }
            | Self::NodeLabel { wanted, has } => label(wanted, *has),
            Self::Namespace { wanted, has, .. } => edits(wanted, has).min(8),
            Self::Protocol { .. } => 2,
            Self::Port { .. } => 4,
            Self::NamedPort { .. } | Self::Excepted { .. } | Self::LeftOut => 6,
            Self::Family { .. } | Self::Outside { .. } | Self::Outranked { .. } => 8,
            Self::NothingKnown { .. }
            | Self::Entity { .. }
            | Self::OtherNamespace
            | Self::NotSame { .. }
            | Self::ExceptedPeer
            | Self::OwnEnd
            | Self::Nobody
            | Self::NoPod
            | Self::NoNode
            | Self::NoAddress { .. } => 16,
            Self::Domain { .. } | Self::UnknownPeer => 20,
        }
    }
}

/// Levenshtein's distance: insertions, deletions and replacements from one text to the other.
fn edits(left: &str, right: &str) -> usize {
    let mut previous: Vec<usize> = (0..=right.chars().count()).collect();
    for (row, a) in left.chars().enumerate() {
        let mut diagonal = row;
        let mut before = row + 1;
        for (cell, b) in previous.iter_mut().skip(1).zip(right.chars()) {
            let above = *cell;
            *cell = (diagonal + usize::from(a != b)).min(above + 1).min(before + 1);
            diagonal = above;
            before = *cell;
        }
        if let Some(first) = previous.first_mut() {
            *first = row + 1;
        }
    }
    previous.last().copied().unwrap_or(0)
}

/// What a label is, in the words of an explanation.
fn has(value: Option<&str>, key: &str) -> String {
    value.map_or_else(|| format!("no label {key}"), |value| format!("{key}={value}"))
}

/// `label app=frontend wanted, pod has app=front-end`.
impl fmt::Display for Unmet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = |part: &Part| match part {
            Part::Subject => "policy's subject: ",
            Part::Peer => "",
        };
        match self {
            Self::Label { part, wanted, has: value } => {
                write!(f, "{}label {wanted} wanted, pod has {}", whose(part), has(*value, &wanted.key))
            }
            Self::NamespaceLabel { part, wanted, has: value } => {
                write!(
                    f,
                    "{}namespace label {wanted} wanted, namespace has {}",
                    whose(part),
                    has(*value, &wanted.key)
                )
            }
            Self::Namespace { wanted, has } => write!(f, "namespace {wanted} wanted, pod is in {has}"),
            Self::NothingKnown { part } => {
                write!(f, "{}a selector is to match, nothing is known of the pod", whose(part))
            }
            Self::NoPod => {
                f.write_str("pods wanted, selectors never match an address, a node or the host network")
            }
            Self::NoNode => f.write_str("a node wanted, the other end is none"),
            Self::NodeLabel { wanted, has: value } => {
                write!(f, "node label {wanted} wanted, node has {}", has(*value, &wanted.key))
            }
            Self::NoAddress { cidr } => write!(f, "an address in {cidr} wanted, none is known"),
            Self::Outside { cidr, address } => write!(f, "an address in {cidr} wanted, {address} is outside"),
            Self::Excepted { cidr, except, address } => {
                write!(f, "{address} is in {cidr} but in its exception {except}")
            }
            Self::Family { cidr, address, asked } => {
                write!(f, "{address} is in {cidr}, but this connection is over {asked}")
            }
            Self::Domain { name } => write!(f, "{name} wanted, what it resolves to is not known"),
            Self::Entity { wanted } => write!(f, "{} wanted, the other end is another", wanted.name()),
            Self::OtherNamespace => f.write_str("a pod of the same namespace wanted"),
            Self::NotSame { keys } => {
                write!(f, "a namespace with the same {} wanted", keys.join(", "))
            }
            Self::OwnEnd => f.write_str("the rule wants more of the policy's own end"),
            Self::LeftOut => f.write_str("the rule leaves out just this port"),
            Self::ExceptedPeer => f.write_str("the rule leaves out just this end"),
            Self::Nobody => f.write_str("the peer matches nobody"),
            Self::UnknownPeer => f.write_str("a peer that npv does not know allows nothing"),
            Self::Protocol { wanted, asked } => {
                let names: Vec<&str> = wanted.iter().map(|protocol| protocol.name()).collect();
                write!(f, "protocol {} wanted, {asked} asked", names.join(" or "))
            }
            Self::Port { wanted, protocol, port } => {
                write!(f, "port {wanted} wanted, {protocol} {port} asked")
            }
            Self::NamedPort { name, protocol } => {
                let protocol = protocol.map_or("", Protocol::name);
                let space = if protocol.is_empty() { "" } else { " " };
                write!(f, "{protocol}{space}port named {name} wanted, the destination declares none")
            }
            Self::Outranked { by } => write!(f, "{by} decides first"),
        }
    }
}
