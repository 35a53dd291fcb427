//! Rules with their peers as sets of classes.

use std::sync::Arc;

use npv_models::policy::{Action, Direction, Mode, NoMatch, Participation, Profile};
use npv_models::space::{Family, IpSet};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::classes::Classes;
use super::set::ClassSet;
use super::traffic::TrafficId;
use super::vocabulary::{PeerTerm, RuleTerms, TierTerms, Vocabulary};

/// A rule.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) action: Action,
    pub(crate) peers: Arc<ClassSet>,
    /// The ports that are given by number.
    pub(crate) fixed: TrafficId,
    /// Numbers of the named ports, which are looked up on the destination (S-24).
    pub(crate) names: Vec<u32>,
}

/// The policies of a tier, ready to be evaluated.
#[derive(Debug)]
pub(crate) struct CompiledTier {
    pub(crate) mode: Mode,
    pub(crate) participation: Participation,
    pub(crate) no_match: NoMatch,
    /// Selectors and named ports see pods on the host network here (S-37).
    pub(crate) sees_hosts: bool,
    /// Per policy, the rules by direction.
    policies: Vec<[Vec<Compiled>; 2]>,
    /// The policies of each subject, ascending, by direction.
    by_subject: [FxHashMap<u32, Vec<u32>>; 2],
}

/// The place of a direction in a pair.
pub(crate) const fn side(direction: Direction) -> usize {
    match direction {
        Direction::Ingress => 0,
        Direction::Egress => 1,
    }
}

impl CompiledTier {
    /// The policies, in evaluation order, with one of these subjects.
    pub(crate) fn applying(&self, subjects: &[u32], direction: Direction) -> Vec<u32> {
        let by_subject = self.by_subject.get(side(direction));
        let mut policies: Vec<u32> =
            subjects.iter().filter_map(|subject| by_subject?.get(subject)).flatten().copied().collect();
        policies.sort_unstable();
        policies
    }

    /// The rules of a policy.
    pub(crate) fn rules(&self, policy: u32, direction: Direction) -> &[Compiled] {
        let rules = self.policies.get(policy as usize).and_then(|rules| rules.get(side(direction)));
        rules.map_or(&[], Vec::as_slice)
    }
}

/// Compiles all tiers of a vocabulary, layer by layer; with a family, blocks of the other one match no pod and
/// no node.
pub(crate) fn compile(
    vocabulary: &Vocabulary<'_>,
    classes: &Classes,
    family: Option<Family>,
    everybody: &Arc<ClassSet>,
) -> Vec<Vec<CompiledTier>> {
    let of_family = |block: &IpSet| match family {
        None => true,
        Some(Family::V4) => !block.v4().is_empty(),
        Some(Family::V6) => !block.v6().is_empty(),
    };
    let outside = ClassSet::range(classes.outside.clone());
    let blocks = classes.by_block.iter().zip(vocabulary.blocks.values());
    let blocks: Vec<ClassSet> = blocks
        .map(|(set, block)| if of_family(block) { set.clone() } else { set.intersection(&outside) })
        .collect();
    let mut compilers: Vec<(Profile, Compiler<'_>)> = Vec::new();
    let mut compile = |tier: &TierTerms| {
        let profile = tier.fixed.unwrap_or(classes.profile);
        let known = compilers.iter().position(|(other, _)| *other == profile);
        let known = known.unwrap_or_else(|| {
            compilers.push((profile, Compiler::new(classes, profile, &blocks, everybody)));
            compilers.len() - 1
        });
        compilers.get(known).map(|(_, compiler)| compiler.tier(tier, profile))
    };
    vocabulary.layers.iter().map(|tiers| tiers.iter().filter_map(&mut compile).collect()).collect()
}

/// Sets of classes for everything that a peer can be.
struct Compiler<'a> {
    everybody: &'a Arc<ClassSet>,
    selectors: Vec<Arc<ClassSet>>,
    blocks: Vec<Arc<ClassSet>>,
    nodes: Vec<Arc<ClassSet>>,
    domains: Vec<Arc<ClassSet>>,
    /// Addresses and domains: what a domain can be.
    unresolved: Arc<ClassSet>,
}

impl<'a> Compiler<'a> {
    /// With what is seen where these choices hold.
    fn new(classes: &Classes, profile: Profile, blocks: &[ClassSet], everybody: &'a Arc<ClassSet>) -> Self {
        let share = |sets: &[ClassSet], unseen: &ClassSet| -> Vec<Arc<ClassSet>> {
            let seen = |set: &ClassSet| {
                if set.intersects(unseen) { set.difference(unseen) } else { set.clone() }
            };
            sets.iter().map(|set| Arc::new(seen(set))).collect()
        };
        let nobody = ClassSet::default();
        let hosts = if profile.selectors_see_host_network { &nobody } else { &classes.hosts };
        let pods = if profile.blocks_match_pods { &nobody } else { &classes.pods };
        let domains = ClassSet::range(classes.domains.clone());
        let outside = ClassSet::range(classes.outside.clone());
        Self {
            everybody,
            selectors: share(&classes.by_selector, hosts),
            blocks: share(blocks, pods),
            nodes: share(&classes.by_nodes, &nobody),
            domains: share(&classes.by_domain, &nobody),
            unresolved: Arc::new(domains.union(&outside)),
        }
    }

    fn tier(&self, tier: &TierTerms, profile: Profile) -> CompiledTier {
        let compile = |rules: Option<&[RuleTerms]>| -> Vec<Compiled> {
            rules.unwrap_or_default().iter().map(|rule| self.rule(rule)).collect()
        };
        let policies = tier.policies.par_iter().map(|policy| {
            [Direction::Ingress, Direction::Egress].map(|direction| compile(policy.rules(direction)))
        });
        let mut by_subject = [FxHashMap::<u32, Vec<u32>>::default(), FxHashMap::default()];
        for (number, policy) in (0_u32..).zip(&tier.policies) {
            for direction in Direction::ALL {
                if let (Some(_), Some(policies)) =
                    (policy.rules(direction), by_subject.get_mut(side(direction)))
                {
                    policies.entry(policy.subject).or_default().push(number);
                }
            }
        }
        CompiledTier {
            mode: tier.mode,
            participation: tier.participation,
            no_match: tier.no_match,
            sees_hosts: profile.selectors_see_host_network,
            policies: policies.collect(),
            by_subject,
        }
    }

    fn rule(&self, rule: &RuleTerms) -> Compiled {
        let peers = match &rule.peers {
            None => self.everybody.clone(),
            Some(peers) => self.peers(peers, rule.action),
        };
        Compiled { action: rule.action, peers, fixed: rule.fixed, names: rule.names.clone() }
    }

    fn peers(&self, peers: &[PeerTerm], action: Action) -> Arc<ClassSet> {
        // S-67: what cannot be told is not let in, and not let past a denial.
        let closes = matches!(action, Action::Deny | Action::Pass);
        let sets: Vec<Arc<ClassSet>> = peers
            .iter()
            .map(|peer| {
                let (sets, number) = match *peer {
                    PeerTerm::Pods(number) => (&self.selectors, number),
                    PeerTerm::Block(number) => (&self.blocks, number),
                    PeerTerm::Nodes(number) => (&self.nodes, number),
                    // No manifest says what a name resolves to: it can be any address outside.
                    PeerTerm::Domain(_) if closes => return self.unresolved.clone(),
                    PeerTerm::Domain(number) => (&self.domains, number),
                    PeerTerm::Unknown if closes => return self.everybody.clone(),
                    PeerTerm::Unknown => return Arc::default(),
                };
                sets.get(number as usize).cloned().unwrap_or_default()
            })
            .collect();
        match <[_; 1]>::try_from(sets) {
            Ok([only]) => only,
            Err(sets) => Arc::new(ClassSet::union_of(sets.iter().map(|set| &**set))),
        }
    }
}
