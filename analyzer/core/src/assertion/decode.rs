//! One assertion out of its mapping.

use std::collections::BTreeMap;

use npv_models::diagnostic::{Applicability, Edit, Finding, Fix, Severity, clip};
use npv_models::source::Span;
use npv_models::yaml::{Entry, Node, Value};

use super::{Assertion, Expect, World, ends, values};
use crate::query::name::closest;

/// The name of the findings about assertions that are not written as assertions are.
pub const RULE: &str = "invalid-configuration";

const FIELDS: [&str; 7] = ["name", "expect", "from", "to", "ports", "where", "world"];
const EXPECT: [(&str, Expect); 3] =
    [("allow", Expect::Allow), ("deny", Expect::Deny), ("only", Expect::Only)];
const WORLD: [(&str, World); 2] = [("any", World::EveryCluster), ("snapshot", World::Snapshot)];

/// Reads a list of assertions. Those with mistakes are left out, and each mistake is a finding.
pub fn decode(list: &Node, findings: &mut Vec<Finding>) -> Vec<Assertion> {
    let items = match &list.value {
        Value::Seq(items) => items,
        Value::Null => return Vec::new(),
        _ => {
            let message = format!("`assertions` is {}, not a list", list.kind());
            let help = "write one assertion behind each `-`";
            findings.push(Mistakes::finding(list.span, message, help).key("assertions"));
            return Vec::new();
        }
    };
    let mut assertions = Vec::with_capacity(items.len());
    let mut names: BTreeMap<String, Span> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let mut mistakes = Mistakes { findings: Vec::new(), path: format!("assertions[{index}]") };
        let assertion = one(item, &mut mistakes);
        if let Some(assertion) = assertion {
            if let Some(first) = names.get(&assertion.name) {
                let message = format!("the name `{}` is taken", clip(&assertion.name));
                mistakes.findings.push(
                    Mistakes::finding(assertion.span, message, "give each assertion a name of its own")
                        .related(*first, "first here")
                        .key(format!("{}.name", mistakes.path)),
                );
            } else {
                names.insert(assertion.name.clone(), assertion.span);
                assertions.push(assertion);
            }
        }
        findings.append(&mut mistakes.finish());
    }
    assertions
}

/// Reads one assertion; `None` where it has mistakes, each of which is a finding.
pub fn decode_one(node: &Node, findings: &mut Vec<Finding>) -> Option<Assertion> {
    let mut mistakes = Mistakes { findings: Vec::new(), path: "assertion".to_owned() };
    let assertion = one(node, &mut mistakes);
    findings.append(&mut mistakes.finish());
    assertion
}

fn one(node: &Node, mistakes: &mut Mistakes) -> Option<Assertion> {
    let Value::Map(entries) = &node.value else {
        let message = format!("an assertion is a mapping, not {}", node.kind());
        mistakes.add(node.span, message, "write it like `{expect: deny, from: any-pod, to: internet}`", "");
        return None;
    };
    mistakes.entries("", entries, "an assertion", &FIELDS);
    let get = |name: &str| node.get(name).filter(|value| !value.is_null());
    let name = get("name").and_then(|name| mistakes.name(name));
    let expect = if let Some(expect) = get("expect") {
        mistakes.choice("expect", expect, &EXPECT)
    } else {
        mistakes.missing(node, "expect", "write `expect: deny`, `expect: allow` or `expect: only`");
        None
    };
    let mut end = |name: &str| {
        if let Some(end) = get(name) {
            ends::read(name, end, mistakes)
        } else {
            let help = format!("write `{name}: any-pod`, or whom the flows come from or go to");
            mistakes.missing(node, name, help);
            None
        }
    };
    let (from, to) = (end("from"), end("to"));
    let ports = get("ports").map(|ports| values::ports(ports, mistakes));
    let world = get("world").map(|world| mistakes.choice("world", world, &WORLD));
    let sides = from.as_ref().zip(to.as_ref());
    let relations = get("where").map(|relation| values::relations(relation, sides, mistakes));
    // Whoever mistypes one word wants to know all that is wrong, and no answer to half a question.
    if !mistakes.findings.is_empty() {
        return None;
    }
    let (text, span) = name.map_or((None, node.span), |(text, span)| (Some(text), span));
    let mut assertion = Assertion {
        name: String::new(),
        span,
        whole: node.span,
        expect: expect?,
        from: from?,
        to: to?,
        ports,
        relations: relations.unwrap_or_default(),
        world: world.flatten().unwrap_or(World::EveryCluster),
    };
    assertion.name = text.unwrap_or_else(|| assertion.to_string());
    Some(assertion)
}

/// What is wrong with one assertion.
pub(super) struct Mistakes {
    pub(super) findings: Vec<Finding>,
    /// Where the assertion stands, for the findings' keys.
    path: String,
}

impl Mistakes {
    /// All of them, in the order of the text.
    fn finish(mut self) -> Vec<Finding> {
        self.findings.sort_by_key(|finding| (finding.span(), finding.key.clone()));
        self.findings
    }

    fn finding(span: Span, message: impl Into<String>, help: impl Into<String>) -> Finding {
        Finding::new(RULE, Severity::Error, span, message).help(help)
    }

    /// Adds a mistake in a field.
    pub(super) fn add(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
        field: &str,
    ) {
        let dot = if field.is_empty() { "" } else { "." };
        let key = format!("{}{dot}{field}", self.path);
        self.findings.push(Self::finding(span, message, help).key(key));
    }

    /// Adds a mistake that another text in its place mends.
    pub(super) fn instead(
        &mut self,
        span: Span,
        message: impl Into<String>,
        instead: impl Into<String>,
        field: &str,
    ) {
        let instead = instead.into();
        let help = format!("did you mean `{instead}`?");
        self.add(span, message, help.clone(), field);
        if let Some(last) = self.findings.last_mut() {
            last.fix = Some(Fix {
                description: help,
                applicability: Applicability::Unsafe,
                edits: vec![Edit { span, replacement: instead }],
                example: None,
            });
        }
    }

    fn missing(&mut self, node: &Node, field: &str, help: impl Into<String>) {
        self.add(node.span, format!("the assertion has no `{field}`"), help, field);
    }

    /// Reports keys that a mapping does not have, and such that it has twice.
    pub(super) fn entries(&mut self, field: &str, entries: &[Entry], whose: &str, known: &[&str]) {
        for (index, entry) in entries.iter().enumerate() {
            let here =
                if field.is_empty() { entry.key.to_string() } else { format!("{field}.{}", entry.key) };
            if entries.iter().take(index).any(|other| other.key == entry.key) {
                let message = format!("the key `{}` is there twice", clip(&entry.key));
                self.add(entry.key_span, message, "keep one and remove the other", &here);
            }
            if known.contains(&&*entry.key) || known.is_empty() {
                continue;
            }
            let message = format!("{whose} has no field `{}`", clip(&entry.key));
            if let Some(name) = guess(&entry.key, known) {
                self.instead(entry.key_span, message, name, &here);
            } else {
                let help = format!("its fields are {}", listing(known));
                self.add(entry.key_span, message, help, &here);
            }
        }
    }

    /// The text of a scalar; anything else is a mistake.
    pub(super) fn text<'n>(&mut self, field: &str, node: &'n Node, what: &str) -> Option<&'n str> {
        if let Some(text) = node.as_str() {
            return Some(text);
        }
        let help = match node.value {
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => "put it in quotes",
            _ => "write one text in place of it",
        };
        self.add(node.span, format!("{what} is {}, not a string", node.kind()), help, field);
        None
    }

    fn name(&mut self, node: &Node) -> Option<(String, Span)> {
        let text = self.text("name", node, "the name of an assertion")?.trim();
        if text.is_empty() {
            self.add(node.span, "the name of an assertion is empty", "write a name, or leave it out", "name");
            return None;
        }
        Some((text.to_owned(), node.span))
    }

    /// One of a few words.
    fn choice<T: Copy>(&mut self, field: &str, node: &Node, known: &[(&str, T)]) -> Option<T> {
        let text = self.text(field, node, &format!("`{field}`"))?;
        if let Some((_, value)) = known.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        let message = format!("`{field}` is none of {}: `{}`", listing(&words), clip(text));
        match guess(text, &words) {
            Some(word) => self.instead(node.span, message, word, field),
            None => self.add(node.span, message, format!("write one of {}", listing(&words)), field),
        }
        None
    }
}

/// The known word that a misspelt one most likely means.
pub(super) fn guess(text: &str, known: &[&str]) -> Option<String> {
    if text.len() > 64 {
        return None;
    }
    let text = text.to_lowercase();
    let words: Vec<String> = known.iter().map(|&word| word.to_owned()).collect();
    // `allowed` and `namespaceSelector` are no misspellings, and as clear.
    let longer =
        || words.iter().filter(|word| text.starts_with(&***word)).max_by_key(|word| word.len()).cloned();
    closest(&text, &words).into_iter().next().or_else(longer)
}

/// `a`, `b` and `c`, each in backticks.
pub(super) fn listing(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => quoted.concat(),
    }
}
