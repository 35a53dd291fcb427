//! What the policies let one class of endpoints send or receive.

use std::ops::Range;
use std::sync::Arc;

use npv_models::policy::{Action, Direction, Mode, NoMatch, Participation};
use npv_models::space::{Family, Traffic};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::blocks::{Block, blocks};
use super::classes::{Classes, Subject};
use super::compile::{Compiled, CompiledTier, compile, side};
use super::lists::Lists;
use super::relation::Relation;
use super::set::ClassSet;
use super::traffic::{TrafficId, TrafficTable};
use super::vocabulary::Vocabulary;

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

/// What decides a table: whether policies apply to the class at all, the subjects that select it, and
/// what its named ports are where that matters.
type Key = (Subject, Vec<u32>, Option<u32>);

impl<'a> Program<'a> {
    /// Compiles the rules of a vocabulary; with a family, blocks of the other one match no pod and
    /// no node (S-19).
    pub(crate) fn new(
        vocabulary: &Vocabulary<'_>,
        classes: &'a Classes,
        traffic: &'a TrafficTable,
        family: Option<Family>,
    ) -> Self {
        let everybody = Arc::new(ClassSet::range(0..classes.len()));
        let layers = compile(vocabulary, classes, family, &everybody);
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
        if *subject == Subject::No {
            return Table {
                allowed: Relation::of((*self.everybody).clone(), TrafficId::ALL),
                isolated: false,
            };
        }
        let mut plan = Plan::default();
        let mut layers: Vec<Vec<Stage>> = Vec::with_capacity(self.layers.len());
        for tiers in &self.layers {
            layers.push(
                tiers.iter().filter_map(|tier| plan.tier(tier, *subject, selectors, direction)).collect(),
            );
        }
        let rules_of = Lists::positions(plan.sets.len(), plan.rules.iter().map(|(_, set)| *set));

        // Where rules name ports, destinations differ in what these are (S-25).
        let apart: Vec<ClassSet> = match direction {
            Direction::Ingress => Vec::new(),
            Direction::Egress => plan.named().flat_map(|(peers, name)| self.declaring(peers, name)).collect(),
        };
        let domains = match direction {
            Direction::Ingress => ClassSet::default(),
            Direction::Egress => ClassSet::range(self.classes.domains.clone()),
        };
        let named = (!domains.is_empty()).then_some(&domains);
        // A tier that does not see pods on the host network sees no ports of theirs either.
        let hosts = &self.classes.hosts;
        let blind = layers.iter().flatten().any(|stage| !stage.sees_hosts);
        let hosts = (blind && !apart.is_empty() && !hosts.is_empty()).then_some(hosts);
        let sets: Vec<&ClassSet> =
            plan.sets.iter().copied().chain(&apart).chain(named).chain(hosts).collect();
        let own = names.and_then(|names| self.ports_of(names));
        let blocks = blocks(self.classes.len(), &sets);
        // What a large table meets on the way is not worth remembering, and too much to.
        let large = blocks.len() > 256;
        let hits_of = |block: &Block| {
            let mut hits: Vec<u32> = block.sets.iter().flat_map(|set| rules_of.get(*set)).copied().collect();
            hits.sort_unstable();
            hits
        };
        let addresses = ClassSet::range(self.classes.outside.clone());
        let addresses: Vec<Vec<u32>> = match named {
            Some(_) => {
                blocks.iter().filter(|block| block.peers.intersects(&addresses)).map(hits_of).collect()
            }
            None => Vec::new(),
        };
        let answer = |block: &Block| {
            let scratch = large.then(TrafficTable::default);
            let there = block.peers.first().and_then(|first| self.classes.signatures.get(first as usize));
            let (ports, on_host) = match direction {
                Direction::Ingress => (own, *subject == Subject::Host),
                Direction::Egress => (
                    there.and_then(|there| self.ports_of(there.names)),
                    there.is_some_and(|there| there.subject == Subject::Host),
                ),
            };
            let allowed = |hits: &[u32]| {
                let run = Evaluation {
                    rules: &plan.rules,
                    hits,
                    ports: ports.unwrap_or_default(),
                    on_host,
                    known: self.traffic,
                    table: scratch.as_ref().unwrap_or(self.traffic),
                };
                run.allowed(&layers)
            };
            let hits = hits_of(block);
            if !block.peers.intersects(&domains) {
                return allowed(&hits);
            }
            // S-64: a name can resolve to any address, and what passes is what passes to every one of
            // them: there the rules for the name are asked together with those for the address.
            addresses.iter().fold(TrafficId::ALL, |total, there| {
                let mut both: Vec<u32> = hits.iter().chain(there).copied().collect();
                both.sort_unstable();
                both.dedup();
                self.traffic.intersection(total, allowed(&both))
            })
        };
        let answers: Vec<TrafficId> =
            if large { blocks.par_iter().map(answer).collect() } else { blocks.iter().map(answer).collect() };
        let rows = blocks.into_iter().map(|block| block.peers).zip(answers);
        Table { allowed: Relation::from_disjoint(rows), isolated: plan.isolated }
    }

    fn ports_of(&self, names: u32) -> Option<&[(u32, TrafficId)]> {
        self.classes.ports_of.get(names as usize).map(Vec::as_slice)
    }

    /// Some peers by what a named port is on them.
    fn declaring(&self, peers: &ClassSet, name: u32) -> impl Iterator<Item = ClassSet> {
        let rows = self.classes.by_name.get(name as usize).into_iter().flatten();
        rows.map(move |(classes, _)| peers.intersection(classes)).filter(|peers| !peers.is_empty())
    }
}

/// The rules that apply to a class, as far as they do not depend on the peer.
#[derive(Default)]
struct Plan<'p> {
    /// The rules, each with the number of its peers among `sets`.
    rules: Vec<(&'p Compiled, u32)>,
    /// The different sets of peers.
    sets: Vec<&'p ClassSet>,
    numbers: FxHashMap<&'p ClassSet, u32>,
    isolated: bool,
}

/// A tier that the class takes part in.
struct Stage {
    mode: Mode,
    no_match: NoMatch,
    sees_hosts: bool,
    /// The numbers of its rules, in evaluation order.
    rules: Range<u32>,
}

impl<'p> Plan<'p> {
    /// A tier that the class takes part in.
    fn tier(
        &mut self,
        tier: &'p CompiledTier,
        subject: Subject,
        selectors: &[u32],
        direction: Direction,
    ) -> Option<Stage> {
        // S-63: policies do not apply to whom the tier does not see.
        if subject == Subject::Host && !tier.sees_hosts {
            return None;
        }
        let policies = tier.applying(selectors, direction);
        if tier.participation == Participation::Selected {
            // S-3: without a policy that selects it, an endpoint is not isolated.
            if policies.is_empty() {
                return None;
            }
            self.isolated = true;
        }
        let first = self.rules.len() as u32;
        for rule in policies.iter().flat_map(|policy| tier.rules(*policy, direction)) {
            let next = self.sets.len() as u32;
            let number = *self.numbers.entry(&rule.peers).or_insert(next);
            if number == next {
                self.sets.push(&rule.peers);
            }
            self.rules.push((rule, number));
        }
        let rules = first..self.rules.len() as u32;
        Some(Stage { mode: tier.mode, no_match: tier.no_match, sees_hosts: tier.sees_hosts, rules })
    }

    /// Peers, and the named port that some rule asks of them.
    fn named(&self) -> impl Iterator<Item = (&'p ClassSet, u32)> {
        let mut known = FxHashSet::default();
        let named = self.rules.iter().flat_map(|(rule, set)| {
            let peers: &'p ClassSet = &rule.peers;
            rule.names.iter().map(move |name| (*set, peers, *name))
        });
        named.filter(move |(set, _, name)| known.insert((*set, *name))).map(|(_, peers, name)| (peers, name))
    }
}

/// One class and the peers of one block.
struct Evaluation<'a> {
    rules: &'a [(&'a Compiled, u32)],
    /// The rules, ascending, whose peers they are.
    hits: &'a [u32],
    /// What the named ports are on the destination.
    ports: &'a [(u32, TrafficId)],
    /// It is a pod on the host network.
    on_host: bool,
    /// What rules speak of, and what the answer is for.
    known: &'a TrafficTable,
    /// What is met on the way.
    table: &'a TrafficTable,
}

impl Evaluation<'_> {
    /// What passes all layers.
    fn allowed(&self, layers: &[Vec<Stage>]) -> TrafficId {
        let mut total = TrafficId::ALL;
        for tiers in layers {
            let mut undecided = TrafficId::ALL;
            let mut allowed = TrafficId::NONE;
            for tier in tiers {
                undecided = self.tier(tier, undecided, &mut allowed);
            }
            // S-60: what no tier has decided is allowed.
            total = self.table.intersection(total, self.table.union(allowed, undecided));
        }
        if self.remembers() { total } else { self.known.intern(self.table.get(total).clone()) }
    }

    /// Takes from what is undecided all that a tier decides, adds what it allows, and returns what it
    /// leaves to the next tier.
    fn tier(&self, tier: &Stage, mut undecided: TrafficId, allowed: &mut TrafficId) -> TrafficId {
        let table = self.table;
        let from = self.hits.partition_point(|hit| *hit < tier.rules.start);
        let to = self.hits.partition_point(|hit| *hit < tier.rules.end);
        let hits = self.hits.get(from..to).unwrap_or_default();
        let rules: Vec<&Compiled> =
            hits.iter().filter_map(|hit| self.rules.get(*hit as usize)).map(|(rule, _)| *rule).collect();
        let mut passed = TrafficId::NONE;
        let mut decide = |action: Action, matching: TrafficId| {
            let decided = table.intersection(undecided, matching);
            match action {
                Action::Allow => *allowed = table.union(*allowed, decided),
                Action::Pass => passed = table.union(passed, decided),
                Action::Deny => {}
                // S-61: the next rule is asked.
                Action::Log => return,
            }
            undecided = table.difference(undecided, decided);
        };
        let ports = if self.on_host && !tier.sees_hosts { &[] } else { self.ports };
        let all = |action: Action| self.matching(rules.iter().filter(|rule| rule.action == action), ports);
        match tier.mode {
            Mode::Union => decide(Action::Allow, all(Action::Allow)),
            Mode::DenyWins => {
                for action in [Action::Deny, Action::Allow, Action::Pass] {
                    decide(action, all(action));
                }
            }
            // Neighbours with the same action do not depend on their order.
            Mode::FirstMatch => {
                for alike in rules.chunk_by(|one, next| one.action == next.action) {
                    if let Some(first) = alike.first() {
                        decide(first.action, self.matching(alike.iter(), ports));
                    }
                }
            }
        }
        match tier.no_match {
            NoMatch::NextTier => passed = table.union(passed, undecided),
            NoMatch::Allow => *allowed = table.union(*allowed, undecided),
            NoMatch::Deny => {}
        }
        passed
    }

    /// What any of some rules matches, at a destination with these named ports.
    fn matching<'r>(
        &self,
        rules: impl Iterator<Item = &'r &'r Compiled>,
        ports: &[(u32, TrafficId)],
    ) -> TrafficId {
        let traffic = rules.flat_map(|rule| {
            let named = rule.names.iter().filter_map(|name| ports.iter().find(|(known, _)| known == name));
            named.map(|(_, traffic)| *traffic).chain([rule.fixed])
        });
        if self.remembers() {
            return self.table.union_of(traffic);
        }
        let mut ids: Vec<TrafficId> = traffic.collect();
        ids.sort_unstable();
        ids.dedup();
        self.table.intern(Traffic::union_of(&ids.iter().map(|id| self.known.get(*id))))
    }

    /// Whether what is met on the way is kept.
    fn remembers(&self) -> bool {
        std::ptr::eq(self.known, self.table)
    }
}
