//! What `npv check` and `npv rule` print.

use std::path::PathBuf;

use insta::assert_snapshot;
use npv_tests::npv::{npv, npv_with, root};
use npv_tests::place::text_at;
use serde_json::Value;

fn fixtures() -> PathBuf {
    root().join("tests/fixtures")
}

#[test]
fn text() {
    assert_snapshot!(npv(&fixtures(), ["check", "invalid"]).to_string());
}

#[test]
fn json() {
    assert_snapshot!(npv(&fixtures(), ["check", "invalid", "--format", "json"]).to_string());
}

#[test]
fn documents_that_cannot_be_read() {
    assert_snapshot!(npv(&fixtures(), ["check", "broken"]).to_string());
}

#[test]
fn colours() {
    let run = npv(&fixtures(), ["check", "invalid", "--color", "always"]);
    assert_snapshot!(run.stdout.replace('\u{1b}', "^"));
}

#[test]
fn a_clean_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(
        directory.path().join("all.yaml"),
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: empty}\n",
    )
    .unwrap();
    let run = npv(directory.path(), ["check", "all.yaml"]);
    assert_snapshot!(run.to_string());
}

#[test]
fn places_are_in_the_sources() {
    for (directory, rule, texts) in [
        ("invalid", "invalid-policy", &["10.0.0.0/33", "79"][..]),
        ("invalid", "no-policy", &["one"]),
        ("broken", "no-policy", &["good", "also-good"]),
        ("shop", "dns-egress-blocked", &["egress"]),
    ] {
        let run = npv(&fixtures(), ["check", directory, "--format", "json"]);
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        let found: Vec<&Value> = document["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["rule"] == rule)
            .collect();
        for text in texts {
            let at = |finding: &&&Value| {
                let places = finding["locations"].as_array().unwrap();
                places.iter().any(|place| {
                    let covered = text_at(&fixtures(), place);
                    covered.is_ok_and(|covered| covered.to_lowercase().starts_with(text))
                })
            };
            assert!(found.iter().any(|finding| at(&finding)), "{rule} at `{text}`\n{found:#?}");
        }
    }
}

#[test]
fn the_text_names_the_place_of_the_json() {
    for directory in ["invalid", "shop"] {
        let text = npv(&fixtures(), ["check", directory]).stdout;
        let run = npv(&fixtures(), ["check", directory, "--format", "json"]);
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        for finding in document["findings"].as_array().unwrap() {
            let at = &finding["locations"][0];
            let place = format!("--> {}:{}:{}", at["file"].as_str().unwrap(), at["line"], at["column"]);
            assert!(text.contains(&place), "no `{place}` in\n{text}");
        }
    }
}

/// A mark in a line that is too long to show whole, and a line of bytes that would act on a terminal.
#[test]
fn long_and_hostile_lines() {
    let directory = tempfile::tempdir().unwrap();
    let filler = "\u{20ac}".repeat(5_000);
    let text = format!(
        "{{\"apiVersion\": \"networking.k8s.io/v1\", \"kind\": \"NetworkPolicy\", \"metadata\": {{\"name\": \"p\", \
         \"annotations\": {{\"a\": \"{filler}\"}}}}, \"spec\": {{\"podSelector\": {{}}, \"ingres\": []}}, \
         \"b\": \"{filler}\"}}\n"
    );
    std::fs::write(directory.path().join("long.json"), &text).unwrap();
    let hostile = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\n\
                   spec: {podSelector: {}, in\u{202e}gress: [], \"a\\u001b[2J\": 1} # \u{9b}31m\n";
    std::fs::write(directory.path().join("hostile.yaml"), hostile).unwrap();
    let run = npv(directory.path(), ["check", "."]);
    assert!(run.stdout.len() < 8_000, "{} bytes", run.stdout.len());
    let acts = |character: char| character != '\n' && (character.is_control() || character == '\u{202e}');
    assert!(!run.stdout.contains(acts), "{:?}", run.stdout);
    let column =
        text.chars().take_while(|character| *character != 'z').collect::<String>().find("\"ingres\"");
    let column = text[..column.unwrap()].chars().count() + 1;
    assert!(run.stdout.contains(&format!("long.json:1:{column}")), "{column}\n{}", run.stdout);
}

#[test]
fn rules_are_listed_and_explained() {
    let exposure = npv(&fixtures(), ["rule", "exposure"]);
    assert_eq!(exposure.status, 0, "{exposure}");
    assert!(exposure.stdout.lines().count() > 5, "{exposure}");
    for line in exposure.stdout.lines() {
        assert_eq!(line.split_whitespace().nth(2), Some("exposure"), "{line}");
    }
    let unknown = npv(&fixtures(), ["rule", "exposre"]);
    assert!(unknown.status == 2 && unknown.stderr.contains("did you mean `exposure`?"), "{unknown}");
    let list = npv(&fixtures(), ["rule"]);
    let rules: Vec<&str> = list.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(rules.len() >= 15, "{list}");
    for rule in rules {
        let page = npv(&fixtures(), ["rule", rule]);
        assert_eq!((page.status, page.stderr.as_str()), (0, ""), "{page}");
        assert!(page.stdout.starts_with(&format!("# {rule}\n")), "{page}");
        for heading in ["## What it finds", "## Why it matters", "## Example", "## How to fix it"] {
            assert!(page.stdout.contains(heading), "{rule} has no {heading}\n{page}");
        }
    }
}

/// What hides a rule is a matter of the policies, not of the order in which they were read or asked about.
#[cfg(feature = "z3")]
#[test]
fn the_order_of_files_and_the_number_of_threads_change_nothing() {
    let peers = [
        "podSelector: {}",
        "podSelector: {matchLabels: {app: a}}",
        "podSelector: {matchExpressions: [{key: app, operator: Exists}]}",
        "podSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]}",
        "namespaceSelector: {matchLabels: {team: t}}, podSelector: {matchLabels: {app: a}}",
        "ipBlock: {cidr: 10.0.0.0/15}",
        "ipBlock: {cidr: 10.1.0.0/16}",
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for number in 0..14 {
        let [one, other] = [number % 7, (number * 3 + 1) % 7].map(|index| peers[index]);
        let ports = ["[{port: 80}]", "[{port: 80}, {port: 81}]", "[{port: 1, endPort: 99}]"][number % 3];
        let text = format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p{number}, namespace: shop}}\n\
             spec:\n  podSelector: {{}}\n  ingress:\n    - from: [{{{one}}}]\n      ports: {ports}\n    - from: [{{{other}}}]\n      ports: [{{port: 80}}]\n"
        );
        let file = format!("p{number:02}.yaml");
        std::fs::write(folder.path().join(&file), text).unwrap();
        files.push(file);
    }
    let check = |files: &[String], threads: &str| {
        let mut arguments = vec!["check".to_owned(), "--format".to_owned(), "json".to_owned()];
        arguments.extend_from_slice(files);
        npv_with(folder.path(), arguments, &[("RAYON_NUM_THREADS", threads)], None).stdout
    };
    let forward = check(&files, "4");
    assert!(forward.matches("redundant-").count() > 5, "{forward}");
    assert_eq!(forward, check(&files, "1"));
    files.reverse();
    assert_eq!(forward, check(&files, "4"));
}
