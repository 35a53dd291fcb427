//! What an answer speaks of: workloads as far as policies cannot tell their pods apart, nodes,
//! blocks of addresses, and what is assumed.

use npv_models::cluster::{GroupId, WorkloadId};
use npv_models::policy::Entity;
use npv_models::space::{DomainName, IpSet};

/// Index of an [`Endpoint`] in its engine; ascending ids are the order of every output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId(pub u32);

/// Something that the manifests do not define and that answers speak of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumed {
    /// What answers call it, in braces.
    pub id: String,
    /// What it is.
    pub kind: AssumedKind,
}

impl Assumed {
    /// A pod of which nothing is known (S-84).
    pub fn pod(id: impl Into<String>) -> Self {
        Self { id: id.into(), kind: AssumedKind::Pod }
    }

    /// Something that every cluster has.
    pub fn entity(id: impl Into<String>, entity: Entity) -> Self {
        Self { id: id.into(), kind: AssumedKind::Entity(entity) }
    }
}

/// What something is that the manifests do not define.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AssumedKind {
    /// A pod of which nothing is known (S-84).
    Pod,
    /// Something that every cluster has.
    Entity(Entity),
}

/// One row or column of a reachability answer.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// `namespace/name[Kind]`, with a suffix where policies tell pods of the workload apart;
    /// `external-N`; in braces for what is assumed.
    pub id: String,
    /// What it is.
    pub kind: EndpointKind,
    /// Number of pods; 0 for anything else.
    pub pods: u32,
    /// It can be several pods, so that it can connect to itself.
    pub several: bool,
    /// It is outside of the cluster, a domain or addresses: what passes between two such is none of npv's
    /// business.
    pub outside: bool,
}

impl Endpoint {
    /// The positions, ascending, of its pods among the members of a group that it holds only a part of; `None`
    /// where it holds the whole group, or nothing of it.
    #[must_use]
    pub fn part_of(&self, group: GroupId) -> Option<&[u32]> {
        let EndpointKind::Pods { divided, .. } = &self.kind else { return None };
        divided.iter().find(|(of, _)| *of == group).map(|(_, positions)| &**positions)
    }
}

/// What an endpoint is.
#[derive(Clone, Debug)]
pub enum EndpointKind {
    /// Pods of one workload that no policy tells apart.
    Pods {
        /// The workload.
        workload: WorkloadId,
        /// The groups that the pods belong to; with addresses that policies tell apart, an endpoint may
        /// hold a part of a group.
        groups: Vec<GroupId>,
        /// Of which pods it consists in the groups that it holds only a part of: their positions, ascending,
        /// among the group's members.
        divided: Vec<(GroupId, Vec<u32>)>,
    },
    /// Nodes that no policy tells apart, as indices into the cluster's nodes.
    Nodes(Vec<u32>),
    /// Addresses outside the cluster with the same connections.
    External(IpSet),
    /// Something that the manifests do not define.
    Assumed(Symbolic),
}

/// What an endpoint is that the manifests do not define.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Symbolic {
    /// A pod of which nothing is known (S-84).
    Pod,
    /// Something that every cluster has.
    Entity(Entity),
    /// Whatever a domain name resolves to (S-64).
    Domain(DomainName),
}
