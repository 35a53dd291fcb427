//! Fingerprints survive moved lines, renamed files and reordered lists.

use std::fmt::Write as _;

use npv_models::source::SourceId;
use npv_models::yaml::{self, Node, Value};

use super::check;
use super::markdown::manifests;

/// Lists whose order means nothing, but in policies of an ordered tier.
const UNORDERED: [&str; 9] =
    ["from", "to", "ports", "except", "policyTypes", "values", "matchExpressions", "ingress", "egress"];

fn fingerprints(texts: &[(String, String)]) -> Vec<String> {
    let (_, findings) = check(texts);
    // A comment that is gone is no exception any more.
    let of_manifests = findings.iter().filter(|finding| !finding.rule.ends_with("suppression"));
    let mut all: Vec<String> = of_manifests
        .map(|finding| format!("{} {:?} {}", finding.rule, finding.object, finding.fingerprint()))
        .collect();
    all.sort();
    all
}

/// The node as JSON with lists whose order means nothing the other way round.
fn reversed(node: &Node, ordered: bool, out: &mut String) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => write!(out, "{flag}").unwrap(),
        Value::Int(int) => write!(out, "{int}").unwrap(),
        Value::Float(float) => write!(out, "{float:?}").unwrap(),
        Value::Str(text) => write!(out, "{}", serde_json::Value::from(&**text)).unwrap(),
        Value::Seq(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                reversed(item, ordered, out);
            }
            out.push(']');
        }
        Value::Map(entries) => {
            out.push('{');
            for (index, entry) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write!(out, "{}: ", serde_json::Value::from(&*entry.key)).unwrap();
                let free = UNORDERED.contains(&&*entry.key)
                    && !(ordered && matches!(&*entry.key, "ingress" | "egress"));
                match &entry.value.value {
                    Value::Seq(items) if free => {
                        let items = items.iter().rev().cloned().collect();
                        let turned = Node { value: Value::Seq(items), span: entry.value.span };
                        reversed(&turned, ordered, out);
                    }
                    _ => reversed(&entry.value, ordered, out),
                }
            }
            out.push('}');
        }
    }
}

fn turned(text: &str) -> String {
    let documents = yaml::read(SourceId(0), text, 0);
    let mut out = String::new();
    for root in &documents.roots {
        // Calico's kind of that name has rules in an order.
        let is = |key: &str, wanted: &str| root.get(key).and_then(Node::as_str) == Some(wanted);
        let ordered = !is("kind", "NetworkPolicy") || !is("apiVersion", "networking.k8s.io/v1");
        reversed(root, ordered, &mut out);
        out.push_str("\n---\n");
    }
    out
}

#[test]
fn fingerprints_survive_what_changes_no_meaning() {
    let mut compared = 0;
    let mut differing = Vec::new();
    for (name, texts) in manifests() {
        let wanted = fingerprints(&texts);
        let readable = texts.iter().all(|(_, text)| yaml::read(SourceId(0), text, 0).problems.is_empty());
        if wanted.is_empty() || !readable {
            continue;
        }
        compared += wanted.len();
        let moved: Vec<_> = texts
            .iter()
            .map(|(file, text)| (format!("renamed/{file}.yml"), format!("\n\n\n{text}")))
            .collect();
        assert_eq!(fingerprints(&moved), wanted, "{name}: lines have moved");
        // An exception in a comment would be lost, and what the texts repeat has an order.
        let plain = |rule: &&String| !rule.starts_with("duplicate-") && !rule.starts_with("unreadable-");
        let comments = texts.iter().any(|(_, text)| text.contains("npv:"));
        if comments || !wanted.iter().all(|one| plain(&one)) {
            continue;
        }
        let lists: Vec<_> = texts.iter().map(|(file, text)| (file.clone(), turned(text))).collect();
        // A description in a comment is lost too.
        let apart = |one: &[String], other: &[String]| -> Vec<String> {
            let described = |finding: &&String| !finding.starts_with("policy-without-description");
            one.iter().filter(described).filter(|finding| !other.contains(finding)).cloned().collect()
        };
        let found = fingerprints(&lists);
        differing.extend(apart(&wanted, &found).iter().map(|gone| format!("{name}: gone: {gone}")));
        differing.extend(apart(&found, &wanted).iter().map(|new| format!("{name}: new: {new}")));
    }
    assert!(differing.is_empty(), "lists have been turned:\n{}", differing.join("\n"));
    assert!(compared > 100, "only {compared} findings: are the manifests still found?");
}
