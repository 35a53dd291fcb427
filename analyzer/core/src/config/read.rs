//! Reading values out of the tree of a configuration file: every error becomes a finding at its own place.

use npv_models::diagnostic::{Finding, Severity, clip};
use npv_models::source::Span;
use npv_models::yaml::{Entry, Node, Value};

use crate::query::name::closest;

/// The rule of everything that is wrong with a configuration.
pub(super) const RULE: &str = "invalid-configuration";

/// What reading has found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(crate) findings: Vec<Finding>,
}

/// `cluster.podCidrs`.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// `did you mean ..?`, or what there is.
pub(super) fn suggest(text: &str, known: &[String]) -> String {
    if let Some(close) = closest(text, known).first() {
        return format!("did you mean `{close}`?");
    }
    let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    format!("there is {}", known.join(", "))
}

impl Reader {
    /// Takes over what keeps a text from being read.
    pub(crate) fn problems(&mut self, problems: Vec<Finding>) {
        let problems =
            problems.into_iter().map(|problem| Finding { rule: RULE, incomplete: false, ..problem });
        self.findings.extend(problems);
    }

    /// Reports an error with the next step.
    pub(crate) fn wrong(
        &mut self,
        path: &str,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> &mut Finding {
        let at = self.findings.len();
        self.findings.push(Finding::new(RULE, Severity::Error, span, message).key(path).help(help));
        // What has just been pushed is there.
        #[expect(clippy::indexing_slicing, reason = "the index of what has just been pushed")]
        &mut self.findings[at]
    }

    /// Reports a value of the wrong type.
    pub(crate) fn wrong_type(&mut self, path: &str, node: &Node, wanted: &str, help: &str) {
        let what = if path.is_empty() { "the file".to_owned() } else { format!("`{path}`") };
        self.wrong(path, node.span, format!("{what} is {}, not {wanted}", node.kind()), help);
    }

    /// The entries of a mapping that are there and known; `None` where it is no mapping, or lacks a key that it
    /// must have.
    pub(crate) fn fields<'n>(
        &mut self,
        path: &str,
        node: &'n Node,
        known: &[&str],
        required: &[&str],
    ) -> Option<Vec<&'n Entry>> {
        let entries = self.entries(path, node)?;
        let mut found = Vec::new();
        for entry in entries {
            if known.contains(&&*entry.key) {
                // As in Kubernetes, a null says as little as a key that is not there.
                if !entry.value.is_null() {
                    found.push(entry);
                }
                continue;
            }
            let place = if path.is_empty() { "the file".to_owned() } else { format!("`{path}`") };
            let names: Vec<String> = known.iter().map(|name| (*name).to_owned()).collect();
            self.wrong(
                &join(path, &entry.key),
                entry.key_span,
                format!("{place} has no key `{}`", clip(&entry.key)),
                suggest(&entry.key, &names),
            );
        }
        let mut complete = true;
        for key in required {
            if !found.iter().any(|entry| *entry.key == **key) {
                self.wrong(
                    &join(path, key),
                    node.span,
                    match path {
                        "" => format!("the file has no `{key}`"),
                        path => format!("`{path}` has no `{key}`"),
                    },
                    format!("add `{key}: ..`"),
                );
                complete = false;
            }
        }
        complete.then_some(found)
    }

    /// The entries of a mapping; a key that is there twice is reported.
    pub(super) fn entries<'n>(&mut self, path: &str, node: &'n Node) -> Option<&'n [Entry]> {
        let Value::Map(entries) = &node.value else {
            self.wrong_type(path, node, "a mapping", "write keys and values: `key: value`");
            return None;
        };
        for (index, entry) in entries.iter().enumerate() {
            if let Some(first) = entries.iter().take(index).find(|other| other.key == entry.key) {
                let first = first.key_span;
                let finding = self.wrong(
                    &join(path, &entry.key),
                    entry.key_span,
                    format!("the key `{}` is there twice", clip(&entry.key)),
                    "keep one of them",
                );
                *finding = finding.clone().label("here again").related(first, "first here");
            }
        }
        Some(entries)
    }

    /// The items of a list.
    pub(crate) fn items<'n>(&mut self, path: &str, node: &'n Node) -> Option<&'n [Node]> {
        if let Value::Seq(items) = &node.value {
            return Some(items);
        }
        self.wrong_type(path, node, "a list", "write a list: `[a, b]`, or one entry behind each `-`");
        None
    }

    /// A text that is not empty.
    pub(crate) fn text<'n>(&mut self, path: &str, node: &'n Node) -> Option<&'n str> {
        match &node.value {
            Value::Str(text) if text.trim().is_empty() => {
                self.wrong(path, node.span, format!("`{path}` is empty"), "write something, or leave it out");
                None
            }
            Value::Str(text) => Some(text),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
                self.wrong_type(path, node, "a string", "put it in quotes");
                None
            }
            Value::Null | Value::Seq(_) | Value::Map(_) => {
                self.wrong_type(path, node, "a string", "write one text in place of it");
                None
            }
        }
    }
}
