//! Whom policies apply to, and what becomes of the others.

use super::world::{ccnp, cnp, to_api, world};

#[test]
fn who_is_not_selected_is_open_and_directions_are_apart() {
    // K-1, K-2
    let world = world(&cnp(
        "{endpointSelector: {matchLabels: {app: api}}, ingress: [{fromEndpoints: [{matchLabels: {app: web}}]}]}",
    ));
    world.check(&[
        ("shop/web > shop/api:80", "allow"),
        ("shop/db > shop/api:80", "deny"),
        ("shop/api > shop/db:80", "allow"),
        ("ops/mon > shop/db:80", "allow"),
        ("shop/web > ops/api:80", "allow"),
    ]);
}

#[test]
fn each_of_the_rules_of_an_object_counts() {
    // K-3
    let text = to_api("{fromEndpoints: [{matchLabels: {app: web}}]}")
        + "specs:\n- {endpointSelector: {matchLabels: {app: db}}, ingress: [{}]}\n- {endpointSelector: {}, egress: [{toEndpoints: [{}]}]}\n";
    world(&text).check(&[
        ("shop/web > shop/api:80", "allow"),
        ("shop/db > shop/api:80", "deny"),
        ("shop/web > shop/db:80", "deny"),
        ("shop/web > ops/mon:80", "deny"),
    ]);
}

#[test]
fn a_policy_is_about_pods_of_its_namespace() {
    // K-4: whatever namespace it names. As a label of any source it is one more demand, which nobody meets.
    for (selector, isolates) in [
        ("{}", true),
        ("{matchLabels: {'k8s:io.kubernetes.pod.namespace': ops}}", true),
        ("{matchLabels: {io.kubernetes.pod.namespace: ops}}", false),
        (
            "{matchExpressions: [{key: 'k8s:io.kubernetes.pod.namespace', operator: In, values: [ops]}]}",
            false,
        ),
    ] {
        let world = world(&cnp(&format!("{{endpointSelector: {selector}, ingress: [{{}}]}}")));
        let verdict = if isolates { "deny" } else { "allow" };
        world.check(&[("lab/web > shop/api:80", verdict), ("lab/web > ops/api:80", "allow")]);
    }
}

#[test]
fn a_clusterwide_policy_is_about_every_endpoint() {
    // K-5
    let all = world(&ccnp("{endpointSelector: {}, ingress: [{fromEndpoints: [{matchLabels: {app: mon}}]}]}"));
    all.check(&[
        ("ops/mon > shop/api:80", "allow"),
        ("shop/web > lab/web:80", "deny"),
        ("ops/mon > {health}:4240", "allow"),
        ("shop/web > {health}:4240", "deny"),
        ("192.0.2.1 > {ingress}:80", "deny"),
        // K-26: nor is it about nodes, or pods on their network.
        ("shop/web > ops/agent:80", "allow"),
        ("shop/web > {host}:80", "allow"),
    ]);
    let health = world(&ccnp("{endpointSelector: {matchLabels: {'reserved:health': ''}}, ingress: [{}]}"));
    health.check(&[
        ("shop/web > {health}:4240", "deny"),
        ("shop/web > shop/api:80", "allow"),
        ("shop/web > {ingress}:80", "allow"),
    ]);
    let prod = world(&ccnp(
        "{endpointSelector: {matchLabels: {io.cilium.k8s.namespace.labels.env: prod}}, ingress: [{}]}",
    ));
    prod.check(&[
        ("lab/web > shop/api:80", "deny"),
        ("shop/web > lab/web:80", "allow"),
        ("shop/web > {health}:80", "allow"),
    ]);
}

#[test]
fn rules_about_nodes_leave_pods_alone() {
    // K-6
    let world = world(&ccnp("{nodeSelector: {}, ingress: [{}], egress: [{}]}"));
    world.check(&[
        ("shop/web > shop/api:80", "allow"),
        ("shop/web > ops/agent:80", "allow"),
        ("{host} > shop/api:80", "allow"),
    ]);
}

#[test]
fn selectors_see_labels_of_identities_only() {
    // K-7, K-8, K-9, K-10
    for (selector, selects) in [
        ("{matchLabels: {app: db}}", true),
        ("{matchLabels: {'k8s:app': db}}", true),
        ("{matchLabels: {'any:app': db}}", true),
        ("{matchLabels: {'container:app': db}}", false),
        ("{matchLabels: {'reserved:app': db}}", false),
        ("{matchLabels: {pod-template-hash: '1'}}", false),
        ("{matchExpressions: [{key: pod-template-hash, operator: DoesNotExist}]}", true),
        ("{matchLabels: {io.cilium.k8s.policy.serviceaccount: db}}", true),
        ("{matchLabels: {io.cilium.k8s.policy.serviceaccount: default}}", false),
        (
            "{matchExpressions: [{key: io.cilium.k8s.policy.serviceaccount, operator: NotIn, values: [default]}]}",
            true,
        ),
        ("{matchLabels: {io.cilium.k8s.policy.cluster: default}}", true),
        ("{matchLabels: {io.cilium.k8s.policy.cluster: other}}", false),
        ("{matchLabels: {io.cilium.k8s.namespace.labels.team: red}}", true),
        ("{matchLabels: {io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name: shop}}", true),
        ("{matchExpressions: [{key: tier, operator: DoesNotExist}]}", true),
        ("{matchExpressions: [{key: tier, operator: NotIn, values: [front]}]}", true),
        (
            "{matchExpressions: [{key: app, operator: In, values: [db, web]}, {key: tier, operator: Exists}]}",
            false,
        ),
    ] {
        let world = world(&cnp(&format!("{{endpointSelector: {selector}, ingress: [{{}}]}}")));
        world.check(&[("ops/mon > shop/db:80", if selects { "deny" } else { "allow" })]);
    }
}
