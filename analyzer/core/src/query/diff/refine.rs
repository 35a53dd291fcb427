//! The common refinement of two sides: who is whom.
//!
//! Each side names its endpoints after what its own policies tell apart, and cuts the addresses outside at
//! its own blocks. To be compared, both are taken apart until each piece is a piece of one endpoint of
//! either side.

use std::collections::{BTreeMap, BTreeSet};

use npv_models::cluster::{Cluster, ContainerPort, GroupId, PodGroup};
use npv_models::space::{Bound, IntervalSet, IpSet, Labels};

use super::Side;
use crate::engine::{EndpointId, EndpointKind};
use crate::query::reach::{Party, PartyKind};

/// A piece of an endpoint of either side, or one that only one side has.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) party: Party,
    pub(super) base: Option<EndpointId>,
    pub(super) head: Option<EndpointId>,
}

/// What the endpoints of one family have in common; the same on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Family<'a> {
    /// Namespace, name and kind of a workload.
    Workload(&'a str, &'a str, &'a str),
    Nodes,
    /// Anything in braces, by its id.
    Symbolic(&'a str),
}

/// All cells in the order of every output: pods, what is in braces, addresses.
pub(super) fn cells(base: &Side<'_>, head: &Side<'_>) -> Vec<Cell> {
    let mut families: BTreeMap<Family<'_>, [Vec<EndpointId>; 2]> = BTreeMap::new();
    for (index, side) in [base, head].into_iter().enumerate() {
        for id in side.engine.ids() {
            let Some(family) = family(side, id) else { continue };
            if let Some(ids) = families.entry(family).or_default().get_mut(index) {
                ids.push(id);
            }
        }
    }
    let mut pairs: Vec<(Option<EndpointId>, Option<EndpointId>)> = Vec::new();
    for [old, new] in families.values() {
        pairs.extend(matched(base, head, old, new));
    }
    let mut cells = named(base, head, &pairs);
    let rank = |cell: &Cell| !matches!(cell.party.kind, PartyKind::Workload { .. });
    cells.sort_by(|a, b| (rank(a), &a.party.id).cmp(&(rank(b), &b.party.id)));
    cells.extend(outside(base, head));
    cells
}

fn family<'a>(side: &Side<'a>, id: EndpointId) -> Option<Family<'a>> {
    let endpoint = side.engine.endpoint(id)?;
    match &endpoint.kind {
        EndpointKind::Pods { workload, .. } => {
            let workload = side.cluster.workloads.get(workload.0 as usize)?;
            let namespace = side.cluster.namespaces.get(workload.namespace.0 as usize)?;
            Some(Family::Workload(&namespace.name, &workload.name, &workload.kind))
        }
        EndpointKind::Nodes(_) => Some(Family::Nodes),
        EndpointKind::Assumed(_) => Some(Family::Symbolic(&endpoint.id)),
        EndpointKind::External(_) => None,
    }
}

/// Which endpoints of a family are which.
///
/// Where one side cannot tell the family apart, its endpoint is all of the other's. Else pods of one name
/// are one pod, and groups of pods with the same labels and ports are one group; what is left then goes by
/// its id, and the last one of each side together.
fn matched(
    base: &Side<'_>,
    head: &Side<'_>,
    old: &[EndpointId],
    new: &[EndpointId],
) -> Vec<(Option<EndpointId>, Option<EndpointId>)> {
    let mut links: BTreeSet<(EndpointId, EndpointId)> = BTreeSet::new();
    if old.len() == 1 || new.len() == 1 {
        links.extend(old.iter().flat_map(|old| new.iter().map(|new| (*old, *new))));
    } else {
        let (before, after) = (Pieces::of(base, old), Pieces::of(head, new));
        for (name, id) in &after.pods {
            links.extend(before.pods.get(name).map(|old| (*old, *id)));
        }
        for (key, group) in &after.groups {
            let Some(other) = before.groups.get(key) else { continue };
            let known = group.pods.iter().any(|name| other.pods.contains(name));
            if !known && (group.ids.len() == 1 || other.ids.len() == 1) {
                links.extend(other.ids.iter().flat_map(|old| group.ids.iter().map(|new| (*old, *new))));
            }
        }
        let id_of = |side: &Side<'_>, id: EndpointId| side.engine.endpoint(id).map(|end| end.id.clone());
        let left_old = |links: &BTreeSet<(EndpointId, EndpointId)>| -> Vec<EndpointId> {
            old.iter().filter(|id| !links.iter().any(|link| link.0 == **id)).copied().collect()
        };
        let left_new = |links: &BTreeSet<(EndpointId, EndpointId)>| -> Vec<EndpointId> {
            new.iter().filter(|id| !links.iter().any(|link| link.1 == **id)).copied().collect()
        };
        for id in left_new(&links) {
            let twin = left_old(&links).into_iter().find(|old| id_of(base, *old) == id_of(head, id));
            links.extend(twin.map(|old| (old, id)));
        }
        if let ([old], [new]) = (left_old(&links).as_slice(), left_new(&links).as_slice()) {
            links.insert((*old, *new));
        }
    }
    let gone = old.iter().filter(|id| !links.iter().any(|link| link.0 == **id)).map(|id| (Some(*id), None));
    let come = new.iter().filter(|id| !links.iter().any(|link| link.1 == **id)).map(|id| (None, Some(*id)));
    let both = links.iter().map(|(old, new)| (Some(*old), Some(*new)));
    both.chain(gone).chain(come).collect()
}

/// What identifies pods apart from their names.
type GroupKey<'a> = (&'a Labels, &'a [ContainerPort], bool);

#[derive(Default)]
struct PieceGroup<'a> {
    ids: BTreeSet<EndpointId>,
    pods: BTreeSet<&'a str>,
}

/// What the endpoints of a family consist of.
#[derive(Default)]
struct Pieces<'a> {
    /// Listed pods, or nodes, by name.
    pods: BTreeMap<&'a str, EndpointId>,
    groups: BTreeMap<GroupKey<'a>, PieceGroup<'a>>,
}

impl<'a> Pieces<'a> {
    fn of(side: &Side<'a>, ids: &[EndpointId]) -> Self {
        let mut pieces = Self::default();
        for id in ids {
            match side.engine.endpoint(*id).map(|endpoint| &endpoint.kind) {
                Some(EndpointKind::Pods { groups, .. }) => {
                    for group in groups {
                        pieces.group(side, *id, *group);
                    }
                }
                Some(EndpointKind::Nodes(nodes)) => {
                    let names = nodes.iter().filter_map(|node| side.cluster.nodes.get(*node as usize));
                    pieces.pods.extend(names.map(|node| (&*node.name, *id)));
                }
                _ => {}
            }
        }
        pieces
    }

    fn group(&mut self, side: &Side<'a>, id: EndpointId, group: GroupId) {
        let Some(pods) = side.cluster.groups.get(group.0 as usize) else { return };
        let names: Vec<&str> =
            members(side, id, group).into_iter().filter_map(|index| name_of(pods, index)).collect();
        self.pods.extend(names.iter().map(|name| (*name, id)));
        let piece = self.groups.entry((&pods.labels, &pods.ports, pods.host_network)).or_default();
        piece.ids.insert(id);
        piece.pods.extend(names);
    }
}

fn name_of(pods: &PodGroup, index: u32) -> Option<&str> {
    pods.members.get(index as usize).map(|member| &*member.name)
}

/// The positions of the listed pods of a group that an endpoint holds.
pub(super) fn members(side: &Side<'_>, id: EndpointId, group: GroupId) -> Vec<u32> {
    let Some(endpoint) = side.engine.endpoint(id) else { return Vec::new() };
    if let Some(positions) = endpoint.part_of(group) {
        return positions.to_vec();
    }
    let count = side.cluster.groups.get(group.0 as usize).map_or(0, |group| group.members.len());
    (0..count as u32).collect()
}

/// Cells with names that are unique: an endpoint's own where it is in one piece.
fn named(base: &Side<'_>, head: &Side<'_>, pairs: &[(Option<EndpointId>, Option<EndpointId>)]) -> Vec<Cell> {
    let mut pieces: [BTreeMap<EndpointId, u32>; 2] = Default::default();
    for (old, new) in pairs {
        let [before, after] = &mut pieces;
        if let Some(id) = old {
            *before.entry(*id).or_default() += 1;
        }
        if let Some(id) = new {
            *after.entry(*id).or_default() += 1;
        }
    }
    let [before, after] = &pieces;
    let whole = |counts: &BTreeMap<EndpointId, u32>, id: &EndpointId| counts.get(id) == Some(&1);
    let party = |cluster: &Cluster, side: &Side<'_>, id: EndpointId| {
        side.engine.endpoint(id).map(|endpoint| Party::of(endpoint, cluster))
    };
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut cells = Vec::with_capacity(pairs.len());
    for (old, new) in pairs {
        let old_party = old.and_then(|id| party(base.cluster, base, id));
        let new_party = new.and_then(|id| party(head.cluster, head, id));
        let (Some(mut named), unlike) = (match (old_party, new_party) {
            (Some(old_party), Some(new_party)) => {
                let by_base = old.is_some_and(|id| whole(before, &id));
                let by_head = new.is_some_and(|id| whole(after, &id));
                let was = format!("{}{{was {}}}", new_party.id, old_party.id);
                let id = if by_head || !by_base { new_party.id.clone() } else { old_party.id };
                (Some(Party { id, ..new_party }), was)
            }
            (Some(only), None) => {
                let id = format!("{}{{removed}}", only.id);
                (Some(only), id)
            }
            (None, Some(only)) => {
                let id = format!("{}{{added}}", only.id);
                (Some(only), id)
            }
            (None, None) => (None, String::new()),
        }) else {
            continue;
        };
        if !taken.insert(named.id.clone()) {
            named.id.clone_from(&unlike);
            taken.insert(unlike);
        }
        cells.push(Cell { party: named, base: *old, head: *new });
    }
    cells
}

/// The addresses outside, cut at the blocks of both sides.
fn outside(base: &Side<'_>, head: &Side<'_>) -> Vec<Cell> {
    let (old, new) = (blocks(base), blocks(head));
    let v4 = overlay(old.iter().map(|(_, set)| set.v4()), new.iter().map(|(_, set)| set.v4()));
    let v6 = overlay(old.iter().map(|(_, set)| set.v6()), new.iter().map(|(_, set)| set.v6()));
    let keys: BTreeSet<(usize, usize)> = v4.keys().chain(v6.keys()).copied().collect();
    let mut cells: Vec<(IpSet, Cell)> = keys
        .into_iter()
        .filter_map(|key| {
            let addresses = IpSet::from_parts(
                v4.get(&key).map_or(IntervalSet::EMPTY, |ranges| IntervalSet::from_intervals(ranges.clone())),
                v6.get(&key).map_or(IntervalSet::EMPTY, |ranges| IntervalSet::from_intervals(ranges.clone())),
            );
            let kind = PartyKind::External(addresses.clone());
            let party = Party { id: String::new(), kind, pods: 0, several: false };
            let (base, head) = (Some(old.get(key.0)?.0), Some(new.get(key.1)?.0));
            Some((addresses, Cell { party, base, head }))
        })
        .collect();
    cells.sort_by_cached_key(|(addresses, _)| addresses.first());
    cells.into_iter().map(|(_, cell)| cell).collect()
}

fn blocks<'a>(side: &Side<'a>) -> Vec<(EndpointId, &'a IpSet)> {
    let of = |id: EndpointId| match &side.engine.endpoint(id)?.kind {
        EndpointKind::External(addresses) => Some((id, addresses)),
        _ => None,
    };
    side.engine.ids().filter_map(of).collect()
}

/// What two partitions have in common, by the numbers of their parts.
fn overlay<'s, T: Bound + 's>(
    left: impl Iterator<Item = &'s IntervalSet<T>>,
    right: impl Iterator<Item = &'s IntervalSet<T>>,
) -> BTreeMap<(usize, usize), Vec<(T, T)>> {
    let (left, right) = (ranges(left), ranges(right));
    let (mut a, mut b) = (left.iter().peekable(), right.iter().peekable());
    let mut common: BTreeMap<(usize, usize), Vec<(T, T)>> = BTreeMap::new();
    while let (Some(&&(start, end, old)), Some(&&(other_start, other_end, new))) = (a.peek(), b.peek()) {
        let (first, last) = (start.max(other_start), end.min(other_end));
        if first <= last {
            common.entry((old, new)).or_default().push((first, last));
        }
        if end <= other_end {
            a.next();
        } else {
            b.next();
        }
    }
    common
}

/// All ranges of the parts of a partition, ascending, each with the number of its part.
fn ranges<'s, T: Bound + 's>(sets: impl Iterator<Item = &'s IntervalSet<T>>) -> Vec<(T, T, usize)> {
    let mut all: Vec<(T, T, usize)> = sets
        .enumerate()
        .flat_map(|(part, set)| set.intervals().iter().map(move |(first, last)| (*first, *last, part)))
        .collect();
    all.sort_unstable();
    all
}
