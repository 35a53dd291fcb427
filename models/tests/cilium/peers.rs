//! Who may be at the other end.

use super::world::{ccnp, cnp, from_web, to_api, world};

#[test]
fn endpoints_are_those_of_the_own_namespace_unless_another_is_named() {
    // K-12
    for (selector, who) in [
        ("{}", "shop/web shop/db"),
        ("{matchLabels: {app: web}}", "shop/web"),
        ("{matchLabels: {'k8s:io.kubernetes.pod.namespace': ops}}", "ops/mon"),
        ("{matchLabels: {io.kubernetes.pod.namespace: ops}}", "ops/mon"),
        (
            "{matchExpressions: [{key: 'k8s:io.kubernetes.pod.namespace', operator: Exists}]}",
            "shop/web shop/db ops/mon lab/web",
        ),
        (
            "{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: NotIn, values: [shop]}]}",
            "ops/mon lab/web",
        ),
        ("{matchLabels: {io.cilium.k8s.namespace.labels.team: blue}}", "ops/mon lab/web"),
        ("{matchLabels: {io.cilium.k8s.namespace.labels.team: blue, app: web}}", "lab/web"),
        // K-63
        ("{matchLabels: {io.cilium.k8s.policy.cluster: other}}", ""),
        ("{matchLabels: {'reserved:host': ''}}", "{host}"),
        (
            "{matchExpressions: [{key: 'reserved:host', operator: DoesNotExist}]}",
            "shop/web shop/db ops/mon lab/web {remote-node} {kube-apiserver} {health} {ingress} 192.0.2.1 {host}",
        ),
    ] {
        admits(&to_api(&format!("{{fromEndpoints: [{selector}]}}")), who);
    }
    let everywhere = "{endpointSelector: {matchLabels: {app: api}}, ingress: [{fromEndpoints: [{}]}]}";
    admits(&ccnp(everywhere), "shop/web shop/db ops/mon lab/web");
}

/// Compares who reaches `shop/api` of all there are. Its own node does in any case (K-60).
#[track_caller]
fn admits(policies: &str, who: &str) {
    let world = world(policies);
    let who: Vec<&str> = who.split_whitespace().collect();
    for end in [
        "shop/web",
        "shop/db",
        "ops/mon",
        "lab/web",
        "{host}",
        "{remote-node}",
        "{health}",
        "{ingress}",
        "192.0.2.1",
        "203.0.113.9",
    ] {
        let there = who.contains(&end)
            || end == "{host}"
            || (end == "203.0.113.9" && who.contains(&"192.0.2.1") && who.len() > 3);
        let flow = format!("{end} > shop/api:80");
        world.check(&[(&flow, if there { "allow" } else { "deny" })]);
    }
}

#[test]
fn no_peer_an_empty_list_and_an_empty_entry() {
    // K-14, K-15, K-35
    for (entry, verdict) in [
        ("{}", "deny"),
        ("{fromEndpoints: []}", "deny"),
        ("{fromEndpoints: [], toPorts: [{ports: [{port: '80'}]}]}", "deny"),
        ("{fromEntities: [all], fromCIDR: []}", "deny"),
        ("{toPorts: []}", "deny"),
        ("{toPorts: [{}]}", "deny"),
        ("{toPorts: [{ports: []}]}", "deny"),
        ("{toPorts: [{ports: [{port: '80'}]}]}", "allow"),
        (
            "{fromEndpoints: [{matchExpressions: [{key: 'k8s:io.kubernetes.pod.namespace', operator: Exists}]}], toPorts: [{}]}",
            "deny",
        ),
        (
            "{fromEndpoints: [{matchExpressions: [{key: 'k8s:io.kubernetes.pod.namespace', operator: Exists}]}], toPorts: []}",
            "allow",
        ),
    ] {
        world(&to_api(entry)).check(&[("ops/mon > shop/api:80", verdict)]);
    }
    world(&from_web("{toFQDNs: [], toPorts: [{ports: [{port: '80'}]}]}"))
        .check(&[("shop/web > ops/mon:80", "allow")]);
}

#[test]
fn blocks_are_outside_addresses() {
    // K-20, K-21, K-22
    world(&to_api("{fromCIDR: [0.0.0.0/0]}")).check(&[
        ("192.0.2.1 > shop/api:80", "allow"),
        ("10.0.0.1 > shop/api:80", "allow"),
        ("shop/web > shop/api:80", "deny"),
        ("{remote-node} > shop/api:80", "deny"),
        ("{health} > shop/api:80", "deny"),
        ("{ingress} > shop/api:80", "deny"),
        ("2001:db8::1 > shop/api:80", "deny"),
    ]);
    let entry = "{fromCIDRSet: [{cidr: 192.0.2.0/24, except: [192.0.2.128/25]}, {cidr: 192.0.2.200/32}]}";
    world(&to_api(entry)).check(&[
        ("192.0.2.1 > shop/api:80", "allow"),
        ("192.0.2.129 > shop/api:80", "deny"),
        ("192.0.2.200 > shop/api:80", "allow"),
        ("203.0.113.1 > shop/api:80", "deny"),
    ]);
}

#[test]
fn groups_of_addresses() {
    // K-23: an address has the labels of all groups that it is in.
    for (group, low, high, other, outside) in [
        ("{cidrGroupRef: gold}", "allow", "allow", "deny", "deny"),
        ("{cidrGroupRef: gold, except: [192.0.2.128/25]}", "allow", "deny", "deny", "deny"),
        ("{cidrGroupRef: missing}", "deny", "deny", "deny", "deny"),
        ("{cidrGroupSelector: {matchLabels: {level: silver}}}", "deny", "allow", "allow", "deny"),
        ("{cidrGroupSelector: {matchLabels: {level: silver, eu: 'yes'}}}", "deny", "allow", "deny", "deny"),
        (
            "{cidrGroupSelector: {matchExpressions: [{key: level, operator: In, values: [gold, silver]}]}}",
            "allow",
            "allow",
            "allow",
            "deny",
        ),
        (
            "{cidrGroupSelector: {matchExpressions: [{key: level, operator: NotIn, values: [gold]}]}}",
            "deny",
            "deny",
            "allow",
            "allow",
        ),
        (
            "{cidrGroupSelector: {matchExpressions: [{key: eu, operator: DoesNotExist}]}, except: [198.51.100.0/24]}",
            "deny",
            "deny",
            "deny",
            "allow",
        ),
    ] {
        world(&to_api(&format!("{{fromCIDRSet: [{group}]}}"))).check(&[
            ("192.0.2.1 > shop/api:80", low),
            ("192.0.2.200 > shop/api:80", high),
            ("198.51.100.1 > shop/api:80", other),
            ("203.0.113.1 > shop/api:80", outside),
            ("ops/mon > shop/api:80", "deny"),
        ]);
    }
    // The selector of nothing is that of everybody.
    world(&to_api("{fromCIDRSet: [{cidrGroupSelector: {}}]}")).check(&[("ops/mon > shop/api:80", "allow")]);
}

#[test]
fn entities() {
    // K-24
    for (entity, who) in [
        ("all", "shop/web shop/db ops/mon lab/web {remote-node} {health} {ingress} 192.0.2.1"),
        ("world", "192.0.2.1"),
        ("cluster", "shop/web shop/db ops/mon lab/web {remote-node} {health} {ingress}"),
        ("host", ""),
        ("remote-node", "{remote-node}"),
        ("health", "{health}"),
        ("ingress", "{ingress}"),
        ("none", ""),
        ("init", ""),
        ("unmanaged", ""),
    ] {
        let world = world(&to_api(&format!("{{fromEntities: [{entity}]}}")));
        for end in [
            "shop/web",
            "shop/db",
            "ops/mon",
            "lab/web",
            "{remote-node}",
            "{health}",
            "{ingress}",
            "192.0.2.1",
        ] {
            let there = who.split_whitespace().any(|name| name == end);
            let flow = format!("{end} > shop/api:80");
            world.check(&[(&flow, if there { "allow" } else { "deny" })]);
        }
    }
    // An API server is on a node or outside, and no manifest says which.
    for (entity, verdict) in [
        ("kube-apiserver", "allow"),
        ("cluster", "allow"),
        ("world", "unknown"),
        ("remote-node", "unknown"),
        ("health", "deny"),
    ] {
        world(&to_api(&format!("{{fromEntities: [{entity}]}}")))
            .check(&[("{kube-apiserver} > shop/api:6443", verdict)]);
    }
}

#[test]
fn pods_on_the_host_network_are_their_node() {
    // K-26: the agent is on the node of the API, and on another one than the web server.
    let to =
        |entity: &str| cnp(&format!("{{endpointSelector: {{}}, ingress: [{{fromEntities: [{entity}]}}]}}"));
    world(&to("remote-node"))
        .check(&[("ops/agent > shop/web:80", "allow"), ("ops/agent > shop/api:80", "allow")]);
    world(&to("host")).check(&[("ops/agent > shop/web:80", "deny"), ("ops/agent > shop/api:80", "allow")]);
    let by_label = "{endpointSelector: {}, ingress: [{fromEndpoints: [{matchExpressions: [{key: 'k8s:io.kubernetes.pod.namespace', operator: Exists}]}]}]}";
    world(&cnp(by_label)).check(&[("ops/agent > shop/web:80", "deny"), ("ops/mon > shop/web:80", "allow")]);
    let from = |entity: &str| from_web(&format!("{{toEntities: [{entity}]}}"));
    world(&from("remote-node"))
        .check(&[("shop/web > ops/agent:80", "allow"), ("shop/web > ops/mon:80", "deny")]);
}

#[test]
fn services_stand_for_what_is_behind_them() {
    // K-40
    let to = |peers: &str, rest: &str| from_web(&format!("{{toServices: [{peers}]{rest}}}"));
    let port = ", toPorts: [{ports: [{port: '80'}]}]";
    let inner = "{k8sService: {serviceName: mon, namespace: ops}}";
    world(&to(inner, "")).check(&[
        ("shop/web > ops/mon:80", "allow"),
        ("shop/web > ops/mon:9999", "allow"),
        ("shop/web > ops/api:80", "deny"),
    ]);
    world(&to(inner, port)).check(&[("shop/web > ops/mon:80", "allow"), ("shop/web > ops/mon:81", "deny")]);
    world(&to("{k8sService: {serviceName: mon}}", "")).check(&[("shop/web > ops/mon:80", "allow")]);
    world(&to("{k8sServiceSelector: {selector: {matchLabels: {kind: inner}}}}", ""))
        .check(&[("shop/web > ops/mon:80", "allow")]);
    world(&to("{k8sServiceSelector: {selector: {matchLabels: {kind: inner}}, namespace: shop}}", ""))
        .check(&[("shop/web > ops/mon:80", "deny")]);
    world(&to("{k8sService: {serviceName: outer, namespace: shop}}", ""))
        .check(&[("shop/web > 192.0.2.10:80", "allow"), ("shop/web > 192.0.2.11:80", "deny")]);
    // Without any such Service, it is as if none were named.
    let missing = "{k8sService: {serviceName: missing}}";
    world(&to(missing, "")).check(&[("shop/web > ops/mon:80", "deny")]);
    world(&to(missing, port))
        .check(&[("shop/web > ops/api:80", "allow"), ("shop/web > 192.0.2.1:80", "allow")]);
    world(&to(&format!("{missing}, {inner}"), port))
        .check(&[("shop/web > ops/mon:80", "allow"), ("shop/web > ops/api:80", "deny")]);
    // A denial does not look Services up.
    let deny = |rest: &str| {
        cnp(&format!(
            "{{endpointSelector: {{}}, egress: [{{toEntities: [all]}}], egressDeny: [{{toServices: [{inner}]{rest}}}]}}"
        ))
    };
    world(&deny("")).check(&[("shop/web > ops/mon:80", "allow")]);
    world(&deny(port)).check(&[("shop/web > ops/api:80", "deny"), ("shop/web > ops/api:81", "allow")]);
}

#[test]
fn names_stand_for_addresses_that_the_proxy_has_seen() {
    // K-41
    let world = world(&from_web(
        "{toFQDNs: [{matchName: a.example.com}, {matchPattern: '*.b.example.com'}, {matchPattern: '**.c.example.com'}], toPorts: [{ports: [{port: '443', protocol: TCP}]}]}",
    ));
    world.check(&[
        ("shop/web > {fqdn a.example.com}:443", "allow"),
        ("shop/web > {fqdn a.example.com}:80", "deny"),
        ("shop/web > {fqdn x.a.example.com}:443", "deny"),
        ("shop/web > {fqdn x.b.example.com}:443", "allow"),
        ("shop/web > {fqdn y.x.b.example.com}:443", "deny"),
        ("shop/web > {fqdn y.x.c.example.com}:443", "allow"),
        ("shop/web > {fqdn *.c.example.com}:443", "allow"),
        ("shop/web > {fqdn *.example.com}:443", "unknown"),
        ("shop/web > 192.0.2.1:443", "deny"),
        ("shop/web > ops/api:443", "deny"),
    ]);
}

#[test]
fn groups_of_a_cloud_are_some_addresses() {
    // K-28
    world(&from_web("{toGroups: [{aws: {securityGroupsIds: [sg-1]}}]}"))
        .check(&[("shop/web > 192.0.2.1:443", "unknown"), ("shop/web > ops/mon:443", "deny")]);
}
