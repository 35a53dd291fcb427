//! Ports and protocols (C-50 to C-57).

use crate::world::{World, gnp, object, web_from, web_from_anywhere, world};

/// The cluster with one rule that allows something to `red/web`.
fn rule(rest: &str) -> World {
    world(&[web_from_anywhere(&format!("{{action: Allow, {rest}}}"))])
}

#[test]
fn c50_ports_are_ored() {
    rule("protocol: TCP, destination: {ports: [22, '8000:8080', http]}").check(&[
        ("red/db -> red/web:22/tcp", "allow"),
        ("red/db -> red/web:7999/tcp", "deny"),
        ("red/db -> red/web:8000/tcp", "allow"),
        ("red/db -> red/web:8080/tcp", "allow"),
        ("red/db -> red/web:8081/tcp", "deny"),
        ("red/db -> red/web:80/tcp", "allow"),
        ("red/db -> red/web:22/udp", "deny"),
    ]);
}

#[test]
fn c51_not_ports_take_away() {
    rule("protocol: TCP, destination: {ports: ['1:1000'], notPorts: [22, http]}").check(&[
        ("red/db -> red/web:443/tcp", "allow"),
        ("red/db -> red/web:22/tcp", "deny"),
        ("red/db -> red/web:80/tcp", "deny"),
        ("red/db -> red/web:1001/tcp", "deny"),
    ]);
    rule("protocol: UDP, destination: {notPorts: ['1:1000']}").check(&[
        ("red/db -> red/web:1001/udp", "allow"),
        ("red/db -> red/web:53/udp", "deny"),
        ("red/db -> red/web:1001/tcp", "deny"),
    ]);
}

#[test]
fn c52_a_name_is_what_each_pod_declares() {
    let out = |destination: &str| {
        let spec = format!(
            "{{selector: app == 'db', types: [Egress], egress: [{{action: Allow, protocol: TCP, destination: {destination}}}]}}"
        );
        gnp("out", &spec)
    };
    let world_of = |destination: &str| world(&[out(destination)]);
    world_of("{ports: [http]}").check(&[
        ("red/db -> red/web:80/tcp", "allow"),
        ("red/db -> red/api:80/tcp", "deny"),
        ("red/db -> red/api:8080/tcp", "allow"),
        ("red/db -> blue/mon:80/tcp", "deny"),
        ("red/db -> 203.0.113.5:80/tcp", "deny"),
    ]);
    world_of("{ports: [http], selector: app == 'api'}")
        .check(&[("red/db -> red/web:80/tcp", "deny"), ("red/db -> red/api:8080/tcp", "allow")]);
    // Of another protocol it is another port.
    world_of("{ports: [dns]}").check(&[("red/db -> red/api:53/tcp", "deny")]);
    world_of("{notPorts: [http]}").check(&[
        ("red/db -> red/api:8080/tcp", "deny"),
        ("red/db -> red/api:80/tcp", "allow"),
        ("red/db -> 203.0.113.5:8080/tcp", "allow"),
    ]);
}

#[test]
fn c52_a_set_gives_its_addresses_no_names() {
    let set = object("GlobalNetworkSet", "s", "{nets: [10.1.0.2/32]}")
        .replace("{name: s}", "{name: s, labels: {app: set}}");
    let out = |destination: &str| {
        let spec = format!(
            "{{selector: app == 'db', types: [Egress], egress: [{{action: Allow, protocol: TCP, destination: {destination}}}]}}"
        );
        world(&[gnp("out", &spec), set.clone()])
    };
    // `red/api` is in the set, and does not match by itself.
    out("{selector: \"app in {'set', 'web'}\", ports: [http, 22]}").check(&[
        ("red/db -> red/api:22/tcp", "allow"),
        ("red/db -> red/api:8080/tcp", "deny"),
        ("red/db -> red/web:80/tcp", "allow"),
    ]);
    out("{selector: \"app in {'set', 'web'}\", ports: [http]}")
        .check(&[("red/db -> red/api:8080/tcp", "deny")]);
    out("{selector: \"app in {'set', 'web'}\", notPorts: [http]}").check(&[
        ("red/db -> red/api:8080/tcp", "allow"),
        ("red/db -> red/web:80/tcp", "deny"),
        ("red/db -> red/web:81/tcp", "allow"),
    ]);
    out("{selector: \"app in {'set', 'api'}\", ports: [http]}")
        .check(&[("red/db -> red/api:8080/tcp", "allow")]);
}

#[test]
fn c53_protocols() {
    let verdicts = |rest: &str| {
        let world = rule(rest);
        ["tcp", "udp", "sctp", "icmp"]
            .map(|protocol| world.verdict(&format!("red/db -> red/web:9/{protocol}")))
    };
    let [yes, no] = ["allow", "deny"];
    assert_eq!(verdicts("source: {}"), [yes, yes, yes, yes], "all, even ICMP");
    assert_eq!(verdicts("protocol: TCP"), [yes, no, no, no]);
    assert_eq!(verdicts("protocol: 17"), [no, yes, no, no]);
    assert_eq!(verdicts("protocol: '132'"), [no, no, yes, no]);
    assert_eq!(verdicts("notProtocol: TCP"), [no, yes, yes, yes]);
    assert_eq!(verdicts("notProtocol: 6"), [no, yes, yes, yes]);
    assert_eq!(verdicts("protocol: TCP, notProtocol: TCP"), [no, no, no, no]);
    // C-54
    assert_eq!(verdicts("protocol: ICMP"), [no, no, no, yes]);
    for other in ["protocol: UDPLite", "protocol: 47", "protocol: ICMPv6"] {
        assert_eq!(verdicts(other), [no, no, no, no], "{other}");
    }
    assert_eq!(verdicts("notICMP: {type: 3}"), [no, no, no, yes]);
}

#[test]
fn c54_icmp_messages() {
    let echo = rule("protocol: ICMP, icmp: {type: 8, code: 0}");
    // Messages are numbered by type and code.
    let message = |kind: u16, code: u16| format!("red/db -> red/web:{}/icmp", (kind << 8 | code) + 1);
    assert_eq!(echo.verdict(&message(8, 0)), "allow");
    assert_eq!(echo.verdict(&message(8, 1)), "deny");
    assert_eq!(echo.verdict(&message(0, 0)), "deny");
    let others = rule("protocol: ICMP, notICMP: {type: 8}");
    assert_eq!(others.verdict(&message(8, 1)), "deny");
    assert_eq!(others.verdict(&message(0, 0)), "allow");
}

#[test]
fn c55_a_rule_of_the_other_family_does_not_exist() {
    let verdict = |rest: &str| rule(rest).verdict("203.0.113.5 -> red/web:80/tcp");
    assert_eq!(verdict("ipVersion: 4"), "allow");
    assert_eq!(verdict("ipVersion: 6"), "deny");
    assert_eq!(verdict("source: {notNets: [198.51.100.0/24]}"), "allow");
    assert_eq!(verdict("source: {notNets: ['2001:db8::/32']}"), "deny");
    assert_eq!(verdict("destination: {notNets: ['2001:db8::/32']}"), "deny");
    assert_eq!(verdict("source: {nets: ['::/0']}"), "deny");
}

#[test]
fn c56_requests_are_none_of_the_kernels_business() {
    rule("http: {methods: [GET], paths: [{prefix: /api}]}")
        .check(&[("red/db -> red/web:80/tcp", "allow"), ("red/db -> red/web:80/udp", "allow")]);
}

#[test]
fn c57_ports_of_the_source_are_those_of_clients() {
    let verdict = |ports: &str| {
        let rule = format!("{{action: Allow, protocol: TCP, source: {{{ports}}}}}");
        world(&[web_from(&rule)]).verdict("red/db -> red/web:80/tcp")
    };
    assert_eq!(verdict("ports: ['1024:65535']"), "allow");
    assert_eq!(verdict("ports: [80, 443]"), "deny");
    assert_eq!(verdict("ports: [http]"), "deny");
    assert_eq!(verdict("ports: ['32768:60999']"), "unknown");
    assert_eq!(verdict("notPorts: ['1:1023']"), "allow");
    assert_eq!(verdict("notPorts: [40000]"), "unknown");
}
