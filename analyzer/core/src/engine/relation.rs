//! A map from peers to traffic as disjoint rows.

use super::partition::Blocks;
use super::set::ClassSet;
use super::traffic::{TrafficId, TrafficTable};

/// Which traffic there is with which peers.
///
/// The peers of the rows are disjoint and not empty, and no two rows have the same traffic; peers in no
/// row have none. In [`Relation::canonical`] order, equal maps have equal representations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Relation {
    rows: Vec<(ClassSet, TrafficId)>,
}

impl Relation {
    /// The same traffic with all of these peers.
    pub(crate) fn of(peers: ClassSet, traffic: TrafficId) -> Self {
        let rows = if peers.is_empty() || traffic.is_none() { Vec::new() } else { vec![(peers, traffic)] };
        Self { rows }
    }

    /// The union of many parts that may overlap.
    pub(crate) fn union_of<'a>(
        parts: impl Iterator<Item = (&'a ClassSet, TrafficId)>,
        table: &TrafficTable,
    ) -> Self {
        // Peers with the same traffic first: rules of one port list repeat, and sets are cheap to unite.
        let mut by_traffic: Vec<(TrafficId, Vec<&ClassSet>)> = Vec::new();
        for (peers, traffic) in parts {
            match by_traffic.iter_mut().find(|(known, _)| *known == traffic) {
                Some((_, sets)) => sets.push(peers),
                None => by_traffic.push((traffic, vec![peers])),
            }
        }
        let mut union = Self::default();
        for (traffic, sets) in by_traffic {
            union.add(ClassSet::union_of(sets.iter().copied()), traffic, table);
        }
        union
    }

    /// The rows.
    pub(crate) fn rows(&self) -> &[(ClassSet, TrafficId)] {
        &self.rows
    }

    /// The traffic with one peer.
    pub(crate) fn at(&self, peer: u32) -> TrafficId {
        self.rows.iter().find(|(peers, _)| peers.contains(peer)).map_or(TrafficId::NONE, |row| row.1)
    }

    /// Adds traffic with some peers.
    pub(crate) fn add(&mut self, peers: ClassSet, traffic: TrafficId, table: &TrafficTable) {
        if traffic.is_none() || peers.is_empty() {
            return;
        }
        let mut rest = peers;
        let mut rows = Vec::with_capacity(self.rows.len() + 1);
        for (old, known) in std::mem::take(&mut self.rows) {
            let both = old.intersection(&rest);
            if both.is_empty() {
                rows.push((old, known));
                continue;
            }
            rest = rest.difference(&both);
            rows.push((old.difference(&both), known));
            rows.push((both, table.union(known, traffic)));
        }
        rows.push((rest, traffic));
        self.rows = merged(rows);
    }

    /// Adds all that another has.
    pub(crate) fn add_all(&mut self, other: Self, table: &TrafficTable) {
        if self.rows.is_empty() {
            *self = other;
            return;
        }
        for (peers, traffic) in other.rows {
            self.add(peers, traffic, table);
        }
    }

    /// What both have.
    pub(crate) fn intersection(&self, other: &Self, table: &TrafficTable) -> Self {
        let mut rows = Vec::new();
        for (peers, traffic) in &self.rows {
            for (others, known) in &other.rows {
                let both = table.intersection(*traffic, *known);
                if !both.is_none() {
                    rows.push((peers.intersection(others), both));
                }
            }
        }
        Self { rows: merged(rows) }
    }

    /// What this has and the other has not.
    pub(crate) fn difference(&self, other: &Self, table: &TrafficTable) -> Self {
        let mut rows = Vec::new();
        for (peers, traffic) in &self.rows {
            let mut rest = peers.clone();
            for (others, known) in &other.rows {
                let both = rest.intersection(others);
                if both.is_empty() {
                    continue;
                }
                rest = rest.difference(&both);
                rows.push((both, table.difference(*traffic, *known)));
            }
            rows.push((rest, *traffic));
        }
        Self { rows: merged(rows) }
    }

    /// Sorts the rows by their smallest peers.
    pub(crate) fn canonical(mut self) -> Self {
        self.rows.sort_unstable_by_key(|(peers, _)| peers.first());
        self
    }

    /// The same map between blocks of a partition that keeps the peers of each row apart from others.
    pub(crate) fn image(&self, blocks: &Blocks, traffic: impl Fn(TrafficId) -> TrafficId) -> Self {
        let rows = self.rows.iter().map(|(peers, id)| (blocks.image(peers), traffic(*id)));
        Self { rows: rows.collect() }
    }
}

/// One row for each traffic.
fn merged(rows: Vec<(ClassSet, TrafficId)>) -> Vec<(ClassSet, TrafficId)> {
    let mut merged: Vec<(ClassSet, TrafficId)> = Vec::with_capacity(rows.len());
    for (peers, traffic) in rows {
        if peers.is_empty() || traffic.is_none() {
            continue;
        }
        match merged.iter_mut().find(|(_, known)| *known == traffic) {
            Some((all, _)) => *all = all.union(&peers),
            None => merged.push((peers, traffic)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use npv_models::space::{PortSet, Protocol, Traffic};
    use proptest::prelude::*;

    use super::*;

    type Parts = Vec<(Vec<u32>, u16, u16)>;

    fn parts() -> impl Strategy<Value = Parts> {
        let part = (proptest::collection::vec(0_u32..80, 0..10), 1_u16..6, 1_u16..6);
        proptest::collection::vec(part, 0..6)
    }

    fn relation(parts: &Parts, table: &TrafficTable) -> Relation {
        let parts: Vec<(ClassSet, TrafficId)> = parts
            .iter()
            .map(|(peers, first, last)| {
                let traffic = Traffic::of(Protocol::Tcp, PortSet::range(*first, *last));
                (ClassSet::from_unsorted(peers.clone()), table.intern(traffic))
            })
            .collect();
        Relation::union_of(parts.iter().map(|(peers, traffic)| (peers, *traffic)), table)
    }

    fn allows(parts: &Parts, peer: u32, port: u16) -> bool {
        parts.iter().any(|(peers, first, last)| peers.contains(&peer) && (*first..=*last).contains(&port))
    }

    proptest! {
        #[test]
        fn operations_agree_flow_by_flow(left in parts(), right in parts()) {
            let table = TrafficTable::default();
            let (a, b) = (relation(&left, &table), relation(&right, &table));
            let mut union = a.clone();
            union.add_all(b.clone(), &table);
            let (both, minus) = (a.intersection(&b, &table), a.difference(&b, &table));
            let has = |relation: &Relation, peer, port| table.get(relation.at(peer)).contains(Protocol::Tcp, port);
            for peer in 0..80 {
                for port in 1..6 {
                    let (in_a, in_b) = (allows(&left, peer, port), allows(&right, peer, port));
                    prop_assert_eq!(has(&a, peer, port), in_a);
                    prop_assert_eq!(has(&union, peer, port), in_a || in_b);
                    prop_assert_eq!(has(&both, peer, port), in_a && in_b);
                    prop_assert_eq!(has(&minus, peer, port), in_a && !in_b);
                }
            }
            for relation in [&a, &union, &both, &minus] {
                for (number, (peers, traffic)) in relation.rows().iter().enumerate() {
                    prop_assert!(!peers.is_empty() && !traffic.is_none());
                    for (others, other) in relation.rows().iter().skip(number + 1) {
                        prop_assert!(!peers.intersects(others) && traffic != other);
                    }
                }
            }
            let (mut forth, mut back) = (a.clone(), b.clone());
            forth.add_all(b, &table);
            back.add_all(a, &table);
            prop_assert_eq!(forth.canonical(), back.canonical());
        }
    }
}
