//! What policies can say: every distinct selector, block, name and domain once, and rules in terms of
//! their numbers.

use std::hash::Hash;

use npv_models::policy::{
    Action, Direction, Mode, NoMatch, Participation, PeerMatch, Peers, PodSelector, PolicySet, PortMatch,
    Ports, Profile, Rule,
};
use npv_models::space::{IpSet, Protocol, Selector, Traffic};
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
    pub(crate) domains: Numbered<&'p str>,
    /// The tiers of each layer.
    pub(crate) layers: Vec<Vec<TierTerms>>,
}

/// A tier.
#[derive(Debug)]
pub(crate) struct TierTerms {
    pub(crate) mode: Mode,
    pub(crate) participation: Participation,
    pub(crate) no_match: NoMatch,
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
        rules.flat_map(|rule| rule.peers.iter().flatten()).any(|peer| matches!(peer, PeerTerm::Block(_)))
    }
}

/// A policy.
#[derive(Debug)]
pub(crate) struct PolicyTerms {
    /// The number of the selector of its subject.
    pub(crate) subject: u32,
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
    /// `None` for everybody.
    pub(crate) peers: Option<Vec<PeerTerm>>,
    /// The ports that are given by number.
    pub(crate) fixed: TrafficId,
    /// Numbers of the names of ports.
    pub(crate) names: Vec<u32>,
    pub(crate) action: Action,
}

/// A peer by the number of what it says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PeerTerm {
    Pods(u32),
    Block(u32),
    Nodes(u32),
    Domain(u32),
    Unknown,
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
                    let mut rules = |rules: Option<&'p [Rule]>| {
                        rules.map(|rules| rules.iter().map(|rule| vocabulary.rule(rule, traffic)).collect())
                    };
                    let ingress = rules(policy.rules(Direction::Ingress));
                    let egress = rules(policy.rules(Direction::Egress));
                    terms.push(PolicyTerms { subject, ingress, egress });
                }
                tiers.push(TierTerms {
                    mode: tier.mode,
                    participation: tier.participation,
                    no_match: tier.no_match,
                    fixed: tier.fixed,
                    policies: terms,
                });
            }
            vocabulary.layers.push(tiers);
        }
        vocabulary
    }

    fn rule(&mut self, rule: &'p Rule, traffic: &TrafficTable) -> RuleTerms {
        let peers = match &rule.peers {
            Peers::Anyone => None,
            Peers::Listed(peers) => Some(peers.iter().map(|peer| self.peer(&peer.matches)).collect()),
        };
        let mut names = Vec::new();
        let fixed = match &rule.ports {
            Ports::All => TrafficId::ALL,
            Ports::Listed(items) => {
                let mut fixed = Traffic::NONE;
                for item in items {
                    match &item.matches {
                        PortMatch::Numbers(numbers) => fixed = fixed.union(numbers),
                        PortMatch::Named { protocol, name } => {
                            names.push(self.names.number((*protocol, name)));
                        }
                    }
                }
                names.sort_unstable();
                names.dedup();
                traffic.intern(fixed)
            }
        };
        RuleTerms { peers, fixed, names, action: rule.action }
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
            PeerMatch::Unknown => PeerTerm::Unknown,
        }
    }
}
