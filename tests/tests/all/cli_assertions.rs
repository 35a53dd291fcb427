//! Assertions of a configuration: `npv check` evaluates them, and `npv prove` knows them by name.

#![cfg(feature = "z3")]

use std::fs;

use insta::assert_snapshot;
use npv_tests::npv::{npv, root};
use serde_json::Value;
use tempfile::TempDir;

const HOLDS: &str = "  - name: web talks to the API
    expect: allow
    from: shop/web
    to: shop/api
    ports: [9000]
";
const HERE: &str = "  - {name: the API talks to the database, expect: allow, from: shop/api, to: data/db, ports: [5432], world: snapshot}\n";
const ANYWHERE: &str =
    "  - {name: nobody reaches the metadata service, expect: deny, from: any-pod, to: 169.254.169.254}\n";
const NOBODY: &str =
    "  - {name: guests stay out, expect: deny, from: {pods: {app: guest}}, to: data/db, world: snapshot}\n";

/// The fixtures with a configuration of these assertions.
fn place(assertions: &[&str]) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("shop")).unwrap();
    for file in ["policies.yaml", "workloads.yaml"] {
        fs::copy(root().join("tests/fixtures/shop").join(file), place.path().join("shop").join(file))
            .unwrap();
    }
    let text = format!("paths: [shop]\nassertions:\n{}", assertions.concat());
    fs::write(place.path().join("npv.yaml"), text).unwrap();
    place
}

#[test]
fn text() {
    let place = place(&[HOLDS, HERE, ANYWHERE, NOBODY]);
    let run = npv(place.path(), ["check", "--min-severity", "error", "--fail-on", "error"]);
    assert_eq!((run.status, run.stderr.as_str()), (1, ""), "{run}");
    assert_snapshot!(run.stdout);
}

#[test]
fn what_holds_fails_nothing() {
    let good = place(&[HOLDS, NOBODY]);
    let arguments = ["check", "--min-severity", "error", "--fail-on", "error"];
    assert_eq!(npv(good.path(), arguments).status, 0);
    for wrong in [HERE, ANYWHERE] {
        assert_eq!(npv(place(&[HOLDS, wrong]).path(), arguments).status, 1, "{wrong}");
    }
    assert_eq!(npv(place(&[HERE]).path(), ["check", "--no-config", "--fail-on", "error", "shop"]).status, 0);
}

#[test]
fn json_and_its_schema() {
    let place = place(&[HOLDS, HERE, ANYWHERE, NOBODY]);
    let run = npv(place.path(), ["check", "--format", "json", "--witness-dir", "shop/w"]);
    assert_eq!((run.status, run.stderr.as_str()), (1, ""), "{run}");
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let schema = fs::read_to_string(root().join("docs/schema/check.json")).unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let errors: Vec<String> = schema.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let assertions = document.get("assertions").and_then(Value::as_array).unwrap();
    let text = |assertion: &Value, path: &str| assertion.pointer(path).unwrap().to_string();
    let shown: Vec<String> = assertions
        .iter()
        .map(|assertion| {
            let parts =
                ["/name", "/holds", "/world", "/at/file", "/at/line"].map(|path| text(assertion, path));
            parts.join(" ")
        })
        .collect();
    assert_eq!(
        shown,
        [
            r#""web talks to the API" true "any" "npv.yaml" 3"#,
            r#""the API talks to the database" false "snapshot" "npv.yaml" 8"#,
            r#""nobody reaches the metadata service" false "any" "npv.yaml" 9"#,
            r#""guests stay out" true "snapshot" "npv.yaml" 10"#,
        ]
    );
    // Each counterexample is seen by its own command, the one that needs manifests with those that were written.
    for (failing, verdict) in
        assertions.iter().filter(|one| text(one, "/holds") == "false").zip(["deny", "allow"])
    {
        let command = failing.pointer("/counterexample/command").and_then(Value::as_str).unwrap();
        let trace = npv(place.path(), command.split(' ').skip(1).chain(["--format", "json"]));
        let answer: Value = serde_json::from_str(&trace.stdout).unwrap();
        assert_eq!(answer.get("verdict").and_then(Value::as_str), Some(verdict), "{command}\n{trace}");
    }
    assert!(place.path().join("shop/w/nobody-reaches-the-metadata-service.yaml").is_file());
}

#[test]
fn mistakes_are_errors_of_the_configuration_all_at_once() {
    let place = place(&[
        "  - {expect: dney, from: any-pod, to: internet}\n",
        "  - {from: wbe, to: internet, prots: [80]}\n",
    ]);
    let run = npv(place.path(), ["check"]);
    assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{run}");
    assert_snapshot!(run.stderr);
}

#[test]
fn a_name_that_is_gone_is_a_finding() {
    let place = place(&[HOLDS, "  - {expect: deny, from: any-pod, to: shop/gone}\n"]);
    let run = npv(place.path(), ["check", "--min-severity", "error"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.stdout.contains("there is no endpoint `shop/gone`"), "{run}");
    assert!(run.stdout.contains("--> npv.yaml:8:"), "{run}");
    assert!(run.stdout.contains("holds: web talks to the API"), "{run}");
}

#[test]
fn assertions_are_known_by_name() {
    let place = place(&[HOLDS, ANYWHERE]);
    let run = npv(place.path(), ["prove", "web talks to the API"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{run}");
    let run = npv(place.path(), ["prove", "nobody reaches the metadata service"]);
    assert!(run.status == 1 && run.stdout.contains("npv.yaml:8:"), "{run}");
    let run = npv(place.path(), ["prove", "nobody reaches the metadata servce"]);
    assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{run}");
    assert_snapshot!(run.stderr);
}

#[test]
fn what_does_not_hold_is_said_once() {
    for format in ["text", "json", "github", "junit", "concise"] {
        let run = npv(place(&[ANYWHERE]).path(), ["check", "--format", format]);
        assert_eq!(run.status, 1, "{run}");
        assert!(run.stdout.contains("nobody reaches the metadata service"), "{run}");
        assert_eq!(run.stderr, "", "{format}");
    }
}
