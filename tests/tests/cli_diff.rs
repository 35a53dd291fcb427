//! What `npv diff` prints.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use insta::assert_snapshot;
use npv_tests::npv::{Run, npv, root};
use serde_json::Value;

fn diff(arguments: &[&str]) -> Run {
    npv(&root().join("corpus"), [&["diff"], arguments].concat())
}

/// The answer; it must be one, without a word on standard error.
fn answer(arguments: &[&str]) -> String {
    let run = diff(arguments);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{arguments:?}\n{run}");
    run.stdout
}

const FOUR_STEPS: [&str; 2] =
    ["zero-trust-in-four-steps/manifests", "zero-trust-in-four-steps-mended/manifests"];

#[test]
fn text() {
    let text = answer(&FOUR_STEPS);
    let (changes, findings) = text.split_once("findings resolved\n").unwrap();
    assert_snapshot!(changes);
    assert!(findings.contains("warning[dns-egress-blocked] "), "{findings}");
    assert!(text.contains("\n3 flows opened, 0 closed; 0 findings introduced, "), "{text}");
}

#[test]
fn json() {
    let json = answer(&[&FOUR_STEPS[..], &["--format", "json"]].concat());
    let (changes, findings) = json.split_once("\"findingsIntroduced\"").unwrap();
    assert_snapshot!(changes);
    let wanted = "],\n\"base\": {\"name\": \"zero-trust-in-four-steps/manifests\", \"complete\": true, \"diagnostics\": []},\n";
    assert!(findings.contains(wanted), "{findings}");
}

#[test]
fn one_side_twice_is_no_difference() {
    let same = ["demo/manifests", "demo/manifests"];
    assert_eq!(answer(&same), "no flow opened or closed\n");
    let json: Value = serde_json::from_str(&answer(&[&same[..], &["--format", "json"]].concat())).unwrap();
    for key in ["opened", "closed", "endpointsAdded", "policiesChanged", "findingsIntroduced"] {
        assert_eq!(json[key], Value::Array(Vec::new()), "{key}");
    }
}

#[test]
fn what_opens_one_way_closes_the_other() {
    let read = |arguments: &[&str]| -> Value {
        serde_json::from_str(&answer(&[arguments, &["--format", "json"]].concat())).unwrap()
    };
    let (there, back) = (read(&FOUR_STEPS), read(&[FOUR_STEPS[1], FOUR_STEPS[0]]));
    assert_eq!(there["opened"], back["closed"]);
    assert_eq!(
        there["policiesAdded"].as_array().unwrap().len(),
        back["policiesRemoved"].as_array().unwrap().len()
    );
    assert_eq!(there["findingsResolved"], back["findingsIntroduced"]);
}

#[test]
fn what_a_side_leaves_out_is_said_and_is_the_exit_status() {
    let run = diff(&["demo/manifests", "cilium-http-rules/manifests"]);
    assert_eq!(run.status, 3, "{run}");
    assert!(run.stdout.contains("`cilium-http-rules/manifests` is incomplete: "), "{run}");
    let run = diff(&["demo/manifests", "cilium-http-rules/manifests", "--allow-incomplete"]);
    assert_eq!(run.status, 0, "{run}");
}
