//! Endpoint classes: pods, nodes and addresses that nothing a policy can say tells apart.

use std::net::IpAddr;
use std::ops::Range;

use npv_models::cluster::{Cluster, PodGroup};
use npv_models::decide::Profile;
use npv_models::policy::{NamespaceSelector, PodSelector};
use npv_models::space::{PortSet, Traffic};
use rayon::prelude::*;

use super::address::AddressSpace;
use super::classifier::Classifier;
use super::family::Families;
use super::labels::{LabelIndex, Mentioned, Reduced};
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
}

/// All that policies can see of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Signature {
    /// Whether policies apply to it.
    pub(crate) subject: Subject,
    /// Number of the list of selectors that select it.
    pub(crate) selectors: u32,
    /// Number of the list of what named ports are on it.
    pub(crate) names: u32,
    /// The families that it can use, where they matter.
    pub(crate) families: Families,
    /// Classes of its addresses, and the node selectors that match it.
    pub(crate) addresses: Vec<u32>,
    pub(crate) nodes: Vec<u32>,
    /// What it is, for symbolic ends and addresses.
    pub(crate) own: Option<Owner>,
}

/// The classes, and for everything that a policy can say the classes that it matches.
#[derive(Debug)]
pub(crate) struct Classes {
    pub(crate) signatures: Vec<Signature>,
    pub(crate) units: Vec<Unit>,
    /// The selectors that select a class, by the number in its signature.
    pub(crate) selectors_of: Lists,
    /// What each named port is, by the number in a signature; ascending names.
    pub(crate) ports_of: Vec<Vec<(u32, TrafficId)>>,
    pub(crate) by_selector: Vec<ClassSet>,
    pub(crate) by_block: Vec<ClassSet>,
    pub(crate) by_nodes: Vec<ClassSet>,
    pub(crate) by_domain: Vec<ClassSet>,
    /// For each named port: what it is, and on which classes.
    pub(crate) by_name: Vec<Vec<(ClassSet, TrafficId)>>,
    /// The classes of pods, by [`Subject`].
    pub(crate) pods: ClassSet,
    pub(crate) hosts: ClassSet,
    /// The classes of domains, and those of addresses.
    pub(crate) domains: Range<u32>,
    pub(crate) outside: Range<u32>,
    pub(crate) selection: Selection,
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
    kinds: Vec<Vec<u32>>,
    groups: Lists,
}

impl Selection {
    /// The groups, in no order, that a selector selects.
    pub(crate) fn groups(&self, selector: u32) -> impl Iterator<Item = u32> + '_ {
        let kinds = self.kinds.get(selector as usize).map_or(&[][..], Vec::as_slice);
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
    group.host_network || profile.blocks_match_pods
}

/// What of a group of pods does not differ among its pods.
struct Visible {
    labels: Reduced,
    ports: Vec<(u32, TrafficId)>,
}

impl Classes {
    /// Classifies all that is in a cluster, all addresses, all domains, and what is assumed.
    pub(crate) fn new(
        cluster: &Cluster,
        vocabulary: &Vocabulary<'_>,
        space: &AddressSpace,
        profile: Profile,
        assumed: usize,
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
                    labels: mentioned.reduce(&group.labels),
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
        let selectors_of_kind = Lists::grouped(
            kinds.values().len(),
            (0_u32..)
                .zip(&selected)
                .flat_map(|(selector, kinds)| kinds.iter().map(move |kind| (*kind, selector))),
        );

        let mut lists: Numbered<Vec<u32>> = Numbered::default();
        let mut ports: Numbered<Vec<(u32, TrafficId)>> = Numbered::default();
        let (no_selectors, no_ports) = (lists.number(Vec::new()), ports.number(Vec::new()));
        let list_of_kind: Vec<u32> = (0..kinds.values().len() as u32)
            .map(|kind| lists.number(selectors_of_kind.get(kind).to_vec()))
            .collect();

        let families_matter = families_matter(cluster, space, widest);
        let mut classifier = Classifier::new(cluster, vocabulary, space, widest, families_matter);
        let plain = Signature {
            subject: Subject::No,
            selectors: no_selectors,
            names: no_ports,
            families: Families::Both,
            addresses: Vec::new(),
            nodes: Vec::new(),
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
                let list = kind.and_then(|kind| list_of_kind.get(kind as usize));
                signature.selectors = list.copied().unwrap_or(no_selectors);
                signature.names = ports.number(visible.ports);
            }
            for ((addresses, families, nodes), part) in places {
                let signature = Signature { families, addresses, nodes, ..signature.clone() };
                classifier.unit(Owner::Group(number), signature, part);
            }
        }
        classifier.nodes(&plain);
        let everything: Vec<u32> = (0_u32..)
            .zip(selectors)
            .filter(|(_, selector)| selects_everything(selector))
            .map(|(number, _)| number)
            .collect();
        let everything = lists.number(everything);
        for number in 0..assumed as u32 {
            // S-84: nothing is known of it, so only a selector of everything selects it.
            let signature = Signature { subject: Subject::Pod, selectors: everything, ..plain.clone() };
            classifier.unit(Owner::Assumed(number), signature, None);
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
        let mut classes = Self {
            by_selector: Vec::new(),
            by_block: Vec::new(),
            by_nodes: Vec::new(),
            by_domain: Vec::new(),
            by_name: Vec::new(),
            pods: ClassSet::default(),
            hosts: ClassSet::default(),
            profile,
            signatures,
            units,
            selectors_of,
            ports_of,
            domains,
            outside,
            selection,
            families_matter,
        };
        classes.invert(vocabulary, space);
        classes
    }

    /// Number of classes.
    pub(crate) fn len(&self) -> u32 {
        self.signatures.len() as u32
    }

    /// From what each class matches to what is matched by everything that a policy can say.
    fn invert(&mut self, vocabulary: &Vocabulary<'_>, space: &AddressSpace) {
        let numbered = || (0_u32..).zip(&self.signatures);
        let those = |subject: Subject| {
            let found = numbered().filter(|(_, signature)| signature.subject == subject);
            ClassSet::from_sorted(&found.map(|(class, _)| class).collect::<Vec<_>>())
        };
        let (pods, hosts) = (those(Subject::Pod), those(Subject::Host));
        let sets = |count: usize, lists: Lists| -> Vec<ClassSet> {
            (0..count as u32).into_par_iter().map(|number| ClassSet::from_sorted(lists.get(number))).collect()
        };
        let selectors = vocabulary.selectors.values().len();
        let pairs = numbered().flat_map(|(class, signature)| {
            self.selectors_of.get(signature.selectors).iter().map(move |selector| (*selector, class))
        });
        self.by_selector = sets(selectors, Lists::grouped(selectors, pairs));
        let selectors = vocabulary.nodes.values().len();
        let pairs = numbered()
            .flat_map(|(class, signature)| signature.nodes.iter().map(move |selector| (*selector, class)));
        self.by_nodes = sets(selectors, Lists::grouped(selectors, pairs));

        let pairs = numbered().flat_map(|(class, signature)| {
            let own = match signature.own {
                Some(Owner::Outside(address)) => Some(address),
                _ => None,
            };
            signature.addresses.iter().copied().chain(own).map(move |address| (address, class))
        });
        let at_address = Lists::grouped(space.classes(), pairs);
        self.by_block = (0..vocabulary.blocks.values().len() as u32)
            .into_par_iter()
            .map(|block| {
                let addresses = space.block(block).into_iter().flat_map(ClassSet::iter);
                ClassSet::from_unsorted(
                    addresses.flat_map(|address| at_address.get(address)).copied().collect(),
                )
            })
            .collect();
        self.by_domain = vocabulary
            .domains
            .values()
            .iter()
            .map(|domain| {
                let covered = self.domains.clone().zip(vocabulary.domains.values());
                let covered: Vec<u32> =
                    covered.filter(|(_, other)| covers(domain, other)).map(|(class, _)| class).collect();
                ClassSet::from_sorted(&covered)
            })
            .collect();

        let mut by_name: Vec<Vec<(TrafficId, Vec<u32>)>> = vec![Vec::new(); vocabulary.names.values().len()];
        for (class, signature) in numbered() {
            for (name, ports) in self.ports_of.get(signature.names as usize).into_iter().flatten() {
                let Some(rows) = by_name.get_mut(*name as usize) else { continue };
                match rows.iter_mut().find(|(known, _)| known == ports) {
                    Some((_, classes)) => classes.push(class),
                    None => rows.push((*ports, vec![class])),
                }
            }
        }
        let sets = |rows: Vec<(TrafficId, Vec<u32>)>| {
            rows.into_iter().map(|(ports, classes)| (ClassSet::from_sorted(&classes), ports)).collect()
        };
        self.by_name = by_name.into_iter().map(sets).collect();
        (self.pods, self.hosts) = (pods, hosts);
    }
}

/// All that some tier or other sees: what is to be told apart.
fn widest(vocabulary: &Vocabulary<'_>, chosen: Profile) -> Profile {
    let tiers = vocabulary.layers.iter().flatten();
    tiers.filter_map(|tier| Some((tier, tier.fixed?))).fold(chosen, |all, (tier, fixed)| Profile {
        blocks_match_pods: all.blocks_match_pods || (fixed.blocks_match_pods && tier.names_blocks()),
        selectors_see_host_network: all.selectors_see_host_network || fixed.selectors_see_host_network,
    })
}

/// Whether a pod or node that blocks can see has addresses of both families, and is in a block.
fn families_matter(cluster: &Cluster, space: &AddressSpace, profile: Profile) -> bool {
    let groups = cluster.groups.iter().filter(|group| in_blocks(profile, group));
    let pods = groups.flat_map(|group| &group.members).map(|pod| &*pod.addresses);
    let mut all = pods.chain(cluster.nodes.iter().map(|node| &*node.addresses));
    let both = |addresses: &[IpAddr]| addresses.len() > 1 && Families::of(addresses) == Families::Both;
    space.classes() > 1 && all.any(|addresses| both(addresses) && !space.reduce(addresses).is_empty())
}

/// What the named ports that policies speak of are on a group of pods (S-24).
fn resolve(group: &PodGroup, vocabulary: &Vocabulary<'_>, traffic: &TrafficTable) -> Vec<(u32, TrafficId)> {
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
    resolved.into_iter().map(|(name, ports)| (name, traffic.intern(ports))).collect()
}

/// Whether a selector asks nothing of a pod.
fn selects_everything(selector: &PodSelector) -> bool {
    let everywhere = match &selector.namespaces {
        NamespaceSelector::Named(_) => false,
        NamespaceSelector::Labels(labels) => labels.is_everything(),
    };
    everywhere && selector.pods.is_everything()
}

/// Whether every name that the second domain stands for is one that the first stands for (S-64: `*.` is
/// one or more labels, never the apex).
fn covers(wide: &str, narrow: &str) -> bool {
    let below = |suffix: &str| {
        let name = narrow.strip_prefix("*.").unwrap_or(narrow);
        name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'))
    };
    wide == narrow || wide.strip_prefix("*.").is_some_and(below)
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_wildcard_covers_what_is_below_it_but_not_the_apex() {
        assert!(covers("example.com", "example.com"));
        assert!(covers("*.example.com", "a.example.com"));
        assert!(covers("*.example.com", "a.b.example.com"));
        assert!(covers("*.example.com", "*.b.example.com"));
        assert!(covers("*.example.com", "*.example.com"));
        assert!(!covers("*.example.com", "example.com"));
        assert!(!covers("*.example.com", "badexample.com"));
        assert!(!covers("*.b.example.com", "*.example.com"));
        assert!(!covers("a.example.com", "*.example.com"));
    }
}
