//! Random policies.

use std::sync::Arc;

use ipnet::IpNet;
use npv_models::policy::{
    Action, Entity, Isolation, Layer, Mode, NamespaceSelector, NoMatch, ObjectRef, PeerMatch, Peers,
    PodSelector, Policy, PolicySet, PortItem, PortMatch, Ports, Priority, Profile, Rule, Same, Tier, Tunnel,
    attribute,
};
use npv_models::space::{
    DomainName, Language, Operator, PortSet, Protocol, RequestSet, Requirement, Selector, Stars, Traffic,
    icmp_messages, mask,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::cluster::{ACCOUNTS, KEYS, NAMESPACES, PORT_NAMES, PORTS, VALUES, protocols};
use crate::words::{self, layer as layer_of, ordered as ordered_tier, provenance, two_way};
use crate::{Shape, weighted};

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

/// Domains that policies name, with what their stars stand for.
const DOMAINS: [(&str, Stars); 4] = [
    ("*.example.com", Stars::Labels),
    ("www.example.com", Stars::Labels),
    ("w*.example.com", Stars::Characters),
    ("*.example.com", Stars::Characters),
];

/// The domains that policies name.
pub fn domains() -> Vec<DomainName> {
    DOMAINS.iter().map(|(text, stars)| DomainName::new(*text, *stars)).collect()
}

/// Namespaces by name, the one that is always there most often.
const NAMED: [&str; 4] = ["n0", "n0", "n1", "n2"];

const EQUALITY: [Operator; 4] = [Operator::In, Operator::NotIn, Operator::Exists, Operator::DoesNotExist];
const PATTERNS: [Operator; 6] = [
    Operator::StartsWith,
    Operator::StartsNotWith,
    Operator::EndsWith,
    Operator::EndsNotWith,
    Operator::Contains,
    Operator::ContainsNot,
];

fn requirement(
    shape: Shape,
    keys: &'static [&'static str],
    values: &'static [&'static str],
) -> impl Strategy<Value = Requirement> {
    let mut operators = EQUALITY.repeat(3);
    if shape.terms {
        operators.extend(PATTERNS);
    }
    (select(keys), select(operators), vec(select(values), 1..=2)).prop_map(|(key, operator, values)| {
        match operator {
            Operator::Exists | Operator::DoesNotExist => Requirement::new(key, operator, [""; 0]),
            operator => Requirement::new(key, operator, values),
        }
    })
}

/// Requirements, and with all terms choices between them.
pub fn selector(shape: Shape) -> impl Strategy<Value = Selector> {
    let plain = move || vec(requirement(shape, &KEYS, &VALUES), 0..=2).prop_map(Selector::new);
    if !shape.terms {
        return plain().boxed();
    }
    let choice =
        (plain(), vec(plain(), 0..=2)).prop_map(|(all, any)| Selector::all([all, Selector::any(any)]));
    prop_oneof![5 => plain(), 1 => choice].boxed()
}

fn namespaces(shape: Shape) -> impl Strategy<Value = NamespaceSelector> {
    let by_name = requirement(Shape::PLAIN, &["kubernetes.io/metadata.name"], &NAMESPACES);
    prop_oneof![
        2 => Just(NamespaceSelector::Labels(Selector::EVERYTHING)),
        2 => select(NAMED.to_vec()).prop_map(|name| NamespaceSelector::Named(name.into())),
        2 => selector(shape).prop_map(NamespaceSelector::Labels),
        1 => by_name.prop_map(|requirement| NamespaceSelector::Labels(Selector::new([requirement]))),
    ]
}

/// Pods by namespace and labels, with all terms by ServiceAccount too.
pub fn pods(shape: Shape) -> impl Strategy<Value = PodSelector> {
    let labels = prop_oneof![1 => Just(Selector::EVERYTHING), 1 => selector(shape)];
    let account = requirement(Shape::PLAIN, &[attribute::ACCOUNT], &ACCOUNTS);
    let account = weighted(if shape.terms { 0.15 } else { 0.0 }, account);
    (namespaces(shape), labels, account).prop_map(|(namespaces, pods, account)| {
        let pods = Selector::all(account.map(|account| Selector::new([account])).into_iter().chain([pods]));
        PodSelector { namespaces, pods }
    })
}

/// A block as people write it.
pub fn net(text: &str) -> IpNet {
    mask(text.parse().unwrap())
}

fn block() -> impl Strategy<Value = PeerMatch> {
    // Exceptions need not lie inside: what a dialect refuses, an engine must still agree on.
    (select(&BLOCKS[..]), vec(select(&BLOCKS[..]), 0..=2)).prop_map(|(cidr, except)| PeerMatch::Block {
        cidr: net(cidr),
        except: except.into_iter().map(net).collect(),
    })
}

fn same() -> impl Strategy<Value = PeerMatch> {
    let labels = vec(select(&KEYS[..]), 1..=2);
    let labels = labels.prop_map(|keys| Same::NamespaceLabels(keys.into_iter().map(Into::into).collect()));
    prop_oneof![1 => Just(Same::Namespace), 1 => labels].prop_map(PeerMatch::Same)
}

/// One term.
fn term(shape: Shape) -> BoxedStrategy<PeerMatch> {
    let basic = prop_oneof![
        10 => pods(shape).prop_map(PeerMatch::Pods),
        8 => block(),
        3 => selector(shape).prop_map(PeerMatch::Nodes),
        2 => Just(PeerMatch::Unknown),
    ];
    if !shape.terms {
        return basic.boxed();
    }
    let mut entities = vec![Entity::World, Entity::Ingress, Entity::Health];
    if shape.unknowns {
        // Which nodes these are, manifests seldom settle.
        entities.extend([Entity::OwnNode, Entity::OtherNode, Entity::ApiServer]);
    }
    let more = prop_oneof![3 => select(entities).prop_map(PeerMatch::Entity), 2 => same()];
    if !shape.unknowns {
        return prop_oneof![6 => basic, 1 => more].boxed();
    }
    let domain = select(domains()).prop_map(PeerMatch::Domain);
    prop_oneof![18 => basic, 4 => more, 1 => domain].boxed()
}

/// A term, or with all of them some combined.
pub fn peer_match(shape: Shape) -> BoxedStrategy<PeerMatch> {
    if !shape.terms {
        return term(shape);
    }
    let combined = term(shape).prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            2 => inner.clone().prop_map(|part| PeerMatch::Not(Box::new(part))),
            2 => vec(inner.clone(), 0..=2).prop_map(PeerMatch::All),
            1 => vec(inner, 0..=2).prop_map(PeerMatch::Any),
        ]
    });
    prop_oneof![3 => term(shape), 1 => combined].boxed()
}

fn numbers(shape: Shape) -> impl Strategy<Value = PortMatch> {
    let ports = prop_oneof![
        3 => select(&PORTS[..]).prop_map(PortSet::single),
        2 => (select(&PORTS[..]), select(&PORTS[..])).prop_map(|(a, b)| PortSet::range(a.min(b), a.max(b))),
        1 => Just(PortSet::full()),
    ];
    let numbers = (protocols(), ports).prop_map(|(protocol, ports)| Traffic::of(protocol, ports));
    if !shape.icmp {
        return numbers.prop_map(PortMatch::Numbers).boxed();
    }
    let messages =
        prop_oneof![Just(icmp_messages(8, None)), Just(icmp_messages(3, Some(4))), Just(PortSet::full()),];
    let icmp = (select(vec![Protocol::Icmp, Protocol::Icmpv6]), messages);
    let icmp = icmp.prop_map(|(protocol, messages)| Traffic::of(protocol, messages));
    prop_oneof![6 => numbers, 1 => icmp].prop_map(PortMatch::Numbers).boxed()
}

/// Sets of requests of which some hold others, and conditions of which npv knows the words only.
fn requests() -> impl Strategy<Value = RequestSet> {
    let method =
        select(vec!["GET", "POST"]).prop_map(|text| RequestSet::method(&Language::literal(text).unwrap()));
    let path =
        select(vec!["/", "/a", "/a/b"]).prop_map(|text| RequestSet::path(&Language::prefix(text).unwrap()));
    let exact = select(vec!["/a", "/b"]).prop_map(|text| RequestSet::path(&Language::literal(text).unwrap()));
    let condition = Just(RequestSet::condition("a valid token"));
    let one = prop_oneof![3 => method, 3 => path, 2 => exact, 1 => condition];
    vec(one, 1..=2).prop_map(|parts| parts.iter().fold(RequestSet::all(), |all, part| all.intersection(part)))
}

fn port(shape: Shape) -> impl Strategy<Value = PortItem> {
    let matches = prop_oneof![
        1 => numbers(shape),
        1 => (weighted(0.7, protocols()), select(&PORT_NAMES[..]))
            .prop_map(|(protocol, name): (Option<Protocol>, _)| PortMatch::Named { protocol, name: name.into() }),
    ];
    let requests = weighted(if shape.requests { 0.3 } else { 0.0 }, requests());
    (matches, requests).prop_map(|(matches, requests)| PortItem {
        matches,
        requests,
        provenance: provenance(),
    })
}

/// A rule with one of these actions.
pub fn rule(shape: Shape, actions: &'static [Action]) -> impl Strategy<Value = Rule> {
    let peer = || peer_match(shape).prop_map(words::peer);
    // An empty list of the IR matches nothing, so that few are enough.
    let peers = prop_oneof![
        4 => Just(Peers::Anyone),
        1 => Just(Peers::Listed(Vec::new())),
        15 => vec(peer(), 1..=3).prop_map(Peers::Listed),
    ];
    let ports = prop_oneof![
        6 => Just(Ports::All),
        1 => Just(Ports::Listed(Vec::new())),
        13 => vec(port(shape), 1..=3).prop_map(Ports::Listed),
    ];
    let rare = if shape.terms { 0.1 } else { 0.0 };
    let (own, not_ports) = (weighted(rare, vec(peer(), 1..=2)), weighted(rare, vec(port(shape), 1..=2)));
    (peers, ports, select(actions), own, not_ports).prop_map(|(peers, ports, action, own, not_ports)| Rule {
        peers,
        ports,
        own: own.map_or(Peers::Anyone, Peers::Listed),
        not_ports: not_ports.unwrap_or_default(),
        ..Rule::new(action, provenance())
    })
}

fn isolations() -> impl Strategy<Value = Isolation> {
    (any::<bool>(), any::<bool>()).prop_map(|(ingress, egress)| Isolation { ingress, egress })
}

fn policy(shape: Shape, actions: &'static [Action]) -> impl Strategy<Value = Policy> {
    let rules = || weighted(0.7, vec(rule(shape, actions), 0..=3));
    let nodes = selector(shape).prop_map(PeerMatch::Nodes);
    let also = if shape.unknowns {
        prop_oneof![3 => nodes, 1 => Just(PeerMatch::Entity(Entity::ApiServer)), 1 => Just(PeerMatch::Entity(Entity::Ingress))].boxed()
    } else {
        nodes.boxed()
    };
    let rare = if shape.terms { 0.1 } else { 0.0 };
    (pods(shape), rules(), rules(), weighted(rare, also), weighted(2.0 * rare, isolations())).prop_map(
        |(subject, ingress, egress, also, isolation)| {
            let policy = two_way("p", subject, ingress, egress);
            Policy {
                also: also.into_iter().collect(),
                isolation: isolation.unwrap_or(policy.isolation),
                ..policy
            }
        },
    )
}

const NETWORK_POLICY: &str = "NetworkPolicy";
/// What a rule of a NetworkPolicy can do, and what some other policies may.
pub const ALLOW: &[Action] = &[Action::Allow, Action::Log];
const ANY: &[Action] = &[Action::Allow, Action::Deny, Action::Pass, Action::Log];
const VAGUE: &[Action] =
    &[Action::Allow, Action::Deny, Action::Pass, Action::Log, Action::Allow, Action::Deny, Action::Unknown];

fn tier(
    shape: Shape,
    name: &'static str,
    mode: Mode,
    no_match: NoMatch,
    fixed: Option<Profile>,
) -> impl Strategy<Value = Tier> {
    // In a union only an allow rule has a say, whatever else a tier without a dialect may hold.
    let actions = match name {
        NETWORK_POLICY => ALLOW,
        _ if shape.unknowns => VAGUE,
        _ => ANY,
    };
    vec((policy(shape, actions), 0..3), 0..=4).prop_map(move |mut policies| {
        policies.sort_by_key(|(_, priority)| *priority);
        let policies = policies.into_iter().enumerate().map(|(index, (policy, priority))| {
            let name = format!("{}{index}", name.to_lowercase()).into();
            let object = Arc::new(ObjectRef { name, ..(*policy.object).clone() });
            let priority = Priority::number(if mode == Mode::FirstMatch { priority } else { 0 });
            Policy { object, priority, ..policy }
        });
        Tier { fixed, ..words::tier(name, mode, no_match, policies.collect()) }
    })
}

fn network_policy(shape: Shape) -> impl Strategy<Value = Tier> {
    tier(shape, NETWORK_POLICY, Mode::Union, NoMatch::Deny, None)
}

fn ordered(shape: Shape, name: &'static str) -> impl Strategy<Value = Tier> {
    tier(shape, name, Mode::FirstMatch, NoMatch::NextTier, None)
        .prop_map(move |tier| ordered_tier(name, tier.policies))
}

fn deny_wins(shape: Shape) -> impl Strategy<Value = Tier> {
    tier(shape, "Cilium", Mode::DenyWins, NoMatch::Deny, None)
}

/// A tier that no dialect has, but that the IR can say.
fn odd(shape: Shape) -> impl Strategy<Value = Tier> {
    let modes = [Mode::Union, Mode::FirstMatch, Mode::DenyWins];
    let no_matches = [NoMatch::Deny, NoMatch::NextTier, NoMatch::Allow];
    let fixed = weighted(0.6, profiles());
    (select(modes.to_vec()), select(no_matches.to_vec()), fixed)
        .prop_flat_map(move |(mode, no_match, fixed)| tier(shape, "Odd", mode, no_match, fixed))
}

fn layer(shape: Shape, name: &'static str) -> impl Strategy<Value = Layer> {
    let tiers = prop_oneof![
        3 => network_policy(shape).prop_map(|tier| vec![tier]),
        3 => (ordered(shape, "Admin"), network_policy(shape), ordered(shape, "Baseline")).prop_map(|(a, b, c)| vec![a, b, c]),
        2 => (deny_wins(shape), odd(shape)).prop_map(|(first, second)| vec![first, second]),
        2 => vec(odd(shape), 1..=3),
    ];
    // A pass leads to the next tier, or to a named one behind it, or to the end.
    let pass = weighted(if shape.terms { 0.3 } else { 0.0 }, 1_usize..=3);
    let ends = || pods(Shape { terms: false, ..shape }).prop_map(PeerMatch::Pods);
    let tunnel = (ends(), ends(), select(&PORTS[..])).prop_map(|(src, dst, port)| Tunnel { src, dst, port });
    // Whether a tunnelled connection is one of some requests, the layer cannot tell.
    let tunnelled = shape.terms && (shape.unknowns || !shape.requests);
    let tunnel = weighted(if tunnelled { 0.1 } else { 0.0 }, tunnel);
    (tiers, pass, tunnel).prop_map(move |(mut tiers, pass, tunnel)| {
        if let Some(first) = tiers.first_mut() {
            first.pass = pass;
        }
        Layer { tunnels: tunnel.into_iter().collect(), ..layer_of(name, tiers) }
    })
}

/// One layer, now and then two.
pub fn policy_sets(shape: Shape) -> impl Strategy<Value = PolicySet> {
    prop_oneof![
        4 => layer(shape, "CNI").prop_map(|layer| vec![layer]),
        1 => (layer(shape, "CNI"), layer(shape, "mesh")).prop_map(|(first, second)| vec![first, second]),
    ]
    .prop_map(|layers| PolicySet { layers })
}

/// One layer with the tiers that Kubernetes has.
pub fn kubernetes(shape: Shape) -> impl Strategy<Value = PolicySet> {
    (ordered(shape, "Admin"), network_policy(shape), ordered(shape, "Baseline"))
        .prop_map(|(admin, union, baseline)| words::tiers(vec![admin, union, baseline]))
}

/// One layer with one tier of NetworkPolicies.
pub fn network_policies(shape: Shape) -> impl Strategy<Value = PolicySet> {
    network_policy(shape).prop_map(|tier| words::tiers(vec![tier]))
}

/// One layer with one ordered tier.
pub fn ordered_policies(shape: Shape) -> impl Strategy<Value = PolicySet> {
    ordered(shape, "Admin").prop_map(|tier| words::tiers(vec![tier]))
}

/// One layer with one ordered tier whose policies get into each other's way: few priorities, and most are
/// about all pods.
pub(super) fn contested_policies(shape: Shape) -> impl Strategy<Value = PolicySet> {
    let subject = prop_oneof![2 => Just(words::across("", "")), 1 => pods(shape)];
    // Over few ports, rules seldom meet.
    let rule = (rule(shape, ANY), weighted(0.4, Just(()))).prop_map(|(rule, ports)| match ports {
        Some(()) => rule,
        None => Rule { ports: Ports::All, ..rule },
    });
    let rule = rule.boxed();
    let rules = || vec(rule.clone(), 0..=3);
    let policy = (subject, rules(), rules(), select(vec![0, 0, 1]));
    vec(policy, 2..=4).prop_map(|mut plans| {
        plans.sort_by_key(|(.., priority)| *priority);
        let policies =
            plans.into_iter().enumerate().map(|(index, (subject, ingress, egress, priority))| Policy {
                priority: Priority::number(priority),
                ..two_way(&format!("admin{index}"), subject, Some(ingress), Some(egress))
            });
        words::tiers(vec![ordered_tier("Admin", policies.collect())])
    })
}

/// Choices of the network plugin: upstream's half of the time.
pub fn profiles() -> impl Strategy<Value = Profile> {
    let any = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let any = any.prop_map(|(pods, nodes, seen, own)| Profile {
        blocks_match_pods: pods,
        blocks_match_nodes: nodes,
        selectors_see_host_network: seen,
        own_node_can_be_denied: own,
    });
    prop_oneof![1 => Just(Profile::default()), 1 => any]
}
