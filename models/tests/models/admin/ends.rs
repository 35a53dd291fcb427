//! S-63, S-64, S-67 and S-69: subjects and peers.

use super::world::{anp, cnp, lenient, on, world};

const IN: &str = "ingress: [{action: Deny, from: [{namespaces: {}}]}]";
const OUT: &str =
    "egress: [{action: Deny, to: [{networks: [0.0.0.0/0, '::/0']}, {namespaces: {}}, {nodes: {}}]}]";

fn from(peer: &str) -> String {
    cnp("a", "Admin", 5, &format!("ingress: [{{action: Deny, from: [{peer}]}}]"))
}

fn to(peer: &str) -> String {
    cnp("a", "Admin", 5, &format!("egress: [{{action: Deny, to: [{peer}]}}]"))
}

#[test]
fn pods_on_the_host_network_are_never_subjects() {
    let subject = "{pods: {namespaceSelector: {}, podSelector: {}}}";
    for subject in ["{namespaces: {}}", subject, "{pods: {podSelector: {matchLabels: {host: 'yes'}}}}"] {
        let text = on(subject, "a", "Admin", 5, &format!("{IN}, {OUT}"));
        world(&text).check(&[
            ("blue/client -> red/agent:80/tcp", subject.contains("host")),
            ("red/agent -> 8.8.8.8:53/udp", true),
            ("203.0.113.1 -> red/agent:80/tcp", true),
            ("n2 -> red/agent:80/tcp", true),
        ]);
    }
    // Its clients are subjects, and may not reach its node.
    world(&cnp("a", "Admin", 5, OUT)).check(&[("blue/client -> red/agent:80/tcp", false)]);
    world(&cnp("a", "Admin", 5, IN)).check(&[("blue/client -> red/agent:80/tcp", true)]);
}

#[test]
fn only_pods_match_ingress_peers() {
    let peers = "{namespaces: {}}, {pods: {namespaceSelector: {}, podSelector: {}}}, {pods: {podSelector: {matchLabels: {host: 'yes'}}}}";
    world(&from(peers)).check(&[
        ("blue/client -> red/server:80/tcp", false),
        ("plain/stray -> red/server:80/tcp", false),
        ("red/agent -> red/server:80/tcp", true),
        ("n1 -> red/server:80/tcp", true),
        ("203.0.113.1 -> red/server:80/tcp", true),
        ("2001:db8::1 -> red/server:80/tcp", true),
    ]);
}

#[test]
fn pods_on_the_host_network_are_no_pod_peers() {
    world(&to(
        "{namespaces: {matchLabels: {team: red}}}, {pods: {podSelector: {matchLabels: {host: 'yes'}}}}",
    ))
    .check(&[("blue/client -> red/server:80/tcp", false), ("blue/client -> red/agent:80/tcp", true)]);
}

#[test]
fn both_selectors_of_a_pods_peer_count() {
    let peer =
        "{pods: {namespaceSelector: {matchLabels: {team: red}}, podSelector: {matchLabels: {app: client}}}}";
    world(&from(peer)).check(&[
        ("red/client -> red/server:80/tcp", false),
        ("red/server -> red/client:80/tcp", true),
        ("blue/client -> red/server:80/tcp", true),
        ("blue/client -> blue/server:80/tcp", true),
        ("red/client -> blue/server:80/tcp", false),
    ]);
    world(&to("{pods: {podSelector: {matchLabels: {tier: back}}}}"))
        .check(&[("blue/client -> red/server:80/tcp", false), ("blue/client -> red/client:80/tcp", true)]);
}

#[test]
fn a_selector_of_namespaces_left_out_is_every_namespace() {
    // S-63: unlike in a NetworkPolicy, which would mean its own.
    for peer in [
        "{pods: {podSelector: {matchLabels: {app: client}}}}",
        "{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: client}}}}",
    ] {
        world(&from(peer)).check(&[
            ("red/client -> red/server:80/tcp", false),
            ("blue/client -> red/server:80/tcp", false),
            ("plain/stray -> red/server:80/tcp", false),
            ("blue/server -> red/server:80/tcp", true),
        ]);
    }
    let text = on("{pods: {podSelector: {matchLabels: {app: server}}}}", "a", "Admin", 5, IN);
    world(&text).check(&[
        ("red/client -> red/server:80/tcp", false),
        ("red/client -> blue/server:80/tcp", false),
        ("red/client -> blue/client:80/tcp", true),
    ]);
}

#[test]
fn match_expressions_everywhere() {
    let absent = "{matchExpressions: [{key: team, operator: NotIn, values: [blue]}]}";
    let (red, blue, plain) = (
        "red/client -> red/server:80/tcp",
        "blue/client -> red/server:80/tcp",
        "plain/stray -> red/server:80/tcp",
    );
    for (peer, wanted) in [
        // S-43: absent labels satisfy the negative operators.
        (format!("{{namespaces: {absent}}}"), [false, true, false]),
        ("{namespaces: {matchExpressions: [{key: team, operator: Exists}]}}".into(), [false, false, true]),
        ("{namespaces: {matchExpressions: [{key: team, operator: DoesNotExist}]}}".into(), [true, true, false]),
        ("{namespaces: {matchExpressions: [{key: team, operator: In, values: [red, blue]}, {key: env, operator: Exists}]}}".into(), [false, true, true]),
        ("{namespaces: {matchLabels: {team: red}, matchExpressions: [{key: env, operator: NotIn, values: [prod]}]}}".into(), [true, true, true]),
        ("{namespaces: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [plain]}]}}".into(), [true, true, false]),
        ("{pods: {podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [server]}]}}}".into(), [false, false, false]),
        (format!("{{pods: {{namespaceSelector: {absent}, podSelector: {{matchExpressions: [{{key: tier, operator: DoesNotExist}}]}}}}}}"), [false, true, false]),
    ] {
        let world = world(&from(&peer));
        for (flow, allowed) in [red, blue, plain].into_iter().zip(wanted) {
            assert_eq!(world.allows(flow), allowed, "{peer} {flow}");
        }
    }
    let subject = "{namespaces: {matchExpressions: [{key: team, operator: NotIn, values: [red]}]}}";
    world(&on(subject, "a", "Admin", 5, IN)).check(&[
        (red, true),
        ("red/client -> blue/server:80/tcp", false),
        ("red/client -> plain/stray:80/tcp", false),
    ]);
    world(&to("{nodes: {matchExpressions: [{key: zone, operator: NotIn, values: [a]}]}}"))
        .check(&[("red/client -> n1:443/tcp", true), ("red/client -> n2:443/tcp", false)]);
}

#[test]
fn networks_match_addresses_inside_and_outside_the_cluster() {
    let policy = to("{networks: [10.0.0.0/24, 203.0.113.0/24, 192.168.0.0/16]}");
    world(&policy).check(&[
        ("blue/client -> red/server:80/tcp", false),
        ("blue/client -> red/client:80/tcp", false),
        ("red/client -> blue/client:80/tcp", true),
        ("red/client -> 203.0.113.255:80/tcp", false),
        ("red/client -> 203.0.114.0:80/tcp", true),
        ("red/client -> n2:443/tcp", false),
        ("blue/client -> n1:443/tcp", false),
        // Both have IPv6 addresses too.
        ("red/client -> n1:443/tcp", true),
        ("blue/client -> red/agent:80/tcp", false),
    ]);
    // S-16: no manifest shows its address, which may be in one of these.
    assert_eq!(world(&policy).verdict("red/client -> plain/stray:80/tcp"), "unknown");
    let outside = world(&to("{networks: [203.0.113.0/24]}"));
    outside.check(&[("red/client -> plain/stray:80/tcp", true)]);
}

#[test]
fn the_families_do_not_mix() {
    world(&to("{networks: [0.0.0.0/0]}")).check(&[
        ("red/client -> blue/server:8080/tcp", true),
        ("red/client -> 2001:db8::1:443/tcp", true),
        ("red/client -> 8.8.8.8:443/tcp", false),
    ]);
    world(&to("{networks: ['::/0']}")).check(&[
        ("red/client -> blue/server:8080/tcp", false),
        ("red/client -> 2001:db8::1:443/tcp", false),
        ("red/client -> 8.8.8.8:443/tcp", true),
        ("red/client -> blue/client:80/tcp", true),
    ]);
    world(&to("{networks: ['fd00::/112', '2001:db8::/33']}")).check(&[
        ("blue/server -> red/client:9/tcp", false),
        // Over IPv4, which is all that the server has.
        ("red/server -> red/client:9/tcp", true),
        ("red/client -> blue/server:80/tcp", true),
        ("red/client -> 2001:db8:7fff:ffff:ffff:ffff:ffff:ffff:443/tcp", false),
        ("red/client -> 2001:db8:8000:::443/tcp", true),
    ]);
    world(&to("{networks: ['fd02::1/128']}"))
        .check(&[("blue/server -> n1:443/tcp", false), ("red/client -> n1:443/tcp", true)]);
    let both = world(&to("{networks: ['fd02::1/128', '192.168.0.0/24']}"));
    both.check(&[("red/client -> n1:443/tcp", false), ("red/client -> n2:443/tcp", false)]);
}

#[test]
fn nodes_are_node_objects_and_who_is_on_their_network() {
    world(&to("{nodes: {matchLabels: {zone: a}}}")).check(&[
        ("blue/client -> n1:443/tcp", false),
        ("blue/client -> n2:443/tcp", true),
        ("blue/client -> red/agent:80/tcp", false),
        ("blue/client -> red/server:80/tcp", true),
        ("blue/client -> 192.168.0.9:80/tcp", true),
    ]);
    world(&to("{nodes: {}}")).check(&[
        ("blue/client -> n2:443/tcp", false),
        ("blue/client -> red/agent:80/tcp", false),
        ("blue/client -> red/server:80/tcp", true),
    ]);
}

#[test]
fn what_a_domain_resolves_to_is_unknown() {
    let text = cnp(
        "a",
        "Admin",
        5,
        "egress: [{action: Accept, to: [{domainNames: ['*.example.com']}]}, {action: Deny, to: [{networks: [0.0.0.0/0, '::/0']}]}]",
    );
    let both = world(&text);
    assert_eq!(both.verdict("red/client -> 203.0.113.1:443/tcp"), "unknown");
    // A pod is no domain, and its address is in the one block or the other, whatever it is.
    both.check(&[("red/client -> red/server:80/tcp", false), ("red/client -> plain/stray:80/tcp", false)]);
}

#[test]
fn s67_a_peer_without_a_known_field_fails_closed() {
    let (accept, findings) = lenient(
        &(cnp("a", "Admin", 5, "ingress: [{action: Accept, from: [{}]}]") + &cnp("b", "Admin", 6, IN)),
    );
    assert_eq!(findings, 1);
    assert!(!accept.allows("red/client -> red/server:80/tcp"), "it accepts nobody");
    for action in ["Deny", "Pass"] {
        let rules = format!(
            "ingress: [{{action: {action}, from: [{{workloads: {{}}}}]}}], egress: [{{action: {action}, to: [{{}}]}}]"
        );
        let (world, findings) = lenient(&cnp("a", "Admin", 5, &rules));
        assert_eq!(findings, 2);
        world.check(&[
            ("red/client -> red/server:80/tcp", false),
            ("203.0.113.1 -> red/server:80/tcp", false),
            ("red/client -> 203.0.113.1:80/tcp", false),
            ("red/agent -> 203.0.113.1:80/tcp", true),
        ]);
    }
    let (world, _) = lenient(&anp(
        "a",
        5,
        "egress: [{action: Deny, to: [{namespacedPods: {}}], ports: [{portNumber: {port: 80}}]}]",
    ));
    world.check(&[("red/client -> red/server:80/tcp", false), ("red/client -> red/server:81/tcp", true)]);
}
