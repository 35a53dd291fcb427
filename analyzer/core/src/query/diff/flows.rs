//! What passes on one side and not on the other.
//!
//! Cells that are alike on both sides, as sources or as destinations, are compared once for all of them.

use std::collections::BTreeMap;

use npv_models::cluster::GroupId;
use npv_models::space::{IntervalSet, IpSet, Traffic};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::refine::Cell;
use super::{Side, Which};
use crate::engine::{EndpointId, EndpointKind, TrafficId, TrafficTable};
use crate::query::reach::PartyKind;

/// How many sources are compared before their rows are dropped.
const CHUNK: usize = 512;

/// A class of cells: which class of endpoints they are on each side, and whether they are outside of the
/// cluster and addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    base: Option<u32>,
    head: Option<u32>,
    outside: bool,
    /// They are addresses, which are merged into blocks, and not domains.
    addresses: bool,
}

/// Cells that are alike.
#[derive(Debug)]
pub(super) struct Group {
    key: Key,
    pub(super) cells: Vec<u32>,
}

/// A difference between two classes of cells.
#[derive(Clone, Copy, Debug)]
struct Change {
    src: u32,
    dst: u32,
    traffic: [TrafficId; 2],
}

/// What opens or closes between two groups; the traffic is never nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) src: u32,
    pub(super) dst: u32,
    pub(super) traffic: TrafficId,
}

/// All differences, between groups of ends.
#[derive(Debug, Default)]
pub(super) struct Flows {
    pub(super) sources: Vec<Vec<u32>>,
    pub(super) destinations: Vec<Vec<u32>>,
    /// The blocks of addresses that rows speak of; they follow the cells as ends.
    pub(super) blocks: Vec<IpSet>,
    pub(super) rows: [Vec<Row>; 2],
    pub(super) traffic: TrafficTable,
}

/// What routes send to groups of pods, from an entry point that is assumed.
pub(super) type Sends = BTreeMap<GroupId, Traffic>;

/// What is asked of each side about assumed entry points, by their ids.
#[derive(Debug, Default)]
pub(super) struct Routed {
    pub(super) base: BTreeMap<String, Sends>,
    pub(super) head: BTreeMap<String, Sends>,
}

impl Routed {
    pub(super) fn of(base: &Side<'_>, head: &Side<'_>) -> Self {
        let sends = |side: &Side<'_>| -> BTreeMap<String, Sends> {
            side.cluster.entries().into_iter().map(|entry| (entry.id, entry.sends)).collect()
        };
        Self { base: sends(base), head: sends(head) }
    }

    fn is(&self, cell: &Cell) -> bool {
        let id = &cell.party.id;
        cell.party.kind == PartyKind::Assumed && (self.base.contains_key(id) || self.head.contains_key(id))
    }
}

/// Compares everybody with everybody. `inside` cells come first, then those of addresses.
pub(super) fn compare(base: &Side<'_>, head: &Side<'_>, cells: &[Cell], routed: &Routed) -> Flows {
    let table = TrafficTable::default();
    let outside = |cell: &Cell| {
        cell.base.is_some_and(|id| base.engine.is_outside(id))
            || cell.head.is_some_and(|id| head.engine.is_outside(id))
    };
    let is_source = |cell: &Cell| {
        cell.base.is_some_and(|id| base.engine.is_source(id))
            || cell.head.is_some_and(|id| head.engine.is_source(id))
    };
    let sources = groups(cells, |cell| {
        (is_source(cell) && !routed.is(cell)).then(|| Key {
            base: cell.base.and_then(|id| base.engine.source(id)),
            head: cell.head.and_then(|id| head.engine.source(id)),
            outside: outside(cell),
            addresses: matches!(cell.party.kind, PartyKind::External(_)),
        })
    });
    let destinations = groups(cells, |cell| {
        (!routed.is(cell)).then(|| Key {
            base: cell.base.and_then(|id| base.engine.destination(id)),
            head: cell.head.and_then(|id| head.engine.destination(id)),
            outside: outside(cell),
            addresses: matches!(cell.party.kind, PartyKind::External(_)),
        })
    });
    let mut changes = Vec::new();
    for (number, chunk) in sources.chunks(CHUNK).enumerate() {
        let old = dense(base, chunk.iter().map(|group| group.key.base), Bound::Certain, &table);
        let new = dense(head, chunk.iter().map(|group| group.key.head), Bound::Certain, &table);
        // What may still pass has not closed.
        let still = head
            .engine
            .is_vague()
            .then(|| dense(head, chunk.iter().map(|group| group.key.head), Bound::Possible, &table));
        let found: Vec<Vec<Change>> = chunk
            .par_iter()
            .enumerate()
            .map(|(place, group)| {
                let row = |rows: &[Vec<TrafficId>]| rows.get(place).map_or(&[][..], Vec::as_slice).to_vec();
                let src = (number * CHUNK + place) as u32;
                let new_row = row(&new);
                let still = still.as_ref().map_or_else(|| new_row.clone(), |still| row(still));
                compare_row(src, group.key.outside, [&row(&old), &new_row, &still], &destinations, &table)
            })
            .collect();
        changes.extend(found.into_iter().flatten());
    }
    let mut flows = merge(&changes, sources, destinations, cells, table);
    for (index, cell) in (0_u32..).zip(cells) {
        if routed.is(cell) {
            assumed(index, cell, [base, head], cells, routed, &mut flows);
        }
    }
    flows
}

/// Cells with equal keys, in the order in which they first come; without those that have none.
fn groups(cells: &[Cell], key: impl Fn(&Cell) -> Option<Key>) -> Vec<Group> {
    let mut numbers: FxHashMap<Key, usize> = FxHashMap::default();
    let mut groups: Vec<Group> = Vec::new();
    for (index, cell) in (0_u32..).zip(cells) {
        let Some(key) = key(cell) else { continue };
        let number = *numbers.entry(key).or_insert_with(|| {
            groups.push(Group { key, cells: Vec::new() });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(number) {
            group.cells.push(index);
        }
    }
    groups
}

/// What passes in every cluster that the manifests allow for, or in some.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    Certain,
    Possible,
}

/// Per source, what passes to each destination of its side; nothing where the side has no such source.
fn dense(
    side: &Side<'_>,
    sources: impl Iterator<Item = Option<u32>>,
    bound: Bound,
    table: &TrafficTable,
) -> Vec<Vec<TrafficId>> {
    let sources: Vec<Option<u32>> = sources.collect();
    let asked: Vec<u32> = sources.iter().flatten().copied().collect();
    let mut rows = match bound {
        Bound::Certain => side.engine.rows_of_sources(&asked),
        Bound::Possible => side.engine.possible_rows_of_sources(&asked),
    }
    .into_iter();
    let rows: Vec<Option<Vec<(u32, TrafficId)>>> =
        sources.iter().map(|source| source.and_then(|_| rows.next())).collect();
    rows.into_par_iter()
        .map(|row| {
            let Some(row) = row else { return Vec::new() };
            let mut known: FxHashMap<TrafficId, TrafficId> = FxHashMap::default();
            let mut dense = vec![TrafficId::NONE; side.engine.destination_count()];
            for (destination, id) in row {
                let joint = *known.entry(id).or_insert_with(|| table.intern(side.engine.traffic(id).clone()));
                if let Some(place) = dense.get_mut(destination as usize) {
                    *place = joint;
                }
            }
            dense
        })
        .collect()
}

/// One source against every destination.
fn compare_row(
    src: u32,
    from_outside: bool,
    [old, new, still]: [&[TrafficId]; 3],
    destinations: &[Group],
    table: &TrafficTable,
) -> Vec<Change> {
    let at = |row: &[TrafficId], destination: Option<u32>| {
        destination.and_then(|number| row.get(number as usize)).copied().unwrap_or(TrafficId::NONE)
    };
    let mut known: FxHashMap<[TrafficId; 3], [TrafficId; 2]> = FxHashMap::default();
    let mut changes = Vec::new();
    for (dst, group) in (0_u32..).zip(destinations) {
        // What passes between two ends outside is none of npv's business.
        if from_outside && group.key.outside {
            continue;
        }
        let (before, after) = (at(old, group.key.base), at(new, group.key.head));
        let possible = at(still, group.key.head);
        if before != after {
            let traffic = *known
                .entry([before, after, possible])
                .or_insert_with(|| [table.difference(after, before), table.difference(before, possible)]);
            changes.push(Change { src, dst, traffic });
        }
    }
    changes
}

/// What is opposite to addresses: whether it is the source, its group, and the traffic.
type Opposite = (bool, u32, Traffic);

/// Numbers blocks of addresses as ends and groups.
struct Blocks {
    numbers: FxHashMap<IpSet, u32>,
    sets: Vec<IpSet>,
}

impl Blocks {
    fn number(&mut self, set: IpSet) -> u32 {
        let next = self.sets.len() as u32;
        *self.numbers.entry(set).or_insert_with_key(|set| {
            self.sets.push(set.clone());
            next
        })
    }
}

/// Addresses with the same difference to one end become one block.
fn merge(
    changes: &[Change],
    sources: Vec<Group>,
    destinations: Vec<Group>,
    cells: &[Cell],
    traffic: TrafficTable,
) -> Flows {
    let addresses = |groups: &[Group]| -> Vec<Option<IpSet>> {
        groups.iter().map(|group| group_addresses(group, cells)).collect()
    };
    let (from, to) = (addresses(&sources), addresses(&destinations));
    let mut blocks = Blocks { numbers: FxHashMap::default(), sets: Vec::new() };
    let mut rows: [Vec<Row>; 2] = Default::default();
    let mut open: [BTreeMap<Opposite, Vec<&IpSet>>; 2] = Default::default();
    for change in changes {
        for ((traffic_id, rows), open) in change.traffic.iter().zip(&mut rows).zip(&mut open) {
            if traffic_id.is_none() {
                continue;
            }
            let set = |sets: &'_ [Option<IpSet>], number: u32| {
                sets.get(number as usize).is_some_and(Option::is_some)
            };
            if set(&from, change.src) || set(&to, change.dst) {
                let (leaving, end, set) = match from.get(change.src as usize) {
                    Some(Some(set)) => (false, change.dst, Some(set)),
                    _ => (true, change.src, to.get(change.dst as usize).and_then(Option::as_ref)),
                };
                let key = (leaving, end, traffic.get(*traffic_id).clone());
                open.entry(key).or_default().extend(set);
            } else {
                rows.push(Row { src: change.src, dst: change.dst, traffic: *traffic_id });
            }
        }
    }
    let mut pending: Vec<(usize, bool, u32, u32, TrafficId)> = Vec::new();
    for (which, open) in open.iter().enumerate() {
        for ((leaving, end, set), parts) in open {
            let block = blocks.number(union(parts));
            pending.push((which, *leaving, *end, block, traffic.intern(set.clone())));
        }
    }
    // Blocks are ends of their own, in the order of their lowest addresses.
    let mut order: Vec<u32> = (0..blocks.sets.len() as u32).collect();
    order
        .sort_by_cached_key(|number| blocks.sets.get(*number as usize).map(|set| (set.first(), set.clone())));
    let mut place = vec![0_u32; order.len()];
    for (position, number) in (0_u32..).zip(&order) {
        if let Some(place) = place.get_mut(*number as usize) {
            *place = position;
        }
    }
    // Groups of addresses have no rows any more.
    let inside = |groups: Vec<Group>, sets: &[Option<IpSet>]| -> Vec<Vec<u32>> {
        let groups = groups.into_iter().zip(sets);
        groups.map(|(group, set)| if set.is_none() { group.cells } else { Vec::new() }).collect()
    };
    let mut all_sources = inside(sources, &from);
    let mut all_destinations = inside(destinations, &to);
    let (first_source, first_destination) = (all_sources.len() as u32, all_destinations.len() as u32);
    let is_inside = |cell: &&Cell| !matches!(cell.party.kind, PartyKind::External(_));
    let ends = cells.iter().filter(is_inside).count() as u32;
    for position in 0..order.len() as u32 {
        all_sources.push(vec![ends + position]);
        all_destinations.push(vec![ends + position]);
    }
    for (which, leaving, end, block, traffic) in pending {
        let position = place.get(block as usize).copied().unwrap_or_default();
        let (src, dst) =
            if leaving { (end, first_destination + position) } else { (first_source + position, end) };
        if let Some(rows) = rows.get_mut(which) {
            rows.push(Row { src, dst, traffic });
        }
    }
    let sets = order.iter().filter_map(|number| blocks.sets.get(*number as usize).cloned());
    Flows { sources: all_sources, destinations: all_destinations, blocks: sets.collect(), rows, traffic }
}

fn group_addresses(group: &Group, cells: &[Cell]) -> Option<IpSet> {
    let sets: Vec<&IpSet> = group
        .cells
        .iter()
        .filter_map(|index| match &cells.get(*index as usize)?.party.kind {
            PartyKind::External(addresses) => Some(addresses),
            _ => None,
        })
        .collect();
    (!sets.is_empty()).then(|| union(&sets))
}

fn union(sets: &[&IpSet]) -> IpSet {
    let v4 = sets.iter().flat_map(|set| set.v4().intervals()).copied();
    let v6 = sets.iter().flat_map(|set| set.v6().intervals()).copied();
    IpSet::from_parts(IntervalSet::from_intervals(v4), IntervalSet::from_intervals(v6))
}

/// What an assumed entry point sends through its routes (S-84), and no more is said of it.
fn assumed(
    index: u32,
    cell: &Cell,
    [base, head]: [&Side<'_>; 2],
    cells: &[Cell],
    routed: &Routed,
    flows: &mut Flows,
) {
    let source = flows.sources.len() as u32;
    flows.sources.push(vec![index]);
    let sent = |side: &Side<'_>,
                sends: Option<&Sends>,
                (src, dst): (Option<EndpointId>, Option<EndpointId>),
                bound: Bound| {
        let (Some(sends), Some(src), Some(dst)) = (sends, src, dst) else { return Traffic::NONE };
        let Some(EndpointKind::Pods { groups, .. }) = side.engine.endpoint(dst).map(|end| &end.kind) else {
            return Traffic::NONE;
        };
        let to_groups = groups.iter().filter_map(|group| sends.get(group));
        let sent = to_groups.fold(Traffic::NONE, |all, traffic| all.union(traffic));
        if sent.is_empty() {
            return sent;
        }
        let sides = match bound {
            Bound::Certain => side.engine.between(src, dst),
            Bound::Possible => side.engine.possibly_between(src, dst),
        };
        side.engine.traffic(sides.both).intersection(&sent)
    };
    let id = &cell.party.id;
    for (dst, other) in (0_u32..).zip(cells) {
        let before = sent(base, routed.base.get(id), (cell.base, other.base), Bound::Certain);
        let after = sent(head, routed.head.get(id), (cell.head, other.head), Bound::Certain);
        let still = sent(head, routed.head.get(id), (cell.head, other.head), Bound::Possible);
        let (opened, closed) = (after.difference(&before), before.difference(&still));
        for (which, traffic) in [(Which::Opened, opened), (Which::Closed, closed)] {
            if traffic.is_empty() {
                continue;
            }
            let destination = flows.destinations.len() as u32;
            flows.destinations.push(vec![dst]);
            let traffic = flows.traffic.intern(traffic);
            if let Some(rows) = flows.rows.get_mut(which as usize) {
                rows.push(Row { src: source, dst: destination, traffic });
            }
        }
    }
}
