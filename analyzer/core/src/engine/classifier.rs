//! Which class each group of pods, each node and each class of addresses is of.

use std::net::IpAddr;
use std::ops::Range;

use npv_models::cluster::{Cluster, Member, PodGroup};
use npv_models::decide::Profile;
use npv_models::space::{IpSet, Labels, Truth};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::address::AddressSpace;
use super::classes::{Hidden, Owner, Place, Signature, Unit, in_blocks};
use super::family::Families;
use super::vocabulary::{Numbered, Vocabulary};

/// What policies can see of where a pod is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Location {
    addresses: Vec<u32>,
    hidden: Hidden,
    families: Families,
    nodes: Vec<u32>,
    maybe_nodes: Vec<u32>,
    place: Option<Place>,
}

impl Location {
    /// The signature of a pod that is there.
    pub(crate) fn applied_to(self, signature: Signature) -> Signature {
        let Self { addresses, hidden, families, nodes, maybe_nodes, place } = self;
        Signature { families, addresses, hidden, nodes, maybe_nodes, place, ..signature }
    }
}

/// Gives units their classes.
pub(crate) struct Classifier<'a> {
    cluster: &'a Cluster,
    vocabulary: &'a Vocabulary<'a>,
    space: &'a AddressSpace,
    profile: Profile,
    families_matter: bool,
    /// Where the addresses are that no manifest shows: those of pods, and those of nodes.
    spaces: &'a [IpSet; 2],
    /// The node selectors that match each node for certain, and those that may.
    node_selectors: Vec<[Vec<u32>; 2]>,
    node_numbers: FxHashMap<&'a str, u32>,
    /// Numbers for all nodes that pods are known to run on, where rules ask.
    names: FxHashMap<&'a str, u32>,
    numbers: Numbered<Signature>,
    units: Vec<Unit>,
}

impl<'a> Classifier<'a> {
    pub(crate) fn new(
        cluster: &'a Cluster,
        vocabulary: &'a Vocabulary<'a>,
        space: &'a AddressSpace,
        profile: Profile,
        families_matter: bool,
        spaces: &'a [IpSet; 2],
    ) -> Self {
        let matching = |labels: &Labels| {
            [Truth::Yes, Truth::Maybe].map(|wanted| {
                let selectors = (0_u32..).zip(vocabulary.nodes.values());
                let found = selectors.filter(|(_, selector)| selector.truth(labels) == wanted);
                found.map(|(number, _)| number).collect()
            })
        };
        let mut names: FxHashMap<&str, u32> = FxHashMap::default();
        if vocabulary.relations.nodes {
            let of_pods = cluster.groups.iter().flat_map(|group| &group.members);
            let of_pods = of_pods.filter_map(|member| member.node.as_deref());
            for name in cluster.nodes.iter().map(|node| &*node.name).chain(of_pods) {
                let next = names.len() as u32;
                names.entry(name).or_insert(next);
            }
        }
        Self {
            names,
            node_selectors: cluster.nodes.par_iter().map(|node| matching(&node.labels)).collect(),
            node_numbers: cluster.nodes.iter().map(|node| &*node.name).zip(0_u32..).collect(),
            numbers: Numbered::default(),
            units: Vec::new(),
            cluster,
            vocabulary,
            space,
            profile,
            families_matter,
            spaces,
        }
    }

    /// A unit of its signature's class.
    pub(crate) fn unit(&mut self, owner: Owner, signature: Signature, part: Option<Vec<u32>>) -> u32 {
        let class = self.numbers.number(signature);
        let number = self.units.len() as u32;
        self.units.push(Unit { number, owner, class, part });
        class
    }

    /// The families that an end with these addresses can use, as far as they matter.
    pub(crate) fn families(&self, addresses: &[IpAddr], among: Hidden) -> Families {
        let [pods, nodes] = self.spaces;
        let within = if among == Hidden::AmongPods { pods } else { nodes };
        if self.families_matter { Families::of(addresses, within) } else { Families::Both }
    }

    /// Units that are each a class of their own.
    pub(crate) fn own(
        &mut self,
        count: usize,
        owner: impl Fn(u32) -> Owner,
        plain: &Signature,
    ) -> Range<u32> {
        let start = self.numbers.values().len() as u32;
        for number in 0..count as u32 {
            let owner = owner(number);
            self.unit(owner, Signature { own: Some(owner), ..plain.clone() }, None);
        }
        start..self.numbers.values().len() as u32
    }

    /// Where something is, as far as rules compare it.
    pub(crate) fn place(&self, pod: bool, namespace: Option<u32>, node: Option<&str>) -> Option<Place> {
        let relations = self.vocabulary.relations;
        relations.any().then(|| Place {
            pod,
            namespace: namespace.filter(|_| relations.namespaces),
            node: node.and_then(|name| self.names.get(name).copied()),
        })
    }

    /// Where an address is that no manifest shows, if blocks see whom it is of at all.
    pub(crate) fn hidden(&self, seen: bool, place: Hidden) -> Hidden {
        if seen && !self.vocabulary.blocks.values().is_empty() { place } else { Hidden::No }
    }

    /// The locations of the pods of a group, each with the positions of the pods there; without positions
    /// where all are alike.
    pub(crate) fn places(&self, group: &PodGroup) -> Vec<(Location, Option<Vec<u32>>)> {
        let seen = in_blocks(self.profile, group);
        let by_address = seen && self.space.classes() > 1;
        // S-64: a pod on the host network is its node.
        let by_node = group.host_network && !self.vocabulary.nodes.values().is_empty();
        let compared = self.vocabulary.relations.nodes;
        let see = |member: Option<&Member>| {
            let known = member.map_or(&[][..], |member| &member.addresses);
            let addresses = if by_address { known } else { &[] };
            let name = member.and_then(|member| member.node.as_deref());
            let node = name.and_then(|name| self.node_numbers.get(name));
            let (nodes, maybe_nodes) = match node {
                _ if !by_node => (Vec::new(), Vec::new()),
                Some(node) => self.selectors_of(*node),
                None => (self.selectors_of_any_node(), self.selectors_of_some_nodes()),
            };
            let among = if group.host_network { Hidden::AmongNodes } else { Hidden::AmongPods };
            Location {
                addresses: self.space.reduce(addresses),
                hidden: if known.is_empty() { self.hidden(seen, among) } else { Hidden::No },
                families: self.families(known, among),
                nodes,
                maybe_nodes,
                place: self.place(true, Some(group.namespace.0), name),
            }
        };
        let mut parts: Vec<(Location, Vec<u32>)> = Vec::new();
        if by_address || by_node || compared || self.families_matter {
            let mut numbers: FxHashMap<Location, usize> = FxHashMap::default();
            for (position, member) in (0_u32..).zip(&group.members) {
                let location = see(Some(member));
                // Most pods are where the one before is.
                if let Some((last, positions)) = parts.last_mut()
                    && *last == location
                {
                    positions.push(position);
                    continue;
                }
                let next = parts.len();
                let number = *numbers.entry(location).or_insert_with_key(|location| {
                    parts.push((location.clone(), Vec::new()));
                    next
                });
                if let Some((_, positions)) = parts.get_mut(number) {
                    positions.push(position);
                }
            }
        }
        match parts.len() {
            0 => vec![(see(group.members.first()), None)],
            1 => parts.into_iter().map(|(location, _)| (location, None)).collect(),
            _ => parts.into_iter().map(|(location, positions)| (location, Some(positions))).collect(),
        }
    }

    /// The node selectors that match whatever the node is.
    pub(crate) fn selectors_of_any_node(&self) -> Vec<u32> {
        let selectors = (0_u32..).zip(self.vocabulary.nodes.values());
        selectors.filter(|(_, selector)| selector.is_everything()).map(|(number, _)| number).collect()
    }

    /// The node selectors that may match a node of which nothing is known.
    pub(crate) fn selectors_of_some_nodes(&self) -> Vec<u32> {
        let selectors = (0_u32..).zip(self.vocabulary.nodes.values());
        selectors.filter(|(_, selector)| !selector.is_everything()).map(|(number, _)| number).collect()
    }

    /// The node selectors that match a node for certain, and those that may.
    fn selectors_of(&self, node: u32) -> (Vec<u32>, Vec<u32>) {
        let [certain, maybe] = self.node_selectors.get(node as usize).cloned().unwrap_or_default();
        (certain, maybe)
    }

    /// All nodes.
    pub(crate) fn nodes(&mut self, plain: &Signature) {
        for (number, node) in (0_u32..).zip(&self.cluster.nodes) {
            let (nodes, maybe_nodes) = self.selectors_of(number);
            let seen = if self.profile.blocks_match_nodes { &*node.addresses } else { &[] };
            let addresses = self.space.reduce(seen);
            let families = self.families(&node.addresses, Hidden::AmongNodes);
            let among = self.hidden(self.profile.blocks_match_nodes, Hidden::AmongNodes);
            let hidden = if node.addresses.is_empty() { among } else { Hidden::No };
            let place = self.place(false, None, Some(&node.name));
            let signature =
                Signature { families, addresses, hidden, nodes, maybe_nodes, place, ..plain.clone() };
            self.unit(Owner::Node(number), signature, None);
        }
    }

    /// The signatures of the classes, and all units.
    pub(crate) fn finish(self) -> (Vec<Signature>, Vec<Unit>) {
        (self.numbers.values().to_vec(), self.units)
    }
}
