//! What the policies let one class of endpoints send or receive.

use std::ops::Range;
use std::sync::Arc;

use npv_models::policy::{Action, Direction, Entity, Mode, NoMatch};
use npv_models::space::{Family, PortSet, Protocol, RequestSet, Traffic};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::blocks::{Block, blocks};
use super::classes::{Classes, NamedPort, Place, Subject};
use super::compile::{Compiled, CompiledTier, Match, Peer, Terms, compile, side};
use super::lists::Lists;
use super::relation::Relation;
use super::set::ClassSet;
use super::traffic::{TrafficId, TrafficTable};
use super::vocabulary::{PeerTerm, PortTerms, Vocabulary, limited};

/// What a class may send or receive, and whether some tier isolates it (S-3).
#[derive(Debug)]
pub(crate) struct Table {
    /// What passes in every cluster that the manifests allow for.
    pub(crate) certain: Relation,
    /// What passes in some of these; `None` where that is the same.
    pub(crate) possible: Option<Relation>,
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
    /// The tunnels of each layer: from whom, to whom, and the port that the layer sees.
    tunnels: Vec<Vec<(Match, Match, u16)>>,
    /// Selectors that are the subject of a policy, by direction.
    subjects: [FxHashSet<u32>; 2],
    /// Subjects of policies whose ingress rules name ports.
    names_ports: FxHashSet<u32>,
    /// The classes that each of the ends is that policies apply to besides pods.
    also: Vec<Match>,
    /// Subjects of policies whose rules ask what their subject's own end is, and whether there are such.
    asks_own: FxHashSet<u32>,
    /// Rules compare their subject with the other end.
    relative: bool,
    /// What peers are where the network plugin has all choices.
    chosen: Arc<Terms>,
}

/// What decides a table: whether policies apply to the class at all, the subjects that select it for certain and
/// those that may, the others that it is one of, what its named ports are where that matters, and where it is
/// where rules compare.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    subject: Subject,
    certain: Vec<u32>,
    maybe: Vec<u32>,
    /// With whether it is for certain.
    also: Vec<(u32, bool)>,
    names: Option<u32>,
    place: Option<Place>,
    /// The class itself, where rules ask what their subject's own end is.
    class: Option<u32>,
}

impl Key {
    /// Whether no policy can apply.
    fn is_free(&self) -> bool {
        matches!(self.subject, Subject::No | Subject::Unseen) && self.also.is_empty()
    }
}

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
        let (layers, chosen) = compile(vocabulary, classes, family, &everybody);
        let mut subjects = [FxHashSet::default(), FxHashSet::default()];
        let mut names_ports = FxHashSet::default();
        let mut asks_own = FxHashSet::default();
        for policy in vocabulary.layers.iter().flatten().flat_map(|tier| &tier.policies) {
            for direction in Direction::ALL {
                if let (Some(_), Some(subjects)) =
                    (policy.rules(direction), subjects.get_mut(side(direction)))
                {
                    subjects.insert(policy.subject);
                }
            }
            let rules = || policy.ingress.iter().chain(&policy.egress).flatten();
            if rules().any(|rule| rule.own.is_some()) {
                asks_own.insert(policy.subject);
            }
            let named = |ports: &PortTerms| !ports.names.is_empty();
            if policy.ingress.iter().flatten().any(|rule| named(&rule.ports) || named(&rule.not_ports)) {
                names_ports.insert(policy.subject);
            }
        }
        let tunnels = vocabulary.tunnels.iter().map(|tunnels| {
            let ends = |term| chosen.peer(term, Action::Allow, None);
            tunnels.iter().map(|tunnel| (ends(&tunnel.src), ends(&tunnel.dst), tunnel.port)).collect()
        });
        Self {
            tunnels: tunnels.collect(),
            also: also(vocabulary, &layers),
            asks_own,
            relative: vocabulary.relations.any(),
            chosen,
            classes,
            traffic,
            everybody,
            layers,
            subjects,
            names_ports,
        }
    }

    /// The tables of all classes.
    pub(crate) fn tables(&self, direction: Direction) -> Tables {
        let mut numbers: FxHashMap<Key, u32> = FxHashMap::default();
        let mut keys = Vec::new();
        let subjects = self.subjects.get(side(direction));
        let of: Vec<u32> = (0_u32..)
            .zip(&self.classes.signatures)
            .map(|(class, signature)| {
                let among = |list: u32| -> Vec<u32> {
                    let selectors = self.classes.selectors_of.get(list).iter().copied();
                    selectors.filter(|selector| subjects.is_some_and(|all| all.contains(selector))).collect()
                };
                let (certain, maybe) = (among(signature.selectors), among(signature.maybe));
                let also = (0_u32..).zip(&self.also);
                let also = also.filter(|(_, ends)| ends.possible.contains(class));
                let also: Vec<_> =
                    also.map(|(number, ends)| (number, ends.certain.contains(class))).collect();
                let speaks = |of: &FxHashSet<u32>| {
                    !also.is_empty() && !of.is_empty()
                        || certain.iter().chain(&maybe).any(|selector| of.contains(selector))
                };
                let asks = direction == Direction::Ingress && speaks(&self.names_ports);
                let tunnelled = self.tunnels.iter().flatten().any(|(src, dst, _)| {
                    let own = if direction == Direction::Egress { src } else { dst };
                    own.possible.contains(class)
                });
                let own = speaks(&self.asks_own) || tunnelled;
                let key = Key {
                    subject: signature.subject,
                    certain,
                    maybe,
                    also,
                    names: asks.then_some(signature.names),
                    place: signature.place.filter(|_| self.relative),
                    class: own.then_some(class),
                };
                *numbers.entry(key).or_insert_with_key(|key| {
                    keys.push(key.clone());
                    keys.len() as u32 - 1
                })
            })
            .collect();
        let tables = keys.par_iter().map(|key| self.table(key, direction)).collect();
        Tables { of, tables }
    }

    fn table(&self, key: &Key, direction: Direction) -> Table {
        if key.is_free() {
            let certain = Relation::of((*self.everybody).clone(), TrafficId::ALL);
            return Table { certain, possible: None, isolated: false };
        }
        let mut plan = Plan::default();
        let layers: Vec<Vec<Stage>> = self
            .layers
            .iter()
            .map(|tiers| tiers.iter().map(|tier| plan.tier(tier, key, direction)).collect())
            .collect();
        // The rules that may match the peers in a set; what is certain is a part of that.
        let rules_of = Lists::positions(plan.sets.len(), plan.rules.iter().map(|rule| rule.possible));

        // Where rules name ports, destinations differ in what these are (S-25).
        let apart: Vec<ClassSet> = match direction {
            Direction::Ingress => Vec::new(),
            Direction::Egress => plan.named().flat_map(|(peers, name)| self.declaring(peers, name)).collect(),
        };
        // A tier that does not see pods on the host network sees no ports of theirs either.
        let hosts = &self.classes.hosts;
        let blind = layers.iter().flatten().any(|stage| !stage.sees_hosts);
        let hosts = (blind && !apart.is_empty() && !hosts.is_empty()).then_some(hosts);
        let own_node = self.own_node(key, direction);
        let own_node = (!own_node.is_empty()).then_some(&*own_node);
        let tunnels = self.tunnels_of(key, direction);
        let ends_of_tunnels: Vec<&ClassSet> = tunnels
            .iter()
            .flatten()
            .flat_map(|tunnel| [&*tunnel.peers.certain, &*tunnel.peers.possible])
            .collect();
        let sets = plan.sets.iter().map(|set| &**set).chain(&apart).chain(hosts).chain(own_node);
        let sets = sets.chain(ends_of_tunnels);
        let sets: Vec<&ClassSet> = sets.collect();
        let own = key.names.and_then(|names| self.ports_of(names));
        let blocks = blocks(self.classes.len(), &sets);
        // What a large table meets on the way is not worth remembering, and too much to.
        let large = blocks.len() > 256;
        let answer = |block: &Block| {
            let scratch = large.then(|| self.traffic.like());
            let there = block.peers.first().and_then(|first| self.classes.signatures.get(first as usize));
            let (ports, on_host) = match direction {
                Direction::Ingress => (own, key.subject == Subject::Host),
                Direction::Egress => (
                    there.and_then(|there| self.ports_of(there.names)),
                    there.is_some_and(|there| there.subject == Subject::Host),
                ),
            };
            let mut hits: Vec<u32> = block.sets.iter().flat_map(|set| rules_of.get(*set)).copied().collect();
            hits.sort_unstable();
            let hits = hits.iter().filter_map(|number| {
                let rule = plan.rules.get(*number as usize)?;
                let certain = rule.applies && block.sets.binary_search(&rule.certain).is_ok();
                Some(Hit { number: *number, rule: rule.rule, certain })
            });
            let hits: Vec<Hit<'_>> = hits.collect();
            let exempt = own_node.is_some_and(|own| block.peers.intersects(own));
            if exempt && !self.classes.profile.own_node_can_be_denied {
                return (TrafficId::ALL, TrafficId::ALL);
            }
            let tunnels: Vec<Option<(u16, bool)>> = tunnels
                .iter()
                .map(|tunnels| tunnels.iter().find_map(|tunnel| tunnel.seen_from(block)))
                .collect();
            Evaluation {
                hits: &hits,
                ports: ports.unwrap_or_default(),
                on_host,
                exempt,
                tunnels: &tunnels,
                known: self.traffic,
                table: scratch.as_ref().unwrap_or(self.traffic),
            }
            .outcome(&layers)
        };
        let answers: Vec<(TrafficId, TrafficId)> =
            if large { blocks.par_iter().map(answer).collect() } else { blocks.iter().map(answer).collect() };
        let isolated = plan.isolated;
        let differs = answers.iter().any(|(certain, possible)| certain != possible);
        let rows = |side: fn(&(TrafficId, TrafficId)) -> TrafficId| {
            let rows = blocks.iter().map(|block| block.peers.clone()).zip(answers.iter().map(side));
            Relation::from_disjoint(rows)
        };
        Table {
            certain: rows(|answer| answer.0),
            possible: differs.then(|| rows(|answer| answer.1)),
            isolated,
        }
    }

    /// The peers that are known to be the node that a class runs on, and so always reach it (S-35), or unless a rule
    /// keeps them out (K-60).
    fn own_node(&self, key: &Key, direction: Direction) -> Arc<ClassSet> {
        if direction == Direction::Egress || key.subject == Subject::No {
            return Arc::default();
        }
        self.chosen.peer(&PeerTerm::Entity(Entity::OwnNode), Action::Allow, key.place.as_ref()).certain
    }

    /// The tunnels of each layer that a class is in, with the other end.
    fn tunnels_of(&self, key: &Key, direction: Direction) -> Vec<Vec<TunnelOf<'_>>> {
        let of_layer = |tunnels: &'_ Vec<(Match, Match, u16)>| -> Vec<(bool, usize)> {
            let Some(class) = key.class else { return Vec::new() };
            let ends = tunnels.iter().enumerate().filter_map(|(number, (src, dst, _))| {
                let own = if direction == Direction::Egress { src } else { dst };
                own.possible.contains(class).then(|| (own.certain.contains(class), number))
            });
            ends.collect()
        };
        let layers = self.tunnels.iter();
        layers
            .map(|tunnels| {
                let own = of_layer(tunnels).into_iter();
                own.filter_map(|(certain, number)| {
                    let (src, dst, port) = tunnels.get(number)?;
                    let peers = if direction == Direction::Egress { dst } else { src };
                    Some(TunnelOf { certain, peers, port: *port })
                })
                .collect()
            })
            .collect()
    }

    fn ports_of(&self, names: u32) -> Option<&[NamedPort]> {
        self.classes.ports_of.get(names as usize).map(Vec::as_slice)
    }

    /// Some peers by what a named port is on them.
    fn declaring(&self, peers: &ClassSet, name: u32) -> impl Iterator<Item = ClassSet> {
        let rows = self.classes.by_name.get(name as usize).into_iter().flatten();
        rows.map(move |classes| peers.intersection(classes)).filter(|peers| !peers.is_empty())
    }
}

/// A tunnel that a class is one end of.
struct TunnelOf<'a> {
    /// It is for certain.
    certain: bool,
    /// The other end.
    peers: &'a Match,
    port: u16,
}

impl TunnelOf<'_> {
    /// The port that the layer sees of connections with the peers of a block, and whether it certainly does.
    fn seen_from(&self, block: &Block) -> Option<(u16, bool)> {
        let certain = self.certain && block.peers.intersects(&self.peers.certain);
        block.peers.intersects(&self.peers.possible).then_some((self.port, certain))
    }
}

/// The ends that policies apply to besides pods, as the tiers see them that have such policies.
pub(super) fn also(vocabulary: &Vocabulary<'_>, layers: &[Vec<CompiledTier>]) -> Vec<Match> {
    let mut also = vec![Match::default(); vocabulary.also.values().len()];
    for (tiers, compiled) in vocabulary.layers.iter().zip(layers) {
        for (tier, compiled) in tiers.iter().zip(compiled) {
            for policy in &tier.policies {
                for (number, term) in &policy.also {
                    if let Some(slot) = also.get_mut(*number as usize) {
                        *slot = compiled.terms.peer(term, Action::Allow, None);
                    }
                }
            }
        }
    }
    also
}

/// A rule that applies to a class, as far as that does not depend on the peer.
struct Applying<'p> {
    rule: &'p Compiled,
    /// Its policy applies for certain, and so does what it asks of the subject's own end.
    applies: bool,
    /// The numbers of the sets of peers that it matches for certain, and that it may match.
    certain: u32,
    possible: u32,
}

/// The rules that apply to a class.
#[derive(Default)]
struct Plan<'p> {
    rules: Vec<Applying<'p>>,
    /// The different sets of peers.
    sets: Vec<Arc<ClassSet>>,
    numbers: FxHashMap<Arc<ClassSet>, u32>,
    isolated: bool,
}

/// A tier as it meets a class.
struct Stage {
    mode: Mode,
    no_match: NoMatch,
    pass: Option<usize>,
    sees_hosts: bool,
    /// Whether a policy of it isolates the class: for certain, and possibly.
    isolated: bool,
    maybe_isolated: bool,
    /// The numbers of its rules, in evaluation order.
    rules: Range<u32>,
}

impl<'p> Plan<'p> {
    /// Adds the rules of a tier.
    fn tier(&mut self, tier: &'p CompiledTier, key: &Key, direction: Direction) -> Stage {
        let applying = applying(tier, key, direction);
        let isolates = |policy: &u32| tier.isolates(*policy, direction);
        let isolated = applying.iter().any(|(policy, certain)| *certain && isolates(policy));
        let maybe_isolated = applying.iter().any(|(policy, _)| isolates(policy));
        self.isolated |= isolated && tier.no_match == NoMatch::Deny;
        let first = self.rules.len() as u32;
        for (policy, certain) in applying {
            for rule in tier.rules(policy, direction) {
                self.rule(tier, rule, certain, key);
            }
        }
        Stage {
            mode: tier.mode,
            no_match: tier.no_match,
            pass: tier.pass,
            sees_hosts: tier.sees_hosts,
            isolated,
            maybe_isolated,
            rules: first..self.rules.len() as u32,
        }
    }

    fn rule(&mut self, tier: &CompiledTier, rule: &'p Compiled, certain: bool, key: &Key) {
        let resolve = |peer: &Peer| match peer {
            Peer::Fixed(peers) => peers.clone(),
            Peer::Relative(term) => tier.terms.peer(term, rule.action, key.place.as_ref()),
        };
        let applies = match (&rule.own, key.class) {
            (None, _) | (_, None) => certain,
            (Some(own), Some(class)) => {
                let own = resolve(own);
                if !own.possible.contains(class) {
                    return;
                }
                certain && own.certain.contains(class)
            }
        };
        let peers = resolve(&rule.peers);
        let possible = self.set(&peers.possible);
        let certain_set = if peers.is_vague() { self.set(&peers.certain) } else { possible };
        self.rules.push(Applying { rule, applies, certain: certain_set, possible });
    }

    fn set(&mut self, set: &Arc<ClassSet>) -> u32 {
        let next = self.sets.len() as u32;
        let number = *self.numbers.entry(set.clone()).or_insert(next);
        if number == next {
            self.sets.push(set.clone());
        }
        number
    }

    /// Peers, and the named port that some rule asks of them.
    fn named(&self) -> impl Iterator<Item = (&ClassSet, u32)> {
        let mut known = FxHashSet::default();
        let named = self
            .rules
            .iter()
            .flat_map(|applying| applying.rule.names().map(move |name| (applying.possible, name)));
        named
            .filter(move |named| known.insert(*named))
            .filter_map(|(set, name)| Some((&**self.sets.get(set as usize)?, name)))
    }
}

/// The policies of a tier that may apply to a class, in evaluation order, with whether they do for certain.
fn applying(tier: &CompiledTier, key: &Key, direction: Direction) -> Vec<(u32, bool)> {
    // S-63: policies do not apply to whom the tier does not see.
    let seen = match key.subject {
        Subject::Pod => true,
        Subject::Host => tier.sees_hosts,
        Subject::No | Subject::Unseen => false,
    };
    let mut policies: Vec<(u32, bool)> = Vec::new();
    if seen {
        policies.extend(tier.applying(&key.certain, direction).into_iter().map(|policy| (policy, true)));
        policies.extend(tier.applying(&key.maybe, direction).into_iter().map(|policy| (policy, false)));
    }
    for (also, certain) in &key.also {
        let those = tier.applying_also(&[*also], direction);
        policies.extend(those.into_iter().map(|policy| (policy, *certain)));
    }
    // What is certain comes first among equals.
    policies.sort_unstable_by_key(|(policy, certain)| (*policy, !certain));
    policies.dedup_by_key(|(policy, _)| *policy);
    policies
}

/// A rule that may match the peers of a block.
struct Hit<'a> {
    number: u32,
    rule: &'a Compiled,
    /// It matches them for certain.
    certain: bool,
}

/// One class and the peers of one block.
struct Evaluation<'a> {
    /// The rules that may match, ascending.
    hits: &'a [Hit<'a>],
    /// What the named ports are on the destination.
    ports: &'a [NamedPort],
    /// It is a pod on the host network.
    on_host: bool,
    /// Only a rule keeps the peers out (K-60).
    exempt: bool,
    /// Per layer, the port that it sees in place of every other TCP port, and whether it certainly does.
    tunnels: &'a [Option<(u16, bool)>],
    /// What rules speak of, and what the answer is for.
    known: &'a TrafficTable,
    /// What is met on the way.
    table: &'a TrafficTable,
}

/// How a layer has gone so far. What no manifest settles may go several ways: it counts as what may be allowed
/// and as what may be denied.
struct Course {
    /// What may get this far in the tier.
    open: TrafficId,
    allowed: TrafficId,
    denied: TrafficId,
    passed: TrafficId,
}

impl Evaluation<'_> {
    /// What passes all layers, for certain and possibly.
    fn outcome(&self, layers: &[Vec<Stage>]) -> (TrafficId, TrafficId) {
        let (mut certain, mut possible) = (TrafficId::ALL, TrafficId::ALL);
        for (number, tiers) in layers.iter().enumerate() {
            let mut passes = self.layer(tiers);
            if let Some((port, certain)) = self.tunnels.get(number).copied().flatten() {
                passes = self.tunnelled(passes, port, certain);
            }
            let (sure, may) = passes;
            certain = self.table.intersection(certain, sure);
            possible = self.table.intersection(possible, may);
        }
        if self.remembers() {
            return (certain, possible);
        }
        let keep = |id: TrafficId| self.known.intern(self.table.get(id).clone());
        (keep(certain), if certain == possible { keep(certain) } else { keep(possible) })
    }

    /// What passes a layer that sees all TCP ports as one, and none of the requests.
    fn tunnelled(
        &self,
        (sure, may): (TrafficId, TrafficId),
        port: u16,
        certain: bool,
    ) -> (TrafficId, TrafficId) {
        let table = self.table;
        let tcp = table.intern(Traffic::of(Protocol::Tcp, PortSet::full()));
        let through = |passes: bool, all: TrafficId| {
            let others = table.difference(all, tcp);
            if passes { table.union(others, tcp) } else { others }
        };
        let inside = (
            through(table.get(sure).contains(Protocol::Tcp, port), sure),
            through(!table.get(may).requests_at(Protocol::Tcp, port).is_empty(), may),
        );
        if certain {
            return inside;
        }
        (table.intersection(inside.0, sure), table.union(inside.1, may))
    }

    fn layer(&self, tiers: &[Stage]) -> (TrafficId, TrafficId) {
        let table = self.table;
        // What may come to each tier; behind the last, what no tier decides.
        let mut arriving = vec![TrafficId::NONE; tiers.len() + 1];
        if let Some(first) = arriving.first_mut() {
            *first = TrafficId::ALL;
        }
        let mut course = Course {
            open: TrafficId::NONE,
            allowed: TrafficId::NONE,
            denied: TrafficId::NONE,
            passed: TrafficId::NONE,
        };
        for (position, tier) in tiers.iter().enumerate() {
            course.open = arriving.get(position).copied().unwrap_or(TrafficId::NONE);
            course.passed = TrafficId::NONE;
            if course.open.is_none() {
                continue;
            }
            self.tier(tier, &mut course);
            let mut next = course.open;
            if tier.maybe_isolated {
                match tier.no_match {
                    NoMatch::Deny if self.exempt => {}
                    NoMatch::NextTier => {}
                    no_match => {
                        let side =
                            if no_match == NoMatch::Deny { &mut course.denied } else { &mut course.allowed };
                        *side = table.union(*side, course.open);
                        if tier.isolated {
                            next = TrafficId::NONE;
                        }
                    }
                }
            }
            let to = tier.pass.unwrap_or(position + 1).clamp(position + 1, tiers.len());
            for (to, traffic) in [(position + 1, next), (to, course.passed)] {
                if let Some(there) = arriving.get_mut(to) {
                    *there = table.union(*there, traffic);
                }
            }
        }
        // S-60: what no tier has decided is allowed.
        let undecided = arriving.pop().unwrap_or(TrafficId::NONE);
        let possible = table.union(course.allowed, undecided);
        (table.difference(TrafficId::ALL, course.denied), possible)
    }

    /// Takes from what is open all that the rules of a tier decide.
    fn tier(&self, tier: &Stage, course: &mut Course) {
        let from = self.hits.partition_point(|hit| hit.number < tier.rules.start);
        let to = self.hits.partition_point(|hit| hit.number < tier.rules.end);
        let hits = self.hits.get(from..to).unwrap_or_default();
        let ports = if self.on_host && !tier.sees_hosts { &[] } else { self.ports };
        let all = |action: Action| self.matching(hits.iter().filter(|hit| hit.rule.action == action), ports);
        match tier.mode {
            Mode::Union => {
                for action in [Action::Allow, Action::Unknown] {
                    self.decide(course, action, all(action));
                }
            }
            Mode::DenyWins => {
                for action in [Action::Deny, Action::Unknown, Action::Allow, Action::Pass] {
                    self.decide(course, action, all(action));
                }
            }
            // Neighbours with the same action do not depend on their order.
            Mode::FirstMatch => {
                for alike in hits.chunk_by(|one, next| one.rule.action == next.rule.action) {
                    if let Some(first) = alike.first() {
                        self.decide(course, first.rule.action, self.matching(alike.iter(), ports));
                    }
                }
            }
        }
    }

    fn decide(&self, course: &mut Course, action: Action, (certain, possible): (TrafficId, TrafficId)) {
        let table = self.table;
        let decided = table.intersection(course.open, possible);
        match action {
            Action::Allow => course.allowed = table.union(course.allowed, decided),
            Action::Pass => course.passed = table.union(course.passed, decided),
            Action::Deny => course.denied = table.union(course.denied, decided),
            Action::Unknown => {
                course.allowed = table.union(course.allowed, decided);
                course.denied = table.union(course.denied, decided);
            }
            // S-61: the next rule is asked.
            Action::Log => return,
        }
        course.open = table.difference(course.open, certain);
    }

    /// What any of some rules matches, for certain and possibly, at a destination with these named ports.
    fn matching<'r>(
        &self,
        hits: impl Iterator<Item = &'r Hit<'r>>,
        ports: &[NamedPort],
    ) -> (TrafficId, TrafficId) {
        let (mut certain, mut possible) = (Vec::new(), Vec::new());
        for hit in hits {
            let rule = hit.rule;
            if rule.ports.names.is_empty()
                && rule.not_ports.fixed.is_none()
                && rule.not_ports.names.is_empty()
            {
                possible.push(rule.ports.fixed);
                if hit.certain {
                    certain.push(rule.ports.fixed);
                }
                continue;
            }
            let (sure, may) = self.ports(&rule.ports, ports);
            let (not_sure, not_may) = self.ports(&rule.not_ports, ports);
            possible.push(self.difference(may, not_sure));
            if hit.certain {
                certain.push(self.difference(sure, not_may));
            }
        }
        // The union drains its list, so they are compared first.
        let alike = certain == possible;
        let possible_id = self.union_of(&mut possible);
        let certain_id = if alike { possible_id } else { self.union_of(&mut certain) };
        (certain_id, possible_id)
    }

    /// What ports of a rule are, by number and by name.
    fn ports(&self, terms: &PortTerms, ports: &[NamedPort]) -> (TrafficId, TrafficId) {
        let (mut certain, mut possible) = (vec![terms.fixed], vec![terms.fixed]);
        for (name, requests) in &terms.names {
            let Some((_, sure, may)) = ports.iter().find(|(known, ..)| known == name) else { continue };
            certain.push(self.limited(*sure, requests.as_ref()));
            possible.push(self.limited(*may, requests.as_ref()));
        }
        if certain == possible {
            let both = self.known_union(&mut certain);
            return (both, both);
        }
        (self.known_union(&mut certain), self.known_union(&mut possible))
    }

    fn limited(&self, ports: TrafficId, requests: Option<&RequestSet>) -> TrafficId {
        match requests {
            None => ports,
            requests => self.known.intern(limited(self.known.get(ports), requests)),
        }
    }

    fn known_union(&self, ids: &mut Vec<TrafficId>) -> TrafficId {
        self.known.union_of(ids.drain(..))
    }

    fn difference(&self, left: TrafficId, right: TrafficId) -> TrafficId {
        self.known.difference(left, right)
    }

    /// From traffic that rules speak of to what is met on the way.
    fn union_of(&self, ids: &mut Vec<TrafficId>) -> TrafficId {
        if self.remembers() {
            return self.table.union_of(ids.drain(..));
        }
        ids.sort_unstable();
        ids.dedup();
        match ids.as_slice() {
            [] => TrafficId::NONE,
            // The ids of nothing and of everything are the same in all tables.
            [only] if only.is_none() => TrafficId::NONE,
            ids if ids.contains(&TrafficId::ALL) => TrafficId::ALL,
            ids => self.table.intern(Traffic::union_of(&ids.iter().map(|id| self.known.get(*id)))),
        }
    }

    /// Whether what is met on the way is kept.
    fn remembers(&self) -> bool {
        std::ptr::eq(self.known, self.table)
    }
}
