//! The table of lint rules: what a service shows beside a finding.

use super::log::{Configuration, Descriptor, Message, Tags};
use crate::lint::{Rule, rules};
use crate::report::assertion::RULE;
use crate::report::summary::level;

/// What a trace's results call their rule.
pub(super) const TRACE: &str = "trace";
/// Services cut descriptions off here.
const LONGEST: usize = 1000;

/// One descriptor for each lint rule, pedantic ones included.
pub(super) fn descriptors() -> impl Iterator<Item = Descriptor> {
    rules().iter().map(|rule| descriptor(rule)).chain([assertion()])
}

/// Where a rule is in the table.
pub(super) fn index(name: &str) -> Option<usize> {
    let assertion = (name == RULE).then(|| rules().len());
    rules().iter().position(|rule| rule.name == name).or(assertion)
}

/// What must hold is no lint rule, and yet the rule of its results.
fn assertion() -> Descriptor {
    let text = |text: &str| Message { text: text.to_owned(), markdown: None };
    Descriptor {
        id: RULE,
        short_description: text("An assertion of the configuration does not hold, or has no answer."),
        full_description: text(
            "A flow contradicts what the configuration says must hold; the result shows it.",
        ),
        help: text(
            "Change the policies that decide on the flow, or the assertion. `npv prove` with the name of the assertion \
             shows the flow, what decides it, and the manifests that it takes.",
        ),
        default_configuration: Configuration { level: "error", enabled: true },
        properties: Tags { tags: vec!["kubernetes", "network-policy", RULE] },
    }
}

/// The rule of a trace's results, which are answers and no mistakes.
pub(super) fn traced() -> Descriptor {
    let text = |text: &str| Message { text: text.to_owned(), markdown: None };
    Descriptor {
        id: TRACE,
        short_description: text("Whether a flow may pass, and which rule decides at each step."),
        full_description: text(
            "The code flow goes past every tier that has a say, on the side of the source first, then on that of the \
             destination; the place of the result is the rule that decides.",
        ),
        help: text(
            "Where the flow is denied, the related places show the rules that come nearest to allowing it.",
        ),
        default_configuration: Configuration { level: "none", enabled: true },
        properties: Tags { tags: vec!["kubernetes", "network-policy", TRACE] },
    }
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
