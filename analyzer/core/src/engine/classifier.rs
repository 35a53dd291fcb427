//! Which class each group of pods, each node and each class of addresses is of.

use std::net::IpAddr;
use std::ops::Range;

use npv_models::cluster::{Cluster, Member, PodGroup};
use npv_models::decide::Profile;
use npv_models::space::Labels;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::address::AddressSpace;
use super::classes::{Owner, Signature, Unit, in_blocks};
use super::family::Families;
use super::vocabulary::{Numbered, Vocabulary};

/// What policies can see of the place of a pod: classes of its addresses, the families that it can use, and
/// node selectors.
pub(crate) type Place = (Vec<u32>, Families, Vec<u32>);

/// Gives units their classes.
pub(crate) struct Classifier<'a> {
    cluster: &'a Cluster,
    vocabulary: &'a Vocabulary<'a>,
    space: &'a AddressSpace,
    profile: Profile,
    families_matter: bool,
    /// The node selectors that match each node.
    node_selectors: Vec<Vec<u32>>,
    node_numbers: FxHashMap<&'a str, u32>,
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
    ) -> Self {
        let matching = |labels: &Labels| -> Vec<u32> {
            let selectors = (0_u32..).zip(vocabulary.nodes.values());
            selectors.filter(|(_, selector)| selector.matches(labels)).map(|(number, _)| number).collect()
        };
        Self {
            node_selectors: cluster.nodes.par_iter().map(|node| matching(&node.labels)).collect(),
            node_numbers: cluster.nodes.iter().map(|node| &*node.name).zip(0_u32..).collect(),
            numbers: Numbered::default(),
            units: Vec::new(),
            cluster,
            vocabulary,
            space,
            profile,
            families_matter,
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
    fn families(&self, addresses: &[IpAddr]) -> Families {
        if self.families_matter { Families::of(addresses) } else { Families::Both }
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

    /// The places of the pods of a group, each with the positions of the pods there; without positions
    /// where all are alike.
    pub(crate) fn places(&self, group: &PodGroup) -> Vec<(Place, Option<Vec<u32>>)> {
        let by_address = in_blocks(self.profile, group) && self.space.classes() > 1;
        // S-64: a pod on the host network is its node.
        let by_node = group.host_network && !self.vocabulary.nodes.values().is_empty();
        let see = |member: Option<&Member>| {
            let known = member.map_or(&[][..], |member| &member.addresses);
            let addresses = if by_address { known } else { &[] };
            let node = member.and_then(|member| self.node_numbers.get(member.node.as_deref()?));
            let nodes = match node {
                _ if !by_node => Vec::new(),
                Some(node) => self.node_selectors.get(*node as usize).cloned().unwrap_or_default(),
                None => self.selectors_of_any_node(),
            };
            (self.space.reduce(addresses), self.families(known), nodes)
        };
        let mut parts: Vec<(Place, Vec<u32>)> = Vec::new();
        if by_address || by_node || self.families_matter {
            let mut numbers: FxHashMap<Place, usize> = FxHashMap::default();
            for (position, member) in (0_u32..).zip(&group.members) {
                let place = see(Some(member));
                // Most pods are where the one before is.
                if let Some((last, positions)) = parts.last_mut()
                    && *last == place
                {
                    positions.push(position);
                    continue;
                }
                let next = parts.len();
                let number = *numbers.entry(place).or_insert_with_key(|place| {
                    parts.push((place.clone(), Vec::new()));
                    next
                });
                if let Some((_, positions)) = parts.get_mut(number) {
                    positions.push(position);
                }
            }
        }
        match parts.len() {
            0 => vec![(see(None), None)],
            1 => parts.into_iter().map(|(place, _)| (place, None)).collect(),
            _ => parts.into_iter().map(|(place, positions)| (place, Some(positions))).collect(),
        }
    }

    /// The node selectors that match whatever the node is.
    fn selectors_of_any_node(&self) -> Vec<u32> {
        let selectors = (0_u32..).zip(self.vocabulary.nodes.values());
        selectors.filter(|(_, selector)| selector.is_everything()).map(|(number, _)| number).collect()
    }

    /// All nodes.
    pub(crate) fn nodes(&mut self, plain: &Signature) {
        for (number, node) in (0_u32..).zip(&self.cluster.nodes) {
            let nodes = self.node_selectors.get(number as usize).cloned().unwrap_or_default();
            let addresses = self.space.reduce(&node.addresses);
            let families = self.families(&node.addresses);
            let signature = Signature { families, addresses, nodes, ..plain.clone() };
            self.unit(Owner::Node(number), signature, None);
        }
    }

    /// The signatures of the classes, and all units.
    pub(crate) fn finish(self) -> (Vec<Signature>, Vec<Unit>) {
        (self.numbers.values().to_vec(), self.units)
    }
}
