//! Finite unions of closed intervals over an ordered, discrete domain.

/// A discrete, bounded domain: ports, IPv4 and IPv6 addresses as numbers.
pub trait Bound: Copy + Ord {
    /// The smallest value.
    const MIN: Self;
    /// The largest value.
    const MAX: Self;
    /// The next value, if there is one.
    fn next(self) -> Option<Self>;
    /// The value before, if there is one.
    fn previous(self) -> Option<Self>;
}

macro_rules! bound {
    ($type:ty, $min:expr) => {
        impl Bound for $type {
            const MIN: Self = $min;
            const MAX: Self = <$type>::MAX;
            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
            fn previous(self) -> Option<Self> {
                if self > $min { Some(self - 1) } else { None }
            }
        }
    };
}

// A port is 1 to 65535: 0 is no port (S-23).
bound!(u16, 1);
bound!(u32, 0);
bound!(u128, 0);

/// A set of values as sorted, disjoint, non-adjacent closed intervals.
///
/// That form is canonical: equal sets have equal representations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntervalSet<T> {
    intervals: Vec<(T, T)>,
}

impl<T> Default for IntervalSet<T> {
    fn default() -> Self {
        Self { intervals: Vec::new() }
    }
}

impl<T: Bound> IntervalSet<T> {
    /// The empty set.
    pub const EMPTY: Self = Self { intervals: Vec::new() };

    /// Every value of the domain.
    pub fn full() -> Self {
        Self { intervals: vec![(T::MIN, T::MAX)] }
    }

    /// The values `first..=last` that are in the domain; empty when `first > last`.
    pub fn range(first: T, last: T) -> Self {
        let first = first.max(T::MIN);
        if first > last { Self::EMPTY } else { Self { intervals: vec![(first, last)] } }
    }

    /// Just this value.
    pub fn single(value: T) -> Self {
        Self::range(value, value)
    }

    /// The union of intervals in any order, overlapping or not.
    pub fn from_intervals(intervals: impl IntoIterator<Item = (T, T)>) -> Self {
        let mut sorted: Vec<_> = intervals
            .into_iter()
            .map(|(first, last)| (first.max(T::MIN), last))
            .filter(|(first, last)| first <= last)
            .collect();
        sorted.sort_unstable();
        let mut merged: Vec<(T, T)> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match merged.last_mut() {
                // Adjacent intervals merge too: otherwise one set had two representations.
                Some(open) if open.1.next().is_none_or(|after| first <= after) => open.1 = open.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        Self { intervals: merged }
    }

    /// The intervals, ascending.
    pub fn intervals(&self) -> &[(T, T)] {
        &self.intervals
    }

    /// Whether no value is in the set.
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    /// Whether every value of the domain is in the set.
    pub fn is_full(&self) -> bool {
        matches!(self.intervals.as_slice(), [(first, last)] if *first == T::MIN && *last == T::MAX)
    }

    /// Whether the value is in the set.
    pub fn contains(&self, value: T) -> bool {
        let after = self.intervals.partition_point(|(first, _)| *first <= value);
        after
            .checked_sub(1)
            .and_then(|index| self.intervals.get(index))
            .is_some_and(|(_, last)| value <= *last)
    }

    /// The smallest value, if any.
    pub fn first(&self) -> Option<T> {
        self.intervals.first().map(|(first, _)| *first)
    }

    /// Values in either set.
    pub fn union(&self, other: &Self) -> Self {
        Self::from_intervals(self.intervals.iter().chain(&other.intervals).copied())
    }

    /// Values in both sets.
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.intervals.iter().peekable(), other.intervals.iter().peekable());
        let mut common = Vec::new();
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let (first, last) = (a.0.max(b.0), a.1.min(b.1));
            if first <= last {
                common.push((first, last));
            }
            if a.1 <= b.1 {
                left.next()
            } else {
                right.next()
            };
        }
        Self { intervals: common }
    }

    /// Values of the domain that are not in the set.
    pub fn complement(&self) -> Self {
        let mut gaps = Vec::with_capacity(self.intervals.len() + 1);
        let mut next = Some(T::MIN);
        for (first, last) in &self.intervals {
            if let (Some(start), Some(end)) = (next, first.previous())
                && start <= end
            {
                gaps.push((start, end));
            }
            next = last.next();
        }
        if let Some(start) = next {
            gaps.push((start, T::MAX));
        }
        Self { intervals: gaps }
    }

    /// Values in this set but not in the other.
    pub fn difference(&self, other: &Self) -> Self {
        self.intersection(&other.complement())
    }

    /// Whether every value of this set is in the other.
    pub fn is_subset(&self, other: &Self) -> bool {
        // Both are canonical, so an interval inside the other set is inside one of its intervals.
        self.intervals.iter().all(|(first, last)| {
            let after = other.intervals.partition_point(|(start, _)| start <= first);
            after
                .checked_sub(1)
                .and_then(|index| other.intervals.get(index))
                .is_some_and(|(_, end)| last <= end)
        })
    }

    /// Whether the two have a value in common.
    pub fn intersects(&self, other: &Self) -> bool {
        !self.intersection(other).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // The low and the high end of the domain, where off-by-one errors live.
    fn value() -> impl Strategy<Value = u16> {
        prop_oneof![1_u16..24, (u16::MAX - 24)..=u16::MAX]
    }

    fn set() -> impl Strategy<Value = IntervalSet<u16>> {
        proptest::collection::vec((value(), value()), 0..6).prop_map(IntervalSet::from_intervals)
    }

    fn canonical(set: &IntervalSet<u16>) -> bool {
        set.intervals().iter().all(|(first, last)| *first >= 1 && first <= last)
            && set.intervals().windows(2).all(|pair| u32::from(pair[0].1) + 1 < u32::from(pair[1].0))
    }

    proptest! {
        #[test]
        fn operations_agree_with_membership(a in set(), b in set(), x in value()) {
            let (union, both, minus, not) = (a.union(&b), a.intersection(&b), a.difference(&b), a.complement());
            prop_assert_eq!(union.contains(x), a.contains(x) || b.contains(x));
            prop_assert_eq!(both.contains(x), a.contains(x) && b.contains(x));
            prop_assert_eq!(minus.contains(x), a.contains(x) && !b.contains(x));
            prop_assert_eq!(not.contains(x), !a.contains(x));
            for set in [&a, &union, &both, &minus, &not] {
                prop_assert!(canonical(set));
            }
        }

        #[test]
        fn subset_is_union_law(a in set(), b in set()) {
            prop_assert_eq!(a.is_subset(&b), a.union(&b) == b);
            prop_assert!(a.intersection(&b).is_subset(&a));
            prop_assert_eq!(a.complement().complement(), a);
        }
    }

    #[test]
    fn ends_of_the_domain() {
        assert!(IntervalSet::<u16>::range(0, 65535).is_full());
        assert!(IntervalSet::<u16>::range(0, 0).is_empty());
        assert!(IntervalSet::<u128>::full().complement().is_empty());
        assert_eq!(IntervalSet::from_intervals([(1_u16, 5), (6, 9)]).intervals(), [(1, 9)]);
    }
}
