//! The formats that other programs read: each against its published schema or grammar, with positions recomputed
//! from the sources, on names that try to break out of it.

mod github;
mod gitlab;
mod junit;
mod markdown;
mod sarif;
mod sarif_trace;

use std::fs;
use std::path::{Path, PathBuf};

use npv_tests::answers::scenarios;
use npv_tests::npv::{Run, npv, npv_with, root};
use serde_json::Value;

/// The formats that `npv check` has beside its text and its JSON.
const FORMATS: [&str; 7] = ["concise", "sarif", "code-scanning", "junit", "github", "gitlab", "markdown"];

fn fixtures() -> PathBuf {
    root().join("tests/fixtures")
}

/// Directories to run `npv check` in, each with the path to give it.
fn inputs() -> Vec<(PathBuf, String)> {
    let mut inputs: Vec<(PathBuf, String)> =
        ["shop", "broken", "invalid", "hostile"].map(|name| (fixtures(), name.to_owned())).into();
    inputs.extend(
        scenarios(&root().join("corpus"))
            .unwrap()
            .into_iter()
            .map(|scenario| (scenario.path, "manifests".to_owned())),
    );
    assert!(inputs.len() > 30, "only {} inputs: is the corpus still found?", inputs.len());
    inputs
}

/// What `npv check` writes about a path in several formats, in one run.
fn check<const N: usize>(directory: &Path, path: &str, formats: [&str; N]) -> ([String; N], Run) {
    let out = tempfile::tempdir().unwrap();
    let mut arguments = vec!["check".to_owned(), path.to_owned()];
    for format in formats {
        arguments.extend(["--format".to_owned(), format!("{format}={}", out.path().join(format).display())]);
    }
    let run = npv(directory, arguments);
    (formats.map(|format| fs::read_to_string(out.path().join(format)).unwrap_or_default()), run)
}

/// The findings in npv's own JSON, and something else about the same run.
fn beside(directory: &Path, path: &str, format: &str) -> (Vec<Value>, String, Run) {
    let ([json, other], run) = check(directory, path, ["json", format]);
    let document: Value = serde_json::from_str(&json).unwrap();
    (document["findings"].as_array().unwrap().clone(), other, run)
}

/// Manifests whose names speak every format's language, in a file whose name does.
fn hostile(directory: &Path) -> String {
    let name = "a b,c:d%0A::error::]]><x>.yaml";
    let objects = [
        "::error file=x::owned\\n::warning::y",
        "]]></failure><!--",
        "\\u0000\\u001b[31m\\u202e\\ufffe\\uffff",
        "[x](https://evil.example) {0} `a` <img src=x>",
        "a|b\\r\\n## h @all #1 \\\\",
    ];
    let documents = objects.map(|object| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: \"{object}\", namespace: \"{object}\"}}\n\
             spec: {{containers: [{{name: c, image: c}}]}}\n---\napiVersion: networking.k8s.io/v1\n\
             kind: NetworkPolicy\nmetadata: {{name: \"{object}\", namespace: \"{object}\"}}\n\
             spec: {{podSelector: {{matchLabels: {{app: \"{object}\"}}}}, \"{object}\": 1}}\n"
        )
    });
    fs::write(directory.join(name), documents.join("---\n")).unwrap();
    name.to_owned()
}

/// Nothing but line breaks acts on what shows the text.
fn assert_harmless(text: &str) {
    let acts = |character: char| {
        character != '\n' && character.is_control()
            || matches!(character, '\u{202e}' | '\u{fffe}' | '\u{ffff}')
    };
    assert!(!text.contains(acts), "{text:?}");
}

#[test]
fn the_output_does_not_depend_on_threads_or_on_the_order_of_files() {
    let files = ["shop/workloads.yaml", "shop/policies.yaml", "invalid/policy.yaml", "broken/a.yaml"];
    for format in FORMATS.into_iter().chain(["text", "json", "html"]) {
        let written = |files: &[&str], threads: &str| {
            let arguments = [&["check", "--format", format], files].concat();
            npv_with(&fixtures(), arguments, &[("RAYON_NUM_THREADS", threads)], None).stdout
        };
        let one = written(&files, "1");
        assert!(one.len() > 500, "{format}\n{one}");
        // Not `assert_eq`: both are long.
        assert!(one == written(&files, "4"), "{format} differs between numbers of threads");
        if format == "html" {
            // The commands in it name the files as the user has.
            continue;
        }
        let [a, b, c, d] = files;
        assert!(one == written(&[d, b, a, c], "2"), "{format} differs between orders of files");
    }
}

#[test]
fn concise_has_one_line_for_each_finding() {
    for (directory, path) in inputs() {
        let (findings, text, _) = beside(&directory, &path, "concise");
        assert_eq!(text.lines().count(), findings.len(), "{path}\n{text}");
        for (line, finding) in text.lines().zip(&findings) {
            let at = &finding["locations"][0];
            let (file, rule) = (at["file"].as_str().unwrap(), finding["rule"].as_str().unwrap());
            let severity = finding["severity"].as_str().unwrap();
            let start = format!("{file}:{}:{}: {severity}[{rule}]: ", at["line"], at["column"]);
            assert!(line.starts_with(&start), "no `{start}` at the start of\n{line}");
        }
    }
    let directory = tempfile::tempdir().unwrap();
    hostile(directory.path());
    let (findings, text, _) = beside(directory.path(), ".", "concise");
    assert_harmless(&text);
    assert_eq!(text.lines().count(), findings.len(), "{text}");
}

#[test]
fn an_assertion_that_does_not_hold_is_in_every_format() {
    let directory = tempfile::tempdir().unwrap();
    for file in ["policies.yaml", "workloads.yaml"] {
        fs::copy(fixtures().join("shop").join(file), directory.path().join(file)).unwrap();
    }
    let configuration = "assertions:\n\
                         - {name: the internet stays out, expect: deny, from: internet, to: shop/web, world: snapshot}\n\
                         - {name: web asks api, expect: allow, from: shop/web, to: shop/api, ports: [9000], world: snapshot}\n";
    fs::write(directory.path().join("npv.yaml"), configuration).unwrap();
    let ([json], _) = check(directory.path(), ".", ["json"]);
    let document: Value = serde_json::from_str(&json).unwrap();
    let assertions = document["assertions"].as_array().unwrap();
    assert_eq!(assertions.len(), 2, "{document:#}");
    let failed: Vec<&str> = assertions
        .iter()
        .filter(|assertion| assertion["holds"] == false)
        .filter_map(|assertion| assertion["name"].as_str())
        .collect();
    assert!(!failed.is_empty(), "{document:#}");
    for format in FORMATS {
        let ([text], run) = check(directory.path(), ".", [format]);
        assert_eq!(run.status, 1, "{format}");
        for name in &failed {
            let said =
                text.lines().filter(|line| line.contains(&format!("assertion `{name}` does not hold")));
            assert!(said.count() > 0, "{format} does not say `{name}`\n{text}");
        }
    }
    let ([xml], _) = check(directory.path(), ".", ["junit"]);
    let report = roxmltree::Document::parse(&xml).unwrap();
    for assertion in assertions {
        let case =
            report.descendants().find(|node| node.attribute("name") == assertion["name"].as_str()).unwrap();
        let fails = case.children().any(|child| child.has_tag_name("failure"));
        assert_eq!(fails, assertion["holds"] == false, "{xml}");
    }
}

#[test]
fn the_format_changes_neither_the_exit_status_nor_other_formats() {
    for (path, status) in [("shop", 1), ("broken", 3), ("invalid", 1)] {
        let ([_, text], together) = check(&fixtures(), path, ["json", "text"]);
        assert_eq!((together.status, together.stdout.as_str()), (status, ""), "{path}");
        assert_eq!(text, npv(&fixtures(), ["check", path]).stdout);
        for format in FORMATS {
            let ([alone], run) = check(&fixtures(), path, [format]);
            assert_eq!(run.status, status, "{format} {path}");
            assert!(alone == npv(&fixtures(), ["check", path, "--format", format]).stdout, "{format}");
        }
    }
}
