//! Sets of class numbers.

use std::ops::Range;

/// A set of class numbers: a row of bits, cut to the words between its first and its last member.
///
/// Classes are numbered namespace by namespace, so what is said of one namespace is a few words long.
/// The form is canonical: equal sets have equal representations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ClassSet {
    /// Number of the first word; 0 in the empty set.
    offset: u32,
    /// Neither the first nor the last word is zero.
    words: Vec<u64>,
}

const BITS: u32 = u64::BITS;

impl ClassSet {
    /// The numbers of a range.
    pub(crate) fn range(range: Range<u32>) -> Self {
        if range.is_empty() {
            return Self::default();
        }
        let (first, last) = (range.start / BITS, (range.end - 1) / BITS);
        let mut words = vec![u64::MAX; (last - first + 1) as usize];
        if let Some(word) = words.first_mut() {
            *word &= u64::MAX << (range.start % BITS);
        }
        if let Some(word) = words.last_mut() {
            *word &= u64::MAX >> (BITS - 1 - (range.end - 1) % BITS);
        }
        Self { offset: first, words }
    }

    /// The set of these numbers, in ascending order.
    pub(crate) fn from_sorted(numbers: &[u32]) -> Self {
        let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
            return Self::default();
        };
        let offset = first / BITS;
        let mut words = vec![0; (last / BITS + 1).saturating_sub(offset) as usize];
        for number in numbers {
            let place = (number / BITS).checked_sub(offset).and_then(|word| words.get_mut(word as usize));
            debug_assert!(place.is_some(), "numbers ascend");
            if let Some(word) = place {
                *word |= 1 << (number % BITS);
            }
        }
        Self { offset, words }
    }

    /// The set of these numbers, in any order.
    pub(crate) fn from_unsorted(mut numbers: Vec<u32>) -> Self {
        numbers.sort_unstable();
        Self::from_sorted(&numbers)
    }

    fn trimmed(offset: u32, mut words: Vec<u64>) -> Self {
        let end = words.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
        words.truncate(end);
        let start = words.iter().position(|word| *word != 0).unwrap_or(0);
        words.drain(..start);
        let offset = if words.is_empty() { 0 } else { offset + start as u32 };
        Self { offset, words }
    }

    fn end(&self) -> u32 {
        self.offset + self.words.len() as u32
    }

    fn word(&self, number: u32) -> u64 {
        number.checked_sub(self.offset).and_then(|word| self.words.get(word as usize)).copied().unwrap_or(0)
    }

    /// Whether the number is in the set.
    pub(crate) fn contains(&self, number: u32) -> bool {
        self.word(number / BITS) >> (number % BITS) & 1 == 1
    }

    /// Whether there is no number in the set.
    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether numbers from `first` to `last` can be in the set; a quick answer that may be wrong only if
    /// it is yes.
    pub(crate) fn meets(&self, first: u32, last: u32) -> bool {
        last / BITS >= self.offset && first / BITS < self.end()
    }

    /// How many numbers there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The smallest number.
    pub(crate) fn first(&self) -> Option<u32> {
        self.words.first().map(|word| self.offset * BITS + word.trailing_zeros())
    }

    /// The numbers, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + Clone + '_ {
        self.words.iter().zip(self.offset..).flat_map(|(&word, number)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(number * BITS + bit)
            })
        })
    }

    /// The numbers in any of the sets.
    pub(crate) fn union_of<'a>(sets: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let filled = sets.filter(|set| !set.is_empty());
        let Some(offset) = filled.clone().map(|set| set.offset).min() else {
            return Self::default();
        };
        let end = filled.clone().map(Self::end).max().unwrap_or(offset);
        let mut words = vec![0; (end - offset) as usize];
        for set in filled {
            let place = words.iter_mut().skip((set.offset - offset) as usize);
            place.zip(&set.words).for_each(|(word, other)| *word |= other);
        }
        // The first and the last word come from sets that have them, so nothing is to trim.
        Self { offset, words }
    }

    /// The numbers in either set.
    pub(crate) fn union(&self, other: &Self) -> Self {
        Self::union_of([self, other].into_iter())
    }

    /// The numbers in both sets.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let (start, end) = (self.offset.max(other.offset), self.end().min(other.end()));
        if start >= end {
            return Self::default();
        }
        let left = self.words.iter().skip((start - self.offset) as usize);
        let right = other.words.iter().skip((start - other.offset) as usize);
        let words = left.zip(right).map(|(left, right)| left & right).collect();
        Self::trimmed(start, words)
    }

    /// The numbers in this set that are not in the other.
    pub(crate) fn difference(&self, other: &Self) -> Self {
        if !self.intersects(other) {
            return self.clone();
        }
        let words = self.words.iter().zip(self.offset..).map(|(word, number)| word & !other.word(number));
        Self::trimmed(self.offset, words.collect())
    }

    /// Whether the two have a number in common.
    pub(crate) fn intersects(&self, other: &Self) -> bool {
        let (start, end) = (self.offset.max(other.offset), self.end().min(other.end()));
        if start >= end {
            return false;
        }
        let left = self.words.iter().skip((start - self.offset) as usize);
        let right = other.words.iter().skip((start - other.offset) as usize);
        left.zip(right).any(|(left, right)| left & right != 0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn numbers() -> impl Strategy<Value = BTreeSet<u32>> {
        proptest::collection::btree_set(prop_oneof![0_u32..200, 60_u32..70, 500_u32..520], 0..12)
    }

    fn set(numbers: &BTreeSet<u32>) -> ClassSet {
        ClassSet::from_unsorted(numbers.iter().rev().copied().collect())
    }

    proptest! {
        #[test]
        fn operations_agree_with_sets_of_numbers(a in numbers(), b in numbers()) {
            let (left, right) = (set(&a), set(&b));
            prop_assert_eq!(left.iter().collect::<BTreeSet<_>>(), a.clone());
            // Equality is equality of representations, so these check the canonical form as well.
            prop_assert_eq!(left.union(&right), set(&(&a | &b)));
            prop_assert_eq!(left.intersection(&right), set(&(&a & &b)));
            prop_assert_eq!(left.difference(&right), set(&(&a - &b)));
            prop_assert_eq!(left.intersects(&right), !(&a & &b).is_empty());
            prop_assert_eq!(left.len(), a.len());
            prop_assert_eq!(left.first(), a.first().copied());
            prop_assert_eq!(left.is_empty(), a.is_empty());
            for number in [0, 63, 64, 128, 510, 9999] {
                prop_assert_eq!(left.contains(number), a.contains(&number));
            }
        }

        #[test]
        fn ranges_are_what_they_say(start in 0_u32..150, length in 0_u32..150) {
            let range = start..start + length;
            prop_assert_eq!(ClassSet::range(range.clone()), set(&range.collect()));
        }
    }
}
