//! The rules of the house that no compiler checks.

use std::fs;
use std::path::{Path, PathBuf};

use npv_tests::npv::root;

/// No file is longer; most have half of it at the most.
const LINES: usize = 900;

/// Every Rust file of the project.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for top in ["models", "analyzer", "tests", "xtask"] {
        walk(&root().join(top), &mut found);
    }
    assert!(found.len() > 100, "only {} files: are they still found?", found.len());
    found
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_source_file_is_too_long() {
    let length = |path: &PathBuf| fs::read_to_string(path).unwrap().lines().count();
    let long: Vec<_> = sources().into_iter().filter(|path| length(path) > LINES).collect();
    assert!(long.is_empty(), "longer than {LINES} lines, so in two parts: {long:#?}");
}

#[test]
fn nothing_is_left_for_later() {
    // In two parts, or this file would be among them.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("unimplemented", "!(")];
    let marked = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        marks.iter().any(|mark| text.contains(mark))
    };
    let mut left: Vec<_> = sources().into_iter().filter(marked).collect();
    let scenarios = fs::read_dir(root().join("corpus")).unwrap().map(|entry| entry.unwrap().path());
    left.extend(
        scenarios.map(|path| path.join("answers.yaml")).filter(|path| path.is_file() && marked(path)),
    );
    assert!(left.is_empty(), "not finished: {left:#?}");
}

#[test]
fn every_crate_is_under_the_license_of_the_project() {
    let license = fs::read_to_string(root().join("LICENSE")).unwrap();
    assert!(license.contains("Apache License") && license.contains("Version 2.0, January 2004"));
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("license = \"Apache-2.0\""));
    let (_, members) = workspace.split_once("members = [").unwrap();
    let (members, _) = members.split_once(']').unwrap();
    for member in
        members.split(',').map(|member| member.trim().trim_matches('"')).filter(|name| !name.is_empty())
    {
        let manifest = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        for line in ["license.workspace = true", "[lints]\nworkspace = true", "description = \""] {
            assert!(manifest.contains(line), "{member}/Cargo.toml lacks `{line}`");
        }
    }
}
