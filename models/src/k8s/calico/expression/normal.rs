//! Expressions without negations above a test, as an index over labels takes them.

use super::Expression;
use crate::space::{Labels, Operator, Requirement};

/// An expression in which only tests are negated. It holds for the same labels as the one it comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Normal {
    /// Every label set satisfies it.
    Always,
    /// No label set satisfies it.
    Never,
    /// What is asked of one label.
    Test(Requirement),
    /// All of two or more, none of which is [`Self::Always`], [`Self::Never`] or such a list itself.
    And(Vec<Self>),
    /// Any of two or more, none of which is [`Self::Always`], [`Self::Never`] or such a list itself.
    Or(Vec<Self>),
}

impl Normal {
    /// All of these.
    pub fn all(terms: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for term in terms {
            match term {
                Self::Always => {}
                Self::Never => return Self::Never,
                Self::And(terms) => flat.extend(terms),
                Self::Test(_) | Self::Or(_) => flat.push(term),
            }
        }
        Self::list(flat, Self::Always, Self::And)
    }

    /// Any of these.
    pub fn any(terms: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for term in terms {
            match term {
                Self::Never => {}
                Self::Always => return Self::Always,
                Self::Or(terms) => flat.extend(terms),
                Self::Test(_) | Self::And(_) => flat.push(term),
            }
        }
        Self::list(flat, Self::Never, Self::Or)
    }

    fn list(mut terms: Vec<Self>, none: Self, several: fn(Vec<Self>) -> Self) -> Self {
        terms.sort_unstable();
        terms.dedup();
        if terms.len() > 1 { several(terms) } else { terms.pop().unwrap_or(none) }
    }

    /// Whether the labels satisfy it.
    pub fn matches(&self, labels: &Labels) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Test(wanted) => wanted.accepts(labels.get(&wanted.key)),
            Self::And(terms) => terms.iter().all(|term| term.matches(labels)),
            Self::Or(terms) => terms.iter().any(|term| term.matches(labels)),
        }
    }
}

impl Expression {
    /// The expression with its negations moved down to the tests.
    pub fn normal(&self) -> Normal {
        self.normalise(false)
    }

    fn normalise(&self, negated: bool) -> Normal {
        let all = |terms: &[Self]| Normal::all(terms.iter().map(|term| term.normalise(negated)));
        let any = |terms: &[Self]| Normal::any(terms.iter().map(|term| term.normalise(negated)));
        match self {
            Self::All | Self::Global if negated => Normal::Never,
            Self::All | Self::Global => Normal::Always,
            Self::Label { key, test } => {
                let mut wanted = test.requirement(key);
                if negated {
                    wanted.operator = wanted.operator.negated();
                }
                // A set without values holds for all or for none.
                match (wanted.operator, wanted.values.is_empty()) {
                    (Operator::In, true) => Normal::Never,
                    (Operator::NotIn, true) => Normal::Always,
                    _ => Normal::Test(wanted),
                }
            }
            Self::Not(term) => term.normalise(!negated),
            // Not all is any not.
            Self::And(terms) if negated => any(terms),
            Self::And(terms) => all(terms),
            Self::Or(terms) if negated => all(terms),
            Self::Or(terms) => any(terms),
        }
    }
}
