//! Endpoint classes: pods, nodes and addresses that nothing a policy can say tells apart.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use npv_models::cluster::{Cluster, PodGroup};
use npv_models::decide::{PodEnd, Profile};
use npv_models::policy::Entity;
use npv_models::space::{DomainName, Family, IpSet, Labels, PortSet, Stars, Traffic, Truth};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::address::AddressSpace;
use super::classifier::Classifier;
use super::compile::Match;
use super::endpoint::{Assumed, AssumedKind};
use super::family::Families;
use super::labels::{LabelIndex, Mentioned, Reduced, Selected};
use super::lists::Lists;
use super::set::ClassSet;
use super::traffic::{TrafficId, TrafficTable};
use super::vocabulary::{Numbered, Vocabulary};

/// What a unit is a part of, by its number in the cluster, in the vocabulary or among what is assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    Group(u32),
    Node(u32),
    Assumed(u32),
    Domain(u32),
    Entity(Entity),
    /// A class of addresses.
    Outside(u32),
}

/// The smallest thing that is classified: a group of pods or a part of one, a node, a class of addresses.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// Its place among all units.
    pub(crate) number: u32,
    pub(crate) owner: Owner,
    pub(crate) class: u32,
    /// The positions of the pods of a part of a group; `None` for all of it.
    pub(crate) part: Option<Vec<u32>>,
}

/// Whether policies apply to a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// To no one but a pod that selectors see.
    No,
    /// A pod on the pod network.
    Pod,
    /// A pod on the host network, which selectors see in some tiers at least (S-37).
    Host,
    /// A pod on the host network, which selectors see in none.
    Unseen,
}

/// Where the address of a unit is that no manifest shows (S-16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Hidden {
    /// Its addresses are known, or blocks cannot see it.
    No,
    /// Among those of pods.
    AmongPods,
    /// Among those of nodes.
    AmongNodes,
}

/// Where a unit is, as far as rules compare it with their subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// It is a pod.
    pub(crate) pod: bool,
    /// Its namespace; `None` where that is not known.
    pub(crate) namespace: Option<u32>,
    /// A number of its node, or of the node that it is; `None` where that is not known.
    pub(crate) node: Option<u32>,
}

/// All that policies can see of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Signature {
    /// Whether policies apply to it.
    pub(crate) subject: Subject,
    /// Numbers of the lists of selectors that select it for certain, and that may.
    pub(crate) selectors: u32,
    pub(crate) maybe: u32,
    /// Number of the list of what named ports are on it.
    pub(crate) names: u32,
    /// The families that it can use, where they matter.
    pub(crate) families: Families,
    /// Classes of its addresses, and the node selectors that match it for certain, and that may.
    pub(crate) addresses: Vec<u32>,
    pub(crate) hidden: Hidden,
    pub(crate) nodes: Vec<u32>,
    pub(crate) maybe_nodes: Vec<u32>,
    /// Where it is; `None` where no rule compares.
    pub(crate) place: Option<Place>,
    /// What it is, for symbolic ends and addresses.
    pub(crate) own: Option<Owner>,
}

/// What a named port is: for certain, and possibly.
pub(crate) type NamedPort = (u32, TrafficId, TrafficId);

/// The classes, and for everything that a policy can say the classes that it matches.
#[derive(Debug)]
pub(crate) struct Classes {
    pub(crate) signatures: Vec<Signature>,
    pub(crate) units: Vec<Unit>,
    /// The selectors that select a class, by the numbers in its signature.
    pub(crate) selectors_of: Lists,
    /// What each named port is, by the number in a signature; ascending names.
    pub(crate) ports_of: Vec<Vec<NamedPort>>,
    pub(crate) by_selector: Vec<Match>,
    pub(crate) by_block: Vec<Match>,
    pub(crate) by_nodes: Vec<Match>,
    pub(crate) by_domain: Vec<Match>,
    /// For each named port: the classes on which it is the same.
    pub(crate) by_name: Vec<Vec<ClassSet>>,
    /// The classes of pods, by [`Subject`], and those of nodes.
    pub(crate) pods: ClassSet,
    pub(crate) hosts: ClassSet,
    pub(crate) nodes: ClassSet,
    /// The classes of entities and of domains, and those of addresses.
    entities: FxHashMap<Entity, ClassSet>,
    pub(crate) domains: Range<u32>,
    pub(crate) outside: Range<u32>,
    /// The classes of addresses to which ends of both families connect in IPv4, and in IPv6: all where that makes no
    /// difference, so that equal addresses of either are one.
    outside_of: [ClassSet; 2],
    pub(crate) selection: Selection,
    /// The labels of the namespaces.
    pub(crate) namespaces: Vec<Arc<Labels>>,
    /// The choices of the network plugin.
    pub(crate) profile: Profile,
    /// An end that blocks can see has addresses of both families, so that it depends on the family of a
    /// connection which blocks match it.
    pub(crate) families_matter: bool,
}

/// Which groups of pods each selector of the policies selects.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// Per selector, the kinds of pods that it selects.
    kinds: Vec<Selected>,
    groups: Lists,
}

impl Selection {
    /// The groups, in no order, that a selector selects for certain.
    pub(crate) fn groups(&self, selector: u32) -> impl Iterator<Item = u32> + '_ {
        let kinds = self.kinds.get(selector as usize).map_or(&[][..], |selected| &selected.certain);
        kinds.iter().flat_map(|kind| self.groups.get(*kind)).copied()
    }

    /// The groups, in no order, that a selector may select.
    pub(crate) fn maybe(&self, selector: u32) -> impl Iterator<Item = u32> + '_ {
        let kinds = self.kinds.get(selector as usize).map_or(&[][..], |selected| &selected.maybe);
        kinds.iter().flat_map(|kind| self.groups.get(*kind)).copied()
    }
}

/// Whether selectors and named ports see the pods of a group (S-37).
pub(crate) fn seen(profile: Profile, group: &PodGroup) -> bool {
    !group.host_network || profile.selectors_see_host_network
}

/// Whether blocks match the pods of a group (S-16); a pod on the host network has its node's addresses,
/// whatever pods have (S-37).
pub(crate) fn in_blocks(profile: Profile, group: &PodGroup) -> bool {
    if group.host_network { profile.blocks_match_nodes } else { profile.blocks_match_pods }
}

/// What of a group of pods does not differ among its pods.
struct Visible {
    labels: Reduced,
    ports: Vec<NamedPort>,
}

impl Classes {
    /// Classifies all that is in a cluster, all addresses, all domains, and what is assumed.
    pub(crate) fn new(
        cluster: &Cluster,
        vocabulary: &Vocabulary<'_>,
        space: &AddressSpace,
        profile: Profile,
        assumed: &[Assumed],
        traffic: &TrafficTable,
    ) -> Self {
        let widest = widest(vocabulary, profile);
        let selectors = vocabulary.selectors.values();
        let mentioned = Mentioned::by(selectors);
        let visible: Vec<Option<Visible>> = cluster
            .groups
            .par_iter()
            .map(|group| {
                seen(widest, group).then(|| Visible {
                    labels: mentioned.reduce(&group.labels, &group.attributes),
                    ports: resolve(group, vocabulary, traffic),
                })
            })
            .collect();

        let mut kinds = Numbered::default();
        let kind_of: Vec<Option<u32>> = cluster
            .groups
            .iter()
            .zip(&visible)
            .map(|(group, visible)| {
                visible.as_ref().map(|visible| kinds.number((group.namespace.0, visible.labels.clone())))
            })
            .collect();
        let index = LabelIndex::new(&mentioned, &cluster.namespaces, kinds.values());
        let selected = index.select_all(selectors);
        let of_kinds = |those: fn(&Selected) -> &[u32]| {
            let pairs = (0_u32..).zip(&selected);
            Lists::grouped(
                kinds.values().len(),
                pairs.flat_map(|(selector, kinds)| those(kinds).iter().map(move |kind| (*kind, selector))),
            )
        };
        let certain_of_kind = of_kinds(|selected| &selected.certain);
        let maybe_of_kind = of_kinds(|selected| &selected.maybe);

        let mut lists: Numbered<Vec<u32>> = Numbered::default();
        let mut ports: Numbered<Vec<NamedPort>> = Numbered::default();
        let (no_selectors, no_ports) = (lists.number(Vec::new()), ports.number(Vec::new()));
        let lists_of_kind: Vec<(u32, u32)> = (0..kinds.values().len() as u32)
            .map(|kind| {
                let certain = lists.number(certain_of_kind.get(kind).to_vec());
                (certain, lists.number(maybe_of_kind.get(kind).to_vec()))
            })
            .collect();

        let spaces = [cluster.pod_space(), cluster.node_space()];
        let families_matter = families_matter(cluster, space, widest, assumed, &spaces);
        let mut classifier = Classifier::new(cluster, vocabulary, space, widest, families_matter, &spaces);
        let plain = Signature {
            subject: Subject::No,
            selectors: no_selectors,
            maybe: no_selectors,
            names: no_ports,
            families: Families::Both,
            addresses: Vec::new(),
            hidden: Hidden::No,
            nodes: Vec::new(),
            maybe_nodes: Vec::new(),
            place: None,
            own: None,
        };
        let places: Vec<_> = cluster.groups.par_iter().map(|group| classifier.places(group)).collect();
        let groups = cluster.groups.iter().zip(places);
        for (number, ((kind, visible), (group, places))) in
            (0_u32..).zip(kind_of.iter().zip(visible).zip(groups))
        {
            let mut signature = plain.clone();
            if let Some(visible) = visible {
                signature.subject = if group.host_network { Subject::Host } else { Subject::Pod };
                let list = kind.and_then(|kind| lists_of_kind.get(kind as usize));
                (signature.selectors, signature.maybe) =
                    list.copied().unwrap_or((no_selectors, no_selectors));
                signature.names = ports.number(visible.ports);
            } else if group.host_network {
                signature.subject = Subject::Unseen;
            }
            for (seen, part) in places {
                classifier.unit(Owner::Group(number), seen.applied_to(signature.clone()), part);
            }
        }
        classifier.nodes(&plain);
        let pod_space = IpSet::default();
        let unknown = PodEnd::assumed(&pod_space);
        for (number, assumed) in (0_u32..).zip(assumed) {
            let owner = Owner::Assumed(number);
            let signature = match assumed.kind {
                // S-84: nothing is known of it, so a selector that asks for something only may select it.
                AssumedKind::Pod => {
                    let those = |wanted: Truth| -> Vec<u32> {
                        let numbered = (0_u32..).zip(selectors);
                        let found = numbered.filter(|(_, selector)| selector.truth(&unknown) == wanted);
                        found.map(|(number, _)| number).collect()
                    };
                    Signature {
                        subject: Subject::Pod,
                        selectors: lists.number(those(Truth::Yes)),
                        maybe: lists.number(those(Truth::Maybe)),
                        names: ports.number(any_port(vocabulary, traffic)),
                        hidden: classifier.hidden(widest.blocks_match_pods, Hidden::AmongPods),
                        families: classifier.families(&[], Hidden::AmongPods),
                        place: classifier.place(true, None, None),
                        ..plain.clone()
                    }
                }
                AssumedKind::Entity(entity) => Signature {
                    own: Some(Owner::Entity(entity)),
                    families: classifier.families(&[], Hidden::AmongNodes),
                    hidden: match entity {
                        Entity::World | Entity::Ingress | Entity::Health => Hidden::No,
                        _ => classifier.hidden(widest.blocks_match_nodes, Hidden::AmongNodes),
                    },
                    maybe_nodes: match entity {
                        Entity::OwnNode | Entity::OtherNode => classifier.selectors_of_some_nodes(),
                        _ => Vec::new(),
                    },
                    nodes: match entity {
                        Entity::OwnNode | Entity::OtherNode => classifier.selectors_of_any_node(),
                        _ => Vec::new(),
                    },
                    place: classifier.place(false, None, None),
                    ..plain.clone()
                },
            };
            classifier.unit(owner, signature, None);
        }
        let beyond = Signature { families: Families::Outside, ..plain };
        let domains = classifier.own(vocabulary.domains.values().len(), Owner::Domain, &beyond);
        let outside = classifier.own(space.classes(), Owner::Outside, &beyond);

        let (signatures, units) = classifier.finish();
        let mut selectors_of = Lists::default();
        for list in lists.values() {
            selectors_of.push(list.iter().copied());
        }
        let kind_numbers = kind_of.iter().map(|kind| kind.unwrap_or(u32::MAX));
        let groups = Lists::positions(kinds.values().len(), kind_numbers);
        let selection = Selection { kinds: selected, groups };
        let ports_of = ports.values().to_vec();
        let addresses = space.ranges();
        let apart = vocabulary.asks_for_own_addresses();
        let outside_of = Family::ALL.map(|family| {
            let numbered = outside.clone().zip(&addresses);
            let found = numbered.filter(|(_, addresses)| !apart || !addresses.of(family).is_empty());
            ClassSet::from_sorted(&found.map(|(class, _)| class).collect::<Vec<_>>())
        });
        let mut classes = Self {
            by_selector: Vec::new(),
            by_block: Vec::new(),
            by_nodes: Vec::new(),
            by_domain: Vec::new(),
            by_name: Vec::new(),
            pods: ClassSet::default(),
            hosts: ClassSet::default(),
            nodes: ClassSet::default(),
            entities: FxHashMap::default(),
            namespaces: cluster.namespaces.iter().map(|namespace| namespace.labels.clone()).collect(),
            profile,
            signatures,
            units,
            selectors_of,
            ports_of,
            domains,
            outside,
            outside_of,
            selection,
            families_matter,
        };
        classes.invert(vocabulary, space, &spaces);
        classes
    }

    /// The classes of addresses and domains.
    pub(crate) fn beyond(&self) -> ClassSet {
        ClassSet::range(self.outside.clone()).union(&ClassSet::range(self.domains.clone()))
    }

    /// Those of them to which an end of both families connects in this one.
    pub(crate) fn beyond_of(&self, family: Family) -> ClassSet {
        let [v4, v6] = &self.outside_of;
        let outside = match family {
            Family::V4 => v4,
            Family::V6 => v6,
        };
        outside.union(&ClassSet::range(self.domains.clone()))
    }

    /// The classes that are this entity itself.
    pub(crate) fn entity(&self, entity: Entity) -> ClassSet {
        self.entities.get(&entity).cloned().unwrap_or_default()
    }

    /// The classes with the addresses of nodes.
    pub(crate) fn on_nodes(&self) -> ClassSet {
        let entities =
            [Entity::OwnNode, Entity::OtherNode, Entity::ApiServer].map(|entity| self.entity(entity));
        let entities = entities.iter().fold(ClassSet::default(), |all, set| all.union(set));
        self.hosts.union(&self.nodes).union(&entities)
    }

    /// The classes by where they are, as far as rules ask.
    pub(crate) fn places(&self) -> FxHashMap<Place, ClassSet> {
        let mut places: FxHashMap<Place, Vec<u32>> = FxHashMap::default();
        for (class, signature) in (0_u32..).zip(&self.signatures) {
            if let Some(place) = signature.place {
                places.entry(place).or_default().push(class);
            }
        }
        places.into_iter().map(|(place, classes)| (place, ClassSet::from_sorted(&classes))).collect()
    }

    /// Number of classes.
    pub(crate) fn len(&self) -> u32 {
        self.signatures.len() as u32
    }

    /// From what each class matches to what is matched by everything that a policy can say.
    fn invert(&mut self, vocabulary: &Vocabulary<'_>, space: &AddressSpace, hidden: &[IpSet; 2]) {
        let numbered = || (0_u32..).zip(&self.signatures);
        let those = |wanted: &dyn Fn(&Signature) -> bool| {
            let found = numbered().filter(|(_, signature)| wanted(signature));
            ClassSet::from_sorted(&found.map(|(class, _)| class).collect::<Vec<_>>())
        };
        let pods = those(&|signature| signature.subject == Subject::Pod);
        let hosts = those(&|signature| matches!(signature.subject, Subject::Host | Subject::Unseen));
        let mut of_nodes: Vec<u32> = self
            .units
            .iter()
            .filter(|unit| matches!(unit.owner, Owner::Node(_)))
            .map(|unit| unit.class)
            .collect();
        of_nodes.sort_unstable();
        of_nodes.dedup();
        let matches = |certain: Lists, possible: Lists, count: usize| -> Vec<Match> {
            let set = |number: u32| {
                let sure = Arc::new(ClassSet::from_sorted(certain.get(number)));
                match possible.get(number) {
                    [] => Match::exactly(sure),
                    more => {
                        Match { possible: Arc::new(sure.union(&ClassSet::from_sorted(more))), certain: sure }
                    }
                }
            };
            (0..count as u32).into_par_iter().map(set).collect()
        };
        let selectors = vocabulary.selectors.values().len();
        let of_lists = |list: fn(&Signature) -> u32| {
            let pairs = numbered().flat_map(|(class, signature)| {
                self.selectors_of.get(list(signature)).iter().map(move |selector| (*selector, class))
            });
            Lists::grouped(selectors, pairs)
        };
        let by_selector = matches(
            of_lists(|signature| signature.selectors),
            of_lists(|signature| signature.maybe),
            selectors,
        );
        let selectors = vocabulary.nodes.values().len();
        let of_nodes_selectors = |list: fn(&Signature) -> &[u32]| {
            let pairs = numbered().flat_map(|(class, signature)| {
                list(signature).iter().map(move |selector| (*selector, class))
            });
            Lists::grouped(selectors, pairs)
        };
        let by_nodes = matches(
            of_nodes_selectors(|signature| &signature.nodes),
            of_nodes_selectors(|signature| &signature.maybe_nodes),
            selectors,
        );

        let pairs = numbered().flat_map(|(class, signature)| {
            let own = match signature.own {
                Some(Owner::Outside(address)) => Some(address),
                _ => None,
            };
            signature.addresses.iter().copied().chain(own).map(move |address| (address, class))
        });
        let at_address = Lists::grouped(space.classes(), pairs);
        // S-16: an address that no manifest shows is in a block that holds all of those that it may be.
        let concealed = [Hidden::AmongPods, Hidden::AmongNodes]
            .map(|place| those(&|signature| signature.hidden == place));
        let domains = ClassSet::range(self.domains.clone());
        let by_block = (0_u32..)
            .zip(vocabulary.blocks.values())
            .collect::<Vec<_>>()
            .into_par_iter()
            .map(|(number, block)| {
                let addresses = space.block(number).into_iter().flat_map(ClassSet::iter);
                let mut certain = ClassSet::from_unsorted(
                    addresses.flat_map(|address| at_address.get(address)).copied().collect(),
                );
                // Whatever a domain resolves to can be in it.
                let mut maybe = domains.clone();
                for (classes, within) in concealed.iter().zip(hidden) {
                    match somewhere_in(within, block) {
                        Truth::Yes => certain = certain.union(classes),
                        Truth::Maybe => maybe = maybe.union(classes),
                        Truth::No => {}
                    }
                }
                let certain = Arc::new(certain);
                if maybe.is_empty() {
                    return Match::exactly(certain);
                }
                Match { possible: Arc::new(certain.union(&maybe)), certain }
            })
            .collect();
        // No manifest says what a name resolves to: it can be any address outside, and that of another name. But
        // where a proxy looks at answers, an address that is no answer for the name is none of it (K-41).
        let beyond = Arc::new(self.beyond());
        let by_domain = vocabulary
            .domains
            .values()
            .iter()
            .map(|domain| {
                let those = |wanted: &dyn Fn(&DomainName) -> bool| {
                    let all = self.domains.clone().zip(vocabulary.domains.values());
                    let found: Vec<u32> =
                        all.filter(|(_, other)| wanted(other)).map(|(class, _)| class).collect();
                    Arc::new(ClassSet::from_sorted(&found))
                };
                let certain = those(&|other| domain.covers(other));
                match domain.stars() {
                    Stars::Labels => Match { certain, possible: beyond.clone() },
                    Stars::Characters => {
                        let possible = those(&|other| domain.covers(other) || domain.may_meet(other));
                        if certain == possible {
                            Match::exactly(certain)
                        } else {
                            Match { certain, possible }
                        }
                    }
                }
            })
            .collect();
        let mut entities: FxHashMap<Entity, Vec<u32>> = FxHashMap::default();
        for (class, signature) in numbered() {
            if let Some(Owner::Entity(entity)) = signature.own {
                entities.entry(entity).or_default().push(class);
            }
        }
        let entities =
            entities.into_iter().map(|(entity, classes)| (entity, ClassSet::from_sorted(&classes))).collect();

        let mut by_name: Vec<Vec<((TrafficId, TrafficId), Vec<u32>)>> =
            vec![Vec::new(); vocabulary.names.values().len()];
        for (class, signature) in numbered() {
            for (name, certain, possible) in self.ports_of.get(signature.names as usize).into_iter().flatten()
            {
                let Some(rows) = by_name.get_mut(*name as usize) else { continue };
                let ports = (*certain, *possible);
                match rows.iter_mut().find(|(known, _)| *known == ports) {
                    Some((_, classes)) => classes.push(class),
                    None => rows.push((ports, vec![class])),
                }
            }
        }
        let sets = |rows: Vec<((TrafficId, TrafficId), Vec<u32>)>| {
            rows.into_iter().map(|(_, classes)| ClassSet::from_sorted(&classes)).collect()
        };
        self.by_name = by_name.into_iter().map(sets).collect();
        (self.by_selector, self.by_block, self.by_nodes) = (by_selector, by_block, by_nodes);
        (self.by_domain, self.entities) = (by_domain, entities);
        (self.pods, self.hosts, self.nodes) = (pods, hosts, ClassSet::from_sorted(&of_nodes));
    }
}

/// Whether an address that is somewhere in a set is in a block, which is of one family (S-16).
fn somewhere_in(within: &IpSet, block: &IpSet) -> Truth {
    let family = if block.v4().is_empty() { Family::V6 } else { Family::V4 };
    let within = within.of(family);
    if within.is_empty() || !within.intersects(block) {
        Truth::No
    } else if within.is_subset(block) {
        Truth::Yes
    } else {
        Truth::Maybe
    }
}

/// What named ports can be on a pod of which nothing is known (S-84).
fn any_port(vocabulary: &Vocabulary<'_>, traffic: &TrafficTable) -> Vec<NamedPort> {
    let names = (0_u32..).zip(vocabulary.names.values());
    names
        .map(|(number, (protocol, _))| {
            let possible = match protocol {
                Some(protocol) => Traffic::of(*protocol, PortSet::full()),
                None => Traffic::all(),
            };
            (number, TrafficId::NONE, traffic.intern(possible))
        })
        .collect()
}

/// All that some tier or other sees: what is to be told apart.
fn widest(vocabulary: &Vocabulary<'_>, chosen: Profile) -> Profile {
    let tiers = vocabulary.layers.iter().flatten();
    tiers.filter_map(|tier| Some((tier, tier.fixed?))).fold(chosen, |all, (tier, fixed)| Profile {
        blocks_match_pods: all.blocks_match_pods || (fixed.blocks_match_pods && tier.names_blocks()),
        blocks_match_nodes: all.blocks_match_nodes || (fixed.blocks_match_nodes && tier.names_blocks()),
        selectors_see_host_network: all.selectors_see_host_network || fixed.selectors_see_host_network,
        own_node_can_be_denied: all.own_node_can_be_denied,
    })
}

/// Whether a pod or node that blocks can see has addresses of both families and is in a block, or may have addresses of
/// either.
fn families_matter(
    cluster: &Cluster,
    space: &AddressSpace,
    profile: Profile,
    assumed: &[Assumed],
    [pod_space, _]: &[IpSet; 2],
) -> bool {
    let groups = || cluster.groups.iter().filter(|group| in_blocks(profile, group));
    let pods = groups().flat_map(|group| &group.members).map(|pod| &*pod.addresses);
    let mut all = pods.chain(cluster.nodes.iter().map(|node| &*node.addresses));
    let both = |addresses: &[IpAddr]| {
        addresses.len() > 1 && Families::of(addresses, &IpSet::EMPTY) == Families::Both
    };
    let either = Families::of(&[], pod_space) == Families::Hidden;
    let hidden = |group: &PodGroup| {
        !group.host_network
            && (group.members.is_empty() || group.members.iter().any(|member| member.addresses.is_empty()))
    };
    let is_pod = |assumed: &Assumed| assumed.kind == AssumedKind::Pod;
    space.classes() > 1
        && (all.any(|addresses| both(addresses) && !space.reduce(addresses).is_empty())
            || either && (groups().any(hidden) || profile.blocks_match_pods && assumed.iter().any(is_pod)))
}

/// What the named ports that policies speak of are on a group of pods (S-24).
fn resolve(group: &PodGroup, vocabulary: &Vocabulary<'_>, traffic: &TrafficTable) -> Vec<NamedPort> {
    let mut resolved: Vec<(u32, Traffic)> = Vec::new();
    for port in &*group.ports {
        let Some(name) = port.name.as_deref() else { continue };
        let number = Traffic::of(port.protocol, PortSet::single(port.number));
        for asked in [(Some(port.protocol), name), (None, name)] {
            let Some(asked) = vocabulary.names.get(&asked) else { continue };
            match resolved.iter_mut().find(|(known, _)| *known == asked) {
                Some((_, ports)) => *ports = ports.union(&number),
                None => resolved.push((asked, number.clone())),
            }
        }
    }
    resolved.sort_unstable_by_key(|(name, _)| *name);
    let numbered = resolved.into_iter().map(|(name, ports)| (name, traffic.intern(ports)));
    numbered.map(|(name, ports)| (name, ports, ports)).collect()
}
