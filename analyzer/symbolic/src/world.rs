//! Flows as terms: literal ones, which fold, and the one that stands for every possible flow.

use std::collections::BTreeMap;
use std::net::IpAddr;

use npv_models::decide::{End, Flow, NodeEnd};
use npv_models::space::{Family, Labels, Protocol};

use crate::term::{Bool, Scalar, Sort, Terms, ValueSet};
use crate::vocabulary::{Domain, NAME_LABEL, Vocabulary};

/// What an end is, as a number.
pub mod kind {
    /// A pod.
    pub const POD: u128 = 0;
    /// A node.
    pub const NODE: u128 = 1;
    /// An address outside the cluster.
    pub const ADDRESS: u128 = 2;
}

/// The number of a protocol.
pub fn protocol_number(protocol: Protocol) -> u128 {
    Protocol::ALL.iter().position(|known| *known == protocol).unwrap_or_default() as u128
}

/// An address that an end may have.
#[derive(Clone, Copy, Debug)]
pub struct AddressTerms {
    /// The end has it.
    pub present: Bool,
    /// It is an IPv6 address.
    pub v6: bool,
    /// Its bits.
    pub bits: Scalar,
}

/// One end of a flow. What its kind has no use for has no meaning.
#[derive(Clone, Debug)]
pub struct EndTerms {
    /// Pod, node or address.
    pub kind: Scalar,
    /// The namespace's name; *absent* for an assumed pod (S-84).
    pub namespace: Scalar,
    /// The namespace's labels, per mentioned key.
    pub namespace_labels: BTreeMap<Box<str>, Scalar>,
    /// The pod's labels, per mentioned key.
    pub labels: BTreeMap<Box<str>, Scalar>,
    /// The labels of the node, or of the node that the pod runs on.
    pub node_labels: BTreeMap<Box<str>, Scalar>,
    /// The pod uses its node's network.
    pub host_network: Bool,
    /// The pod's node is known. Every free pod runs on some node.
    pub on_node: Bool,
    /// Its known addresses. Of a free end, the one of the family that the connection is of.
    pub addresses: Vec<AddressTerms>,
    /// A free end's address is known.
    pub addressed: Bool,
    /// Per mentioned name: the pod declares a port of that name with the flow's protocol and number.
    /// That is all that one flow can see of a named port (S-24).
    pub ports: BTreeMap<Box<str>, Bool>,
}

/// The first packet of a connection.
#[derive(Clone, Debug)]
pub struct FlowTerms {
    /// Where it comes from.
    pub src: EndTerms,
    /// Where it goes to.
    pub dst: EndTerms,
    /// Its protocol, by [`protocol_number`].
    pub protocol: Scalar,
    /// Its destination port.
    pub port: Scalar,
    /// The connection's address family, 0 for IPv4 and 1 for IPv6. Nothing asks a literal flow for it.
    pub family: Scalar,
    /// Both ends are the same pod (S-36).
    pub itself: Bool,
    /// Both ends' nodes are known and the same.
    pub same_node: Bool,
}

impl FlowTerms {
    /// A concrete flow, of one of its [`Flow::families`]: every condition on it folds.
    pub fn literal(
        terms: &mut Terms,
        vocabulary: &Vocabulary,
        flow: &Flow<'_>,
        family: Option<Family>,
    ) -> Self {
        let protocol = Scalar::Known(protocol_number(flow.protocol));
        let port = Scalar::Known(u128::from(flow.port));
        let mut end = |end: &End<'_>| {
            let mut end = EndTerms::literal(terms, vocabulary, end, protocol, port);
            // S-16: the others are of another connection.
            end.addresses.retain(|address| family.is_none_or(|family| address.v6 == (family == Family::V6)));
            end.addressed = Bool::from_literal(!end.addresses.is_empty());
            end
        };
        let (src, dst) = (end(&flow.src), end(&flow.dst));
        let itself = match (&flow.src, &flow.dst) {
            (End::Pod(a), End::Pod(b)) => {
                (a.name.is_some() && a.name == b.name)
                    && (a.namespace.is_some() && a.namespace == b.namespace)
            }
            _ => false,
        };
        let node = |end: &End<'_>| match end {
            End::Pod(pod) => pod.node.map(|node| node.name.to_owned()),
            End::Node(node) => Some(node.name.to_owned()),
            End::Address(_) | End::Domain(_) | End::Entity(_) => None,
        };
        let same_node = node(&flow.src).is_some() && node(&flow.src) == node(&flow.dst);
        let (itself, same_node) = (Bool::from_literal(itself), Bool::from_literal(same_node));
        Self { src, dst, protocol, port, family: Scalar::Known(0), itself, same_node }
    }

    /// Every possible flow between two different ends that are not a node and its own pod. A connection
    /// is of one address family. With `unaddressed`, the addresses of pods and nodes may be unknown, and so
    /// may the nodes of pods on the host network.
    pub fn free(terms: &mut Terms, vocabulary: &Vocabulary, unaddressed: bool) -> Self {
        let protocol = terms.declare("protocol", Sort::Choice(3), &Sort::Choice(3).values());
        // A port is 1 to 65535 (S-23).
        let port = terms.declare("port", Sort::Bits(16), &ValueSet::range(1, u128::from(u16::MAX)));
        let family = terms.declare("family", Sort::Choice(2), &Sort::Choice(2).values());
        let src = EndTerms::free(terms, vocabulary, "source", family, unaddressed);
        let dst = EndTerms::free(terms, vocabulary, "destination", family, unaddressed);
        Self { src, dst, protocol, port, family, itself: Bool::FALSE, same_node: Bool::FALSE }
    }
}

impl EndTerms {
    /// A concrete end.
    pub fn literal(
        terms: &mut Terms,
        vocabulary: &Vocabulary,
        end: &End<'_>,
        protocol: Scalar,
        port: Scalar,
    ) -> Self {
        let none = Labels::default();
        let (pod, node) = match end {
            End::Pod(pod) => (Some(pod), pod.node),
            End::Node(node) => (None, Some(node)),
            End::Address(_) | End::Domain(_) | End::Entity(_) => (None, None),
        };
        let addresses: &[IpAddr] = match end {
            End::Pod(pod) => pod.addresses,
            End::Node(node) => node.addresses,
            End::Address(address) => std::slice::from_ref(address),
            End::Domain(_) | End::Entity(_) => &[],
        };
        let mut ports = BTreeMap::new();
        for name in &vocabulary.ports {
            let declared = pod.map_or(&[][..], |pod| pod.ports).iter();
            let here: Vec<_> = declared
                .filter(|declared| declared.name.as_ref() == Some(name))
                .map(|declared| {
                    let by_protocol = terms.is(protocol, protocol_number(declared.protocol));
                    let by_number = terms.is(port, u128::from(declared.number));
                    terms.and([by_protocol, by_number])
                })
                .collect();
            ports.insert(name.clone(), terms.or(here));
        }
        Self {
            kind: Scalar::Known(match end {
                End::Pod(_) => kind::POD,
                End::Node(_) => kind::NODE,
                End::Address(_) | End::Domain(_) | End::Entity(_) => kind::ADDRESS,
            }),
            namespace: Scalar::Known(vocabulary.names.number(pod.and_then(|pod| pod.namespace))),
            namespace_labels: literal(&vocabulary.namespaces, pod.map_or(&none, |pod| pod.namespace_labels)),
            labels: literal(&vocabulary.pods, pod.map_or(&none, |pod| pod.labels)),
            node_labels: literal(&vocabulary.nodes, node.map_or(&none, |node: &NodeEnd<'_>| node.labels)),
            host_network: Bool::from_literal(pod.is_some_and(|pod| pod.host_network)),
            on_node: Bool::from_literal(node.is_some()),
            addresses: addresses.iter().map(|address| AddressTerms::literal(*address)).collect(),
            addressed: Bool::from_literal(!addresses.is_empty()),
            ports,
        }
    }

    /// Every possible end.
    fn free(
        terms: &mut Terms,
        vocabulary: &Vocabulary,
        name: &str,
        family: Scalar,
        unaddressed: bool,
    ) -> Self {
        let choice = |terms: &mut Terms, what: &str, sort: Sort, values: &ValueSet| {
            terms.declare(format!("{name} {what}"), sort, values)
        };
        let kind = choice(terms, "kind", Sort::Choice(3), &Sort::Choice(3).values());
        let namespace = choice(terms, "namespace", vocabulary.names.sort(), &vocabulary.names.present());
        let mut labels = |domains: &BTreeMap<Box<str>, Domain>, of: &str| -> BTreeMap<Box<str>, Scalar> {
            let mut declare =
                |key: &str, sort: Sort| choice(terms, &format!("{of} label {key}"), sort, &sort.values());
            domains.iter().map(|(key, domain)| (key.clone(), declare(key, domain.sort()))).collect()
        };
        let mut namespace_labels = labels(&vocabulary.namespaces, "namespace");
        if let Some(label) = namespace_labels.get_mut(NAME_LABEL) {
            // S-41: both have the same domain.
            *label = namespace;
        }
        let pod_labels = labels(&vocabulary.pods, "pod");
        let node_labels = labels(&vocabulary.nodes, "node");
        let host_network = terms.declare_bool(format!("{name} host network"));
        let addressed =
            if unaddressed { terms.declare_bool(format!("{name} address known")) } else { Bool::TRUE };
        let addresses = [(false, 32), (true, 128)].map(|(v6, width)| {
            let of_family = terms.is(family, u128::from(v6));
            let present = terms.and([addressed, of_family]);
            let sort = Sort::Bits(width);
            let bits = terms.declare(format!("{name} {width} bit address"), sort, &sort.values());
            AddressTerms { present, v6, bits }
        });
        let ports = vocabulary.ports.iter();
        let ports = ports.map(|port| (port.clone(), terms.declare_bool(format!("{name} port {port}"))));
        Self {
            kind,
            namespace,
            namespace_labels,
            labels: pod_labels,
            node_labels,
            host_network,
            on_node: Bool::TRUE,
            ports: ports.collect(),
            addresses: addresses.to_vec(),
            addressed,
        }
    }

    /// The end is of this kind.
    pub fn is(&self, terms: &mut Terms, kind: u128) -> Bool {
        terms.is(self.kind, kind)
    }
}

impl AddressTerms {
    fn literal(address: IpAddr) -> Self {
        let (v6, bits) = match address {
            IpAddr::V4(address) => (false, u128::from(address.to_bits())),
            IpAddr::V6(address) => (true, address.to_bits()),
        };
        Self { present: Bool::TRUE, v6, bits: Scalar::Known(bits) }
    }
}

fn literal(domains: &BTreeMap<Box<str>, Domain>, labels: &Labels) -> BTreeMap<Box<str>, Scalar> {
    let number = |key: &str, domain: &Domain| Scalar::Known(domain.number(labels.get(key)));
    domains.iter().map(|(key, domain)| (key.clone(), number(key, domain))).collect()
}
