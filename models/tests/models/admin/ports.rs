//! S-65, S-68 and S-69: protocols, numbers, ranges and names of ports.

use super::world::{anp, cnp, world};

fn deny(protocols: &str) -> String {
    format!("ingress: [{{action: Deny, from: [{{namespaces: {{}}}}], protocols: {protocols}}}]")
}

#[test]
fn a_port_counts_only_with_its_protocol() {
    for (protocol, denied) in [("tcp", "tcp"), ("udp", "udp"), ("sctp", "sctp")] {
        let world = world(&cnp(
            "a",
            "Admin",
            5,
            &deny(&format!("[{{{protocol}: {{destinationPort: {{number: 80}}}}}}]")),
        ));
        for other in ["tcp", "udp", "sctp"] {
            assert_eq!(
                world.allows(&format!("red/client -> red/server:80/{other}")),
                other != denied,
                "{protocol} {other}"
            );
            assert!(world.allows(&format!("red/client -> red/server:81/{other}")));
        }
    }
}

#[test]
fn left_out_is_every_protocol_and_not_tcp() {
    let world = world(&cnp("a", "Admin", 5, "ingress: [{action: Deny, from: [{namespaces: {}}]}]"));
    for protocol in ["tcp", "udp", "sctp"] {
        assert!(!world.allows(&format!("red/client -> red/server:1/{protocol}")));
        assert!(!world.allows(&format!("red/client -> red/server:65535/{protocol}")));
    }
}

#[test]
fn ranges_include_both_ends() {
    let world = world(&cnp(
        "a",
        "Admin",
        5,
        &deny(
            "[{udp: {destinationPort: {range: {start: 53, end: 60}}}}, {tcp: {destinationPort: {number: 80}}}]",
        ),
    ));
    for (port, allowed) in [
        ("52/udp", true),
        ("53/udp", false),
        ("60/udp", false),
        ("61/udp", true),
        ("53/tcp", true),
        ("80/tcp", false),
        ("80/udp", true),
    ] {
        assert_eq!(world.allows(&format!("red/client -> red/server:{port}")), allowed, "{port}");
    }
}

#[test]
fn a_named_port_is_the_destinations_in_both_directions() {
    // `web` is 80 on red/server, 8080 on blue/server, and 9 on red/client, which is the source here.
    let ingress =
        "ingress: [{action: Deny, from: [{namespaces: {}}], protocols: [{destinationNamedPort: web}]}]";
    let egress = "egress: [{action: Deny, to: [{namespaces: {}}], protocols: [{destinationNamedPort: web}]}]";
    for rules in [ingress, egress] {
        world(&cnp("a", "Admin", 5, rules)).check(&[
            ("red/client -> red/server:80/tcp", false),
            ("red/client -> red/server:9/tcp", true),
            ("red/client -> red/server:8080/tcp", true),
            ("red/client -> blue/server:8080/tcp", false),
            ("red/client -> blue/server:80/tcp", true),
            ("red/server -> red/client:9/tcp", false),
            ("red/server -> red/client:80/tcp", true),
            // It declares no port.
            ("red/client -> blue/client:80/tcp", true),
        ]);
    }
}

#[test]
fn a_named_port_has_the_protocol_that_the_destination_gives_it() {
    let rules = |name: &str| deny(&format!("[{{destinationNamedPort: {name}}}]"));
    world(&cnp("a", "Admin", 5, &rules("dns")))
        .check(&[("red/client -> red/server:53/udp", false), ("red/client -> red/server:53/tcp", true)]);
    world(&cnp("a", "Admin", 5, &rules("web-udp"))).check(&[
        ("red/client -> blue/server:8080/udp", false),
        ("red/client -> blue/server:8080/tcp", true),
    ]);
}

#[test]
fn v1alpha1_ports_default_to_tcp_but_for_names() {
    let ports = |ports: &str| {
        anp("a", 5, &format!("ingress: [{{action: Deny, from: [{{namespaces: {{}}}}], ports: {ports}}}]"))
    };
    world(&ports("[{portNumber: {port: 80}}, {portRange: {start: 90, end: 99}}]")).check(&[
        ("red/client -> red/server:80/tcp", false),
        ("red/client -> red/server:80/udp", true),
        ("red/client -> red/server:99/tcp", false),
        ("red/client -> red/server:99/sctp", true),
    ]);
    world(&ports("[{portNumber: {protocol: SCTP, port: 80}}]"))
        .check(&[("red/client -> red/server:80/sctp", false), ("red/client -> red/server:80/tcp", true)]);
    world(&ports("[{namedPort: dns}]"))
        .check(&[("red/client -> red/server:53/udp", false), ("red/client -> red/server:53/tcp", true)]);
}
