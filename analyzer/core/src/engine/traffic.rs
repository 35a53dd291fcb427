//! Hash-consed traffic: equal sets have equal ids, and combinations are computed once.

use npv_models::space::Traffic;
use rustc_hash::FxHashMap;

/// Index of a set of traffic in a [`TrafficTable`]: equal sets have equal ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrafficId(u32);

impl TrafficId {
    /// No traffic, in every table.
    pub const NONE: Self = Self(0);
    /// All traffic, in every table.
    pub const ALL: Self = Self(1);

    /// Whether there is no traffic in the set.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }
}

/// All sets of traffic that an analysis has met.
#[derive(Clone, Debug)]
pub struct TrafficTable {
    sets: Vec<Traffic>,
    ids: FxHashMap<Traffic, TrafficId>,
    intersections: FxHashMap<(TrafficId, TrafficId), TrafficId>,
    unions: FxHashMap<(TrafficId, TrafficId), TrafficId>,
    differences: FxHashMap<(TrafficId, TrafficId), TrafficId>,
}

impl Default for TrafficTable {
    fn default() -> Self {
        let mut table = Self {
            sets: Vec::new(),
            ids: FxHashMap::default(),
            intersections: FxHashMap::default(),
            unions: FxHashMap::default(),
            differences: FxHashMap::default(),
        };
        table.intern(Traffic::NONE);
        table.intern(Traffic::all());
        table
    }
}

impl TrafficTable {
    /// The id of a set.
    pub fn intern(&mut self, traffic: Traffic) -> TrafficId {
        if let Some(&id) = self.ids.get(&traffic) {
            return id;
        }
        let id = TrafficId(self.sets.len() as u32);
        self.sets.push(traffic.clone());
        self.ids.insert(traffic, id);
        id
    }

    /// The set with this id. An id of another table gives a set of this one, or the empty set.
    pub fn get(&self, id: TrafficId) -> &Traffic {
        static NONE: Traffic = Traffic::NONE;
        self.sets.get(id.0 as usize).unwrap_or(&NONE)
    }

    /// Number of distinct sets.
    pub fn len(&self) -> usize {
        self.sets.len()
    }

    /// Whether the table is empty, which it never is: it knows nothing and everything.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// The traffic in both sets.
    pub fn intersection(&mut self, left: TrafficId, right: TrafficId) -> TrafficId {
        match (left, right) {
            (TrafficId::NONE, _) | (_, TrafficId::NONE) => return TrafficId::NONE,
            (TrafficId::ALL, other) | (other, TrafficId::ALL) => return other,
            _ if left == right => return left,
            _ => {}
        }
        let key = (left.min(right), left.max(right));
        if let Some(&known) = self.intersections.get(&key) {
            return known;
        }
        let id = self.intern(self.get(left).intersection(self.get(right)));
        self.intersections.insert(key, id);
        id
    }

    /// The traffic in either set.
    pub fn union(&mut self, left: TrafficId, right: TrafficId) -> TrafficId {
        match (left, right) {
            (TrafficId::ALL, _) | (_, TrafficId::ALL) => return TrafficId::ALL,
            (TrafficId::NONE, other) | (other, TrafficId::NONE) => return other,
            _ if left == right => return left,
            _ => {}
        }
        let key = (left.min(right), left.max(right));
        if let Some(&known) = self.unions.get(&key) {
            return known;
        }
        let id = self.intern(self.get(left).union(self.get(right)));
        self.unions.insert(key, id);
        id
    }

    /// The traffic in the left set that is not in the right one.
    pub fn difference(&mut self, left: TrafficId, right: TrafficId) -> TrafficId {
        match (left, right) {
            (TrafficId::NONE, _) | (_, TrafficId::ALL) => return TrafficId::NONE,
            (_, TrafficId::NONE) => return left,
            _ if left == right => return TrafficId::NONE,
            _ => {}
        }
        if let Some(&known) = self.differences.get(&(left, right)) {
            return known;
        }
        let id = self.intern(self.get(left).difference(self.get(right)));
        self.differences.insert((left, right), id);
        id
    }
}

#[cfg(test)]
mod tests {
    use npv_models::space::{PortSet, Protocol};

    use super::*;

    #[test]
    fn equal_sets_have_equal_ids() {
        let mut table = TrafficTable::default();
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
}
