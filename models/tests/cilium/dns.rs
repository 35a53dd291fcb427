//! The DNS proxy: what lifts its restriction and what does not (K-42).

use super::world::{ccnp, cnp, np, world};

const OPS: &str = "toEndpoints: [{matchLabels: {'k8s:io.kubernetes.pod.namespace': ops}}]";

fn rule() -> String {
    format!(
        "{{{OPS}, toPorts: [{{ports: [{{port: '53', protocol: UDP}}], rules: {{dns: [{{matchName: a.b}}]}}}}]}}"
    )
}

fn with(entries: &str) -> String {
    cnp(&format!("{{endpointSelector: {{}}, egress: [{}{entries}]}}", rule()))
}

#[test]
fn only_an_allow_of_the_very_port_lifts_the_restriction() {
    for (entries, udp, tcp, other) in [
        ("", "partial", "deny", "deny"),
        (", {toEntities: [all]}", "partial", "allow", "allow"),
        (&format!(", {{{OPS}}}"), "partial", "allow", "allow"),
        (", {toPorts: [{ports: [{port: '50', endPort: 60, protocol: UDP}]}]}", "partial", "deny", "allow"),
        (", {toPorts: [{ports: [{port: '0', protocol: UDP}]}]}", "partial", "deny", "allow"),
        (", {toPorts: [{ports: [{port: '53', protocol: UDP}]}]}", "allow", "deny", "deny"),
        (", {toPorts: [{ports: [{port: '53'}]}]}", "allow", "allow", "deny"),
        (", {toPorts: [{ports: [{port: '53', protocol: TCP}]}]}", "partial", "allow", "deny"),
        (
            ", {toEndpoints: [{}], toPorts: [{ports: [{port: '53', protocol: UDP}]}]}",
            "partial",
            "deny",
            "deny",
        ),
        (
            ", {toPorts: [{ports: [{port: '53', protocol: UDP}], rules: {dns: [{matchPattern: '*'}]}}]}",
            "allow",
            "deny",
            "deny",
        ),
        (
            ", {toPorts: [{ports: [{port: '53', protocol: UDP}], rules: {dns: [{matchName: c.d}]}}]}",
            "partial",
            "deny",
            "deny",
        ),
    ] {
        world(&with(entries)).check(&[
            ("shop/web > ops/mon:53/udp", udp),
            ("shop/web > ops/mon:53", tcp),
            ("shop/web > ops/mon:54/udp", other),
        ]);
    }
}

#[test]
fn a_pattern_of_everything_restricts_nothing() {
    let text = cnp(&format!(
        "{{endpointSelector: {{}}, egress: [{{{OPS}, toPorts: [{{ports: [{{port: '53'}}], rules: {{dns: [{{matchPattern: '*'}}]}}}}]}}]}}"
    ));
    world(&text).check(&[("shop/web > ops/mon:53/udp", "allow"), ("shop/web > shop/api:53/udp", "deny")]);
}

#[test]
fn a_kubernetes_policy_of_the_port_lifts_it_too() {
    let beside = |ports: &str| {
        with("") + &np(&format!("{{podSelector: {{}}, policyTypes: [Egress], egress: [{{{ports}}}]}}"))
    };
    world(&beside(""))
        .check(&[("shop/web > ops/mon:53/udp", "partial"), ("shop/web > ops/mon:54/udp", "allow")]);
    world(&beside("ports: [{port: 53, protocol: UDP}]")).check(&[("shop/web > ops/mon:53/udp", "allow")]);
    world(&beside("ports: [{port: 53, endPort: 54, protocol: UDP}]"))
        .check(&[("shop/web > ops/mon:53/udp", "partial")]);
}

#[test]
fn a_rule_that_does_not_isolate_restricts_those_whom_others_isolate() {
    // K-52
    let rule = cnp(&format!(
        "{{endpointSelector: {{}}, enableDefaultDeny: {{egress: false}}, egress: [{}]}}",
        rule()
    ));
    world(&rule).check(&[("shop/web > ops/mon:53/udp", "allow")]);
    let some = "{endpointSelector: {matchLabels: {app: web}}, egress: [{toEntities: [all]}]}";
    world(&(rule + &ccnp(some))).check(&[
        ("shop/web > ops/mon:53/udp", "partial"),
        ("shop/web > ops/mon:54/udp", "allow"),
        ("shop/api > ops/mon:53/udp", "allow"),
    ]);
}
