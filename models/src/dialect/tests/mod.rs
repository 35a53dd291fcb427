mod admin;
mod network_policy;

use crate::cluster::{Cluster, Inventory};
use crate::cni::Cni;
use crate::k8s::Policy;
use crate::policy::PolicySet;

/// What the policies of an inventory mean to no network plugin in particular.
fn lower(inventory: &Inventory) -> PolicySet {
    super::lower(&inventory.policies, &inventory.cluster, &Cni::default())
}

/// What policies mean where nothing else is there.
fn lower_all(policies: &[Policy]) -> PolicySet {
    super::lower(policies, &Cluster::default(), &Cni::default())
}
