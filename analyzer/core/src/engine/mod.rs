//! The exact engine: answers for endpoints that are told apart only as far as the policies do.
//!
//! - `vocabulary`: every distinct selector, block, named port and domain of the policies, once;
//! - `labels` and `address`: which pods and which addresses they match;
//! - `classes`: pods, nodes and addresses with the same matches, and thereby everything about them;
//! - `compile`, `blocks` and `table`: per class and direction, what the policies allow, as a `relation`
//!   to other classes;
//! - `family`: the tables once more for each address family, where ends have both;
//! - `behaviour`: classes with the same connections, which is all that pairs are computed for;
//! - `endpoints` and `naming`: what answers call them;
//! - `rows`: all pairs, row by row;
//! - `account`: which rules match whom, for explanations.
//!
//! Cost grows with the number of classes and rules, never with the number of pods.

mod account;
mod address;
mod behaviour;
mod blocks;
mod classes;
mod classifier;
mod compile;
mod endpoint;
mod endpoints;
mod family;
mod labels;
mod lists;
mod naming;
mod partition;
mod relation;
mod rows;
mod set;
mod table;
#[cfg(test)]
mod tests;
mod traffic;
mod vocabulary;

use std::ops::Range;
use std::sync::Arc;

use npv_models::cluster::{Cluster, GroupId, Namespace};
use npv_models::decide::Profile;
use npv_models::policy::{Direction, NamespaceSelector, PodSelector, PolicySet, attribute};
use npv_models::space::{DomainName, Labels, Traffic, Truth};
use rustc_hash::FxHashMap;

use address::AddressSpace;
use behaviour::{Behaviours, Relations};
use classes::{Classes, Selection, seen};
use endpoints::Namer;
use lists::Lists;
use vocabulary::Vocabulary;

#[cfg(test)]
pub(crate) use tests::world as testing;

pub use account::{Account, Class, Part, PartOf, RuleOfPolicy, RulesOfPolicy, TierAccount};
pub use endpoint::{Assumed, AssumedKind, Endpoint, EndpointId, EndpointKind, Symbolic};
pub use rows::Connection;
pub use traffic::{TrafficId, TrafficTable};

/// What the two sides of a connection allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sides {
    /// What the source may send to the destination, in any address family.
    pub egress: TrafficId,
    /// What the destination lets in from the source, likewise.
    pub ingress: TrafficId,
    /// What passes both (S-5) in the same address family (S-16).
    pub both: TrafficId,
}

/// How much an engine had to do: sizes that cost depends on, equal for equal input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Distinct selectors of pods.
    pub selectors: usize,
    /// Distinct blocks of addresses.
    pub blocks: usize,
    /// Ranges that the ends of the blocks cut the address space into.
    pub atoms: usize,
    /// Classes of pods, nodes and addresses that nothing in the policies tells apart.
    pub classes: usize,
    /// Classes that differ in whom they may send what.
    pub sources: usize,
    /// Classes that differ in what they let in.
    pub destinations: usize,
    /// Distinct answers of the policies to one end of a connection, over both directions.
    pub tables: usize,
    /// Rows in them: sets of peers with the same traffic.
    pub rows: usize,
    /// Distinct sets of traffic so far.
    pub traffic: usize,
    /// Endpoints.
    pub endpoints: usize,
}

impl Stats {
    /// Number of pairs of a source and a destination that are to be told apart.
    pub fn pairs(&self) -> u64 {
        self.sources as u64 * self.destinations as u64
    }
}

/// What a selector outside of the policies is matched against.
#[derive(Debug)]
struct SelectableGroup {
    labels: Arc<Labels>,
    attributes: Arc<Labels>,
    /// Selectors see its pods (S-37).
    seen: bool,
}

/// Whether the part of a selector that is about pods selects a group.
fn selects(selector: &PodSelector, group: &SelectableGroup) -> Truth {
    selector.pods.holds(&|key| {
        if attribute::is(key) { group.attributes.at(key) } else { group.labels.at(key) }
    })
}

/// Answers questions about who can reach whom.
#[derive(Debug)]
pub struct Engine {
    endpoints: Vec<Endpoint>,
    /// Per endpoint, its units among those of the classes.
    units: Vec<Vec<u32>>,
    /// Per endpoint, what it is as a source and as a destination.
    sources: Vec<u32>,
    destinations: Vec<u32>,
    /// The endpoints that each destination stands for, ascending.
    by_destination: Lists,
    /// Per endpoint, whether it is isolated for ingress and for egress.
    isolated: Vec<[bool; 2]>,
    /// What each source may send to each destination for certain, and the reverse: never empty.
    planes: Vec<Relations>,
    /// The same of what may pass; none where nothing is unknown.
    possible: Vec<Relations>,
    traffic: TrafficTable,
    selectors: FxHashMap<PodSelector, u32>,
    selection: Selection,
    namespaces: Vec<Namespace>,
    groups: Vec<SelectableGroup>,
    /// The groups of each namespace.
    groups_within: Lists,
    /// Domains that it was asked about, beyond those that policies name.
    domains: Vec<DomainName>,
    stats: Stats,
}

impl Engine {
    /// Prepares answers for a cluster under a set of policies.
    pub fn new(cluster: &Cluster, policies: &PolicySet, profile: Profile) -> Self {
        Self::with_assumed(cluster, policies, profile, &[])
    }

    /// As [`Engine::new`], with endpoints that the manifests do not define.
    pub fn with_assumed(
        cluster: &Cluster,
        policies: &PolicySet,
        profile: Profile,
        assumed: &[Assumed],
    ) -> Self {
        Self::with_domains(cluster, policies, profile, assumed, &[])
    }

    /// As [`Engine::with_assumed`], with endpoints for these domains too, which none of the policies need
    /// name: a comparison asks both sides about the domains of either.
    pub fn with_domains(
        cluster: &Cluster,
        policies: &PolicySet,
        profile: Profile,
        assumed: &[Assumed],
        domains: &[&DomainName],
    ) -> Self {
        let all = if vocabulary::mentions_icmp(policies) { Traffic::everything() } else { Traffic::all() };
        let scratch = TrafficTable::knowing(all);
        let mut vocabulary = Vocabulary::of(policies, &scratch);
        for domain in domains {
            vocabulary.domains.number(domain);
        }
        let space = AddressSpace::new(vocabulary.blocks.values());
        let classes = Classes::new(cluster, &vocabulary, &space, profile, assumed, &scratch);
        let behaviours = Behaviours::new(&family::planes(&vocabulary, &classes, &scratch), &scratch);
        let drafts = Namer {
            cluster,
            vocabulary: &vocabulary,
            classes: &classes,
            behaviours: &behaviours,
            space: &space,
            assumed,
        }
        .endpoints();

        let place = |blocks: &partition::Blocks| -> Vec<u32> {
            drafts.iter().map(|draft| blocks.of(draft.class)).collect()
        };
        let (sources, destinations) = (place(&behaviours.sources), place(&behaviours.destinations));
        let isolated = drafts.iter().map(|draft| {
            [Direction::Ingress, Direction::Egress]
                .map(|direction| behaviours.isolated(draft.class, direction))
        });
        let isolated = isolated.collect();
        let selectors = vocabulary.selectors.values().iter().map(|selector| (*selector).clone()).zip(0..);
        let group = |group: &npv_models::cluster::PodGroup| SelectableGroup {
            labels: group.labels.clone(),
            attributes: group.attributes.clone(),
            seen: seen(profile, group),
        };
        let stats = Stats {
            selectors: vocabulary.selectors.values().len(),
            blocks: vocabulary.blocks.values().len(),
            atoms: space.atoms(),
            classes: classes.len() as usize,
            sources: behaviours.sources.len(),
            destinations: behaviours.destinations.len(),
            tables: behaviours.tables,
            rows: behaviours.rows,
            traffic: 0,
            endpoints: drafts.len(),
        };
        let (endpoints, units) = drafts.into_iter().map(|draft| (draft.endpoint, draft.units)).unzip();
        Self {
            by_destination: Lists::positions(behaviours.destinations.len(), destinations.iter().copied()),
            isolated,
            selectors: selectors.collect(),
            namespaces: cluster.namespaces.clone(),
            groups: cluster.groups.iter().map(group).collect(),
            groups_within: Lists::positions(
                cluster.namespaces.len(),
                cluster.groups.iter().map(|group| group.namespace.0),
            ),
            endpoints,
            units,
            sources,
            destinations,
            planes: behaviours.planes,
            possible: behaviours.possible,
            traffic: behaviours.traffic,
            selection: classes.selection,
            domains: domains.iter().map(|domain| (*domain).clone()).collect(),
            stats,
        }
    }

    /// All endpoints; an [`EndpointId`] is an index. Pods come first, then what is in braces, then
    /// addresses.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Every endpoint with its id, in the order of every output.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = EndpointId> + use<> {
        let ids: Range<u32> = 0..self.endpoints.len() as u32;
        ids.map(EndpointId)
    }

    /// The endpoint with an id; `None` for an id of another engine.
    pub fn endpoint(&self, id: EndpointId) -> Option<&Endpoint> {
        self.endpoints.get(id.0 as usize)
    }

    /// What may pass from one endpoint to another; where they are the same, between two of its pods.
    ///
    /// A node is any node but the one that a pod runs on, whose probes always reach it (S-35); where rules compare
    /// nodes, endpoints are told apart by theirs, and it is known which node is whose.
    pub fn between(&self, src: EndpointId, dst: EndpointId) -> Sides {
        self.between_in(&self.planes, src, dst)
    }

    /// What may pass from one endpoint to another: more than what passes for certain where it depends on something
    /// that no manifest shows.
    pub fn possibly_between(&self, src: EndpointId, dst: EndpointId) -> Sides {
        self.between_in(self.possible_planes(), src, dst)
    }

    fn possible_planes(&self) -> &[Relations] {
        if self.possible.is_empty() { &self.planes } else { &self.possible }
    }

    /// Whether something depends on what no manifest shows.
    pub fn is_vague(&self) -> bool {
        !self.possible.is_empty()
    }

    fn between_in(&self, planes: &[Relations], src: EndpointId, dst: EndpointId) -> Sides {
        let mut sides = Sides { egress: TrafficId::NONE, ingress: TrafficId::NONE, both: TrafficId::NONE };
        for plane in planes {
            let [egress, ingress] = Direction::ALL.map(|direction| self.side_in(plane, src, dst, direction));
            sides.egress = self.traffic.union(sides.egress, egress);
            sides.ingress = self.traffic.union(sides.ingress, ingress);
            sides.both = self.traffic.union(sides.both, self.traffic.intersection(egress, ingress));
        }
        sides
    }

    /// What one side alone lets pass from one endpoint to another, in any address family.
    pub fn side(&self, src: EndpointId, dst: EndpointId, direction: Direction) -> TrafficId {
        let sides = self.planes.iter().map(|plane| self.side_in(plane, src, dst, direction));
        sides.fold(TrafficId::NONE, |all, side| self.traffic.union(all, side))
    }

    fn side_in(
        &self,
        plane: &Relations,
        src: EndpointId,
        dst: EndpointId,
        direction: Direction,
    ) -> TrafficId {
        let (source, destination) = (self.source_class(src), self.destination_class(dst));
        let (relations, own, peer) = match direction {
            Direction::Egress => (&plane.egress, source, destination),
            Direction::Ingress => (&plane.ingress, destination, source),
        };
        relations.get(own as usize).map_or(TrafficId::NONE, |relation| relation.at(peer))
    }

    /// What one side alone may let pass from one endpoint to another.
    pub fn possible_side(&self, src: EndpointId, dst: EndpointId, direction: Direction) -> TrafficId {
        let sides = self.possible_planes().iter().map(|plane| self.side_in(plane, src, dst, direction));
        sides.fold(TrafficId::NONE, |all, side| self.traffic.union(all, side))
    }

    /// Equal for endpoints that may send the same to everybody and that everybody lets in alike.
    pub fn source_class(&self, id: EndpointId) -> u32 {
        self.sources.get(id.0 as usize).copied().unwrap_or(u32::MAX)
    }

    /// Equal for endpoints that let everybody in alike and to which everybody may send the same.
    pub fn destination_class(&self, id: EndpointId) -> u32 {
        self.destinations.get(id.0 as usize).copied().unwrap_or(u32::MAX)
    }

    /// The traffic with this id.
    pub fn traffic(&self, id: TrafficId) -> &Traffic {
        self.traffic.get(id)
    }

    /// All traffic that has been an answer, for combining answers.
    pub fn traffic_table(&self) -> &TrafficTable {
        &self.traffic
    }

    /// Whether some tier takes the endpoint as one that is isolated in this direction (S-3).
    pub fn isolated(&self, endpoint: EndpointId, direction: Direction) -> bool {
        self.isolated.get(endpoint.0 as usize).is_some_and(|[ingress, egress]| match direction {
            Direction::Ingress => *ingress,
            Direction::Egress => *egress,
        })
    }

    /// The groups of pods, ascending, that a selector selects; pods on the host network only where the
    /// profile lets selectors see them (S-37).
    ///
    /// A selector that the policies use has been answered already; any other costs a look at every group
    /// of the namespaces that it speaks of.
    pub fn selects(&self, selector: &PodSelector) -> Vec<GroupId> {
        let seen = |number: &u32| self.groups.get(*number as usize).is_some_and(|group| group.seen);
        let mut groups: Vec<GroupId> = match self.selectors.get(selector) {
            Some(number) => {
                let groups = self.selection.groups(*number);
                groups.filter(seen).map(GroupId).collect()
            }
            None => (0_u32..)
                .zip(&self.namespaces)
                .filter(|(_, namespace)| match &selector.namespaces {
                    NamespaceSelector::Named(name) => namespace.name == *name,
                    NamespaceSelector::Labels(labels) => labels.matches(&namespace.labels),
                })
                .flat_map(|(namespace, _)| self.groups_within.get(namespace))
                .filter(|number| {
                    let group = self.groups.get(**number as usize);
                    group.is_some_and(|group| group.seen && selects(selector, group).certain())
                })
                .map(|number| GroupId(*number))
                .collect(),
        };
        groups.sort_unstable();
        groups
    }

    /// The groups of pods, ascending, that a selector of the policies may select, beyond those that it
    /// [selects](Self::selects) for certain.
    pub fn may_select(&self, selector: &PodSelector) -> Vec<GroupId> {
        let seen = |number: &u32| self.groups.get(*number as usize).is_some_and(|group| group.seen);
        let number = self.selectors.get(selector).copied();
        let groups = number.into_iter().flat_map(|number| self.selection.maybe(number));
        let mut groups: Vec<GroupId> = groups.filter(seen).map(GroupId).collect();
        groups.sort_unstable();
        groups
    }

    /// How much there was to do.
    pub fn stats(&self) -> Stats {
        Stats { traffic: self.traffic.len(), ..self.stats }
    }
}
