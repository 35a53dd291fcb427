//! The baseline: `npv check` speaks of what is new.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use npv_tests::npv::{npv, root};
use npv_tests::place::text_at;
use serde_json::Value;
use tempfile::TempDir;

fn pod(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{containers: [{{name: a}}]}}\n"
    )
}

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(&directory, name, text);
    }
    directory
}

fn write(directory: &TempDir, name: &str, text: &str) {
    let path = directory.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn json(directory: &Path, arguments: &[&str]) -> Value {
    let run = npv(directory, ["check", "--format", "json"].iter().chain(arguments));
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| run.to_string().into())
}

fn found(directory: &Path, arguments: &[&str]) -> Vec<String> {
    let document = json(directory, arguments);
    let findings = document["findings"].as_array().cloned().unwrap_or_else(|| Vec::from([document.clone()]));
    let object = |finding: &Value| finding["object"].as_str().unwrap_or("-").to_owned();
    findings
        .iter()
        .map(|finding| format!("{} {}", finding["rule"].as_str().unwrap_or(""), object(finding)))
        .collect()
}

#[test]
fn only_what_is_new_is_reported() {
    let directory = directory(&[("a.yaml", &pod("a")), ("b.yaml", &pod("b"))]);
    let written = npv(directory.path(), ["baseline", "write"]);
    assert_eq!(
        (written.status, written.stdout.as_str()),
        (0, "wrote 2 findings to `npv-baseline.json`\n"),
        "{written}"
    );
    assert_snapshot!(fs::read_to_string(directory.path().join("npv-baseline.json")).unwrap());
    let run = npv(directory.path(), ["check"]);
    assert!(run.status == 0 && run.stdout.contains("; 2 in the baseline\n"), "{run}");
    assert_eq!(json(directory.path(), &[])["summary"]["baseline"], 2);
    write(&directory, "c.yaml", &pod("c"));
    assert_eq!(found(directory.path(), &[]), ["no-policy Pod/shop/c"]);
    assert_eq!(npv(directory.path(), ["check"]).status, 1);
    // What is not in the baseline is put together by its cause.
    assert_eq!(found(directory.path(), &["--no-baseline"]), ["no-policy Namespace/shop"]);
}

#[test]
fn entries_survive_moved_lines_and_renamed_files() {
    let directory = directory(&[("a.yaml", &format!("{}---\n{}", pod("a"), pod("b")))]);
    npv(directory.path(), ["baseline", "write"]);
    fs::remove_file(directory.path().join("a.yaml")).unwrap();
    write(&directory, "deploy/z.yaml", &format!("# moved\n\n{}---\n# and more\n{}", pod("b"), pod("a")));
    assert_eq!(found(directory.path(), &[]), [""; 0]);
}

#[test]
fn what_is_gone_is_said_and_pruned() {
    let directory = directory(&[("x/a.yaml", &pod("a")), ("y/b.yaml", &pod("b"))]);
    npv(directory.path(), ["baseline", "write"]);
    fs::remove_file(directory.path().join("x/a.yaml")).unwrap();
    write(&directory, "x/c.yaml", &pod("c"));
    assert_eq!(found(directory.path(), &[]), ["no-policy Pod/shop/c", "stale-baseline -"]);
    let stale = &json(directory.path(), &[])["findings"][1];
    assert!(text_at(directory.path(), &stale["locations"][0]).unwrap().contains("Pod/shop/a"), "{stale}");
    assert_eq!(npv(directory.path(), ["check", "--ignore", "no-policy"]).status, 0);
    // Whoever does not look there cannot tell.
    assert_eq!(found(directory.path(), &["y"]), [""; 0]);
    assert_eq!(found(directory.path(), &["x"]), ["no-policy Pod/shop/c", "stale-baseline -"]);
    let run = npv(directory.path(), ["baseline", "prune", "y"]);
    assert_eq!(run.stdout, "removed 0 findings from `npv-baseline.json`\n", "{run}");
    let run = npv(directory.path(), ["baseline", "prune"]);
    assert_eq!(run.stdout, "removed 1 finding from `npv-baseline.json`\n", "{run}");
    assert_eq!(found(directory.path(), &[]), ["no-policy Pod/shop/c"], "pruning adds nothing");
}

#[test]
fn as_often_as_it_was() {
    let policy = |more: &str| {
        format!(
            "{}---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: shop}}\nspec:\n  \
             podSelector: {{}}\n  ingress:\n  - from: [{{podSelector: {{matchLabels: {{app: gone}}}}}}]\n    ports: [{{port: \
             80}}]\n{more}",
            pod("a")
        )
    };
    let again = "  - from: [{podSelector: {matchLabels: {app: gone}}}]\n    ports: [{port: 81}]\n";
    let directory = directory(&[("a.yaml", &policy(""))]);
    let only = ["--select", "peer-matches-nothing,stale-baseline"];
    npv(directory.path(), ["baseline", "write"]);
    assert_eq!(found(directory.path(), &only), [""; 0]);
    write(&directory, "a.yaml", &policy(again));
    assert_eq!(found(directory.path(), &only), ["peer-matches-nothing NetworkPolicy/shop/p"]);
    npv(directory.path(), ["baseline", "write"]);
    assert_eq!(found(directory.path(), &only), [""; 0]);
    write(&directory, "a.yaml", &policy(""));
    assert_eq!(found(directory.path(), &only), ["stale-baseline -"]);
    npv(directory.path(), ["baseline", "prune"]);
    assert_eq!(found(directory.path(), &only), [""; 0]);
    write(&directory, "a.yaml", &policy(again));
    assert_eq!(found(directory.path(), &only), ["peer-matches-nothing NetworkPolicy/shop/p"]);
}

#[test]
fn validity_and_incompleteness_have_no_place_in_it() {
    let wrong = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podselector: {}}\n";
    let directory = directory(&[("p.yaml", wrong), ("a.yaml", &pod("a"))]);
    let run = npv(directory.path(), ["baseline", "write"]);
    assert!(run.stderr.contains("1 finding left out"), "{run}");
    assert_eq!(found(directory.path(), &[]), ["unknown-field NetworkPolicy/default/p"]);
    assert_eq!(npv(directory.path(), ["check"]).status, 1);
}

#[test]
fn the_file_may_be_elsewhere_and_must_be_one() {
    let directory = directory(&[
        ("deploy/a.yaml", &pod("a")),
        ("npv.yaml", "paths: [deploy]\nbaseline: ci/known.json\n"),
    ]);
    let missing = npv(directory.path(), ["check"]);
    assert!(missing.status == 2 && missing.stderr.contains("npv baseline write"), "{missing}");
    fs::create_dir(directory.path().join("ci")).unwrap();
    fs::create_dir(directory.path().join(".git")).unwrap();
    npv(&directory.path().join("deploy"), ["baseline", "write"]);
    assert!(fs::read_to_string(directory.path().join("ci/known.json")).unwrap().contains("../deploy/a.yaml"));
    assert_eq!(npv(directory.path(), ["check", "."]).status, 0);
    write(
        &directory,
        "ci/known.json",
        "{\"findings\": [{\"rule\": \"no-policy\", \"count\": 0, \"file\": \"a\"}], \"x\": 1}",
    );
    let run = npv(directory.path(), ["check"]);
    assert_snapshot!(run.to_string());
    write(&directory, "other.json", "[]");
    assert_eq!(npv(directory.path(), ["check", "--baseline", "other.json"]).status, 2);
    assert_eq!(npv(directory.path(), ["check", "--baseline", "none.json"]).status, 2);
    assert_eq!(npv(directory.path(), ["check", "--no-baseline"]).status, 1);
}

/// On the whole corpus: what has just been written is all known, and nothing of it is stale.
#[test]
fn a_baseline_is_true_when_it_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("b.json");
    let file = file.to_str().unwrap();
    for scenario in ["demo", "four-ways-in"] {
        let manifests = root().join("corpus").join(scenario).join("manifests");
        let written = npv(&manifests, ["baseline", "write", "--baseline", file]);
        assert!(matches!(written.status, 0 | 3), "{scenario}\n{written}");
        let left = found(&manifests, &["--baseline", file]);
        assert_eq!(left, [""; 0], "{scenario}");
    }
}
