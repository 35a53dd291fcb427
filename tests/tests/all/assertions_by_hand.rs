//! Assertions about the manifests in small clusters made for one question each: random worlds seldom ask it.

use std::fs;

use npv_tests::npv::{Run, npv};
use serde_json::Value;

/// A pod of the namespace `shop`: its name, labels, more of its metadata, and of its spec.
fn pod(name: &str, labels: &str, metadata: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{{labels}}}{metadata}}}\n\
         spec: {{containers: [{{name: c}}]{spec}}}\n"
    )
}

fn owned(kind: &str, name: &str) -> String {
    format!(
        ", ownerReferences: [{{apiVersion: apps/v1, kind: {kind}, name: {name}, uid: u, controller: true}}]"
    )
}

fn node(name: &str, zone: &str, address: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}, labels: {{zone: {zone}}}}}\n\
         status: {{addresses: [{{type: InternalIP, address: {address}}}]}}\n"
    )
}

fn policy(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec: {{{spec}}}\n"
    )
}

fn run(manifests: &[String], assertion: &str, more: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("all.yaml"), manifests.concat()).unwrap();
    let assertion = format!("{{world: snapshot, {assertion}}}");
    npv(folder.path(), [&["prove", &assertion, "--format", "json"], more, &["all.yaml"]].concat())
}

fn answer(manifests: &[String], assertion: &str, more: &[&str]) -> Value {
    let run = run(manifests, assertion, more);
    let document: Result<Value, _> = serde_json::from_str(&run.stdout);
    assert!(document.is_ok(), "{run}");
    document.unwrap()["assertions"][0].clone()
}

fn holds(manifests: &[String], assertion: &str) -> bool {
    answer(manifests, assertion, &[])["holds"].as_bool().unwrap()
}

#[test]
fn two_single_pods_that_look_alike_meet_and_one_does_not_meet_itself() {
    let among = "expect: deny, from: {pods: {app: a}}, to: {pods: {app: a}}";
    let [one, other] = ["one", "other"].map(|name| pod(name, "app: a", "", ""));
    assert!(!holds(&[one.clone(), other], among));
    assert!(holds(&[one], among));
}

#[test]
fn pods_of_one_workload_are_shown_as_two() {
    let pods = ["a-0", "a-1"].map(|name| pod(name, "app: a", &owned("StatefulSet", "a"), ""));
    let isolated =
        policy("own", "podSelector: {matchLabels: {app: a}}, ingress: [{from: [{podSelector: {}}]}]");
    let manifests = [pods.concat(), isolated];
    let answer = answer(&manifests, "expect: deny, from: shop/a, to: shop/a", &[]);
    let steps = answer["counterexample"]["steps"].as_array().unwrap();
    // Had it been one pod, no policy would have had a say.
    assert!(steps.iter().any(|step| step["object"] == "NetworkPolicy/shop/own"), "{answer:#}");
}

#[test]
fn sources_that_differ_only_in_egress_are_told_apart() {
    let manifests = ["a", "b", "c"].map(|app| pod(app, &format!("app: {app}"), "", ""));
    let closed = policy("a", "podSelector: {matchLabels: {app: a}}, policyTypes: [Egress]");
    let manifests = [manifests.concat(), closed];
    assert!(holds(&manifests, "expect: deny, from: shop/a, to: shop/c"));
    assert!(!holds(&manifests, "expect: deny, from: {pods: {}}, to: shop/c"));
    assert!(!holds(&manifests, "expect: deny, from: {pods: {app: [a, b]}}, to: shop/c"));
}

#[test]
fn a_port_by_its_name_is_looked_up_with_its_protocol() {
    let declares = |app: &str, ports: &str| {
        pod(app, &format!("app: {app}"), "", &format!(", containers: [{{name: c, ports: [{ports}]}}]"))
            .replace("containers: [{name: c}], ", "")
    };
    let both = "{name: web, containerPort: 80, protocol: UDP}, {name: admin, containerPort: 9000}, {containerPort: 1}";
    let open = policy(
        "udp",
        "podSelector: {matchLabels: {app: b}}, ingress: [{ports: [{port: 80, protocol: UDP}, {port: 1}]}]",
    );
    let manifests = [pod("a", "app: a", "", ""), declares("b", both), open];
    let about =
        |ports: &str| holds(&manifests, &format!("expect: deny, from: shop/a, to: shop/b, ports: [{ports}]"));
    assert!(!about("web"));
    assert!(!about("web/udp"));
    assert!(about("web/tcp"));
    assert!(about("admin"));
    let allowed = |ports: &str| {
        holds(&manifests, &format!("expect: allow, from: shop/a, to: shop/b, ports: [{ports}]"))
    };
    assert!(allowed("web"));
    assert!(!allowed("admin"));
}

#[test]
fn nodes_are_told_apart_by_their_labels() {
    let manifests = [
        node("one", "a", "10.0.0.1"),
        node("two", "b", "10.0.0.2"),
        pod("db", "app: db", "", ""),
        policy("db", "podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.2/32}}]}]"),
    ];
    let from = |zone: &str| {
        holds(&manifests, &format!("expect: deny, from: {{nodes: {{zone: {zone}}}}}, to: shop/db"))
    };
    assert!(from("a"));
    assert!(!from("b"));
    assert!(!from("[a, b]"));
}

#[test]
fn a_workload_is_all_of_its_pods() {
    let of = |name: &str, role: &str| pod(name, &format!("role: {role}"), &owned("StatefulSet", "db"), "");
    let manifests = [
        of("db-0", "main"),
        of("db-1", "copy"),
        of("db-2", "copy"),
        pod("api", "app: api", "", ""),
        policy(
            "api",
            "podSelector: {matchLabels: {app: api}}, ingress: [{from: [{podSelector: {matchLabels: {role: copy}}}]}]",
        ),
    ];
    assert!(!holds(&manifests, "expect: deny, from: shop/db, to: shop/api"));
    assert!(holds(&manifests, "expect: deny, from: shop/Pod/db-0, to: shop/api"));
    let one_of_two = run(&manifests, "expect: deny, from: shop/Pod/db-1, to: shop/api", &[]);
    let message = "`shop/Pod/db-1` is one pod of several that policies cannot tell apart";
    assert!(one_of_two.status == 2 && one_of_two.to_string().contains(message), "{one_of_two}");
}

#[test]
fn no_pair_that_where_speaks_of_is_said() {
    let pods = ["a", "b"].map(|app| pod(app, &format!("app: {app}, tenant: t"), "", ""));
    let across =
        "expect: deny, from: {pods: {tenant: t}}, to: {pods: {tenant: t}}, where: from.tenant != to.tenant";
    let answer = answer(&pods, across, &[]);
    assert_eq!(answer["vacuous"], "there is no pair in these manifests that `where` speaks of", "{answer:#}");
}

#[test]
fn a_node_shut_out_of_the_host_network_is_shown_for_a_pod_elsewhere() {
    let manifests = [
        node("one", "a", "10.0.0.1"),
        pod("db", "app: db", "", ", hostNetwork: true, nodeName: one"),
        policy("db", "podSelector: {}"),
    ];
    let about = "expect: allow, from: {nodes: {zone: a}}, to: shop/db";
    let answer = answer(&manifests, about, &["--selectors-see-host-network"]);
    // S-35: where the pod runs its node always gets through; the answer is about a pod like it elsewhere.
    assert_eq!(answer["holds"], false, "{answer:#}");
}
