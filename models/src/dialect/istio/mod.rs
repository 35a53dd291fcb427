//! Istio: a second layer, which proxies enforce (M-20). What a proxy sees of a client is known once it is known who is
//! in the mesh: so pods get attributes first ([`annotate`]), and policies ask for these.
//!
//! Workloads whose proxies differ in nothing but the policies that select them are one *server*; what depends on the
//! ports of a server is spelled out for each.

mod ambient;
mod authorization;
mod identity;
mod membership;
mod mtls;
mod requests;
mod server;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Context, Enforcer, Lowered, Stage};
use crate::cluster::{Cluster, NamespaceId, Proxy};
use crate::k8s::{self, IstioObject};
use crate::policy::{NamespaceSelector, PeerMatch, PodSelector, Policy, Priority, Tunnel, attribute};
use crate::space::{Labels, Operator, Requirement, Selector};

use server::Servers;

/// The namespace whose policies are for all (`meshConfig.rootNamespace`).
const ROOT: &str = "istio-system";
/// The port of the tunnel between ambient ends (M-52).
const HBONE: u16 = 15_008;

/// The objects of the mesh.
#[derive(Default)]
struct Objects<'a> {
    authorizations: Vec<&'a k8s::istio::AuthorizationPolicy>,
    peers: Vec<&'a k8s::istio::PeerAuthentication>,
    requests: Vec<&'a k8s::istio::RequestAuthentication>,
    destinations: Vec<&'a k8s::istio::DestinationRule>,
}

impl<'a> Objects<'a> {
    fn of(policies: &'a [k8s::Policy]) -> Self {
        let mut objects = Self::default();
        for policy in policies {
            let k8s::Policy::Istio(object) = policy else { continue };
            match &**object {
                IstioObject::Authorization(object) => objects.authorizations.push(object),
                IstioObject::PeerAuthentication(object) => objects.peers.push(object),
                IstioObject::RequestAuthentication(object) => objects.requests.push(object),
                IstioObject::DestinationRule(object) => objects.destinations.push(object),
            }
        }
        // Of several for the same, the oldest counts (M-10); no manifest says which that is, so it is by name.
        objects.peers.sort_by(|a, b| a.meta.name.value.cmp(&b.meta.name.value));
        objects
    }

    fn is_empty(&self) -> bool {
        self.authorizations.is_empty()
            && self.peers.is_empty()
            && self.requests.is_empty()
            && self.destinations.is_empty()
    }
}

/// Says of every pod whether it is in the mesh, and as whom; nothing where there is no mesh.
pub(super) fn annotate(cluster: &mut Cluster, policies: &[k8s::Policy]) {
    let proxies: Vec<Proxy> = cluster
        .groups
        .iter()
        .map(|group| membership::proxy(group, cluster.namespaces.get(group.namespace.0 as usize)))
        .collect();
    let objects = Objects::of(policies);
    if objects.is_empty() && proxies.iter().all(|proxy| *proxy == Proxy::None) {
        return;
    }
    let servers = Servers::of(cluster, &proxies, &objects);
    let mut shared: BTreeMap<(NamespaceId, Box<str>, Proxy, u32), Arc<Labels>> = BTreeMap::new();
    let attributes: Vec<Arc<Labels>> = cluster
        .groups
        .iter()
        .enumerate()
        .map(|(number, group)| {
            let account: Box<str> = group.attributes.get(attribute::ACCOUNT).unwrap_or("default").into();
            let proxy = proxies.get(number).copied().unwrap_or_default();
            let server = servers.of_group.get(number).copied().unwrap_or_default();
            let key = (group.namespace, account, proxy, server);
            let known = shared.entry(key).or_insert_with_key(|(namespace, account, ..)| {
                let namespace = cluster.namespaces.get(namespace.0 as usize).map_or("", |found| &*found.name);
                let mut attributes = Labels::clone(&group.attributes);
                identity::insert(&mut attributes, namespace, account, proxy);
                attributes.insert(SERVER, server.to_string());
                Arc::new(attributes)
            });
            Arc::clone(known)
        })
        .collect();
    for (group, attributes) in cluster.groups.iter_mut().zip(attributes) {
        group.attributes = attributes;
    }
    cluster.mesh = Some(servers.all);
}

/// The attribute with the number of the server that a pod is.
const SERVER: &str = "@mesh/server";

/// Lowers all objects of the mesh.
pub(super) fn lower(policies: &[k8s::Policy], context: &Context<'_>) -> (Lowered, Vec<Tunnel>) {
    let Some(servers) = &context.cluster.mesh else { return (Lowered::new(), Vec::new()) };
    let objects = Objects::of(policies);
    let mut lowered = Lowered::new();
    for (number, server) in (0_u32..).zip(servers) {
        if server.proxy == Proxy::None {
            continue;
        }
        lowered.extend(mtls::lower(number, server, &objects));
        for policy in &objects.authorizations {
            lowered.extend(authorization::lower(policy, number, server, &objects, context.cluster));
        }
    }
    lowered.extend(mtls::outside_the_mesh(&objects, context.cluster));
    (lowered, ambient::tunnels(servers))
}

/// The pods that are a server, further limited by labels and namespace.
fn of_server(number: u32, namespaces: NamespaceSelector, pods: &Selector) -> PodSelector {
    let server = Selector::label(SERVER, number.to_string());
    PodSelector { namespaces, pods: Selector::all([server, pods.clone()]) }
}

/// Pods anywhere that satisfy a requirement on an attribute.
fn pods_with(key: &str, operator: Operator, values: &[&str]) -> PeerMatch {
    let requirement = Requirement::new(key, operator, values.iter().copied());
    PeerMatch::Pods(PodSelector {
        namespaces: NamespaceSelector::Labels(Selector::EVERYTHING),
        pods: Selector::new([requirement]),
    })
}

/// The clients that have an identity: pods with a proxy (M-26).
fn in_the_mesh() -> PeerMatch {
    pods_with(identity::PROXY, Operator::In, &[Proxy::Sidecar.name(), Proxy::Ambient.name()])
}

fn ambient_clients() -> PeerMatch {
    pods_with(identity::PROXY, Operator::In, &[Proxy::Ambient.name()])
}

/// The tiers of the layer, in the order in which a proxy asks them (M-22).
#[derive(Clone, Copy)]
enum Tier {
    Mutual,
    Custom,
    WaypointDeny,
    WaypointAllow,
    Deny,
    Allow,
}

impl Tier {
    fn stage(self) -> Stage {
        let (order, name) = match self {
            Self::Mutual => (0, "mutual TLS"),
            Self::Custom => (1, "CUSTOM"),
            Self::WaypointDeny => (2, "waypoint DENY"),
            Self::WaypointAllow => (3, "waypoint ALLOW"),
            Self::Deny => (4, "DENY"),
            Self::Allow => (5, "ALLOW"),
        };
        let order = Priority::number(order);
        let stage = match self {
            Self::Allow => Stage::union(name, order),
            _ => Stage::ordered(name, order),
        };
        Stage { enforcer: Enforcer::Mesh, ..stage }
    }

    /// The tier with a policy.
    fn with(self, policy: Policy) -> (Stage, Policy) {
        (self.stage(), policy)
    }
}
