//! The resolved inventory: who is in the cluster, as far as the manifests tell.
//!
//! Pods that nothing can tell apart are one [`PodGroup`] from the start, so that everything after
//! loading costs as much as there are *distinct* pods, however many replicas they have.

mod backend;
mod builder;
mod entry;
mod intended;
mod mesh;
mod owners;
mod pods;
#[cfg(test)]
mod tests;
mod unseen;

use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::k8s::istio::MeshNotes;
pub use backend::{Target, target_port};
pub use builder::{Builder, Inventory};
pub use entry::{Attachment, Entry, EntryPoint, NotAttached, ResolvedBackend};
pub use mesh::{Downgraded, MeshServer, Proxy, Waypoint};
pub use unseen::{Unseen, UnseenBy};

pub use intended::{Intended, MeantBy};

use crate::k8s::{
    AntreaObject, Binding, CalicoObject, Callbacks, CiliumCidrGroup, HttpIssuer, Mention, Monitor, Routing,
    Spanned,
};
pub use crate::k8s::{
    ContainerPort, Dns, EndpointPort, ServiceEndpoint, ServicePort, ServiceType, TargetPort, TrafficPolicy,
};
use crate::policy::attribute;
use crate::source::Span;
use crate::space::{IntervalSet, IpSet, Labels, Selector};

/// Identifies a [`Namespace`] in its [`Cluster`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct NamespaceId(pub u32);

/// Identifies a [`Workload`] in its [`Cluster`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct WorkloadId(pub u32);

/// Identifies a [`PodGroup`] in its [`Cluster`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct GroupId(pub u32);

/// A namespace that a manifest defines or an object is in.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// Its name.
    pub name: Box<str>,
    /// Its labels, `kubernetes.io/metadata.name` always among them (S-41). Where the namespace is not
    /// defined, that label is all that is known (S-42).
    pub labels: Arc<Labels>,
    /// The Namespace object; `None` where no manifest defines it (S-42).
    pub defined: Option<Span>,
}

/// A controller with its pods, or a pod without one.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The namespace it is in.
    pub namespace: NamespaceId,
    /// Its kind as the manifest writes it: `Deployment`, `Pod`, ...
    pub kind: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// The name in the object that defines it; in its first pod where only pods are there.
    pub span: Span,
    /// The ServiceAccount that its pods run as; `None` is the namespace's `default`.
    pub service_account: Option<Box<str>>,
    /// Its pods, as groups that share all that a policy can see but their addresses.
    pub groups: Vec<GroupId>,
    /// A deployment tool makes it for a moment: a Helm or Argo CD hook.
    pub hook: bool,
    /// The controller's own labels, where some of them are not on its pods.
    pub labels: Option<Box<Spanned<Arc<Labels>>>>,
    /// Whom its template names, what it reads in ConfigMaps and Secrets included, each with the object that names
    /// it. See [`Cluster::intended`].
    pub mentions: Vec<(Mention, Option<Arc<str>>)>,
}

/// Pods of one workload with the same labels, ports and host network.
#[derive(Clone, Debug)]
pub struct PodGroup {
    /// The workload they belong to.
    pub workload: WorkloadId,
    /// The namespace they are in.
    pub namespace: NamespaceId,
    /// Their labels.
    pub labels: Arc<Labels>,
    /// What some dialects see of them besides: see [`attribute`](crate::policy::attribute).
    pub attributes: Arc<Labels>,
    /// The declared ports of all their containers, init and sidecar containers included (S-40), sorted.
    pub ports: Arc<[ContainerPort]>,
    /// They use their node's network, so no selector sees them (S-37).
    pub host_network: bool,
    /// What a mesh can see of them besides their labels.
    pub mesh: Option<Arc<MeshNotes>>,
    /// The pods that the manifests list one by one, in the order of the manifests; empty for a template.
    pub members: Vec<Member>,
    /// How many pods there are: the listed ones, or the replicas that the controller asks for.
    pub pods: u32,
    /// There can be more than one pod, so that one can connect to another.
    pub several: bool,
    /// The labels in the template or in the first pod; the name where there are none.
    pub span: Span,
    /// One of its containers declares no port, so that it may listen on any (S-27).
    pub undeclared: bool,
    /// Whom its pods ask for names.
    pub dns: Dns,
}

impl PodGroup {
    /// Whether a selector certainly selects its pods, by their labels and by what they are besides.
    pub fn satisfies(&self, selector: &Selector) -> bool {
        let at = |key: &str| if attribute::is(key) { self.attributes.at(key) } else { self.labels.at(key) };
        selector.holds(&at).certain()
    }
}

/// One pod that the manifests list.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name.
    pub name: Box<str>,
    /// Its addresses, where `status` gives them: for a pod on the host network, those of its node.
    pub addresses: Box<[IpAddr]>,
    /// The node that it runs on.
    pub node: Option<Box<str>>,
}

/// A node that a manifest defines.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub name: Box<str>,
    /// Its labels.
    pub labels: Arc<Labels>,
    /// Its internal and external addresses.
    pub addresses: Box<[IpAddr]>,
    /// The name in the Node object.
    pub span: Span,
}

/// Everything that the manifests define apart from policies.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// Namespaces, sorted by name; a [`NamespaceId`] is an index.
    pub namespaces: Vec<Namespace>,
    /// Workloads, sorted by namespace, name and kind; a [`WorkloadId`] is an index.
    pub workloads: Vec<Workload>,
    /// Groups of pods, in the order of their workloads; a [`GroupId`] is an index.
    pub groups: Vec<PodGroup>,
    /// Nodes, sorted by name.
    pub nodes: Vec<Node>,
    /// ServiceAccounts, sorted by namespace and name. One that no manifest defines has no labels.
    pub accounts: Vec<ServiceAccount>,
    /// Services, sorted by namespace and name.
    pub services: Vec<Service>,
    /// What Endpoints and EndpointSlices say of Services that no manifest defines, sorted by namespace
    /// and name of the Service.
    pub orphans: Vec<OrphanEndpoints>,
    /// Ways in: Ingresses, Gateways and routes.
    pub routing: Routing,
    /// What Calico's policies refer to, in the order of the manifests.
    pub calico: Vec<CalicoObject>,
    /// Addresses under a name, which policies refer to.
    pub cidr_groups: Vec<CiliumCidrGroup>,
    /// What Antrea's policies refer to, in the order of the manifests.
    pub antrea: Vec<AntreaObject>,
    /// Traffic that the cluster's own services depend on.
    pub demands: Demands,
    /// What somebody who knows the cluster has said of it.
    pub assumptions: Assumptions,
    /// The proxies of the service mesh, as clients meet them; nothing where there is no mesh. Pods say which is theirs.
    pub mesh: Option<Vec<MeshServer>>,
    /// Who puts objects into namespaces that the manifests do not show, in the order of the manifests. See
    /// [`Cluster::unseen_pods`] and [`Cluster::unseen_service`].
    pub unseen: Vec<Unseen>,
    /// Values that somebody has yet to fill in, where they stand; names, labels and ports of the objects have them as
    /// they are written. See [`crate::k8s::syntax::placeholder`].
    pub placeholders: Vec<Spanned<Box<str>>>,
}

/// What the manifests do not tell of a cluster, as far as somebody has said so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assumptions {
    /// The addresses of pods; empty where nobody has said so.
    pub pod_addresses: IpSet,
    /// The addresses of Services; empty where nobody has said so.
    pub service_addresses: IpSet,
    /// Labels of the pods of the cluster's DNS.
    pub dns: Option<Labels>,
    /// Labels of the pods of Prometheus.
    pub prometheus: Option<Labels>,
}

impl Assumptions {
    /// Where the addresses of pods are that no manifest shows: what somebody has said, else private space
    /// (RFC 1918, 6598), and that of IPv6 (RFC 4193) too where something shows IPv6 (S-16).
    pub fn pod_space(&self, shows_ipv6: bool) -> IpSet {
        if !self.pod_addresses.is_empty() {
            return self.pod_addresses.clone();
        }
        let blocks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"].into_iter();
        let blocks = blocks.chain(shows_ipv6.then_some("fc00::/7"));
        let nets = blocks.filter_map(|block| block.parse().ok()).map(IpSet::net);
        nets.fold(IpSet::EMPTY, |all, net| all.union(&net))
    }
}

impl Cluster {
    /// The name of a namespace.
    pub fn name_of(&self, namespace: NamespaceId) -> &str {
        self.namespaces.get(namespace.0 as usize).map_or("", |namespace| &namespace.name)
    }

    /// The virtual addresses of Services, as far as they are known: no packet has one when policy looks (S-31), and no
    /// pod ever has one.
    pub fn service_addresses(&self) -> IpSet {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for address in self.services.iter().flat_map(|service| &service.cluster_ips) {
            match address {
                IpAddr::V4(address) => v4.push((address.to_bits(), address.to_bits())),
                IpAddr::V6(address) => v6.push((address.to_bits(), address.to_bits())),
            }
        }
        let known = IpSet::from_parts(IntervalSet::from_intervals(v4), IntervalSet::from_intervals(v6));
        known.union(&self.assumptions.service_addresses)
    }

    /// Where the addresses of pods are that no manifest shows (S-16): not where Services have theirs.
    pub fn pod_space(&self) -> IpSet {
        let members = self.groups.iter().flat_map(|group| &group.members);
        let mut addresses = members
            .flat_map(|pod| &*pod.addresses)
            .chain(self.services.iter().flat_map(|service| &service.cluster_ips));
        self.assumptions.pod_space(addresses.any(IpAddr::is_ipv6)).difference(&self.service_addresses())
    }

    /// Where the addresses of nodes are that no manifest shows: nobody knows.
    pub fn node_space(&self) -> IpSet {
        IpSet::full().of(crate::space::Family::V4)
    }
}

/// What the cluster's own services need to reach, besides what applications do. In the order of the
/// manifests.
#[derive(Clone, Debug, Default)]
pub struct Demands {
    /// What Prometheus scrapes.
    pub monitors: Vec<Monitor>,
    /// What the API server calls.
    pub callbacks: Vec<Callbacks>,
    /// Who may use the API.
    pub bindings: Vec<Binding>,
    /// Who has a solver reached from outside.
    pub issuers: Vec<HttpIssuer>,
}

/// A ServiceAccount that a manifest defines.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    /// The namespace it is in.
    pub namespace: NamespaceId,
    /// Its name.
    pub name: Box<str>,
    /// Its labels.
    pub labels: Arc<Labels>,
}

/// A Service.
#[derive(Clone, Debug)]
pub struct Service {
    /// The namespace it is in.
    pub namespace: NamespaceId,
    /// Its name.
    pub name: Box<str>,
    /// The value of `metadata.name`.
    pub span: Span,
    /// Its own labels, by which monitors find it.
    pub labels: Arc<Labels>,
    /// The labels of its backends; `None` where Endpoints name them instead (S-83).
    pub selector: Option<Selector>,
    /// Where the selector is written.
    pub selector_span: Option<Span>,
    /// What kind of address it has.
    pub kind: ServiceType,
    /// `clusterIP: None`: clients get pod addresses, nothing is translated (S-82).
    pub headless: bool,
    /// Its virtual addresses, where they are known.
    pub cluster_ips: Vec<IpAddr>,
    /// Addresses under which it is reached from outside: `externalIPs` and the load balancer's.
    pub external_ips: Vec<IpAddr>,
    /// The name it is an alias of.
    pub external_name: Option<Box<str>>,
    /// `externalTrafficPolicy`.
    pub external_traffic: TrafficPolicy,
    /// `internalTrafficPolicy`.
    pub internal_traffic: TrafficPolicy,
    /// Backends that are not ready are reached too.
    pub publish_not_ready: bool,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// What Endpoints and EndpointSlice objects of its name say.
    pub endpoints: Vec<ServiceEndpoint>,
}

/// Endpoints of a Service that no manifest defines, such as the API server's.
#[derive(Clone, Debug)]
pub struct OrphanEndpoints {
    /// The namespace they are in.
    pub namespace: NamespaceId,
    /// The name of the Service.
    pub service: Box<str>,
    /// The addresses.
    pub endpoints: Vec<ServiceEndpoint>,
}
