//! A solver's values as a concrete flow, with manifests to try it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use npv_models::cluster::ContainerPort;
use npv_models::decide::{Decision, End, Flow, NodeEnd, PodEnd, Profile, decide};
use npv_models::policy::PolicySet;
use npv_models::space::{Labels, Protocol};

use crate::encode::address;
use crate::solver::Assignment;
use crate::term::{Bool, Scalar, Terms};
use crate::vocabulary::{Domain, NAME_LABEL, Vocabulary};
use crate::world::{EndTerms, FlowTerms, kind};

/// A concrete flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Where it comes from.
    pub src: WitnessEnd,
    /// Where it goes to.
    pub dst: WitnessEnd,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its destination port.
    pub port: u16,
}

/// One end of a [`Witness`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WitnessEnd {
    /// A pod.
    Pod(WitnessPod),
    /// A node.
    Node(WitnessNode),
    /// An address outside the cluster.
    Address(IpAddr),
}

/// A pod that could be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessPod {
    /// Its name.
    pub name: String,
    /// The name of its namespace.
    pub namespace: String,
    /// The labels that the namespace must have, its name label among them (S-41).
    pub namespace_labels: Labels,
    /// Its labels.
    pub labels: Labels,
    /// The ports that it declares.
    pub ports: Vec<ContainerPort>,
    /// It uses its node's network.
    pub host_network: bool,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// The node that it runs on, where that matters.
    pub node: Option<WitnessNode>,
}

/// A node that could be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessNode {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

impl Witness {
    /// The flow that the values describe.
    pub fn decode(terms: &Terms, vocabulary: &Vocabulary, flow: &FlowTerms, values: &Assignment) -> Self {
        let decoder = Decoder { terms, vocabulary, values };
        let position = decoder.number(flow.protocol);
        let protocol = Protocol::ALL.into_iter().nth(position as usize).unwrap_or(Protocol::Tcp);
        let port = u16::try_from(decoder.number(flow.port)).unwrap_or(u16::MAX);
        let src = decoder.end(&flow.src, "npv-source", (protocol, port));
        let mut dst = decoder.end(&flow.dst, "npv-destination", (protocol, port));
        // One number stands for all namespaces that nobody mentions; with different labels they are two.
        if let (WitnessEnd::Pod(src), WitnessEnd::Pod(dst)) = (&src, &mut dst)
            && src.namespace == dst.namespace
            && src.namespace_labels != dst.namespace_labels
            && let Some(other) = vocabulary.names.invented().find(|name| *name != src.namespace)
        {
            dst.namespace_labels.insert(NAME_LABEL, other.as_str());
            dst.namespace = other;
        }
        Self { src, dst, protocol, port }
    }

    /// Hands the flow to a function in the form that the reference semantics takes.
    pub fn with_flow<R>(&self, use_it: impl FnOnce(&Flow<'_>) -> R) -> R {
        let (src_node, dst_node) = (self.src.node(), self.dst.node());
        let flow = Flow {
            src: self.src.end(src_node.as_ref()),
            dst: self.dst.end(dst_node.as_ref()),
            protocol: self.protocol,
            port: self.port,
        };
        use_it(&flow)
    }

    /// What the reference semantics says of the flow.
    pub fn decide<'p>(&self, policies: &'p PolicySet, profile: Profile) -> Decision<'p> {
        self.with_flow(|flow| decide(policies, profile, flow))
    }

    /// Source and destination as `npv trace` takes them, once the manifests are among its inputs.
    pub fn trace(&self) -> [String; 2] {
        let name = |end: &WitnessEnd| match end {
            WitnessEnd::Pod(pod) => format!("{}/{}", pod.namespace, pod.name),
            WitnessEnd::Node(node) => format!("node/{}", node.name),
            WitnessEnd::Address(address) => address.to_string(),
        };
        let (src, dst) = (name(&self.src), name(&self.dst));
        // An IPv6 address with a port is in brackets.
        let dst = if dst.contains(':') { format!("[{dst}]") } else { dst };
        [src, format!("{dst}:{}/{}", self.port, self.protocol.name().to_lowercase())]
    }

    /// Namespaces, nodes and pods of the flow as YAML documents that can be applied, without the namespaces
    /// that are defined already.
    pub fn manifests(&self, defined: impl Fn(&str) -> bool) -> String {
        let mut documents: Vec<String> = Vec::new();
        let mut seen = BTreeSet::new();
        for end in [&self.src, &self.dst] {
            match end {
                WitnessEnd::Pod(pod) => {
                    if seen.insert(&pod.namespace) && !defined(&pod.namespace) {
                        documents.push(namespace_manifest(pod));
                    }
                    documents.extend(pod.node.as_ref().map(node_manifest));
                    documents.push(pod_manifest(pod));
                }
                WitnessEnd::Node(end) => documents.push(node_manifest(end)),
                WitnessEnd::Address(_) => {}
            }
        }
        documents.join("---\n")
    }
}

fn pod_manifest(pod: &WitnessPod) -> String {
    let mut text = String::from("apiVersion: v1\nkind: Pod\nmetadata:\n");
    line(&mut text, 2, "name", &pod.name);
    line(&mut text, 2, "namespace", &pod.namespace);
    labels(&mut text, &pod.labels);
    text.push_str("spec:\n");
    if pod.host_network {
        text.push_str("  hostNetwork: true\n");
    }
    if let Some(node) = &pod.node {
        line(&mut text, 2, "nodeName", &node.name);
    }
    text.push_str("  containers:\n");
    // Two names of one number need two containers.
    let containers = pod.ports.iter().map(Some).chain(pod.ports.is_empty().then_some(None));
    for (index, port) in containers.enumerate() {
        let _ = writeln!(text, "    - name: c{index}\n      image: registry.k8s.io/pause:3.10");
        if let Some(port) = port {
            text.push_str("      ports:\n");
            let _ = writeln!(text, "        - containerPort: {}", port.number);
            let _ = writeln!(text, "          protocol: {}", port.protocol);
            if let Some(name) = &port.name {
                line(&mut text, 10, "name", name);
            }
        }
    }
    if let Some(first) = pod.addresses.first() {
        text.push_str("status:\n");
        line(&mut text, 2, "podIP", &first.to_string());
        text.push_str("  podIPs:\n");
        for address in &pod.addresses {
            line(&mut text, 4, "- ip", &address.to_string());
        }
    }
    text
}

fn namespace_manifest(pod: &WitnessPod) -> String {
    let mut text = String::from("apiVersion: v1\nkind: Namespace\nmetadata:\n");
    line(&mut text, 2, "name", &pod.namespace);
    let written = pod.namespace_labels.iter().filter(|(key, _)| *key != NAME_LABEL);
    labels(&mut text, &written.collect());
    text
}

fn node_manifest(node: &WitnessNode) -> String {
    let mut text = String::from("apiVersion: v1\nkind: Node\nmetadata:\n");
    line(&mut text, 2, "name", &node.name);
    labels(&mut text, &node.labels);
    if !node.addresses.is_empty() {
        text.push_str("status:\n  addresses:\n");
        for address in &node.addresses {
            text.push_str("    - type: InternalIP\n");
            line(&mut text, 6, "address", &address.to_string());
        }
    }
    text
}

fn labels(text: &mut String, labels: &Labels) {
    if !labels.is_empty() {
        text.push_str("  labels:\n");
        for (key, value) in labels.iter() {
            line(text, 4, key, value);
        }
    }
}

/// A key and its value, quoted: `on` and `1` must stay texts. Keys need no quotes, labels' least of all.
fn line(text: &mut String, indent: usize, key: &str, value: &str) {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
    let _ = writeln!(text, "{:indent$}{key}: \"{escaped}\"", "");
}

impl WitnessEnd {
    fn node(&self) -> Option<NodeEnd<'_>> {
        match self {
            Self::Pod(pod) => pod.node.as_ref().map(WitnessNode::end),
            Self::Node(_) | Self::Address(_) => None,
        }
    }

    fn end<'a>(&'a self, node: Option<&'a NodeEnd<'a>>) -> End<'a> {
        match self {
            Self::Pod(pod) => End::Pod(PodEnd {
                name: Some(&pod.name),
                namespace: Some(&pod.namespace),
                namespace_labels: &pod.namespace_labels,
                labels: &pod.labels,
                ports: &pod.ports,
                host_network: pod.host_network,
                addresses: &pod.addresses,
                node,
                ..PodEnd::default()
            }),
            Self::Node(node) => End::Node(node.end()),
            Self::Address(address) => End::Address(*address),
        }
    }
}

impl WitnessNode {
    fn end(&self) -> NodeEnd<'_> {
        NodeEnd { name: &self.name, labels: &self.labels, addresses: &self.addresses, ..NodeEnd::default() }
    }
}

struct Decoder<'a> {
    terms: &'a Terms,
    vocabulary: &'a Vocabulary,
    values: &'a Assignment,
}

impl Decoder<'_> {
    fn number(&self, scalar: Scalar) -> u128 {
        match scalar {
            Scalar::Known(number) => number,
            Scalar::Free(var) => self.values.get(&var).copied().unwrap_or_else(|| {
                self.terms.variable(var).and_then(|variable| variable.domain.first()).unwrap_or(0)
            }),
        }
    }

    fn holds(&self, condition: Bool) -> bool {
        self.terms.evaluate(condition, self.values)
    }

    fn labels(&self, domains: &BTreeMap<Box<str>, Domain>, labels: &BTreeMap<Box<str>, Scalar>) -> Labels {
        let value = |key: &str, domain: &Domain| domain.text(self.number(*labels.get(key)?));
        domains.iter().filter_map(|(key, domain)| Some((key.clone(), value(key, domain)?))).collect()
    }

    fn end(&self, end: &EndTerms, name: &str, (protocol, port): (Protocol, u16)) -> WitnessEnd {
        let present = end.addresses.iter().filter(|address| self.holds(address.present));
        let addresses: Vec<_> = present.map(|found| address(found.v6, self.number(found.bits))).collect();
        let node = || WitnessNode {
            name: format!("{name}-node"),
            labels: self.labels(&self.vocabulary.nodes, &end.node_labels),
            addresses: addresses.clone(),
        };
        match self.number(end.kind) {
            kind::POD => {
                let namespace = self.vocabulary.names.text(self.number(end.namespace)).unwrap_or_default();
                let mut namespace_labels = self.labels(&self.vocabulary.namespaces, &end.namespace_labels);
                namespace_labels.insert(NAME_LABEL, namespace.as_str());
                let declared = end.ports.iter().filter(|(_, declares)| self.holds(**declares));
                let declared = declared.map(|(name, _)| ContainerPort {
                    name: Some(name.clone()),
                    protocol,
                    number: port,
                });
                let host_network = self.holds(end.host_network);
                WitnessEnd::Pod(WitnessPod {
                    name: name.to_owned(),
                    namespace,
                    namespace_labels,
                    labels: self.labels(&self.vocabulary.pods, &end.labels),
                    ports: declared.collect(),
                    host_network,
                    node: host_network.then(node),
                    addresses: addresses.clone(),
                })
            }
            kind::NODE => WitnessEnd::Node(node()),
            _ => WitnessEnd::Address(addresses.first().copied().unwrap_or(address(false, 0))),
        }
    }
}
