//! The table of lint rules: what a service shows beside a finding.

use super::log::{Configuration, Descriptor, Message, Tags};
use crate::lint::{Rule, rules};
use crate::report::summary::level;

/// Services cut descriptions off here.
const LONGEST: usize = 1000;

/// One descriptor for each lint rule, pedantic ones included.
pub(super) fn descriptors() -> impl Iterator<Item = Descriptor> {
    rules().iter().map(|rule| descriptor(rule))
}

/// Where a rule is in the table.
pub(super) fn index(name: &str) -> Option<usize> {
    rules().iter().position(|rule| rule.name == name)
}

fn descriptor(rule: &Rule) -> Descriptor {
    let found = rule.section("What it finds").unwrap_or_else(|| rule.summary());
    let page = rule.page();
    Descriptor {
        id: rule.name,
        short_description: Message { text: clipped(&rule.summary()), markdown: None },
        full_description: Message { text: clipped(&unwrapped(&found)), markdown: Some(found) },
        help: Message { text: page.clone(), markdown: Some(page) },
        default_configuration: Configuration { level: level(rule.severity), enabled: !rule.pedantic },
        properties: Tags { tags: vec!["kubernetes", "network-policy", rule.category.name()] },
    }
}

/// Paragraphs, each on one line.
fn unwrapped(text: &str) -> String {
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    paragraphs.join("\n")
}

fn clipped(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
