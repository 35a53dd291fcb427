//! What NetworkPolicies mean once their defaults are spelt out.

use std::fmt::Write as _;

use super::{lower, lower_all};
use crate::k8s::testing::{inventory, slice, span_of};
use crate::policy::{
    Action, Direction, Isolation, Mode, NamespaceSelector, NoMatch, PeerMatch, Peers, PodSelector, Policy,
    PolicySet, PortMatch, Ports,
};

fn policies(text: &str) -> PolicySet {
    lower(&inventory(text))
}

fn with_spec(spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: it, namespace: shop}}\nspec: {spec}\n"
    )
}

fn only(set: &PolicySet) -> &Policy {
    let mut all = set.policies();
    let (layer, tier, policy) = all.next().unwrap();
    assert!(all.next().is_none());
    assert_eq!((&*layer.name, &*tier.name), ("CNI", "NetworkPolicy"));
    assert_eq!((tier.mode, policy.isolation, tier.no_match), (Mode::Union, Isolation::BOTH, NoMatch::Deny));
    policy
}

fn pods(selector: &PodSelector) -> String {
    match &selector.namespaces {
        NamespaceSelector::Named(name) => format!("{name}/{}", selector.pods),
        NamespaceSelector::Labels(labels) => format!("[{labels}]/{}", selector.pods),
    }
}

/// Rules of one direction in one line: peers, `:`, ports; `-` where the policy does not speak of it.
fn rules(policy: &Policy, direction: Direction) -> String {
    let Some(rules) = policy.rules(direction) else { return "-".into() };
    let mut text = String::new();
    for rule in rules {
        assert_eq!(rule.action, Action::Allow);
        let peers = match &rule.peers {
            Peers::Anyone => "anyone".to_owned(),
            Peers::Listed(peers) => {
                let peer = |peer: &crate::policy::Peer| match &peer.matches {
                    PeerMatch::Pods(selector) => pods(selector),
                    PeerMatch::Block { cidr, except } => format!("{cidr} except {except:?}"),
                    other => panic!("{other:?}"),
                };
                peers.iter().map(peer).collect::<Vec<_>>().join(" | ")
            }
        };
        let ports = match &rule.ports {
            Ports::All => "all".to_owned(),
            Ports::Listed(ports) => {
                let port = |port: &crate::policy::PortItem| match &port.matches {
                    PortMatch::Numbers(traffic) => traffic.to_string(),
                    PortMatch::Named { protocol, name } => format!("{} {name}", protocol.unwrap()),
                };
                ports.iter().map(port).collect::<Vec<_>>().join(" | ")
            }
        };
        write!(text, "({peers}: {ports})").unwrap();
    }
    text
}

#[test]
fn policy_types_are_defaulted_and_select_the_rules_in_effect() {
    // S-1, S-2, S-6
    for (spec, ingress, egress, inert) in [
        ("{}", "", "-", &[][..]),
        ("{ingress: null, egress: null}", "", "-", &[]),
        ("{ingress: [{}]}", "(anyone: all)", "-", &[]),
        ("{egress: []}", "", "-", &[(Direction::Egress, 0, false)]),
        ("{egress: [{}]}", "", "(anyone: all)", &[]),
        ("{policyTypes: [], egress: [{}]}", "", "(anyone: all)", &[]),
        ("{policyTypes: [Ingress]}", "", "-", &[]),
        ("{policyTypes: [Egress]}", "-", "", &[]),
        ("{policyTypes: [Egress, Ingress]}", "", "", &[]),
        ("{policyTypes: [Ingress], egress: [{}, {}]}", "", "-", &[(Direction::Egress, 2, true)]),
        ("{policyTypes: [Ingress], egress: []}", "", "-", &[(Direction::Egress, 0, true)]),
        (
            "{policyTypes: [Egress], ingress: [{}], egress: [{}]}",
            "-",
            "(anyone: all)",
            &[(Direction::Ingress, 1, true)],
        ),
    ] {
        let text = with_spec(spec);
        let set = policies(&text);
        let policy = only(&set);
        assert_eq!(rules(policy, Direction::Ingress), ingress, "{spec}");
        assert_eq!(rules(policy, Direction::Egress), egress, "{spec}");
        let found: Vec<_> = policy
            .inert
            .iter()
            .map(|inert| (inert.direction, inert.rules, inert.types_span.is_some()))
            .collect();
        assert_eq!(found, inert, "{spec}");
        for inert in &policy.inert {
            assert_eq!(&*inert.provenance.path, format!("spec.{}", inert.direction));
            assert!(slice(&text, inert.provenance.span).starts_with('['));
        }
    }
}

#[test]
fn peers_and_ports_mean_what_the_semantics_say() {
    for (rule, wanted) in [
        // S-7, S-8
        ("{}", "(anyone: all)"),
        ("{from: [], ports: []}", "(anyone: all)"),
        ("{from: null, ports: null}", "(anyone: all)"),
        // S-11, S-12, S-13
        ("{from: [{podSelector: {}}]}", "(shop/{}: all)"),
        ("{from: [{namespaceSelector: {}}]}", "([{}]/{}: all)"),
        (
            "{from: [{namespaceSelector: {matchLabels: {a: b}}, podSelector: {matchLabels: {c: d}}}]}",
            "([a=b]/c=d: all)",
        ),
        (
            "{from: [{namespaceSelector: {matchLabels: {a: b}}}, {podSelector: {matchLabels: {c: d}}}]}",
            "([a=b]/{} | shop/c=d: all)",
        ),
        // S-45
        ("{from: [{namespaceSelector: null, podSelector: {}}]}", "(shop/{}: all)"),
        // S-43, S-44
        (
            "{from: [{podSelector: {matchLabels: {a: ''}, matchExpressions: [{key: b, operator: NotIn, values: [z, x, x]}, {key: c, operator: DoesNotExist}]}}]}",
            "(shop/a=,b notin (x, z),!c: all)",
        ),
        // S-17, S-18, S-19
        (
            "{from: [{ipBlock: {cidr: 10.1.2.3/8, except: [10.9.0.0/16]}}, {ipBlock: {cidr: '::/0'}}]}",
            "(10.0.0.0/8 except [10.9.0.0/16] | ::/0 except []: all)",
        ),
        // S-20, S-21, S-22, S-28
        ("{ports: [{port: 80}, {port: 1, endPort: 9, protocol: UDP}]}", "(anyone: TCP 80 | UDP 1-9)"),
        ("{ports: [{}, {protocol: SCTP}]}", "(anyone: TCP all | SCTP all)"),
        ("{ports: [{port: 80, endPort: 80}, {port: 65535}]}", "(anyone: TCP 80 | TCP 65535)"),
        // S-24
        ("{ports: [{port: http}, {port: dns, protocol: UDP}]}", "(anyone: TCP http | UDP dns)"),
    ] {
        let set = policies(&with_spec(&format!("{{ingress: [{rule}]}}")));
        assert_eq!(rules(only(&set), Direction::Ingress), wanted, "{rule}");
        let egress = rule.replace("from:", "to:");
        let set = policies(&with_spec(&format!("{{policyTypes: [Egress], egress: [{egress}]}}")));
        assert_eq!(rules(only(&set), Direction::Egress), wanted, "{rule}");
    }
}

#[test]
fn subjects_are_in_the_policys_own_namespace() {
    // S-10, S-46
    for (spec, wanted) in [
        ("{}", "shop/{}"),
        ("{podSelector: null}", "shop/{}"),
        ("{podSelector: {}}", "shop/{}"),
        ("{podSelector: {matchLabels: {a: b}}}", "shop/a=b"),
    ] {
        let set = policies(&with_spec(spec));
        assert_eq!(pods(&only(&set).subject), wanted);
    }
    let text = with_spec("{}").replace(", namespace: shop", "");
    let set = policies(&text);
    assert_eq!(pods(&only(&set).subject), "default/{}");
    assert_eq!(only(&set).subject_span, span_of(&text, "it"));
}

#[test]
fn everything_has_its_place() {
    let text = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web
  namespace: shop
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress, Egress]
  ingress:
    - {}
    - from:
        - podSelector: {matchLabels: {app: a}}
        - {ipBlock: {cidr: 10.0.0.0/8}}
      ports:
        - {port: 80}
        - {port: http}
  egress:
    - to: [{namespaceSelector: {}}]
";
    let set = policies(text);
    let policy = only(&set);
    assert_eq!(policy.object.to_string(), "NetworkPolicy/shop/web");
    assert_eq!(slice(text, policy.name_span), "web");
    assert_eq!(policy.subject_span, span_of(text, "{matchLabels: {app: web}}"));
    let rule = &policy.ingress.as_ref().unwrap()[1];
    let (Peers::Listed(peers), Ports::Listed(ports)) = (&rule.peers, &rule.ports) else { panic!() };
    let egress = &policy.egress.as_ref().unwrap()[0];
    let Peers::Listed(to) = &egress.peers else { panic!() };
    let places: Vec<(&str, &str)> = [
        &rule.provenance,
        &peers[0].provenance,
        &peers[1].provenance,
        &ports[1].provenance,
        &egress.provenance,
        &to[0].provenance,
    ]
    .iter()
    .map(|provenance| (&*provenance.path, slice(text, provenance.span)))
    .collect();
    assert_eq!(
        places,
        [
            ("spec.ingress[1]", "from:"),
            ("spec.ingress[1].from[0]", "podSelector: {matchLabels: {app: a}}"),
            ("spec.ingress[1].from[1]", "{ipBlock: {cidr: 10.0.0.0/8}}"),
            ("spec.ingress[1].ports[1]", "{port: http}"),
            ("spec.egress[0]", "to: [{namespaceSelector: {}}]"),
            ("spec.egress[0].to[0]", "{namespaceSelector: {}}"),
        ]
    );
}

#[test]
fn policies_are_in_the_order_of_namespace_and_name() {
    let policy = |namespace: &str, name: &str| {
        with_spec("{}").replace("name: it", &format!("name: {name}")).replace("shop", namespace)
    };
    let text = [policy("b", "a"), policy("a", "b"), policy("a", "a")].join("---\n");
    let set = policies(&text);
    let names: Vec<String> = set.policies().map(|(_, _, policy)| policy.object.to_string()).collect();
    assert_eq!(names, ["NetworkPolicy/a/a", "NetworkPolicy/a/b", "NetworkPolicy/b/a"]);
    assert!(lower_all(&[]).layers.is_empty());
}
