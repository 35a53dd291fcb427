//! Every JSON that npv prints has the shape that `docs/schema` publishes.

use std::fs;
use std::path::Path;

use jsonschema::Validator;
use npv_tests::answers::scenarios;
use npv_tests::npv::{npv, root};
use serde_json::Value;

fn schema(name: &str) -> Validator {
    let text = fs::read_to_string(root().join(format!("docs/schema/{name}.json"))).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

/// Runs npv and checks what it prints.
fn valid(schema: &Validator, directory: &Path, arguments: &[&str]) -> Value {
    let run = npv(directory, arguments.iter().chain(&["--format", "json"]));
    let document: Value = serde_json::from_str(&run.stdout).unwrap_or(Value::Null);
    let errors: Vec<String> = schema
        .iter_errors(&document)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{} {arguments:?}\n{}\n{run}", directory.display(), errors.join("\n"));
    document
}

#[test]
fn check_and_reach_on_the_whole_corpus() {
    let (check, reach, report) = (schema("check"), schema("reach"), schema("report"));
    let mut findings = 0;
    for scenario in scenarios(&root().join("corpus")).unwrap() {
        let document = valid(&check, &scenario.path, &["check", "manifests"]);
        findings += document.get("findings").and_then(Value::as_array).map_or(0, Vec::len);
        valid(&reach, &scenario.path, &["reach", "manifests"]);
        valid(&report, &scenario.path, &["report", "manifests"]);
    }
    // A schema that nothing was held against proves nothing.
    assert!(findings > 50, "{findings} findings");
}

#[test]
fn differences() {
    let (diff, corpus) = (schema("diff"), root().join("corpus"));
    for (base, head) in [
        ("zero-trust-in-four-steps", "zero-trust-in-four-steps-mended"),
        ("demo", "web-shop"),
        ("release-before", "release-after"),
        ("release-after", "release-before"),
        ("ipv6-dual-stack", "linkerd-authorization"),
        ("gateway-api-weights-and-grants", "host-network-agents"),
        ("host-network-agents", "kubectl-get-dump"),
    ] {
        valid(&diff, &corpus, &["diff", &format!("{base}/manifests"), &format!("{head}/manifests")]);
    }
}

#[test]
fn a_report_with_assertions_exceptions_and_a_baseline() {
    let place = tempfile::tempdir().unwrap();
    fs::write(
        place.path().join("npv.yaml"),
        "assertions:\n  - {expect: deny, from: any-pod, to: 10.0.0.0/8, world: snapshot}\n  \
         - {expect: allow, from: shop/api, to: shop/db, ports: [5432], world: snapshot}\n\
         ignore: [{rule: unreachable-service, reason: nobody asks}]\n",
    )
    .unwrap();
    let configuration = place.path().join("npv.yaml").display().to_string();
    let inputs = ["--config", &configuration, "corpus/demo/manifests"];
    let written = npv(&root(), ["baseline", "write", "--select", "dns-egress-blocked"].iter().chain(&inputs));
    assert_eq!(written.status, 0, "{written}");
    let document = valid(&schema("report"), &root(), &[&["report"], &inputs[..]].concat());
    let length = |list: &str| document.get(list).and_then(Value::as_array).map_or(0, Vec::len);
    assert_eq!((length("assertions"), length("suppressed"), length("baseline")), (2, 2, 1));
    let found = |index: &str| document.pointer(&format!("/assertions/{index}/counterexample/verdict"));
    assert_eq!((found("0"), found("1")), (Some(&"allow".into()), Some(&"deny".into())));
}

#[test]
fn the_other_shapes() {
    let fixtures = root().join("tests/fixtures");
    let trace = schema("trace");
    for (src, dst) in [
        ("shop/web", "shop/api:9000"),
        ("shop/web", "shop/api"),
        ("shop/api", "data/db:5432"),
        ("shop/web", "10.0.0.0/14:6379"),
        ("internet", "shop/web"),
        ("node/worker-1", "data/db:5432"),
        ("data/cache-0", "data/cache-0:1"),
        ("10.1.0.11", "data/cache-0:80/udp"),
        ("shop/web", "svc/shop/api-service:80"),
        ("data/db", "svc/shop/api-service:80"),
        ("internet", "https://shop.example.com/cart"),
    ] {
        valid(&trace, &fixtures, &["trace", src, dst, "shop"]);
    }
    valid(&trace, &fixtures, &["trace", "shop/good", "shop/also-good:80", "broken"]);
    valid(&schema("radius"), &fixtures, &["reach", "--transitive", "--from", "shop/web", "shop"]);
    valid(&schema("through"), &fixtures, &["trace", "shop/web", "data/db", "--through", "shop"]);
    valid(&schema("reach"), &fixtures, &["reach", "--by", "namespace", "shop"]);
    valid(&schema("reach"), &fixtures, &["reach", "broken"]);
    valid(&schema("check"), &fixtures, &["check", "broken"]);
    let prove = schema("prove");
    for assertion in [
        "{expect: deny, from: any-pod, to: 169.254.169.254, world: snapshot}",
        "{expect: deny, from: 10.2.0.0/15, to: shop/web, world: snapshot}",
        "{expect: allow, from: shop/api, to: data/db, world: snapshot, ports: [5432]}",
        "{expect: deny, from: {pods: {app: nobody}}, to: data/db, world: snapshot}",
        "{expect: deny, from: {nodes: {}}, to: anybody, ports: [80]}",
        "{expect: only, from: shop/web, to: shop/api, ports: [http]}",
    ] {
        let document = valid(&prove, &fixtures, &["prove", assertion, "shop"]);
        assert_eq!(document["assertions"].as_array().map(Vec::len), Some(1));
    }
    let exposure = schema("exposure");
    valid(&exposure, &fixtures, &["reach", "--world", "any", "shop"]);
    valid(&exposure, &fixtures, &["reach", "--world", "any", "broken", "hostile"]);
    let intended = schema("intended");
    valid(&intended, &fixtures, &["reach", "--intended", "shop"]);
    let corpus = root().join("corpus");
    for scenario in ["what-workloads-ask-for", "prometheus-scrapes", "ingress-nginx-two-versions"] {
        let document = valid(&intended, &corpus, &["reach", "--intended", &format!("{scenario}/manifests")]);
        assert!(document["intended"].as_array().is_some_and(|rows| !rows.is_empty()), "{scenario}");
    }
    let equivalence = schema("equivalence");
    for sides in [["shop", "shop"], ["shop", "shop/workloads.yaml"], ["shop/policies.yaml", "broken"]] {
        valid(&equivalence, &fixtures, &[&["prove", "--equivalent"], &sides[..]].concat());
        valid(&equivalence, &fixtures, &[&["diff", "--world", "any"], &sides[..]].concat());
    }
    valid(&schema("rules"), &fixtures, &["rule"]);
    valid(&schema("rules"), &fixtures, &["rule", "no-policy"]);
}

#[test]
fn paths_to_services_and_urls() {
    let trace = schema("trace");
    let mut backends = 0;
    for scenario in scenarios(&root().join("corpus")).unwrap() {
        for path in &scenario.paths {
            let document = valid(&trace, &scenario.path, &["trace", &path.from, &path.to, "manifests"]);
            backends += document.get("backends").and_then(Value::as_array).map_or(0, Vec::len);
            assert!(document.get("path").is_some(), "{} {}", path.from, path.to);
        }
    }
    assert!(backends > 5, "{backends} backends");
}

#[test]
fn the_port_on_top_is_the_one_that_was_asked_for() {
    let (trace, fixtures) = (schema("trace"), root().join("tests/fixtures"));
    let of = |document: &Value, path: &str| document.pointer(path).cloned().unwrap_or(Value::Null);
    let asked = |dst: &str| {
        let document = valid(&trace, &fixtures, &["trace", "shop/web", dst, "shop"]);
        (of(&document, "/protocol"), of(&document, "/port"), of(&document, "/backends/0/port"))
    };
    assert_eq!(asked("svc/shop/api-service:80"), ("TCP".into(), 80.into(), 9000.into()));
    assert_eq!(asked("svc/shop/api-service"), (Value::Null, Value::Null, 9000.into()));
    assert_eq!(asked("shop/api:9000"), ("TCP".into(), 9000.into(), Value::Null));
    assert_eq!(asked("shop/api"), (Value::Null, Value::Null, Value::Null));
    assert_eq!(asked("https://shop.example.com/cart"), ("TCP".into(), 443.into(), Value::Null));
    assert_eq!(asked("http://shop.example.com:8080/"), ("TCP".into(), 8080.into(), Value::Null));
}

#[test]
fn a_shape_that_is_wrong_is_found() {
    let trace = schema("trace");
    let fixtures = root().join("tests/fixtures");
    let mut document = valid(&trace, &fixtures, &["trace", "shop/web", "svc/shop/api-service:80", "shop"]);
    document.as_object_mut().unwrap().remove("backends");
    assert!(!trace.is_valid(&document));
    let reach = schema("reach");
    let mut document = valid(&reach, &fixtures, &["reach", "shop"]);
    document.as_object_mut().unwrap().insert("more".to_owned(), Value::Null);
    assert!(!reach.is_valid(&document));
}
