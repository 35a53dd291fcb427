//! A map from peers to traffic as disjoint rows.

use rustc_hash::FxHashMap;

use super::partition::Blocks;
use super::set::ClassSet;
use super::traffic::TrafficId;

/// Which traffic there is with which peers.
///
/// The peers of the rows are disjoint and not empty, and no two rows have the same traffic; peers in no
/// row have none. Rows are in the order of their smallest peers, so equal maps have equal representations.
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

    /// The map with these rows, of which no two have a peer in common.
    pub(crate) fn from_disjoint(rows: impl Iterator<Item = (ClassSet, TrafficId)>) -> Self {
        let mut places: FxHashMap<TrafficId, usize> = FxHashMap::default();
        let mut merged: Vec<(Vec<ClassSet>, TrafficId)> = Vec::new();
        for (peers, traffic) in rows.filter(|(peers, traffic)| !peers.is_empty() && !traffic.is_none()) {
            let place = *places.entry(traffic).or_insert(merged.len());
            match merged.get_mut(place) {
                Some((sets, _)) => sets.push(peers),
                None => merged.push((vec![peers], traffic)),
            }
        }
        let mut rows: Vec<(ClassSet, TrafficId)> =
            merged.into_iter().map(|(sets, traffic)| (ClassSet::union_of(sets.iter()), traffic)).collect();
        rows.sort_unstable_by_key(|(peers, _)| peers.first());
        Self { rows }
    }

    /// The rows.
    pub(crate) fn rows(&self) -> &[(ClassSet, TrafficId)] {
        &self.rows
    }

    /// The traffic with one peer.
    pub(crate) fn at(&self, peer: u32) -> TrafficId {
        self.rows.iter().find(|(peers, _)| peers.contains(peer)).map_or(TrafficId::NONE, |row| row.1)
    }

    /// The rows with these peers only.
    pub(crate) fn among(&self, peers: &ClassSet) -> impl Iterator<Item = (ClassSet, TrafficId)> {
        self.rows.iter().map(|(own, traffic)| (own.intersection(peers), *traffic))
    }

    /// The same map between blocks of a partition that keeps the peers of each row apart from others.
    pub(crate) fn image(&self, blocks: &Blocks, traffic: impl Fn(TrafficId) -> TrafficId) -> Self {
        let rows = self.rows.iter().map(|(peers, id)| (blocks.image(peers), traffic(*id)));
        Self { rows: rows.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_with_the_same_traffic_are_one_and_come_in_order() {
        let set = |numbers: &[u32]| ClassSet::from_sorted(numbers);
        let relation = Relation::from_disjoint(
            [
                (set(&[7, 70]), TrafficId::ALL),
                (set(&[3]), TrafficId::NONE),
                (set(&[]), TrafficId::ALL),
                (set(&[1]), TrafficId::ALL),
            ]
            .into_iter(),
        );
        assert_eq!(relation.rows(), [(set(&[1, 7, 70]), TrafficId::ALL)]);
        assert_eq!((relation.at(70), relation.at(3)), (TrafficId::ALL, TrafficId::NONE));
        assert!(Relation::of(set(&[1]), TrafficId::NONE).rows().is_empty());
    }
}
