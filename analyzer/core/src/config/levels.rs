//! Levels of lint rules.

use std::collections::BTreeMap;

use npv_models::diagnostic::{Severity, clip};
use npv_models::yaml::Node;
use serde_json::{Map, Value as Json, json};

use super::define::{From, Setting, Value};
use super::read::{Reader, join};
use super::show::Row;
use super::values::choice;
use crate::lint::{self, Category, Rule};
use crate::query::name::closest;

choice! {
    /// What becomes of the findings of a lint rule.
    pub enum Level {
        /// They are not reported.
        Allow = "allow",
        /// Notes.
        Note = "note",
        /// Warnings.
        Warning = "warning",
        /// Errors.
        Error = "error",
    }
}

impl Level {
    /// The severity of findings; `None` where there are none.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Allow => None,
            Self::Note => Some(Severity::Note),
            Self::Warning => Some(Severity::Warning),
            Self::Error => Some(Severity::Error),
        }
    }
}

/// One lint rule, or all of a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The rules of a category.
    Category(Category),
    /// The rule of this name.
    Rule(&'static str),
}

impl Target {
    /// The rule or category that a name means.
    ///
    /// # Errors
    /// Nothing has the name: what is wrong, and the next step.
    pub fn named(text: &str) -> Result<Self, (String, String)> {
        if let Some(rule) = lint::rule(text) {
            return Ok(Self::Rule(rule.name));
        }
        if let Some(category) = Category::ALL.into_iter().find(|category| category.name() == text) {
            return Ok(Self::Category(category));
        }
        let rules = lint::rules().iter().map(|rule| rule.name.to_owned());
        let known: Vec<String> =
            rules.chain(Category::ALL.map(|category| category.name().to_owned())).collect();
        // Whoever types a part of a name means one of those that have it.
        let lower = text.to_ascii_lowercase();
        let holding: Vec<&str> = known
            .iter()
            .filter(|name| lower.len() > 1 && name.contains(&lower))
            .map(String::as_str)
            .take(6)
            .collect();
        let help = match (holding.as_slice(), closest(text, &known).first()) {
            ([], Some(close)) => format!("did you mean `{close}`?"),
            ([], None) => "`npv rule` lists all rules and categories".to_owned(),
            (some, _) => format!("did you mean `{}`?", some.join("` or `")),
        };
        Err((format!("there is no rule or category `{}`", clip(text)), help))
    }

    /// Like [`Target::named`], of what may have another level than its own.
    ///
    /// # Errors
    /// Nothing has the name, or its level is fixed: what is wrong, and the next step.
    pub fn changeable(text: &str) -> Result<Self, (String, String)> {
        let target = Self::named(text)?;
        let fixed = match target {
            Self::Category(category) => category == Category::Validity,
            Self::Rule(name) => lint::rule(name).is_some_and(|rule| !rule.may_be_silenced()),
        };
        if fixed {
            return Err((
                format!(
                    "`{text}` has no other level: what is refused or not read leaves the answer in doubt"
                ),
                "correct the manifests, or leave them out by `exclude`".to_owned(),
            ));
        }
        Ok(target)
    }

    /// Whether the rule is meant.
    pub fn covers(self, rule: &Rule) -> bool {
        match self {
            Self::Category(category) => rule.category == category,
            Self::Rule(name) => rule.name == name,
        }
    }

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Category(category) => category.name(),
            Self::Rule(name) => name,
        }
    }
}

/// The levels that differ from those of the rules themselves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Levels(pub BTreeMap<Target, Setting<Level>>);

impl Levels {
    /// The level of a rule; `None` where nobody has set one. That of the rule goes before that of its category,
    /// and a switch before the file.
    pub fn of(&self, rule: &Rule) -> Option<Level> {
        let set = |target: Target| self.0.get(&target);
        let own = set(Target::Rule(rule.name));
        let category = set(Target::Category(rule.category));
        let switched = |level: &&Setting<Level>| matches!(level.from, From::Switch(_));
        let level = own.filter(switched).or_else(|| category.filter(switched)).or(own).or(category);
        level.map(|level| level.value)
    }
}

impl Value for Levels {
    fn schema() -> Json {
        let level = |about: String| json!({"type": ["string", "null"], "enum": ["allow", "note", "warning", "error", null], "description": about});
        let mut properties = Map::new();
        for category in Category::ALL.into_iter().filter(|category| *category != Category::Validity) {
            properties.insert(
                category.name().to_owned(),
                level(format!("All rules of the category. {}.", category.title())),
            );
        }
        for rule in lint::rules().iter().filter(|rule| rule.may_be_silenced()) {
            properties.insert(rule.name.to_owned(), level(rule.summary()));
        }
        json!({"type": "object", "properties": properties, "additionalProperties": false})
    }

    fn read(reader: &mut Reader, path: &str, node: &Node) -> Option<Self> {
        let mut levels = BTreeMap::new();
        for entry in reader.entries(path, node)? {
            let path = join(path, &entry.key);
            let target = match Target::changeable(&entry.key) {
                Ok(target) => target,
                Err((message, help)) => {
                    reader.wrong(&path, entry.key_span, message, help);
                    continue;
                }
            };
            if !entry.value.is_null()
                && let Some(value) = Level::read(reader, &path, &entry.value)
            {
                levels.insert(target, Setting { value, from: From::File(entry.value.span) });
            }
        }
        Some(Self(levels))
    }

    fn json(&self) -> Json {
        self.0.iter().map(|(target, level)| (target.name().to_owned(), level.json())).collect()
    }

    fn rows(&self, path: &str, from: From, rows: &mut Vec<Row>) {
        if self.0.is_empty() {
            rows.push(Row { path: path.to_owned(), value: self.json(), from });
        }
        for (target, level) in &self.0 {
            level.rows(&join(path, target.name()), level.from, rows);
        }
    }
}
