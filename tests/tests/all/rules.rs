//! Every lint rule is shown by the corpus: planted in a system that looks like a real one, and silent on
//! the systems of careful teams.

use std::collections::BTreeSet;

use npv_analyzer::lint;
use npv_tests::answers::scenarios;
use npv_tests::npv::root;

#[test]
fn every_rule_that_is_on_is_planted_somewhere() {
    let scenarios = scenarios(&root().join("corpus")).unwrap();
    let planted: BTreeSet<&str> =
        scenarios.iter().flat_map(|scenario| &scenario.findings).map(|finding| &*finding.rule).collect();
    // A scenario is manifests without a configuration and without exceptions: what is wrong with those is
    // shown by the tests of the command line. None keeps the solver busy for long enough.
    let of_manifests = |rule: &lint::Rule| {
        !matches!(rule.check, lint::Check::Configuration | lint::Check::Exceptions)
            && rule.name != "undecided-rule"
    };
    let rules = lint::rules().iter().filter(|rule| !rule.pedantic && of_manifests(rule));
    let missing: Vec<&str> = rules.map(|rule| rule.name).filter(|name| !planted.contains(name)).collect();
    assert!(missing.is_empty(), "no scenario of corpus/ shows {missing:?}");
}

#[test]
fn careful_teams_hear_nothing() {
    let scenarios = scenarios(&root().join("corpus")).unwrap();
    let clean: Vec<&str> = scenarios
        .iter()
        .filter(|scenario| scenario.findings.is_empty() && scenario.status == 0)
        .map(|scenario| &*scenario.name)
        .collect();
    // What these must print is compared with what they do print in `corpus.rs`.
    assert!(clean.len() >= 8, "only {clean:?}");
    for large in ["web-shop", "zero-trust-in-four-steps-mended", "kubectl-get-dump", "four-ways-in"] {
        assert!(clean.contains(&large), "{large} has findings");
    }
}
