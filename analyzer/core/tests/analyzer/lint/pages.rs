//! The documentation pages: complete, and telling the truth.

use std::collections::BTreeSet;
use std::path::Path;

use npv_analyzer::baseline::Baseline;
use npv_analyzer::config::Configured;
use npv_analyzer::lint::{self, Rule};
use npv_analyzer::snapshot::Snapshot;
use npv_symbolic::session::BUDGET;

use super::{check_within, excepted};

const SECTIONS: [&str; 5] =
    ["What it finds", "Why it matters", "Example", "How to fix it", "When it stays silent"];

/// The YAML block of a section.
fn block(rule: &Rule, section: &str) -> String {
    let text = rule.section(section).unwrap_or_default();
    let mut inside = false;
    let mut yaml = String::new();
    for line in text.lines() {
        match line {
            "```yaml" => inside = true,
            "```" => inside = false,
            _ if inside => yaml = yaml + line + "\n",
            _ => {}
        }
    }
    assert!(!yaml.is_empty(), "`{}` has no YAML block under `{section}`", rule.name);
    yaml
}

fn documents(yaml: &str) -> Vec<String> {
    yaml.split("---\n").map(str::to_owned).collect()
}

/// Kind and metadata of a document: what makes two documents versions of one object.
fn identity(document: &str) -> Vec<&str> {
    let of_identity = |line: &&str| line.starts_with("kind:") || line.starts_with("metadata:");
    document.lines().filter(of_identity).map(|line| line.trim_end_matches('}')).collect()
}

/// The rules that fire, with a solver that gives up at once for the page that is about that.
fn rules_on(rule: &Rule, yaml: &str) -> BTreeSet<&'static str> {
    if !yaml.contains("apiVersion:") {
        let (configured, mut findings) = Configured::of("npv.yaml".into(), yaml.to_owned());
        let mut snapshot = Snapshot::default();
        configured.adopt(&mut snapshot);
        if yaml.contains("schemaVersion") {
            let (baseline, wrong) = Baseline::of("npv-baseline.json".into(), yaml.to_owned());
            baseline.adopt(&mut snapshot);
            let compared = baseline.compare(Vec::new(), snapshot.baseline, |_, _| true);
            return wrong.into_iter().chain(compared.findings).map(|finding| finding.rule).collect();
        }
        findings.extend(excepted(Vec::new(), &snapshot, &configured));
        return findings.into_iter().map(|finding| finding.rule).collect();
    }
    let budget = if rule.name == "undecided-rule" { 1 } else { BUDGET };
    let (_, findings) = check_within(budget, &[("page.yaml".to_owned(), yaml.to_owned())]);
    findings.into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn every_page_is_complete() {
    let mut names = BTreeSet::new();
    for rule in lint::rules() {
        assert!(names.insert(rule.name), "`{}` is registered twice", rule.name);
        assert!(rule.name.chars().all(|char| char.is_ascii_lowercase() || char == '-'), "`{}`", rule.name);
        let summary = rule.summary();
        assert!(summary.ends_with('.') && summary.len() < 140, "the summary of `{}`: {summary}", rule.name);
        for section in SECTIONS {
            let text = rule.section(section);
            assert!(text.is_some_and(|text| text.len() > 20), "`{}` lacks `{section}`", rule.name);
        }
        assert!(
            !rule.doc().contains("S-"),
            "`{}` cites a rule of the semantics, which users do not have",
            rule.name
        );
    }
}

#[test]
fn every_example_fires_and_every_fix_mends_it() {
    for rule in lint::rules() {
        let example = block(rule, "Example");
        assert!(rules_on(rule, &example).contains(rule.name), "the example of `{}` does not fire", rule.name);
        let fix = documents(&block(rule, "How to fix it"));
        let mut mended = documents(&example);
        if mended.len() == fix.len() {
            mended = fix;
        } else {
            for document in fix {
                let same = mended.iter_mut().find(|old| identity(old) == identity(&document));
                match same {
                    Some(old) => *old = document,
                    None => mended.push(document),
                }
            }
        }
        let left = rules_on(rule, &mended.join("---\n"));
        assert!(!left.contains(rule.name), "the fix of `{}` does not mend its example", rule.name);
    }
}

#[test]
fn the_reference_names_every_rule_once() {
    let markdown = lint::markdown();
    for rule in lint::rules() {
        let heading = format!("\n## {}\n", rule.name);
        assert_eq!(markdown.matches(&heading).count(), 1, "`{}`", rule.name);
    }
}

/// Set by `cargo xtask docs`: write the reference in place of comparing it.
const UPDATE: &str = "NPV_UPDATE_DOCS";

#[test]
fn the_published_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules.md");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(path, lint::markdown()).unwrap();
        return;
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(published == lint::markdown(), "docs/rules.md is out of date: run `cargo xtask docs`");
}
