//! Exceptions: comments, annotations, entries of the configuration, and what is wrong with them.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use npv_tests::npv::{Run, npv_with};
use npv_tests::place::text_at;
use serde_json::Value;
use tempfile::TempDir;

const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec: {containers: [{name: web}]}\n";

/// 2026-11-21.
const TODAY: &str = "1795219200";

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

fn check_on(day: &str, directory: &Path, arguments: &[&str]) -> Run {
    let arguments = ["check"].iter().chain(arguments);
    npv_with(directory, arguments, &[("SOURCE_DATE_EPOCH", day)], None)
}

fn check(directory: &Path, arguments: &[&str]) -> Run {
    check_on(TODAY, directory, arguments)
}

/// The rules with the texts that their places cover.
fn found(directory: &Path, arguments: &[&str]) -> Vec<(String, String)> {
    let arguments = [arguments, &["--format", "json"]].concat();
    let run = check(directory, &arguments);
    let document: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
    let findings = document["findings"].as_array().cloned().unwrap_or_default();
    let text = |finding: &Value| {
        let rule = finding["rule"].as_str().unwrap_or_default().to_owned();
        (rule, text_at(directory, &finding["locations"][0]).unwrap_or_default())
    };
    findings.iter().map(text).collect()
}

fn pairs(found: &[(String, String)]) -> Vec<(&str, &str)> {
    found.iter().map(|(rule, text)| (rule.as_str(), text.as_str())).collect()
}

#[test]
fn every_way_to_say_it() {
    let comment = POD.replace("shop}", "shop} # npv: ignore[no-policy] the mesh sees to it");
    let annotation = POD.replace("shop}", "shop, annotations: {npv.dev/ignore.no-policy: the mesh}}");
    let entry = "ignore: [{rule: no-policy, object: Pod/shop/web, reason: the mesh}]\n";
    for (manifest, config) in [
        (comment.as_str(), "{}\n"),
        (&annotation, "{}\n"),
        (POD, entry),
        (&annotation.replace("web,", "web2,"), "{}\n"),
    ] {
        let directory = directory(&[("pod.yaml", manifest), ("npv.yaml", config)]);
        assert_eq!(found(directory.path(), &[]), [], "{manifest}{config}");
        let run = check(directory.path(), &[]);
        assert!(run.status == 0 && run.stdout.contains("; 1 suppressed\n"), "{run}");
    }
    let json = POD.replace("metadata: {", "metadata: {annotations: {npv.dev/ignore.no-policy: the mesh}, ");
    let directory = directory(&[("pod.yaml", &json)]);
    assert_eq!(found(directory.path(), &[]), []);
}

#[test]
fn suppressed_findings_are_counted_and_listed() {
    let directory = directory(&[
        ("pod.yaml", &POD.replace("shop}", "shop} # npv: ignore[no-policy] the mesh sees to it")),
        ("npv.yaml", "ignore: [{rule: no-policy, object: Pod/shop/other, path: deploy/, reason: soon}]\n"),
        ("deploy/other.yaml", &POD.replace("web", "other")),
    ]);
    assert_snapshot!(check(directory.path(), &[]).to_string());
    let verbose = check(directory.path(), &["-v"]);
    let listed: Vec<&str> = verbose.stderr.lines().filter(|line| line.contains("no-policy at")).collect();
    assert_eq!(
        listed,
        [
            "  no-policy at deploy/other.yaml:3:18: soon (npv.yaml:1:17)",
            "  no-policy at pod.yaml:3:18: the mesh sees to it (pod.yaml:3:54)"
        ],
        "{verbose}"
    );
    let document: Value =
        serde_json::from_str(&check(directory.path(), &["--format", "json"]).stdout).unwrap();
    assert_eq!(document["summary"]["suppressed"], 2);
    for (one, means) in document["suppressed"].as_array().unwrap().iter().zip(["configuration", "comment"]) {
        assert_eq!(one["means"], means);
        assert_eq!(text_at(directory.path(), &one["at"]).unwrap(), "no-policy");
        assert_eq!(one["finding"]["rule"], "no-policy");
    }
}

#[test]
fn an_exception_is_of_its_own_rule_place_and_object_alone() {
    let entry = |entry: &str| format!("ignore: [{{{entry}, reason: r}}]\n");
    for (config, suppressed) in [
        (entry("rule: no-policy"), true),
        (entry("rule: no-policy, object: '*/shop/*'"), true),
        (entry("rule: no-policy, path: 'deploy/*.yaml'"), true),
        (entry("rule: no-policy, path: deploy/"), true),
        (entry("rule: no-policy, path: other/"), false),
        (entry("rule: no-policy, object: Pod/shop/wep"), false),
        (entry("rule: no-policy, object: Pod/shop/web, path: other/"), false),
        (entry("rule: selects-no-pods"), false),
    ] {
        let directory = directory(&[("deploy/pod.yaml", POD), ("npv.yaml", &config)]);
        let found = found(directory.path(), &[]);
        let rules: Vec<&str> = found.iter().map(|(rule, _)| rule.as_str()).collect();
        let wanted: &[&str] = if suppressed { &[] } else { &["no-policy", "unused-suppression"] };
        assert_eq!(rules, wanted, "{config}");
    }
}

#[test]
fn an_unused_entry_is_reported_when_all_of_it_is_looked_at() {
    let config = "paths: [a, b]\nignore: [{rule: no-policy, object: Pod/shop/gone, reason: r}]\n";
    let directory =
        directory(&[("a/pod.yaml", POD), ("b/pod.yaml", &POD.replace("web", "b")), ("npv.yaml", config)]);
    let unused = |arguments: &[&str]| {
        let found = found(directory.path(), arguments);
        found
            .iter()
            .filter(|(rule, _)| rule == "unused-suppression")
            .map(|(_, text)| text.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(unused(&[]), ["no-policy"]);
    assert_eq!(unused(&["a", "b"]), ["no-policy"]);
    assert_eq!(unused(&["."]), ["no-policy"]);
    assert_eq!(unused(&["a"]), [""; 0]);
    assert_eq!(
        unused(&["--ignore", "no-policy"]),
        [""; 0],
        "nothing can be said of a rule that does not run"
    );
    assert_eq!(unused(&["-A", "unused-suppression"]), [""; 0]);
}

#[test]
fn an_exception_ends() {
    let config = "ignore:\n  - rule: no-policy\n    object: Pod/shop/web\n    reason: with the next release\n    expires: 2026-11-21\n";
    let directory = directory(&[("pod.yaml", POD), ("npv.yaml", config)]);
    assert_eq!(check(directory.path(), &[]).status, 0, "the last day is a day of it");
    let run = check_on("1795305600", directory.path(), &[]);
    assert_snapshot!(run.to_string());
    assert!(run.stdout.contains("npv.yaml:5:14"), "{run}");
    // As time goes by it goes on.
    let run = npv_with(directory.path(), ["check"], &[("SOURCE_DATE_EPOCH", "soon")], None);
    assert!(run.status == 2 && run.stderr.contains("SOURCE_DATE_EPOCH"), "{run}");
}

#[test]
fn what_is_wrong_with_exceptions_stands_where_it_is_written() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web # npv: ignore[no-polcy] the mesh\n  namespace: shop\n  \
                annotations:\n    npv.dev/ignore.no-policy: ''\n    npv.dev/ignore.dns-egress-blocked: none\nspec:\n  # npv: \
                ignore[no-policy]\n  containers: [{name: web}]\n";
    let directory = directory(&[("pod.yaml", text)]);
    assert_eq!(
        pairs(&found(directory.path(), &[])),
        [
            ("no-policy", "web"),
            ("invalid-suppression", "no-polcy"),
            ("invalid-suppression", "npv.dev/ignore.no-policy"),
            ("unused-suppression", "npv.dev/ignore.dns-egress-blocked"),
            ("invalid-suppression", "no-policy"),
        ]
    );
    let run = check(directory.path(), &[]);
    assert_snapshot!(run.to_string());
}

/// What the API server refuses is left out of every answer; no exception may hide that.
#[test]
fn validity_and_incompleteness_have_no_exceptions() {
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p\n  annotations: \
                  {npv.dev/ignore.unknown-field: we know}\nspec: {podselector: {}} # npv: ignore[unknown-field] we know\n";
    let directory = directory(&[("p.yaml", policy)]);
    let found = found(directory.path(), &[]);
    assert_eq!(
        pairs(&found),
        [
            ("unknown-field", "podselector"),
            ("invalid-suppression", "npv.dev/ignore.unknown-field"),
            ("invalid-suppression", "unknown-field")
        ]
    );
    assert_eq!(check(directory.path(), &["--fail-on", "error"]).status, 1);
}

#[test]
fn an_unused_comment_is_taken_away() {
    let text = POD.replace("spec:", "# npv: ignore[no-policy] at the wrong place\nspec:");
    let directory = directory(&[("pod.yaml", &text)]);
    check(directory.path(), &["--fix"]);
    assert_eq!(fs::read_to_string(directory.path().join("pod.yaml")).unwrap(), POD);
}
