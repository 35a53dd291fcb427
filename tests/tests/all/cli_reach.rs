//! What `npv reach` prints.

use std::path::PathBuf;

use insta::assert_snapshot;
use npv_tests::npv::{npv, root};

fn fixtures() -> PathBuf {
    root().join("tests/fixtures")
}

/// The answer; it must be one, without a word on standard error.
fn reach(arguments: &[&str]) -> String {
    let run = npv(&fixtures(), [&["reach"], arguments].concat());
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{arguments:?}\n{run}");
    run.stdout
}

#[test]
fn text() {
    assert_snapshot!(reach(&["shop"]));
}

#[test]
fn json() {
    assert_snapshot!(reach(&["shop", "--format", "json"]));
}

#[test]
fn csv() {
    assert_snapshot!(reach(&["shop", "--from", "shop/*", "--format", "csv"]));
}

#[test]
fn markdown() {
    assert_snapshot!(reach(&["shop", "--from", "shop/*", "--format", "markdown"]));
}

#[test]
fn dot() {
    assert_snapshot!(reach(&["shop", "--from", "shop/*", "--format", "dot"]));
}

#[test]
fn mermaid() {
    assert_snapshot!(reach(&["shop", "--from", "shop/*", "--format", "mermaid"]));
}

#[test]
fn transitive() {
    assert_snapshot!(reach(&["shop", "--from", "shop/web", "--transitive"]));
}

#[test]
fn by_workload_and_by_namespace() {
    assert_snapshot!("by_workload", reach(&["shop", "--by", "workload"]));
    assert_snapshot!("by_namespace", reach(&["shop", "--by", "namespace"]));
}

#[cfg(feature = "z3")]
#[test]
fn of_any_cluster() {
    let any = |more: &[&str]| reach(&[&["--world", "any", "shop"], more].concat());
    assert_snapshot!("any_text", any(&[]));
    assert_snapshot!("any_json", any(&["--to", "data/db", "--format", "json"]));
    assert_snapshot!("any_csv", any(&["--namespace", "shop", "--format", "csv"]));
    assert_snapshot!("any_markdown", any(&["--from", "shop/web", "--format", "markdown"]));
}

#[cfg(feature = "z3")]
#[test]
fn filters_narrow_the_answer_of_any_cluster() {
    let rows = |more: &[&str]| {
        let text = reach(&[&["--world", "any", "shop", "--format", "csv"], more].concat());
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let all = rows(&[]);
    for (filter, wanted) in [
        (["--namespace", "shop"], "shop/"),
        (["--from", "shop/web"], "shop/web[Deployment],egress,"),
        (["--to", "data/*"], "data/"),
    ] {
        let some = rows(&filter);
        let expected: Vec<String> = all
            .iter()
            .filter(|row| row.starts_with(wanted))
            .filter(|row| filter[0] != "--to" || row.contains(",ingress,"))
            .cloned()
            .collect();
        assert!(!some.is_empty() && some == expected, "{filter:?}: {some:#?}");
    }
    let port = rows(&["--to", "data/db", "--port", "5433"]);
    assert_eq!(port, ["data/db[StatefulSet],ingress,pods app=db in namespace data,5433,,"]);
    for (more, message) in [
        (&["--transitive", "--from", "shop/web"][..], "`--transitive` does not go with `--world any`"),
        (&["--via", "service"], "`--via` does not go with `--world any`"),
        (&["--by", "namespace"], "`--by` does not go with `--world any`"),
        (&["--external", "only"], "`--external` does not go with `--world any`"),
        (&["--from", "shop/web", "--to", "data/db"], "one end is a workload"),
        (&["--to", "internet"], "`--to` names no workload"),
        (&["--format", "dot"], "`npv reach --world any` has no format `dot`"),
    ] {
        let run = npv(&fixtures(), [&["reach", "--world", "any", "shop"], more].concat());
        assert!(run.status == 2 && run.stderr.contains(message), "{run}");
    }
}

/// A cluster in which who may be a peer depends on more than labels.
const CLUSTER: &str = "apiVersion: v1
kind: Pod
metadata: {name: one, namespace: shop, labels: {app: one}}
spec: {containers: [{name: c, ports: [{name: web, containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: other, namespace: shop, labels: {app: other}}
spec: {containers: [{name: c, ports: [{name: web, containerPort: 81}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: shop, labels: {app: agent}}
spec: {hostNetwork: true, containers: [{name: c, ports: [{name: web, containerPort: 82}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db-0, namespace: shop, labels: {role: main}, OWNER}
spec: {containers: [{name: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db-1, namespace: shop, labels: {role: copy}, OWNER}
spec: {containers: [{name: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: cache-0, namespace: shop, labels: {app: cache, slot: a}, CACHE}
spec: {containers: [{name: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: cache-1, namespace: shop, labels: {app: cache, slot: b}, CACHE}
spec: {containers: [{name: c}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchExpressions: [{key: app, operator: In, values: [one, other, agent, cache]}]}
  ingress: [{from: [{podSelector: {matchLabels: {role: main}}}, {podSelector: {matchLabels: {slot: a}}}], ports: [{port: web}, {port: 90}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec: {podSelector: {matchLabels: {role: main}}, ingress: [{from: [{podSelector: {}}]}]}
";

#[cfg(feature = "z3")]
#[test]
fn peers_in_any_cluster_depend_on_ports_and_the_network_and_differ_between_the_pods_of_a_workload() {
    let owner = |name| {
        format!(
            "ownerReferences: [{{apiVersion: apps/v1, kind: StatefulSet, name: {name}, uid: u, controller: true}}]"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let manifests = CLUSTER.replace("OWNER", &owner("db")).replace("CACHE", &owner("cache"));
    std::fs::write(folder.path().join("all.yaml"), manifests).unwrap();
    let rows = |to: &str| {
        let run = npv(folder.path(), ["reach", "--world", "any", "--format", "csv", "--to", to, "all.yaml"]);
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{run}");
        run.stdout
    };
    let all = rows("shop/*");
    assert_snapshot!("any_parts", all);
    assert_snapshot!("any_one_part", [rows("shop/Pod/cache-0"), rows("shop/db")].concat());
    let run =
        npv(folder.path(), ["reach", "--world", "any", "--format", "json", "--to", "shop/agent", "all.yaml"]);
    assert!(run.stdout.contains("\"direction\":\"ingress\",\"governed\":false"), "{run}");
    // Where blocks skip pods, whoever is at an address is not anybody.
    let skipped =
        reach(&["--world", "any", "--blocks-skip-pods", "--from", "shop/web", "--format", "csv", "shop"]);
    assert!(skipped.contains("\"nodes at 10.2.0.0/16") && !skipped.contains("anybody at"), "{skipped}");
}

/// Sources, destinations and traffic of the connections that a question is answered with.
fn connections(arguments: &[&str]) -> Vec<[String; 3]> {
    let text = reach(&[arguments, &["--format", "csv"]].concat());
    let ports = |protocol: &str, ports: &str| {
        if ports.is_empty() { String::new() } else { format!("{protocol} {ports} ") }
    };
    text.lines()
        .skip(1)
        .map(|line| {
            let cell = |index: usize| line.split(',').nth(index).unwrap_or_default();
            let [src, dst, tcp, udp, sctp] = [0, 2, 4, 5, 6].map(cell);
            let traffic = [ports("TCP", tcp), ports("UDP", udp), ports("SCTP", sctp)].concat();
            [src, dst, traffic.trim_end()].map(str::to_owned)
        })
        .collect()
}

#[test]
fn filters_narrow_the_answer() {
    let all = connections(&["shop"]);
    let both = connections(&["shop", "--from", "shop/web", "--to", "api"]);
    assert_eq!(both, [["shop/web[Deployment]", "shop/api[Deployment]", "TCP 9000"]]);

    let from = connections(&["shop", "--from", "shop/web", "--from", "node/worker-1"]);
    assert!(!from.is_empty() && from.len() < all.len());
    assert!(from.iter().all(|[src, ..]| src == "shop/web[Deployment]" || src == "{node}"), "{from:?}");

    // A pod by its name, and by its address.
    let pod = connections(&["shop", "--from", "shop/web", "--to", "data/cache-0"]);
    assert!(pod.iter().any(|[_, dst, traffic]| dst.contains("cache") && traffic == "TCP 6379"), "{pod:?}");
    assert_eq!(connections(&["shop", "--from", "shop/web", "--to", "data/cache-1"]).len(), pod.len());

    let outside = connections(&["shop", "--external", "only"]);
    let inside = connections(&["shop", "--external", "exclude"]);
    assert!(outside.iter().all(|[src, dst, _]| src.starts_with("external") != dst.starts_with("external")));
    assert!(inside.iter().all(|[src, dst, _]| !src.starts_with("external") && !dst.starts_with("external")));
    assert_eq!(outside.len() + inside.len(), all.len());

    let namespace = connections(&["shop", "--namespace", "shop"]);
    assert!(namespace.iter().all(|[src, dst, _]| src.starts_with("shop/") || dst.starts_with("shop/")));
    let touching = all.iter().filter(|[src, dst, _]| src.starts_with("shop/") || dst.starts_with("shop/"));
    assert_eq!(namespace.len(), touching.count());

    let api = ["shop", "--from", "shop/web", "--to", "shop/api"];
    assert!(connections(&[&api[..], &["--port", "9001"]].concat()).is_empty());
    assert_eq!(connections(&[&api[..], &["--port", "8999-9100", "--port", "udp"]].concat()), both);
    let one = connections(&["shop", "--from", "data/web", "--to", "{node}", "--port", "53/udp"]);
    assert_eq!(one, [["data/web[CronJob]", "{node}", "UDP 53"]]);
}

#[test]
fn what_is_left_out_is_said() {
    let run = npv(&fixtures(), ["reach", "broken"]);
    assert_snapshot!(run.to_string());
}

#[test]
fn names_are_data_in_every_format() {
    for format in ["text", "csv", "markdown", "dot", "mermaid"] {
        let text = reach(&["hostile", "--format", format]);
        assert_snapshot!(format!("hostile_{format}"), text);
        let acts = |character: char| character != '\n' && (character.is_control() || character == '\u{202e}');
        assert!(!text.contains(acts), "{format}: {text:?}");
    }
    // JSON has escapes of its own, and a reader gets the name as it is written.
    let json: serde_json::Value = serde_json::from_str(&reach(&["hostile", "--format", "json"])).unwrap();
    let ids: Vec<&str> =
        json["endpoints"].as_array().unwrap().iter().map(|end| end["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"shop\u{202e}\u{1b}[31m/=cmd()\n%%{evil}[Deployment]"), "{ids:?}");
}

#[test]
fn an_answer_without_rows_says_why() {
    let corpus = npv_tests::npv::root().join("corpus/on-call-checklist");
    let run = npv(&corpus, ["reach", "--to", "ledger/ledger-db", "manifests"]);
    let why = "nobody reaches `ledger/ledger-db[StatefulSet]`: isolated for ingress by \
               `NetworkPolicy/ledger/default-deny-ingress`, `NetworkPolicy/ledger/ledger-db`, and whom rules admit is not \
               there or may not leave for it";
    assert!(run.status == 0 && run.stdout.contains(why), "{run}");
}

#[test]
fn flows_that_the_manifests_ask_for() {
    let corpus = npv_tests::npv::root().join("corpus");
    for scenario in ["what-workloads-ask-for", "prometheus-scrapes"] {
        let run = npv(&corpus.join(scenario), ["reach", "--intended", "manifests"]);
        assert_snapshot!(format!("intended_{}", scenario.replace('-', "_")), run.to_string());
    }
    let csv =
        npv(&corpus.join("what-workloads-ask-for"), ["reach", "--intended", "manifests", "--format", "csv"]);
    assert_eq!(csv.stdout.lines().count(), 4, "{csv}");
    let run = npv(&corpus, ["reach", "--intended", "--from", "a", "what-workloads-ask-for/manifests"]);
    assert_eq!(run.status, 2, "{run}");
}
