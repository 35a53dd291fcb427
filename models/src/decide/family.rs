//! The address families that a flow can be of.

use std::net::IpAddr;

use super::{End, Flow};
use crate::space::Family;

impl Flow<'_> {
    /// The families that both ends can use, never empty. Where the known addresses of the ends have none in
    /// common it is `None` alone: nothing says how they would meet, and each side is asked about the other end
    /// as it is known.
    pub fn families(&self) -> Vec<Option<Family>> {
        let both = |family: &Family| self.src.can_use(*family) && self.dst.can_use(*family);
        let common: Vec<Option<Family>> = Family::ALL.into_iter().filter(both).map(Some).collect();
        if common.is_empty() { vec![None] } else { common }
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

    /// Whether the end has an address of the family, or may have one because none is known of it.
    fn can_use(&self, family: Family) -> bool {
        let known = self.known_addresses();
        known.is_empty() || known.iter().any(|address| Family::of(*address) == family)
    }
}
