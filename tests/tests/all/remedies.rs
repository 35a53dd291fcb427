//! What a finding offers to write settles it, and two offers never have one name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use npv_analyzer::engine::Engine;
use npv_analyzer::lint::{self, Context};
use npv_analyzer::load;
use npv_analyzer::snapshot::{Options, Snapshot};
use npv_models::diagnostic::Finding;
use npv_tests::answers::scenarios;
use npv_tests::npv::root;

/// What the rules find that need no proof.
fn found(snapshot: &Snapshot) -> Vec<Finding> {
    let engine = Engine::new(&snapshot.cluster, &snapshot.policies, snapshot.profile);
    let context = Context::new(snapshot, &engine);
    let of_snapshot = |rule: &lint::Rule| !rule.pedantic && matches!(rule.check, lint::Check::Snapshot(_));
    lint::run_some(&context, of_snapshot).unwrap()
}

fn texts(snapshot: &Snapshot) -> Vec<(String, String)> {
    let texts = snapshot.sources.iter();
    texts.map(|(_, source)| (source.name().to_owned(), source.text().to_owned())).collect()
}

/// Namespace and name of each policy in a remedy.
fn names(example: &str) -> Vec<(String, String)> {
    let field = |document: &str, name: &str| {
        let line = document.lines().find_map(|line| line.strip_prefix(&format!("  {name}: ")));
        line.unwrap_or_default().to_owned()
    };
    example.split("---\n").map(|document| (field(document, "namespace"), field(document, "name"))).collect()
}

fn check(name: &str, manifests: &Path, options: &Options) -> usize {
    let snapshot = Snapshot::read(&[manifests.to_owned()], &load::Options::default(), options).unwrap();
    let findings = found(&snapshot);
    let mut offered: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    let mut settled = 0;
    for finding in &findings {
        let Some(example) = finding.fix.as_ref().and_then(|fix| fix.example.as_deref()) else { continue };
        // An entry of a list is to be put into a policy by hand.
        if !example.starts_with("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy") {
            continue;
        }
        for (own, document) in names(example).into_iter().zip(example.split("---\n")) {
            offered.entry(own).or_default().insert(document.to_owned());
        }
        let mut with = texts(&snapshot);
        with.push(("remedy.yaml".to_owned(), example.to_owned()));
        let after = Snapshot::from_texts(with, options).unwrap();
        let added =
            after.findings.iter().filter(|one| !snapshot.findings.iter().any(|old| old.rule == one.rule));
        assert_eq!(added.count(), 0, "{name}: {}\n{example}", finding.message);
        let left = found(&after);
        let still = left.iter().find(|one| one.fingerprint() == finding.fingerprint());
        assert!(still.is_none(), "{name}: not settled: {}\nby\n{example}", finding.message);
        settled += 1;
    }
    for (object, documents) in offered {
        assert_eq!(documents.len(), 1, "{name}: {} policies called {object:?}", documents.len());
    }
    settled
}

#[test]
fn a_remedy_settles_its_finding_and_has_a_name_of_its_own() {
    let mut settled = 0;
    for scenario in scenarios(&root().join("corpus")).unwrap() {
        let mut options = Options::default();
        let mut args = scenario.args.iter();
        while let Some(argument) = args.next() {
            if argument == "--namespace" || argument == "-n" {
                options.namespace = args.next().unwrap().clone();
            }
        }
        settled += check(&scenario.name, &scenario.path.join("manifests"), &options);
    }
    assert!(settled > 20, "{settled} remedies are too few to say anything");
}
