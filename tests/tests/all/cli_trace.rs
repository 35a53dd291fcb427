//! What `npv trace` prints.

use std::path::PathBuf;

use insta::assert_snapshot;
use npv_tests::npv::{npv, root};
use npv_tests::place::text_at;
use serde_json::Value;

fn fixtures() -> PathBuf {
    root().join("tests/fixtures")
}

fn trace(src: &str, dst: &str) -> String {
    let run = npv(&fixtures(), ["trace", src, dst, "shop"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{src} {dst}\n{run}");
    run.stdout
}

fn json(src: &str, dst: &str) -> Value {
    let run = npv(&fixtures(), ["trace", src, dst, "shop", "--format", "json"]);
    serde_json::from_str(&run.stdout).unwrap_or_default()
}

#[test]
fn allowed_by_a_rule_on_either_side() {
    assert_snapshot!(trace("shop/web", "shop/api:9000"));
}

#[test]
fn denied_and_what_is_nearest() {
    assert_snapshot!(trace("shop/api", "data/db:5432"));
}

#[test]
fn no_policy_is_a_default() {
    assert_snapshot!(trace("shop/api", "data/cache:6379"));
}

#[test]
fn everything_that_two_may_exchange() {
    assert_snapshot!(trace("shop/web", "shop/api"));
}

#[test]
fn a_block_that_policies_split() {
    assert_snapshot!(trace("shop/web", "10.0.0.0/14:6379"));
}

#[test]
fn pods_that_addresses_tell_apart() {
    assert_snapshot!(trace("shop/web", "data/cache:6379"));
}

#[test]
fn a_node_and_its_own_pods() {
    assert_snapshot!(trace("node/worker-1", "data/cache:80"));
}

#[test]
fn an_exception_of_a_block() {
    assert_snapshot!(trace("10.9.9.9", "shop/web:8080"));
}

#[test]
fn chains_of_hops() {
    let run = npv(&fixtures(), ["trace", "shop/web", "data/db", "--through", "shop"]);
    assert_snapshot!(run.to_string());
    let run = npv(&fixtures(), ["trace", "shop/web", "data/web", "--through", "shop"]);
    assert_snapshot!("chains_that_exist", run.to_string());
}

#[test]
fn as_json() {
    let run = npv(&fixtures(), ["trace", "shop/api", "data/db:5432", "shop", "--format", "json"]);
    assert_snapshot!(run.to_string());
}

#[test]
fn verdicts() {
    for (src, dst, verdict) in [
        ("shop/web", "shop/api:9000", "allow"),
        ("shop/web", "shop/api:9000/udp", "deny"),
        ("shop/web", "shop/api:9100/udp", "deny"),
        ("shop/web", "shop/api", "mixed"),
        ("web", "shop/api:9000", "ambiguous"),
        ("shop/Deployment/web", "shop/deploy/api:9000", "allow"),
        ("shop/web[Deployment]", "shop/api[Deployment]:9000", "allow"),
        // Named port, on either side of the exception.
        ("203.0.113.9", "shop/web:8080", "allow"),
        ("203.0.113.9", "shop/web:8081", "deny"),
        ("10.9.9.9", "shop/web:8080", "deny"),
        // Over IPv4 only: S-19.
        ("internet", "shop/web:8080", "mixed"),
        ("203.0.112.0/22", "shop/web:8080", "allow"),
        ("0.0.0.0/0", "shop/web:8080", "mixed"),
        ("2001:db8::1", "shop/web:8080", "deny"),
        ("shop/web", "[fd00::1]:6379", "allow"),
        ("shop/web", "[fd00::1]:6379/udp", "deny"),
        ("shop/web", "[fe00::1]:6379", "deny"),
        ("shop/web", "fd00::/7", "mixed"),
        ("shop/web", "data/cache:6379", "mixed"),
        ("shop/web", "data/cache-0:6379", "allow"),
        ("shop/web", "data/cache-1:6379", "deny"),
        ("shop/web", "10.2.0.7:6379", "allow"),
        ("data/db", "data/db:5432", "allow"),
        // One pod cannot block itself.
        ("shop/api", "shop/api:1", "allow"),
        ("node/worker-1", "data/db:5432", "deny"),
        ("node/worker-1", "data/cache-0:5432", "allow"),
    ] {
        let document = json(src, dst);
        let got = document["verdict"].as_str().unwrap_or("ambiguous");
        assert_eq!(got, verdict, "{src} -> {dst}\n{document:#}");
    }
}

#[test]
fn names_are_looked_up_in_the_namespace_first() {
    let run = npv(&fixtures(), ["trace", "-n", "shop", "web", "api:9000", "shop", "--format", "json"]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["parts"][0]["src"]["id"], "shop/web[Deployment]");
}

/// Every place of every answer is what it says: a rule's entry, or a policy's name.
#[test]
fn places_are_in_the_sources() {
    let mut places = 0;
    for (src, dst) in [
        ("shop/web", "shop/api:9000"),
        ("shop/web", "shop/api"),
        ("shop/api", "data/db:5432"),
        ("shop/web", "10.0.0.0/14:6379"),
        ("10.9.9.9", "shop/web:8080"),
        ("data/db", "data/db"),
    ] {
        let document = json(src, dst);
        for part in document["parts"].as_array().unwrap() {
            for step in part["steps"].as_array().unwrap().iter().filter(|step| !step["at"].is_null()) {
                let text = text_at(&fixtures(), &step["at"]).unwrap();
                let object = step["object"].as_str().unwrap();
                match step["rule"].as_str() {
                    None => assert_eq!(Some(text.as_str()), object.rsplit('/').next(), "{step:#}"),
                    // The entry of `ingress` or `egress`, dash left out.
                    Some(_) => assert!(
                        text.starts_with("from:")
                            || text.starts_with("to:")
                            || text.starts_with("- from:")
                            || text.starts_with("- to:"),
                        "{step:#}\n{text}"
                    ),
                }
                places += 1;
            }
            for near in part["nearest"].as_array().unwrap() {
                let text = text_at(&fixtures(), &near["at"]).unwrap();
                assert!(text.contains("Selector") || text.contains("ipBlock"), "{near:#}\n{text}");
                places += 1;
            }
        }
    }
    assert!(places > 15, "{places}");
}

/// What people type where the manual says `namespace/name`.
#[test]
fn names_as_people_write_them() {
    let corpus = npv_tests::npv::root().join("corpus/what-workloads-ask-for");
    let head = |src: &str, dst: &str| {
        let run = npv(&corpus, ["trace", src, dst, "manifests"]);
        run.stdout.lines().next().or(run.stderr.lines().next()).unwrap_or_default().to_owned()
    };
    for (src, dst, wanted) in [
        (
            "deploy/mailer",
            "data/queue:4222",
            "billing/mailer[Deployment] → data/queue[Deployment] on TCP 4222: allowed",
        ),
        (
            "billing/mailer",
            "sts/postgres:5432",
            "billing/mailer[Deployment] → data/postgres[StatefulSet] on TCP 5432: denied",
        ),
        (
            "billing/invoices",
            "postgres.data.svc.cluster.local:5432",
            "billing/invoices → postgres.data.svc.cluster.local on TCP 5432: allowed",
        ),
        ("billing/invoices", "postgres.data:sql", "billing/invoices → postgres.data on TCP 5432: allowed"),
        (
            "billing/invoices",
            "svc/data/postgres:sql",
            "billing/invoices → svc/data/postgres on TCP 5432: allowed",
        ),
        (
            "billing/invoices",
            "postgres:sql",
            "billing/invoices[Deployment] → data/postgres[StatefulSet] on TCP 5432: allowed",
        ),
        (
            "billing/invoices",
            "http://queue.data.svc:4222/x",
            "billing/invoices → http://queue.data.svc:4222/x: denied",
        ),
        ("billing/invoices", "postgres:mysql", "error: the Service `postgres` has no port called `mysql`"),
        (
            "billing/invoices",
            "billing/mailer:sql",
            "error: the pods of `billing/mailer` declare no port called `sql`",
        ),
        (
            "billing/invoices",
            "svc/data/postgress:5432",
            "error: there is no Service `data/postgress` in these manifests",
        ),
        (
            "postgres.data",
            "billing/mailer",
            "error: `postgres.data` is the Service `data/postgres`, which opens no connections itself",
        ),
    ] {
        let got = head(src, dst);
        assert!(got.starts_with(wanted), "{src} {dst}: {got}");
    }
}

/// The control plane keeps the endpoints of its own Service: no manifest has them.
#[test]
fn the_api_server_by_the_name_of_its_service() {
    let directory = tempfile::tempdir().unwrap();
    let pods = "apiVersion: v1\nkind: Pod\nmetadata: {name: free, namespace: ops}\nspec: {containers: [{name: a}]}\n---\n\
        apiVersion: v1\nkind: Pod\nmetadata: {name: shut, namespace: ops, labels: {app: shut}}\nspec: {containers: [{name: a}]}\n---\n\
        apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: shut, namespace: ops}\n\
        spec: {podSelector: {matchLabels: {app: shut}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.96.0.1/32}}], ports: [{port: 443}]}]}\n";
    std::fs::write(directory.path().join("pods.yaml"), pods).unwrap();
    for dst in ["svc/default/kubernetes:443", "svc/default/kubernetes", "kubernetes.default.svc:443"] {
        for (src, verdict) in [("ops/free", "allow"), ("ops/shut", "deny")] {
            let run = npv(directory.path(), ["trace", src, dst, "pods.yaml", "--format", "json"]);
            let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
            assert_eq!(document["verdict"], verdict, "{src} {dst} {run}");
            assert_eq!(document["backends"][0]["port"], 6443, "{run}");
        }
    }
}
