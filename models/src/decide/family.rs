//! The address families that a flow can be of.

use std::net::IpAddr;

use super::{End, Flow};
use crate::space::Family;

impl Flow<'_> {
    /// The families that both ends can use, never empty. Where the known addresses of the ends have none in
    /// common it is `None` alone: nothing says how they would meet, and each side is asked about the other end
    /// as it is known.
    pub fn families(&self) -> Vec<Option<Family>> {
        let both = |family: &Family| self.src.may_use(*family) && self.dst.may_use(*family);
        let common: Vec<Option<Family>> = Family::ALL.into_iter().filter(both).map(Some).collect();
        if common.is_empty() { vec![None] } else { common }
    }

    /// Whether it is not known which of its families the ends have in common, so that only what passes in each of them
    /// passes for certain.
    pub fn is_of_unknown_family(&self) -> bool {
        self.src.is_hidden() || self.dst.is_hidden()
    }
}

impl End<'_> {
    /// The known addresses.
    pub(super) fn known_addresses(&self) -> &[IpAddr] {
        match self {
            End::Pod(pod) => pod.addresses,
            End::Node(node) => node.addresses,
            End::Address(address) => std::slice::from_ref(address),
            End::Domain(_) | End::Entity(_) => &[],
        }
    }

    /// Whether the end has an address of the family, or may have one because none is known of it (S-16).
    fn may_use(&self, family: Family) -> bool {
        let known = self.known_addresses();
        if !known.is_empty() {
            return known.iter().any(|address| Family::of(*address) == family);
        }
        let within = match self {
            End::Pod(pod) => pod.within,
            End::Node(node) => node.within,
            End::Address(_) | End::Domain(_) => return true,
            // Like that of a node, its address is taken for one of IPv4.
            End::Entity(_) => return family == Family::V4,
        };
        within.is_empty() || !within.of(family).is_empty()
    }

    /// Whether it has addresses which no manifest shows, and which may be of either family.
    fn is_hidden(&self) -> bool {
        let within = match self {
            End::Pod(pod) => pod.within,
            End::Node(node) => node.within,
            End::Address(_) | End::Domain(_) | End::Entity(_) => return false,
        };
        self.known_addresses().is_empty() && Family::ALL.iter().all(|family| !within.of(*family).is_empty())
    }
}
