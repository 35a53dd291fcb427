//! Clusters, ends and policies in few words, for tests that say themselves who is there.

use std::net::IpAddr;
use std::sync::Arc;

use npv_models::cluster::{
    Cluster, ContainerPort, Dns, GroupId, Member, Namespace, NamespaceId, Node, PodGroup, Workload,
    WorkloadId,
};
use npv_models::decide::{End, NodeEnd, PodEnd};
use npv_models::policy::{
    Action, Direction, Isolation, Layer, Mode, NamespaceSelector, NoMatch, ObjectRef, Peer, PeerMatch, Peers,
    PodSelector, Policy, PolicySet, PortItem, PortMatch, Ports, Priority, Profile, Provenance, Rule, Tier,
    attribute,
};
use npv_models::source::{SourceId, Span};
use npv_models::space::{
    IpSet, Labels, Language, Operator, PortSet, Protocol, RequestSet, Requirement, Selector, Traffic,
};

/// No manifest is behind any of it, so that every span is this one.
pub fn span() -> Span {
    Span::new(SourceId(0), 0, 0)
}

/// The place of a rule, a peer or a port.
pub fn provenance() -> Provenance {
    Provenance { path: "spec".into(), span: span() }
}

/// `app=web,tier=front`; a value `?` is one that no manifest shows, and `..` at the end leaves the set open.
pub fn labels(text: &str) -> Labels {
    let mut labels = Labels::default();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some((key, "?")) => labels.insert_unknown(key),
            Some((key, value)) => drop(labels.insert(key, value)),
            None => {
                assert_eq!(part, "..", "a label has a value");
                labels = labels.opened();
            }
        }
    }
    labels
}

/// The notation of `kubectl -l`: `app=web,env in (dev, test),!canary`; `;` separates like `,`. Besides, `app ^ a` asks for
/// a value that starts with `a`, and `app ~ a` for one in which it stands.
pub fn selector(text: &str) -> Selector {
    let mut depth = 0_u32;
    let parts = text.split(|character| {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        depth == 0 && matches!(character, ',' | ';')
    });
    Selector::new(parts.map(str::trim).filter(|part| !part.is_empty()).map(requirement))
}

fn requirement(part: &str) -> Requirement {
    let list = |values: &str| -> Vec<String> {
        values.trim_matches(['(', ')']).split(',').map(|value| value.trim().to_owned()).collect()
    };
    let one = |operator: Operator, (key, value): (&str, &str)| Requirement::new(key, operator, [value]);
    if let Some((key, values)) = part.split_once(" notin ") {
        Requirement::new(key, Operator::NotIn, list(values))
    } else if let Some((key, values)) = part.split_once(" in ") {
        Requirement::new(key, Operator::In, list(values))
    } else if let Some(pair) = part.split_once(" ^ ") {
        one(Operator::StartsWith, pair)
    } else if let Some(pair) = part.split_once(" ~ ") {
        one(Operator::Contains, pair)
    } else if let Some(pair) = part.split_once("!=") {
        one(Operator::NotIn, pair)
    } else if let Some(pair) = part.split_once('=') {
        one(Operator::In, pair)
    } else if let Some(key) = part.strip_prefix('!') {
        Requirement::new(key, Operator::DoesNotExist, [""; 0])
    } else {
        Requirement::new(part, Operator::Exists, [""; 0])
    }
}

/// Pods of the namespace with this name.
pub fn local(namespace: &str, pods: &str) -> PodSelector {
    PodSelector { namespaces: NamespaceSelector::Named(namespace.into()), pods: selector(pods) }
}

/// Pods of the namespaces with these labels.
pub fn across(namespaces: &str, pods: &str) -> PodSelector {
    PodSelector { namespaces: NamespaceSelector::Labels(selector(namespaces)), pods: selector(pods) }
}

/// `10.0.0.0/8 !10.1.0.0/16 !10.2.0.0/16`.
pub fn block(text: &str) -> PeerMatch {
    let mut parts = text.split(' ');
    let cidr = parts.next().unwrap().parse().unwrap();
    let except = parts.map(|part| part.strip_prefix('!').unwrap().parse().unwrap()).collect();
    PeerMatch::Block { cidr, except }
}

/// Whoever is not that.
pub fn not(peer: PeerMatch) -> PeerMatch {
    PeerMatch::Not(Box::new(peer))
}

/// Pods that run as a ServiceAccount of this name, in whatever namespace.
pub fn account(name: &str) -> PeerMatch {
    PeerMatch::Pods(across("", &format!("{}={name}", attribute::ACCOUNT)))
}

/// Ports by number.
pub fn numbers(protocol: Protocol, first: u16, last: u16) -> PortMatch {
    PortMatch::Numbers(Traffic::of(protocol, PortSet::range(first, last)))
}

/// A TCP port.
pub fn tcp(port: u16) -> PortMatch {
    numbers(Protocol::Tcp, port, port)
}

/// A port by name.
pub fn named(protocol: impl Into<Option<Protocol>>, name: &str) -> PortMatch {
    PortMatch::Named { protocol: protocol.into(), name: name.into() }
}

/// A port that a container declares.
pub fn declared(name: &str, protocol: Protocol, number: u16) -> ContainerPort {
    ContainerPort { name: Some(name.into()), protocol, number }
}

/// `GET`, `/api/` for all paths that begin so, `GET /api/` for both, and `if a valid token` for what npv knows by its
/// words only.
pub fn requests(text: &str) -> RequestSet {
    if let Some(words) = text.strip_prefix("if ") {
        return RequestSet::condition(words);
    }
    let mut all = RequestSet::all();
    for word in text.split(' ') {
        let part = if word.starts_with('/') {
            RequestSet::path(&Language::prefix(word).unwrap())
        } else {
            RequestSet::method(&Language::literal(word).unwrap())
        };
        all = all.intersection(&part);
    }
    all
}

/// A rule without peers and ports: everything.
pub fn rule(action: Action) -> Rule {
    Rule::new(action, provenance())
}

/// A rule that allows everything.
pub fn allow() -> Rule {
    rule(Action::Allow)
}

/// An entry of a list of peers.
pub fn peer(matches: PeerMatch) -> Peer {
    Peer { matches, provenance: provenance() }
}

/// An entry of a list of ports.
pub fn port(matches: PortMatch) -> PortItem {
    PortItem { matches, requests: None, provenance: provenance() }
}

/// Adds to rules.
pub trait RuleExt {
    /// Adds a peer.
    #[must_use]
    fn peer(self, matches: PeerMatch) -> Self;
    /// Adds what the subject's own end may be.
    #[must_use]
    fn own(self, matches: PeerMatch) -> Self;
    /// Adds a port.
    #[must_use]
    fn port(self, matches: PortMatch) -> Self;
    /// Adds a port with the requests that it is limited to.
    #[must_use]
    fn http(self, matches: PortMatch, requests: RequestSet) -> Self;
    /// Adds a port that it leaves out.
    #[must_use]
    fn not_port(self, matches: PortMatch) -> Self;
}

impl RuleExt for Rule {
    fn peer(mut self, matches: PeerMatch) -> Self {
        add(&mut self.peers, matches);
        self
    }

    fn own(mut self, matches: PeerMatch) -> Self {
        add(&mut self.own, matches);
        self
    }

    fn port(mut self, matches: PortMatch) -> Self {
        self.list(port(matches));
        self
    }

    fn http(mut self, matches: PortMatch, requests: RequestSet) -> Self {
        self.list(PortItem { requests: Some(requests), ..port(matches) });
        self
    }

    fn not_port(mut self, matches: PortMatch) -> Self {
        self.not_ports.push(port(matches));
        self
    }
}

fn add(peers: &mut Peers, matches: PeerMatch) {
    match peers {
        Peers::Listed(peers) => peers.push(peer(matches)),
        Peers::Anyone => *peers = Peers::Listed(vec![peer(matches)]),
    }
}

trait List {
    fn list(&mut self, item: PortItem);
}

impl List for Rule {
    fn list(&mut self, item: PortItem) {
        match &mut self.ports {
            Ports::Listed(items) => items.push(item),
            Ports::All => self.ports = Ports::Listed(vec![item]),
        }
    }
}

/// A policy that isolates its subject in the directions that it has rules for.
pub fn two_way(
    name: &str,
    subject: PodSelector,
    ingress: Option<Vec<Rule>>,
    egress: Option<Vec<Rule>>,
) -> Policy {
    Policy {
        object: Arc::new(ObjectRef {
            group: "example.org",
            kind: "Policy",
            namespace: None,
            name: name.into(),
        }),
        name_span: span(),
        priority: Priority::default(),
        subject,
        also: Vec::new(),
        subject_span: span(),
        ingress,
        egress,
        isolation: Isolation::BOTH,
        inert: Vec::new(),
    }
}

/// A policy with rules for one direction.
pub fn policy(name: &str, subject: PodSelector, direction: Direction, rules: Vec<Rule>) -> Policy {
    match direction {
        Direction::Ingress => two_way(name, subject, Some(rules), None),
        Direction::Egress => two_way(name, subject, None, Some(rules)),
    }
}

/// A tier whose policies isolate or not as they say themselves.
pub fn tier(name: &str, mode: Mode, no_match: NoMatch, policies: Vec<Policy>) -> Tier {
    Tier { name: name.into(), mode, no_match, pass: None, fixed: None, policies }
}

/// The tier of NetworkPolicy v1.
pub fn union(policies: Vec<Policy>) -> Tier {
    tier("NetworkPolicy", Mode::Union, NoMatch::Deny, policies)
}

/// A tier of ClusterNetworkPolicy, whose policies isolate nobody (S-66).
pub fn ordered(name: &str, mut policies: Vec<Policy>) -> Tier {
    policies.iter_mut().for_each(|policy| policy.isolation = Isolation::NONE);
    Tier { fixed: Some(Profile::ADMIN), ..tier(name, Mode::FirstMatch, NoMatch::NextTier, policies) }
}

/// A tier where a denial wins and policies isolate.
pub fn deny_wins(policies: Vec<Policy>) -> Tier {
    tier("Cilium", Mode::DenyWins, NoMatch::Deny, policies)
}

/// A layer with these tiers.
pub fn layer(name: &str, tiers: Vec<Tier>) -> Layer {
    Layer { name: name.into(), tunnels: Vec::new(), tiers }
}

/// One layer with these tiers.
pub fn tiers(tiers: Vec<Tier>) -> PolicySet {
    PolicySet { layers: vec![layer("CNI", tiers)] }
}

/// One layer with NetworkPolicies only.
pub fn policies(policies: Vec<Policy>) -> PolicySet {
    tiers(vec![union(policies)])
}

/// A node that owns what it consists of.
#[derive(Clone, Debug)]
pub struct OwnNode {
    /// Its name.
    pub name: &'static str,
    /// Its labels.
    pub labels: Labels,
    /// Its known addresses.
    pub addresses: Vec<IpAddr>,
}

impl OwnNode {
    /// A node with one address.
    pub fn new(name: &'static str, label_text: &str, address: &str) -> Self {
        Self { name, labels: labels(label_text), addresses: vec![address.parse().unwrap()] }
    }

    /// As an end of a flow.
    pub fn end(&self) -> NodeEnd<'_> {
        NodeEnd { name: self.name, labels: &self.labels, addresses: &self.addresses, ..NodeEnd::default() }
    }
}

/// A pod that owns what it consists of.
#[derive(Clone, Debug)]
pub struct Pod {
    /// Its name.
    pub name: &'static str,
    /// The name of its namespace.
    pub namespace: Option<&'static str>,
    /// The labels of its namespace.
    pub namespace_labels: Labels,
    /// Its own labels.
    pub labels: Labels,
    /// What some dialects see of it besides.
    pub attributes: Labels,
    /// The ports that it declares.
    pub ports: Vec<ContainerPort>,
    /// It uses its node's network.
    pub host_network: bool,
    /// Its known addresses.
    pub addresses: Vec<IpAddr>,
    /// Where its address is if none is known.
    pub within: IpSet,
}

impl Pod {
    /// A pod whose namespace has its name as its only label, and of whose address nothing is known, not even that it
    /// has one.
    pub fn new(namespace: &'static str, name: &'static str, label_text: &str) -> Self {
        Self {
            name,
            namespace: Some(namespace),
            namespace_labels: labels(&format!("kubernetes.io/metadata.name={namespace}")),
            labels: labels(label_text),
            attributes: Labels::default(),
            ports: Vec::new(),
            host_network: false,
            addresses: Vec::new(),
            within: IpSet::EMPTY,
        }
    }

    /// With one more address.
    #[must_use]
    pub fn address(mut self, address: &str) -> Self {
        self.addresses.push(address.parse().unwrap());
        self
    }

    /// With an address that is somewhere in there.
    #[must_use]
    pub fn somewhere_in(mut self, block: &str) -> Self {
        self.within = self.within.union(&IpSet::net(block.parse().unwrap()));
        self
    }

    /// With one more declared port.
    #[must_use]
    pub fn declares(mut self, name: &str, protocol: Protocol, number: u16) -> Self {
        self.ports.push(declared(name, protocol, number));
        self
    }

    /// Running as this ServiceAccount.
    #[must_use]
    pub fn account(mut self, name: &str) -> Self {
        self.attributes.insert(attribute::ACCOUNT, name);
        self
    }

    /// On its node's network.
    #[must_use]
    pub fn on_host_network(mut self) -> Self {
        self.host_network = true;
        self
    }

    /// As an end of a flow.
    pub fn end(&self) -> End<'_> {
        End::Pod(self.pod(None))
    }

    /// As an end of a flow, on a node.
    pub fn pod<'a>(&'a self, node: Option<&'a NodeEnd<'a>>) -> PodEnd<'a> {
        PodEnd {
            name: Some(self.name),
            namespace: self.namespace,
            namespace_labels: &self.namespace_labels,
            labels: &self.labels,
            attributes: &self.attributes,
            ports: &self.ports,
            host_network: self.host_network,
            addresses: &self.addresses,
            within: &self.within,
            node,
        }
    }
}

/// An address outside the cluster.
pub fn address(text: &str) -> End<'static> {
    End::Address(text.parse().unwrap())
}

/// Adds to a cluster; workloads are to come in order.
#[derive(Clone, Debug, Default)]
pub struct Town {
    /// What has been added.
    pub cluster: Cluster,
}

impl Town {
    /// A namespace with these labels besides its name.
    pub fn namespace(&mut self, name: &str, more: &str) -> &mut Self {
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
    pub fn workload(&mut self, name: &str, labels: &str) -> &mut PodGroup {
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
    pub fn group(&mut self, text: &str) -> &mut PodGroup {
        let group = GroupId(self.cluster.groups.len() as u32);
        let workload = self.cluster.workloads.last_mut().unwrap();
        workload.groups.push(group);
        let namespace = workload.namespace;
        self.cluster.groups.push(PodGroup {
            workload: WorkloadId(self.cluster.workloads.len() as u32 - 1),
            namespace,
            labels: Arc::new(labels(text)),
            attributes: Arc::default(),
            ports: Arc::new([]),
            host_network: false,
            members: Vec::new(),
            pods: 2,
            several: true,
            mesh: None,
            undeclared: false,
            dns: Dns::Cluster,
            span: span(),
        });
        self.cluster.groups.last_mut().unwrap()
    }

    /// A node.
    pub fn node(&mut self, name: &str, text: &str, addresses: &[&str]) -> &mut Self {
        self.cluster.nodes.push(Node {
            name: name.into(),
            labels: Arc::new(labels(text)),
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            span: span(),
        });
        self
    }
}

/// A listed pod of a group.
pub fn member(name: &str, addresses: &[&str], node: Option<&str>) -> Member {
    Member {
        name: name.into(),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        node: node.map(Into::into),
    }
}
