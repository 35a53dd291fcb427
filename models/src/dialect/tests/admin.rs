//! What cluster-wide policies mean in the policy IR.

use super::{lower, lower_all};
use crate::k8s::testing::{decode_all, inventory, slice};
use crate::k8s::{Object, Policy as Decoded};
use crate::policy::{
    Action, Direction, Isolation, Mode, NamespaceSelector, NoMatch, PeerMatch, Peers, PolicySet, PortMatch,
    Ports, Priority, Rule,
};
use crate::space::Protocol;

fn cluster(name: &str, tier: &str, priority: u32, rest: &str) -> String {
    format!(
        "{{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {{name: {name}}},
          spec: {{tier: {tier}, priority: {priority}, subject: {{namespaces: {{}}}}, {rest}}}}}\n---\n"
    )
}

fn admin(name: &str, priority: u32, rest: &str) -> String {
    format!(
        "{{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {{name: {name}}},
          spec: {{priority: {priority}, subject: {{namespaces: {{}}}}, {rest}}}}}\n---\n"
    )
}

fn baseline(rest: &str) -> String {
    format!(
        "{{apiVersion: policy.networking.k8s.io/v1alpha1, kind: BaselineAdminNetworkPolicy, metadata: {{name: default}},
          spec: {{subject: {{namespaces: {{}}}}, {rest}}}}}\n---\n"
    )
}

const NETWORK_POLICY: &str = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: np}, spec: {podSelector: {}}}\n---\n";

fn policies(text: &str) -> PolicySet {
    lower(&inventory(text))
}

/// `tier: names in their order` of every tier.
fn order(set: &PolicySet) -> Vec<String> {
    let tiers = set.layers.iter().flat_map(|layer| &layer.tiers);
    let line = |tier: &crate::policy::Tier| {
        let names = tier.policies.iter().map(|policy| format!(" {}", policy.object.name));
        format!("{}:{}", tier.name, names.collect::<String>())
    };
    tiers.map(line).collect()
}

#[track_caller]
fn rule(set: &PolicySet) -> &Rule {
    let (_, _, policy) = set.policies().next().unwrap();
    let rules = policy.egress.as_deref().or(policy.ingress.as_deref()).unwrap();
    assert_eq!(rules.len(), 1);
    &rules[0]
}

const DENY: &str = "ingress: [{action: Deny, from: [{namespaces: {}}]}]";

#[test]
fn s60_s68_tiers_and_their_order() {
    let text: [&str; 10] = [
        &baseline(DENY),
        &cluster("low", "Baseline", 1000, DENY),
        &cluster("high", "Baseline", 0, DENY),
        NETWORK_POLICY,
        &cluster("c", "Admin", 7, DENY),
        &cluster("b", "Admin", 7, DENY),
        &cluster("last", "Admin", 20, DENY),
        &admin("z", 7, DENY),
        &admin("first", 0, DENY),
        &admin("between", 8, DENY),
    ];
    let set = policies(&text.concat());
    assert_eq!(
        order(&set),
        ["Admin: first z b c between last", "NetworkPolicy: np", "Baseline: high low default"]
    );
    let [layer] = set.layers.as_slice() else { panic!("one layer") };
    assert_eq!(&*layer.name, "CNI");
    for tier in [&layer.tiers[0], &layer.tiers[2]] {
        assert_eq!((tier.mode, tier.no_match, tier.pass), (Mode::FirstMatch, NoMatch::NextTier, None));
        assert!(tier.policies.iter().all(|policy| policy.isolation == Isolation::NONE));
    }
    assert_eq!(layer.tiers[1].mode, Mode::Union);
}

#[test]
fn cluster_scoped_policies_make_no_namespace() {
    let inventory = inventory(&cluster("it", "Admin", 1, DENY));
    assert!(inventory.cluster.namespaces.is_empty());
    let set = lower(&inventory);
    let (_, _, policy) = set.policies().next().unwrap();
    assert_eq!(policy.object.to_string(), "ClusterNetworkPolicy/it");
    assert_eq!(policy.priority, Priority::number(1));
}

#[test]
fn s63_subjects_and_peers_name_namespaces_by_label() {
    let text = cluster(
        "it",
        "Admin",
        1,
        "ingress: [{action: Deny, from: [{pods: {podSelector: {matchLabels: {a: b}}}}]}]",
    )
    .replace("subject: {namespaces: {}}", "subject: {namespaces: {matchLabels: {team: x}}}");
    let set = policies(&text);
    let (_, _, policy) = set.policies().next().unwrap();
    let NamespaceSelector::Labels(labels) = &policy.subject.namespaces else { panic!() };
    assert_eq!((labels.to_string().as_str(), policy.subject.pods.is_everything()), ("team=x", true));
    assert_eq!(slice(&text, policy.subject_span), "{namespaces: {matchLabels: {team: x}}}");
    assert_eq!(slice(&text, policy.name_span), "it");
    let Peers::Listed(peers) = &policy.ingress.as_ref().unwrap()[0].peers else { panic!() };
    let PeerMatch::Pods(pods) = &peers[0].matches else { panic!() };
    assert!(matches!(&pods.namespaces, NamespaceSelector::Labels(labels) if labels.is_everything()));
    assert_eq!(pods.pods.to_string(), "a=b");
    assert!(policy.egress.is_none());
}

#[test]
fn s66_empty_lists_say_nothing() {
    let set = policies(&cluster("it", "Admin", 1, "ingress: [], egress: null"));
    let (_, _, policy) = set.policies().next().unwrap();
    assert!(policy.rules(Direction::Ingress).is_none() && policy.rules(Direction::Egress).is_none());
}

#[test]
fn every_address_is_a_peer_of_its_own() {
    let text = cluster(
        "it",
        "Admin",
        1,
        "egress: [{name: out, action: Accept, to: [{nodes: {}}, {networks: [10.1.0.0/16, '::/0']}, {domainNames: [a.example.com]}]}]",
    );
    let set = policies(&text);
    let rule = rule(&set);
    assert_eq!((rule.name.as_deref(), rule.action), (Some("out"), Action::Allow));
    assert!(matches!(rule.ports, Ports::All));
    let Peers::Listed(peers) = &rule.peers else { panic!() };
    let shown: Vec<(String, &str)> = peers
        .iter()
        .map(|peer| (peer.provenance.path.to_string(), slice(&text, peer.provenance.span)))
        .collect();
    let wanted = [
        ("spec.egress[0].to[0]", "{nodes: {}}"),
        ("spec.egress[0].to[1].networks[0]", "10.1.0.0/16"),
        ("spec.egress[0].to[1].networks[1]", "'::/0'"),
        ("spec.egress[0].to[2].domainNames[0]", "a.example.com"),
    ];
    assert_eq!(shown, wanted.map(|(path, text)| (path.to_owned(), text)));
    assert!(matches!(&peers[0].matches, PeerMatch::Nodes(nodes) if nodes.is_everything()));
    assert!(matches!(&peers[1].matches, PeerMatch::Block { except, .. } if except.is_empty()));
    assert_eq!(peers[3].matches, PeerMatch::Domain("a.example.com".into()));
}

#[test]
fn s65_s68_ports() {
    let ports = |text: &str| {
        let set = policies(text);
        let Ports::Listed(items) = rule(&set).ports.clone() else { panic!() };
        let one = |item: &crate::policy::PortItem| match &item.matches {
            PortMatch::Numbers(traffic) => traffic.to_string(),
            PortMatch::Named { protocol, name } => {
                format!("{name}/{}", protocol.map_or("any", Protocol::name))
            }
        };
        let paths = items.iter().map(|item| item.provenance.path.to_string());
        (items.iter().map(one).collect::<Vec<_>>(), paths.collect::<Vec<_>>())
    };
    let (found, paths) = ports(&cluster(
        "it",
        "Admin",
        1,
        "egress: [{action: Deny, to: [{namespaces: {}}], protocols: [{udp: {destinationPort: {range: {start: 5, end: 9}}}},
          {destinationNamedPort: web}, {sctp: {destinationPort: {number: 7}}}]}]",
    ));
    assert_eq!(found, ["UDP 5-9", "web/any", "SCTP 7"]);
    assert_eq!(paths[1], "spec.egress[0].protocols[1]");
    let (found, paths) = ports(&admin(
        "it",
        1,
        "ingress: [{action: Deny, from: [{namespaces: {}}], ports: [{portNumber: {port: 80}}, {namedPort: web}]}]",
    ));
    assert_eq!(found, ["TCP 80", "web/any"]);
    assert_eq!(paths[0], "spec.ingress[0].ports[0]");
}

/// A policy that is kept in spite of an error.
fn kept(text: &str) -> PolicySet {
    let decoded = decode_all(text).remove(0);
    assert!(decoded.findings.iter().all(|finding| finding.incomplete));
    let Some(Object::Policy(policy)) = decoded.object else { panic!() };
    assert!(matches!(policy, Decoded::Admin(_)));
    lower_all(&[policy])
}

#[test]
fn s67_unknown_peers_fail_closed() {
    for (action, wanted) in [("Accept", Action::Allow), ("Deny", Action::Deny), ("Pass", Action::Deny)] {
        let set = kept(&cluster(
            "it",
            "Admin",
            1,
            &format!("egress: [{{action: {action}, to: [{{}}, {{namespaces: {{}}}}]}}]"),
        ));
        let rule = rule(&set);
        assert_eq!(rule.action, wanted, "{action}");
        let Peers::Listed(peers) = &rule.peers else { panic!() };
        assert_eq!(peers[0].matches, PeerMatch::Unknown);
    }
}
