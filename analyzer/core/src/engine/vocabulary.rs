//! What policies can say: every distinct selector, block, name and domain once, and rules in terms of
//! their numbers.

use std::hash::Hash;

use npv_models::policy::{
    Action, Direction, Entity, Isolation, Mode, NoMatch, PeerMatch, Peers, PodSelector, PolicySet, PortItem,
    PortMatch, Ports, Profile, Rule, Same,
};
use npv_models::space::{DomainName, Family, IpSet, Protocol, RequestSet, Selector, Traffic};
use rustc_hash::FxHashMap;

use super::traffic::{TrafficId, TrafficTable};

/// Distinct values, numbered in the order in which they came.
#[derive(Clone, Debug)]
pub(crate) struct Numbered<T> {
    values: Vec<T>,
    numbers: FxHashMap<T, u32>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: FxHashMap::default() }
    }
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    /// The number of a value, a new one where it has none.
    pub(crate) fn number(&mut self, value: T) -> u32 {
        let next = self.values.len() as u32;
        let values = &mut self.values;
        *self.numbers.entry(value).or_insert_with_key(|value| {
            values.push(value.clone());
            next
        })
    }

    /// The number that a value has.
    pub(crate) fn get(&self, value: &T) -> Option<u32> {
        self.numbers.get(value).copied()
    }

    /// The values by number.
    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }
}

/// A named port as a rule asks for it; the protocol is any where `None`.
pub(crate) type PortName<'p> = (Option<Protocol>, &'p str);

/// What a set of policies speaks of.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary<'p> {
    /// Selectors of subjects and of peers.
    pub(crate) selectors: Numbered<&'p PodSelector>,
    /// Blocks less what is taken out of them.
    pub(crate) blocks: Numbered<IpSet>,
    /// Selectors of nodes.
    pub(crate) nodes: Numbered<&'p Selector>,
    /// Names of ports.
    pub(crate) names: Numbered<PortName<'p>>,
    /// Domains.
    pub(crate) domains: Numbered<&'p DomainName>,
    /// Whom policies apply to besides pods.
    pub(crate) also: Numbered<&'p PeerMatch>,
    /// What it takes to tell what an end is to the subject of a rule.
    pub(crate) relations: Relations,
    /// The tiers of each layer.
    pub(crate) layers: Vec<Vec<TierTerms>>,
    /// The tunnels of each layer.
    pub(crate) tunnels: Vec<Vec<TunnelTerms>>,
}

/// What rules compare between their subject and the other end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Relations {
    /// The nodes (K-24).
    pub(crate) nodes: bool,
    /// The namespaces.
    pub(crate) namespaces: bool,
}

impl Relations {
    /// Whether rules compare anything.
    pub(crate) fn any(self) -> bool {
        self.nodes || self.namespaces
    }
}

/// Connections that a layer sees as ones to another port.
#[derive(Debug)]
pub(crate) struct TunnelTerms {
    pub(crate) src: PeerTerm,
    pub(crate) dst: PeerTerm,
    pub(crate) port: u16,
}

/// A tier.
#[derive(Debug)]
pub(crate) struct TierTerms {
    pub(crate) mode: Mode,
    pub(crate) no_match: NoMatch,
    pub(crate) pass: Option<usize>,
    /// The choices of the network plugin that its API makes itself.
    pub(crate) fixed: Option<Profile>,
    /// In evaluation order.
    pub(crate) policies: Vec<PolicyTerms>,
}

impl TierTerms {
    /// Whether some rule of the tier is about a block of addresses.
    pub(crate) fn names_blocks(&self) -> bool {
        let rules =
            self.policies.iter().flat_map(|policy| policy.ingress.iter().chain(&policy.egress)).flatten();
        rules.flat_map(|rule| rule.peers.iter().chain(&rule.own)).any(PeerTerm::names_blocks)
    }
}

/// A policy.
#[derive(Debug)]
pub(crate) struct PolicyTerms {
    /// The number of the selector of its subject.
    pub(crate) subject: u32,
    /// What it applies to besides, with its number.
    pub(crate) also: Vec<(u32, PeerTerm)>,
    pub(crate) isolation: Isolation,
    pub(crate) ingress: Option<Vec<RuleTerms>>,
    pub(crate) egress: Option<Vec<RuleTerms>>,
}

impl PolicyTerms {
    /// The rules for a direction; `None` where the policy does not speak of it.
    pub(crate) fn rules(&self, direction: Direction) -> Option<&[RuleTerms]> {
        match direction {
            Direction::Ingress => self.ingress.as_deref(),
            Direction::Egress => self.egress.as_deref(),
        }
    }
}

/// A rule.
#[derive(Debug)]
pub(crate) struct RuleTerms {
    /// What the subject's own end has to be besides; `None` for anything.
    pub(crate) own: Option<PeerTerm>,
    /// `None` for everybody.
    pub(crate) peers: Option<PeerTerm>,
    pub(crate) ports: PortTerms,
    /// The ports that it leaves out.
    pub(crate) not_ports: PortTerms,
    pub(crate) action: Action,
}

/// Ports of a rule.
#[derive(Clone, Debug)]
pub(crate) struct PortTerms {
    /// Those that are given by number.
    pub(crate) fixed: TrafficId,
    /// Numbers of the names of the others, with the requests that they are limited to.
    pub(crate) names: Vec<(u32, Option<RequestSet>)>,
}

impl PortTerms {
    const NONE: Self = Self { fixed: TrafficId::NONE, names: Vec::new() };
    const ALL: Self = Self { fixed: TrafficId::ALL, names: Vec::new() };
}

/// A peer by the numbers of what it says.
#[derive(Clone, Debug)]
pub(crate) enum PeerTerm {
    Pods(u32),
    Block(u32),
    Nodes(u32),
    Domain(u32),
    Entity(Entity),
    Same(Same),
    All(Vec<PeerTerm>),
    Any(Vec<PeerTerm>),
    Not(Box<PeerTerm>),
    Unknown,
}

impl PeerTerm {
    fn any_term(&self, wanted: &dyn Fn(&Self) -> bool) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.any_term(wanted)),
            Self::Not(part) => part.any_term(wanted),
            term => wanted(term),
        }
    }

    fn names_blocks(&self) -> bool {
        self.any_term(&|term| matches!(term, Self::Block(_)))
    }

    /// Whether whom it matches depends on who the subject is.
    pub(crate) fn is_relative(&self) -> bool {
        self.any_term(&|term| {
            matches!(term, Self::Same(_) | Self::Entity(Entity::OwnNode | Entity::OtherNode))
        })
    }
}

/// Whether some rule speaks of ICMP, so that its messages are to be told apart from other traffic.
pub(crate) fn mentions_icmp(policies: &PolicySet) -> bool {
    let rules = policies.policies().flat_map(|(_, _, policy)| policy.ingress.iter().chain(&policy.egress));
    let mut items = rules.flatten().flat_map(|rule| {
        let listed = match &rule.ports {
            Ports::All => &[][..],
            Ports::Listed(items) => items,
        };
        listed.iter().chain(&rule.not_ports)
    });
    items.any(|item| match &item.matches {
        PortMatch::Numbers(numbers) => {
            [Protocol::Icmp, Protocol::Icmpv6].iter().any(|icmp| !numbers.ports(*icmp).is_empty())
        }
        PortMatch::Named { .. } => false,
    })
}

impl<'p> Vocabulary<'p> {
    /// Reads a set of policies; traffic goes into the table.
    pub(crate) fn of(policies: &'p PolicySet, traffic: &TrafficTable) -> Self {
        let mut vocabulary = Self::default();
        for layer in &policies.layers {
            let mut tiers = Vec::with_capacity(layer.tiers.len());
            for tier in &layer.tiers {
                let mut terms = Vec::with_capacity(tier.policies.len());
                for policy in &tier.policies {
                    let subject = vocabulary.selectors.number(&policy.subject);
                    let also = policy.also.iter().map(|end| {
                        let term = vocabulary.peer(end);
                        (vocabulary.also.number(end), term)
                    });
                    let also = also.collect();
                    let mut rules = |rules: Option<&'p [Rule]>| {
                        rules.map(|rules| rules.iter().map(|rule| vocabulary.rule(rule, traffic)).collect())
                    };
                    let ingress = rules(policy.rules(Direction::Ingress));
                    let egress = rules(policy.rules(Direction::Egress));
                    let isolation = policy.isolation;
                    terms.push(PolicyTerms { subject, also, isolation, ingress, egress });
                }
                tiers.push(TierTerms {
                    mode: tier.mode,
                    no_match: tier.no_match,
                    pass: tier.pass,
                    fixed: tier.fixed,
                    policies: terms,
                });
            }
            vocabulary.layers.push(tiers);
            let tunnels = layer.tunnels.iter().map(|tunnel| TunnelTerms {
                src: vocabulary.peer(&tunnel.src),
                dst: vocabulary.peer(&tunnel.dst),
                port: tunnel.port,
            });
            let tunnels = tunnels.collect();
            vocabulary.tunnels.push(tunnels);
        }
        if vocabulary.asks_for_own_addresses() {
            // By which of its addresses its own end is there depends on the family of the address outside, so
            // that no class of those holds both.
            vocabulary.blocks.number(IpSet::full().of(Family::V4));
        }
        vocabulary
    }

    /// Whether some rule asks in which block its policy's own end is.
    pub(crate) fn asks_for_own_addresses(&self) -> bool {
        let policies = self.layers.iter().flatten().flat_map(|tier| &tier.policies);
        let rules = policies.flat_map(|policy| policy.ingress.iter().chain(&policy.egress)).flatten();
        rules.filter_map(|rule| rule.own.as_ref()).any(PeerTerm::names_blocks)
    }

    fn rule(&mut self, rule: &'p Rule, traffic: &TrafficTable) -> RuleTerms {
        let ports = match &rule.ports {
            Ports::All => PortTerms::ALL,
            Ports::Listed(items) => self.ports(items, traffic),
        };
        RuleTerms {
            own: self.peers(&rule.own),
            peers: self.peers(&rule.peers),
            ports,
            not_ports: if rule.not_ports.is_empty() {
                PortTerms::NONE
            } else {
                self.ports(&rule.not_ports, traffic)
            },
            action: rule.action,
        }
    }

    fn peers(&mut self, peers: &'p Peers) -> Option<PeerTerm> {
        let Peers::Listed(peers) = peers else { return None };
        Some(match peers.as_slice() {
            [only] => self.peer(&only.matches),
            peers => PeerTerm::Any(peers.iter().map(|peer| self.peer(&peer.matches)).collect()),
        })
    }

    fn ports(&mut self, items: &'p [PortItem], traffic: &TrafficTable) -> PortTerms {
        let mut names = Vec::new();
        let mut fixed = Traffic::NONE;
        for item in items {
            match &item.matches {
                PortMatch::Numbers(numbers) => {
                    fixed = fixed.union(&limited(numbers, item.requests.as_ref()));
                }
                PortMatch::Named { protocol, name } => {
                    names.push((self.names.number((*protocol, name)), item.requests.clone()));
                }
            }
        }
        names.sort_unstable();
        names.dedup();
        PortTerms { fixed: traffic.intern(fixed), names }
    }

    fn peer(&mut self, peer: &'p PeerMatch) -> PeerTerm {
        match peer {
            PeerMatch::Pods(selector) => PeerTerm::Pods(self.selectors.number(selector)),
            PeerMatch::Block { cidr, except } => {
                // S-17, S-18.
                let block =
                    except.iter().fold(IpSet::net(*cidr), |block, hole| block.difference(&IpSet::net(*hole)));
                PeerTerm::Block(self.blocks.number(block))
            }
            PeerMatch::Nodes(selector) => PeerTerm::Nodes(self.nodes.number(selector)),
            PeerMatch::Domain(name) => PeerTerm::Domain(self.domains.number(name)),
            PeerMatch::Entity(entity) => {
                self.relations.nodes |= matches!(entity, Entity::OwnNode | Entity::OtherNode);
                PeerTerm::Entity(*entity)
            }
            PeerMatch::Same(same) => {
                self.relations.namespaces = true;
                PeerTerm::Same(same.clone())
            }
            PeerMatch::All(parts) => PeerTerm::All(parts.iter().map(|part| self.peer(part)).collect()),
            PeerMatch::Any(parts) => PeerTerm::Any(parts.iter().map(|part| self.peer(part)).collect()),
            PeerMatch::Not(part) => PeerTerm::Not(Box::new(self.peer(part))),
            PeerMatch::Unknown => PeerTerm::Unknown,
        }
    }
}

/// Traffic as far as it is some requests.
pub(crate) fn limited(traffic: &Traffic, requests: Option<&RequestSet>) -> Traffic {
    match requests {
        None => traffic.clone(),
        Some(requests) => traffic.limited_to(requests),
    }
}
