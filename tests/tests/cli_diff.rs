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

/// A release that opens more than it means to.
const RELEASE: [&str; 2] = ["release-before/manifests", "release-after/manifests"];
const FOUR_STEPS: [&str; 2] =
    ["zero-trust-in-four-steps/manifests", "zero-trust-in-four-steps-mended/manifests"];

/// Without the findings, of which there will be more.
fn changes(text: &str, until: &str) -> String {
    text.split_once(until).map(|(changes, _)| changes.to_owned()).unwrap()
}

#[test]
fn text() {
    let text = answer(&RELEASE);
    assert_snapshot!(changes(&text, "findings introduced\n"));
    assert!(text.contains("  warning[wider-than-intended] "), "{text}");
    assert!(text.contains("\n6 flows opened, 2 closed; "), "{text}");
    assert_snapshot!("text_reversed", changes(&answer(&[RELEASE[1], RELEASE[0]]), "findings resolved\n"));
}

#[test]
fn json() {
    let json = answer(&[&RELEASE[..], &["--format", "json"]].concat());
    assert_snapshot!(changes(&json, "\"findingsIntroduced\""));
    let wanted =
        "\n\"base\": {\"name\": \"release-before/manifests\", \"complete\": true, \"diagnostics\": []},\n";
    assert!(json.contains(wanted), "{json}");
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
    let ends = |flows: &Value| -> Vec<[Value; 3]> {
        let flows = flows.as_array().unwrap().iter();
        flows.map(|flow| ["src", "dst", "traffic"].map(|key| flow[key].clone())).collect()
    };
    assert_eq!(ends(&there["opened"]), ends(&back["closed"]));
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
