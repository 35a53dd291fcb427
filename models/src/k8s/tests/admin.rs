//! Cluster-wide policies: one row per rule of validation, and which text each finding points at.

use super::super::testing::{decode_all, summary};
use super::super::{
    AdminAction, AdminKind, AdminPeer, AdminPolicy, AdminPort, AdminTier, Decoded, Object, Policy,
};
use crate::diagnostic::Finding;
use crate::space::Protocol;

const CNP: &str = "policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: it}";
const ANP: &str = "policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {name: it}";
const BANP: &str =
    "policy.networking.k8s.io/v1alpha1, kind: BaselineAdminNetworkPolicy, metadata: {name: default}";

fn object(head: &str, spec: &str) -> String {
    format!("{{apiVersion: {head}, spec: {spec}}}")
}

/// A policy whose fields but for the given ones are in order.
fn policy(head: &str, rest: &str) -> String {
    let given = match head {
        CNP => "tier: Admin, priority: 5, subject: {namespaces: {}}",
        ANP => "priority: 5, subject: {namespaces: {}}",
        _ => "subject: {namespaces: {}}",
    };
    object(head, &format!("{{{given}, {rest}}}"))
}

fn egress(head: &str, rule: &str) -> String {
    policy(head, &format!("egress: [{rule}]"))
}

/// An egress rule to a peer.
fn to(head: &str, peer: &str) -> String {
    egress(head, &format!("{{action: {}, to: [{peer}]}}", accept(head)))
}

/// An ingress rule from a peer.
fn from(head: &str, peer: &str) -> String {
    policy(head, &format!("ingress: [{{action: {}, from: [{peer}]}}]", accept(head)))
}

/// An egress rule with ports.
fn over(head: &str, ports: &str) -> String {
    let name = if head == CNP { "protocols" } else { "ports" };
    egress(head, &format!("{{action: {}, to: [{{namespaces: {{}}}}], {name}: {ports}}}", accept(head)))
}

fn accept(head: &str) -> &str {
    if head == CNP { "Accept" } else { "Allow" }
}

fn decode(text: &str) -> Decoded {
    decode_all(text).remove(0)
}

#[track_caller]
fn accepted(text: &str) -> AdminPolicy {
    let decoded = decode(text);
    assert_eq!(decoded.findings, [], "{text}");
    admin(decoded)
}

#[track_caller]
fn admin(decoded: Decoded) -> AdminPolicy {
    match decoded.object {
        Some(Object::Policy(Policy::Admin(policy))) => *policy,
        other => panic!("{other:?}"),
    }
}

fn says(finding: &Finding) -> String {
    format!("{} | {}", finding.message, finding.help.join(" | "))
}

/// Compares rule and place of every finding, and the texts that they must hold; the policy is left out.
#[track_caller]
fn refused(text: &str, wanted: &[(&str, &str, &str)]) {
    let decoded = decode(text);
    let found = summary(text, &decoded.findings);
    let places: Vec<(&str, &str)> = wanted.iter().map(|(rule, place, _)| (*rule, *place)).collect();
    assert_eq!(found, places, "{text}\n{:#?}", decoded.findings);
    assert!(decoded.object.is_none(), "an invalid policy takes no part: {text}");
    for (finding, (_, _, wanted)) in decoded.findings.iter().zip(wanted) {
        assert!(says(finding).contains(wanted), "`{wanted}` in `{}`", says(finding));
        assert!(!finding.incomplete);
    }
}

#[track_caller]
fn invalid(text: &str, place: &str, says: &str) {
    refused(text, &[("invalid-policy", place, says)]);
}

#[test]
fn everything_that_a_policy_can_say() {
    let policy = accepted(
        "apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: it}
spec:
  tier: Baseline
  priority: 1000
  subject: {pods: {podSelector: {matchLabels: {app: web}}}}
  ingress:
    - name: a name
      action: Deny
      from:
        - namespaces: {matchLabels: {team: a}}
        - pods: {namespaceSelector: {matchLabels: {team: b}}, podSelector: {}}
  egress:
    - action: Accept
      to:
        - nodes: {matchLabels: {zone: a}}
        - networks: [10.1.2.3/8, 'fd00::/8']
        - domainNames: ['*.Example.com', example.com.]
      protocols:
        - tcp: {destinationPort: {number: 80}}
        - udp: {destinationPort: {range: {start: 1, end: 65535}}}
        - sctp: {destinationPort: {number: 7}}
    - action: Pass
      to: [{namespaces: {}}]
      protocols: [{destinationNamedPort: web}]
status: {conditions: []}
",
    );
    assert_eq!((policy.kind, policy.tier), (AdminKind::Cluster, AdminTier::Baseline));
    assert_eq!(policy.priority.unwrap().value, 1000);
    assert_eq!((policy.meta.namespace.as_ref(), policy.meta.name.value.as_ref()), ("", "it"));
    // S-63
    assert!(policy.subject.value.namespaces.is_everything());
    assert_eq!(policy.subject.value.pods.to_string(), "app=web");
    let rule = &policy.ingress[0];
    assert_eq!((rule.name.as_deref(), rule.action), (Some("a name"), AdminAction::Deny));
    let AdminPeer::Pods(pods) = &rule.peers[0].value else { panic!() };
    assert_eq!((pods.namespaces.to_string().as_str(), pods.pods.is_everything()), ("team=a", true));
    let AdminPeer::Pods(pods) = &rule.peers[1].value else { panic!() };
    assert_eq!(pods.namespaces.to_string(), "team=b");
    assert!(rule.ports.is_empty());
    let rule = &policy.egress[0];
    assert_eq!(rule.action, AdminAction::Accept);
    let AdminPeer::Nodes(nodes) = &rule.peers[0].value else { panic!() };
    assert_eq!(nodes.to_string(), "zone=a");
    let AdminPeer::Networks(networks) = &rule.peers[1].value else { panic!() };
    let networks: Vec<String> = networks.iter().map(|network| network.value.to_string()).collect();
    assert_eq!(networks, ["10.0.0.0/8", "fd00::/8"]);
    let AdminPeer::DomainNames(domains) = &rule.peers[2].value else { panic!() };
    let domains: Vec<&str> = domains.iter().map(|domain| &*domain.value).collect();
    assert_eq!(domains, ["*.example.com", "example.com"]);
    let ports: Vec<&AdminPort> = rule.ports.iter().map(|port| &port.value).collect();
    let wanted = [
        AdminPort::Numbers(Protocol::Tcp, 80..=80),
        AdminPort::Numbers(Protocol::Udp, 1..=65535),
        AdminPort::Numbers(Protocol::Sctp, 7..=7),
    ];
    assert_eq!(ports, wanted.iter().collect::<Vec<_>>());
    assert_eq!(policy.egress[1].action, AdminAction::Pass);
    assert_eq!(policy.egress[1].ports[0].value, AdminPort::Name("web".into()));
}

#[test]
fn the_predecessors() {
    let ports = "[{portNumber: {port: 80}}, {portNumber: {protocol: SCTP, port: 7}}, {namedPort: web},
        {portRange: {start: 5, end: 9}}, {portRange: {protocol: UDP, start: 5, end: 5}}]";
    for (head, kind, tier) in
        [(ANP, AdminKind::Admin, AdminTier::Admin), (BANP, AdminKind::Baseline, AdminTier::Baseline)]
    {
        let policy = accepted(&over(head, ports));
        assert_eq!((policy.kind, policy.tier), (kind, tier));
        assert_eq!(policy.priority.map(|priority| priority.value), (head == ANP).then_some(5));
        let rule = &policy.egress[0];
        assert_eq!(rule.action, AdminAction::Accept);
        let found: Vec<AdminPort> = rule.ports.iter().map(|port| port.value.clone()).collect();
        // S-68: the protocol left out is TCP.
        let wanted = [
            AdminPort::Numbers(Protocol::Tcp, 80..=80),
            AdminPort::Numbers(Protocol::Sctp, 7..=7),
            AdminPort::Name("web".into()),
            AdminPort::Numbers(Protocol::Tcp, 5..=9),
            AdminPort::Numbers(Protocol::Udp, 5..=5),
        ];
        assert_eq!(found, wanted);
    }
    let pass = accepted(
        &egress(ANP, "{action: Pass, to: [{domainNames: [a.b]}, {nodes: {}}]}").replace("Pass", "Allow"),
    );
    assert_eq!(pass.egress[0].peers.len(), 2);
    accepted(&policy(BANP, "egress: null, ingress: []"));
}

#[test]
fn the_frame_of_a_policy() {
    let cnp = |spec: &str| object(CNP, spec);
    invalid(
        "{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {name: it}}",
        "it",
        "no `spec`",
    );
    let subject = "subject: {namespaces: {}}";
    invalid(&cnp(&format!("{{priority: 1, {subject}}}")), "spec", "`tier: Admin` or `tier: Baseline`");
    invalid(&cnp(&format!("{{tier: Admin, {subject}}}")), "spec", "no `priority`");
    invalid(&cnp("{tier: Admin, priority: 0}"), "spec", "no `subject`");
    refused(
        &cnp("{}"),
        &[
            ("invalid-policy", "spec", "`tier`"),
            ("invalid-policy", "spec", "`priority`"),
            ("invalid-policy", "spec", "`subject`"),
        ],
    );
    invalid(&cnp(&format!("{{tier: admin, priority: 0, {subject}}}")), "admin", "did you mean `Admin`");
    for (tier, place) in [("Network", "Network"), ("''", "''")] {
        invalid(&cnp(&format!("{{tier: {tier}, priority: 0, {subject}}}")), place, "`Admin` and `Baseline`");
    }
    for bad in ["-1", "1001", "70000", "99999999999"] {
        invalid(&cnp(&format!("{{tier: Admin, priority: {bad}, {subject}}}")), bad, "from 0 to 1000");
    }
    refused(
        &cnp(&format!("{{tier: Admin, priority: '5', {subject}}}")),
        &[("wrong-type", "'5'", "without quotes")],
    );
    refused(
        &object(ANP, &format!("{{tier: Admin, priority: 5, {subject}}}")),
        &[("unknown-field", "tier", "only ClusterNetworkPolicy has a tier")],
    );
    refused(
        &object(BANP, &format!("{{priority: 5, {subject}}}")),
        &[("unknown-field", "priority", "there is only one")],
    );
    refused(
        &object(CNP, &format!("{{tier: Admin, priority: 5, {subject}, policyTypes: [Ingress]}}")),
        &[("unknown-field", "policyTypes", "leave it out")],
    );
    for (text, place, wanted) in [
        (policy(BANP, "ingress: []").replace("name: default", "name: other"), "other", "named `default`"),
        (policy(BANP, "ingress: []").replace("name: default", "generateName: default"), "default", "named"),
        (policy(CNP, "ingress: []").replace("name: it", "name: It"), "It", "lower-case"),
    ] {
        let decoded = decode(&text);
        assert_eq!(summary(&text, &decoded.findings), [("invalid-policy", place)]);
        assert!(says(&decoded.findings[0]).contains(wanted));
        assert!(decoded.object.is_some(), "under whatever name, the policy says what it says");
    }
}

#[test]
fn subjects() {
    let cnp = |subject: &str| object(CNP, &format!("{{tier: Admin, priority: 5, subject: {subject}}}"));
    let anp = |subject: &str| object(ANP, &format!("{{priority: 5, subject: {subject}}}"));
    for subject in ["{}", "{namespaces: null}", "{pods: null, namespaces: null}"] {
        invalid(&cnp(subject), subject, "write `namespaces: {}`");
    }
    let both = "{namespaces: {}, pods: {namespaceSelector: {}, podSelector: {}}}";
    invalid(&cnp(both), "pods", "both `namespaces` and `pods`");
    // Errors that leave no doubt about the meaning: the policy stays in.
    for (text, place, wanted) in [
        (anp("{pods: {podSelector: {}}}"), "{podSelector: {}}", "write `namespaceSelector: {}`"),
        (cnp("{pods: {namespaceSelector: {}}}"), "{namespaceSelector: {}}", "write `podSelector: {}`"),
        (to(ANP, "{pods: {namespaceSelector: {}}}"), "{namespaceSelector: {}}", "write `podSelector: {}`"),
    ] {
        let decoded = decode(&text);
        assert_eq!(summary(&text, &decoded.findings), [("invalid-policy", place)]);
        assert!(says(&decoded.findings[0]).contains(wanted) && !decoded.findings[0].incomplete);
        assert!(admin(decoded).subject.value.pods.is_everything());
    }
    invalid(
        &cnp("{namespaces: {matchExpressions: [{key: a, operator: In}]}}"),
        "{key: a, operator: In}",
        "at least one value",
    );
    refused(&cnp("[]"), &[("wrong-type", "[]", "not a mapping")]);
    // Fields of earlier versions, which a server that prunes them would read as "all namespaces".
    for (subject, field, says) in [
        ("{namespaceSelector: {matchLabels: {a: b}}}", "namespaceSelector", "write `namespaces:`"),
        ("{podSelector: {matchLabels: {a: b}}}", "podSelector", "write `pods:"),
        ("{namespaceAndPodSelector: {podSelector: {}}}", "namespaceAndPodSelector", "it became `pods:"),
        ("{namespaces: {namespaceSelector: {}}}", "namespaceSelector", "right below"),
        ("{namespaces: {notSelf: true}}", "notSelf", "relative to the subject"),
        ("{namespaces: {sameLabels: [team]}}", "sameLabels", "relative to the subject"),
        ("{pods: {namespaces: {}, podSelector: {}}}", "namespaces", "it became `namespaceSelector`"),
        ("{pods: {matchLabels: {}}}", "matchLabels", "write `podSelector:`"),
    ] {
        refused(&cnp(subject), &[("unknown-field", field, says)]);
        refused(&anp(subject), &[("unknown-field", field, says)]);
    }
}

#[test]
fn rules() {
    for head in [CNP, ANP, BANP] {
        let word = accept(head);
        let peer = "to: [{namespaces: {}}]";
        invalid(&egress(head, &format!("{{{peer}}}")), &format!("{{{peer}}}"), "no `action`");
        let rule = format!("{{action: {word}}}");
        invalid(&egress(head, &rule), &rule, "no `to`");
        let rule = format!("{{action: {word}, to: null}}");
        invalid(&egress(head, &rule), &rule, "no `to`");
        invalid(&egress(head, &format!("{{action: {word}, to: []}}")), "[]", "`to` is empty");
        invalid(&policy(head, &format!("ingress: [{{action: {word}, from: []}}]")), "[]", "`from` is empty");
        let rule = format!("{{action: {word}, from: [{{namespaces: {{}}}}]}}");
        refused(
            &egress(head, &rule),
            &[("invalid-policy", rule.as_str(), "no `to`"), ("unknown-field", "from", "are in `to`")],
        );
        let long = "ä".repeat(101);
        invalid(&egress(head, &format!("{{name: {long}, action: {word}, {peer}}}")), &long, "101 characters");
        accepted(&egress(head, &format!("{{name: {}, action: {word}, {peer}}}", "ä".repeat(100))));
        refused(&egress(head, "null"), &[("null-rule", "null", "an empty rule")]);
        refused(&egress(head, "5"), &[("wrong-type", "5", "not a mapping")]);
        refused(&policy(head, "egress: {}"), &[("wrong-type", "{}", "not a list")]);
    }
    let rule =
        |head, action: &str| egress(head, &format!("{{action: {action}, to: [{{namespaces: {{}}}}]}}"));
    invalid(&rule(CNP, "Allow"), "Allow", "did you mean `Accept`?");
    invalid(&rule(CNP, "accept"), "accept", "did you mean `Accept`?");
    invalid(&rule(ANP, "Accept"), "Accept", "did you mean `Allow`?");
    invalid(&rule(ANP, "Drop"), "Drop", "did you mean `Deny`?");
    invalid(&rule(BANP, "Pass"), "Pass", "nothing comes after the baseline");
    invalid(&rule(CNP, "Log"), "Log", "`Accept`, `Deny` and `Pass`");
}

#[test]
fn numbers_of_entries() {
    let many = |count: usize, text: &str| vec![text; count].join(", ");
    for (head, limit) in [(CNP, 25), (ANP, 100), (BANP, 100)] {
        let rule = format!("{{action: {}, to: [{{namespaces: {{}}}}]}}", accept(head));
        accepted(&egress(head, &many(limit, &rule)));
        let says = format!("may have {limit}");
        invalid(&egress(head, &many(limit + 1, &rule)), &rule, &says);
        accepted(&to(head, &many(limit, "{namespaces: {}}")));
        invalid(&to(head, &many(limit + 1, "{namespaces: {}}")), "{namespaces: {}}", &says);
        let port = if head == CNP { "{destinationNamedPort: web}" } else { "{namedPort: web}" };
        accepted(&over(head, &format!("[{}]", many(limit, port))));
        invalid(&over(head, &format!("[{}]", many(limit + 1, port))), port, &says);
        let nets = |count: u32| -> String {
            let nets: Vec<String> = (0..count).map(|number| format!("10.0.{number}.0/24")).collect();
            format!("{{networks: [{}]}}", nets.join(", "))
        };
        accepted(&to(head, &nets(25)));
        invalid(&to(head, &nets(26)), "10.0.25.0/24", "may have 25");
    }
}

#[test]
fn peers() {
    for head in [CNP, ANP, BANP] {
        let both = "{networks: [10.0.0.0/8], namespaces: {}}";
        invalid(&to(head, both), "namespaces", "both `networks` and `namespaces`");
        refused(&to(head, "null"), &[("null-rule", "null", "an empty peer")]);
        refused(&to(head, "a"), &[("wrong-type", "a", "not a mapping")]);
        for (network, says) in [
            ("10.0.0.1", "write `10.0.0.1/32`"),
            ("10.0.0.0/33", "from 0 to 32"),
            ("'::ffff:10.0.0.0/104'", "IPv6 notation"),
            ("''", "block of addresses"),
        ] {
            invalid(&to(head, &format!("{{networks: [{network}]}}")), network, says);
        }
        invalid(&to(head, "{networks: []}"), "[]", "is empty");
        invalid(&to(head, "{networks: [10.0.0.0/8, 10.0.0.0/8]}"), "10.0.0.0/8", "there twice");
        refused(&to(head, "{networks: 10.0.0.0/8}"), &[("wrong-type", "10.0.0.0/8", "not a list")]);
        refused(&to(head, "{networks: [null]}"), &[("null-rule", "null", "an empty text")]);
        accepted(&to(
            head,
            "{networks: [10.1.2.3/8, '::/0']}, {nodes: {matchExpressions: [{key: a, operator: Exists}]}}",
        ));
        refused(
            &to(head, "{namespaces: {}, ipBlock: {cidr: 10.0.0.0/8}}"),
            &[("unknown-field", "ipBlock", "write `networks:`")],
        );
        refused(
            &to(head, "{namespaces: {notSameLabels: [a]}}"),
            &[("unknown-field", "notSameLabels", "relative to the subject")],
        );
    }
    for head in [CNP, ANP] {
        for domain in ["com", "'*'", "a.*.com", "https://a.com", "a b.com"] {
            invalid(&to(head, &format!("{{domainNames: [{domain}]}}")), domain, "");
        }
        invalid(&to(head, "{domainNames: []}"), "[]", "is empty");
    }
    // v1beta1 refuses host bits.
    let beta = to(CNP, "{networks: [10.1.2.3/8]}").replace("v1alpha2", "v1beta1");
    invalid(&beta, "10.1.2.3/8", "write `10.0.0.0/8`");
    accepted(&to(CNP, "{networks: [10.0.0.0/8]}").replace("v1alpha2", "v1beta1"));
}

/// S-67.
#[test]
fn a_peer_without_a_known_field_stays_in_the_policy_and_makes_it_incomplete() {
    for head in [CNP, ANP, BANP] {
        for (text, rule, place, hint) in [
            (to(head, "{}"), "invalid-policy", "{}", "the peer is empty"),
            (to(head, "{namespaces: null}"), "invalid-policy", "{namespaces: null}", "the peer is empty"),
            (to(head, "{serviceAccounts: {}}"), "unknown-field", "serviceAccounts", "no field"),
            (to(head, "{namespacedPods: {}}"), "unknown-field", "namespacedPods", "it became `pods:"),
            (to(head, "{domains: [a.b]}"), "unknown-field", "domains", "it became `domainNames`"),
            (from(head, "{}"), "invalid-policy", "{}", "the peer is empty"),
            (from(head, "{networks: [10.0.0.0/8]}"), "unknown-field", "networks", "only the peers of egress"),
            (from(head, "{nodes: {}}"), "unknown-field", "nodes", "only the peers of egress"),
        ] {
            let decoded = decode(&text);
            assert_eq!(summary(&text, &decoded.findings), [(rule, place)], "{text}");
            let finding = &decoded.findings[0];
            assert!(finding.incomplete && says(finding).contains(hint), "{}", says(finding));
            assert!(says(finding).contains("matches nothing"), "{}", says(finding));
            let policy = admin(decoded);
            let rule = policy.ingress.iter().chain(&policy.egress).next().unwrap();
            assert_eq!(rule.peers[0].value, AdminPeer::Unknown);
        }
    }
    let decoded = decode(&to(BANP, "{domainNames: [a.b]}"));
    assert!(says(&decoded.findings[0]).contains("only egress rules of ClusterNetworkPolicy"));
    assert!(decoded.findings[0].incomplete);
    // Other errors still take the policy out.
    let decoded = decode(&to(CNP, "{}, {networks: [10.0.0.0]}"));
    assert_eq!((decoded.findings.len(), decoded.object), (2, None));
}

#[test]
fn domains_have_no_meaning_in_a_denial() {
    for (head, action) in [(CNP, "Deny"), (CNP, "Pass"), (ANP, "Deny")] {
        let text = egress(head, &format!("{{action: {action}, to: [{{domainNames: [a.b]}}]}}"));
        let decoded = decode(&text);
        assert_eq!(summary(&text, &decoded.findings), [("unsupported-policy", "{domainNames: [a.b]}")]);
        assert!(decoded.findings[0].incomplete);
        assert_eq!(admin(decoded).egress[0].peers.len(), 1);
    }
}

#[test]
fn protocols() {
    let tcp = |port: &str| over(CNP, &format!("[{{tcp: {port}}}]"));
    for (text, place, says) in [
        (over(CNP, "[]"), "[]", "leave it out"),
        (over(CNP, "[{}]"), "{}", "is empty"),
        (over(CNP, "[{tcp: {}}]"), "{}", "{start: 1, end: 65535}"),
        (over(CNP, "[{udp: {destinationPort: null}}]"), "{destinationPort: null}", "is empty"),
        (tcp("{destinationPort: {}}"), "{}", "is empty"),
        (tcp("{destinationPort: {number: 0}}"), "0", "from 1 to 65535"),
        (tcp("{destinationPort: {number: 65536}}"), "65536", "from 1 to 65535"),
        (
            tcp("{destinationPort: {number: 5, range: {start: 1, end: 2}}}"),
            "range",
            "both `number` and `range`",
        ),
        (tcp("{destinationPort: {range: {start: 2, end: 2}}}"), "2", "write `number: 2`"),
        (tcp("{destinationPort: {range: {start: 3, end: 2}}}"), "2", "below"),
        (tcp("{destinationPort: {range: {start: 3}}}"), "{start: 3}", "no `end`"),
        (tcp("{destinationPort: {range: {end: 3}}}"), "{end: 3}", "no `start`"),
        (
            over(CNP, "[{tcp: {destinationPort: {number: 5}}, destinationNamedPort: web}]"),
            "destinationNamedPort",
            "both `tcp` and",
        ),
        (over(CNP, "[{destinationNamedPort: '80'}]"), "'80'", "destinationPort"),
        (over(CNP, "[{destinationNamedPort: WEB}]"), "WEB", "write `web`"),
        (over(CNP, "[{destinationNamedPort: ''}]"), "''", "must not be empty"),
    ] {
        invalid(&text, place, says);
    }
    for (text, rule, place, says) in [
        (over(CNP, "{}"), "wrong-type", "{}", "not a list"),
        (over(CNP, "[null]"), "null-rule", "null", "an empty entry"),
        (over(CNP, "[tcp]"), "wrong-type", "tcp", "not a mapping"),
        (tcp("80"), "wrong-type", "80", "not a mapping"),
        (tcp("{destinationPort: 80}"), "wrong-type", "80", "not a mapping"),
        (tcp("{destinationPort: {number: '80'}}"), "wrong-type", "'80'", "without quotes"),
        (tcp("{port: 80}"), "unknown-field", "port", "`destinationPort`"),
        (over(CNP, "[{portNumber: {port: 80}}]"), "unknown-field", "portNumber", "it became `tcp:"),
        (over(CNP, "[{namedPort: web}]"), "unknown-field", "namedPort", "`destinationNamedPort`"),
    ] {
        refused(&text, &[(rule, place, says)]);
    }
    let rule = "{action: Accept, to: [{namespaces: {}}], ports: []}";
    refused(&egress(CNP, rule), &[("unknown-field", "ports", "has `protocols`")]);
}

#[test]
fn ports() {
    for head in [ANP, BANP] {
        for (ports, place, says) in [
            ("[]", "[]", "leave it out"),
            ("[{}]", "{}", "is empty"),
            ("[{portNumber: {}}]", "{}", "no `port`"),
            ("[{portNumber: {protocol: TCP}}]", "{protocol: TCP}", "no `port`"),
            ("[{portNumber: {protocol: tcp, port: 80}}]", "tcp", "write `TCP`"),
            ("[{portNumber: {port: 0}}]", "0", "from 1 to 65535"),
            ("[{portRange: {start: 3, end: 2}}]", "2", "below"),
            ("[{portRange: {start: 3}}]", "{start: 3}", "no `end`"),
            ("[{portNumber: {port: 80}, namedPort: web}]", "namedPort", "both `portNumber` and"),
            ("[{namedPort: '80'}]", "'80'", "`portNumber`"),
        ] {
            invalid(&over(head, ports), place, says);
        }
        for (ports, rule, place, says) in [
            ("[{port: 80}]", "unknown-field", "port", "write `portNumber:"),
            ("[{allPorts: true}]", "unknown-field", "allPorts", "leave `ports` out"),
            ("{allPorts: true}", "wrong-type", "{allPorts: true}", "leave the field out"),
            ("{list: [{port: 80}]}", "wrong-type", "{list: [{port: 80}]}", "write a list"),
            ("[{tcp: {}}]", "unknown-field", "tcp", "write `portNumber:"),
        ] {
            refused(&over(head, ports), &[(rule, place, says)]);
        }
        let rule = "{action: Allow, to: [{namespaces: {}}], protocols: []}";
        refused(&egress(head, rule), &[("unknown-field", "protocols", "has `ports`")]);
    }
}

#[test]
fn only_pods_have_named_ports() {
    for (head, ports) in
        [(CNP, "protocols: [{destinationNamedPort: web}]"), (ANP, "ports: [{namedPort: web}]")]
    {
        let place = if head == CNP { "{destinationNamedPort: web}" } else { "{namedPort: web}" };
        for peer in ["{networks: [10.0.0.0/8]}", "{nodes: {}}", "{domainNames: [a.b]}"] {
            let rule = format!("{{action: {}, to: [{{namespaces: {{}}}}, {peer}], {ports}}}", accept(head));
            invalid(&egress(head, &rule), place, "have no named ports");
        }
    }
}

#[test]
fn every_violation_has_its_own_finding() {
    let text = policy(
        CNP,
        "ingress: [{action: Allow, from: []}, {name: x, from: [{namespaces: {}}]}], egress: [{action: Deny, to: [
          {networks: [10.0.0.0]}], protocols: [{tcp: {destinationPort: {number: 0}}}]}]",
    );
    refused(
        &text,
        &[
            ("invalid-policy", "Allow", "Accept"),
            ("invalid-policy", "[]", "empty"),
            ("invalid-policy", "{name: x, from: [{namespaces: {}}]}", "no `action`"),
            ("invalid-policy", "10.0.0.0", "/32"),
            ("invalid-policy", "0", "65535"),
        ],
    );
}

#[test]
fn versions_that_npv_does_not_know_make_the_answer_incomplete() {
    for (version, kind) in
        [("v1", "ClusterNetworkPolicy"), ("v1alpha1", "ClusterNetworkPolicy"), ("v1", "AdminNetworkPolicy")]
    {
        let text =
            policy(CNP, "ingress: []").replace("v1alpha2", version).replace("ClusterNetworkPolicy", kind);
        let decoded = decode(&text);
        assert_eq!(
            decoded.findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(),
            ["unsupported-policy"]
        );
        assert!(decoded.findings[0].incomplete);
    }
}
