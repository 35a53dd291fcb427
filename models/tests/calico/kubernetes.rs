//! Policies of Kubernetes among Calico's (C-60 to C-63).

use crate::world::{OUTSIDE, PODS, gnp, np, object, on, tier, world};

/// A NetworkPolicy on `red/web`.
fn knp(name: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: {name}, namespace: red}}, spec: {{podSelector: {{matchLabels: {{app: web}}}}, {spec}}}}}\n"
    )
}

fn anp(priority: u16, rules: &str) -> String {
    format!(
        "{{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {{name: it}}, spec: {{priority: {priority}, subject: {{namespaces: {{}}}}, {rules}}}}}\n"
    )
}

fn banp(rules: &str) -> String {
    format!(
        "{{apiVersion: policy.networking.k8s.io/v1alpha1, kind: BaselineAdminNetworkPolicy, metadata: {{name: default}}, spec: {{subject: {{namespaces: {{}}}}, {rules}}}}}\n"
    )
}

#[test]
fn c60_a_network_policy_is_at_order_1000() {
    let allow = knp("k", "ingress: [{from: [{podSelector: {matchLabels: {app: db}}}]}]");
    let deny =
        |order: &str| gnp("deny", &format!("{{{order}types: [Ingress], ingress: [{{action: Deny}}]}}"));
    let verdict = |order: &str| world(&[allow.clone(), deny(order)]).verdict("red/db -> red/web:80/tcp");
    assert_eq!(verdict("order: 999.5, "), "deny");
    assert_eq!(verdict("order: 1000.5, "), "allow");
    assert_eq!(verdict(""), "allow");
    // Of equal orders the key decides: `default.deny` comes before `red/knp.default.k`.
    assert_eq!(verdict("order: 1000, "), "deny");
    let own = |name: &str| np(name, "{order: 1000, types: [Ingress], ingress: [{action: Deny}]}");
    assert_eq!(
        world(&[allow.clone(), own("red/z")]).verdict("red/db -> red/web:80/tcp"),
        "deny",
        "`red/default.z`"
    );
    let world = world(&[allow, deny("")]);
    assert_eq!(world.steps("red/db -> red/web:80/tcp"), ["default k allow"]);
}

#[test]
fn c60_selectors_match_no_sets() {
    let set = object("GlobalNetworkSet", "s", "{nets: [203.0.113.0/24]}");
    let everybody = knp("k", "ingress: [{from: [{namespaceSelector: {}}]}]");
    let world = world(&[set, everybody]);
    assert_eq!(world.reach("red/web", "80/tcp").last(), Some(&"plain/bare"));
}

#[test]
fn c61_its_isolation_is_not_final() {
    let isolated = knp("k", "ingress: []");
    let later = np(
        "red/later",
        "{selector: app == 'web', types: [Ingress], ingress: [{action: Allow, source: {selector: app == 'db'}}]}",
    );
    assert_eq!(world(&[isolated.clone()]).reach("red/web", "80/tcp"), [""; 0]);
    assert_eq!(world(&[isolated, later]).reach("red/web", "80/tcp"), ["red/db"]);
}

#[test]
fn c62_admin_policies_have_a_tier_at_1000() {
    let deny = anp(
        10,
        "ingress: [{action: Deny, from: [{namespaces: {matchLabels: {team: blue}}}], ports: [{portNumber: {protocol: TCP, port: 80}}]}]",
    );
    let allow = |tier: &str| {
        gnp(
            &format!("{tier}.all"),
            &format!("{{tier: {tier}, types: [Ingress], ingress: [{{action: Allow}}]}}"),
        )
    };
    let flow = "blue/mon -> red/web:80/tcp";
    let verdict = |order: &str| world(&[tier("ops", order), allow("ops"), deny.clone()]).verdict(flow);
    assert_eq!(verdict("{order: 999}"), "allow");
    assert_eq!(verdict("{order: 1001}"), "deny");
    // What it does not match is for the next tier.
    world(&[deny.clone()]).check(&[
        (flow, "deny"),
        ("blue/mon -> red/web:81/tcp", "allow"),
        ("red/db -> red/web:80/tcp", "allow"),
    ]);
    assert_eq!(on("calico@3.28", &[deny]).verdict(flow), "allow", "not before 3.29");
    let lower =
        anp(5, "ingress: [{action: Allow, from: [{namespaces: {}}]}]").replace("name: it", "name: first");
    let higher = anp(6, "ingress: [{action: Deny, from: [{namespaces: {}}]}]");
    assert_eq!(world(&[lower, higher]).verdict(flow), "allow");
}

#[test]
fn c62_its_namespaces_hold_sets_too() {
    let set = object("NetworkSet", "blue/s", "{nets: [203.0.113.0/24]}");
    let global = object("GlobalNetworkSet", "g", "{nets: [198.51.100.0/24]}");
    let deny = |peer: &str| anp(10, &format!("ingress: [{{action: Deny, from: [{peer}]}}]"));
    let verdicts = |peer: &str| {
        let world = world(&[set.clone(), global.clone(), deny(peer)]);
        ["203.0.113.5", "198.51.100.5"].map(|src| world.verdict(&format!("{src} -> red/web:80/tcp")))
    };
    assert_eq!(verdicts("{namespaces: {matchLabels: {team: blue}}}"), ["deny", "allow"]);
    assert_eq!(verdicts("{namespaces: {}}"), ["deny", "allow"]);
    assert_eq!(
        verdicts("{namespaces: {matchExpressions: [{key: team, operator: NotIn, values: [blue]}]}}"),
        ["allow", "deny"]
    );
    assert_eq!(verdicts("{pods: {namespaceSelector: {}, podSelector: {}}}"), ["allow", "allow"]);
}

#[test]
fn c63_the_baseline_is_for_those_whom_the_default_tier_leaves_alone() {
    let baseline = banp("ingress: [{action: Deny, from: [{namespaces: {}}]}]");
    let all: Vec<&str> = PODS.into_iter().chain([OUTSIDE]).filter(|end| *end != "red/web").collect();
    assert_eq!(world(&[baseline.clone()]).reach("red/web", "80/tcp"), [OUTSIDE]);
    assert_eq!(on("calico@3.29", &[baseline.clone()]).reach("red/web", "80/tcp"), all, "not before 3.30");
    let selected = knp("k", "ingress: [{from: [{podSelector: {matchLabels: {app: db}}}]}]");
    assert_eq!(world(&[baseline.clone(), selected]).reach("red/web", "80/tcp"), ["red/db"]);
    let pass = gnp("pass", "{types: [Ingress], ingress: [{action: Pass, protocol: TCP}]}");
    let world = world(&[baseline, pass]);
    world.check(&[("red/db -> red/web:80/tcp", "deny"), ("203.0.113.5 -> red/web:80/tcp", "allow")]);
}
