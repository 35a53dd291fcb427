//! Random flows between ends that belong to no cluster, for what is asked about any: few labels, names, addresses and
//! ports, so that policies meet them.

use std::net::IpAddr;

use npv_models::cluster::ContainerPort;
use npv_models::decide::{End, Flow, NodeEnd, PodEnd};
use npv_models::policy::attribute;
use npv_models::space::{Labels, Protocol};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::cluster::{ACCOUNTS, KEYS, PORT_NAMES};

/// Values of labels; the last is one that no policy mentions.
const VALUES: [&str; 4] = ["x", "y", "", "unmentioned"];
/// Names of namespaces; the last is one that no policy mentions.
const NAMESPACES: [&str; 3] = ["n0", "n1", "elsewhere"];
const PORTS: [u16; 4] = [1, 80, 81, 65_535];
const ADDRESSES: [&str; 6] = ["10.0.0.1", "10.0.0.4", "10.128.0.1", "192.0.2.1", "2001:db8::1", "fd00::1"];

/// An end that owns what it consists of.
#[derive(Clone, Debug)]
pub enum OwnedEnd {
    /// A pod.
    Pod {
        /// Its name.
        name: Option<String>,
        /// The name of its namespace.
        namespace: Option<String>,
        /// The labels of its namespace.
        namespace_labels: Labels,
        /// Its own labels.
        labels: Labels,
        /// What some dialects see of it besides.
        attributes: Labels,
        /// The ports that it declares.
        ports: Vec<ContainerPort>,
        /// It uses its node's network.
        host_network: bool,
        /// Its known addresses.
        addresses: Vec<IpAddr>,
        /// Its node, by name and labels.
        node: Option<(String, Labels)>,
    },
    /// A node: its name, labels and known addresses.
    Node(String, Labels, Vec<IpAddr>),
    /// An address outside the cluster.
    Address(IpAddr),
}

fn labels() -> impl Strategy<Value = Labels> {
    let label = || proptest::option::of(select(&VALUES[..]));
    (label(), label()).prop_map(|(app, tier)| {
        KEYS.into_iter().zip([app, tier]).filter_map(|(key, value)| Some((key, value?))).collect()
    })
}

fn addresses() -> impl Strategy<Value = Vec<IpAddr>> {
    vec(select(&ADDRESSES[..]).prop_map(|address| address.parse().unwrap()), 0..=2)
}

fn node() -> impl Strategy<Value = (String, Labels)> {
    (select(&["n1", "n2"][..]).prop_map(String::from), labels())
}

/// A pod of a namespace of which everything is known.
pub fn pod() -> impl Strategy<Value = OwnedEnd> {
    let port =
        (proptest::option::of(select(&PORT_NAMES[..])), select(&Protocol::ALL[..]), select(&PORTS[..]))
            .prop_map(|(name, protocol, number)| ContainerPort {
                name: name.map(Into::into),
                protocol,
                number,
            });
    let name = proptest::option::of(select(&["p", "q"][..]).prop_map(String::from));
    let namespace = select(&NAMESPACES[..]).prop_map(|name| Some(String::from(name)));
    let place = (name, namespace, labels());
    let account = select(&ACCOUNTS[..]).prop_map(|name| Labels::from_iter([(attribute::ACCOUNT, name)]));
    let rest =
        ((labels(), account), vec(port, 0..=3), any::<bool>(), addresses(), proptest::option::of(node()));
    (place, rest).prop_map(|((name, namespace, mut namespace_labels), rest)| {
        let ((labels, attributes), ports, host_network, addresses, node) = rest;
        if let Some(namespace) = &namespace {
            namespace_labels.insert("kubernetes.io/metadata.name", namespace.as_str());
        }
        OwnedEnd::Pod {
            name,
            namespace,
            namespace_labels,
            labels,
            attributes,
            ports,
            host_network,
            addresses,
            node,
        }
    })
}

/// A pod, a node or an address.
pub fn end() -> impl Strategy<Value = OwnedEnd> {
    prop_oneof![
        6 => pod(),
        1 => (node(), addresses()).prop_map(|((name, labels), addresses)| OwnedEnd::Node(name, labels, addresses)),
        2 => select(&ADDRESSES[..]).prop_map(|address| OwnedEnd::Address(address.parse().unwrap())),
    ]
}

/// Two ends, a protocol and a port.
#[derive(Clone, Debug)]
pub struct OwnedFlow {
    /// Where it comes from.
    pub src: OwnedEnd,
    /// Where it goes to.
    pub dst: OwnedEnd,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its destination port.
    pub port: u16,
}

/// Any flow.
pub fn flow() -> impl Strategy<Value = OwnedFlow> {
    (end(), end(), select(&Protocol::ALL[..]), select(&PORTS[..]))
        .prop_map(|(src, dst, protocol, port)| OwnedFlow { src, dst, protocol, port })
}

impl OwnedFlow {
    /// Hands the flow in the form that `decide` takes to a function.
    pub fn with<R>(&self, use_it: impl FnOnce(&Flow<'_>) -> R) -> R {
        let (src_node, dst_node) = (self.src.node(), self.dst.node());
        use_it(&Flow {
            src: self.src.end(src_node.as_ref()),
            dst: self.dst.end(dst_node.as_ref()),
            protocol: self.protocol,
            port: self.port,
        })
    }
}

impl OwnedEnd {
    fn node(&self) -> Option<NodeEnd<'_>> {
        match self {
            Self::Pod { node: Some((name, labels)), .. } => {
                Some(NodeEnd { name, labels, ..NodeEnd::default() })
            }
            _ => None,
        }
    }

    fn end<'a>(&'a self, node: Option<&'a NodeEnd<'a>>) -> End<'a> {
        match self {
            Self::Pod {
                name,
                namespace,
                namespace_labels,
                labels,
                attributes,
                ports,
                host_network,
                addresses,
                ..
            } => End::Pod(PodEnd {
                name: name.as_deref(),
                namespace: namespace.as_deref(),
                namespace_labels,
                labels,
                attributes,
                ports,
                host_network: *host_network,
                addresses,
                node,
                ..PodEnd::default()
            }),
            Self::Node(name, labels, addresses) => {
                End::Node(NodeEnd { name, labels, addresses, ..NodeEnd::default() })
            }
            Self::Address(address) => End::Address(*address),
        }
    }
}

/// A flow between two different ends as they can be in a cluster: known pods of known namespaces, on
/// different nodes, with at most one address of each family, or of the one that both ends have.
pub fn possible_flow() -> impl Strategy<Value = OwnedFlow> {
    (flow(), proptest::option::of(any::<bool>())).prop_map(|(mut flow, v6)| {
        let v6 = match (&flow.src, &flow.dst) {
            (OwnedEnd::Address(address), _) | (_, OwnedEnd::Address(address)) => {
                v6.map(|_| address.is_ipv6())
            }
            _ => v6,
        };
        if let (OwnedEnd::Address(a), OwnedEnd::Address(b)) = (&flow.src, &mut flow.dst) {
            *b = *a;
        }
        flow.src.make_possible("p", "n1", v6);
        flow.dst.make_possible("q", "n2", v6);
        if let (
            OwnedEnd::Pod { namespace: a, namespace_labels: from, .. },
            OwnedEnd::Pod { namespace: b, namespace_labels: to, .. },
        ) = (&flow.src, &mut flow.dst)
            && a == b
        {
            *to = from.clone();
        }
        flow
    })
}

impl OwnedEnd {
    fn make_possible(&mut self, own_name: &str, own_node: &str, v6: Option<bool>) {
        let one_of_each = |addresses: &mut Vec<IpAddr>| {
            addresses.retain(|address| v6.is_none_or(|v6| address.is_ipv6() == v6));
            addresses.sort_by_key(IpAddr::is_ipv6);
            addresses.dedup_by_key(|address| address.is_ipv6());
        };
        match self {
            Self::Pod { name, namespace, namespace_labels, ports, host_network, addresses, node, .. } => {
                *name = Some(own_name.into());
                let namespace = namespace.get_or_insert_with(|| "elsewhere".into());
                namespace_labels.insert("kubernetes.io/metadata.name", namespace.as_str());
                if *host_network {
                    // The node's ports can be bound once.
                    ports.dedup_by_key(|port| (port.protocol, port.number));
                    ports.truncate(1);
                }
                one_of_each(addresses);
                *node = Some((own_node.into(), node.take().map(|(_, labels)| labels).unwrap_or_default()));
            }
            Self::Node(name, _, addresses) => {
                *name = own_node.into();
                one_of_each(addresses);
            }
            Self::Address(_) => {}
        }
    }
}
