//! Peers that no rule of a table tells apart.

use super::lists::Lists;
use super::partition::Partition;
use super::set::ClassSet;

/// Peers that are in the same ones of some sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) peers: ClassSet,
    /// The numbers of the sets that they are in, ascending.
    pub(crate) sets: Vec<u32>,
}

/// From how many sets on peers are looked at one by one.
const MANY: usize = 48;

/// Cuts `0..universe` into blocks. Those that are in no set are one block too, which is always the last.
pub(crate) fn blocks(universe: u32, sets: &[&ClassSet]) -> Vec<Block> {
    if sets.len() < MANY { by_set(universe, sets) } else { by_peer(universe, sets) }
}

/// Set by set: right for a few sets, however large.
fn by_set(universe: u32, sets: &[&ClassSet]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for (number, set) in (0_u32..).zip(sets) {
        let mut rest = (*set).clone();
        let mut split = Vec::new();
        for block in &mut blocks {
            let inside = block.peers.intersection(&rest);
            if inside.is_empty() {
                continue;
            }
            rest = rest.difference(&inside);
            let outside = block.peers.difference(&inside);
            if !outside.is_empty() {
                split.push(Block { peers: outside, sets: block.sets.clone() });
                block.peers = inside;
            }
            block.sets.push(number);
        }
        blocks.append(&mut split);
        if !rest.is_empty() {
            blocks.push(Block { peers: rest, sets: vec![number] });
        }
    }
    let covered = ClassSet::union_of(sets.iter().copied());
    blocks.push(Block { peers: ClassSet::range(0..universe).difference(&covered), sets: Vec::new() });
    blocks
}

/// Peer by peer: right for many sets, where blocks are so small that sets of them would be no help.
fn by_peer(universe: u32, sets: &[&ClassSet]) -> Vec<Block> {
    let mut partition = Partition::whole(universe);
    for set in sets {
        partition.refine(set.iter());
    }
    let partition = partition.finish();
    let inside: Vec<ClassSet> = sets.iter().map(|set| partition.image(set)).collect();
    let pairs = (0_u32..).zip(&inside).flat_map(|(set, blocks)| blocks.iter().map(move |block| (block, set)));
    let sets_of = Lists::grouped(partition.len(), pairs);
    let peers_of = Lists::positions(partition.len(), partition.all().iter().copied());
    let mut blocks: Vec<Block> = (0..partition.len() as u32)
        .map(|block| Block {
            peers: ClassSet::from_sorted(peers_of.get(block)),
            sets: sets_of.get(block).to_vec(),
        })
        .collect();
    match blocks.iter().position(|block| block.sets.is_empty()) {
        Some(rest) => {
            let rest = blocks.swap_remove(rest);
            blocks.push(rest);
        }
        None => blocks.push(Block { peers: ClassSet::default(), sets: Vec::new() }),
    }
    blocks
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_ways_find_the_peers_in_the_same_sets(
            sets in proptest::collection::vec(proptest::collection::vec(0_u32..90, 0..20), 0..8),
        ) {
            let sets: Vec<ClassSet> = sets.into_iter().map(ClassSet::from_unsorted).collect();
            let sets: Vec<&ClassSet> = sets.iter().collect();
            let mut wanted: BTreeMap<Vec<u32>, Vec<u32>> = BTreeMap::from([(Vec::new(), Vec::new())]);
            for peer in 0..90 {
                let within = (0_u32..).zip(&sets).filter(|(_, set)| set.contains(peer)).map(|(number, _)| number);
                wanted.entry(within.collect()).or_default().push(peer);
            }
            for blocks in [by_set(90, &sets), by_peer(90, &sets)] {
                prop_assert!(blocks.last().is_some_and(|last| last.sets.is_empty()));
                let got: BTreeMap<Vec<u32>, Vec<u32>> =
                    blocks.into_iter().map(|block| (block.sets, block.peers.iter().collect())).collect();
                prop_assert_eq!(&got, &wanted);
            }
        }
    }
}
