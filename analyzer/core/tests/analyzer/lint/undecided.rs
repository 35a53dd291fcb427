//! What the solver gave up on is said, and makes the answer incomplete.

use npv_models::diagnostic::{Finding, Severity};
use npv_symbolic::session::BUDGET;

use super::check_within;

const POLICY: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: api, namespace: shop}
spec:
  podSelector: {matchLabels: {app: api}}
  ingress:
    - from: [{podSelector: {matchExpressions: [{key: app, operator: Exists}]}}]
    - from: [{podSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]}}]
    - from: [{podSelector: {matchLabels: {tier: front}}}]
      ports: [{port: 8080}]
";

fn undecided(budget: u32) -> Vec<Finding> {
    let (_, findings) = check_within(budget, &[("api.yaml".to_owned(), POLICY.to_owned())]);
    findings.into_iter().filter(|finding| finding.rule == "undecided-rule").collect()
}

#[test]
#[cfg(feature = "z3")]
fn a_solver_that_gives_up_makes_the_answer_incomplete() {
    assert_eq!(undecided(BUDGET), []);
    let found = undecided(1);
    assert!(
        found.iter().any(|finding| finding.message.contains("rule `ingress[2]` of `NetworkPolicy/shop/api`"))
    );
    for finding in found {
        assert!(finding.incomplete && finding.severity == Severity::Warning, "{finding:?}");
        assert!(finding.message.starts_with("npv could not prove whether "), "{finding:?}");
        assert_eq!(finding.object.as_deref(), Some("NetworkPolicy/shop/api"));
    }
}

#[test]
#[cfg(not(feature = "z3"))]
fn a_build_without_z3_says_so_once() {
    let found = undecided(BUDGET);
    let [finding] = &*found else { panic!("{found:?}") };
    assert!(!finding.incomplete && finding.severity == Severity::Note, "{finding:?}");
    assert!(finding.message.starts_with("npv was built without Z3"), "{finding:?}");
}
