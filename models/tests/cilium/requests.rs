//! HTTP rules and what else looks into traffic.

use super::world::{cnp, named, to_api, world};

fn http(rules: &str) -> String {
    entry(&format!(", rules: {{http: [{rules}]}}"))
}

fn entry(rest: &str) -> String {
    format!("{{fromEndpoints: [{{}}], toPorts: [{{ports: [{{port: '80', protocol: TCP}}]{rest}}}]}}")
}

#[test]
fn requests_match_all_conditions_of_a_rule() {
    // K-43, K-44, K-45
    let world = world(&to_api(&http(
        "{method: GET|HEAD, path: /a/.*}, {method: POST, path: /b, headers: ['X-K: v w', X-T]}, {path: /c, host: 'api[.]x'}",
    )));
    world.check(&[
        ("shop/web > shop/api:80", "partial"),
        ("ops/mon > shop/api:80", "deny"),
        ("shop/web > shop/api:80 GET /a/b", "allow"),
        ("shop/web > shop/api:80 HEAD /a/", "allow"),
        ("shop/web > shop/api:80 GET /a", "deny"),
        ("shop/web > shop/api:80 get /a/b", "deny"),
        ("shop/web > shop/api:80 GET /x/a/b", "deny"),
        ("shop/web > shop/api:80 POST /a/b", "deny"),
        ("shop/web > shop/api:80 POST /b", "deny"),
        ("shop/web > shop/api:80 POST /b?q X-T=1", "deny"),
        ("shop/web > shop/api:80 POST /b x-t=1", "deny"),
        ("shop/web > shop/api:80 PUT /c host=api.x", "allow"),
        ("shop/web > shop/api:80 PUT /c host=api.x:80", "deny"),
        ("shop/web > shop/api:81 GET /a/b", "deny"),
    ]);
}

#[test]
fn headers() {
    // K-45
    let rule = |matches: &str| to_api(&http(&format!("{{headerMatches: [{matches}]}}")));
    world(&rule("{name: X-K, value: v}")).check(&[
        ("shop/web > shop/api:80 GET / X-K=v", "allow"),
        ("shop/web > shop/api:80 GET / x-k=v", "allow"),
        ("shop/web > shop/api:80 GET / X-K=w", "deny"),
        ("shop/web > shop/api:80 GET /", "deny"),
    ]);
    world(&rule("{name: X-K}"))
        .check(&[("shop/web > shop/api:80 GET / X-K=w", "allow"), ("shop/web > shop/api:80 GET /", "deny")]);
    // What only corrects a request keeps none out.
    world(&rule("{name: X-K, value: v, mismatch: ADD}"))
        .check(&[("shop/web > shop/api:80 GET /", "allow"), ("shop/web > shop/api:80", "allow")]);
    world(&rule("{name: X-K, secret: {name: s}}")).check(&[("shop/web > shop/api:80", "partial")]);
    let blanks = to_api(&http("{headers: ['X-K: a b', 'X-L:c']}"));
    world(&blanks).check(&[("shop/web > shop/api:80 GET / X-K=a X-L=c", "deny")]);
}

#[test]
fn a_list_without_rules_and_a_rule_without_conditions() {
    // K-43
    world(&to_api(&http(""))).check(&[("shop/web > shop/api:80", "allow")]);
    world(&to_api(&http("{}"))).check(&[("shop/web > shop/api:80", "allow")]);
    // All requests are not all that may go over a port.
    world(&to_api(&http("{path: .*}")))
        .check(&[("shop/web > shop/api:80", "partial"), ("shop/web > shop/api:80 DELETE /x", "allow")]);
    world(&to_api(&http("{path: .*}, {}"))).check(&[("shop/web > shop/api:80", "allow")]);
}

#[test]
fn an_allow_without_rules_opens_all_requests() {
    // K-46
    let get = to_api(&http("{method: GET}"));
    let beside = |entry: &str| {
        get.clone()
            + &named(
                "other",
                &format!("{{endpointSelector: {{matchLabels: {{app: api}}}}, ingress: [{entry}]}}"),
            )
    };
    for (entry, verdict) in [
        (entry(""), "allow"),
        ("{fromEndpoints: [{}]}".into(), "allow"),
        ("{toPorts: [{ports: [{port: '70', endPort: 90}]}]}".into(), "allow"),
        ("{fromEndpoints: [{matchLabels: {app: web}}]}".into(), "allow"),
        ("{fromEndpoints: [{matchLabels: {app: db}}]}".into(), "deny"),
        ("{toPorts: [{ports: [{port: '81'}]}]}".into(), "deny"),
        (http("{method: POST}"), "allow"),
        (http("{method: PUT}"), "deny"),
    ] {
        world(&beside(&entry))
            .check(&[("shop/web > shop/api:80 POST /", verdict), ("shop/web > shop/api:80 GET /", "allow")]);
    }
}

#[test]
fn both_sides_rules_must_let_a_request_pass() {
    // K-48
    let out = "{endpointSelector: {matchLabels: {app: web}}, egress: [{toPorts: [{ports: [{port: '80', protocol: TCP}], rules: {http: [{path: /a}]}}]}]}";
    let world = world(&(to_api(&http("{method: GET}")) + &named("out", out)));
    world.check(&[
        ("shop/web > shop/api:80 GET /a", "allow"),
        ("shop/web > shop/api:80 GET /b", "deny"),
        ("shop/web > shop/api:80 PUT /a", "deny"),
        ("shop/web > shop/api:80", "partial"),
    ]);
}

#[test]
fn what_npv_cannot_look_into_is_partial() {
    // K-49
    for rest in [
        ", serverNames: [a.example.com]",
        ", terminatingTLS: {secret: {name: s}}",
        ", originatingTLS: {secret: {name: s}}",
    ] {
        world(&to_api(&entry(rest)))
            .check(&[("shop/web > shop/api:80", "partial"), ("ops/mon > shop/api:80", "deny")]);
    }
    let listener = "{endpointSelector: {}, egress: [{toPorts: [{ports: [{port: '80'}], listener: {envoyConfig: {name: e}, name: l}}]}]}";
    world(&cnp(listener)).check(&[("shop/web > shop/api:80", "partial")]);
    let proven = "{fromEndpoints: [{}], authentication: {mode: required}}";
    world(&to_api(proven)).check(&[("shop/web > shop/api:80", "allow")]);
}
