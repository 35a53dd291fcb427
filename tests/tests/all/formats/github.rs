//! GitHub's workflow commands, read as GitHub's runner reads them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use npv_analyzer::report::visible;
use npv_tests::npv::npv;

use super::{assert_harmless, beside, check, fixtures, hostile, inputs};

/// An annotation as GitHub shows it.
#[derive(Debug)]
struct Annotation {
    command: String,
    properties: BTreeMap<String, String>,
    message: String,
}

fn unescape(text: &str, property: bool) -> String {
    let text = text.replace("%0D", "\r").replace("%0A", "\n");
    let text = if property { text.replace("%3A", ":").replace("%2C", ",") } else { text };
    text.replace("%25", "%")
}

/// What the runner makes of a line: `::command key=value,..::message`, or no command.
fn read(line: &str) -> Option<Annotation> {
    let rest = line.trim_start().strip_prefix("::")?;
    let (head, message) = rest.split_once("::")?;
    let (command, properties) = head.split_once(' ').unwrap_or((head, ""));
    let properties = properties
        .split(',')
        .filter_map(|property| property.split_once('='))
        .map(|(key, value)| (key.trim().to_owned(), unescape(value, true)))
        .collect();
    Some(Annotation { command: command.to_owned(), properties, message: unescape(message, false) })
}

/// The annotations in some output. All other lines are npv's own words.
fn annotations(text: &str) -> Vec<Annotation> {
    let mut annotations = Vec::new();
    for line in text.lines() {
        if let Some(annotation) = read(line) {
            annotations.push(annotation);
        } else {
            assert!(line.starts_with("npv: ") && !line.contains("##["), "{line}");
            let seen = |character: char| character.is_ascii() && !character.is_control();
            assert!(line.chars().all(seen), "{line}");
        }
    }
    annotations
}

#[test]
fn annotations_are_at_the_places_of_the_findings() {
    let (mut seen, mut over) = (0, 0);
    for (directory, path) in inputs() {
        let (findings, text, _) = beside(&directory, &path, "github");
        let annotations = annotations(&text);
        for (command, severity) in [("error", "error"), ("warning", "warning"), ("notice", "note")] {
            let found = findings.iter().filter(|finding| finding["severity"] == severity).count();
            let written = annotations.iter().filter(|annotation| annotation.command == command).count();
            assert_eq!(written, found.min(10), "{path}\n{text}");
            if found > 10 {
                over += 1;
                let left = found - 10;
                assert!(text.contains(&format!("npv: {left} {severity}")), "{path}: {left}\n{text}");
            }
        }
        for annotation in &annotations {
            seen += 1;
            let property = |key: &str| annotation.properties.get(key).map_or("", String::as_str);
            let number = |key: &str| property(key).parse::<u64>().ok();
            let same = findings.iter().find(|finding| {
                let at = &finding["locations"][0];
                annotation.message.starts_with(&*visible(finding["message"].as_str().unwrap()))
                    && at["file"] == property("file")
                    && at["line"].as_u64() == number("line")
            });
            assert!(same.is_some(), "{path}: {annotation:#?}");
            let finding = same.unwrap();
            let at = &finding["locations"][0];
            assert_eq!(property("title"), format!("npv: {}", finding["rule"].as_str().unwrap()));
            if at["line"] == at["endLine"] {
                assert_eq!(number("col"), at["column"].as_u64());
                assert!(number("endColumn") >= number("col"), "{annotation:?}");
            } else {
                // GitHub refuses columns for marks of several lines.
                assert_eq!((number("col"), number("endLine")), (None, at["endLine"].as_u64()));
            }
        }
    }
    assert!(seen > 100 && over > 0, "{seen} {over}");
}

#[test]
fn the_worst_come_first_and_the_rest_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for index in 0..25 {
        writeln!(
            text,
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: shop-{index:02}}}\n\
             spec: {{containers: [{{name: c, image: c}}]}}\n---"
        )
        .unwrap();
    }
    let refused = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n\
                   spec: {podSelector: {}, ingress: [{ports: [{port: 99999}]}]}\n";
    fs::write(directory.path().join("a.yaml"), text + refused).unwrap();
    let run = npv(directory.path(), ["check", "--format", "github"]);
    let annotations = annotations(&run.stdout);
    assert_eq!(annotations[0].command, "error", "{run}");
    assert_eq!(annotations.len(), 11, "{run}");
    assert!(run.stdout.contains("npv: 15 warnings without an annotation"), "{run}");
    assert!(run.stdout.contains("npv: 1 error, 25 warnings in 1 file: "), "{run}");
}

#[test]
fn names_are_data() {
    let directory = tempfile::tempdir().unwrap();
    let name = hostile(directory.path());
    let ([text], _) = check(directory.path(), ".", ["github"]);
    assert_harmless(&text);
    let annotations = annotations(&text);
    assert!(annotations.len() >= 10, "{text}");
    for annotation in annotations {
        assert!(matches!(annotation.command.as_str(), "error" | "warning"), "{annotation:?}");
        assert_eq!(annotation.properties.get("file"), Some(&name), "{annotation:?}");
        assert_harmless(&annotation.message);
    }
}

#[test]
fn what_is_in_no_file_of_the_repository_has_its_place_in_the_message() {
    let absolute = fixtures().join("shop").display().to_string();
    let ([text], _) = check(&fixtures().join("broken"), &absolute, ["github"]);
    for annotation in annotations(&text) {
        assert!(!annotation.properties.contains_key("file"), "{annotation:?}");
        assert!(annotation.message.contains(&format!("\nat {absolute}/")), "{annotation:?}");
    }
}
