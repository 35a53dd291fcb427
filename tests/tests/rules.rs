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
    // No scenario keeps the solver busy for long enough; and a configuration that is wrong is all that a
    // run speaks of: the tests of the command line show it.
    let elsewhere = ["undecided-rule", "invalid-configuration"];
    let rules = lint::rules().iter().filter(|rule| !rule.pedantic && !elsewhere.contains(&rule.name));
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
