//! Fixes that are not what they say they are: each is refused, and the others stand.

use npv_models::diagnostic::{Applicability, Edit, Finding, Fix, Severity};
use npv_models::source::{SourceId, Span};

use super::*;

const TEXT: &str = "apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: [{name: db}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {selector: {app: db}, ports: [{port: 5432}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress]
  ingress:
    - from: [{podSelector: {matchLabels: {app: web}}}]
      ports: [{protocol: TCP, port: 6543}]
    - from: [{podSelector: {matchLabels: {app: batch}}}]
";

/// A finding about a word of the text, which is mended by another word.
fn finding(text: &str, old: &str, new: &str, applicability: Applicability) -> Option<Finding> {
    let start = text.find(old)? as u32;
    let span = Span::new(SourceId(0), start, start + old.len() as u32);
    let fix = Fix {
        description: format!("{old} to {new}"),
        applicability,
        edits: vec![Edit { span, replacement: new.to_owned() }],
        example: None,
    };
    Some(Finding::new("no-policy", Severity::Note, span, old).object(old).fix(fix))
}

/// What comes of some words that are called wrong, each with what to write instead.
fn outcome(words: &[(&str, &str)], applicability: Applicability) -> (String, Vec<(String, Option<String>)>) {
    let outcome = whole_outcome(words, applicability);
    let text = outcome.texts.get(&SourceId(0)).cloned().unwrap_or_else(|| TEXT.to_owned());
    (text, outcome.fixes.into_iter().map(|fixed| (fixed.description, fixed.refused)).collect())
}

fn whole_outcome(words: &[(&str, &str)], applicability: Applicability) -> Outcome {
    let ask = |snapshot: &Snapshot| {
        let text = snapshot.sources.get(SourceId(0)).unwrap().text();
        let found = words.iter().filter_map(|(old, new)| finding(text, old, new, applicability));
        let engine = Engine::new(&snapshot.cluster, &snapshot.policies, snapshot.profile);
        let findings = found.chain(snapshot.findings.iter().cloned()).collect();
        Checked { engine, findings, suppressed: Vec::new(), known: Vec::new() }
    };
    let options = Options::default();
    let snapshot = Snapshot::from_texts([("a.yaml", TEXT)], &options).unwrap();
    let request = Request { options: &options, unsafe_too: true, check: &ask };
    fix(&snapshot, &ask(&snapshot), &request)
}

fn refused(old: &str, new: &str, applicability: Applicability) -> String {
    let (text, fixes) = outcome(&[(old, new)], applicability);
    assert_eq!(text, TEXT, "{old} to {new}");
    match fixes.as_slice() {
        [(_, Some(why))] => why.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_safe_fix_that_opens_or_closes_something_is_refused() {
    let why = refused("port: 6543", "port: 6544", Applicability::Safe);
    assert_eq!(why, "it would open shop/web[Pod] -> shop/db[Pod] on TCP 6544, and must change no verdict");
    let why = refused("app: web}}}]", "app: bew}}}]", Applicability::Safe);
    assert!(why.starts_with("it would close shop/web[Pod] -> shop/db[Pod] on TCP 6543"), "{why}");
}

/// No pod of the manifests is `app=batch`, so only the proof for every cluster can tell.
#[cfg(feature = "z3")]
#[test]
fn a_safe_fix_that_matters_in_another_cluster_is_refused() {
    let why = refused("app: batch", "app: hctab", Applicability::Safe);
    assert!(why.starts_with("in another cluster it could open a connection: "), "{why}");
}

#[test]
fn a_safe_fix_of_anything_but_a_policy_is_refused() {
    let why = refused("port: 5432", "port: 5433", Applicability::Safe);
    assert_eq!(why, "it would change an object that is no policy");
}

#[test]
fn a_fix_that_mends_nothing_or_breaks_something_is_refused() {
    for applicability in [Applicability::Safe, Applicability::Unsafe] {
        let why = refused("port: 6543", "port: 6543 ", applicability);
        assert_eq!(why, "the finding would still be there");
        let why = refused("port: 6543", "port: 99999", applicability);
        assert!(why.starts_with("that would be wrong in another way: "), "{why}");
        let why = refused("[{protocol: TCP", "[{{protocol: TCP", applicability);
        assert!(why.starts_with("that would be wrong in another way: "), "{why}");
    }
}

#[test]
fn one_bad_fix_does_not_keep_the_others_back() {
    let words = [
        ("policyTypes: [Ingress]", "policyTypes: [\"Ingress\"]"),
        ("port: 6543", "port: 99999"),
        ("{protocol: TCP, ", "{"),
        ("app: batch", "\"app\": batch"),
    ];
    let (text, fixes) = outcome(&words, Applicability::Unsafe);
    let wanted = TEXT
        .replace("policyTypes: [Ingress]", "policyTypes: [\"Ingress\"]")
        .replace("{protocol: TCP, ", "{")
        .replace("app: batch", "\"app\": batch");
    assert_eq!(text, wanted);
    let refused: Vec<_> = fixes.iter().filter(|(_, why)| why.is_some()).map(|(what, _)| &**what).collect();
    assert_eq!(refused, ["port: 6543 to port: 99999"]);
    assert_eq!(fixes.len(), 4);
}

#[test]
fn a_safe_fix_of_the_spelling_alone_is_applied() {
    let (text, fixes) = outcome(&[("{protocol: TCP, ", "{")], Applicability::Safe);
    assert_eq!(text, TEXT.replace("{protocol: TCP, ", "{"));
    assert_eq!(fixes, [("{protocol: TCP,  to {".to_owned(), None)]);
}

#[test]
fn what_a_fix_opens_is_between_two_and_unknown_where_others_are_there() {
    let web_to_db = ("from: [{podSelector: {matchLabels: {app: web}}}]", "from: [{podSelector: {}}]");
    let narrow = ("port: 6543", "port: 6544");
    let effect = whole_outcome(&[narrow], Applicability::Unsafe).effect.unwrap();
    let of = |changes: &std::collections::BTreeSet<Change>| {
        changes
            .iter()
            .map(|change| format!("{} -> {} {}", change.src, change.dst, change.traffic))
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&effect.opened), ["shop/web[Pod] -> shop/db[Pod] TCP 6544"]);
    assert_eq!(of(&effect.closed), ["shop/web[Pod] -> shop/db[Pod] TCP 6543"]);
    // The database would let in itself, which it is whatever policies say.
    let effect = whole_outcome(&[web_to_db], Applicability::Unsafe).effect.unwrap();
    assert!(effect.is_none(), "{effect:?}");
    let other_pods = whole_outcome(&[("labels: {app: web}", "labels: {app: wbe}")], Applicability::Unsafe);
    assert_eq!((other_pods.texts.len(), other_pods.effect), (1, None));
}
