//! What a change of the manifests does to who can reach whom.

use std::collections::{BTreeMap, BTreeSet};

use npv_models::cluster::Cluster;
use npv_models::space::{Traffic, cidr_text};
use rustc_hash::FxHashMap;

use crate::engine::{Endpoint, EndpointId, EndpointKind, Engine};

/// Changes beyond this number are counted, not listed.
const MOST: usize = 1000;

/// A connection that opens or closes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The source: its endpoint id after the change, or its addresses.
    pub src: String,
    /// The destination, likewise.
    pub dst: String,
    /// What passes on one side of the change and not on the other.
    pub traffic: String,
}

/// The difference between two answers for the same endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// What passes afterwards and did not before.
    pub opened: BTreeSet<Change>,
    /// What passed before and does not afterwards.
    pub closed: BTreeSet<Change>,
    /// There is more than is listed.
    pub more: bool,
}

impl Effect {
    /// Whether every verdict is as it was.
    pub fn is_none(&self) -> bool {
        self.opened.is_empty() && self.closed.is_empty()
    }
}

/// An endpoint before and one after that have something in common.
type Cell = (EndpointId, EndpointId);

/// A source or a destination on both sides of the change.
type Classes = (u32, u32, bool);

/// Compares the answers of two engines for the same pods, nodes and addresses; `None` where these are not
/// the same.
pub(super) fn compare(
    (before, cluster): (&Engine, &Cluster),
    (after, cluster_after): (&Engine, &Cluster),
) -> Option<Effect> {
    if !same_endpoints(cluster, cluster_after) {
        return None;
    }
    let cells = cells(before, after)?;
    let mut sources: BTreeMap<Classes, Vec<Cell>> = BTreeMap::new();
    let mut destinations = sources.clone();
    for cell @ (old, new) in cells {
        let outside = after.endpoint(new).is_some_and(|endpoint| endpoint.outside);
        let source = (before.source_class(old), after.source_class(new), outside);
        let destination = (before.destination_class(old), after.destination_class(new), outside);
        sources.entry(source).or_default().push(cell);
        destinations.entry(destination).or_default().push(cell);
    }
    let mut equal = FxHashMap::default();
    let mut effect = Effect::default();
    for ((_, _, source_outside), from) in &sources {
        for ((_, _, destination_outside), to) in &destinations {
            let (Some(src), Some(dst)) = (from.first(), to.first()) else { continue };
            if *source_outside && *destination_outside {
                continue;
            }
            let ids = (before.between(src.0, dst.0).both, after.between(src.1, dst.1).both);
            let (old, new) = (before.traffic(ids.0), after.traffic(ids.1));
            if *equal.entry(ids).or_insert_with(|| old == new) {
                continue;
            }
            record(&mut effect, (before, after), (from, to), (old, new));
        }
    }
    Some(effect)
}

/// An endpoint as people know it: anything but addresses by its id; of addresses those that are the same before and
/// after, for only of these the change is said.
fn name(before: &Endpoint, endpoint: &Endpoint) -> String {
    let EndpointKind::External(set) = &endpoint.kind else { return endpoint.id.clone() };
    let common = match &before.kind {
        EndpointKind::External(old) => set.intersection(old),
        _ => set.clone(),
    };
    let set = &common;
    let mut ranges = set.ranges();
    let shown: Vec<String> = ranges.by_ref().take(2).map(|(first, last)| cidr_text(first, last)).collect();
    let more = ranges.count();
    let shown = shown.join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more ranges") }
}

fn record(
    effect: &mut Effect,
    (before, engine): (&Engine, &Engine),
    (from, to): (&[Cell], &[Cell]),
    (old, new): (&Traffic, &Traffic),
) {
    let name = |&(old, new): &Cell| {
        before.endpoint(old).zip(engine.endpoint(new)).map_or_else(String::new, |(old, new)| name(old, new))
    };
    let Effect { opened, closed, more } = effect;
    for (list, traffic) in [(opened, new.difference(old)), (closed, old.difference(new))] {
        if traffic.is_empty() {
            continue;
        }
        let traffic = traffic.to_string();
        for src in from {
            for dst in to {
                if src.1 == dst.1 && !engine.endpoint(src.1).is_some_and(|endpoint| endpoint.several) {
                    continue;
                }
                if list.len() >= MOST {
                    *more = true;
                    return;
                }
                list.insert(Change { src: name(src), dst: name(dst), traffic: traffic.clone() });
            }
        }
    }
}

/// Whether both inventories hold the same pods and nodes, so that groups and nodes have the same numbers.
fn same_endpoints(before: &Cluster, after: &Cluster) -> bool {
    let names = |cluster: &Cluster| -> Vec<_> {
        let pods = cluster.groups.iter().map(|group| {
            let members: Vec<_> = group
                .members
                .iter()
                .map(|member| (member.name.clone(), member.addresses.clone(), member.node.clone()))
                .collect();
            (group.namespace, group.labels.clone(), group.ports.clone(), group.host_network, members)
        });
        pods.collect()
    };
    let namespaces = |cluster: &Cluster| -> Vec<_> {
        cluster.namespaces.iter().map(|one| (one.name.clone(), one.labels.clone())).collect()
    };
    let nodes = |cluster: &Cluster| -> Vec<_> {
        let nodes = cluster.nodes.iter();
        nodes.map(|node| (node.name.clone(), node.labels.clone(), node.addresses.clone())).collect()
    };
    names(before) == names(after) && namespaces(before) == namespaces(after) && nodes(before) == nodes(after)
}

/// Every pair of an endpoint before and one after that have a pod, a node or an address in common; `None`
/// where something is there on one side only.
fn cells(before: &Engine, after: &Engine) -> Option<BTreeSet<Cell>> {
    let mut found = BTreeSet::new();
    let (old, new) = (Parts::of(before), Parts::of(after));
    for (mine, theirs) in [(&old.groups, &new.groups), (&old.nodes, &new.nodes)] {
        if mine.keys().ne(theirs.keys()) {
            return None;
        }
        for (key, ids) in mine {
            pair(before, after, ids, theirs.get(key)?, &mut found);
        }
    }
    if old.assumed.keys().ne(new.assumed.keys()) {
        return None;
    }
    for (key, id) in &old.assumed {
        found.insert((*id, *new.assumed.get(key)?));
    }
    for &one in &old.external {
        for &other in &new.external {
            if let (Some(EndpointKind::External(left)), Some(EndpointKind::External(right))) =
                (before.endpoint(one).map(|end| &end.kind), after.endpoint(other).map(|end| &end.kind))
                && left.intersects(right)
            {
                found.insert((one, other));
            }
        }
    }
    Some(found)
}

/// Endpoints that share a group of pods: those with the same names where the group falls apart in the same
/// way, else any with any, which can only find differences that are none.
fn pair(
    before: &Engine,
    after: &Engine,
    ids: &[EndpointId],
    others: &[EndpointId],
    found: &mut BTreeSet<Cell>,
) {
    let names = |engine: &Engine, ids: &[EndpointId]| -> Vec<String> {
        ids.iter().filter_map(|id| Some(engine.endpoint(*id)?.id.clone())).collect()
    };
    if ids.len() > 1 && names(before, ids) == names(after, others) {
        found.extend(ids.iter().copied().zip(others.iter().copied()));
        return;
    }
    found.extend(ids.iter().flat_map(|one| others.iter().map(|other| (*one, *other))));
}

/// The endpoints of an engine, by what they are.
#[derive(Default)]
struct Parts<'e> {
    groups: BTreeMap<u32, Vec<EndpointId>>,
    nodes: BTreeMap<u32, Vec<EndpointId>>,
    assumed: BTreeMap<&'e str, EndpointId>,
    external: Vec<EndpointId>,
}

impl<'e> Parts<'e> {
    fn of(engine: &'e Engine) -> Self {
        let mut parts = Self::default();
        for (id, endpoint) in engine.ids().zip(engine.endpoints()) {
            match &endpoint.kind {
                EndpointKind::Pods { groups, .. } => {
                    for group in groups {
                        parts.groups.entry(group.0).or_default().push(id);
                    }
                }
                EndpointKind::Nodes(nodes) => {
                    for node in nodes {
                        parts.nodes.entry(*node).or_default().push(id);
                    }
                }
                EndpointKind::External(_) => parts.external.push(id),
                EndpointKind::Assumed(_) => {
                    parts.assumed.insert(&endpoint.id, id);
                }
            }
        }
        parts
    }
}
