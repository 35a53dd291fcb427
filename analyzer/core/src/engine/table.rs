//! What the policies let one class of endpoints send or receive.

use std::sync::Arc;

use npv_models::policy::{Action, Direction, Mode, NoMatch, Participation};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::classes::Classes;
use super::relation::Relation;
use super::set::ClassSet;
use super::traffic::{TrafficId, TrafficTable};
use super::vocabulary::{PeerTerm, RuleTerms, TierTerms, Vocabulary};

/// A rule with its peers as a set of classes.
#[derive(Debug)]
struct Compiled {
    action: Action,
    /// Peers and traffic; parts may overlap.
    parts: Vec<(Arc<ClassSet>, TrafficId)>,
    /// For ingress: the peers, and the named ports that are looked up on the subject.
    named: Option<(Arc<ClassSet>, Vec<u32>)>,
}

/// The policies of a tier, ready to be evaluated.
struct CompiledTier {
    mode: Mode,
    participation: Participation,
    no_match: NoMatch,
    /// Per policy, the rules by direction.
    policies: Vec<[Option<Vec<Compiled>>; 2]>,
    /// The policies of each subject, ascending, by direction.
    by_subject: [FxHashMap<u32, Vec<u32>>; 2],
}

/// What a class may send or receive, and whether some tier isolates it (S-3).
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) allowed: Relation,
    pub(crate) isolated: bool,
}

/// The tables of all classes for one direction; classes to which the same policies apply share one.
#[derive(Debug)]
pub(crate) struct Tables {
    /// The table of each class.
    pub(crate) of: Vec<u32>,
    pub(crate) tables: Vec<Table>,
}

/// All policies, compiled.
pub(crate) struct Program<'a> {
    classes: &'a Classes,
    traffic: &'a TrafficTable,
    everybody: Arc<ClassSet>,
    layers: Vec<Vec<CompiledTier>>,
    /// Selectors that are the subject of a policy, by direction.
    subjects: [FxHashSet<u32>; 2],
    /// Subjects of policies whose ingress rules name ports.
    names_ports: FxHashSet<u32>,
}

const fn side(direction: Direction) -> usize {
    match direction {
        Direction::Ingress => 0,
        Direction::Egress => 1,
    }
}

/// What decides a table: the subjects that select the class, what its named ports are where that
/// matters, and whether policies apply to it at all.
type Key = (bool, Vec<u32>, Option<u32>);

impl<'a> Program<'a> {
    /// Compiles the rules of a vocabulary.
    pub(crate) fn new(vocabulary: &Vocabulary<'_>, classes: &'a Classes, traffic: &'a TrafficTable) -> Self {
        let everybody = Arc::new(ClassSet::range(0..classes.len()));
        let shared = Shared {
            classes,
            everybody: &everybody,
            by_selector: classes.by_selector.iter().cloned().map(Arc::new).collect(),
            unresolved: Arc::new(
                ClassSet::range(classes.domains.clone()).union(&ClassSet::range(classes.outside.clone())),
            ),
        };
        let layers: Vec<Vec<CompiledTier>> = vocabulary
            .layers
            .iter()
            .map(|tiers| tiers.iter().map(|tier| shared.tier(tier)).collect())
            .collect();
        let mut subjects = [FxHashSet::default(), FxHashSet::default()];
        let mut names_ports = FxHashSet::default();
        for policy in vocabulary.layers.iter().flatten().flat_map(|tier| &tier.policies) {
            for direction in Direction::ALL {
                if let (Some(_), Some(subjects)) =
                    (policy.rules(direction), subjects.get_mut(side(direction)))
                {
                    subjects.insert(policy.subject);
                }
            }
            if policy.ingress.iter().flatten().any(|rule| !rule.names.is_empty()) {
                names_ports.insert(policy.subject);
            }
        }
        Self { classes, traffic, everybody, layers, subjects, names_ports }
    }

    /// The tables of all classes.
    pub(crate) fn tables(&self, direction: Direction) -> Tables {
        let mut numbers: FxHashMap<Key, u32> = FxHashMap::default();
        let mut keys = Vec::new();
        let of: Vec<u32> = self
            .classes
            .signatures
            .iter()
            .map(|signature| {
                let subjects = self.subjects.get(side(direction));
                let selectors = self.classes.selectors_of.get(signature.selectors).iter().copied();
                let selectors: Vec<u32> =
                    selectors.filter(|selector| subjects.is_some_and(|all| all.contains(selector))).collect();
                let asks = direction == Direction::Ingress
                    && selectors.iter().any(|selector| self.names_ports.contains(selector));
                let key = (signature.subject, selectors, asks.then_some(signature.names));
                *numbers.entry(key).or_insert_with_key(|key| {
                    keys.push(key.clone());
                    keys.len() as u32 - 1
                })
            })
            .collect();
        let tables = keys.par_iter().map(|key| self.table(key, direction)).collect();
        Tables { of, tables }
    }

    fn table(&self, (subject, selectors, names): &Key, direction: Direction) -> Table {
        let everything = || Relation::of((*self.everybody).clone(), TrafficId::ALL);
        let mut table = Table { allowed: everything(), isolated: false };
        if !subject {
            return table;
        }
        let ports = names.and_then(|names| self.classes.ports_of.get(names as usize));
        let ports = ports.map_or(&[][..], Vec::as_slice);
        for layer in &self.layers {
            let mut undecided = everything();
            let mut allowed = Relation::default();
            for tier in layer {
                let policies = tier.applying(selectors, direction);
                if tier.participation == Participation::Selected {
                    // S-3: without a policy that selects it, an endpoint is not isolated.
                    if policies.is_empty() {
                        continue;
                    }
                    table.isolated = true;
                }
                undecided = self.tier(tier, &policies, direction, ports, undecided, &mut allowed);
            }
            // S-60: what no tier has decided is allowed.
            allowed.add_all(undecided, self.traffic);
            table.allowed = table.allowed.intersection(&allowed, self.traffic);
        }
        table.allowed = table.allowed.canonical();
        table
    }

    /// Takes from what is undecided all that a tier decides, adds what it allows, and returns what it
    /// leaves to the next tier.
    fn tier(
        &self,
        tier: &CompiledTier,
        policies: &[u32],
        direction: Direction,
        ports: &[(u32, TrafficId)],
        mut undecided: Relation,
        allowed: &mut Relation,
    ) -> Relation {
        let rules: Vec<&Compiled> = policies
            .iter()
            .filter_map(|policy| tier.policies.get(*policy as usize)?.get(side(direction))?.as_ref())
            .flatten()
            .collect();
        let with = |action: Action| -> (Action, Vec<&Compiled>) {
            (action, rules.iter().filter(|rule| rule.action == action).copied().collect())
        };
        // Rules of one stage do not depend on their order.
        let stages = match tier.mode {
            Mode::Union => vec![with(Action::Allow)],
            Mode::DenyWins => vec![with(Action::Deny), with(Action::Allow), with(Action::Pass)],
            Mode::FirstMatch => {
                let mut stages: Vec<(Action, Vec<&Compiled>)> = Vec::new();
                for rule in rules {
                    match stages.last_mut() {
                        Some((action, same)) if *action == rule.action => same.push(rule),
                        _ => stages.push((rule.action, vec![rule])),
                    }
                }
                stages
            }
        };
        let mut passed = Relation::default();
        for (action, rules) in stages {
            let parts = rules.iter().flat_map(|rule| {
                let fixed = rule.parts.iter().map(|(peers, traffic)| (&**peers, *traffic));
                let named = rule
                    .named
                    .iter()
                    .flat_map(|(peers, names)| names.iter().map(|name| (&**peers, lookup(ports, *name))));
                fixed.chain(named)
            });
            let matching = Relation::union_of(parts, self.traffic);
            match action {
                Action::Allow => {
                    allowed.add_all(undecided.intersection(&matching, self.traffic), self.traffic);
                }
                Action::Pass => passed.add_all(undecided.intersection(&matching, self.traffic), self.traffic),
                Action::Deny => {}
                Action::Log => continue,
            }
            undecided = undecided.difference(&matching, self.traffic);
        }
        match tier.no_match {
            NoMatch::NextTier => passed.add_all(undecided, self.traffic),
            NoMatch::Allow => allowed.add_all(undecided, self.traffic),
            NoMatch::Deny => {}
        }
        passed
    }
}

/// What a named port is; nothing where there is none of the name.
fn lookup(ports: &[(u32, TrafficId)], name: u32) -> TrafficId {
    let found = ports.iter().find(|(known, _)| *known == name);
    found.map_or(TrafficId::NONE, |(_, traffic)| *traffic)
}

impl CompiledTier {
    /// The policies, in evaluation order, with one of these subjects.
    fn applying(&self, subjects: &[u32], direction: Direction) -> Vec<u32> {
        let by_subject = self.by_subject.get(side(direction));
        let mut policies: Vec<u32> =
            subjects.iter().filter_map(|subject| by_subject?.get(subject)).flatten().copied().collect();
        policies.sort_unstable();
        policies
    }
}

/// What compiling rules needs.
struct Shared<'a> {
    classes: &'a Classes,
    everybody: &'a Arc<ClassSet>,
    by_selector: Vec<Arc<ClassSet>>,
    /// Addresses and domains: what a domain can be.
    unresolved: Arc<ClassSet>,
}

impl Shared<'_> {
    fn tier(&self, tier: &TierTerms) -> CompiledTier {
        let compile = |rules: Option<&[RuleTerms]>, direction| {
            rules.map(|rules| rules.iter().map(|rule| self.rule(rule, direction)).collect())
        };
        let policies = tier.policies.par_iter().map(|policy| {
            [Direction::Ingress, Direction::Egress]
                .map(|direction| compile(policy.rules(direction), direction))
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
            policies: policies.collect(),
            by_subject,
        }
    }

    fn rule(&self, rule: &RuleTerms, direction: Direction) -> Compiled {
        let peers = match &rule.peers {
            None => self.everybody.clone(),
            Some(peers) => self.peers(peers, rule.action),
        };
        let mut parts = Vec::new();
        if !rule.fixed.is_none() {
            parts.push((peers.clone(), rule.fixed));
        }
        let mut named = None;
        match direction {
            _ if rule.names.is_empty() => {}
            // S-24: looked up on the destination, which is the subject.
            Direction::Ingress => named = Some((peers, rule.names.clone())),
            // S-25: looked up on each destination.
            Direction::Egress => {
                for (classes, traffic) in
                    rule.names.iter().filter_map(|name| self.classes.by_name.get(*name as usize)).flatten()
                {
                    let there = peers.intersection(classes);
                    if !there.is_empty() {
                        parts.push((Arc::new(there), *traffic));
                    }
                }
            }
        }
        Compiled { action: rule.action, parts, named }
    }

    fn peers(&self, peers: &[PeerTerm], action: Action) -> Arc<ClassSet> {
        // S-67: what cannot be told is not let in, and not let past a denial.
        let closes = matches!(action, Action::Deny | Action::Pass);
        let get = |sets: &'_ [ClassSet], number: u32| {
            sets.get(number as usize).cloned().map(Arc::new).unwrap_or_default()
        };
        let sets: Vec<Arc<ClassSet>> = peers
            .iter()
            .map(|peer| match *peer {
                PeerTerm::Pods(number) => self.by_selector.get(number as usize).cloned().unwrap_or_default(),
                PeerTerm::Block(number) => get(&self.classes.by_block, number),
                PeerTerm::Nodes(number) => get(&self.classes.by_nodes, number),
                // No manifest says what a name resolves to: it can be any address outside the cluster.
                PeerTerm::Domain(_) if closes => self.unresolved.clone(),
                PeerTerm::Domain(number) => get(&self.classes.by_domain, number),
                PeerTerm::Unknown if closes => self.everybody.clone(),
                PeerTerm::Unknown => Arc::default(),
            })
            .collect();
        match <[_; 1]>::try_from(sets) {
            Ok([only]) => only,
            Err(sets) => Arc::new(ClassSet::union_of(sets.iter().map(|set| &**set))),
        }
    }
}
