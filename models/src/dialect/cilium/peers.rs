//! Whom the peers of Cilium's policies match.

use super::labels::{self, CLUSTER, NAMESPACE, NAMESPACE_LABELS};
use crate::cluster::{Cluster, Service};
use crate::k8s::{
    CiliumBlock, CiliumBlockSource, CiliumCidrGroup, CiliumEntity, CiliumPeer, CiliumRequirement,
    CiliumSelector, CiliumService, DomainPattern, LabelSource,
};
use crate::policy::{Entity, PeerMatch};
use crate::space::{DomainName, Operator, Requirement, Stars};

/// Where a peer stands.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) cluster: &'a Cluster,
    /// The namespace of its policy; `None` for a clusterwide one.
    pub(super) namespace: Option<&'a str>,
}

/// Nobody.
const NOBODY: PeerMatch = PeerMatch::Any(Vec::new());
/// Everybody.
pub(super) const EVERYBODY: PeerMatch = PeerMatch::All(Vec::new());

/// Whom a peer matches.
pub(super) fn lower(peer: &CiliumPeer, scope: Scope<'_>) -> PeerMatch {
    match peer {
        CiliumPeer::Endpoints(selector) => endpoints(selector, scope),
        CiliumPeer::Entity(entity) => of_entity(*entity),
        CiliumPeer::Block(block) => of_block(block, &scope.cluster.cidr_groups),
        CiliumPeer::Service(service) => of_services(service, scope.cluster),
        CiliumPeer::Domain(pattern) => PeerMatch::Domain(domain(pattern)),
        // K-27: refused unless the agent is told to see their labels, and it has been said.
        CiliumPeer::Nodes(_) => NOBODY,
        // K-28: addresses outside that no manifest shows.
        CiliumPeer::CloudGroup(name) => PeerMatch::Domain(DomainName::new(name.clone(), Stars::Labels)),
    }
}

/// A name or a pattern of names (K-41).
pub(super) fn domain(pattern: &DomainPattern) -> DomainName {
    DomainName::new(pattern.text(), Stars::Characters)
}

/// Pods, and with labels of `reserved:` whatever else has these (K-12).
fn endpoints(selector: &CiliumSelector, scope: Scope<'_>) -> PeerMatch {
    let requirements = selector.requirements();
    if selector.is_reserved() {
        let pods = labels::pods(requirements).map(PeerMatch::Pods);
        let entities = RESERVED.iter().filter(|(_, labels)| labels::is_reserved_as(selector, labels));
        let mut any: Vec<PeerMatch> = pods.into_iter().collect();
        any.extend(entities.map(|(entity, _)| PeerMatch::Entity(*entity)));
        return one_of(any);
    }
    let about = |wanted: &dyn Fn(&str) -> bool| {
        requirements.iter().any(|CiliumRequirement { source, requirement }| {
            matches!(source, LabelSource::Any | LabelSource::Kubernetes) && wanted(&requirement.key)
        })
    };
    let own = scope
        .namespace
        .filter(|_| !about(&|key| key == NAMESPACE) && !about(&|key| key.starts_with(NAMESPACE_LABELS)));
    let own = own.map(|name| labels::requirement(LabelSource::Kubernetes, NAMESPACE, Operator::In, &[name]));
    // K-63.
    let cluster = (!about(&|key| key == CLUSTER))
        .then(|| labels::requirement(LabelSource::Kubernetes, CLUSTER, Operator::Exists, &[]));
    match labels::pods(requirements.iter().chain(&own).chain(&cluster)) {
        Some(pods) => PeerMatch::Pods(pods),
        None => NOBODY,
    }
}

/// What is no pod, with its labels of `reserved:`. Where the API server is, on a node or outside, is not known; by
/// its own label it is found in either place.
const RESERVED: &[(Entity, &[&str])] = &[
    (Entity::OwnNode, &["host"]),
    (Entity::OtherNode, &["remote-node"]),
    (Entity::World, &["world"]),
    (Entity::ApiServer, &["kube-apiserver"]),
    (Entity::Ingress, &["ingress"]),
    (Entity::Health, &["health"]),
];

/// What an entity stands for (K-24).
fn of_entity(entity: CiliumEntity) -> PeerMatch {
    match entity {
        CiliumEntity::All => EVERYBODY,
        CiliumEntity::World => PeerMatch::Entity(Entity::World),
        CiliumEntity::Host => PeerMatch::Entity(Entity::OwnNode),
        CiliumEntity::RemoteNode => PeerMatch::Entity(Entity::OtherNode),
        CiliumEntity::KubeApiServer => PeerMatch::Entity(Entity::ApiServer),
        CiliumEntity::Ingress => PeerMatch::Entity(Entity::Ingress),
        CiliumEntity::Health => PeerMatch::Entity(Entity::Health),
        CiliumEntity::Cluster | CiliumEntity::ClusterMesh => {
            let entities =
                [Entity::OwnNode, Entity::OtherNode, Entity::ApiServer, Entity::Ingress, Entity::Health];
            let pods = PeerMatch::Pods(labels::every_pod());
            PeerMatch::Any([pods].into_iter().chain(entities.map(PeerMatch::Entity)).collect())
        }
        // No manifest shows any of these.
        CiliumEntity::None | CiliumEntity::Init | CiliumEntity::Unmanaged => NOBODY,
    }
}

/// Addresses outside the cluster (K-20 to K-23).
fn of_block(block: &CiliumBlock, groups: &[CiliumCidrGroup]) -> PeerMatch {
    let whole = |cidr| PeerMatch::Block { cidr, except: Vec::new() };
    let blocks_of = |wanted: &dyn Fn(&CiliumCidrGroup) -> bool| -> Vec<PeerMatch> {
        let groups = groups.iter().filter(|group| wanted(group));
        groups.flat_map(|group| &group.blocks).map(|block| whole(block.value)).collect()
    };
    let source = match &block.source {
        CiliumBlockSource::Block(cidr) => {
            return PeerMatch::Block { cidr: *cidr, except: block.except.clone() };
        }
        CiliumBlockSource::Group(name) => {
            PeerMatch::Any(blocks_of(&|group| *group.meta.name.value == **name))
        }
        // Cilium takes the selector of nothing for that of everybody, pods and nodes among them.
        CiliumBlockSource::Groups(selector) if selector.is_everything() && block.except.is_empty() => {
            return EVERYBODY;
        }
        // An address has the labels of all groups that it is in.
        CiliumBlockSource::Groups(selector) => {
            let requirements = selector.requirements().iter().map(|requirement| {
                let positive = matches!(requirement.operator, Operator::In | Operator::Exists);
                let asked = if positive {
                    requirement.clone()
                } else {
                    Requirement { operator: requirement.operator.negated(), ..requirement.clone() }
                };
                let there =
                    PeerMatch::Any(blocks_of(&|group| asked.accepts(group.labels.value.get(&asked.key))));
                if positive { there } else { PeerMatch::Not(Box::new(there)) }
            });
            PeerMatch::All([PeerMatch::Entity(Entity::World)].into_iter().chain(requirements).collect())
        }
    };
    if block.except.is_empty() {
        return source;
    }
    let holes = PeerMatch::Any(block.except.iter().map(|hole| whole(*hole)).collect());
    PeerMatch::All(vec![source, PeerMatch::Not(Box::new(holes))])
}

/// The Services that a peer names.
pub(super) fn services<'c>(service: &CiliumService, cluster: &'c Cluster) -> Vec<&'c Service> {
    let in_namespace = |namespace: &Option<Box<str>>, service: &Service| {
        namespace.as_deref().is_none_or(|name| cluster.name_of(service.namespace) == name)
    };
    let services = cluster.services.iter();
    match service {
        CiliumService::Named { name, namespace } => {
            services.filter(|service| service.name == *name && in_namespace(namespace, service)).collect()
        }
        CiliumService::Selected { selector, namespace } => services
            .filter(|service| selector.matches(&service.labels) && in_namespace(namespace, service))
            .collect(),
        CiliumService::None => Vec::new(),
    }
}

/// The pods and addresses that Services lead to, over any port (K-40).
fn of_services(service: &CiliumService, cluster: &Cluster) -> PeerMatch {
    one_of(services(service, cluster).into_iter().flat_map(|service| behind(service, cluster)).collect())
}

/// What is behind a Service; nothing where it leads to nobody.
pub(super) fn behind(service: &Service, cluster: &Cluster) -> Vec<PeerMatch> {
    let namespace = cluster.name_of(service.namespace);
    let Some(selector) = service.selector.as_ref().filter(|selector| !selector.is_everything()) else {
        let addresses = service.endpoints.iter().map(|endpoint| endpoint.address);
        return addresses
            .map(|address| PeerMatch::Block { cidr: address.into(), except: Vec::new() })
            .collect();
    };
    let asked = selector.requirements().iter().map(|requirement| CiliumRequirement {
        source: LabelSource::Kubernetes,
        requirement: requirement.clone(),
    });
    let there = labels::requirement(LabelSource::Kubernetes, NAMESPACE, Operator::In, &[namespace]);
    let asked: Vec<CiliumRequirement> = asked.chain([there]).collect();
    vec![labels::pods(&asked).map_or(NOBODY, PeerMatch::Pods)]
}

fn one_of(mut any: Vec<PeerMatch>) -> PeerMatch {
    match any.pop() {
        Some(only) if any.is_empty() => only,
        last => {
            any.extend(last);
            PeerMatch::Any(any)
        }
    }
}
