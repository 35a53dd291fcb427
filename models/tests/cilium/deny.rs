//! Denials and isolation.

use super::world::{ccnp, cnp, named, np, to_api, world};

#[test]
fn a_denial_wins_whatever_allows() {
    // K-47, K-50
    let allow = "{endpointSelector: {}, ingress: [{fromEntities: [all]}]";
    let world = world(&(cnp(&format!("{allow}, ingressDeny: [{{fromEndpoints: [{{matchLabels: {{app: web}}}}]}}, {{toPorts: [{{ports: [{{port: '81'}}]}}]}}]}}"))
        + &to_api("{fromEndpoints: [{matchLabels: {app: web}}], toPorts: [{ports: [{port: '80', protocol: TCP}], rules: {http: [{}]}}]}").replace("name: it", "name: other")));
    world.check(&[
        ("shop/web > shop/api:80", "deny"),
        ("shop/web > shop/api:80 GET /", "deny"),
        ("shop/db > shop/api:80", "allow"),
        ("shop/db > shop/api:81", "deny"),
        ("shop/db > shop/api:8/icmp", "allow"),
        // K-12: the denial is about the web server of the own namespace.
        ("lab/web > shop/api:80", "allow"),
    ]);
    let kubernetes = np("{podSelector: {}, policyTypes: [Ingress], ingress: [{}]}")
        + &ccnp(
            "{endpointSelector: {}, ingressDeny: [{fromEntities: [world]}], enableDefaultDeny: {ingress: false}}",
        );
    super::world::world(&kubernetes)
        .check(&[("192.0.2.1 > shop/api:80", "deny"), ("ops/mon > shop/api:80", "allow")]);
}

#[test]
fn what_isolates() {
    // K-15, K-51, K-52
    for (rest, from_web, other) in [
        ("ingress: [{}]", "deny", "deny"),
        ("ingressDeny: [{}]", "deny", "deny"),
        ("ingressDeny: [{fromEndpoints: [{matchLabels: {app: web}}]}]", "deny", "deny"),
        (
            "ingressDeny: [{fromEndpoints: [{matchLabels: {app: web}}]}], enableDefaultDeny: {ingress: false}",
            "deny",
            "allow",
        ),
        ("ingressDeny: [{}], enableDefaultDeny: {ingress: false}", "allow", "allow"),
        (
            "ingress: [{fromEndpoints: [{matchLabels: {app: web}}]}], enableDefaultDeny: {ingress: false}",
            "allow",
            "allow",
        ),
        (
            "ingress: [{fromEndpoints: [{matchLabels: {app: web}}]}], enableDefaultDeny: {egress: false}",
            "allow",
            "deny",
        ),
        ("egress: [{}], enableDefaultDeny: {ingress: true}", "allow", "allow"),
        ("egress: [{}], ingress: []", "allow", "allow"),
        ("egress: [{}], ingressDeny: []", "allow", "allow"),
    ] {
        let world = world(&cnp(&format!("{{endpointSelector: {{matchLabels: {{app: api}}}}, {rest}}}")));
        world.check(&[("shop/web > shop/api:80", from_web), ("ops/mon > shop/api:80", other)]);
    }
}

#[test]
fn a_rule_that_does_not_isolate_leaves_requests_alone_until_another_does() {
    // K-52
    let rule = "{endpointSelector: {}, enableDefaultDeny: {ingress: false}, ingress: [{fromEndpoints: [{}], toPorts: [{ports: [{port: '80', protocol: TCP}], rules: {http: [{path: /a}]}}]}]}";
    world(&cnp(rule))
        .check(&[("shop/web > shop/api:80 GET /b", "allow"), ("shop/web > shop/api:80", "allow")]);
    let isolated = cnp(rule) + &named("other", "{endpointSelector: {}, ingress: [{}]}");
    world(&isolated).check(&[
        ("shop/web > shop/api:80 GET /b", "deny"),
        ("shop/web > shop/api:80 GET /a", "allow"),
        ("ops/mon > shop/api:80", "deny"),
    ]);
}

#[test]
fn the_own_node_may_enter_unless_a_denial_says_no() {
    // K-60
    world(&cnp("{endpointSelector: {}, ingress: [{}], egress: [{}]}")).check(&[
        ("{host} > shop/api:80", "allow"),
        ("ops/agent > shop/api:80", "allow"),
        ("ops/agent > shop/web:80", "deny"),
        ("{remote-node} > shop/api:80", "deny"),
        ("{health} > shop/api:80", "deny"),
        ("shop/api > {host}:80", "deny"),
    ]);
    let denial = cnp(
        "{endpointSelector: {}, ingressDeny: [{fromEntities: [host], toPorts: [{ports: [{port: '80'}]}]}]}",
    );
    world(&denial).check(&[("{host} > shop/api:80", "deny"), ("{host} > shop/api:81", "allow")]);
    world(&cnp("{endpointSelector: {}, ingress: [{}]}")).check(&[("shop/api > shop/api:80", "allow")]);
}
