//! Small random worlds: few keys, values, names, addresses and ports, so that rules meet.

#![allow(dead_code, reason = "every test binary uses its own part")]

use std::net::IpAddr;
use std::sync::Arc;

use npv_models::cluster::ContainerPort;
use npv_models::decide::{End, Flow, NodeEnd, PodEnd, Profile};
use npv_models::policy::{
    Action, Layer, Mode, NamespaceSelector, NoMatch, ObjectRef, Participation, Peer, PeerMatch, Peers,
    PodSelector, Policy, PolicySet, PortItem, PortMatch, Ports, Precision, Provenance, Rule, Tier,
};
use npv_models::source::{SourceId, Span};
use npv_models::space::{Labels, Operator, PortSet, Protocol, Requirement, Selector, Traffic};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// A property test of this many cases, unless the environment asks for another number (`PROPTEST_CASES`).
pub(crate) fn cases(count: u32) -> ProptestConfig {
    let asked = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { asked.cases } else { count };
    ProptestConfig { cases, ..asked }
}

const KEYS: [&str; 2] = ["app", "tier"];
const VALUES: [&str; 3] = ["a", "b", "unmentioned"];
const NAMESPACES: [&str; 3] = ["one", "two", "elsewhere"];
const PORTS: [u16; 4] = [1, 80, 443, 65_535];
const PORT_NAMES: [&str; 2] = ["web", "dns"];
const ADDRESSES: [&str; 6] = ["10.0.0.1", "10.0.1.1", "10.1.0.1", "192.0.2.1", "fd00::1", "2001:db8::1"];
const BLOCKS: [&str; 6] = ["0.0.0.0/0", "10.0.0.0/8", "10.0.1.0/24", "10.0.1.1/32", "::/0", "fd00::/8"];

pub(crate) fn span() -> Span {
    Span::new(SourceId(0), 0, 0)
}

pub(crate) fn provenance() -> Provenance {
    Provenance { path: "spec".into(), span: span() }
}

fn requirement() -> impl Strategy<Value = Requirement> {
    let operator = select(&[Operator::In, Operator::NotIn, Operator::Exists, Operator::DoesNotExist][..]);
    // The last value is one that no selector mentions.
    (select(&KEYS[..]), operator, vec(select(&VALUES[..2]), 1..=2)).prop_map(|(key, operator, values)| {
        let listed = matches!(operator, Operator::In | Operator::NotIn);
        Requirement::new(key, operator, if listed { values } else { Vec::new() })
    })
}

pub(crate) fn selector() -> impl Strategy<Value = Selector> {
    prop_oneof![
        2 => Just(Selector::EVERYTHING),
        5 => vec(requirement(), 1..=2).prop_map(Selector::new),
    ]
}

fn namespaces() -> impl Strategy<Value = NamespaceSelector> {
    prop_oneof![
        select(&NAMESPACES[..2]).prop_map(|name| NamespaceSelector::Named(name.into())),
        selector().prop_map(NamespaceSelector::Labels),
        (select(&NAMESPACES[..2]), any::<bool>()).prop_map(|(name, negated)| {
            let operator = if negated { Operator::NotIn } else { Operator::In };
            NamespaceSelector::Labels(Selector::new([Requirement::new(
                "kubernetes.io/metadata.name",
                operator,
                [name],
            )]))
        }),
    ]
}

pub(crate) fn pod_selector() -> impl Strategy<Value = PodSelector> {
    (namespaces(), selector()).prop_map(|(namespaces, pods)| PodSelector { namespaces, pods })
}

fn block() -> impl Strategy<Value = PeerMatch> {
    (select(&BLOCKS[..]), vec(select(&BLOCKS[1..]), 0..=1)).prop_map(|(cidr, except)| PeerMatch::Block {
        cidr: cidr.parse().unwrap(),
        except: except.into_iter().map(|hole| hole.parse().unwrap()).collect(),
    })
}

pub(crate) fn peer() -> impl Strategy<Value = Peer> {
    prop_oneof![
        6 => pod_selector().prop_map(PeerMatch::Pods),
        4 => block(),
        1 => selector().prop_map(PeerMatch::Nodes),
        1 => Just(PeerMatch::Domain("example.org".into())),
        1 => Just(PeerMatch::Unknown),
    ]
    .prop_map(|matches| Peer { matches, provenance: provenance() })
}

fn traffic() -> impl Strategy<Value = Traffic> {
    let ports =
        (select(&PORTS[..]), select(&PORTS[..])).prop_map(|(a, b)| PortSet::range(a.min(b), a.max(b)));
    (select(&Protocol::ALL[..]), ports).prop_map(|(protocol, ports)| Traffic::of(protocol, ports))
}

fn port() -> impl Strategy<Value = PortItem> {
    let named = (proptest::option::of(select(&Protocol::ALL[..])), select(&PORT_NAMES[..]))
        .prop_map(|(protocol, name)| PortMatch::Named { protocol, name: name.into() });
    prop_oneof![3 => traffic().prop_map(PortMatch::Numbers), 1 => named]
        .prop_map(|matches| PortItem { matches, provenance: provenance() })
}

pub(crate) fn rule(actions: &'static [Action]) -> impl Strategy<Value = Rule> {
    let peers = prop_oneof![1 => Just(Peers::Anyone), 4 => vec(peer(), 0..=2).prop_map(Peers::Listed)];
    let ports = prop_oneof![2 => Just(Ports::All), 3 => vec(port(), 0..=2).prop_map(Ports::Listed)];
    (peers, ports, select(actions)).prop_map(|(peers, ports, action)| Rule {
        name: None,
        peers,
        ports,
        action,
        provenance: provenance(),
        precision: Precision::Exact,
    })
}

fn policy(actions: &'static [Action], most: usize) -> impl Strategy<Value = Policy> {
    let rules = move || proptest::option::weighted(0.8, vec(rule(actions), 0..=most));
    (pod_selector(), 0..3_i32, rules(), rules()).prop_map(|(subject, priority, ingress, egress)| Policy {
        object: Arc::new(ObjectRef { kind: "Policy", namespace: None, name: "p".into() }),
        name_span: span(),
        priority,
        subject,
        subject_span: span(),
        ingress,
        egress,
        inert: Vec::new(),
    })
}

const ACTIONS: [Action; 4] = [Action::Allow, Action::Deny, Action::Pass, Action::Log];

fn tier() -> impl Strategy<Value = Tier> {
    let mode = select(&[Mode::FirstMatch, Mode::Union, Mode::DenyWins][..]);
    let participation = select(&[Participation::Everybody, Participation::Selected][..]);
    let no_match = select(&[NoMatch::NextTier, NoMatch::Deny, NoMatch::Allow][..]);
    let fixed = proptest::option::weighted(0.3, profile());
    (mode, participation, no_match, fixed, vec(policy(&ACTIONS, 3), 0..=3)).prop_map(
        |(mode, participation, no_match, fixed, policies)| Tier {
            name: "T",
            mode,
            participation,
            no_match,
            fixed,
            policies: sorted(policies),
        },
    )
}

fn sorted(mut policies: Vec<Policy>) -> Vec<Policy> {
    policies.sort_by_key(|policy| policy.priority);
    policies
}

/// Any number of layers and tiers of every mode.
pub(crate) fn any_policies() -> impl Strategy<Value = PolicySet> {
    let layer = vec(tier(), 0..=3).prop_map(|tiers| Layer { name: "L", tiers });
    vec(layer, 0..=2).prop_map(|layers| PolicySet { layers })
}

/// What Kubernetes has: Admin, NetworkPolicy and Baseline tiers of one layer.
pub(crate) fn kubernetes() -> impl Strategy<Value = PolicySet> {
    const ORDERED: [Action; 3] = [Action::Allow, Action::Deny, Action::Pass];
    let policies = |actions: &'static [Action]| vec(policy(actions, 2), 0..=2).prop_map(sorted);
    (policies(&ORDERED), policies(&ACTIONS[..1]), policies(&ORDERED)).prop_map(|(admin, union, baseline)| {
        let ordered = |name, policies| Tier {
            name,
            mode: Mode::FirstMatch,
            participation: Participation::Everybody,
            no_match: NoMatch::NextTier,
            fixed: Some(Profile::ADMIN),
            policies,
        };
        let union = Tier {
            name: "NetworkPolicy",
            mode: Mode::Union,
            participation: Participation::Selected,
            no_match: NoMatch::Deny,
            fixed: None,
            policies: union,
        };
        PolicySet {
            layers: vec![Layer {
                name: "CNI",
                tiers: vec![ordered("Admin", admin), union, ordered("Baseline", baseline)],
            }],
        }
    })
}

pub(crate) fn profile() -> impl Strategy<Value = Profile> {
    (any::<bool>(), any::<bool>()).prop_map(|(blocks_match_pods, selectors_see_host_network)| Profile {
        blocks_match_pods,
        selectors_see_host_network,
    })
}

/// An end that owns what it consists of.
#[derive(Clone, Debug)]
pub(crate) enum OwnedEnd {
    Pod {
        name: Option<String>,
        namespace: Option<String>,
        namespace_labels: Labels,
        labels: Labels,
        ports: Vec<ContainerPort>,
        host_network: bool,
        addresses: Vec<IpAddr>,
        node: Option<(String, Labels)>,
    },
    Node(String, Labels, Vec<IpAddr>),
    Address(IpAddr),
}

fn labels() -> impl Strategy<Value = Labels> {
    let label = || proptest::option::of(select(&VALUES[..]));
    (label(), label()).prop_map(|(app, tier)| {
        [("app", app), ("tier", tier)].into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    })
}

fn addresses() -> impl Strategy<Value = Vec<IpAddr>> {
    vec(select(&ADDRESSES[..]).prop_map(|address| address.parse().unwrap()), 0..=2)
}

fn node() -> impl Strategy<Value = (String, Labels)> {
    (select(&["n1", "n2"][..]).prop_map(String::from), labels())
}

pub(crate) fn pod() -> impl Strategy<Value = OwnedEnd> {
    let port =
        (proptest::option::of(select(&PORT_NAMES[..])), select(&Protocol::ALL[..]), select(&PORTS[..]))
            .prop_map(|(name, protocol, number)| ContainerPort {
                name: name.map(Into::into),
                protocol,
                number,
            });
    let name = proptest::option::of(select(&["p", "q"][..]).prop_map(String::from));
    let namespace = proptest::option::weighted(0.9, select(&NAMESPACES[..]).prop_map(String::from));
    let place = (name, namespace, labels());
    let rest = (labels(), vec(port, 0..=3), any::<bool>(), addresses(), proptest::option::of(node()));
    (place, rest).prop_map(|((name, namespace, mut namespace_labels), rest)| {
        let (labels, ports, host_network, addresses, node) = rest;
        if let Some(namespace) = &namespace {
            namespace_labels.insert("kubernetes.io/metadata.name", namespace.as_str());
        }
        OwnedEnd::Pod { name, namespace, namespace_labels, labels, ports, host_network, addresses, node }
    })
}

pub(crate) fn end() -> impl Strategy<Value = OwnedEnd> {
    prop_oneof![
        6 => pod(),
        1 => (node(), addresses()).prop_map(|((name, labels), addresses)| OwnedEnd::Node(name, labels, addresses)),
        2 => select(&ADDRESSES[..]).prop_map(|address| OwnedEnd::Address(address.parse().unwrap())),
    ]
}

/// Two ends, a protocol and a port.
#[derive(Clone, Debug)]
pub(crate) struct OwnedFlow {
    pub(crate) src: OwnedEnd,
    pub(crate) dst: OwnedEnd,
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
}

pub(crate) fn flow() -> impl Strategy<Value = OwnedFlow> {
    (end(), end(), select(&Protocol::ALL[..]), select(&PORTS[..]))
        .prop_map(|(src, dst, protocol, port)| OwnedFlow { src, dst, protocol, port })
}

impl OwnedFlow {
    /// Hands the flow in the form that `decide` takes to a function.
    pub(crate) fn with<R>(&self, use_it: impl FnOnce(&Flow<'_>) -> R) -> R {
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
            Self::Pod { node: Some((name, labels)), .. } => Some(NodeEnd { name, labels, addresses: &[] }),
            _ => None,
        }
    }

    fn end<'a>(&'a self, node: Option<&'a NodeEnd<'a>>) -> End<'a> {
        match self {
            Self::Pod {
                name, namespace, namespace_labels, labels, ports, host_network, addresses, ..
            } => End::Pod(PodEnd {
                name: name.as_deref(),
                namespace: namespace.as_deref(),
                namespace_labels,
                labels,
                ports,
                host_network: *host_network,
                addresses,
                node,
            }),
            Self::Node(name, labels, addresses) => End::Node(NodeEnd { name, labels, addresses }),
            Self::Address(address) => End::Address(*address),
        }
    }
}

/// A flow between two different ends as they can be in a cluster: known pods of known namespaces, on
/// different nodes, with at most one address of each family, or of the one that both ends have.
pub(crate) fn possible_flow() -> impl Strategy<Value = OwnedFlow> {
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
