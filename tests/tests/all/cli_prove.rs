//! What `npv prove` prints, and that what it prints can be tried.

#![cfg(feature = "z3")]

use std::fs;
use std::path::PathBuf;

use insta::assert_snapshot;
use npv_tests::npv::{Run, npv, root};
use serde_json::Value;

fn fixtures() -> PathBuf {
    root().join("tests/fixtures")
}

fn prove(assertion: &str, more: &[&str]) -> Run {
    npv(&fixtures(), [&["prove", assertion, "shop"], more].concat())
}

/// The answer, which must have this exit status and nothing beside it.
fn answer(status: i32, assertion: &str) -> String {
    let run = prove(assertion, &[]);
    assert_eq!((run.status, run.stderr.as_str()), (status, ""), "{run}");
    run.stdout
}

const BACK_END: &str = "{name: only the back end reaches the database, expect: only, \
                        from: {namespace: shop, pods: {tier: back-end}}, \
                        to: {namespace: data, pods: {app: db}}, ports: [5432]}";

#[test]
fn what_does_not_hold_is_shown_by_a_flow() {
    assert_snapshot!("metadata", answer(1, "{expect: deny, from: any-pod, to: 169.254.169.254}"));
    assert_snapshot!("back_end", answer(1, BACK_END));
    assert_snapshot!(
        "denied_here",
        answer(1, "{expect: allow, from: shop/api, to: data/db, ports: [5432], world: snapshot}")
    );
    let internet = "{expect: only, from: data/cache, to: internet, world: snapshot, ports: [443]}";
    assert_snapshot!("only_to_the_internet", answer(1, internet));
}

#[test]
fn what_holds_is_said_with_what_it_takes_for_granted() {
    assert_snapshot!("web_to_api", answer(0, "{expect: allow, from: shop/web, to: shop/api, ports: [9000]}"));
    let named = "{expect: only, from: shop/web, to: shop/api, ports: [http], world: snapshot}";
    assert_snapshot!("by_port_name", answer(0, named));
}

#[test]
fn what_holds_of_nothing_is_said() {
    let misspelt = "expect: deny, from: {pods: {app: wbe}}, to: data/db";
    assert_snapshot!("vacuous", answer(0, &format!("{{{misspelt}, world: snapshot}}")));
    let open = answer(1, &format!("{{{misspelt}}}"));
    assert!(open.contains("note: nothing in these manifests is `from`: pods app=wbe"), "{open}");
    let never = "{matchExpressions: [{key: a, operator: Exists}, {key: a, operator: DoesNotExist}]}";
    let nobody = answer(0, &format!("{{expect: allow, from: {{pods: {never}}}, to: data/db}}"));
    assert!(nobody.starts_with("holds vacuously: "), "{nobody}");
}

#[test]
fn json() {
    let run = prove(BACK_END, &["--format", "json"]);
    assert_eq!((run.status, run.stderr.as_str()), (1, ""), "{run}");
    assert_snapshot!(run.stdout);
}

#[test]
fn mistakes_end_with_the_next_step() {
    for (name, assertion) in [
        ("misspelt", "{expect: dney, from: wbe, to: data/db, prots: [80]}"),
        ("unknown_name", "{expect: deny, from: any-pod, to: data/dbs}"),
        ("a_node", "{expect: deny, from: any-pod, to: node/worker-1}"),
        ("unclosed", "{expect: deny"),
        ("no_mapping", "deny"),
    ] {
        let run = prove(assertion, &[]);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{run}");
        assert_snapshot!(format!("mistake_{name}"), run.stderr);
    }
    let run = prove("{expect: deny, from: any-pod, to: internet}", &["--format", "csv"]);
    assert_eq!(run.status, 2, "{run}");
}

#[test]
fn input_that_is_left_out_leaves_the_answer_open() {
    let assertion = "{expect: deny, from: any-pod, to: 10.0.0.1, world: snapshot}";
    assert_eq!(npv(&fixtures(), ["prove", assertion, "broken"]).status, 3);
    assert_ne!(npv(&fixtures(), ["prove", assertion, "broken", "--allow-incomplete"]).status, 3);
}

/// The fixtures and the same with another port, as two directories of a new one.
fn versions() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for side in ["before", "after", "other"] {
        fs::create_dir_all(place.path().join(side)).unwrap();
        for file in ["policies.yaml", "workloads.yaml"] {
            let text = fs::read_to_string(fixtures().join("shop").join(file)).unwrap();
            let text = match side {
                "after" => text.replace("- {port: 9000}", "- {port: 9001}"),
                // A selector of names in place of one of labels: another text with the same meaning.
                "other" => text.replace(
                    "podSelector: {matchLabels: {app: api}}",
                    "podSelector: {matchExpressions: [{key: app, operator: In, values: [api]}]}",
                ),
                _ => text,
            };
            fs::write(place.path().join(side).join(file), text).unwrap();
        }
    }
    place
}

#[test]
fn two_sides_that_mean_the_same_and_two_that_do_not() {
    let place = versions();
    let same = npv(place.path(), ["prove", "--equivalent", "before", "other"]);
    assert_eq!((same.status, same.stderr.as_str()), (0, ""), "{same}");
    assert_snapshot!("equivalent", same.stdout);
    let changed = npv(place.path(), ["prove", "--equivalent", "before", "after"]);
    assert_eq!((changed.status, changed.stderr.as_str()), (1, ""), "{changed}");
    assert_snapshot!("not_equivalent", changed.stdout);
    // The same answer, to a question that cannot fail.
    let diff = npv(place.path(), ["diff", "--world", "any", "before", "after"]);
    assert_eq!((diff.status, diff.stdout.as_str()), (0, changed.stdout.as_str()), "{diff}");
    for wrong in [&["--equivalent", "before"][..], &["--equivalent", "before", "after", "{expect: deny}"]] {
        assert_eq!(npv(place.path(), [&["prove"], wrong].concat()).status, 2, "{wrong:?}");
    }
}

#[test]
fn a_difference_is_seen_by_the_traces_of_both_sides() {
    let place = versions();
    let run = npv(
        place.path(),
        ["prove", "--equivalent", "before", "after", "--witness-dir", "w", "--format", "json"],
    );
    assert_eq!(run.status, 1, "{run}");
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    for (change, allowing, denying) in [("opened", "after", "before"), ("closed", "before", "after")] {
        let command = answer[change]["allowed"]["command"].as_str().unwrap();
        let words: Vec<&str> = command.split(' ').skip(1).collect();
        assert_eq!(words[3], allowing, "{command}");
        for (side, verdict) in [(allowing, "allow"), (denying, "deny")] {
            let mut words = words.clone();
            words[3] = side;
            let trace = npv(place.path(), words.into_iter().chain(["--format", "json"]));
            let trace: Value = serde_json::from_str(&trace.stdout).unwrap();
            assert_eq!(trace["verdict"], verdict, "{command} in {side}");
        }
    }
}

/// Assertions that fail in some cluster, in ways of their own.
const CONTRADICTED: [&str; 6] = [
    "{expect: deny, from: any-pod, to: 169.254.169.254, ports: [53/udp]}",
    BACK_END,
    "{name: '../web: \"from\" outside?', expect: deny, from: 1.2.3.0/24, to: shop/web}",
    "{expect: allow, from: {namespace: data}, to: {namespace: data}, ports: [metrics]}",
    "{expect: deny, from: {nodes: {}}, to: {namespace: shop, pods: {app: web}}}",
    "{expect: deny, from: any-pod, to: {namespace: data}, where: from.namespace != to.namespace}",
];

#[test]
fn a_witness_is_seen_by_the_trace_that_is_printed() {
    for assertion in CONTRADICTED {
        let place = tempfile::tempdir().unwrap();
        for file in ["policies.yaml", "workloads.yaml"] {
            fs::create_dir_all(place.path().join("shop")).unwrap();
            fs::copy(fixtures().join("shop").join(file), place.path().join("shop").join(file)).unwrap();
        }
        let run = npv(
            place.path(),
            ["prove", assertion, "shop", "--witness-dir", "shop/witness", "--format", "json"],
        );
        assert_eq!((run.status, run.stderr.as_str()), (1, ""), "{run}");
        let proof: Value = serde_json::from_str(&run.stdout).unwrap();
        let found = &proof["assertions"][0]["counterexample"];
        let command = found["command"].as_str().unwrap();
        let words: Vec<&str> = command.split(' ').collect();
        assert_eq!(words[..2], ["npv", "trace"], "{command}");
        assert!(!command.contains('\''), "words that a shell takes as they are: {command}");
        let file = found["file"].as_str().unwrap();
        assert!(command.ends_with(file), "{command}");
        assert_eq!(fs::read_to_string(place.path().join(file)).unwrap(), found["manifests"]);
        let trace = npv(place.path(), words[1..].iter().chain(&["--format", "json"]));
        assert_eq!((trace.status, trace.stderr.as_str()), (0, ""), "{trace}");
        let trace: Value = serde_json::from_str(&trace.stdout).unwrap();
        assert_eq!(trace["verdict"], found["verdict"], "{command}");
        assert_eq!(trace["steps"], found["steps"], "{command}");
        for (end, part) in [("src", &trace["parts"][0]["src"]), ("dst", &trace["parts"][0]["dst"])] {
            assert_eq!(part["id"], found[end]["id"], "{command}");
        }
        // What was written is no part of the manifests from now on.
        let again = npv(
            place.path(),
            ["prove", assertion, "shop", "--witness-dir", "shop/witness", "--format", "json"],
        );
        assert_eq!(again.stdout, run.stdout);
    }
}
