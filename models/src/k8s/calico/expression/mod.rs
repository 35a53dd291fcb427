//! Calico's selectors: expressions over labels (C-30, C-31).

mod lexer;
mod normal;
mod parser;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

pub use normal::Normal;

use crate::space::{Label, Labels, Operator, Requirement, Truth};

/// A selector, as it is written.
///
/// Two are equal when they are written alike, but for blanks, superfluous parentheses, pairs of `!` and the order of
/// a set's values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expression {
    /// `all()`, or nothing at all.
    All,
    /// `global()`: what is in no namespace. It says so only as the `namespaceSelector` of a peer (C-41); the API
    /// takes it nowhere else, and Felix reads it as `all()` there.
    Global,
    /// A test of one label.
    Label {
        /// The label's key.
        key: Box<str>,
        /// What is asked of it.
        test: Test,
    },
    /// `!` before one term.
    Not(Box<Self>),
    /// Terms between `&&`; two or more.
    And(Vec<Self>),
    /// Terms between `||`; two or more.
    Or(Vec<Self>),
}

/// What is asked of a label. Where the label is absent, only the negative tests hold (C-31).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Test {
    /// `has(k)`.
    Has,
    /// `k == 'v'`.
    Equals(Box<str>),
    /// `k != 'v'`: also where the label is absent.
    NotEquals(Box<str>),
    /// `k in {..}`: sorted, without repetitions. Without values it never holds.
    In(Vec<Box<str>>),
    /// `k not in {..}`: also where the label is absent. Without values it always holds.
    NotIn(Vec<Box<str>>),
    /// `k contains 'v'`.
    Contains(Box<str>),
    /// `k starts with 'v'`.
    StartsWith(Box<str>),
    /// `k ends with 'v'`.
    EndsWith(Box<str>),
}

impl Test {
    /// The same as a requirement of a label with this key.
    pub fn requirement(&self, key: &str) -> Requirement {
        let one = |operator, value: &str| Requirement::new(key, operator, [value]);
        match self {
            Self::Has => Requirement::new(key, Operator::Exists, [""; 0]),
            Self::Equals(value) => one(Operator::In, value),
            Self::NotEquals(value) => one(Operator::NotIn, value),
            Self::In(values) => Requirement::new(key, Operator::In, values.iter().cloned()),
            Self::NotIn(values) => Requirement::new(key, Operator::NotIn, values.iter().cloned()),
            Self::Contains(part) => one(Operator::Contains, part),
            Self::StartsWith(start) => one(Operator::StartsWith, start),
            Self::EndsWith(end) => one(Operator::EndsWith, end),
        }
    }

    /// Whether a label with this value, or none, passes.
    pub fn accepts(&self, value: Option<&str>) -> bool {
        let listed = |values: &[Box<str>], value: &str| values.iter().any(|listed| **listed == *value);
        let Some(value) = value else { return matches!(self, Self::NotEquals(_) | Self::NotIn(_)) };
        match self {
            Self::Has => true,
            Self::Equals(wanted) => **wanted == *value,
            Self::NotEquals(unwanted) => **unwanted != *value,
            Self::In(values) => listed(values, value),
            Self::NotIn(values) => !listed(values, value),
            Self::Contains(part) => value.contains(&**part),
            Self::StartsWith(start) => value.starts_with(&**start),
            Self::EndsWith(end) => value.ends_with(&**end),
        }
    }
}

/// Why a text is no selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The bytes of the text that are wrong; empty at its end where something is missing.
    pub at: Range<usize>,
    /// What is wrong with them.
    pub message: String,
    /// What was probably meant.
    pub help: Option<String>,
}

impl SyntaxError {
    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl Expression {
    /// Reads a selector as Calico does. A text of nothing but blanks selects everything.
    ///
    /// # Errors
    /// The first thing that Calico would not read, or parentheses nested deeper than 100 times.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let tokens = lexer::tokens(text)?;
        parser::Parser::new(&tokens, text.len()).whole()
    }

    /// Whether the text is one token and that is `global()`: the only form in which the API takes it (C-90).
    pub fn is_bare_global(text: &str) -> bool {
        lexer::tokens(text)
            .is_ok_and(|tokens| matches!(tokens.as_slice(), [lexer::Token { kind: lexer::Kind::Global, .. }]))
    }

    /// A test of one label.
    pub fn label(key: impl Into<Box<str>>, test: Test) -> Self {
        Self::Label { key: key.into(), test }
    }

    /// Whether the labels satisfy it.
    pub fn matches(&self, labels: &Labels) -> bool {
        match self {
            Self::All | Self::Global => true,
            Self::Label { key, test } => test.accepts(labels.get(key)),
            Self::Not(term) => !term.matches(labels),
            Self::And(terms) => terms.iter().all(|term| term.matches(labels)),
            Self::Or(terms) => terms.iter().any(|term| term.matches(labels)),
        }
    }

    /// Whether labels satisfy it, which `at` looks up, as far as they are known.
    pub fn holds<'l>(&self, at: &dyn Fn(&str) -> Label<'l>) -> Truth {
        match self {
            Self::All | Self::Global => Truth::Yes,
            Self::Label { key, test } => test.requirement(key).holds(at(key)),
            Self::Not(term) => !term.holds(at),
            Self::And(terms) => Truth::all(terms.iter().map(|term| term.holds(at))),
            Self::Or(terms) => Truth::any(terms.iter().map(|term| term.holds(at))),
        }
    }

    /// Whether any part of it satisfies the predicate.
    pub fn any(&self, predicate: &impl Fn(&Self) -> bool) -> bool {
        predicate(self)
            || match self {
                Self::All | Self::Global | Self::Label { .. } => false,
                Self::Not(term) => term.any(predicate),
                Self::And(terms) | Self::Or(terms) => terms.iter().any(|term| term.any(predicate)),
            }
    }

    /// Whether a test is about this label.
    pub fn asks_for(&self, label: &str) -> bool {
        self.any(&|part| matches!(part, Self::Label { key, .. } if **key == *label))
    }

    /// The expression with each part replaced that is not made of others.
    pub fn map(&self, replace: &impl Fn(&Self) -> Self) -> Self {
        match self {
            Self::All | Self::Global | Self::Label { .. } => replace(self),
            Self::Not(term) => Self::Not(Box::new(term.map(replace))),
            Self::And(terms) => Self::And(terms.iter().map(|term| term.map(replace)).collect()),
            Self::Or(terms) => Self::Or(terms.iter().map(|term| term.map(replace)).collect()),
        }
    }

    /// How tightly it binds.
    const fn binds(&self) -> u8 {
        match self {
            Self::Or(_) => 0,
            Self::And(_) => 1,
            Self::Not(_) | Self::All | Self::Global | Self::Label { .. } => 2,
        }
    }

    fn terms(&self, f: &mut fmt::Formatter<'_>, terms: &[Self], between: &str) -> fmt::Result {
        for (index, term) in terms.iter().enumerate() {
            if index > 0 {
                f.write_str(between)?;
            }
            // A chain in a chain of the same kind is not the same expression.
            if term.binds() <= self.binds() { write!(f, "({term})")? } else { write!(f, "{term}")? }
        }
        Ok(())
    }
}

/// `app == 'web' && !has(canary)`: as Calico reads it, with no more parentheses than it takes.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all()"),
            Self::Global => f.write_str("global()"),
            Self::Label { key, test } => test.show(f, key),
            Self::Not(term) if matches!(**term, Self::And(_) | Self::Or(_) | Self::Not(_)) => {
                write!(f, "!({term})")
            }
            Self::Not(term) => write!(f, "!{term}"),
            Self::And(terms) => self.terms(f, terms, " && "),
            Self::Or(terms) => self.terms(f, terms, " || "),
        }
    }
}

impl Test {
    fn show(&self, f: &mut fmt::Formatter<'_>, key: &str) -> fmt::Result {
        let values = |values: &[Box<str>]| {
            let quoted: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            quoted.join(", ")
        };
        match self {
            Self::Has => write!(f, "has({key})"),
            Self::Equals(value) => write!(f, "{key} == {}", quoted(value)),
            Self::NotEquals(value) => write!(f, "{key} != {}", quoted(value)),
            Self::In(list) => write!(f, "{key} in {{{}}}", values(list)),
            Self::NotIn(list) => write!(f, "{key} not in {{{}}}", values(list)),
            Self::Contains(value) => write!(f, "{key} contains {}", quoted(value)),
            Self::StartsWith(value) => write!(f, "{key} starts with {}", quoted(value)),
            Self::EndsWith(value) => write!(f, "{key} ends with {}", quoted(value)),
        }
    }
}

/// A value in the quotes that it does not hold.
fn quoted(value: &str) -> String {
    if value.contains('\'') { format!("\"{value}\"") } else { format!("'{value}'") }
}
