//! Host endpoints (C-70 to C-73).

use crate::world::{gnp, object, world};

/// The host endpoint of node `n1`.
fn host(rest: &str) -> String {
    object("HostEndpoint", "n1", &format!("{{node: n1, interfaceName: eth0{rest}}}"))
        .replace("{name: n1}", "{name: n1, labels: {role: host}}")
}

#[test]
fn c70_peers_match_the_address_of_a_node() {
    let rule = "{selector: app == 'db', types: [Ingress], ingress: [{action: Allow, source: {SOURCE}}]}";
    let world_of = |source: &str| world(&[gnp("db", &rule.replace("SOURCE", source))]);
    let by_address = world_of("nets: [192.168.0.1/32]");
    by_address.check(&[
        ("n1 -> red/db:80/tcp", "allow"),
        ("red/agent -> red/db:80/tcp", "allow"),
        ("n2 -> red/db:80/tcp", "deny"),
    ]);
    world_of("selector: all()")
        .check(&[("red/agent -> red/db:80/tcp", "deny"), ("red/api -> red/db:80/tcp", "allow")]);
}

#[test]
fn c71_a_node_reaches_its_own_pods() {
    let world = world(&[gnp("all", "{types: [Ingress]}"), host("")]);
    world.check(&[
        ("n1 -> red/web:80/tcp", "allow"),
        ("red/agent -> red/web:80/tcp", "allow"),
        ("n2 -> red/web:80/tcp", "deny"),
    ]);
}

#[test]
fn c71_pods_reach_their_node_unless_felix_is_told_otherwise() {
    let felix = |action: &str| {
        object("FelixConfiguration", "default", &format!("{{defaultEndpointToHostAction: {action}}}"))
    };
    for (objects, own) in [(vec![], "allow"), (vec![felix("Accept")], "allow"), (vec![felix("Drop")], "deny")]
    {
        let world = world(&objects);
        world.check(&[
            ("red/web -> n1:80/tcp", own),
            ("red/web -> red/agent:80/tcp", own),
            ("red/web -> n2:80/tcp", "allow"),
        ]);
    }
    // Host endpoints do not see the node's own pods.
    world(&[host("")]).check(&[("red/web -> n1:80/tcp", "allow"), ("red/api -> n1:80/tcp", "deny")]);
}

#[test]
fn c72_what_nobody_allows_to_a_host_is_denied() {
    world(&[host("")]).check(&[
        ("203.0.113.5 -> n1:80/tcp", "deny"),
        ("n1 -> 203.0.113.5:80/tcp", "deny"),
        ("203.0.113.5 -> red/agent:80/tcp", "deny"),
        // Failsafe ports.
        ("203.0.113.5 -> n1:22/tcp", "allow"),
        ("203.0.113.5 -> n1:68/udp", "allow"),
        ("203.0.113.5 -> n1:53/udp", "deny"),
        ("n1 -> 203.0.113.5:53/udp", "allow"),
        ("n1 -> 203.0.113.5:6443/tcp", "allow"),
        ("n1 -> 203.0.113.5:22/tcp", "deny"),
        // Without an endpoint a node is open, and forwarded traffic is nobody's.
        ("203.0.113.5 -> n2:80/tcp", "allow"),
        ("203.0.113.5 -> red/web:80/tcp", "allow"),
    ]);
}

#[test]
fn c72_policies_and_profiles_allow() {
    let policy = gnp(
        "hosts",
        "{selector: role == 'host', types: [Ingress], ingress: [{action: Allow, protocol: TCP, source: {nets: [203.0.113.0/24]}, destination: {ports: [443]}}]}",
    );
    let with_policy = world(&[host(""), policy.clone()]);
    with_policy.check(&[
        ("203.0.113.5 -> n1:443/tcp", "allow"),
        ("198.51.100.5 -> n1:443/tcp", "deny"),
        ("203.0.113.5 -> n1:22/tcp", "allow"),
    ]);
    // Policies deny before profiles are asked; a direction without policies is the profiles'.
    let profile = object(
        "Profile",
        "open",
        "{ingress: [{action: Allow}], egress: [{action: Deny, protocol: UDP}, {action: Allow}]}",
    );
    world(&[host(", profiles: [open]"), profile.clone(), policy]).check(&[
        ("203.0.113.5 -> n1:80/tcp", "deny"),
        ("n1 -> 203.0.113.5:80/tcp", "allow"),
        ("n1 -> 203.0.113.5:80/udp", "deny"),
        ("n1 -> 203.0.113.5:53/udp", "allow"),
    ]);
    world(&[host(", profiles: [open]"), profile]).check(&[("203.0.113.5 -> n1:80/tcp", "allow")]);
    world(&[host(", profiles: [projectcalico-default-allow]")])
        .check(&[("203.0.113.5 -> n1:80/tcp", "allow"), ("n1 -> 203.0.113.5:80/tcp", "allow")]);
}

#[test]
fn c72_failsafe_ports_are_configured() {
    let felix = object(
        "FelixConfiguration",
        "default",
        "{failsafeInboundHostPorts: [{protocol: TCP, port: 2222, net: 203.0.113.0/24}], failsafeOutboundHostPorts: []}",
    );
    world(&[host(""), felix.clone()]).check(&[
        ("203.0.113.5 -> n1:2222/tcp", "allow"),
        ("198.51.100.5 -> n1:2222/tcp", "deny"),
        ("203.0.113.5 -> n1:22/tcp", "deny"),
        ("n1 -> 203.0.113.5:53/udp", "deny"),
    ]);
    let own =
        object("FelixConfiguration", "node.n1", "{failsafeInboundHostPorts: [{protocol: UDP, port: 9}]}");
    world(&[host(""), felix, own]).check(&[
        ("203.0.113.5 -> n1:9/udp", "allow"),
        ("203.0.113.5 -> n1:2222/tcp", "deny"),
        ("n1 -> 203.0.113.5:53/udp", "deny"),
    ]);
    // Nor do policies close them.
    let deny = gnp("hosts", "{order: -1, types: [Ingress], ingress: [{action: Deny}]}");
    world(&[host(""), deny])
        .check(&[("203.0.113.5 -> n1:22/tcp", "allow"), ("203.0.113.5 -> n1:80/tcp", "deny")]);
}

#[test]
fn c22_what_selects_host_endpoints() {
    let denied = |selectors: &str| {
        let world = world(&[
            host(", profiles: [projectcalico-default-allow]"),
            gnp("deny", &format!("{{types: [Ingress], ingress: [{{action: Deny}}]{selectors}}}")),
        ]);
        world.verdict("203.0.113.5 -> n1:80/tcp") == "deny"
    };
    for selects in [
        "",
        ", selector: all()",
        ", selector: role == 'host'",
        ", namespaceSelector: team != 'red'",
        ", serviceAccountSelector: trust != 'high'",
    ] {
        assert!(denied(selects), "{selects}");
    }
    for not in [
        ", selector: app == 'web'",
        ", namespaceSelector: all()",
        ", namespaceSelector: team == 'red'",
        // `all()` is what has a namespace where namespaces are selected.
        ", namespaceSelector: team != 'red', selector: all()",
        ", serviceAccountSelector: all()",
        ", serviceAccountSelector: trust == 'high'",
    ] {
        assert!(!denied(not), "{not}");
    }
    let world = world(&[
        host(", profiles: [projectcalico-default-allow]"),
        object("NetworkPolicy", "red/all", "{types: [Ingress]}"),
    ]);
    assert_eq!(world.verdict("203.0.113.5 -> n1:80/tcp"), "allow", "a namespace has no hosts");
}

#[test]
fn c73_policies_for_hosts_never_meet_pods() {
    let deny = |special: &str| {
        gnp(
            "deny",
            &format!(
                "{{{special}: true, applyOnForward: true, types: [Ingress], ingress: [{{action: Deny, protocol: TCP}}]}}"
            ),
        )
    };
    for special in ["doNotTrack", "preDNAT"] {
        world(&[host(", profiles: [projectcalico-default-allow]"), deny(special)]).check(&[
            ("203.0.113.5 -> red/web:80/tcp", "allow"),
            ("203.0.113.5 -> n1:80/tcp", "deny"),
            ("203.0.113.5 -> n1:80/udp", "allow"),
            ("203.0.113.5 -> n1:22/tcp", "allow"),
        ]);
    }
    // What they do not match is for the others, and what they allow is not.
    let allow = gnp(
        "allow",
        "{doNotTrack: true, applyOnForward: true, types: [Ingress], ingress: [{action: Allow, protocol: TCP}]}",
    );
    let closed = gnp("closed", "{types: [Ingress], ingress: [{action: Deny}]}");
    world(&[host(""), allow, closed])
        .check(&[("203.0.113.5 -> n1:80/tcp", "allow"), ("203.0.113.5 -> n1:80/udp", "deny")]);
}
