//! Ports, protocols and ICMP.

use super::world::{from_web, to_api, world, world_on};

fn over(ports: &str) -> String {
    to_api(&format!("{{toPorts: [{{ports: [{ports}]}}]}}"))
}

#[test]
fn no_protocol_is_any_with_ports() {
    // K-30, K-34
    for (ports, tcp, udp, sctp, icmp) in [
        ("{port: '80'}", "allow", "allow", "allow", "deny"),
        ("{port: '80', protocol: ANY}", "allow", "allow", "allow", "deny"),
        ("{port: '80', protocol: TCP}", "allow", "deny", "deny", "deny"),
        ("{port: '80', protocol: UDP}", "deny", "allow", "deny", "deny"),
        ("{port: '0', protocol: UDP}", "deny", "allow", "deny", "deny"),
        ("{port: '0'}", "allow", "allow", "allow", "deny"),
        ("{port: '0', protocol: GRE}", "deny", "deny", "deny", "deny"),
    ] {
        world(&over(ports)).check(&[
            ("ops/mon > shop/api:80", tcp),
            ("ops/mon > shop/api:80/udp", udp),
            ("ops/mon > shop/api:80/sctp", sctp),
            ("ops/mon > shop/api:8/icmp", icmp),
        ]);
    }
    world(&to_api("{fromEntities: [all]}"))
        .check(&[("ops/mon > shop/api:8/icmp", "allow"), ("ops/mon > shop/api:9", "allow")]);
}

#[test]
fn icmp_types() {
    // K-34
    let world =
        world(&to_api("{icmps: [{fields: [{type: 8}, {type: EchoReply, family: IPv6}, {type: 300}]}]}"));
    world.check(&[
        ("ops/mon > shop/api:8/icmp", "allow"),
        ("ops/mon > shop/api:0/icmp", "deny"),
        ("ops/mon > shop/api:129/icmp", "deny"),
        ("ops/mon > shop/api:80", "deny"),
    ]);
}

#[test]
fn ranges() {
    // K-31
    let world =
        world(&over("{port: '80', endPort: 82, protocol: TCP}, {port: '90', endPort: 20, protocol: TCP}"));
    for (port, verdict) in
        [(79, "deny"), (80, "allow"), (82, "allow"), (83, "deny"), (90, "allow"), (20, "deny")]
    {
        world.check(&[(&format!("ops/mon > shop/api:{port}"), verdict)]);
    }
}

#[test]
fn named_ports_are_the_destinations() {
    // K-33
    world(&over("{port: HTTP, protocol: TCP}, {port: dns}")).check(&[
        ("ops/mon > shop/api:80", "allow"),
        ("ops/mon > shop/api:8080", "deny"),
        ("ops/mon > shop/api:53/udp", "allow"),
        ("ops/mon > shop/api:53", "deny"),
    ]);
    let out = from_web("{toEntities: [all], toPorts: [{ports: [{port: http, protocol: TCP}]}]}");
    world(&out).check(&[
        ("shop/web > shop/api:80", "allow"),
        ("shop/web > ops/api:8081", "allow"),
        ("shop/web > ops/api:80", "deny"),
        ("shop/web > ops/mon:80", "deny"),
        ("shop/web > 192.0.2.1:80", "deny"),
    ]);
    // Up to 1.19 a name is one number for the cluster, and with several the entry allows nothing.
    world_on("cilium@1.19", &out)
        .check(&[("shop/web > shop/api:80", "deny"), ("shop/web > ops/api:8081", "deny")]);
    let one = from_web("{toEntities: [all], toPorts: [{ports: [{port: dns, protocol: UDP}]}]}");
    world_on("cilium@1.19", &one).check(&[
        ("shop/web > shop/api:53/udp", "allow"),
        ("shop/web > ops/mon:53/udp", "allow"),
        ("shop/web > ops/mon:54/udp", "deny"),
    ]);
    world(&one).check(&[("shop/web > ops/mon:53/udp", "deny")]);
}
