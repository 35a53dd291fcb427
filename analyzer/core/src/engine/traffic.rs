//! Hash-consed traffic: equal sets have equal ids, and combinations are computed once.

use std::sync::{OnceLock, PoisonError, RwLock};

use npv_models::space::Traffic;
use rustc_hash::FxHashMap;

/// Index of a set of traffic in a [`TrafficTable`]: equal sets have equal ids.
///
/// The order of ids means nothing and depends on the order of the questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrafficId(u32);

impl TrafficId {
    /// No traffic, in every table.
    pub const NONE: Self = Self(0);
    /// All traffic that the table knows of.
    pub const ALL: Self = Self(1);

    /// Whether there is no traffic in the set.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Operation {
    Intersection,
    Union,
    Difference,
}

type Memo = FxHashMap<(Operation, TrafficId, TrafficId), TrafficId>;

/// All sets of traffic that an analysis has met. Threads share it: reading a set takes no lock.
#[derive(Debug)]
pub struct TrafficTable {
    sets: Sets,
    ids: RwLock<FxHashMap<Traffic, TrafficId>>,
    memo: RwLock<Memo>,
}

impl Default for TrafficTable {
    /// A table that knows of ports only.
    fn default() -> Self {
        Self::knowing(Traffic::all())
    }
}

impl TrafficTable {
    /// A table in which this is all traffic.
    pub fn knowing(all: Traffic) -> Self {
        let table = Self { sets: Sets::default(), ids: RwLock::default(), memo: RwLock::default() };
        table.intern(Traffic::NONE);
        table.intern(all);
        table
    }

    /// An empty table that knows of the same traffic.
    pub fn like(&self) -> Self {
        Self::knowing(self.get(TrafficId::ALL).clone())
    }

    /// The id of a set.
    pub fn intern(&self, traffic: Traffic) -> TrafficId {
        if let Some(&id) = self.ids.read().unwrap_or_else(PoisonError::into_inner).get(&traffic) {
            return id;
        }
        let mut ids = self.ids.write().unwrap_or_else(PoisonError::into_inner);
        let next = TrafficId(ids.len() as u32);
        // Another thread may have been faster between the two locks.
        let id = *ids.entry(traffic.clone()).or_insert(next);
        if id == next {
            self.sets.put(id, traffic);
        }
        id
    }

    /// The set with this id. An id of another table gives a set of this one, or the empty set.
    pub fn get(&self, id: TrafficId) -> &Traffic {
        static NONE: Traffic = Traffic::NONE;
        self.sets.get(id).unwrap_or(&NONE)
    }

    /// Number of distinct sets.
    pub fn len(&self) -> usize {
        self.ids.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether the table is empty, which it never is: it knows nothing and everything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The traffic in both sets.
    pub fn intersection(&self, left: TrafficId, right: TrafficId) -> TrafficId {
        match (left, right) {
            (TrafficId::NONE, _) | (_, TrafficId::NONE) => TrafficId::NONE,
            (TrafficId::ALL, other) | (other, TrafficId::ALL) => other,
            _ if left == right => left,
            _ => self.combine(Operation::Intersection, left.min(right), left.max(right)),
        }
    }

    /// The traffic in either set.
    pub fn union(&self, left: TrafficId, right: TrafficId) -> TrafficId {
        match (left, right) {
            (TrafficId::ALL, _) | (_, TrafficId::ALL) => TrafficId::ALL,
            (TrafficId::NONE, other) | (other, TrafficId::NONE) => other,
            _ if left == right => left,
            _ => self.combine(Operation::Union, left.min(right), left.max(right)),
        }
    }

    /// The traffic in any of the sets.
    pub fn union_of(&self, ids: impl Iterator<Item = TrafficId>) -> TrafficId {
        let mut distinct: Vec<TrafficId> = ids.filter(|id| !id.is_none()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        match distinct.as_slice() {
            [] => TrafficId::NONE,
            [only] => *only,
            [one, other] => self.union(*one, *other),
            // The smallest of the ids is that of all traffic.
            [TrafficId::ALL, ..] => TrafficId::ALL,
            all => self.intern(Traffic::union_of(&all.iter().map(|id| self.get(*id)))),
        }
    }

    /// The traffic in the left set that is not in the right one.
    pub fn difference(&self, left: TrafficId, right: TrafficId) -> TrafficId {
        match (left, right) {
            (TrafficId::NONE, _) | (_, TrafficId::ALL) => TrafficId::NONE,
            (_, TrafficId::NONE) => left,
            _ if left == right => TrafficId::NONE,
            _ => self.combine(Operation::Difference, left, right),
        }
    }

    fn combine(&self, operation: Operation, left: TrafficId, right: TrafficId) -> TrafficId {
        let key = (operation, left, right);
        if let Some(&known) = self.memo.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known;
        }
        let (a, b) = (self.get(left), self.get(right));
        let id = self.intern(match operation {
            Operation::Intersection => a.intersection(b),
            Operation::Union => a.union(b),
            Operation::Difference => a.difference(b),
        });
        self.memo.write().unwrap_or_else(PoisonError::into_inner).insert(key, id);
        id
    }
}

/// Number of sets in the first segment; each later one is twice as large as the one before.
const FIRST_SEGMENT: u32 = 64;

/// Sets by id. They are only ever added, and in segments that never move, so that a reference to one
/// outlives any number of additions.
#[derive(Debug, Default)]
struct Sets {
    segments: [OnceLock<Box<[OnceLock<Traffic>]>>; 27],
}

impl Sets {
    /// Segment, and position in it.
    fn place(id: TrafficId) -> (usize, usize) {
        let shifted = u64::from(id.0) + u64::from(FIRST_SEGMENT);
        let segment = shifted.ilog2() - FIRST_SEGMENT.ilog2();
        let start = u64::from(FIRST_SEGMENT) << segment;
        (segment as usize, (shifted - start) as usize)
    }

    fn put(&self, id: TrafficId, traffic: Traffic) {
        let (segment, position) = Self::place(id);
        let slot = self.segments.get(segment).and_then(|cells| {
            let size = (FIRST_SEGMENT as usize) << segment;
            cells.get_or_init(|| (0..size).map(|_| OnceLock::new()).collect()).get(position)
        });
        if let Some(slot) = slot {
            slot.get_or_init(|| traffic);
        }
    }

    fn get(&self, id: TrafficId) -> Option<&Traffic> {
        let (segment, position) = Self::place(id);
        self.segments.get(segment)?.get()?.get(position)?.get()
    }
}

#[cfg(test)]
mod tests {
    use npv_models::space::{PortSet, Protocol};

    use super::*;

    #[test]
    fn equal_sets_have_equal_ids() {
        let table = TrafficTable::default();
        let low = table.intern(Traffic::of(Protocol::Tcp, PortSet::range(1, 100)));
        let web = table.intern(Traffic::of(Protocol::Tcp, PortSet::range(80, 443)));
        let both = table.intersection(low, web);
        assert_eq!(both, table.intern(Traffic::of(Protocol::Tcp, PortSet::range(80, 100))));
        assert_eq!(both, table.intersection(web, low));
        let rest = table.difference(low, web);
        assert_eq!(table.union(rest, both), low);
        assert_eq!(table.difference(low, low), TrafficId::NONE);
        assert_eq!(table.intersection(TrafficId::ALL, web), web);
    }

    #[test]
    fn every_id_gives_its_own_set_across_segments() {
        let table = TrafficTable::default();
        let port = |number| Traffic::of(Protocol::Udp, PortSet::single(number));
        let ids: Vec<_> = (1..=1000).map(|number| (table.intern(port(number)), number)).collect();
        for (id, number) in ids {
            assert_eq!(table.get(id), &port(number));
        }
        assert_eq!(table.len(), 1002);
        assert!(table.get(TrafficId(5000)).is_empty());
    }
}
