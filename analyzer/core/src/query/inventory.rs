//! How much there is.

use std::collections::BTreeSet;

use crate::snapshot::Snapshot;

/// Counts for the summary of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Input texts.
    pub files: usize,
    /// Namespaces.
    pub namespaces: usize,
    /// Workloads.
    pub workloads: usize,
    /// Pods of all workloads.
    pub pods: u64,
    /// Services.
    pub services: usize,
    /// Policies of every kind.
    pub policies: usize,
}

impl Inventory {
    /// Counts a snapshot.
    pub fn of(snapshot: &Snapshot) -> Self {
        let cluster = &snapshot.cluster;
        Self {
            files: snapshot.texts,
            namespaces: cluster.namespaces.len(),
            workloads: cluster.workloads.len(),
            pods: cluster.groups.iter().map(|group| u64::from(group.pods)).sum(),
            services: cluster.services.len(),
            policies: {
                let policies = snapshot.policies.policies();
                // Of one object there may be several rules with subjects of their own.
                policies.map(|(_, _, policy)| &*policy.object).collect::<BTreeSet<_>>().len()
            },
        }
    }
}
