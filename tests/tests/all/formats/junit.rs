//! JUnit XML: well-formed, counted right, a test case for each rule and each finding.

use std::collections::BTreeSet;

use npv_tests::npv::npv;
use roxmltree::{Document, Node};

use super::{assert_harmless, beside, check, fixtures, hostile, inputs};

/// The attributes that readers know, with those that an element must have.
const GRAMMAR: [(&str, &[&str], &[&str]); 6] = [
    ("testsuites", &["name", "tests", "failures", "errors"], &[]),
    ("testsuite", &["name", "tests", "failures", "errors"], &[]),
    ("testcase", &["classname", "name"], &["file", "line"]),
    ("failure", &["type", "message"], &[]),
    ("error", &["type", "message"], &[]),
    ("system-out", &[], &[]),
];

fn elements<'a, 'input>(node: Node<'a, 'input>, name: &'static str) -> Vec<Node<'a, 'input>> {
    node.descendants().filter(|node| node.has_tag_name(name)).collect()
}

fn assert_grammar(document: &Document<'_>) {
    for node in document.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        let (_, must, may) = GRAMMAR.iter().find(|(element, ..)| *element == name).unwrap();
        let given: BTreeSet<&str> = node.attributes().map(|attribute| attribute.name()).collect();
        assert!(must.iter().all(|name| given.contains(name)), "{name} has {given:?}");
        assert!(given.iter().all(|name| must.contains(name) || may.contains(name)), "{name} has {given:?}");
        let parent = node.parent().unwrap().tag_name().name().to_owned();
        let wanted = match name {
            "testsuites" => "",
            "testsuite" => "testsuites",
            "testcase" => "testsuite",
            _ => "testcase",
        };
        assert_eq!(parent, wanted, "{name}");
        if matches!(name, "testsuites" | "testsuite") {
            let count = |attribute| node.attribute(attribute).unwrap().parse::<usize>().unwrap();
            assert_eq!(count("tests"), elements(node, "testcase").len());
            assert_eq!(count("failures"), elements(node, "failure").len());
            assert_eq!(count("errors"), elements(node, "error").len());
        }
    }
    let names: Vec<_> = elements(document.root(), "testcase")
        .iter()
        .map(|case| (case.attribute("classname"), case.attribute("name")))
        .collect();
    assert_eq!(
        names.iter().collect::<BTreeSet<_>>().len(),
        names.len(),
        "names that are not unique: {names:#?}"
    );
}

#[test]
fn every_report_is_well_formed_and_complete() {
    let rules = npv(&fixtures(), ["rule"]).stdout;
    let (mut failures, mut errors, mut outputs) = (0, 0, 0);
    for (directory, path) in inputs() {
        let (findings, text, run) = beside(&directory, &path, "junit");
        let document = Document::parse(&text).unwrap();
        assert_grammar(&document);
        let cases = elements(document.root(), "testcase");
        for line in rules.lines().filter(|line| !line.ends_with(" (pedantic)")) {
            let rule = line.split_whitespace().next().unwrap();
            let of_rule = |case: &&Node<'_, '_>| {
                let name = case.attribute("name").unwrap();
                name == rule || name.starts_with(&format!("{rule}: "))
            };
            let found = findings.iter().filter(|finding| finding["rule"] == rule).count();
            assert_eq!(cases.iter().filter(of_rule).count(), found.max(1), "{rule} in {path}");
        }
        let (failed, broken) =
            (elements(document.root(), "failure").len(), elements(document.root(), "error").len());
        outputs += elements(document.root(), "system-out").len();
        failures += failed;
        errors += broken;
        // A report that is green where the gate is not, or the other way round, misleads.
        assert_eq!(run.status == 0, failed + broken == 0, "{path}");
        assert_eq!(run.status == 3, broken > 0, "{path}");
        for finding in &findings {
            let at = &finding["locations"][0];
            let line = at["line"].to_string();
            let there = cases.iter().any(|case| {
                case.attribute("file") == at["file"].as_str() && case.attribute("line") == Some(line.as_str())
            });
            assert!(there, "{path}: {finding:#}");
        }
    }
    assert!(failures > 50 && errors > 5 && outputs > 0, "{failures} {errors} {outputs}");
}

#[test]
fn what_does_not_fail_the_run_fails_no_test() {
    let run = npv(&fixtures(), ["check", "shop", "--fail-on", "error", "--format", "junit"]);
    assert_eq!(run.status, 0, "{run}");
    let document = Document::parse(&run.stdout).unwrap();
    assert_grammar(&document);
    assert!(elements(document.root(), "failure").is_empty());
    assert!(!elements(document.root(), "system-out").is_empty());
    let run = npv(&fixtures(), ["check", "broken", "--allow-incomplete", "--format", "junit"]);
    let document = Document::parse(&run.stdout).unwrap();
    assert!(elements(document.root(), "error").is_empty(), "{run}");
    assert!(!elements(document.root(), "failure").is_empty(), "{run}");
}

#[test]
fn names_are_data() {
    let directory = tempfile::tempdir().unwrap();
    let name = hostile(directory.path());
    let ([text], _) = check(directory.path(), ".", ["junit"]);
    assert_harmless(&text);
    let document = Document::parse(&text).unwrap();
    assert_grammar(&document);
    let failures = elements(document.root(), "failure");
    assert!(failures.len() >= 10, "{text}");
    assert!(failures.iter().all(|failure| failure.parent().unwrap().attribute("file") == Some(&name)));
    assert!(failures.iter().any(|failure| failure.text().unwrap().contains("]]></failure><!--")), "{text}");
}
