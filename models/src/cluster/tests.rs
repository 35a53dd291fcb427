//! From manifests to the inventory.

use super::{Builder, Cluster, Inventory};
use crate::k8s::testing::{decode_all, inventory, slice, summary};

fn object(version: &str, kind: &str, name: &str, rest: &str) -> String {
    format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop{rest}\n")
}

/// A pod with labels and an owner, as `Kind name`.
fn pod(name: &str, labels: &str, owner: &str, more: &str) -> String {
    let owner = match owner.split_once(' ') {
        Some((kind, name)) => {
            format!(", ownerReferences: [{{kind: {kind}, name: {name}, controller: true}}]")
        }
        None => String::new(),
    };
    object(
        "v1",
        "Pod",
        name,
        &format!(", labels: {{{labels}}}{owner}}}\nspec: {{containers: [{{name: a}}]}}\n{more}"),
    )
}

fn controller(version: &str, kind: &str, name: &str, spec: &str, owner: &str) -> String {
    let owner = match owner.split_once(' ') {
        Some((kind, name)) => {
            format!(", ownerReferences: [{{kind: {kind}, name: {name}, controller: true}}]")
        }
        None => String::new(),
    };
    let template = "template: {metadata: {labels: {app: web}}, spec: {containers: []}}";
    let spec = if kind == "CronJob" {
        format!("{{jobTemplate: {{spec: {{{spec}{template}}}}}}}")
    } else {
        format!("{{{spec}{template}}}")
    };
    object(version, kind, name, &format!("{owner}}}\nspec: {spec}\n"))
}

fn join(texts: &[String]) -> String {
    texts.join("---\n")
}

/// `namespace/name[Kind]` of every workload with its groups: labels, number of pods, `+` for several.
fn workloads(cluster: &Cluster) -> Vec<String> {
    cluster
        .workloads
        .iter()
        .map(|workload| {
            let groups: Vec<String> = workload
                .groups
                .iter()
                .map(|id| {
                    let group = &cluster.groups[id.0 as usize];
                    assert_eq!(group.namespace, workload.namespace);
                    let host = if group.host_network { " host" } else { "" };
                    let several = if group.several { "+" } else { "" };
                    format!("{}{host} x{}{several}", group.labels, group.pods)
                })
                .collect();
            let namespace = &cluster.namespaces[workload.namespace.0 as usize].name;
            format!("{namespace}/{}[{}]: {}", workload.name, workload.kind, groups.join("; "))
        })
        .collect()
}

#[track_caller]
fn check(texts: &[String], wanted: &[&str]) {
    // The order of the manifests must not matter.
    for texts in [texts.to_vec(), texts.iter().rev().cloned().collect()] {
        assert_eq!(workloads(&inventory(&join(&texts)).cluster), wanted);
    }
}

#[test]
fn templates_stand_for_their_pods() {
    for (version, kind, spec, wanted) in [
        ("apps/v1", "Deployment", "replicas: 3, ", "app=web x3+"),
        ("apps/v1", "Deployment", "replicas: 1, ", "app=web x1"),
        ("apps/v1", "Deployment", "replicas: 0, ", "app=web x0"),
        ("apps/v1", "Deployment", "", "app=web x1"),
        ("apps/v1", "DaemonSet", "", "app=web x1+"),
        ("batch/v1", "CronJob", "", "app=web x1"),
        ("batch/v1", "CronJob", "parallelism: 2, ", "app=web x2+"),
    ] {
        let text = controller(version, kind, "web", spec, "");
        assert_eq!(workloads(&inventory(&text).cluster), [format!("shop/web[{kind}]: {wanted}")]);
    }
}

#[test]
fn what_is_scaled_automatically_can_have_several_pods() {
    let scaler = |kind: &str, spec: &str| {
        let version = if kind == "ScaledObject" { "keda.sh/v1alpha1" } else { "autoscaling/v2" };
        object(version, kind, "web", &format!("}}\nspec: {{scaleTargetRef: {{{spec}\n"))
    };
    let deployment = controller("apps/v1", "Deployment", "web", "replicas: 1, ", "");
    for (scaler, wanted) in [
        (scaler("HorizontalPodAutoscaler", "kind: Deployment, name: web}, maxReplicas: 9}"), "app=web x1+"),
        (scaler("HorizontalPodAutoscaler", "kind: Deployment, name: web}, maxReplicas: 1}"), "app=web x1"),
        (scaler("HorizontalPodAutoscaler", "kind: StatefulSet, name: web}, maxReplicas: 9}"), "app=web x1"),
        (scaler("HorizontalPodAutoscaler", "kind: Deployment, name: api}, maxReplicas: 9}"), "app=web x1"),
        (scaler("ScaledObject", "name: web}}"), "app=web x1+"),
        (scaler("ScaledObject", "name: web}, maxReplicaCount: 1}"), "app=web x1"),
    ] {
        check(&[deployment.clone(), scaler], &[&format!("shop/web[Deployment]: {wanted}")]);
    }
}

#[test]
fn pods_of_a_stateful_set_are_told_apart_where_somebody_asks_for_their_number() {
    let set = controller("apps/v1", "StatefulSet", "db", "replicas: 2, ", "");
    let policy = |selector: &str| {
        object(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "p",
            &format!("}}\nspec: {{ingress: [{{from: [{{podSelector: {{{selector}}}}}]}}]}}\n"),
        )
    };
    check(&[set.clone(), policy("matchLabels: {app: web}")], &["shop/db[StatefulSet]: app=web x2+"]);
    let numbers = |first: u32| {
        let pod = |number: u32| {
            format!(
                "app=web,apps.kubernetes.io/pod-index={number},statefulset.kubernetes.io/pod-name=db-{number} x1"
            )
        };
        format!("shop/db[StatefulSet]: {}; {}", pod(first), pod(first + 1))
    };
    let named = policy("matchLabels: {statefulset.kubernetes.io/pod-name: db-0}");
    check(&[set.clone(), named.clone()], &[&numbers(0)]);
    check(&[set.replace("replicas: 2", "ordinals: {start: 5}, replicas: 2"), named], &[&numbers(5)]);
    let indexed = policy("matchExpressions: [{key: apps.kubernetes.io/pod-index, operator: Exists}]");
    check(&[set.clone(), indexed], &[&numbers(0)]);
    let service =
        object("v1", "Service", "db-0", "}\nspec: {selector: {statefulset.kubernetes.io/pod-name: db-0}}\n");
    check(&[set, service.clone()], &[&numbers(0)]);
    let huge = controller("apps/v1", "StatefulSet", "db", "replicas: 4000000000, ", "");
    check(&[huge, service], &["shop/db[StatefulSet]: app=web x4000000000+"]);
}

#[test]
fn bare_pods_are_workloads_of_one() {
    check(
        &[
            pod("b", "app: b", "", ""),
            pod("a", "app: a", "", ""),
            pod("etcd-n1", "component: etcd", "Node n1", ""),
            pod("done", "app: a", "", "status: {phase: Succeeded}\n"),
        ],
        &["shop/a[Pod]: app=a x1", "shop/b[Pod]: app=b x1", "shop/etcd-n1[Pod]: component=etcd x1"],
    );
}

#[test]
fn pods_stand_under_the_controller_that_a_person_wrote() {
    let hash = "app: web, pod-template-hash: 5d";
    let pods =
        [pod("web-5d-a", hash, "ReplicaSet web-5d", ""), pod("web-5d-b", hash, "ReplicaSet web-5d", "")];
    let replica_set = controller("apps/v1", "ReplicaSet", "web-5d", "replicas: 2, ", "Deployment web");
    let deployment = controller("apps/v1", "Deployment", "web", "replicas: 2, ", "");
    let live = "app=web,pod-template-hash=5d x2+";
    let [a, b] = pods;
    // Only the direct owner is known.
    check(&[a.clone(), b.clone()], &[&format!("shop/web-5d[ReplicaSet]: {live}")]);
    // The chain is known.
    check(&[a.clone(), b.clone(), replica_set.clone()], &[&format!("shop/web[Deployment]: {live}")]);
    check(
        &[a.clone(), b.clone(), replica_set.clone(), deployment.clone()],
        &[&format!("shop/web[Deployment]: {live}")],
    );
    // The link is missing, but its name tells.
    check(&[a, b, deployment.clone()], &[&format!("shop/web[Deployment]: {live}")]);
    // No pods: the template stands for them.
    check(&[replica_set.clone(), deployment.clone()], &["shop/web[Deployment]: app=web x2+"]);
    check(&[replica_set], &["shop/web[Deployment]: app=web x2+"]);
    // A name that only looks like it.
    check(
        &[pod("web-x-a", "app: web", "ReplicaSet web-x", ""), deployment],
        &["shop/web[Deployment]: app=web x2+", "shop/web-x[ReplicaSet]: app=web x1"],
    );
}

#[test]
fn other_chains() {
    check(
        &[
            pod("k-1-a", "app: k", "Job k-28571820", ""),
            controller("batch/v1", "CronJob", "k", "", ""),
            controller("batch/v1", "Job", "m-1", "", "CronJob m"),
            pod("m-1-a", "app: m", "Job m-1", ""),
        ],
        &["shop/k[CronJob]: app=k x1", "shop/m[CronJob]: app=m x1"],
    );
    check(
        &[
            pod("r-5d-a", "rollouts-pod-template-hash: 5d", "ReplicaSet r-5d", ""),
            controller("argoproj.io/v1alpha1", "Rollout", "r", "replicas: 2, ", ""),
            controller("v1", "ReplicationController", "d-2", "replicas: 1, ", "DeploymentConfig d"),
            pod("d-2-x", "app: d", "ReplicationController d-2", ""),
        ],
        &["shop/d[DeploymentConfig]: app=d x1", "shop/r[Rollout]: rollouts-pod-template-hash=5d x1"],
    );
    // An operator's own kind owns a StatefulSet, and is no workload itself.
    check(
        &[
            controller("apps/v1", "StatefulSet", "db", "replicas: 1, ", "Postgres db"),
            pod("db-0", "app: db", "StatefulSet db", ""),
            pod("s-1", "app: s", "SparkApplication s", ""),
        ],
        &["shop/db[StatefulSet]: app=db x1", "shop/s[SparkApplication]: app=s x1"],
    );
}

#[test]
fn owners_in_a_circle_come_to_an_end() {
    let a = controller("batch/v1", "Job", "a", "", "CronJob a");
    let b = controller("apps/v1", "ReplicaSet", "a", "", "Deployment a");
    let c = controller("apps/v1", "Deployment", "a", "", "ReplicaSet a");
    let found = workloads(&inventory(&join(&[a, b, c])).cluster);
    assert_eq!(
        found,
        [
            "shop/a[CronJob]: app=web,batch.kubernetes.io/job-name=a,job-name=a x1",
            "shop/a[Deployment]: app=web x1"
        ]
    );
}

#[test]
fn an_owner_without_a_kind_still_holds_its_pods_together() {
    let owned = |name: &str| pod(name, "app: a", "Job team", "").replace("kind: Job, ", "");
    check(&[owned("a"), owned("b")], &["shop/team[Pod]: app=a x2+"]);
}

#[test]
fn old_replica_sets_stay_out() {
    let set = |name: &str, replicas: u32| {
        controller("apps/v1", "ReplicaSet", name, &format!("replicas: {replicas}, "), "Deployment web")
    };
    check(&[set("web-1", 0), set("web-2", 3), set("web-3", 0)], &["shop/web[Deployment]: app=web x3+"]);
    check(&[set("web-1", 0)], &["shop/web[Deployment]: app=web x0"]);
}

#[test]
fn jobs_that_have_ended_are_left_out_and_what_runs_again_is_not() {
    // S-38
    let done = "status: {conditions: [{type: Complete, status: 'True'}]}\n";
    let job = controller("batch/v1", "Job", "j", "", "");
    check(&[format!("{job}{done}")], &[]);
    check(&[job.clone(), pod("j-a", "a: b", "Job j", "status: {phase: Failed}\n")], &[]);
    let twice =
        [job, pod("j-a", "a: b", "Job j", "status: {phase: Failed}\n"), pod("j-b", "a: b", "Job j", "")];
    check(&twice, &["shop/j[Job]: a=b x1"]);
    check(
        &[
            controller("batch/v1", "CronJob", "c", "", ""),
            pod("c-1-a", "a: b", "Job c-1", "status: {phase: Succeeded}\n"),
        ],
        &["shop/c[CronJob]: app=web x1"],
    );
}

#[test]
fn pods_of_one_workload_that_differ_are_groups() {
    let found = inventory(&join(&[
        pod("d-1", "app: d", "DaemonSet d", "status: {podIP: 10.1.0.1}\n"),
        pod("d-2", "app: d, extra: x", "DaemonSet d", ""),
        pod("d-3", "app: d", "DaemonSet d", ""),
    ]))
    .cluster;
    assert_eq!(workloads(&found), ["shop/d[DaemonSet]: app=d x2+; app=d,extra=x x1+"]);
    let members: Vec<&str> = found.groups[0].members.iter().map(|member| &*member.name).collect();
    assert_eq!(members, ["d-1", "d-3"]);
    assert_eq!(found.groups[0].members[0].addresses.len(), 1);
}

#[test]
fn pods_on_the_host_network_have_the_addresses_of_their_node() {
    let node = "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {addresses: [{type: InternalIP, address: 10.0.0.1}]}\n";
    let pod = |name: &str, host: bool, status: &str| {
        object(
            "v1",
            "Pod",
            name,
            &format!("}}\nspec: {{hostNetwork: {host}, nodeName: n1, containers: []}}\n{status}"),
        )
    };
    let texts = [
        pod("a", true, ""),
        pod("b", true, "status: {podIP: 10.0.0.7}\n"),
        pod("c", false, ""),
        node.to_owned(),
    ];
    let found = inventory(&join(&texts)).cluster;
    assert_eq!(found.nodes.len(), 1);
    let addresses: Vec<String> =
        found.groups.iter().map(|group| format!("{:?}", group.members[0].addresses)).collect();
    assert_eq!(addresses, ["[10.0.0.1]", "[10.0.0.7]", "[]"]);
    assert_eq!(
        workloads(&found),
        ["shop/a[Pod]: no labels host x1", "shop/b[Pod]: no labels host x1", "shop/c[Pod]: no labels x1"]
    );
}

#[test]
fn namespaces_are_synthesised_and_carry_their_name() {
    // S-41, S-42
    let text = "apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {env: prod, kubernetes.io/metadata.name: other}}
---
apiVersion: v1
kind: Pod
metadata: {name: a}
spec: {containers: []}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: b}
spec: {}
";
    let found = inventory(text).cluster;
    let namespaces: Vec<(String, bool)> = found
        .namespaces
        .iter()
        .map(|namespace| (format!("{} {}", namespace.name, namespace.labels), namespace.defined.is_some()))
        .collect();
    assert_eq!(
        namespaces,
        [
            ("b kubernetes.io/metadata.name=b".into(), false),
            ("default kubernetes.io/metadata.name=default".into(), false),
            ("shop env=prod,kubernetes.io/metadata.name=shop".into(), true),
        ]
    );
}

#[test]
fn services_get_their_endpoints_and_endpoints_without_service_are_kept() {
    let endpoints = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Endpoints\nmetadata: {{name: {name}, namespace: shop}}\nsubsets: [{{addresses: [{{ip: 10.0.0.1}}], ports: [{{port: 443}}]}}]\n"
        )
    };
    let slice = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: x, namespace: shop, labels: {kubernetes.io/service-name: web}}\nendpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}]\nports: [{port: 443}]\n";
    let service = |name: &str| object("v1", "Service", name, "}\nspec: {ports: [{port: 443}]}\n");
    let texts = [endpoints("kubernetes"), endpoints("web"), slice.to_owned(), service("web"), service("api")];
    let found = inventory(&join(&texts)).cluster;
    let services: Vec<(&str, usize)> =
        found.services.iter().map(|service| (&*service.name, service.endpoints.len())).collect();
    assert_eq!(services, [("api", 0), ("web", 2)]);
    assert_eq!(found.orphans.len(), 1);
    assert_eq!((&*found.orphans[0].service, found.orphans[0].endpoints.len()), ("kubernetes", 1));
}

fn build(text: &str) -> Inventory {
    let mut builder = Builder::new();
    decode_all(text).into_iter().filter_map(|decoded| decoded.object).for_each(|object| builder.add(object));
    builder.finish()
}

#[test]
fn of_two_definitions_the_last_one_counts() {
    let policy =
        |spec: &str| object("networking.k8s.io/v1", "NetworkPolicy", "p", &format!("}}\nspec: {spec}\n"));
    let deployment =
        |replicas: u32| controller("apps/v1", "Deployment", "web", &format!("replicas: {replicas}, "), "");
    let text = join(&[policy("{}"), deployment(1), deployment(2), policy("{ingress: [{}]}")]);
    let found = build(&text);
    assert_eq!(summary(&text, &found.findings), [("duplicate-object", "web"), ("duplicate-object", "p")]);
    let objects: Vec<_> = found.findings.iter().map(|finding| finding.object.clone().unwrap()).collect();
    assert_eq!(objects, ["Deployment/shop/web", "NetworkPolicy/shop/p"]);
    let [last, first] = &found.findings[1].locations[..] else { panic!() };
    assert!(last.span.start > first.span.start);
    assert_eq!(slice(&text, first.span), "p");
    assert_eq!(workloads(&found.cluster), ["shop/web[Deployment]: app=web x2+"]);
    assert_eq!(found.policies.len(), 1);
}

#[test]
fn what_is_defined_twice_in_the_same_way_or_is_not_the_same_is_no_finding() {
    let deployment = controller("apps/v1", "Deployment", "web", "replicas: 1, ", "");
    let elsewhere = deployment.replace("namespace: shop", "namespace: test");
    let other_kind = deployment.replace("kind: Deployment", "kind: StatefulSet");
    let generated =
        |kind: &str| controller("batch/v1", kind, "x", "", "").replace("{name: x", "{generateName: job-");
    let text = join(&[
        deployment.clone(),
        deployment.replace("spec:", "# a comment moves what follows\nspec:"),
        elsewhere,
        other_kind,
        generated("Job"),
        generated("Job"),
    ]);
    let found = build(&text);
    assert_eq!(found.findings, []);
    assert_eq!(found.cluster.workloads.len(), 4);
}
