//! An account of an engine's answers: who is told apart, and which rules match whom. All that it takes to
//! explain any pair of endpoints, tier by tier, without the manifests.

use std::ops::Range;

use npv_models::cluster::{Cluster, GroupId};
use npv_models::decide::Profile;
use npv_models::policy::{Direction, PolicySet};
use npv_models::space::{Family, IpSet, Traffic};
use rustc_hash::FxHashMap;

use super::address::AddressSpace;
use super::classes::{Classes, Owner, Subject};
use super::compile::{CompiledTier, Peer, compile};
use super::family::Families;
use super::set::ClassSet;
use super::table::also;
use super::traffic::TrafficTable;
use super::vocabulary::Vocabulary;
use super::{Assumed, Engine};

/// Classes, and rules in terms of them. Has the shape of the [`PolicySet`] that it is of.
#[derive(Debug)]
pub struct Account {
    /// What nothing in the policies tells apart.
    pub classes: Vec<Class>,
    /// Of each endpoint, in the order of the engine: its classes, each by one of its members. Several
    /// where rules tell its pods or addresses apart and the answers are the same all the same.
    pub parts: Vec<Vec<Part>>,
    /// Per layer, the tiers.
    pub layers: Vec<Vec<TierAccount>>,
    /// Sets of classes by number, as ascending ranges.
    pub sets: Vec<Vec<Range<u32>>>,
    /// The names of ports by number.
    pub names: Vec<String>,
    /// Ends have addresses of both families, so that a pair is to be asked for each family apart (S-16).
    pub by_family: bool,
}

/// A tier in terms of classes.
#[derive(Debug)]
pub struct TierAccount {
    /// Its selectors and named ports see pods on the host network (S-37, S-63).
    pub sees_hosts: bool,
    /// Its policies.
    pub policies: Vec<RulesOfPolicy>,
}

/// What the policies see of a class.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about a class")]
pub struct Class {
    /// Policies apply to it: it is a pod that selectors see, at least in some tiers.
    pub subject: bool,
    /// Policies that are not for pods may apply to it: a policy's `subject` does not list it.
    pub also: bool,
    /// It is pods on the host network.
    pub host: bool,
    /// What named ports are on it, by the number of the name.
    pub ports: Vec<(u32, Traffic)>,
    /// It is a domain: what passes to it is what passes to every address that it can be (S-64).
    pub domain: bool,
    /// It is addresses outside the cluster.
    pub outside: bool,
    /// The one family that it can use; `None` where it can use both, or is outside the cluster.
    pub family: Option<Family>,
}

/// A class of an endpoint, by one of its members there.
#[derive(Clone, Debug)]
pub struct Part {
    /// The class.
    pub class: u32,
    /// The member.
    pub of: PartOf,
}

/// What a part is one of.
#[derive(Clone, Debug)]
pub enum PartOf {
    /// A group of pods; with the position of a pod in it, where addresses tell its pods apart.
    Group(GroupId, Option<u32>),
    /// A node, as an index into the cluster's nodes.
    Node(u32),
    /// Addresses outside the cluster.
    Addresses(IpSet),
    /// Something that the manifests do not define.
    Assumed,
}

/// A policy in terms of classes.
#[derive(Clone, Debug)]
pub struct RulesOfPolicy {
    /// The set of classes that it applies to.
    pub subject: u32,
    /// Its rules for connections to the subject; as many as the policy has.
    pub ingress: Vec<RuleOfPolicy>,
    /// Its rules for connections from the subject.
    pub egress: Vec<RuleOfPolicy>,
}

/// A rule in terms of classes.
#[derive(Clone, Debug)]
pub struct RuleOfPolicy {
    /// The set of classes that its peers match; where families are to be asked for apart, followed by
    /// those that they match over IPv4 and over IPv6.
    pub peers: Vec<u32>,
    /// The ports that are given by number.
    pub fixed: Traffic,
    /// Numbers of the named ports, which are looked up on the destination (S-24).
    pub names: Vec<u32>,
}

impl Account {
    /// The account of an engine, from what the engine is of.
    pub fn new(
        engine: &Engine,
        cluster: &Cluster,
        policies: &PolicySet,
        profile: Profile,
        assumed: &[Assumed],
    ) -> Self {
        let table = TrafficTable::default();
        let mut vocabulary = Vocabulary::of(policies, &table);
        for domain in &engine.domains {
            vocabulary.domains.number(domain);
        }
        let space = AddressSpace::new(vocabulary.blocks.values());
        let classes = Classes::new(cluster, &vocabulary, &space, profile, assumed, &table);
        let everybody = std::sync::Arc::new(ClassSet::range(0..classes.len()));
        let mut sets = Sets::default();
        let apart = Family::ALL.map(Some).into_iter().filter(|_| classes.families_matter);
        let families: Vec<Option<Family>> = std::iter::once(None).chain(apart).collect();
        // The same layers, tiers and policies for each family.
        let compiled: Vec<_> =
            families.iter().map(|family| compile(&vocabulary, &classes, *family, &everybody).0).collect();
        let layers = vocabulary.layers.iter().enumerate().map(|(layer, terms)| {
            let tiers = terms.iter().enumerate().map(|(tier, terms)| {
                let tiers: Vec<&CompiledTier> =
                    compiled.iter().filter_map(|layers| layers.get(layer)?.get(tier)).collect();
                let sees_hosts = tiers.iter().all(|tier| tier.sees_hosts);
                let policies = (0_u32..).zip(&terms.policies).map(|(number, policy)| {
                    let subject = classes.by_selector.get(policy.subject as usize).map(|set| &*set.certain);
                    let subject = subject.cloned().unwrap_or_default();
                    let subject = if sees_hosts { subject } else { subject.difference(&classes.hosts) };
                    RulesOfPolicy {
                        subject: sets.number(&subject),
                        ingress: rules(&tiers, number, Direction::Ingress, &table, &mut sets),
                        egress: rules(&tiers, number, Direction::Egress, &table, &mut sets),
                    }
                });
                TierAccount { sees_hosts, policies: policies.collect() }
            });
            tiers.collect()
        });
        let layers = layers.collect();
        let others = compiled.first().map(|layers| also(&vocabulary, layers)).unwrap_or_default();
        let by_family = classes.families_matter;
        Self {
            classes: (0_u32..)
                .zip(&classes.signatures)
                .map(|(number, signature)| Class {
                    subject: !matches!(signature.subject, Subject::No | Subject::Unseen),
                    also: others.iter().any(|others| others.possible.contains(number)),
                    host: signature.subject == Subject::Host,
                    ports: classes
                        .ports_of
                        .get(signature.names as usize)
                        .into_iter()
                        .flatten()
                        .map(|(name, certain, _)| (*name, table.get(*certain).clone()))
                        .collect(),
                    domain: classes.domains.contains(&number),
                    outside: classes.outside.contains(&number),
                    family: match signature.families {
                        Families::Only(family) => Some(family),
                        Families::Both | Families::Hidden | Families::Outside => None,
                    },
                })
                .collect(),
            parts: engine.units.iter().map(|units| parts(units, cluster, &classes, &space)).collect(),
            layers,
            sets: sets.runs,
            names: vocabulary.names.values().iter().map(|(_, name)| (*name).to_owned()).collect(),
            by_family,
        }
    }
}

/// The rules of a policy, from the same tier of each family.
fn rules(
    tiers: &[&CompiledTier],
    policy: u32,
    direction: Direction,
    table: &TrafficTable,
    sets: &mut Sets,
) -> Vec<RuleOfPolicy> {
    let Some((first, others)) = tiers.split_first() else { return Vec::new() };
    let rules = first.rules(policy, direction).iter().enumerate().map(|(number, rule)| {
        let others = others.iter().filter_map(|tier| tier.rules(policy, direction).get(number));
        let nobody = ClassSet::default();
        let peers = std::iter::once(rule).chain(others).map(|rule| match &rule.peers {
            Peer::Fixed(peers) => sets.number(&peers.certain),
            Peer::Relative(_) => sets.number(&nobody),
        });
        RuleOfPolicy {
            peers: peers.collect(),
            fixed: table.get(rule.ports.fixed).clone(),
            names: rule.names().collect(),
        }
    });
    rules.collect()
}

/// One part for each class of some units.
fn parts(units: &[u32], cluster: &Cluster, classes: &Classes, space: &AddressSpace) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let ranges = space.ranges();
    let inside = cluster.assumptions.pod_addresses.union(&cluster.assumptions.service_addresses);
    for unit in units.iter().filter_map(|unit| classes.units.get(*unit as usize)) {
        if parts.iter().any(|part| part.class == unit.class) {
            continue;
        }
        let of = match unit.owner {
            Owner::Group(group) => {
                PartOf::Group(GroupId(group), unit.part.as_ref().and_then(|part| part.first().copied()))
            }
            Owner::Node(node) => PartOf::Node(node),
            Owner::Outside(class) => {
                let addresses = ranges.get(class as usize).map(|addresses| addresses.difference(&inside));
                // What is said to be inside the cluster is no part of what is outside.
                match addresses.filter(|addresses| !addresses.is_empty()) {
                    Some(addresses) => PartOf::Addresses(addresses),
                    None => continue,
                }
            }
            Owner::Assumed(_) | Owner::Domain(_) | Owner::Entity(_) => PartOf::Assumed,
        };
        parts.push(Part { class: unit.class, of });
    }
    parts
}

/// Different sets, numbered in the order in which they came.
#[derive(Default)]
struct Sets {
    numbers: FxHashMap<ClassSet, u32>,
    runs: Vec<Vec<Range<u32>>>,
}

impl Sets {
    fn number(&mut self, set: &ClassSet) -> u32 {
        if let Some(number) = self.numbers.get(set) {
            return *number;
        }
        let number = self.runs.len() as u32;
        let mut runs: Vec<Range<u32>> = Vec::new();
        for class in set.iter() {
            match runs.last_mut() {
                Some(run) if run.end == class => run.end += 1,
                _ => runs.push(class..class + 1),
            }
        }
        self.runs.push(runs);
        self.numbers.insert(set.clone(), number);
        number
    }
}
