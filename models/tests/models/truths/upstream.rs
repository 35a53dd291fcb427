//! The cases of the upstream suite, by their numbers in it.
//!
//! Everything that a case does not list is allowed. A case of which the upstream suite changes something
//! on the way is here once for each state, told apart by a letter.

use super::{Case, case};

const DENY_INGRESS: &str = "{podSelector: {}, ingress: []}";
const DENY_ALL: &str = "{podSelector: {}, policyTypes: [Ingress, Egress]}";
const ALLOW_ALL_INGRESS: &str = "{podSelector: {}, ingress: [{}]}";
const FROM_Y_ON_81: &str = "{podSelector: {matchLabels: {pod: a}},
  ingress: [{from: [{namespaceSelector: {matchLabels: {ns: y}}}], ports: [{port: 81}]}]}";
const A_TO_Y_A: &str = "{podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to:
  [{namespaceSelector: {matchLabels: {ns: y}}, podSelector: {matchLabels: {pod: a}}}]}]}";

pub(crate) const CASES: &[Case] = &[
    case("1", "default deny for ingress", &[("x", DENY_INGRESS)], &["*: * -> x"]),
    case("2", "default deny for both directions", &[("x", DENY_ALL)], &["*: * -> x", "*: x -> *"]),
    case(
        "3",
        "pods of the own namespace by label",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}",
        )],
        &["*: !x/b -> x/a"],
    ),
    case(
        "4",
        "ingress to one target of a closed namespace",
        &[("x", DENY_INGRESS), ("x", "{podSelector: {matchLabels: {pod: a}}, ingress: [{}]}")],
        &["*: * -> x/b,x/c"],
    ),
    case(
        "5",
        "from all namespaces",
        &[("x", "{podSelector: {matchLabels: {pod: a}}, ingress: [{from: [{namespaceSelector: {}}]}]}")],
        &[],
    ),
    case(
        "6",
        "from another namespace only",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}},
              ingress: [{from: [{namespaceSelector: {matchLabels: {ns: y}}}]}]}",
        )],
        &["*: x,z -> x/a"],
    ),
    case(
        "7",
        "pods by expression",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}}, ingress: [{from:
              [{podSelector: {matchExpressions: [{key: pod, operator: In, values: [b]}]}}]}]}",
        )],
        &["*: !x/b -> x/a"],
    ),
    case(
        "8",
        "namespaces by expression",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}}, ingress: [{from:
              [{namespaceSelector: {matchExpressions: [{key: ns, operator: In, values: [y]}]}}]}]}",
        )],
        &["*: x,z -> x/a"],
    ),
    case(
        "9",
        "pods or namespaces",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}}, ingress: [{from:
              [{namespaceSelector: {matchExpressions: [{key: ns, operator: NotIn, values: [x]}]}},
               {podSelector: {matchLabels: {pod: b}}}]}]}",
        )],
        &["*: x/a,x/c -> x/a"],
    ),
    case(
        "10",
        "pods and namespaces",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}}, ingress: [{from:
              [{namespaceSelector: {matchExpressions: [{key: ns, operator: NotIn, values: [x]}]},
                podSelector: {matchLabels: {pod: b}}}]}]}",
        )],
        &["*: !y/b,z/b -> x/a"],
    ),
    case(
        "11",
        "several pods and namespaces",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}}, ingress: [{from:
              [{namespaceSelector: {matchExpressions: [{key: ns, operator: NotIn, values: [x]}]},
                podSelector: {matchExpressions: [{key: pod, operator: In, values: [b, c]}]}}]}]}",
        )],
        &["*: x,y/a,z/a -> x/a"],
    ),
    case(
        "12",
        "any of two pods",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}}, ingress: [{from:
              [{podSelector: {matchLabels: {pod: b}}}, {podSelector: {matchLabels: {pod: c}}}]}]}",
        )],
        &["*: !x/b,x/c -> x/a"],
    ),
    case(
        "13",
        "one pod of another namespace",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}}, ingress: [{from:
              [{namespaceSelector: {matchLabels: {ns: y}}, podSelector: {matchLabels: {pod: a}}}]}]}",
        )],
        &["*: !y/a -> x/a"],
    ),
    case("14", "one port", &[("x", FROM_Y_ON_81)], &["TCP 81: x,z -> x/a", "!TCP 81: * -> x/a"]),
    case(
        "15a",
        "stacked: the first policy",
        &[("x", FROM_Y_ON_81)],
        &["TCP 81: x,z -> x/a", "!TCP 81: * -> x/a"],
    ),
    case(
        "15b",
        "stacked: both policies",
        &[
            ("x", FROM_Y_ON_81),
            (
                "x",
                "{podSelector: {matchLabels: {pod: a}},
                  ingress: [{from: [{namespaceSelector: {matchLabels: {ns: y}}}], ports: [{port: 80}]}]}",
            ),
        ],
        &["TCP 80, TCP 81: x,z -> x/a", "!TCP 80, TCP 81: * -> x/a"],
    ),
    case("16", "allow all", &[("x", ALLOW_ALL_INGRESS)], &[]),
    case(
        "17",
        "ingress to a named port",
        &[("x", "{podSelector: {}, ingress: [{ports: [{port: serve-81-tcp}]}]}")],
        &["!TCP 81: * -> x"],
    ),
    case(
        "18",
        "ingress from a namespace to a named port",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}}, ingress: [{from:
              [{namespaceSelector: {matchLabels: {ns: y}}}], ports: [{port: serve-80-tcp}]}]}",
        )],
        &["TCP 80: x,z -> x/a", "!TCP 80: * -> x/a"],
    ),
    case(
        "19",
        "egress to a named port",
        &[("x", "{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: serve-80-tcp}]}]}")],
        &["!TCP 80: x -> *"],
    ),
    case("20a", "a policy before its update", &[("x", ALLOW_ALL_INGRESS)], &[]),
    case("20b", "a policy after its update", &[("x", DENY_INGRESS)], &["*: * -> x"]),
    case(
        "21a",
        "a namespace before its update",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}},
              ingress: [{from: [{namespaceSelector: {matchLabels: {ns2: updated}}}]}]}",
        )],
        &["*: * -> x/a"],
    ),
    Case {
        labels: &[("y", "ns2: updated")],
        ..case(
            "21b",
            "a namespace after its update",
            &[(
                "x",
                "{podSelector: {matchLabels: {pod: a}},
                  ingress: [{from: [{namespaceSelector: {matchLabels: {ns2: updated}}}]}]}",
            )],
            &["*: x,z -> x/a"],
        )
    },
    case(
        "22a",
        "a client before its update",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}},
              ingress: [{from: [{podSelector: {matchLabels: {pod: b, pod2: updated}}}]}]}",
        )],
        &["*: * -> x/a"],
    ),
    Case {
        labels: &[("x/b", "pod2: updated")],
        ..case(
            "22b",
            "a client after its update",
            &[(
                "x",
                "{podSelector: {matchLabels: {pod: a}},
                  ingress: [{from: [{podSelector: {matchLabels: {pod: b, pod2: updated}}}]}]}",
            )],
            &["*: !x/b -> x/a"],
        )
    },
    case(
        "23",
        "from the own namespace only",
        &[("x", "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}")],
        &["*: y,z -> x"],
    ),
    case(
        "24a",
        "a server before its update",
        &[("x", "{podSelector: {matchLabels: {target: isolated}}, policyTypes: [Ingress]}")],
        &[],
    ),
    Case {
        labels: &[("x/a", "target: isolated")],
        ..case(
            "24b",
            "a server after its update",
            &[("x", "{podSelector: {matchLabels: {target: isolated}}, policyTypes: [Ingress]}")],
            &["*: * -> x/a"],
        )
    },
    case(
        "25",
        "no egress from a pod",
        &[("x", "{podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress]}")],
        &["*: x/a -> *"],
    ),
    case(
        "26",
        "no egress from a namespace",
        &[("x", "{podSelector: {}, policyTypes: [Egress]}")],
        &["*: x -> *"],
    ),
    case(
        "27",
        "ingress and egress in one policy",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}}, policyTypes: [Ingress, Egress],
              ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}], egress: [{ports: [{port: 80}]}]}",
        )],
        &["*: !x/b -> x/a", "!TCP 80: x/a -> *"],
    ),
    case(
        "28",
        "the client's side denies what the server's side allows",
        &[
            ("x", "{podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress]}"),
            (
                "y",
                "{podSelector: {matchLabels: {pod: a}}, ingress: [{from:
                  [{namespaceSelector: {matchLabels: {ns: x}}, podSelector: {matchLabels: {pod: a}}}]}]}",
            ),
        ],
        &["*: x/a -> *", "*: * -> y/a"],
    ),
    case("29", "egress to one pod of another namespace", &[("x", A_TO_Y_A)], &["*: x/a -> !y/a"]),
    case(
        "30",
        "every port of one protocol",
        &[("x", "{podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{protocol: TCP}]}]}")],
        &["!TCP: * -> x/a"],
    ),
    case(
        "31a",
        "one port, asked about another",
        &[("x", "{podSelector: {}, ingress: [{ports: [{port: 80}]}]}")],
        &["!TCP 80: * -> x"],
    ),
    case(
        "31b",
        "one port, and then everything",
        &[("x", "{podSelector: {}, ingress: [{ports: [{port: 80}]}]}"), ("x", ALLOW_ALL_INGRESS)],
        &[],
    ),
    case(
        "32a",
        "egress to one port, asked about another",
        &[("x", "{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 80}]}]}")],
        &["!TCP 80: x -> *"],
    ),
    case(
        "32b",
        "egress to one port, and then to everything",
        &[
            ("x", "{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 80}]}]}"),
            ("x", "{podSelector: {}, policyTypes: [Egress], egress: [{}]}"),
        ],
        &[],
    ),
    case("33a", "before a policy is deleted", &[("x", DENY_ALL)], &["*: * -> x", "*: x -> *"]),
    case("33b", "after all policies are deleted", &[], &[]),
    case(
        "34",
        "egress to the address of a pod",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress],
              egress: [{to: [{ipBlock: {cidr: IP(y/b)}}]}]}",
        )],
        &["*: x/a -> !y/b"],
    ),
    case(
        "35",
        "egress to a block with an exception",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress],
              egress: [{to: [{ipBlock: {cidr: AROUND, except: [IP(x/b)]}}]}]}",
        )],
        &["*: x/a -> x/b"],
    ),
    case(
        "36",
        "what one policy excepts and another allows",
        &[
            (
                "x",
                "{podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress],
                  egress: [{to: [{ipBlock: {cidr: AROUND, except: [IP(x/b)]}}]}]}",
            ),
            (
                "x",
                "{podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress],
                  egress: [{to: [{ipBlock: {cidr: IP(x/b)}}]}]}",
            ),
        ],
        &[],
    ),
    case(
        "37",
        "directions are controlled apart",
        &[
            ("x", "{podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{}]}"),
            ("x", "{podSelector: {matchLabels: {pod: a}}, policyTypes: [Ingress], ingress: []}"),
        ],
        &["*: * -> x/a"],
    ),
    case(
        "38",
        "SCTP allowed where everything else is denied",
        &[("x", DENY_INGRESS), ("x", "{podSelector: {}, ingress: [{ports: [{port: 81, protocol: SCTP}]}]}")],
        &["!SCTP 81: * -> x"],
    ),
    case(
        "39",
        "a policy for SCTP isolates for TCP",
        &[("x", "{podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: 80, protocol: SCTP}]}]}")],
        &["!SCTP 80: * -> x/a"],
    ),
    case(
        "40",
        "a policy for UDP isolates for TCP",
        &[("x", "{podSelector: {matchLabels: {pod: a}}, ingress: [{ports: [{port: 81, protocol: UDP}]}]}")],
        &["!UDP 81: * -> x/a"],
    ),
    case(
        "41",
        "a namespace by the label of its name",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}}, ingress: [{from:
              [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: y}}}]}]}",
        )],
        &["*: x,z -> x/a"],
    ),
    case(
        "42",
        "egress to all namespaces but one, by the label of its name",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to: [{namespaceSelector:
              {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [y]}]}}]}]}",
        )],
        &["*: x/a -> y"],
    ),
    case("43", "deny ingress, over UDP", &[("x", DENY_INGRESS)], &["*: * -> x"]),
    case(
        "44",
        "one port, over UDP",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}}, ingress: [{from:
              [{namespaceSelector: {matchLabels: {ns: y}}}], ports: [{port: 81, protocol: UDP}]}]}",
        )],
        &["UDP 81: x,z -> x/a", "!UDP 81: * -> x/a"],
    ),
    case("45", "one pod of another namespace, over UDP", &[("x", A_TO_Y_A)], &["*: x/a -> !y/a"]),
    case("46", "deny ingress, over SCTP", &[("x", DENY_INGRESS)], &["*: * -> x"]),
    case(
        "47",
        "one port, over SCTP",
        &[(
            "x",
            "{podSelector: {matchLabels: {pod: a}}, ingress: [{from:
              [{namespaceSelector: {matchLabels: {ns: y}}}], ports: [{port: 81, protocol: SCTP}]}]}",
        )],
        &["SCTP 81: x,z -> x/a", "!SCTP 81: * -> x/a"],
    ),
    case("48", "one pod of another namespace, over SCTP", &[("x", A_TO_Y_A)], &["*: x/a -> !y/a"]),
];
