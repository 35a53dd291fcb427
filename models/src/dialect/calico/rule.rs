//! Rules (C-14, C-46 to C-57).

use super::side::{Members, Side, all_of};
use super::world::World;
use crate::k8s::{CalicoAction, CalicoPort, CalicoRule, Icmp, Spanned};
use crate::policy::{Action, Direction, PeerMatch, Peers, PortItem, PortMatch, Ports, Provenance, Rule};
use crate::space::{PortSet, Protocol, Traffic, icmp_messages};

/// Ports that clients take for themselves; what is below needs privileges (C-57).
const EPHEMERAL: (u16, u16) = (1024, u16::MAX);

/// The IR of a rule of a policy in this namespace, or of one in none: several rules where ports depend on who is
/// at the destination. They follow each other and do the same.
pub(super) fn lower(
    world: &World<'_>,
    namespace: &str,
    direction: Direction,
    (index, rule): (usize, &CalicoRule),
) -> Vec<Rule> {
    let path = format!("spec.{direction}[{index}]");
    let action = match rule.action {
        CalicoAction::Allow => Action::Allow,
        CalicoAction::Deny => Action::Deny,
        CalicoAction::Pass => Action::Pass,
        CalicoAction::Log => Action::Log,
    };
    let lowering = Lowering { world, direction, rule, path: &path, traffic: traffic(rule) };
    let safe = matches!(action, Action::Deny | Action::Pass);
    let [source_at, destination_at] = rule.places;
    let (source_path, destination_path) = (format!("{path}.source"), format!("{path}.destination"));
    let mut source = Side::new(world, namespace, &rule.source, (&source_path, source_at), safe);
    let destination =
        Side::new(world, namespace, &rule.destination, (&destination_path, destination_at), safe);
    // C-55: both ends of a packet are of one family.
    if let Some(family) = rule.family {
        let block = PeerMatch::Block { cidr: all_of(family), except: Vec::new() };
        source.require(block, Provenance { path: format!("{path}.ipVersion").into(), span: rule.span });
    }
    // C-48: of clients, any port.
    if let Some(services) = &rule.source.services {
        let who = world.endpoints(&services.value).into_iter().map(|endpoints| endpoints.who).collect();
        let at = Provenance { path: format!("{source_path}.services").into(), span: services.span };
        source.require(PeerMatch::Any(who), at);
    }
    let (action, traffic) = match from_ports(rule) {
        Clients::All => (action, lowering.traffic.clone()),
        Clients::Some if action == Action::Log => (action, lowering.traffic.clone()),
        Clients::Some => (Action::Unknown, lowering.traffic.clone()),
        Clients::None => (action, Traffic::NONE),
    };
    let lowering = Lowering { traffic, ..lowering };
    lowering.rules(action, &source, destination)
}

struct Lowering<'a> {
    world: &'a World<'a>,
    direction: Direction,
    rule: &'a CalicoRule,
    path: &'a str,
    /// What the protocol leaves, without a look at ports.
    traffic: Traffic,
}

impl Lowering<'_> {
    fn rules(&self, action: Action, source: &Side, mut destination: Side) -> Vec<Rule> {
        let entity = &self.rule.destination;
        let from = source.peers(Members::All);
        let at = |span| Provenance { path: format!("{}.destination.services", self.path).into(), span };
        if let Some(services) = &entity.services {
            // Each with ports of its own. No endpoint at all is a rule that matches nothing.
            let endpoints = self.world.endpoints(&services.value);
            let at = at(services.span);
            if endpoints.is_empty() {
                destination.require(PeerMatch::Any(Vec::new()), at);
                return vec![self.rule(action, from, destination.peers(Members::All), self.ports(true))];
            }
            let rest = destination.peers(Members::All);
            let rules = endpoints.into_iter().map(|endpoints| {
                let to = both(&rest, endpoints.who, &at);
                let items = endpoints.ports.into_iter().filter_map(|port| self.limited(port));
                let items = items.map(|matches| PortItem { matches, requests: None, provenance: at.clone() });
                self.rule(action, from.clone(), to, Ports::Listed(items.collect()))
            });
            return rules.collect();
        }
        let named = |ports: &[Spanned<CalicoPort>]| {
            ports.iter().any(|port| matches!(port.value, CalicoPort::Name(_)))
        };
        let names = named(&entity.ports) || named(&entity.not_ports);
        if !(names && destination.has_others()) {
            return vec![self.rule(action, from, destination.peers(Members::All), self.ports(true))];
        }
        // C-52: a name stands for ports of the pods that the selectors match by themselves.
        let mut rules =
            vec![self.rule(action, from.clone(), destination.peers(Members::Pods), self.ports(true))];
        let only_names = !entity.ports.is_empty()
            && entity.ports.iter().all(|port| matches!(port.value, CalicoPort::Name(_)));
        if !only_names {
            let mut others = self.rule(action, from, destination.peers(Members::Others), self.ports(false));
            others.not_ports.retain(|item| matches!(item.matches, PortMatch::Numbers(_)));
            rules.push(others);
        }
        rules
    }

    fn rule(&self, action: Action, from: Peers, to: Peers, ports: Ports) -> Rule {
        let (own, peers) = match self.direction {
            Direction::Ingress => (to, from),
            Direction::Egress => (from, to),
        };
        let provenance = Provenance { path: self.path.into(), span: self.rule.span };
        let not_ports = self.items(&self.rule.destination.not_ports, "destination.notPorts", true);
        Rule { own, peers, ports, not_ports, ..Rule::new(action, provenance) }
    }

    /// The ports of the destination, those with names among them or not.
    fn ports(&self, names: bool) -> Ports {
        let ports = &self.rule.destination.ports;
        if !ports.is_empty() {
            return Ports::Listed(self.items(ports, "destination.ports", names));
        }
        if self.traffic == Traffic::everything() {
            return Ports::All;
        }
        let (name, span) = match (&self.rule.protocol, &self.rule.not_protocol) {
            (Some(protocol), _) => ("protocol", protocol.span),
            (None, Some(protocol)) => ("notProtocol", protocol.span),
            (None, None) => ("source.ports", self.rule.span),
        };
        let provenance = Provenance { path: format!("{}.{name}", self.path).into(), span };
        let matches = PortMatch::Numbers(self.traffic.clone());
        Ports::Listed(vec![PortItem { matches, requests: None, provenance }])
    }

    fn items(&self, ports: &[Spanned<CalicoPort>], list: &str, names: bool) -> Vec<PortItem> {
        let items = ports.iter().enumerate().filter_map(|(index, port)| {
            let protocol = self.rule.protocol?.value.transport()?;
            let matches = match &port.value {
                CalicoPort::Numbers(range) => {
                    PortMatch::Numbers(Traffic::of(protocol, PortSet::range(*range.start(), *range.end())))
                }
                CalicoPort::Name(_) if !names => return None,
                CalicoPort::Name(name) => PortMatch::Named { protocol: Some(protocol), name: name.clone() },
            };
            let path = format!("{}.{list}[{index}]", self.path);
            let provenance = Provenance { path: path.into(), span: port.span };
            Some(PortItem { matches: self.limited(matches)?, requests: None, provenance })
        });
        items.collect()
    }

    /// As much of some ports as is of the rule's protocols; `None` where that is nothing.
    fn limited(&self, port: PortMatch) -> Option<PortMatch> {
        match port {
            PortMatch::Numbers(traffic) => {
                let traffic = traffic.intersection(&self.traffic);
                (!traffic.is_empty()).then_some(PortMatch::Numbers(traffic))
            }
            PortMatch::Named { protocol: Some(protocol), .. } if self.traffic.ports(protocol).is_empty() => {
                None
            }
            named @ PortMatch::Named { .. } => Some(named),
        }
    }
}

/// Peers of which this is true, too.
fn both(peers: &Peers, who: PeerMatch, at: &Provenance) -> Peers {
    let peer = |matches| vec![crate::policy::Peer { matches, provenance: at.clone() }];
    match peers {
        Peers::Anyone => Peers::Listed(peer(who)),
        Peers::Listed(listed) => {
            let any = PeerMatch::Any(listed.iter().map(|peer| peer.matches.clone()).collect());
            Peers::Listed(peer(PeerMatch::All(vec![any, who])))
        }
    }
}

/// What `protocol`, `notProtocol`, `icmp` and `notICMP` leave (C-53, C-54).
fn traffic(rule: &CalicoRule) -> Traffic {
    let of_number = |number: u8| {
        let protocol = match number {
            1 => Protocol::Icmp,
            6 => Protocol::Tcp,
            17 => Protocol::Udp,
            58 => Protocol::Icmpv6,
            132 => Protocol::Sctp,
            // No other protocol is part of any answer.
            _ => return Traffic::NONE,
        };
        Traffic::of(protocol, PortSet::full())
    };
    let mut traffic =
        rule.protocol.map_or_else(Traffic::everything, |protocol| of_number(protocol.value.number()));
    if let Some(protocol) = rule.not_protocol {
        traffic = traffic.difference(&of_number(protocol.value.number()));
    }
    // The kernel matches messages of ICMP in nothing but ICMP, also where they are to be others.
    if let Some(icmp) = rule.icmp {
        traffic = traffic.intersection(&messages(icmp.value));
    }
    if let Some(icmp) = rule.not_icmp {
        traffic = traffic.intersection(&messages(Icmp::default())).difference(&messages(icmp.value));
    }
    traffic
}

fn messages(icmp: Icmp) -> Traffic {
    let numbers = icmp.kind.map_or_else(PortSet::full, |kind| icmp_messages(kind, icmp.code));
    Traffic::of(Protocol::Icmp, numbers.clone()).union(&Traffic::of(Protocol::Icmpv6, numbers))
}

/// Of how many clients the ports of the source are (C-57).
enum Clients {
    All,
    Some,
    None,
}

/// A client takes a port that nobody knows before.
fn from_ports(rule: &CalicoRule) -> Clients {
    let numbers = |ports: &[Spanned<CalicoPort>]| {
        let ranges = ports.iter().filter_map(|port| match &port.value {
            CalicoPort::Numbers(range) => Some((*range.start(), *range.end())),
            // What pods declare under a name is what they serve.
            CalicoPort::Name(_) => None,
        });
        PortSet::from_intervals(ranges)
    };
    let (ports, not_ports) = (&rule.source.ports, &rule.source.not_ports);
    let wanted = if ports.is_empty() { PortSet::full() } else { numbers(ports) };
    let wanted = wanted.difference(&numbers(not_ports));
    let ephemeral = PortSet::range(EPHEMERAL.0, EPHEMERAL.1);
    if ephemeral.is_subset(&wanted) {
        Clients::All
    } else if ephemeral.intersects(&wanted) {
        Clients::Some
    } else {
        Clients::None
    }
}
