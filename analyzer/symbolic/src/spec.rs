//! The ends and the traffic that a question is about.

use npv_models::cluster::ContainerPort;
use npv_models::policy::{NamespaceSelector, PodSelector, PortMatch};
use npv_models::space::{IpSet, Labels, Selector};

/// One end of a question: whoever any part matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndSpec {
    /// The parts.
    pub any_of: Vec<EndPart>,
}

/// A part of an [`EndSpec`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndPart {
    /// Pods that selectors see (S-37), by namespace and labels.
    Pods(PodSelector),
    /// Pods of one known kind: exactly these labels.
    Pod(PodSpec),
    /// Nodes by their labels, and the pods on their network.
    Nodes(Selector),
    /// Addresses outside the cluster.
    Addresses(IpSet),
    /// Pods, nodes and addresses.
    Anybody,
}

/// A pod of which everything is known that a policy can see but its address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodSpec {
    /// The namespace that it is in.
    pub namespace: Box<str>,
    /// The labels of the namespace; `None` where any are possible.
    pub namespace_labels: Option<Labels>,
    /// Its labels.
    pub labels: Labels,
    /// The ports that it declares.
    pub ports: Vec<ContainerPort>,
    /// It uses its node's network.
    pub host_network: bool,
}

impl EndSpec {
    /// Pods, nodes and addresses.
    pub fn anybody() -> Self {
        Self::from(EndPart::Anybody)
    }

    /// Every pod that selectors see.
    pub fn any_pod() -> Self {
        Self::from(EndPart::Pods(PodSelector {
            namespaces: NamespaceSelector::Labels(Selector::EVERYTHING),
            pods: Selector::EVERYTHING,
        }))
    }

    /// Pods of the namespace with this name.
    pub fn pods_in(namespace: &str, pods: Selector) -> Self {
        Self::from(EndPart::Pods(PodSelector {
            namespaces: NamespaceSelector::Named(namespace.into()),
            pods,
        }))
    }

    /// Addresses outside the cluster.
    pub fn addresses(addresses: IpSet) -> Self {
        Self::from(EndPart::Addresses(addresses))
    }
}

impl From<EndPart> for EndSpec {
    fn from(part: EndPart) -> Self {
        Self { any_of: vec![part] }
    }
}

/// Whose labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A pod's.
    Pod,
    /// A namespace's.
    Namespace,
    /// A node's.
    Node,
}

/// A condition that compares a label of the two ends; a label that is absent is a value of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Whose label.
    pub place: Place,
    /// Its key.
    pub key: Box<str>,
    /// Both ends must have the same value; otherwise different ones.
    pub same: bool,
}

/// The flows that a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Where they come from.
    pub from: EndSpec,
    /// Sources to leave out.
    pub not_from: Option<EndSpec>,
    /// Where they go to.
    pub to: EndSpec,
    /// Over any of these; over anything where `None`.
    pub ports: Option<Vec<PortMatch>>,
    /// What else must hold.
    pub relations: Vec<Relation>,
}

impl Question {
    /// All flows between these ends.
    pub fn between(from: EndSpec, to: EndSpec) -> Self {
        Self { from, not_from: None, to, ports: None, relations: Vec::new() }
    }

    /// Every possible flow.
    pub fn anything() -> Self {
        Self::between(EndSpec::anybody(), EndSpec::anybody())
    }
}
