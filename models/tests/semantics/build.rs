//! Small worlds in few words.

use std::net::IpAddr;
use std::sync::Arc;

use npv_models::cluster::ContainerPort;
use npv_models::decide::{Decision, End, Flow, NodeEnd, PodEnd, Verdict, decide};
use npv_models::policy::{
    Action, Direction, Layer, Mode, NamespaceSelector, NoMatch, ObjectRef, Participation, Peer, PeerMatch,
    Peers, PodSelector, Policy, PolicySet, PortItem, PortMatch, Ports, Precision, Profile, Provenance, Rule,
    Tier,
};
use npv_models::source::{SourceId, Span};
use npv_models::space::{Labels, Operator, PortSet, Protocol, Requirement, Selector, Traffic};

pub(crate) fn span() -> Span {
    Span::new(SourceId(0), 0, 0)
}

fn provenance() -> Provenance {
    Provenance { path: "spec".into(), span: span() }
}

/// `app=web,tier=front`.
pub(crate) fn labels(text: &str) -> Labels {
    text.split(',').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap()).collect()
}

/// The notation of `kubectl -l`, requirements apart by `;`: `app=web;env in (dev,test);!canary`.
pub(crate) fn selector(text: &str) -> Selector {
    Selector::new(text.split(';').map(str::trim).filter(|part| !part.is_empty()).map(|part| {
        let list = |values: &str| -> Vec<String> {
            values.trim_matches(['(', ')']).split(',').map(|value| value.trim().to_owned()).collect()
        };
        if let Some((key, values)) = part.split_once(" notin ") {
            Requirement::new(key, Operator::NotIn, list(values))
        } else if let Some((key, values)) = part.split_once(" in ") {
            Requirement::new(key, Operator::In, list(values))
        } else if let Some((key, value)) = part.split_once("!=") {
            Requirement::new(key, Operator::NotIn, [value])
        } else if let Some((key, value)) = part.split_once('=') {
            Requirement::new(key, Operator::In, [value])
        } else if let Some(key) = part.strip_prefix('!') {
            Requirement::new(key, Operator::DoesNotExist, [""; 0])
        } else {
            Requirement::new(part, Operator::Exists, [""; 0])
        }
    }))
}

/// Pods of the namespace with this name.
pub(crate) fn local(namespace: &str, pods: &str) -> PodSelector {
    PodSelector { namespaces: NamespaceSelector::Named(namespace.into()), pods: selector(pods) }
}

/// Pods of the namespaces with these labels.
pub(crate) fn across(namespaces: &str, pods: &str) -> PodSelector {
    PodSelector { namespaces: NamespaceSelector::Labels(selector(namespaces)), pods: selector(pods) }
}

/// `10.0.0.0/8 !10.1.0.0/16 !10.2.0.0/16`.
pub(crate) fn block(text: &str) -> PeerMatch {
    let mut parts = text.split(' ');
    let cidr = parts.next().unwrap().parse().unwrap();
    let except = parts.map(|part| part.strip_prefix('!').unwrap().parse().unwrap()).collect();
    PeerMatch::Block { cidr, except }
}

pub(crate) fn numbers(protocol: Protocol, first: u16, last: u16) -> PortMatch {
    PortMatch::Numbers(Traffic::of(protocol, PortSet::range(first, last)))
}

pub(crate) fn tcp(port: u16) -> PortMatch {
    numbers(Protocol::Tcp, port, port)
}

pub(crate) fn named(protocol: impl Into<Option<Protocol>>, name: &str) -> PortMatch {
    PortMatch::Named { protocol: protocol.into(), name: name.into() }
}

/// A rule without peers and ports: everything.
pub(crate) fn rule(action: Action) -> Rule {
    Rule {
        name: None,
        peers: Peers::Anyone,
        ports: Ports::All,
        action,
        provenance: provenance(),
        precision: Precision::Exact,
    }
}

pub(crate) fn allow() -> Rule {
    rule(Action::Allow)
}

pub(crate) trait RuleExt {
    /// Adds a peer.
    fn peer(self, matches: PeerMatch) -> Self;
    /// Adds a port.
    fn port(self, matches: PortMatch) -> Self;
}

impl RuleExt for Rule {
    fn peer(mut self, matches: PeerMatch) -> Self {
        let peer = Peer { matches, provenance: provenance() };
        match &mut self.peers {
            Peers::Listed(peers) => peers.push(peer),
            Peers::Anyone => self.peers = Peers::Listed(vec![peer]),
        }
        self
    }

    fn port(mut self, matches: PortMatch) -> Self {
        let item = PortItem { matches, provenance: provenance() };
        match &mut self.ports {
            Ports::Listed(items) => items.push(item),
            Ports::All => self.ports = Ports::Listed(vec![item]),
        }
        self
    }
}

/// A policy with rules for one direction.
pub(crate) fn policy(name: &str, subject: PodSelector, direction: Direction, rules: Vec<Rule>) -> Policy {
    let (ingress, egress) = match direction {
        Direction::Ingress => (Some(rules), None),
        Direction::Egress => (None, Some(rules)),
    };
    Policy {
        object: Arc::new(ObjectRef { kind: "Policy", namespace: None, name: name.into() }),
        name_span: span(),
        priority: 0,
        subject,
        subject_span: span(),
        ingress,
        egress,
        inert: Vec::new(),
    }
}

/// The tier of NetworkPolicy v1.
pub(crate) fn union(policies: Vec<Policy>) -> Tier {
    Tier {
        name: "NetworkPolicy",
        mode: Mode::Union,
        participation: Participation::Selected,
        no_match: NoMatch::Deny,
        fixed: None,
        policies,
    }
}

/// A tier of ClusterNetworkPolicy.
pub(crate) fn ordered(name: &'static str, policies: Vec<Policy>) -> Tier {
    Tier {
        name,
        mode: Mode::FirstMatch,
        participation: Participation::Everybody,
        no_match: NoMatch::NextTier,
        fixed: Some(Profile::ADMIN),
        policies,
    }
}

/// A tier where a denial wins and policies isolate.
pub(crate) fn deny_wins(policies: Vec<Policy>) -> Tier {
    Tier { name: "Cilium", mode: Mode::DenyWins, ..union(policies) }
}

pub(crate) fn layer(name: &'static str, tiers: Vec<Tier>) -> Layer {
    Layer { name, tiers }
}

/// One layer with these tiers.
pub(crate) fn tiers(tiers: Vec<Tier>) -> PolicySet {
    PolicySet { layers: vec![layer("CNI", tiers)] }
}

/// One layer with NetworkPolicies only.
pub(crate) fn policies(policies: Vec<Policy>) -> PolicySet {
    tiers(vec![union(policies)])
}

pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) labels: Labels,
    pub(crate) addresses: Vec<IpAddr>,
}

impl Node {
    pub(crate) fn new(name: &'static str, label_text: &str, address: &str) -> Self {
        Self { name, labels: labels(label_text), addresses: vec![address.parse().unwrap()] }
    }

    pub(crate) fn end(&self) -> NodeEnd<'_> {
        NodeEnd { name: self.name, labels: &self.labels, addresses: &self.addresses }
    }
}

pub(crate) struct Pod {
    pub(crate) name: &'static str,
    pub(crate) namespace: Option<&'static str>,
    pub(crate) namespace_labels: Labels,
    pub(crate) labels: Labels,
    pub(crate) ports: Vec<ContainerPort>,
    pub(crate) host_network: bool,
    pub(crate) addresses: Vec<IpAddr>,
}

impl Pod {
    /// A pod whose namespace has its name as its only label.
    pub(crate) fn new(namespace: &'static str, name: &'static str, label_text: &str) -> Self {
        Self {
            name,
            namespace: Some(namespace),
            namespace_labels: labels(&format!("kubernetes.io/metadata.name={namespace}")),
            labels: labels(label_text),
            ports: Vec::new(),
            host_network: false,
            addresses: Vec::new(),
        }
    }

    pub(crate) fn address(mut self, address: &str) -> Self {
        self.addresses.push(address.parse().unwrap());
        self
    }

    pub(crate) fn declares(mut self, name: &str, protocol: Protocol, number: u16) -> Self {
        self.ports.push(ContainerPort { name: Some(name.into()), protocol, number });
        self
    }

    pub(crate) fn on_host_network(mut self) -> Self {
        self.host_network = true;
        self
    }

    pub(crate) fn end(&self) -> End<'_> {
        End::Pod(self.pod(None))
    }

    pub(crate) fn pod<'a>(&'a self, node: Option<&'a NodeEnd<'a>>) -> PodEnd<'a> {
        PodEnd {
            name: Some(self.name),
            namespace: self.namespace,
            namespace_labels: &self.namespace_labels,
            labels: &self.labels,
            ports: &self.ports,
            host_network: self.host_network,
            addresses: &self.addresses,
            node,
        }
    }
}

pub(crate) fn address(text: &str) -> End<'static> {
    End::Address(text.parse().unwrap())
}

/// Who is asked about: TCP 80 with the upstream profile unless said otherwise.
pub(crate) fn ask<'p>(policies: &'p PolicySet, src: End<'_>, dst: End<'_>) -> Decision<'p> {
    ask_port(policies, src, dst, Protocol::Tcp, 80)
}

pub(crate) fn ask_port<'p>(
    policies: &'p PolicySet,
    src: End<'_>,
    dst: End<'_>,
    protocol: Protocol,
    port: u16,
) -> Decision<'p> {
    decide(policies, Profile::default(), &Flow { src, dst, protocol, port })
}

pub(crate) fn allowed(policies: &PolicySet, src: End<'_>, dst: End<'_>) -> bool {
    ask(policies, src, dst).verdict() == Verdict::Allow
}

pub(crate) fn allowed_port(
    policies: &PolicySet,
    src: End<'_>,
    dst: End<'_>,
    protocol: Protocol,
    port: u16,
) -> bool {
    ask_port(policies, src, dst, protocol, port).verdict() == Verdict::Allow
}

pub(crate) fn allowed_with(profile: Profile, policies: &PolicySet, src: End<'_>, dst: End<'_>) -> bool {
    decide(policies, profile, &Flow { src, dst, protocol: Protocol::Tcp, port: 80 }).verdict()
        == Verdict::Allow
}
