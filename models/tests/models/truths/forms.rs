//! The ways in which a policy can leave something out, and what that means.

use super::{Case, case};

pub(crate) const CASES: &[Case] = &[
    case("S-1", "no types: ingress", &[("x", "{podSelector: {}}")], &["*: * -> x"]),
    case(
        "S-1",
        "no types and a rule for egress",
        &[("x", "{podSelector: {}, egress: [{ports: [{port: 80}]}]}")],
        &["*: * -> x", "!TCP 80: x -> *"],
    ),
    case(
        "S-1",
        "no types and an empty list for egress",
        &[("x", "{podSelector: {}, egress: []}")],
        &["*: * -> x"],
    ),
    case(
        "S-1",
        "no types and a null list for egress",
        &[("x", "{podSelector: {}, egress: null}")],
        &["*: * -> x"],
    ),
    case(
        "S-1",
        "an empty list of types",
        &[("x", "{podSelector: {}, policyTypes: [], egress: [{}]}")],
        &["*: * -> x"],
    ),
    case(
        "S-2",
        "rules of a direction that is not listed",
        &[("x", "{podSelector: {}, policyTypes: [Egress], ingress: [{}]}")],
        &["*: x -> *"],
    ),
    case(
        "S-6",
        "a null list of rules",
        &[("x", "{podSelector: {}, policyTypes: [Ingress, Egress], ingress: null, egress: []}")],
        &["*: * -> x", "*: x -> *"],
    ),
    case("S-6", "one empty rule", &[("x", "{podSelector: {}, ingress: [{}]}")], &[]),
    case("S-7", "a null list of peers", &[("x", "{podSelector: {}, ingress: [{from: null}]}")], &[]),
    case("S-7", "an empty list of peers", &[("x", "{podSelector: {}, ingress: [{from: []}]}")], &[]),
    case(
        "S-8",
        "an empty list of ports",
        &[("x", "{podSelector: {}, ingress: [{ports: [], from: [{podSelector: {}}]}]}")],
        &["*: y,z -> x"],
    ),
    case("S-10", "a null subject", &[("x", "{podSelector: null}")], &["*: * -> x"]),
    case("S-10", "no subject", &[("x", "{policyTypes: [Ingress]}")], &["*: * -> x"]),
    case(
        "S-12",
        "an empty selector of namespaces with one of pods",
        &[(
            "x",
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {pod: b}}}]}]}",
        )],
        &["*: !x/b,y/b,z/b -> x"],
    ),
    case(
        "S-20",
        "no protocol",
        &[("x", "{podSelector: {}, ingress: [{ports: [{port: 80}, {port: 81, protocol: null}]}]}")],
        &["UDP, SCTP: * -> x"],
    ),
    case(
        "S-21",
        "a protocol without a port",
        &[("x", "{podSelector: {}, ingress: [{ports: [{protocol: UDP}]}]}")],
        &["!UDP: * -> x"],
    ),
    case(
        "S-21",
        "an entry with nothing in it",
        &[("x", "{podSelector: {}, ingress: [{ports: [{}]}]}")],
        &["!TCP: * -> x"],
    ),
    case(
        "S-22",
        "a range of ports",
        &[("x", "{podSelector: {}, ingress: [{ports: [{port: 79, endPort: 80}]}]}")],
        &["!TCP 80: * -> x"],
    ),
    case(
        "S-22",
        "a range of one port",
        &[("x", "{podSelector: {}, ingress: [{ports: [{port: 81, endPort: 81}]}]}")],
        &["!TCP 81: * -> x"],
    ),
    case(
        "S-43",
        "absent labels and an empty value",
        &[(
            "x",
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchExpressions:
              [{key: tier, operator: NotIn, values: [db]}, {key: pod, operator: NotIn, values: [a]}]}}]}]}",
        )],
        &["*: x/a,y/a,z/a -> x"],
    ),
    case("S-43", "an empty value needs the key", &[("x", "{podSelector: {matchLabels: {tier: \"\"}}}")], &[]),
    case(
        "S-45",
        "a null selector in a peer",
        &[(
            "x",
            "{podSelector: {}, ingress: [{from: [{podSelector: null, namespaceSelector: {matchLabels: {ns: y}}}]}]}",
        )],
        &["*: x,z -> x"],
    ),
    case("S-46", "a policy of another namespace", &[("w", "{podSelector: {}}")], &[]),
];

/// Ranges of ports that the API server refuses, and that it accepts (S-22).
pub(crate) const RANGES: &[(&str, bool)] = &[
    ("{endPort: 81}", false),
    ("{port: serve-80-tcp, endPort: 81}", false),
    ("{port: 81, endPort: 80}", false),
    ("{port: 80, endPort: 80}", true),
    ("{port: 80, endPort: 81}", true),
    ("{port: 80, endPort: 65536}", false),
];
