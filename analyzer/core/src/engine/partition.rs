//! Partition refinement: which numbers no set of a collection tells apart.

use rustc_hash::FxHashMap;

use super::set::ClassSet;

/// A partition of `0..n` into blocks.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    block: Vec<u32>,
    size: Vec<u32>,
    /// Scratch space of `refine`, per block: how many members the set has, and the block they move to.
    hit: Vec<u32>,
    moved: Vec<u32>,
    /// The blocks that have members in the set.
    touched: Vec<u32>,
}

impl Partition {
    /// Numbers with equal keys are in one block.
    pub(crate) fn by_key<K: Eq + std::hash::Hash>(keys: impl IntoIterator<Item = K>) -> Self {
        let mut numbers = FxHashMap::default();
        let mut size: Vec<u32> = Vec::new();
        let block: Vec<u32> = keys
            .into_iter()
            .map(|key| {
                let next = numbers.len() as u32;
                let number = *numbers.entry(key).or_insert(next);
                if number == next {
                    size.push(0);
                }
                if let Some(size) = size.get_mut(number as usize) {
                    *size += 1;
                }
                number
            })
            .collect();
        let blocks = size.len();
        Self { block, size, hit: vec![0; blocks], moved: vec![0; blocks], touched: Vec::new() }
    }

    /// One block of all numbers below `count`.
    pub(crate) fn whole(count: u32) -> Self {
        Self::by_key((0..count).map(|_| ()))
    }

    /// Splits the blocks that have members both in the set and outside of it. Every number is to be in
    /// the set once at most.
    #[expect(clippy::indexing_slicing, reason = "blocks are numbered by this type alone")]
    pub(crate) fn refine(&mut self, set: impl Iterator<Item = u32> + Clone) {
        let count = self.block.len();
        let members = set.filter(|number| (*number as usize) < count);
        self.touched.clear();
        for number in members.clone() {
            let block = self.block[number as usize];
            if self.hit[block as usize] == 0 {
                self.touched.push(block);
            }
            self.hit[block as usize] += 1;
        }
        for number in members {
            let old = self.block[number as usize] as usize;
            // A block that is wholly in the set stays.
            if self.hit[old] == self.size[old] {
                continue;
            }
            if self.moved[old] == 0 {
                self.moved[old] = self.size.len() as u32;
                self.size.push(self.hit[old]);
                self.hit.push(0);
                self.moved.push(0);
            }
            self.block[number as usize] = self.moved[old];
        }
        for &old in &self.touched {
            let old = old as usize;
            if self.moved[old] != 0 {
                self.size[old] -= self.hit[old];
            }
            self.hit[old] = 0;
            self.moved[old] = 0;
        }
    }

    /// The blocks, numbered by their smallest members.
    pub(crate) fn finish(self) -> Blocks {
        let mut renumbered = vec![u32::MAX; self.size.len()];
        let mut first = Vec::new();
        let mut of = self.block;
        for (number, block) in of.iter_mut().enumerate() {
            if let Some(new) = renumbered.get_mut(*block as usize) {
                if *new == u32::MAX {
                    *new = first.len() as u32;
                    first.push(number as u32);
                }
                *block = *new;
            }
        }
        Blocks { of, first }
    }
}

/// A finished partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks {
    of: Vec<u32>,
    first: Vec<u32>,
}

impl Blocks {
    /// The block of a number.
    pub(crate) fn of(&self, number: u32) -> u32 {
        self.of.get(number as usize).copied().unwrap_or(u32::MAX)
    }

    /// The block of every number.
    pub(crate) fn all(&self) -> &[u32] {
        &self.of
    }

    /// The smallest member of every block.
    pub(crate) fn representatives(&self) -> &[u32] {
        &self.first
    }

    /// Number of blocks.
    pub(crate) fn len(&self) -> usize {
        self.first.len()
    }

    /// The blocks of which a set is the union; it must be one.
    pub(crate) fn image(&self, set: &ClassSet) -> ClassSet {
        // Blocks are numbered by their smallest members, so these ascend.
        let blocks: Vec<u32> = set
            .iter()
            .filter(|number| self.first.get(self.of(*number) as usize) == Some(number))
            .map(|number| self.of(number))
            .collect();
        ClassSet::from_sorted(&blocks)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn blocks_are_the_numbers_with_equal_memberships(
            sets in proptest::collection::vec(proptest::collection::btree_set(0_u32..20, 0..20), 0..8),
        ) {
            let mut partition = Partition::whole(20);
            for set in &sets {
                partition.refine(set.iter().copied());
            }
            let blocks = partition.finish();
            let memberships = |number: u32| -> Vec<bool> { sets.iter().map(|set| set.contains(&number)).collect() };
            let mut wanted: BTreeMap<Vec<bool>, BTreeSet<u32>> = BTreeMap::new();
            for number in 0..20 {
                wanted.entry(memberships(number)).or_default().insert(number);
            }
            prop_assert_eq!(blocks.len(), wanted.len());
            for members in wanted.values() {
                let of: BTreeSet<u32> = members.iter().map(|number| blocks.of(*number)).collect();
                prop_assert_eq!(of.len(), 1);
                prop_assert_eq!(members.first(), blocks.representatives().get(*of.first().unwrap() as usize));
            }
            for set in &sets {
                let image = blocks.image(&ClassSet::from_unsorted(set.iter().copied().collect()));
                let back: BTreeSet<u32> = (0..20).filter(|number| image.contains(blocks.of(*number))).collect();
                prop_assert_eq!(&back, set);
            }
        }
    }
}
