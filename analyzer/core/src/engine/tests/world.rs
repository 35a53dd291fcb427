//! Small worlds in few words.

use std::sync::Arc;

use npv_models::cluster::{
    Cluster, ContainerPort, GroupId, Member, Namespace, NamespaceId, Node, PodGroup, Workload, WorkloadId,
};
use npv_models::decide::Profile;
use npv_models::policy::{
    Action, Layer, Mode, NamespaceSelector, NoMatch, ObjectRef, Participation, Peer, PeerMatch, Peers,
    PodSelector, Policy, PolicySet, PortItem, PortMatch, Ports, Precision, Provenance, Rule, Tier,
};
use npv_models::source::{SourceId, Span};
use npv_models::space::{Labels, Operator, PortSet, Protocol, Requirement, Selector, Traffic};

use crate::engine::{EndpointId, Engine};

pub(crate) fn span() -> Span {
    Span::new(SourceId(0), 0, 0)
}

fn provenance() -> Provenance {
    Provenance { path: "".into(), span: span() }
}

/// `a=b,c=d` as labels.
pub(crate) fn labels(text: &str) -> Labels {
    text.split(',').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap()).collect()
}

/// `a=b,c,!d` as a selector.
pub(crate) fn selector(text: &str) -> Selector {
    let none: [&str; 0] = [];
    Selector::new(text.split(',').filter(|part| !part.is_empty()).map(|part| {
        match (part.split_once("!="), part.split_once('='), part.strip_prefix('!')) {
            (Some((key, value)), ..) => Requirement::new(key, Operator::NotIn, [value]),
            (_, Some((key, value)), _) => Requirement::new(key, Operator::In, [value]),
            (.., Some(key)) => Requirement::new(key, Operator::DoesNotExist, none),
            _ => Requirement::new(part, Operator::Exists, none),
        }
    }))
}

/// Pods of a namespace by name.
pub(crate) fn pods(namespace: &str, pods: &str) -> PodSelector {
    PodSelector { namespaces: NamespaceSelector::Named(namespace.into()), pods: selector(pods) }
}

/// Pods of namespaces by labels.
pub(crate) fn pods_in(namespaces: &str, pods: &str) -> PodSelector {
    PodSelector { namespaces: NamespaceSelector::Labels(selector(namespaces)), pods: selector(pods) }
}

pub(crate) fn block(cidr: &str, except: &[&str]) -> PeerMatch {
    PeerMatch::Block {
        cidr: cidr.parse().unwrap(),
        except: except.iter().map(|hole| hole.parse().unwrap()).collect(),
    }
}

pub(crate) fn tcp(port: u16) -> PortMatch {
    PortMatch::Numbers(Traffic::of(Protocol::Tcp, PortSet::single(port)))
}

pub(crate) fn named(name: &str) -> PortMatch {
    PortMatch::Named { protocol: Some(Protocol::Tcp), name: name.into() }
}

pub(crate) fn port(name: &str, number: u16) -> ContainerPort {
    ContainerPort { name: Some(name.into()), protocol: Protocol::Tcp, number }
}

/// A rule; no peers or no ports are all of them.
pub(crate) fn rule(action: Action, peers: Vec<PeerMatch>, ports: Vec<PortMatch>) -> Rule {
    let peer = |matches| Peer { matches, provenance: provenance() };
    let item = |matches| PortItem { matches, provenance: provenance() };
    Rule {
        name: None,
        peers: if peers.is_empty() {
            Peers::Anyone
        } else {
            Peers::Listed(peers.into_iter().map(peer).collect())
        },
        ports: if ports.is_empty() {
            Ports::All
        } else {
            Ports::Listed(ports.into_iter().map(item).collect())
        },
        action,
        provenance: provenance(),
        precision: Precision::Exact,
    }
}

pub(crate) fn allow(peers: Vec<PeerMatch>, ports: Vec<PortMatch>) -> Rule {
    rule(Action::Allow, peers, ports)
}

pub(crate) fn policy(subject: PodSelector, ingress: Option<Vec<Rule>>, egress: Option<Vec<Rule>>) -> Policy {
    Policy {
        object: Arc::new(ObjectRef { kind: "NetworkPolicy", namespace: None, name: "p".into() }),
        name_span: span(),
        priority: 0,
        subject,
        subject_span: span(),
        ingress,
        egress,
        inert: Vec::new(),
    }
}

pub(crate) fn tier(
    mode: Mode,
    participation: Participation,
    no_match: NoMatch,
    policies: Vec<Policy>,
) -> Tier {
    Tier { name: "tier", mode, participation, no_match, fixed: None, policies }
}

/// A tier as NetworkPolicy has it.
pub(crate) fn union(policies: Vec<Policy>) -> Tier {
    tier(Mode::Union, Participation::Selected, NoMatch::Deny, policies)
}

/// A tier as the admin policies have it.
pub(crate) fn ordered(policies: Vec<Policy>) -> Tier {
    tier(Mode::FirstMatch, Participation::Everybody, NoMatch::NextTier, policies)
}

pub(crate) fn layer(tiers: Vec<Tier>) -> Layer {
    Layer { name: "CNI", tiers }
}

/// NetworkPolicies alone.
pub(crate) fn network_policies(policies: Vec<Policy>) -> PolicySet {
    PolicySet { layers: vec![layer(vec![union(policies)])] }
}

/// Adds to a cluster; workloads are to come in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) cluster: Cluster,
}

impl World {
    pub(crate) fn namespace(&mut self, name: &str, more: &str) -> &mut Self {
        let mut all = labels(more);
        all.insert("kubernetes.io/metadata.name", name);
        self.cluster.namespaces.push(Namespace {
            name: name.into(),
            labels: Arc::new(all),
            defined: Some(span()),
        });
        self
    }

    /// A Deployment of two pods in the last namespace.
    pub(crate) fn workload(&mut self, name: &str, labels: &str) -> &mut PodGroup {
        let namespace = NamespaceId(self.cluster.namespaces.len() as u32 - 1);
        self.cluster.workloads.push(Workload {
            namespace,
            kind: "Deployment".into(),
            name: name.into(),
            span: span(),
            service_account: None,
            hook: false,
            labels: None,
            mentions: Vec::new(),
            groups: Vec::new(),
        });
        self.group(labels)
    }

    /// Another group of the last workload.
    pub(crate) fn group(&mut self, text: &str) -> &mut PodGroup {
        let group = GroupId(self.cluster.groups.len() as u32);
        let workload = self.cluster.workloads.last_mut().unwrap();
        workload.groups.push(group);
        self.cluster.groups.push(PodGroup {
            workload: WorkloadId(self.cluster.workloads.len() as u32 - 1),
            namespace: self.cluster.workloads.last().unwrap().namespace,
            labels: Arc::new(labels(text)),
            ports: Arc::new([]),
            host_network: false,
            members: Vec::new(),
            pods: 2,
            several: true,
            undeclared: false,
            dns: npv_models::cluster::Dns::Cluster,
            span: span(),
        });
        self.cluster.groups.last_mut().unwrap()
    }

    pub(crate) fn node(&mut self, name: &str, text: &str, addresses: &[&str]) -> &mut Self {
        self.cluster.nodes.push(Node {
            name: name.into(),
            labels: Arc::new(labels(text)),
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            span: span(),
        });
        self
    }

    pub(crate) fn engine(&self, policies: &PolicySet) -> Engine {
        Engine::new(&self.cluster, policies, Profile::default())
    }
}

pub(crate) fn member(name: &str, addresses: &[&str], node: Option<&str>) -> Member {
    Member {
        name: name.into(),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        node: node.map(Into::into),
    }
}

/// The endpoint with this text as its id.
pub(crate) fn id(engine: &Engine, text: &str) -> EndpointId {
    let found = engine.ids().find(|id| engine.endpoint(*id).is_some_and(|endpoint| endpoint.id == text));
    found.unwrap_or_else(|| panic!("no {text} among {:?}", names(engine)))
}

pub(crate) fn names(engine: &Engine) -> Vec<&str> {
    engine.endpoints().iter().map(|endpoint| endpoint.id.as_str()).collect()
}

/// What may pass, as people write it.
pub(crate) fn between(engine: &Engine, src: &str, dst: &str) -> String {
    engine.traffic(engine.between(id(engine, src), id(engine, dst)).both).to_string()
}

/// All connections as text, by [`Engine::for_each_row`].
pub(crate) fn listing(engine: &Engine) -> Vec<String> {
    let mut lines = Vec::new();
    engine.for_each_row(|src, row| {
        assert_eq!(engine.row(src), row);
        for connection in row {
            assert_eq!(connection.src, src);
            assert_eq!(connection.traffic, engine.between(src, connection.dst).both);
            let name = |id| &engine.endpoint(id).unwrap().id;
            lines.push(format!(
                "{} -> {}: {}",
                name(src),
                name(connection.dst),
                engine.traffic(connection.traffic)
            ));
        }
    });
    lines
}
