//! Sets of IPv4 and IPv6 addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::IntervalSet;

/// A family of addresses. A packet is of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both, IPv4 first.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// `IPv4` or `IPv6`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The block with its host bits cleared (S-18).
pub fn mask(net: IpNet) -> IpNet {
    net.trunc()
}

/// A range of addresses as the fewest blocks that cover it exactly, separated by commas.
pub fn cidr_text(first: IpAddr, last: IpAddr) -> String {
    let blocks: Vec<String> = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            ipnet::Ipv4Subnets::new(first, last, 0).map(|net| net.to_string()).collect()
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => {
            ipnet::Ipv6Subnets::new(first, last, 0).map(|net| net.to_string()).collect()
        }
        _ => Vec::new(),
    };
    blocks.join(", ")
}

/// A set of addresses, both families apart: `0.0.0.0/0` holds no IPv6 address and `::/0` no IPv4
/// address (S-19).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpSet {
    v4: IntervalSet<u32>,
    v6: IntervalSet<u128>,
}

impl IpSet {
    /// No address.
    pub const EMPTY: Self = Self { v4: IntervalSet::EMPTY, v6: IntervalSet::EMPTY };

    /// Every address of both families.
    pub fn full() -> Self {
        Self { v4: IntervalSet::full(), v6: IntervalSet::full() }
    }

    /// The addresses of a block, host bits ignored (S-18).
    pub fn net(net: IpNet) -> Self {
        match net {
            IpNet::V4(net) => Self {
                v4: IntervalSet::range(net.network().to_bits(), net.broadcast().to_bits()),
                v6: IntervalSet::EMPTY,
            },
            IpNet::V6(net) => Self {
                v4: IntervalSet::EMPTY,
                v6: IntervalSet::range(net.network().to_bits(), net.broadcast().to_bits()),
            },
        }
    }

    /// Just this address.
    pub fn single(address: IpAddr) -> Self {
        Self::net(IpNet::from(address))
    }

    /// The set with these intervals of each family.
    pub fn from_parts(v4: IntervalSet<u32>, v6: IntervalSet<u128>) -> Self {
        Self { v4, v6 }
    }

    /// The IPv4 part, addresses as numbers.
    pub fn v4(&self) -> &IntervalSet<u32> {
        &self.v4
    }

    /// The IPv6 part, addresses as numbers.
    pub fn v6(&self) -> &IntervalSet<u128> {
        &self.v6
    }

    /// The addresses of one family.
    #[must_use]
    pub fn of(&self, family: Family) -> Self {
        match family {
            Family::V4 => Self { v4: self.v4.clone(), v6: IntervalSet::EMPTY },
            Family::V6 => Self { v4: IntervalSet::EMPTY, v6: self.v6.clone() },
        }
    }

    /// Addresses in either set.
    pub fn union(&self, other: &Self) -> Self {
        Self { v4: self.v4.union(&other.v4), v6: self.v6.union(&other.v6) }
    }

    /// Addresses in both sets.
    pub fn intersection(&self, other: &Self) -> Self {
        Self { v4: self.v4.intersection(&other.v4), v6: self.v6.intersection(&other.v6) }
    }

    /// Addresses in this set but not in the other.
    pub fn difference(&self, other: &Self) -> Self {
        Self { v4: self.v4.difference(&other.v4), v6: self.v6.difference(&other.v6) }
    }

    /// Whether all of this is in the other.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.v4.is_subset(&other.v4) && self.v6.is_subset(&other.v6)
    }

    /// Whether the two have an address in common.
    pub fn intersects(&self, other: &Self) -> bool {
        self.v4.intersects(&other.v4) || self.v6.intersects(&other.v6)
    }

    /// Whether the address is in the set.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.contains(address.to_bits()),
            IpAddr::V6(address) => self.v6.contains(address.to_bits()),
        }
    }

    /// Whether no address is in the set.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// The lowest address, IPv4 first; a witness of non-emptiness.
    pub fn first(&self) -> Option<IpAddr> {
        self.ranges().next().map(|(first, _)| first)
    }

    /// The ranges `first..=last`, IPv4 before IPv6, ascending.
    pub fn ranges(&self) -> impl Iterator<Item = (IpAddr, IpAddr)> + '_ {
        let v4 = self.v4.intervals().iter().map(|&(first, last)| {
            (IpAddr::V4(Ipv4Addr::from_bits(first)), IpAddr::V4(Ipv4Addr::from_bits(last)))
        });
        let v6 = self.v6.intervals().iter().map(|&(first, last)| {
            (IpAddr::V6(Ipv6Addr::from_bits(first)), IpAddr::V6(Ipv6Addr::from_bits(last)))
        });
        v4.chain(v6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_apart_and_host_bits_are_masked() {
        let all_v4 = IpSet::net("0.0.0.0/0".parse().unwrap());
        assert!(!all_v4.contains("::1".parse().unwrap()));
        assert!(!all_v4.contains("::ffff:10.0.0.1".parse().unwrap()));
        assert!(!IpSet::net("::/0".parse().unwrap()).contains("10.0.0.1".parse().unwrap()));
        let block = IpSet::net("10.1.2.3/8".parse().unwrap());
        assert_eq!(block, IpSet::net("10.0.0.0/8".parse().unwrap()));
        assert!(block.is_subset(&all_v4));
        let rest = all_v4.difference(&block);
        let ranges: Vec<_> = rest.ranges().map(|(first, last)| format!("{first}-{last}")).collect();
        assert_eq!(ranges, ["0.0.0.0-9.255.255.255", "11.0.0.0-255.255.255.255"]);
    }

    #[test]
    fn ranges_read_as_blocks() {
        let text = cidr_text("10.0.0.0".parse().unwrap(), "10.0.1.127".parse().unwrap());
        assert_eq!(text, "10.0.0.0/24, 10.0.1.0/25");
    }
}
