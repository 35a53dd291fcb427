//! What Calico's policies refer to: tiers, sets of networks, host endpoints, Services.

use std::sync::Arc;

use ipnet::IpNet;

use super::host::{self, Host};
use super::select::{Scope, Thing};
use super::tier::Tiers;
use crate::cluster::{Cluster, Namespace};
use crate::cni::Cni;
use crate::k8s::CalicoObject;
use crate::source::Span;
use crate::space::{Labels, Truth};

/// A cluster as Calico sees it.
pub(in super::super) struct World<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) cni: &'a Cni,
    pub(super) tiers: Tiers<'a>,
    /// What has labels and addresses and is no pod (C-44).
    things: Vec<Known<'a>>,
    pub(super) hosts: Vec<Host<'a>>,
}

/// A NetworkSet, a GlobalNetworkSet or a HostEndpoint.
pub(super) struct Known<'a> {
    object: &'a CalicoObject,
    namespace: Option<&'a Namespace>,
    labels: Arc<Labels>,
    nets: Vec<IpNet>,
}

impl<'a> World<'a> {
    pub(in super::super) fn new(cluster: &'a Cluster, cni: &'a Cni) -> Self {
        let mut things = Vec::new();
        for object in &cluster.calico {
            match object {
                CalicoObject::NetworkSet(set) => things.push(Known {
                    object,
                    namespace: namespace(cluster, &set.meta.namespace),
                    labels: Arc::clone(&set.labels.value),
                    nets: set.nets.iter().map(|net| net.value).collect(),
                }),
                CalicoObject::HostEndpoint(endpoint) => things.push(Known {
                    object,
                    namespace: None,
                    labels: host::labels(endpoint, &cluster.calico),
                    nets: endpoint.addresses.iter().map(|address| address.value.into()).collect(),
                }),
                CalicoObject::Tier(_) | CalicoObject::Profile(_) | CalicoObject::Felix(_) => {}
            }
        }
        things.retain(|thing| !thing.nets.is_empty());
        Self { cluster, cni, tiers: Tiers::new(&cluster.calico), things, hosts: host::hosts(cluster) }
    }

    /// Everything in a scope that is in no namespace.
    pub(super) fn outside_of_namespaces<'s>(
        &'s self,
        scope: &'s Scope<'_>,
    ) -> impl Iterator<Item = &'s Known<'a>> {
        self.things
            .iter()
            .filter(|known| known.namespace.is_none())
            .filter(|known| scope.holds(Thing { namespace: None, labels: &known.labels }) == Truth::Yes)
    }

    /// The blocks of everything in a scope that is no pod. What may be in it counts where that is `safe`.
    pub(super) fn nets(&self, scope: &Scope<'_>, safe: bool) -> Vec<IpNet> {
        self.nets_of(safe, |thing| scope.holds(thing))
    }

    /// The blocks of everything that is no pod and of which this is so.
    pub(super) fn nets_of(&self, safe: bool, holds: impl Fn(Thing<'_>) -> Truth) -> Vec<IpNet> {
        let holds =
            |known: &&Known<'_>| match holds(Thing { namespace: known.namespace, labels: &known.labels }) {
                Truth::Yes => true,
                Truth::Maybe => safe,
                Truth::No => false,
            };
        let mut nets: Vec<IpNet> =
            self.things.iter().filter(holds).flat_map(|known| &known.nets).copied().collect();
        nets.sort_unstable();
        nets.dedup();
        nets
    }
}

impl Known<'_> {
    /// `HostEndpoint/worker-1`.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.object.kind(), self.object.meta().name.value)
    }

    /// Where its name stands.
    pub(super) fn span(&self) -> Span {
        self.object.meta().name.span
    }
}

/// The namespace of this name; none for what is in no namespace.
fn namespace<'a>(cluster: &'a Cluster, name: &str) -> Option<&'a Namespace> {
    let index = cluster.namespaces.binary_search_by(|namespace| (*namespace.name).cmp(name)).ok()?;
    cluster.namespaces.get(index)
}
