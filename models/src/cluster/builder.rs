//! From decoded objects to the inventory.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::intended::Readable;
use super::pods::{POD_INDEX_LABEL, POD_NAME_LABEL, Surroundings, resolve};
use super::{
    Cluster, Demands, Namespace, NamespaceId, Node, OrphanEndpoints, PodGroup, Service, ServiceAccount,
    ServiceEndpoint,
};
use crate::diagnostic::{Finding, Severity};
use crate::k8s::{self, Meta, Object, Routing};
use crate::policy::attribute;
use crate::space::Labels;

/// The label that every namespace carries (S-41).
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Of more objects than this that are defined twice, nobody reads.
const MOST_FINDINGS: usize = 10_000;

/// Collects decoded objects in the order of the manifests.
#[derive(Debug, Default)]
pub struct Builder {
    namespaces: Objects<k8s::Namespace>,
    nodes: Objects<k8s::Node>,
    pods: Objects<k8s::Pod>,
    workloads: Objects<k8s::Workload>,
    operated: Objects<k8s::Workload>,
    autoscalers: Objects<k8s::Autoscaler>,
    services: Objects<k8s::Service>,
    endpoints: Objects<k8s::Endpoints>,
    classes: Objects<k8s::ControllerClass>,
    gateways: Objects<k8s::Gateway>,
    routes: Objects<k8s::Route>,
    grants: Objects<k8s::ReferenceGrant>,
    monitors: Objects<k8s::Monitor>,
    callbacks: Objects<k8s::Callbacks>,
    accounts: Objects<k8s::ServiceAccount>,
    bindings: Objects<k8s::Binding>,
    issuers: Objects<k8s::HttpIssuer>,
    roles: Objects<k8s::Role>,
    releases: Vec<k8s::Release>,
    customs: Vec<k8s::CustomResource>,
    calico: Objects<k8s::CalicoObject>,
    cidr_groups: Objects<k8s::CiliumCidrGroup>,
    data: Vec<k8s::Data>,
    antrea: Objects<k8s::AntreaObject>,
    policies: Objects<k8s::Policy>,
    findings: Vec<Finding>,
}

/// What the manifests define.
#[derive(Debug, Default)]
pub struct Inventory {
    /// Who is there.
    pub cluster: Cluster,
    /// The policies, in the order of the manifests.
    pub policies: Vec<k8s::Policy>,
    /// Objects that are defined more than once, and differently, the first 10,000; policies of a tier that is not
    /// there.
    pub findings: Vec<Finding>,
}

/// Objects of one sort, the last definition of each.
#[derive(Debug)]
struct Objects<T> {
    items: Vec<T>,
    by_name: HashMap<Key, usize>,
}

/// Group and kind, namespace and name: kinds of several groups share names. Where a kind moved from one group to
/// another, the group is left out.
type Key = ((&'static str, &'static str), Box<str>, Box<str>);

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Self { items: Vec::new(), by_name: HashMap::new() }
    }
}

impl<T: PartialEq> Objects<T> {
    /// Adds an object. One that is there already is replaced, as `kubectl apply` would do it, with a
    /// finding where the two differ in anything that npv reads.
    fn add(&mut self, kind: &'static str, object: T, meta: fn(&T) -> &Meta) -> Option<Finding> {
        self.add_of("", kind, object, meta)
    }

    /// As [`Objects::add`], for kinds whose name another group has, too.
    fn add_of(
        &mut self,
        group: &'static str,
        kind: &'static str,
        object: T,
        meta: fn(&T) -> &Meta,
    ) -> Option<Finding> {
        let Meta { name, namespace, generated, .. } = meta(&object);
        let span = name.span;
        let previous = if *generated {
            None
        } else {
            let key = ((group, kind), namespace.clone(), name.value.clone());
            self.by_name.insert(key, self.items.len())
        };
        let Some(first) = previous.and_then(|index| Some((index, self.items.get_mut(index)?))) else {
            self.items.push(object);
            return None;
        };
        let (index, first) = first;
        let key = ((group, kind), namespace.clone(), name.value.clone());
        let finding = (*first != object).then(|| {
            let name = if namespace.is_empty() {
                format!("{kind}/{}", name.value)
            } else {
                format!("{kind}/{namespace}/{}", name.value)
            };
            Finding::new(
                "duplicate-object",
                Severity::Warning,
                span,
                format!("`{name}` is defined twice, and differently"),
            )
            .object(name)
            .label("npv uses this one")
            .related(meta(first).name.span, "and leaves this one out")
            .help("keep one of them, or check one set of manifests at a time")
        });
        *first = object;
        self.by_name.insert(key, index);
        finding
    }
}

impl Builder {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an object. The order matters only where an object is defined more than once.
    pub fn add(&mut self, object: Object) {
        let finding = match object {
            Object::Namespace(object) => self.namespaces.add("Namespace", *object, |object| &object.meta),
            Object::Node(object) => self.nodes.add("Node", *object, |object| &object.meta),
            Object::Pod(object) => self.pods.add("Pod", *object, |object| &object.meta),
            Object::Workload(object) => self.workloads.add(object.kind, *object, |object| &object.meta),
            Object::Operated(object) => self.operated.add(object.kind, *object, |object| &object.meta),
            Object::Autoscaler(object) => self.autoscalers.add(object.kind, *object, |object| &object.meta),
            Object::Service(object) => self.services.add("Service", *object, |object| &object.meta),
            Object::Endpoints(object) => self.endpoints.add(object.kind, *object, |object| &object.meta),
            Object::ControllerClass(object) => {
                self.classes.add(object.object.kind, *object, |object| &object.meta)
            }
            Object::Gateway(object) => self.gateways.add("Gateway", *object, |object| &object.meta),
            Object::Route(object) => self.routes.add(object.object.kind, *object, |object| &object.meta),
            Object::ReferenceGrant(object) => {
                self.grants.add("ReferenceGrant", *object, |object| &object.meta)
            }
            Object::Monitor(object) => self.monitors.add(object.object.kind, *object, |object| &object.meta),
            Object::Callbacks(object) => {
                self.callbacks.add(object.object.kind, *object, |object| &object.meta)
            }
            Object::ServiceAccount(object) => {
                self.accounts.add("ServiceAccount", *object, |object| &object.meta)
            }
            Object::Binding(object) => self.bindings.add(object.kind, *object, |object| &object.meta),
            Object::HttpIssuer(object) => self.issuers.add(object.kind, *object, |object| &object.meta),
            Object::Role(object) => self.roles.add(object.kind, *object, |object| &object.meta),
            // What several clusters have of one name is as unseen in each.
            Object::Release(object) => {
                self.releases.push(*object);
                None
            }
            Object::Custom(object) => {
                self.customs.push(*object);
                None
            }
            Object::Calico(object) => self.calico.add(object.kind(), *object, k8s::CalicoObject::meta),
            Object::CidrGroup(object) => {
                self.cidr_groups.add("CiliumCIDRGroup", *object, |object| &object.meta)
            }
            Object::Data(object) => {
                self.data.push(*object);
                None
            }
            Object::Antrea(object) => self.antrea.add(object.kind(), *object, k8s::AntreaObject::meta),
            Object::Policy(object) => {
                self.policies.add_of(object.group(), object.kind(), object, k8s::Policy::meta)
            }
        };
        if self.findings.len() < MOST_FINDINGS {
            self.findings.extend(finding);
        }
    }

    /// Resolves everything that has been added.
    pub fn finish(mut self) -> Inventory {
        let missing = k8s::without_missing_tiers(&mut self.policies.items, &self.calico.items);
        self.findings.extend(missing);
        let missing = k8s::without_missing_antrea_tiers(&mut self.policies.items, &self.antrea.items);
        self.findings.extend(missing);
        // What is shown counts, as in the dump of a cluster.
        for made in std::mem::take(&mut self.operated.items) {
            let key = (("", made.kind), made.meta.namespace.clone(), made.meta.name.value.clone());
            if !self.workloads.by_name.contains_key(&key) {
                self.workloads.items.push(made);
            }
        }
        let mut cluster = Cluster { namespaces: self.namespaces(), ..Cluster::default() };
        let namespaces: HashMap<&str, NamespaceId> = cluster
            .namespaces
            .iter()
            .enumerate()
            .map(|(index, namespace)| (&*namespace.name, NamespaceId(index as u32)))
            .collect();
        let numbered = self.numbered();
        let mut nodes: Vec<Node> = self.nodes.items.into_iter().map(node).collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        let autoscaled = self.autoscalers.items.iter().filter(|scaler| scaler.most > 1);
        // What a controller made by another one reads, that one reads.
        let workloads = self.workloads.items.iter().filter(|workload| workload.meta.owner.is_none());
        let readers = workloads.map(|workload| (&*workload.meta.namespace, &workload.needs));
        let readers = readers.chain(self.pods.items.iter().map(|pod| (&*pod.meta.namespace, &pod.needs)));
        let data = Readable::new(&self.data, readers);
        let surroundings = Surroundings {
            data,
            nodes: &nodes,
            namespaces: &namespaces,
            numbered,
            autoscaled: autoscaled.map(|scaler| (&*scaler.meta.namespace, &scaler.target)).collect(),
        };
        let (workloads, mut groups) = resolve(&self.workloads.items, &self.pods.items, &surroundings);
        let (services, orphans) = services(self.services.items, self.endpoints.items, &namespaces);
        cluster.accounts = accounts(self.accounts.items, &namespaces);
        identify(&mut groups, &cluster.accounts);
        cluster.workloads = workloads;
        cluster.groups = groups;
        cluster.nodes = nodes;
        cluster.services = services;
        cluster.orphans = orphans;
        cluster.routing = Routing {
            routes: self.routes.items,
            gateways: self.gateways.items,
            classes: self.classes.items,
            grants: self.grants.items,
            controller: None,
        };
        cluster.routing.routes.sort_by(|a, b| a.object.cmp(&b.object));
        cluster.routing.gateways.sort_by(|a, b| a.object.cmp(&b.object));
        cluster.routing.classes.sort_by(|a, b| a.object.cmp(&b.object));
        cluster.cidr_groups = self.cidr_groups.items;
        cluster.unseen =
            super::unseen::gather(&self.releases, &self.customs, &self.roles.items, &self.bindings.items);
        cluster.demands = Demands {
            monitors: self.monitors.items,
            callbacks: self.callbacks.items,
            bindings: self.bindings.items,
            issuers: self.issuers.items,
        };
        cluster.calico = self.calico.items;
        cluster.antrea = self.antrea.items;
        Inventory { cluster, policies: self.policies.items, findings: self.findings }
    }

    /// Whether anybody tells the pods of a StatefulSet apart by their numbers.
    fn numbered(&self) -> bool {
        let asks = |key| {
            let mut services = self.services.items.iter().filter_map(|service| service.selector.as_ref());
            self.policies.items.iter().any(|policy| policy.asks_for(key))
                || services.any(|selector| selector.value.asks_for(key))
        };
        asks(POD_NAME_LABEL) || asks(POD_INDEX_LABEL)
    }

    /// Every namespace that is defined or that an object is in, sorted.
    fn namespaces(&self) -> Vec<Namespace> {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        names.extend(self.pods.items.iter().map(|object| &*object.meta.namespace));
        names.extend(self.workloads.items.iter().map(|object| &*object.meta.namespace));
        names.extend(self.services.items.iter().map(|object| &*object.meta.namespace));
        names.extend(self.endpoints.items.iter().map(|object| &*object.meta.namespace));
        names.extend(self.gateways.items.iter().map(|object| &*object.meta.namespace));
        names.extend(self.routes.items.iter().map(|object| &*object.meta.namespace));
        names.extend(self.calico.items.iter().map(|object| &*object.meta().namespace));
        names.extend(self.policies.items.iter().map(|object| &*object.meta().namespace));
        // Cluster-scoped policies are in none.
        names.remove("");
        let mut all: BTreeMap<&str, Option<&k8s::Namespace>> =
            names.into_iter().map(|name| (name, None)).collect();
        for namespace in &self.namespaces.items {
            all.insert(&namespace.meta.name.value, Some(namespace));
        }
        all.into_iter()
            .map(|(name, object)| {
                let mut labels = object.map(|object| Labels::clone(&object.labels.value)).unwrap_or_default();
                labels.insert(NAME_LABEL, name);
                let defined = object.map(|object| object.meta.name.span);
                // S-42: of one that no manifest defines, only that label is known.
                let labels = if defined.is_some() { labels } else { labels.opened() };
                Namespace { name: name.into(), labels: Arc::new(labels), defined }
            })
            .collect()
    }
}

fn node(object: k8s::Node) -> Node {
    Node {
        labels: object.labels.value,
        addresses: object.addresses,
        span: object.meta.name.span,
        name: object.meta.name.value,
    }
}

/// Adds the labels of their ServiceAccounts to what is seen of pods. An account that no manifest defines has labels
/// that nothing shows, but for the one that every namespace has, to which nobody but people adds any.
fn identify(groups: &mut [PodGroup], accounts: &[ServiceAccount]) {
    let mut known: HashMap<(NamespaceId, &str), &ServiceAccount> = HashMap::new();
    known.extend(accounts.iter().map(|account| ((account.namespace, &*account.name), account)));
    let mut made: HashMap<(NamespaceId, Box<str>), Arc<Labels>> = HashMap::new();
    for group in groups {
        let Some(name) = group.attributes.get(attribute::ACCOUNT) else { continue };
        let attributes =
            made.entry((group.namespace, name.into())).or_insert_with_key(|(namespace, name)| {
                let account = known.get(&(*namespace, &**name));
                let labels = account.into_iter().flat_map(|account| account.labels.iter());
                let own = (attribute::ACCOUNT.to_owned(), &**name);
                let all = labels.map(|(key, value)| (attribute::account_label(key), value)).chain([own]);
                let all: Labels = all.collect();
                Arc::new(if account.is_some() || &**name == "default" { all } else { all.opened() })
            });
        group.attributes = Arc::clone(attributes);
    }
}

fn accounts(
    accounts: Vec<k8s::ServiceAccount>,
    namespaces: &HashMap<&str, NamespaceId>,
) -> Vec<ServiceAccount> {
    let resolve = |account: k8s::ServiceAccount| {
        // An account of a namespace without anything else is nobody's.
        let namespace = *namespaces.get(&*account.meta.namespace)?;
        Some(ServiceAccount { namespace, name: account.meta.name.value, labels: account.labels.value })
    };
    let mut resolved: Vec<ServiceAccount> = accounts.into_iter().filter_map(resolve).collect();
    resolved.sort_by(|a, b| (a.namespace, &a.name).cmp(&(b.namespace, &b.name)));
    resolved
}

fn services(
    services: Vec<k8s::Service>,
    endpoints: Vec<k8s::Endpoints>,
    namespaces: &HashMap<&str, NamespaceId>,
) -> (Vec<Service>, Vec<OrphanEndpoints>) {
    let mut by_service: BTreeMap<(Box<str>, Box<str>), Vec<ServiceEndpoint>> = BTreeMap::new();
    for object in endpoints {
        let key = (object.meta.namespace, object.service);
        by_service.entry(key).or_default().extend(object.endpoints);
    }
    // A Service has Endpoints and EndpointSlices that say the same.
    for list in by_service.values_mut() {
        let mut seen = HashSet::new();
        list.retain(|endpoint| {
            let mut ports = endpoint.ports.to_vec();
            ports.sort_unstable();
            seen.insert((endpoint.address, endpoint.pod.clone(), ports))
        });
    }
    let mut resolved = Vec::with_capacity(services.len());
    for object in services {
        let Some(&namespace) = namespaces.get(&*object.meta.namespace) else { continue };
        let key = (object.meta.namespace, object.meta.name.value);
        let endpoints = by_service.remove(&key).unwrap_or_default();
        let (selector, selector_span) = match object.selector {
            Some(selector) => (Some(selector.value), Some(selector.span)),
            None => (None, None),
        };
        resolved.push(Service {
            namespace,
            name: key.1,
            span: object.meta.name.span,
            labels: object.labels,
            selector,
            selector_span,
            kind: object.kind,
            headless: object.headless,
            cluster_ips: object.cluster_ips,
            external_ips: object.external_ips,
            external_name: object.external_name,
            external_traffic: object.external_traffic,
            internal_traffic: object.internal_traffic,
            publish_not_ready: object.publish_not_ready,
            ports: object.ports,
            endpoints,
        });
    }
    resolved.sort_by(|a, b| (a.namespace, &a.name).cmp(&(b.namespace, &b.name)));
    let orphans = by_service
        .into_iter()
        .filter_map(|((namespace, service), endpoints)| {
            let namespace = *namespaces.get(&*namespace)?;
            Some(OrphanEndpoints { namespace, service, endpoints })
        })
        .collect();
    (resolved, orphans)
}
