//! NetworkPolicies beside Cilium's own, as Cilium reads them.

use super::world::{cnp, np, world, world_on};

#[test]
fn all_policies_are_one_union() {
    // K-55
    let text = np(
        "{podSelector: {matchLabels: {app: api}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}",
    ) + &cnp(
        "{endpointSelector: {matchLabels: {app: api}}, ingress: [{fromEndpoints: [{matchLabels: {app: db}}]}]}",
    );
    world(&text).check(&[
        ("shop/web > shop/api:80", "allow"),
        ("shop/db > shop/api:80", "allow"),
        ("ops/mon > shop/api:80", "deny"),
        ("ops/mon > shop/db:80", "allow"),
    ]);
}

#[test]
fn blocks_are_outside_addresses() {
    // K-21, K-56
    let text =
        np("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [192.0.2.0/24]}}]}]}");
    let flows = |own| {
        [
            ("203.0.113.1 > shop/api:80", "allow"),
            ("192.0.2.1 > shop/api:80", "deny"),
            ("ops/mon > shop/api:80", "deny"),
            ("{remote-node} > shop/api:80", "deny"),
            ("shop/web > shop/api:80", own),
        ]
    };
    world(&text).check(&flows("deny"));
    // 1.19 takes a block for the own namespace as well.
    world_on("cilium@1.19", &text).check(&flows("allow"));
    world_on("upstream", &text).check(&[("ops/mon > shop/api:80", "allow")]);
    let out = np("{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}");
    for cni in ["cilium", "cilium@1.19"] {
        world_on(cni, &out)
            .check(&[("shop/web > shop/api:80", "deny"), ("shop/web > 192.0.2.1:80", "allow")]);
    }
}

#[test]
fn labels_that_are_no_part_of_an_identity() {
    // K-10
    let subject = np("{podSelector: {matchLabels: {pod-template-hash: '1'}}}");
    world(&subject).check(&[("ops/mon > shop/db:80", "allow")]);
    world_on("upstream", &subject).check(&[("ops/mon > shop/db:80", "deny")]);
    let peer = np(
        "{podSelector: {matchLabels: {app: api}}, ingress: [{from: [{podSelector: {matchLabels: {pod-template-hash: '1'}}}]}]}",
    );
    world(&peer).check(&[("shop/db > shop/api:80", "deny")]);
    world_on("upstream", &peer).check(&[("shop/db > shop/api:80", "allow")]);
}

#[test]
fn an_empty_rule_allows_everything_icmp_too() {
    // K-57
    world(&np("{podSelector: {}, ingress: [{}]}"))
        .check(&[("ops/mon > shop/api:80", "allow"), ("ops/mon > shop/api:8/icmp", "allow")]);
    let ports = np("{podSelector: {}, ingress: [{ports: [{port: 80}, {port: http}]}]}");
    world(&ports).check(&[
        ("ops/mon > shop/api:80", "allow"),
        ("ops/mon > shop/api:80/udp", "deny"),
        ("ops/mon > shop/web:8080", "allow"),
        ("ops/mon > shop/api:8/icmp", "deny"),
    ]);
}

#[test]
fn rules_count_though_the_types_leave_their_direction_out() {
    let text = np(
        "{podSelector: {}, policyTypes: [Egress], egress: [{}], ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}",
    );
    world(&text).check(&[("shop/web > shop/api:80", "allow"), ("ops/mon > shop/api:80", "deny")]);
    world_on("upstream", &text).check(&[("ops/mon > shop/api:80", "allow")]);
    let out =
        np("{podSelector: {}, policyTypes: [Ingress], ingress: [{}], egress: [{to: [{podSelector: {}}]}]}");
    world(&out).check(&[("shop/web > ops/mon:80", "deny"), ("shop/web > shop/api:80", "allow")]);
    // An empty list isolates nobody.
    world(&np("{podSelector: {}, policyTypes: [Ingress], ingress: [{}], egress: []}"))
        .check(&[("shop/web > ops/mon:80", "allow")]);
}

#[test]
fn named_ports_of_the_cluster_up_to_1_19() {
    // K-33
    let text = np(
        "{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: dns, protocol: UDP}, {port: http}]}]}",
    );
    world(&text).check(&[("shop/web > shop/api:80", "allow"), ("shop/web > ops/mon:53/udp", "deny")]);
    world_on("cilium@1.19", &text)
        .check(&[("shop/web > shop/api:80", "deny"), ("shop/web > ops/mon:53/udp", "allow")]);
}

#[test]
fn where_another_plugin_enforces_its_own_policies_are_nobodys() {
    let text = cnp("{endpointSelector: {}, ingress: [{}]}");
    world(&text).check(&[("ops/mon > shop/api:80", "deny")]);
    world_on("calico", &text).check(&[("ops/mon > shop/api:80", "allow")]);
}
