//! Rules with their peers as sets of classes.

use std::sync::Arc;

use npv_models::policy::{Action, Direction, Entity, Isolation, Mode, NoMatch, Profile, Same};
use npv_models::space::{Family, IpSet, Label, Labels, Truth};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::classes::{Classes, Place};
use super::set::ClassSet;
use super::vocabulary::{PeerTerm, PortTerms, RuleTerms, TierTerms, Vocabulary};

/// What certainly matches, and what may; the same set where nothing is unknown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Match {
    pub(crate) certain: Arc<ClassSet>,
    pub(crate) possible: Arc<ClassSet>,
}

impl Match {
    pub(crate) fn exactly(set: Arc<ClassSet>) -> Self {
        Self { possible: set.clone(), certain: set }
    }

    fn new(certain: ClassSet, possible: ClassSet) -> Self {
        if certain == possible {
            return Self::exactly(Arc::new(certain));
        }
        Self { certain: Arc::new(certain), possible: Arc::new(possible) }
    }

    /// Whether something only may match.
    pub(crate) fn is_vague(&self) -> bool {
        !Arc::ptr_eq(&self.certain, &self.possible)
    }

    fn combine(parts: &[Self], combine: impl Fn(&[&ClassSet]) -> ClassSet) -> Self {
        let certain: Vec<&ClassSet> = parts.iter().map(|part| &*part.certain).collect();
        if !parts.iter().any(Self::is_vague) {
            return Self::exactly(Arc::new(combine(&certain)));
        }
        let possible: Vec<&ClassSet> = parts.iter().map(|part| &*part.possible).collect();
        Self::new(combine(&certain), combine(&possible))
    }
}

/// A peer as a set of classes.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// The same for every subject.
    Fixed(Match),
    /// One that depends on who the subject is.
    Relative(PeerTerm),
}

/// A rule.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) action: Action,
    /// What the subject's own end has to be; `None` for anything.
    pub(crate) own: Option<Peer>,
    pub(crate) peers: Peer,
    pub(crate) ports: PortTerms,
    pub(crate) not_ports: PortTerms,
}

impl Compiled {
    /// Whether it asks what a named port is.
    pub(crate) fn names(&self) -> impl Iterator<Item = u32> + '_ {
        self.ports.names.iter().chain(&self.not_ports.names).map(|(name, _)| *name)
    }
}

/// The policies of a tier, ready to be evaluated.
#[derive(Debug)]
pub(crate) struct CompiledTier {
    pub(crate) mode: Mode,
    pub(crate) no_match: NoMatch,
    pub(crate) pass: Option<usize>,
    /// Selectors and named ports see pods on the host network here (S-37).
    pub(crate) sees_hosts: bool,
    /// Sets of classes for what its rules speak of.
    pub(crate) terms: Arc<Terms>,
    /// Per policy, the rules by direction.
    policies: Vec<[Vec<Compiled>; 2]>,
    isolation: Vec<Isolation>,
    /// The policies of each subject, ascending, by direction.
    by_subject: [FxHashMap<u32, Vec<u32>>; 2],
    /// The same for what policies apply to besides pods.
    by_also: [FxHashMap<u32, Vec<u32>>; 2],
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
        Self::those(&self.by_subject, subjects, direction)
    }

    /// The policies that apply to one of these besides pods.
    pub(crate) fn applying_also(&self, also: &[u32], direction: Direction) -> Vec<u32> {
        Self::those(&self.by_also, also, direction)
    }

    fn those(by: &[FxHashMap<u32, Vec<u32>>; 2], keys: &[u32], direction: Direction) -> Vec<u32> {
        let by = by.get(side(direction));
        let mut policies: Vec<u32> = keys.iter().filter_map(|key| by?.get(key)).flatten().copied().collect();
        policies.sort_unstable();
        policies.dedup();
        policies
    }

    /// The rules of a policy.
    pub(crate) fn rules(&self, policy: u32, direction: Direction) -> &[Compiled] {
        let rules = self.policies.get(policy as usize).and_then(|rules| rules.get(side(direction)));
        rules.map_or(&[], Vec::as_slice)
    }

    /// Whether a policy isolates those that it applies to (S-3).
    pub(crate) fn isolates(&self, policy: u32, direction: Direction) -> bool {
        self.isolation.get(policy as usize).is_some_and(|isolation| isolation.of(direction))
    }
}

/// Compiles all tiers of a vocabulary, layer by layer, and what peers are where the network plugin has all choices; with a
/// family, blocks of the other one match no pod and no node.
pub(crate) fn compile(
    vocabulary: &Vocabulary<'_>,
    classes: &Classes,
    family: Option<Family>,
    everybody: &Arc<ClassSet>,
) -> (Vec<Vec<CompiledTier>>, Arc<Terms>) {
    let of_family = |block: &IpSet| match family {
        None => true,
        Some(family) => !block.of(family).is_empty(),
    };
    let outside = classes.beyond();
    let blocks = classes.by_block.iter().zip(vocabulary.blocks.values());
    let blocks: Vec<Match> = blocks
        .map(|(set, block)| {
            if of_family(block) {
                return set.clone();
            }
            let [certain, possible] = [&set.certain, &set.possible].map(|set| set.intersection(&outside));
            Match::new(certain, possible)
        })
        .collect();
    let mut known: Vec<(Profile, Arc<Terms>)> = Vec::new();
    let mut terms = |profile: Profile| match known.iter().find(|(other, _)| *other == profile) {
        Some((_, terms)) => terms.clone(),
        None => {
            let terms = Arc::new(Terms::new(classes, profile, &blocks, everybody));
            known.push((profile, terms.clone()));
            terms
        }
    };
    let chosen = terms(classes.profile);
    let mut compile = |tier: &TierTerms| {
        let profile = tier.fixed.unwrap_or(classes.profile);
        tier_of(terms(profile), tier, profile)
    };
    (vocabulary.layers.iter().map(|tiers| tiers.iter().map(&mut compile).collect()).collect(), chosen)
}

fn tier_of(terms: Arc<Terms>, tier: &TierTerms, profile: Profile) -> CompiledTier {
    let compile = |rules: Option<&[RuleTerms]>| -> Vec<Compiled> {
        rules.unwrap_or_default().iter().map(|rule| terms.rule(rule)).collect()
    };
    let policies = tier.policies.par_iter().map(|policy| {
        [Direction::Ingress, Direction::Egress].map(|direction| compile(policy.rules(direction)))
    });
    let policies = policies.collect();
    let mut by_subject = [FxHashMap::<u32, Vec<u32>>::default(), FxHashMap::default()];
    let mut by_also = by_subject.clone();
    for (number, policy) in (0_u32..).zip(&tier.policies) {
        for direction in Direction::ALL.into_iter().filter(|direction| policy.rules(*direction).is_some()) {
            if let Some(by_subject) = by_subject.get_mut(side(direction)) {
                by_subject.entry(policy.subject).or_default().push(number);
            }
            if let Some(by_also) = by_also.get_mut(side(direction)) {
                for (also, _) in &policy.also {
                    by_also.entry(*also).or_default().push(number);
                }
            }
        }
    }
    CompiledTier {
        mode: tier.mode,
        no_match: tier.no_match,
        pass: tier.pass,
        sees_hosts: profile.selectors_see_host_network,
        terms,
        policies,
        isolation: tier.policies.iter().map(|policy| policy.isolation).collect(),
        by_subject,
        by_also,
    }
}

/// Sets of classes for everything that a peer can be.
#[derive(Debug)]
pub(crate) struct Terms {
    everybody: Arc<ClassSet>,
    selectors: Vec<Match>,
    blocks: Vec<Match>,
    nodes: Vec<Match>,
    domains: Vec<Match>,
    /// Addresses and domains.
    outside: Arc<ClassSet>,
    entities: FxHashMap<Entity, ClassSet>,
    all_nodes: ClassSet,
    /// The pods that are their node to the network here, and the others.
    hosts: ClassSet,
    pods: ClassSet,
    /// Where the classes are, as far as rules ask.
    places: FxHashMap<Place, ClassSet>,
    /// The labels of each namespace.
    namespaces: Vec<Arc<Labels>>,
}

impl Terms {
    /// With what is seen where these choices hold.
    fn new(classes: &Classes, profile: Profile, blocks: &[Match], everybody: &Arc<ClassSet>) -> Self {
        let without = |set: &Match, unseen: &ClassSet| {
            if !set.possible.intersects(unseen) {
                return set.clone();
            }
            Match::new(set.certain.difference(unseen), set.possible.difference(unseen))
        };
        let nobody = ClassSet::default();
        let hosts = if profile.selectors_see_host_network { &nobody } else { &classes.hosts };
        let pods = if profile.blocks_match_pods { &nobody } else { &classes.pods };
        let on_nodes = classes.on_nodes();
        let nodes = if profile.blocks_match_nodes { &nobody } else { &on_nodes };
        let block = |set: &Match| {
            let seen = without(&without(set, pods), nodes);
            if profile.blocks_match_nodes {
                return seen;
            }
            // K-24: an API server outside the cluster is an address there.
            let server = classes.entity(Entity::ApiServer);
            Match::new(seen.certain.difference(&server), seen.possible.union(&server))
        };
        let mut entities = FxHashMap::default();
        for entity in ENTITIES {
            entities.insert(entity, classes.entity(entity));
        }
        Self {
            everybody: everybody.clone(),
            selectors: classes.by_selector.iter().map(|set| without(set, hosts)).collect(),
            blocks: blocks.iter().map(block).collect(),
            nodes: classes.by_nodes.clone(),
            domains: classes.by_domain.clone(),
            outside: Arc::new(classes.beyond()),
            entities,
            all_nodes: classes.nodes.clone(),
            hosts: hosts.clone(),
            pods: if profile.selectors_see_host_network {
                classes.pods.union(&classes.hosts)
            } else {
                classes.pods.clone()
            },
            places: classes.places(),
            namespaces: classes.namespaces.clone(),
        }
    }

    fn rule(&self, rule: &RuleTerms) -> Compiled {
        let peer = |term: &PeerTerm| match term {
            term if term.is_relative() => Peer::Relative(term.clone()),
            term => Peer::Fixed(self.peer(term, rule.action, None)),
        };
        let everybody = || Peer::Fixed(Match::exactly(self.everybody.clone()));
        Compiled {
            action: rule.action,
            own: rule.own.as_ref().map(peer),
            peers: rule.peers.as_ref().map_or_else(everybody, peer),
            ports: rule.ports.clone(),
            not_ports: rule.not_ports.clone(),
        }
    }

    /// The classes that the peer of a rule with this action matches, for a subject that is there.
    pub(crate) fn peer(&self, term: &PeerTerm, action: Action, subject: Option<&Place>) -> Match {
        let parts = |parts: &[PeerTerm]| -> Vec<Match> {
            parts.iter().map(|part| self.peer(part, action, subject)).collect()
        };
        let (sets, number) = match term {
            PeerTerm::Pods(number) => (&self.selectors, *number),
            PeerTerm::Block(number) => (&self.blocks, *number),
            PeerTerm::Nodes(number) => (&self.nodes, *number),
            PeerTerm::Domain(number) => (&self.domains, *number),
            PeerTerm::Entity(entity) => return self.entity(*entity, subject),
            PeerTerm::Same(same) => return self.same(same, subject),
            PeerTerm::All(terms) => {
                let mut parts = parts(terms);
                if parts.len() == 1 {
                    return parts.pop().unwrap_or_default();
                }
                return Match::combine(&parts, |sets| {
                    let all = (*self.everybody).clone();
                    sets.iter().fold(all, |all, set| all.intersection(set))
                });
            }
            PeerTerm::Any(terms) => {
                return Match::combine(&parts(terms), |sets| ClassSet::union_of(sets.iter().copied()));
            }
            PeerTerm::Not(term) => {
                let inner = self.peer(term, action.closing_otherwise(), subject);
                let rest = |set: &ClassSet| Arc::new(self.everybody.difference(set));
                if !inner.is_vague() {
                    return Match::exactly(rest(&inner.certain));
                }
                return Match { certain: rest(&inner.possible), possible: rest(&inner.certain) };
            }
            // S-67: what cannot be told is not let in, and not let past a denial.
            PeerTerm::Unknown => {
                return match action {
                    Action::Allow | Action::Log => Match::default(),
                    Action::Deny | Action::Pass => Match::exactly(self.everybody.clone()),
                    Action::Unknown => Match { certain: Arc::default(), possible: self.everybody.clone() },
                };
            }
        };
        sets.get(number as usize).cloned().unwrap_or_default()
    }

    fn of_entity(&self, entity: Entity) -> ClassSet {
        self.entities.get(&entity).cloned().unwrap_or_default()
    }

    /// The same as the reference says of an entity (K-24, K-26).
    fn entity(&self, entity: Entity, subject: Option<&Place>) -> Match {
        let own = self.of_entity(entity);
        let server = self.of_entity(Entity::ApiServer);
        match entity {
            Entity::World => {
                let certain = self.outside.union(&own);
                Match::new(certain.clone(), certain.union(&server))
            }
            Entity::ApiServer => Match::new(own.clone(), own.union(&self.all_nodes)),
            Entity::Ingress | Entity::Health => Match::exactly(Arc::new(own)),
            Entity::OwnNode | Entity::OtherNode => {
                let node = subject.and_then(|place| place.node);
                let there = |wanted: &dyn Fn(Option<u32>) -> bool, among: &ClassSet| {
                    let sets = self.places.iter().filter(|(place, _)| wanted(place.node));
                    let sets: Vec<&ClassSet> = sets.map(|(_, set)| set).collect();
                    ClassSet::union_of(sets.into_iter()).intersection(among)
                };
                let together = |there: Option<u32>| node.is_some() && there == node;
                // Two pods of which nothing says so are not on one node.
                let hosts_here = there(&together, &self.hosts);
                let hosts =
                    if entity == Entity::OwnNode { hosts_here } else { self.hosts.difference(&hosts_here) };
                let nodes_here = there(&together, &self.all_nodes);
                let nodes = match (node, entity) {
                    (None, _) => Match::new(ClassSet::default(), self.all_nodes.clone()),
                    (Some(_), Entity::OwnNode) => Match::exactly(Arc::new(nodes_here)),
                    (Some(_), _) => Match::exactly(Arc::new(self.all_nodes.difference(&nodes_here))),
                };
                let certain = own.union(&hosts).union(&nodes.certain);
                let mut possible = own.union(&hosts).union(&nodes.possible);
                if entity == Entity::OtherNode {
                    possible = possible.union(&server);
                }
                Match::new(certain, possible)
            }
        }
    }

    /// The pods that have something in common with a subject.
    fn same(&self, same: &Same, subject: Option<&Place>) -> Match {
        let Some(own) = subject.filter(|place| place.pod) else { return Match::default() };
        let (mut certain, mut possible) = (Vec::new(), Vec::new());
        for (there, set) in self.places.iter().filter(|(place, _)| place.pod) {
            let truth = match same {
                // Where an assumed pod is, nobody knows.
                Same::Namespace => match (own.namespace, there.namespace) {
                    (Some(own), Some(there)) => (own == there).into(),
                    _ => Truth::Maybe,
                },
                Same::NamespaceLabels(keys) => {
                    Truth::all(keys.iter().map(|key| match (self.label(own, key), self.label(there, key)) {
                        (Label::Absent, _) | (_, Label::Absent) => Truth::No,
                        (Label::Is(own), Label::Is(there)) => (own == there).into(),
                        _ => Truth::Maybe,
                    }))
                }
            };
            if truth.certain() {
                certain.push(set);
            }
            if truth.possible() {
                possible.push(set);
            }
        }
        Match::new(
            ClassSet::union_of(certain.into_iter()).intersection(&self.pods),
            ClassSet::union_of(possible.into_iter()).intersection(&self.pods),
        )
    }

    /// What is known of a label of the namespace that something is in.
    fn label(&self, place: &Place, key: &str) -> Label<'_> {
        let labels = place.namespace.and_then(|namespace| self.namespaces.get(namespace as usize));
        labels.map_or(Label::Open, |labels| labels.at(key))
    }
}

/// All entities.
pub(crate) const ENTITIES: [Entity; 6] =
    [Entity::World, Entity::OwnNode, Entity::OtherNode, Entity::ApiServer, Entity::Ingress, Entity::Health];
