//! Label sets and label selectors.

use std::collections::BTreeMap;
use std::fmt;

use super::Truth;

/// A set of labels, with what is not known of it.
///
/// Values may be unknown: those of labels that controllers add (S-88), and placeholders that nobody has filled
/// in. A set may also be *open*: it may have labels that nothing shows (S-42, S-84).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels {
    known: BTreeMap<Box<str>, Box<str>>,
    /// Keys that are there with a value that no manifest shows, sorted.
    unknown: Vec<Box<str>>,
    /// Keys that a controller adds, with values of its own (S-88).
    added: &'static [&'static str],
    open: bool,
}

/// What is known of one label of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label<'a> {
    /// There is none.
    Absent,
    /// It has this value.
    Is(&'a str),
    /// It is there, with whatever value.
    Unknown,
    /// It may be there, with whatever value.
    Open,
}

impl Labels {
    /// Labels of which nothing is known (S-84).
    pub const OPEN: Self = Self { known: BTreeMap::new(), unknown: Vec::new(), added: &[], open: true };

    /// None at all.
    pub const NONE: Self = Self { known: BTreeMap::new(), unknown: Vec::new(), added: &[], open: false };

    /// The value of a label; `None` also where it is not known.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.known.get(key).map(|value| &**value)
    }

    /// What is known of a label.
    pub fn at(&self, key: &str) -> Label<'_> {
        if let Some(value) = self.known.get(key) {
            return Label::Is(value);
        }
        let there = self.unknown.iter().any(|unknown| **unknown == *key) || self.added.contains(&key);
        match (there, self.open) {
            (true, _) => Label::Unknown,
            (false, true) => Label::Open,
            (false, false) => Label::Absent,
        }
    }

    /// Sets a label and returns its old value.
    pub fn insert(&mut self, key: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Option<Box<str>> {
        self.known.insert(key.into(), value.into())
    }

    /// Adds a label with a value that no manifest shows; one with a known value stays as it is.
    pub fn insert_unknown(&mut self, key: impl Into<Box<str>>) {
        let key = key.into();
        if let Err(at) = self.unknown.binary_search(&key) {
            self.unknown.insert(at, key);
        }
    }

    /// The keys that a controller adds to what is written (S-88).
    #[must_use]
    pub fn with_added(mut self, keys: &'static [&'static str]) -> Self {
        self.added = keys;
        self
    }

    /// The same labels and perhaps others (S-42).
    #[must_use]
    pub fn opened(mut self) -> Self {
        self.open = true;
        self
    }

    /// Whether there may be labels that nothing shows.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether some value, or the presence of some label, is not known.
    pub fn is_vague(&self) -> bool {
        self.open || !self.added.is_empty() || !self.unknown.is_empty()
    }

    /// The keys with values that no manifest shows.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let written =
            |key: &str| self.known.contains_key(key) || self.unknown.iter().any(|known| **known == *key);
        let added = self.added.iter().copied().filter(move |key| !written(key));
        let unknown = self.unknown.iter().map(|key| &**key).filter(|key| !self.known.contains_key(*key));
        unknown.chain(added)
    }

    /// Keys and values, ascending by key, as far as they are known.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.known.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Number of labels with known values.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there is no label with a known value.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

impl<K: Into<Box<str>>, V: Into<Box<str>>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(labels: I) -> Self {
        let known = labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self { known, ..Self::NONE }
    }
}

/// `app=web,tier=frontend`, or `no labels`; a value that is not known is `?`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() && self.unknown.is_empty() {
            return f.write_str(if self.open { "unknown labels" } else { "no labels" });
        }
        let unknown = self.unknown.iter().map(|key| (&**key, "?"));
        for (index, (key, value)) in self.iter().chain(unknown).enumerate() {
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
    /// The key is there and its value begins with one of the listed (C-30).
    StartsWith,
    /// The key is absent, or its value begins with none of the listed (C-31).
    StartsNotWith,
    /// The key is there and its value ends with one of the listed (C-30).
    EndsWith,
    /// The key is absent, or its value ends with none of the listed (C-31).
    EndsNotWith,
    /// The key is there and one of the listed stands in its value (C-30).
    Contains,
    /// The key is absent, or none of the listed stands in its value (C-31).
    ContainsNot,
}

impl Operator {
    /// The name as manifests write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::In => "In",
            Self::NotIn => "NotIn",
            Self::Exists => "Exists",
            Self::DoesNotExist => "DoesNotExist",
            Self::StartsWith => "starts with",
            Self::StartsNotWith => "does not start with",
            Self::EndsWith => "ends with",
            Self::EndsNotWith => "does not end with",
            Self::Contains => "contains",
            Self::ContainsNot => "does not contain",
        }
    }

    /// The operator that accepts what this one does not.
    #[must_use]
    pub const fn negated(self) -> Self {
        match self {
            Self::In => Self::NotIn,
            Self::NotIn => Self::In,
            Self::Exists => Self::DoesNotExist,
            Self::DoesNotExist => Self::Exists,
            Self::StartsWith => Self::StartsNotWith,
            Self::StartsNotWith => Self::StartsWith,
            Self::EndsWith => Self::EndsNotWith,
            Self::EndsNotWith => Self::EndsWith,
            Self::Contains => Self::ContainsNot,
            Self::ContainsNot => Self::Contains,
        }
    }

    /// Whether it accepts labels without the key (S-43).
    pub const fn is_negative(self) -> bool {
        matches!(
            self,
            Self::NotIn | Self::DoesNotExist | Self::StartsNotWith | Self::EndsNotWith | Self::ContainsNot
        )
    }

    /// Whether it looks into the value, beyond comparing it.
    pub const fn is_pattern(self) -> bool {
        !matches!(self, Self::In | Self::NotIn | Self::Exists | Self::DoesNotExist)
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
        let Some(value) = value else { return self.operator.is_negative() };
        let any = |test: fn(&str, &str) -> bool| self.values.iter().any(|wanted| test(value, wanted));
        match self.operator {
            Operator::In => any(|value, wanted| value == wanted),
            Operator::NotIn => !any(|value, wanted| value == wanted),
            Operator::Exists => true,
            Operator::DoesNotExist => false,
            Operator::StartsWith => any(|value, wanted| value.starts_with(wanted)),
            Operator::StartsNotWith => !any(|value, wanted| value.starts_with(wanted)),
            Operator::EndsWith => any(|value, wanted| value.ends_with(wanted)),
            Operator::EndsNotWith => !any(|value, wanted| value.ends_with(wanted)),
            Operator::Contains => any(|value, wanted| value.contains(wanted)),
            Operator::ContainsNot => !any(|value, wanted| value.contains(wanted)),
        }
    }

    /// Whether a set with this label satisfies the requirement.
    pub fn holds(&self, label: Label<'_>) -> Truth {
        match (label, self.operator) {
            (Label::Absent, _) => self.accepts(None).into(),
            (Label::Is(value), _) => self.accepts(Some(value)).into(),
            (Label::Unknown, Operator::Exists) => Truth::Yes,
            (Label::Unknown, Operator::DoesNotExist) => Truth::No,
            (Label::Open, Operator::Exists | Operator::DoesNotExist) => Truth::Maybe,
            // Of no values, none is the value.
            (Label::Unknown | Label::Open, operator) if self.values.is_empty() => {
                operator.is_negative().into()
            }
            (Label::Unknown | Label::Open, _) => Truth::Maybe,
        }
    }
}

/// `app=web`, `env in (dev, test)`, `!canary`: the notation of `kubectl -l`. What is no label but an attribute of pods
/// looks like one.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.trim_start_matches('@');
        match (self.operator, self.values.as_slice()) {
            (Operator::In, [value]) => write!(f, "{key}={value}"),
            (Operator::NotIn, [value]) => write!(f, "{key}!={value}"),
            (Operator::In, values) => write!(f, "{key} in ({})", values.join(", ")),
            (Operator::NotIn, values) => write!(f, "{key} notin ({})", values.join(", ")),
            (Operator::Exists, _) => write!(f, "{key}"),
            (Operator::DoesNotExist, _) => write!(f, "!{key}"),
            (operator, values) => write!(f, "{key} {} '{}'", operator.name(), values.join("' or '")),
        }
    }
}

/// A label selector: all requirements must hold (S-44), and one selector of each choice; none at all selects
/// everything.
///
/// Requirements and choices are sorted and without repetitions. That makes equal texts equal; it does not
/// decide logical equivalence.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector {
    requirements: Vec<Requirement>,
    /// Each a list of alternatives; an empty list is one that nothing satisfies.
    choices: Vec<Vec<Selector>>,
}

impl Selector {
    /// The selector that every label set satisfies.
    pub const EVERYTHING: Self = Self { requirements: Vec::new(), choices: Vec::new() };

    /// The conjunction of requirements.
    pub fn new(requirements: impl IntoIterator<Item = Requirement>) -> Self {
        let mut requirements: Vec<_> = requirements.into_iter().collect();
        requirements.sort_unstable();
        requirements.dedup();
        Self { requirements, choices: Vec::new() }
    }

    /// The selector for one exact label.
    pub fn label(key: impl Into<Box<str>>, value: impl Into<Box<str>>) -> Self {
        Self::new([Requirement::new(key, Operator::In, [value])])
    }

    /// The selector that nothing satisfies.
    pub fn nothing() -> Self {
        Self { requirements: Vec::new(), choices: vec![Vec::new()] }
    }

    /// What any of some selectors selects.
    pub fn any(selectors: impl IntoIterator<Item = Self>) -> Self {
        let mut alternatives: Vec<Self> = Vec::new();
        for selector in selectors {
            if selector.is_everything() {
                return Self::EVERYTHING;
            }
            match <[_; 1]>::try_from(selector.choices) {
                // A choice within a choice is one choice.
                Ok([inner]) if selector.requirements.is_empty() => alternatives.extend(inner),
                Ok([inner]) => {
                    alternatives.push(Self { requirements: selector.requirements, choices: vec![inner] });
                }
                Err(choices) => alternatives.push(Self { requirements: selector.requirements, choices }),
            }
        }
        alternatives.sort_unstable();
        alternatives.dedup();
        match <[_; 1]>::try_from(alternatives) {
            Ok([only]) => only,
            Err(alternatives) => Self { requirements: Vec::new(), choices: vec![alternatives] },
        }
    }

    /// What all of some selectors select.
    pub fn all(selectors: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::EVERYTHING;
        for selector in selectors {
            all.requirements.extend(selector.requirements);
            all.choices.extend(selector.choices);
        }
        all.requirements.sort_unstable();
        all.requirements.dedup();
        all.choices.sort_unstable();
        all.choices.dedup();
        all
    }

    /// The requirements, sorted; besides these the [`choices`](Self::choices) count.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Lists of which one selector each must select too.
    pub fn choices(&self) -> &[Vec<Self>] {
        &self.choices
    }

    /// All requirements, those within choices among them.
    pub fn mentioned(&self) -> Vec<&Requirement> {
        let mut found: Vec<&Requirement> = self.requirements.iter().collect();
        let mut open: Vec<&Self> = self.choices.iter().flatten().collect();
        while let Some(selector) = open.pop() {
            found.extend(&selector.requirements);
            open.extend(selector.choices.iter().flatten());
        }
        found
    }

    /// Whether a requirement is about this key.
    pub fn asks_for(&self, key: &str) -> bool {
        self.mentioned().iter().any(|requirement| &*requirement.key == key)
    }

    /// Whether the selector asks nothing.
    pub fn is_everything(&self) -> bool {
        self.requirements.is_empty() && self.choices.is_empty()
    }

    /// Whether the labels certainly satisfy every requirement.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.holds(&|key| labels.at(key)).certain()
    }

    /// Whether the labels satisfy every requirement, as far as they are known.
    pub fn truth(&self, labels: &Labels) -> Truth {
        self.holds(&|key| labels.at(key))
    }

    /// Whether labels satisfy every requirement, which `at` looks up.
    pub fn holds<'a>(&self, at: &dyn Fn(&str) -> Label<'a>) -> Truth {
        let required = Truth::all(self.requirements.iter().map(|wanted| wanted.holds(at(&wanted.key))));
        required.and(Truth::all(
            self.choices.iter().map(|choice| Truth::any(choice.iter().map(|selector| selector.holds(at)))),
        ))
    }

    /// The first requirement that the labels do not certainly satisfy: why a selector does not match. Of
    /// choices it is one of the first alternative.
    pub fn unmet<'a>(&'a self, labels: &Labels) -> Option<&'a Requirement> {
        let mut own = self.requirements.iter();
        own.find(|wanted| !wanted.holds(labels.at(&wanted.key)).certain()).or_else(|| {
            let mut unmet =
                self.choices.iter().filter(|choice| !choice.iter().any(|selector| selector.matches(labels)));
            unmet.find_map(|choice| choice.first()?.unmet(labels))
        })
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
        for (index, choice) in self.choices.iter().enumerate() {
            let comma = if index == 0 && self.requirements.is_empty() { "" } else { "," };
            let alternatives: Vec<String> = choice.iter().map(ToString::to_string).collect();
            match alternatives.as_slice() {
                [] => write!(f, "{comma}nothing")?,
                _ => write!(f, "{comma}({})", alternatives.join(" or "))?,
            }
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
