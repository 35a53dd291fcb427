//! Typed objects, decoded by hand from the span tree.
//!
//! [`Decoder::decode`] takes one object at a time and may be called from many threads. It dispatches
//! on API group *and* kind through one table, [`registry::KINDS`]: adding a kind is one file and one
//! line. What the API server would refuse becomes findings, every one at its own place. What comes
//! out is small: the tree can be dropped at once, and pods of one shape share it.

mod account;
mod admin;
mod antrea;
mod autoscaler;
mod calico;
mod callback;
mod cilium;
mod custom;
mod data;
mod deprecated;
mod egress_firewall;
mod endpoints;
mod fqdn;
mod gateway;
mod ingress;
pub mod istio;
mod kubevirt;
mod meta;
mod monitor;
mod namespace;
mod needs;
mod network_policy;
mod node;
mod note;
mod operated;
mod pod;
mod read;
mod registry;
mod release;
mod route;
mod selector;
mod service;
pub mod syntax;
mod unsupported;
mod workload;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use crate::cni::{Plugin, Sign};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

pub use account::{Binding, HttpIssuer, Role, ServiceAccount};
pub use admin::{AdminAction, AdminKind, AdminPeer, AdminPods, AdminPolicy, AdminPort, AdminRule, AdminTier};
pub use antrea::{
    AntreaAction, AntreaApplied, AntreaGroup, AntreaMembers, AntreaObject, AntreaPeer, AntreaPolicy,
    AntreaPort, AntreaRelation, AntreaRule, AntreaTier, built_in_tier,
    without_missing_tiers as without_missing_antrea_tiers,
};
pub use autoscaler::Autoscaler;
pub use calico::{
    BUILT_IN_TIERS, CalicoAction, CalicoEntity, CalicoKind, CalicoObject, CalicoPolicy, CalicoPort,
    CalicoProtocol, CalicoRule, DEFAULT_TIER_ORDER, Expression, FelixConfiguration, Form, HostAction,
    HostEndpoint, HostPort, HttpMatch, HttpPath, Icmp, NetworkSet, Normal, Profile, ProtoPort,
    ServiceAccountMatch, ServiceMatch, StagedAction, StagedKubernetesPolicy, StoredName, SyntaxError, Test,
    Tier, TierAction, TierName, without_missing_tiers,
};
pub use callback::{Call, Callbacks};
pub use cilium::{
    CiliumBlock, CiliumBlockSource, CiliumCidrGroup, CiliumEntity, CiliumEntry, CiliumHttpRule, CiliumIcmp,
    CiliumL7, CiliumPeer, CiliumPeers, CiliumPolicy, CiliumPort, CiliumPortRef, CiliumPorts, CiliumProtocol,
    CiliumRequirement, CiliumRule, CiliumSelector, CiliumService, CiliumSubject, DomainPattern,
    HeaderCondition, HeaderValue, IcmpFamily, LabelSource, Section, TlsRestriction,
};
pub use custom::CustomResource;
pub use data::Data;
pub use egress_firewall::{EgressFirewall, FirewallPeer, FirewallRule};
pub use endpoints::{EndpointPort, Endpoints, ServiceEndpoint};
pub use fqdn::{FqdnPolicy, FqdnRule};
pub use istio::IstioObject;
pub use meta::{Meta, Owner};
pub use monitor::{Monitor, MonitorEndpoint, MonitorNamespaces, MonitorTarget};
pub use namespace::Namespace;
pub use needs::{Mention, MentionForm, Needs, Read};
pub use network_policy::{NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, PortRef};
pub use node::Node;
pub use note::{Note, Noted};
pub use pod::{ContainerPort, Dns, Pod, PodShape};
pub use release::Release;
pub use route::{
    AllowedNamespaces, Backend, BackendPort, ControllerClass, Gateway, Hostname, Listener, Parent, PathMatch,
    ReferenceGrant, Route, RouteProtocol, RouteRule, Routing, WildcardLabels,
};
pub use service::{Service, ServicePort, ServiceType, TargetPort, TrafficPolicy};
pub use unsupported::is_of_a_mesh;
pub use workload::{Replicas, Workload};

use crate::diagnostic::{Finding, Severity};
use crate::source::Span;
use crate::yaml::{self, Value};
use read::{Path, Reader, Unknown};
use registry::Kind;

/// A value with the place where it is written. Two are equal when their values are.
#[derive(Clone, Copy, Debug)]
pub struct Spanned<T> {
    /// What is written.
    pub value: T,
    /// Where.
    pub span: Span,
}

/// Just a place. Any two are equal: where something is written is no part of what it says.
pub type Place = Spanned<()>;

impl<T> Spanned<T> {
    /// A value at a place.
    pub const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// An object of a kind that means something to npv.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// A Namespace.
    Namespace(Box<Namespace>),
    /// A Node.
    Node(Box<Node>),
    /// A Pod.
    Pod(Box<Pod>),
    /// Whatever makes pods from a template.
    Workload(Box<Workload>),
    /// What an operator makes of a custom resource, where the manifests do not show it.
    Operated(Box<Workload>),
    /// What scales a controller.
    Autoscaler(Box<Autoscaler>),
    /// A Service.
    Service(Box<Service>),
    /// An Endpoints or EndpointSlice object.
    Endpoints(Box<Endpoints>),
    /// An IngressClass or a GatewayClass.
    ControllerClass(Box<ControllerClass>),
    /// A Gateway.
    Gateway(Box<Gateway>),
    /// An Ingress, a route of the Gateway API, or an OpenShift Route.
    Route(Box<Route>),
    /// A ReferenceGrant.
    ReferenceGrant(Box<ReferenceGrant>),
    /// A ServiceMonitor or PodMonitor.
    Monitor(Box<Monitor>),
    /// Something that makes the API server call Services.
    Callbacks(Box<Callbacks>),
    /// A ServiceAccount.
    ServiceAccount(Box<ServiceAccount>),
    /// A RoleBinding or ClusterRoleBinding.
    Binding(Box<Binding>),
    /// A Role or ClusterRole that lets somebody make pods.
    Role(Box<Role>),
    /// Something that has others deployed: a HelmRelease, an Application and their like.
    Release(Box<Release>),
    /// An object of a kind that npv does not know, of which an operator may make pods.
    Custom(Box<CustomResource>),
    /// A ConfigMap or Secret that names somebody.
    Data(Box<Data>),
    /// A cert-manager issuer that proves domains over HTTP.
    HttpIssuer(Box<HttpIssuer>),
    /// What Calico's policies refer to.
    Calico(Box<CalicoObject>),
    /// A CiliumCIDRGroup.
    CidrGroup(Box<CiliumCidrGroup>),
    /// What Antrea's policies refer to.
    Antrea(Box<AntreaObject>),
    /// A policy of any dialect.
    Policy(Policy),
}

/// A policy of some dialect, valid as far as the API server checks it.
#[derive(Clone, Debug, PartialEq)]
pub enum Policy {
    /// `networking.k8s.io/v1` NetworkPolicy.
    NetworkPolicy(Box<NetworkPolicy>),
    /// A cluster-wide policy of `policy.networking.k8s.io`.
    Admin(Box<AdminPolicy>),
    /// An object of Istio.
    Istio(Box<IstioObject>),
    /// A policy of Calico's.
    Calico(Box<CalicoPolicy>),
    /// A NetworkPolicy that Calico is to stage.
    StagedKubernetes(Box<StagedKubernetesPolicy>),
    /// A CiliumNetworkPolicy or CiliumClusterwideNetworkPolicy.
    Cilium(Box<CiliumPolicy>),
    /// A policy of Antrea's.
    Antrea(Box<AntreaPolicy>),
    /// OVN-Kubernetes' EgressFirewall.
    EgressFirewall(Box<EgressFirewall>),
    /// Amazon's ApplicationNetworkPolicy.
    AwsApplication(Box<NetworkPolicy>),
    /// Amazon's ClusterNetworkPolicy.
    AwsCluster(Box<AdminPolicy>),
    /// Google's FQDNNetworkPolicy.
    Fqdn(Box<FqdnPolicy>),
}

impl Policy {
    /// The API group of its kind: kinds of several groups share names. That of NetworkPolicy is the same in its
    /// old group.
    pub const fn group(&self) -> &'static str {
        match self {
            Self::NetworkPolicy(_) => "networking.k8s.io",
            Self::Admin(_) => "policy.networking.k8s.io",
            Self::Istio(object) => object.group(),
            // What is stored is the same object.
            Self::Calico(_) | Self::StagedKubernetes(_) => "projectcalico.org",
            Self::Cilium(_) => "cilium.io",
            Self::Antrea(_) => "crd.antrea.io",
            Self::EgressFirewall(_) => "k8s.ovn.org",
            Self::AwsApplication(_) | Self::AwsCluster(_) => "networking.k8s.aws",
            Self::Fqdn(_) => "networking.gke.io",
        }
    }

    /// Its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NetworkPolicy(_) => "NetworkPolicy",
            Self::Admin(policy) | Self::AwsCluster(policy) => policy.kind.name(),
            Self::Antrea(policy) => policy.kind(),
            Self::EgressFirewall(_) => "EgressFirewall",
            Self::AwsApplication(_) => "ApplicationNetworkPolicy",
            Self::Fqdn(_) => "FQDNNetworkPolicy",
            Self::Istio(object) => object.kind(),
            Self::Calico(policy) => policy.kind.name(),
            Self::StagedKubernetes(_) => "StagedKubernetesNetworkPolicy",
            Self::Cilium(policy) => policy.kind(),
        }
    }

    /// The network plugin whose own kind it is.
    pub const fn plugin(&self) -> Option<Plugin> {
        match self {
            Self::NetworkPolicy(_) | Self::Admin(_) | Self::Istio(_) => None,
            Self::Calico(_) | Self::StagedKubernetes(_) => Some(Plugin::Calico),
            // `FQDNNetworkPolicy` as it runs at Google, which is what `Cni` tells apart.
            Self::Cilium(_) | Self::Fqdn(_) => Some(Plugin::Cilium),
            Self::Antrea(_) => Some(Plugin::Antrea),
            Self::EgressFirewall(_) => Some(Plugin::OvnKubernetes),
            Self::AwsApplication(_) | Self::AwsCluster(_) => Some(Plugin::AwsVpcCni),
        }
    }

    /// Whether any of its selectors asks for this label.
    pub fn asks_for(&self, key: &str) -> bool {
        match self {
            Self::NetworkPolicy(policy) | Self::AwsApplication(policy) => {
                policy.selectors().any(|selector| selector.asks_for(key))
            }
            Self::Admin(policy) | Self::AwsCluster(policy) => {
                policy.selectors().any(|selector| selector.asks_for(key))
            }
            Self::Antrea(policy) => policy.selectors().any(|selector| selector.asks_for(key)),
            Self::EgressFirewall(_) => false,
            Self::Fqdn(policy) => policy.subject.value.asks_for(key),
            Self::Istio(object) => object.selector().is_some_and(|selector| selector.value.asks_for(key)),
            Self::Calico(policy) => policy.asks_for(key),
            Self::StagedKubernetes(staged) => {
                staged.policy.selectors().any(|selector| selector.asks_for(key))
            }
            Self::Cilium(policy) => policy.selectors().any(|selector| selector.asks_for(key)),
        }
    }

    /// Its name and place in the cluster.
    pub fn meta(&self) -> &Meta {
        match self {
            Self::NetworkPolicy(policy) | Self::AwsApplication(policy) => &policy.meta,
            Self::Admin(policy) | Self::AwsCluster(policy) => &policy.meta,
            Self::Antrea(policy) => &policy.meta,
            Self::EgressFirewall(policy) => &policy.meta,
            Self::Fqdn(policy) => &policy.meta,
            Self::Istio(object) => object.meta(),
            Self::Calico(policy) => &policy.meta,
            Self::StagedKubernetes(staged) => &staged.policy.meta,
            Self::Cilium(policy) => &policy.meta,
        }
    }
}

/// What one document turned out to be.
#[derive(Clone, Debug, Default)]
pub struct Decoded {
    /// `apiVersion/Kind` as written; `None` where the document is no object.
    pub kind: Option<Box<str>>,
    /// The object, where it means something to npv. A policy with errors that leave its meaning in doubt is
    /// left out.
    pub object: Option<Object>,
    /// What it says to npv, where it says anything.
    pub noted: Option<Box<Noted>>,
    /// Values that somebody has yet to fill in, `${APP}` as an example, where they stand. The texts of the object have
    /// them as they are written: see [`syntax::placeholder`].
    pub placeholders: Vec<Spanned<Box<str>>>,
    /// What it tells of the network plugin, where it tells anything.
    pub sign: Option<Box<Sign>>,
    /// What is wrong with it, in the order of the text.
    pub findings: Vec<Finding>,
}

/// Decodes objects and keeps one copy of what many pods have in common.
#[derive(Debug)]
pub struct Decoder {
    default_namespace: Box<str>,
    shapes: Mutex<HashSet<Arc<PodShape>>>,
}

impl Decoder {
    /// A decoder that puts objects without `metadata.namespace` into this namespace (S-46).
    pub fn new(default_namespace: &str) -> Self {
        Self { default_namespace: default_namespace.into(), shapes: Mutex::default() }
    }

    /// Decodes one object. Lists must have been taken apart before.
    ///
    /// Never fails: a document that is no object, a policy of a kind that npv does not model, and every
    /// violation of what the API server demands are findings.
    pub fn decode(&self, node: &yaml::Node) -> Decoded {
        if node.is_null() {
            return Decoded::default();
        }
        let mut reader = Reader::new(self);
        let Some((api_version, kind)) = type_of(&mut reader, node) else {
            return Decoded { findings: reader.finish(), ..Decoded::default() };
        };
        let mut decoded =
            Decoded { kind: Some(format!("{api_version}/{kind}").into()), ..Decoded::default() };
        // What kind of object it will be nobody knows.
        for key in ["apiVersion", "kind"] {
            if let Some(value) = node.get(key) {
                reader.placeholder(value.as_str().unwrap_or_default(), value.span);
            }
        }
        decoded.sign = Sign::of(api_version, kind, node, &self.default_namespace).map(Box::new);
        if let Some(entry) = registry::find(api_version, kind) {
            if let Some(finding) = deprecated::check(api_version, kind, node) {
                reader.report(finding);
            }
            let (object, name) = decode_known(&mut reader, entry, node);
            decoded.object = object;
            let notes = std::mem::take(&mut reader.notes);
            decoded.noted = name
                .filter(|_| !notes.is_empty())
                .map(|name| Box::new(Noted { object: name.into(), span: node.span, notes }));
        } else if let Some(finding) = unsupported::check(api_version, kind, node, &self.default_namespace) {
            reader.report(finding);
        } else {
            let custom = custom::read(api_version, kind, node, &self.default_namespace);
            decoded.object = custom.map(|custom| Object::Custom(Box::new(custom)));
        }
        decoded.placeholders = std::mem::take(&mut reader.placeholders);
        decoded.findings = reader.finish();
        decoded
    }

    /// The shared copy of a shape.
    fn share(&self, shape: PodShape) -> Arc<PodShape> {
        let mut shapes = self.shapes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shapes.get(&shape) {
            return Arc::clone(known);
        }
        let shape = Arc::new(shape);
        shapes.insert(Arc::clone(&shape));
        shape
    }
}

/// `apiVersion` and `kind` of an object; a finding where they are not there.
fn type_of<'n>(reader: &mut Reader<'_>, node: &'n yaml::Node) -> Option<(&'n str, &'n str)> {
    let unreadable = |span, key: &str, message: String| {
        Finding::new("unreadable-document", Severity::Error, span, message)
            .help("npv reads Kubernetes objects: give it the paths that hold manifests and nothing else")
            .key(key)
            .incomplete()
    };
    if !matches!(node.value, Value::Map(_)) {
        let message = format!("this document is {}, not a Kubernetes object", node.kind());
        reader.report(unreadable(node.span, "", message));
        return None;
    }
    let mut missing = Vec::new();
    let mut field = |name: &'static str| {
        let value = node.get(name).filter(|value| !value.is_null());
        let text = value.and_then(yaml::Node::as_str).filter(|text| !text.is_empty());
        match value {
            Some(value) if value.as_str().is_none() => {
                let message = format!("`{name}` is {}, not a string", value.kind());
                reader.report(unreadable(value.span, name, message));
            }
            _ if text.is_none() => missing.push(name),
            _ => {}
        }
        text
    };
    let (api_version, kind) = (field("apiVersion"), field("kind"));
    if !missing.is_empty() {
        let message = format!("this is no Kubernetes object: it has no {}", read::listing(&missing));
        reader.report(unreadable(node.span, "", message));
    }
    api_version.zip(kind)
}

fn decode_known(
    reader: &mut Reader<'_>,
    kind: &'static Kind,
    node: &yaml::Node,
) -> (Option<Object>, Option<String>) {
    reader.policy = kind.policy;
    let unknown = if kind.policy { Unknown::Refused(kind.others) } else { Unknown::Allowed };
    let [metadata, spec, status] = reader.fields(&Path::Root, node, ["metadata", "spec", "status"], unknown);
    let meta = meta::read(reader, kind, node, metadata);
    let name = meta.as_ref().map(|meta| kind.object_name(meta));
    // Without a name there is no object, but its errors are still worth a finding each.
    let object = meta::Root { kind, node, metadata, spec, status, meta: meta.unwrap_or_default() };
    let object = (kind.decode)(reader, object);
    if let Some(name) = &name {
        reader.name(name);
    }
    reader.drop_unfilled(node);
    let in_doubt = kind.policy
        && (reader.in_doubt || reader.findings.iter().any(|finding| changes_meaning(reader, finding)));
    (object.filter(|_| name.is_some() && !in_doubt), name)
}

/// Whether an error leaves in doubt what a policy means. A name that the API server would refuse does not,
/// nor does a label of the policy itself: the policy says what it says, under whatever name.
fn changes_meaning(reader: &Reader<'_>, finding: &Finding) -> bool {
    let of_metadata = finding.rule == "invalid-policy" && finding.key.starts_with("metadata")
        || finding.rule == "wrong-type" && finding.key == "metadata.name";
    if reader.clear.contains(&finding.key) {
        return false;
    }
    // What makes the answer incomplete stays in it, as far as it is understood (S-67).
    finding.severity == Severity::Error && !of_metadata && !finding.incomplete
}
