//! Random policies.

use std::sync::Arc;

use ipnet::IpNet;
use npv_models::policy::{
    Action, Layer, Mode, NamespaceSelector, NoMatch, ObjectRef, Participation, Peer, PeerMatch, Peers,
    PodSelector, Policy, PolicySet, PortItem, PortMatch, Ports, Precision, Profile, Provenance, Rule, Tier,
};
use npv_models::space::{Operator, PortSet, Protocol, Requirement, Selector, Traffic, mask};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use super::cluster::{KEYS, NAMESPACES, PORT_NAMES, PORTS, VALUES, protocols};
use super::nowhere;

/// Blocks that nest, touch and overlap, in both families and at both ends of the address space.
const BLOCKS: [&str; 18] = [
    "10.0.0.0/8",
    "10.0.0.0/29",
    "10.0.0.0/30",
    "10.0.0.1/32",
    "10.0.0.2/31",
    "10.0.0.4/30",
    "10.128.0.0/9",
    "0.0.0.0/0",
    "0.0.0.0/32",
    "255.255.255.255/32",
    "128.0.0.0/1",
    "::/0",
    "2001:db8::/32",
    "2001:db8::/126",
    "2001:db8::1/128",
    "2001:db8::2/127",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
    "::/128",
];

/// Namespaces by name, the one that is always there most often.
const NAMED: [&str; 4] = ["n0", "n0", "n1", "n2"];

pub(super) fn provenance() -> Provenance {
    Provenance { path: "spec".into(), span: nowhere() }
}

fn requirement(
    keys: &'static [&'static str],
    values: &'static [&'static str],
) -> impl Strategy<Value = Requirement> {
    let operators = [Operator::In, Operator::NotIn, Operator::Exists, Operator::DoesNotExist];
    (select(keys), select(operators.to_vec()), vec(select(values), 1..=2)).prop_map(
        |(key, operator, values)| match operator {
            Operator::In | Operator::NotIn => Requirement::new(key, operator, values),
            Operator::Exists | Operator::DoesNotExist => Requirement::new(key, operator, [""; 0]),
        },
    )
}

fn selector() -> impl Strategy<Value = Selector> {
    vec(requirement(&KEYS, &VALUES), 0..=2).prop_map(Selector::new)
}

fn namespaces() -> impl Strategy<Value = NamespaceSelector> {
    let by_name = requirement(&["kubernetes.io/metadata.name"], &NAMESPACES);
    prop_oneof![
        2 => Just(NamespaceSelector::Labels(Selector::EVERYTHING)),
        2 => select(NAMED.to_vec()).prop_map(|name| NamespaceSelector::Named(name.into())),
        2 => selector().prop_map(NamespaceSelector::Labels),
        1 => by_name.prop_map(|requirement| NamespaceSelector::Labels(Selector::new([requirement]))),
    ]
}

pub(super) fn pods() -> impl Strategy<Value = PodSelector> {
    (namespaces(), prop_oneof![1 => Just(Selector::EVERYTHING), 1 => selector()])
        .prop_map(|(namespaces, pods)| PodSelector { namespaces, pods })
}

#[expect(clippy::expect_used, reason = "the vocabulary is well-formed")]
pub(super) fn net(text: &str) -> IpNet {
    mask(text.parse().expect("a block"))
}

fn block() -> impl Strategy<Value = PeerMatch> {
    // Exceptions need not lie inside: what a dialect refuses, an engine must still agree on.
    (select(&BLOCKS[..]), vec(select(&BLOCKS[..]), 0..=2)).prop_map(|(cidr, except)| PeerMatch::Block {
        cidr: net(cidr),
        except: except.into_iter().map(net).collect(),
    })
}

fn peer() -> impl Strategy<Value = Peer> {
    prop_oneof![
        10 => pods().prop_map(PeerMatch::Pods),
        8 => block(),
        3 => selector().prop_map(PeerMatch::Nodes),
        1 => Just(PeerMatch::Domain("*.example.com".into())),
        3 => Just(PeerMatch::Unknown),
    ]
    .prop_map(|matches| Peer { matches, provenance: provenance() })
}

fn numbers() -> impl Strategy<Value = PortMatch> {
    let ports = prop_oneof![
        3 => select(&PORTS[..]).prop_map(PortSet::single),
        2 => (select(&PORTS[..]), select(&PORTS[..])).prop_map(|(a, b)| PortSet::range(a.min(b), a.max(b))),
        1 => Just(PortSet::full()),
    ];
    (protocols(), ports).prop_map(|(protocol, ports)| PortMatch::Numbers(Traffic::of(protocol, ports)))
}

fn port() -> impl Strategy<Value = PortItem> {
    prop_oneof![
        1 => numbers(),
        1 => (weighted(0.7, protocols()), select(&PORT_NAMES[..]))
            .prop_map(|(protocol, name): (Option<Protocol>, _)| PortMatch::Named { protocol, name: name.into() }),
    ]
    .prop_map(|matches| PortItem { matches, provenance: provenance() })
}

pub(super) fn rule(actions: &'static [Action]) -> impl Strategy<Value = Rule> {
    // An empty list of the IR matches nothing, so that few are enough.
    let peers = prop_oneof![
        4 => Just(Peers::Anyone),
        1 => Just(Peers::Listed(Vec::new())),
        15 => vec(peer(), 1..=3).prop_map(Peers::Listed),
    ];
    let ports = prop_oneof![
        6 => Just(Ports::All),
        1 => Just(Ports::Listed(Vec::new())),
        13 => vec(port(), 1..=3).prop_map(Ports::Listed),
    ];
    (peers, ports, select(actions)).prop_map(|(peers, ports, action)| Rule {
        name: None,
        peers,
        ports,
        action,
        provenance: provenance(),
        precision: Precision::Exact,
    })
}

fn policy(actions: &'static [Action]) -> impl Strategy<Value = Policy> {
    let rules = || weighted(0.7, vec(rule(actions), 0..=3));
    (pods(), rules(), rules()).prop_map(|(subject, ingress, egress)| Policy {
        object: Arc::new(ObjectRef { kind: "Policy", namespace: None, name: "p".into() }),
        name_span: nowhere(),
        priority: 0,
        subject,
        subject_span: nowhere(),
        ingress,
        egress,
        inert: Vec::new(),
    })
}

const NETWORK_POLICY: &str = "NetworkPolicy";
const ALLOW: &[Action] = &[Action::Allow, Action::Log];
const ANY: &[Action] = &[Action::Allow, Action::Deny, Action::Pass, Action::Log];

fn tier(
    name: &'static str,
    mode: Mode,
    participation: Participation,
    no_match: NoMatch,
    fixed: Option<Profile>,
) -> impl Strategy<Value = Tier> {
    // In a union only an allow rule has a say, whatever else a tier without a dialect may hold.
    let actions = if name == NETWORK_POLICY { ALLOW } else { ANY };
    vec((policy(actions), 0..3), 0..=4).prop_map(move |mut policies| {
        policies.sort_by_key(|(_, priority)| *priority);
        let policies = policies
            .into_iter()
            .enumerate()
            .map(|(index, (policy, priority))| {
                let name = format!("{}{index}", name.to_lowercase()).into();
                let object = Arc::new(ObjectRef { kind: "Policy", namespace: None, name });
                Policy { object, priority: if mode == Mode::FirstMatch { priority } else { 0 }, ..policy }
            })
            .collect();
        Tier { name, mode, participation, no_match, fixed, policies }
    })
}

fn network_policy() -> impl Strategy<Value = Tier> {
    tier(NETWORK_POLICY, Mode::Union, Participation::Selected, NoMatch::Deny, None)
}

fn ordered(name: &'static str) -> impl Strategy<Value = Tier> {
    tier(name, Mode::FirstMatch, Participation::Everybody, NoMatch::NextTier, Some(Profile::ADMIN))
}

fn deny_wins() -> impl Strategy<Value = Tier> {
    tier("Cilium", Mode::DenyWins, Participation::Selected, NoMatch::Deny, None)
}

/// A tier that no dialect has, but that the IR can say.
fn odd() -> impl Strategy<Value = Tier> {
    let modes = [Mode::Union, Mode::FirstMatch, Mode::DenyWins];
    let participations = [Participation::Selected, Participation::Everybody];
    let no_matches = [NoMatch::Deny, NoMatch::NextTier, NoMatch::Allow];
    let fixed = weighted(0.6, super::profiles());
    (select(modes.to_vec()), select(participations.to_vec()), select(no_matches.to_vec()), fixed)
        .prop_flat_map(|(mode, participation, no_match, fixed)| {
            tier("Odd", mode, participation, no_match, fixed)
        })
}

fn layer(name: &'static str) -> impl Strategy<Value = Layer> {
    let tiers = prop_oneof![
        3 => network_policy().prop_map(|tier| vec![tier]),
        3 => (ordered("Admin"), network_policy(), ordered("Baseline")).prop_map(|(a, b, c)| vec![a, b, c]),
        2 => (deny_wins(), odd()).prop_map(|(first, second)| vec![first, second]),
        2 => vec(odd(), 1..=3),
    ];
    tiers.prop_map(move |tiers| Layer { name, tiers })
}

/// One layer, now and then two.
pub(super) fn policy_sets() -> impl Strategy<Value = PolicySet> {
    prop_oneof![
        4 => layer("CNI").prop_map(|layer| vec![layer]),
        1 => (layer("CNI"), layer("mesh")).prop_map(|(first, second)| vec![first, second]),
    ]
    .prop_map(|layers| PolicySet { layers })
}

/// A rule that allows, as it may stand in any tier.
pub(super) fn allow_rule() -> impl Strategy<Value = Rule> {
    rule(&[Action::Allow])
}

/// One layer with one tier of NetworkPolicies.
pub(super) fn network_policies() -> impl Strategy<Value = PolicySet> {
    network_policy().prop_map(|tier| PolicySet { layers: vec![Layer { name: "CNI", tiers: vec![tier] }] })
}

/// One layer with one ordered tier.
pub(super) fn ordered_policies() -> impl Strategy<Value = PolicySet> {
    ordered("Admin").prop_map(|tier| PolicySet { layers: vec![Layer { name: "CNI", tiers: vec![tier] }] })
}

/// One layer with one ordered tier whose policies get into each other's way: few priorities, and most are
/// about all pods.
pub(super) fn contested_policies() -> impl Strategy<Value = PolicySet> {
    let everything = PodSelector {
        namespaces: NamespaceSelector::Labels(Selector::EVERYTHING),
        pods: Selector::EVERYTHING,
    };
    let subject = prop_oneof![2 => Just(everything), 1 => pods()];
    // Over few ports, rules seldom meet.
    let rule = (rule(ANY), weighted(0.4, Just(()))).prop_map(|(rule, ports)| match ports {
        Some(()) => rule,
        None => Rule { ports: Ports::All, ..rule },
    });
    let rule = rule.boxed();
    let rules = || vec(rule.clone(), 0..=3);
    let policy = (subject, rules(), rules(), select(vec![0, 0, 1]));
    vec(policy, 2..=4).prop_map(|mut plans| {
        plans.sort_by_key(|(.., priority)| *priority);
        let policies = plans.into_iter().enumerate().map(|(index, (subject, ingress, egress, priority))| {
            let name = format!("admin{index}").into();
            Policy {
                object: Arc::new(ObjectRef { kind: "Policy", namespace: None, name }),
                name_span: nowhere(),
                priority,
                subject,
                subject_span: nowhere(),
                ingress: Some(ingress),
                egress: Some(egress),
                inert: Vec::new(),
            }
        });
        let tier = Tier {
            name: "Admin",
            mode: Mode::FirstMatch,
            participation: Participation::Everybody,
            no_match: NoMatch::NextTier,
            fixed: Some(Profile::ADMIN),
            policies: policies.collect(),
        };
        PolicySet { layers: vec![Layer { name: "CNI", tiers: vec![tier] }] }
    })
}
