//! Label sets and label selectors.

use std::collections::BTreeMap;
use std::fmt;

/// A set of labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(BTreeMap<Box<str>, Box<str>>);

impl Labels {
    /// The value of a label.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|value| &**value)
    }

    /// Sets a label and returns its old value.
    pub fn insert(&mut self, key: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Option<Box<str>> {
        self.0.insert(key.into(), value.into())
    }

    /// Keys and values, ascending by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Number of labels.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no label.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Into<Box<str>>, V: Into<Box<str>>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(labels: I) -> Self {
        Self(labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

/// `app=web,tier=frontend`, or `no labels`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no labels");
        }
        for (index, (key, value)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{key}={value}")?;
        }
        Ok(())
    }
}

/// What a requirement asks of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// The key is there and its value is one of the listed.
    In,
    /// The key is absent, or its value is none of the listed (S-43).
    NotIn,
    /// The key is there.
    Exists,
    /// The key is absent.
    DoesNotExist,
}

impl Operator {
    /// The name as manifests write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::In => "In",
            Self::NotIn => "NotIn",
            Self::Exists => "Exists",
            Self::DoesNotExist => "DoesNotExist",
        }
    }
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    /// The label's key.
    pub key: Box<str>,
    /// What is asked of it.
    pub operator: Operator,
    /// Sorted, without repetitions; empty for `Exists` and `DoesNotExist`.
    pub values: Vec<Box<str>>,
}

impl Requirement {
    /// A requirement in canonical form.
    pub fn new(
        key: impl Into<Box<str>>,
        operator: Operator,
        values: impl IntoIterator<Item = impl Into<Box<str>>>,
    ) -> Self {
        let mut values: Vec<Box<str>> = values.into_iter().map(Into::into).collect();
        values.sort_unstable();
        values.dedup();
        Self { key: key.into(), operator, values }
    }

    /// Whether labels with this value (or none) for the key satisfy the requirement (S-43).
    pub fn accepts(&self, value: Option<&str>) -> bool {
        let listed = |value: &str| self.values.iter().any(|wanted| &**wanted == value);
        match self.operator {
            Operator::In => value.is_some_and(listed),
            Operator::NotIn => !value.is_some_and(listed),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

/// `app=web`, `env in (dev, test)`, `!canary`: the notation of `kubectl -l`.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match (self.operator, self.values.as_slice()) {
            (Operator::In, [value]) => write!(f, "{key}={value}"),
            (Operator::NotIn, [value]) => write!(f, "{key}!={value}"),
            (Operator::In, values) => write!(f, "{key} in ({})", values.join(", ")),
            (Operator::NotIn, values) => write!(f, "{key} notin ({})", values.join(", ")),
            (Operator::Exists, _) => write!(f, "{key}"),
            (Operator::DoesNotExist, _) => write!(f, "!{key}"),
        }
    }
}

/// A label selector: all requirements must hold (S-44); none at all selects everything.
///
/// Requirements are sorted and without repetitions. That makes equal texts equal; it does not decide
/// logical equivalence.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

impl Selector {
    /// The selector that every label set satisfies.
    pub const EVERYTHING: Self = Self { requirements: Vec::new() };

    /// The conjunction of requirements.
    pub fn new(requirements: impl IntoIterator<Item = Requirement>) -> Self {
        let mut requirements: Vec<_> = requirements.into_iter().collect();
        requirements.sort_unstable();
        requirements.dedup();
        Self { requirements }
    }

    /// The selector for one exact label.
    pub fn label(key: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        Self::new([Requirement::new(key, Operator::In, [value])])
    }

    /// The requirements, sorted.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether a requirement is about this key.
    pub fn asks_for(&self, key: &str) -> bool {
        self.requirements.iter().any(|requirement| &*requirement.key == key)
    }

    /// Whether the selector asks nothing.
    pub fn is_everything(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether the labels satisfy every requirement.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.requirements.iter().all(|requirement| requirement.accepts(labels.get(&requirement.key)))
    }

    /// The first requirement that the labels do not satisfy: why a selector does not match.
    pub fn unmet<'a>(&'a self, labels: &Labels) -> Option<&'a Requirement> {
        self.requirements.iter().find(|requirement| !requirement.accepts(labels.get(&requirement.key)))
    }
}

/// `app=web,tier in (a, b)`, or `{}` for the selector of everything.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_everything() {
            return f.write_str("{}");
        }
        for (index, requirement) in self.requirements.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{requirement}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_keys_satisfy_the_negative_operators_only() {
        let none: [&str; 0] = [];
        let labels = Labels::from_iter([("app", "web"), ("empty", "")]);
        let accepts = |key: &str, operator, values: &[&str]| {
            Selector::new([Requirement::new(key, operator, values.iter().copied())]).matches(&labels)
        };
        assert!(accepts("absent", Operator::NotIn, &["x"]));
        assert!(accepts("absent", Operator::DoesNotExist, &none));
        assert!(!accepts("absent", Operator::In, &["x"]));
        assert!(!accepts("absent", Operator::In, &[""]));
        assert!(!accepts("absent", Operator::Exists, &none));
        assert!(accepts("empty", Operator::In, &[""]));
        assert!(!accepts("app", Operator::NotIn, &["web", "api"]));
        assert!(Selector::EVERYTHING.matches(&Labels::default()));
    }

    #[test]
    fn canonical_form_ignores_order_and_repetition() {
        let left = Selector::new([
            Requirement::new("b", Operator::In, ["y", "x", "y"]),
            Requirement::new("a", Operator::Exists, [""; 0]),
        ]);
        let right = Selector::new([
            Requirement::new("a", Operator::Exists, [""; 0]),
            Requirement::new("b", Operator::In, ["x", "y"]),
            Requirement::new("a", Operator::Exists, [""; 0]),
        ]);
        assert_eq!(left, right);
        assert_eq!(left.to_string(), "a,b in (x, y)");
    }
}
