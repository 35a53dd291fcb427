//! The address space as far as blocks tell addresses apart.

use std::net::IpAddr;

use npv_models::space::{Bound, IntervalSet, IpSet};

use super::partition::{Blocks, Partition};
use super::set::ClassSet;

/// All addresses of both families, in classes that no block tells apart.
///
/// Atoms are the ranges between two neighbouring ends of blocks, those of IPv4 first; a class is the
/// atoms that the same blocks hold.
#[derive(Debug)]
pub(crate) struct AddressSpace {
    /// The first address of each IPv4 atom, ascending.
    v4: Vec<u32>,
    v6: Vec<u128>,
    classes: Blocks,
    /// The class of the addresses in no block, if there are such.
    unnamed: Option<u32>,
    /// The classes that each block is made of.
    blocks: Vec<ClassSet>,
}

impl AddressSpace {
    /// Cuts the address space at the ends of these blocks.
    pub(crate) fn new(blocks: &[IpSet]) -> Self {
        let v4 = cuts(blocks.iter().map(IpSet::v4));
        let v6 = cuts(blocks.iter().map(IpSet::v6));
        let atoms: Vec<ClassSet> = blocks
            .iter()
            .map(|block| {
                let (low, high) = (ranges(&v4, block.v4(), 0), ranges(&v6, block.v6(), v4.len() as u32));
                let parts: Vec<ClassSet> = low.chain(high).collect();
                ClassSet::union_of(parts.iter())
            })
            .collect();
        let mut partition = Partition::whole((v4.len() + v6.len()) as u32);
        for set in &atoms {
            partition.refine(set.iter());
        }
        let classes = partition.finish();
        let blocks: Vec<ClassSet> = atoms.iter().map(|set| classes.image(set)).collect();
        let named = ClassSet::union_of(blocks.iter());
        let unnamed = (0..classes.len() as u32).find(|class| !named.contains(*class));
        Self { v4, v6, classes, unnamed, blocks }
    }

    /// Number of atoms.
    pub(crate) fn atoms(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Number of classes.
    pub(crate) fn classes(&self) -> usize {
        self.classes.len()
    }

    /// The classes that a block is made of.
    pub(crate) fn block(&self, number: u32) -> Option<&ClassSet> {
        self.blocks.get(number as usize)
    }

    /// The class of an address.
    pub(crate) fn class(&self, address: IpAddr) -> u32 {
        let atom = match address {
            IpAddr::V4(address) => atom(&self.v4, address.to_bits()),
            IpAddr::V6(address) => self.v4.len() as u32 + atom(&self.v6, address.to_bits()),
        };
        self.classes.of(atom)
    }

    /// What blocks can see of the addresses of one pod or node: their classes, ascending, without the
    /// one that no block holds.
    pub(crate) fn reduce(&self, addresses: &[IpAddr]) -> Vec<u32> {
        let classes = addresses.iter().map(|address| self.class(*address));
        let mut classes: Vec<u32> = classes.filter(|class| Some(*class) != self.unnamed).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    /// The addresses of every class.
    pub(crate) fn ranges(&self) -> Vec<IpSet> {
        let mut low = vec![Vec::new(); self.classes.len()];
        let mut high = vec![Vec::new(); self.classes.len()];
        let (v4, v6) = self.classes.all().split_at(self.v4.len().min(self.classes.all().len()));
        collect(&self.v4, v4, &mut low);
        collect(&self.v6, v6, &mut high);
        low.into_iter()
            .zip(high)
            .map(|(v4, v6)| {
                IpSet::from_parts(IntervalSet::from_intervals(v4), IntervalSet::from_intervals(v6))
            })
            .collect()
    }
}

/// The first values of all atoms, ascending.
fn cuts<'a, T: Bound + 'a>(sets: impl Iterator<Item = &'a IntervalSet<T>>) -> Vec<T> {
    let ends = sets.flat_map(IntervalSet::intervals).flat_map(|(first, last)| [Some(*first), last.next()]);
    let mut cuts: Vec<T> = ends.flatten().chain([T::MIN]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

/// The number of the atom that holds a value.
fn atom<T: Bound>(cuts: &[T], value: T) -> u32 {
    cuts.partition_point(|cut| *cut <= value).saturating_sub(1) as u32
}

/// The atoms of a set, from a number on.
fn ranges<T: Bound>(cuts: &[T], set: &IntervalSet<T>, from: u32) -> impl Iterator<Item = ClassSet> {
    set.intervals()
        .iter()
        .map(move |(first, last)| ClassSet::range(from + atom(cuts, *first)..from + atom(cuts, *last) + 1))
}

/// Adds every atom's range to its class.
fn collect<T: Bound>(cuts: &[T], classes: &[u32], into: &mut [Vec<(T, T)>]) {
    let ends = cuts.iter().skip(1).map(|next| next.previous().unwrap_or(T::MAX)).chain([T::MAX]);
    for ((first, last), class) in cuts.iter().zip(ends).zip(classes) {
        if let Some(ranges) = into.get_mut(*class as usize) {
            ranges.push((*first, last));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpSet {
        IpSet::net(text.parse().unwrap())
    }

    #[test]
    fn classes_are_the_addresses_in_the_same_blocks() {
        let ten = net("10.0.0.0/8");
        let hole = ten.difference(&net("10.1.0.0/16"));
        let space = AddressSpace::new(&[ten.clone(), hole.clone(), net("2001:db8::/32"), net("10.0.0.0/8")]);
        let ranges = space.ranges();
        let class = |address: &str| space.class(address.parse().unwrap());
        assert_eq!(space.classes(), 4);
        assert_eq!(class("10.0.0.1"), class("10.2.0.0"));
        assert_ne!(class("10.0.0.1"), class("10.1.0.0"));
        assert_ne!(class("10.1.255.255"), class("10.2.0.0"));
        assert_eq!(class("9.255.255.255"), class("::1"));
        assert_ne!(class("2001:db8::1"), class("::1"));
        assert_eq!(ranges[class("10.9.9.9") as usize], hole);
        assert_eq!(ranges.iter().fold(IpSet::EMPTY, |all, set| all.union(set)), IpSet::full());
        assert!(space.block(0).unwrap().contains(class("10.1.0.0")));
        assert!(!space.block(1).unwrap().contains(class("10.1.0.0")));
        assert!(space.reduce(&["8.8.8.8".parse().unwrap()]).is_empty());
    }

    #[test]
    fn without_blocks_there_is_one_class() {
        let space = AddressSpace::new(&[]);
        assert_eq!(space.ranges(), [IpSet::full()]);
        let all = AddressSpace::new(&[net("0.0.0.0/0"), net("::/0")]);
        assert_eq!(all.ranges(), [net("0.0.0.0/0"), net("::/0")]);
    }
}
