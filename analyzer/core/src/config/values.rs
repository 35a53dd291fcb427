//! The types that settings have.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use ignore::gitignore::GitignoreBuilder;
use ipnet::IpNet;
use npv_models::cni::Cni;
use npv_models::diagnostic::{Severity, clip};
use npv_models::space::{self, Operator, Requirement, Selector};
use npv_models::yaml::{self, Node};
use serde_json::{Value as Json, json};

use super::define::Value;
use super::read::{Reader, join, suggest};
use crate::assertion::{self, Assertion};
use crate::lint;
use crate::report::{FORMATS, Format};

impl Value for bool {
    fn schema() -> Json {
        json!({"type": "boolean"})
    }

    fn read(reader: &mut Reader, path: &str, node: &Node) -> Option<Self> {
        let flag = node.as_bool();
        if flag.is_none() {
            reader.wrong_type(path, node, "a boolean", "write `true` or `false`, without quotes");
        }
        flag
    }

    fn json(&self) -> Json {
        json!(self)
    }
}

impl Value for String {
    fn schema() -> Json {
        json!({"type": "string", "minLength": 1})
    }

    fn read(reader: &mut Reader, path: &str, node: &Node) -> Option<Self> {
        reader.text(path, node).map(str::to_owned)
    }

    fn json(&self) -> Json {
        json!(self)
    }
}

impl<T: Value> Value for Option<T> {
    fn schema() -> Json {
        T::schema()
    }

    fn read(reader: &mut Reader, path: &str, node: &Node) -> Option<Self> {
        T::read(reader, path, node).map(Some)
    }

    fn json(&self) -> Json {
        self.as_ref().map_or(Json::Null, T::json)
    }
}

impl<T: Value> Value for Vec<T> {
    fn schema() -> Json {
        json!({"type": "array", "items": T::schema()})
    }

    fn read(reader: &mut Reader, path: &str, node: &Node) -> Option<Self> {
        let items = reader.items(path, node)?;
        let read =
            items.iter().enumerate().filter_map(|(i, item)| T::read(reader, &format!("{path}[{i}]"), item));
        Some(read.collect())
    }

    fn json(&self) -> Json {
        self.iter().map(T::json).collect()
    }
}

/// A type that is a text of a certain form.
macro_rules! text {
    ($(#[doc = $doc:literal])+ $name:ident($inner:ty), $schema:expr, $check:expr, $show:expr) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $name(pub $inner);

        impl Value for $name {
            fn schema() -> Json {
                let mut schema = json!({"type": "string", "minLength": 1});
                if let (Json::Object(schema), Json::Object(more)) = (&mut schema, $schema) {
                    schema.extend(more);
                }
                schema
            }

            fn read(reader: &mut Reader, path: &str, node: &Node) -> Option<Self> {
                let text = reader.text(path, node)?;
                let check: fn(&str) -> Result<$inner, (String, String)> = $check;
                match check(text) {
                    Ok(value) => Some(Self(value)),
                    Err((message, help)) => {
                        reader.wrong(path, node.span, message, help);
                        None
                    }
                }
            }

            fn json(&self) -> Json {
                let show: fn(&$inner) -> String = $show;
                Json::String(show(&self.0))
            }
        }
    };
}

/// A network plugin; what the manifests show where `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plugin(pub Option<Cni>);

impl Plugin {
    /// Reads what stands on a command line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "auto" { Ok(Self(None)) } else { Cni::parse(text).map(Some).map(Self) }
    }
}

/// As it is written: `cilium@1.20`, `upstream`, `auto`.
impl fmt::Display for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(cni) => f.write_str(&cni.written()),
            None => f.write_str("auto"),
        }
    }
}

impl Value for Plugin {
    fn schema() -> Json {
        json!({"type": "string", "minLength": 1})
    }

    fn read(reader: &mut Reader, path: &str, node: &Node) -> Option<Self> {
        let text = reader.text(path, node)?;
        match Self::parse(text) {
            Ok(plugin) => Some(plugin),
            Err(message) => {
                let help = "write the name of a network plugin, with `@` and a version or without";
                reader.wrong(path, node.span, message, help);
                None
            }
        }
    }

    fn json(&self) -> Json {
        Json::String(self.to_string())
    }
}

text!(
    /// The name of a namespace.
    Name(String),
    json!({"pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}),
    |text| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let ends = text.starts_with('-') || text.ends_with('-');
        if text.len() <= 63 && text.bytes().all(inner) && !ends {
            return Ok(text.to_owned());
        }
        Err((
            format!("`{}` is no name of a namespace", clip(text)),
            "it has at most 63 lower-case letters, digits and `-`".to_owned(),
        ))
    },
    Clone::clone
);

text!(
    /// A path, relative to the directory of the configuration.
    Place(PathBuf),
    json!({}),
    |text| Ok(PathBuf::from(text)),
    |path| path.to_string_lossy().into_owned()
);

text!(
    /// A pattern of paths, as a line of `.gitignore` has it.
    Glob(String),
    json!({}),
    |text| match GitignoreBuilder::new("").add_line(None, text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err((
            format!("`{}` is no pattern: {error}", clip(text)),
            "write it as in `.gitignore`: `test/`, `**/*.gen.yaml`".to_owned(),
        )),
    },
    Clone::clone
);

text!(
    /// A text for people.
    Written(String),
    json!({}),
    |text| Ok(text.to_owned()),
    Clone::clone
);

text!(
    /// The name of a lint rule that exceptions may name.
    RuleName(String),
    json!({"enum": lint::rules().iter().filter(|rule| rule.may_be_silenced()).map(|rule| rule.name).collect::<Vec<_>>()}),
    |text| match lint::rule(text) {
        Some(rule) if rule.may_be_silenced() => Ok(text.to_owned()),
        Some(_) => Err((
            format!("`{text}` has no exceptions: the answer would be about another cluster"),
            "correct the manifest, or leave it out by `exclude`".to_owned(),
        )),
        None => {
            let known: Vec<String> = lint::rules().iter().map(|rule| rule.name.to_owned()).collect();
            let help = match crate::query::name::closest(text, &known).first() {
                Some(close) => format!("did you mean `{close}`?"),
                None => "`npv rule` lists all rules".to_owned(),
            };
            Err((format!("there is no rule `{}`", clip(text)), help))
        }
    },
    Clone::clone
);

text!(
    /// A format of `npv check`, and the file that it goes to: `FORMAT[=FILE]`.
    Lines(String),
    json!({"description": "FORMAT[=FILE]"}),
    |text| {
        let (name, file) = text.split_once('=').map_or((text, None), |(name, file)| (name, Some(file)));
        if file == Some("") {
            return Err(("the file's name is missing after `=`".to_owned(), format!("write `{name}=FILE`")));
        }
        if Format::named(name).is_some_and(|format| format.check.is_some()) {
            return Ok(text.to_owned());
        }
        let known: Vec<String> = FORMATS
            .iter()
            .filter(|format| format.check.is_some())
            .map(|format| format.name.to_owned())
            .collect();
        Err((format!("`npv check` has no format `{}`", clip(name)), suggest(name, &known)))
    },
    Clone::clone
);

/// Assertions, with the text that they are read from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assertions {
    /// Those that are written as assertions are.
    pub list: Vec<Assertion>,
    written: Option<Node>,
}

impl Value for Assertions {
    fn schema() -> Json {
        assertion::schema()
    }

    fn read(reader: &mut Reader, path: &str, node: &Node) -> Option<Self> {
        reader.items(path, node)?;
        let list = assertion::decode(node, &mut reader.findings);
        Some(Self { list, written: Some(node.clone()) })
    }

    fn json(&self) -> Json {
        self.written.as_ref().map_or_else(|| json!([]), plain)
    }
}

/// A tree without its positions.
fn plain(node: &Node) -> Json {
    match &node.value {
        yaml::Value::Null => Json::Null,
        yaml::Value::Bool(flag) => json!(flag),
        yaml::Value::Int(int) => json!(int),
        yaml::Value::Float(float) => json!(float),
        yaml::Value::Str(text) => json!(text),
        yaml::Value::Seq(items) => items.iter().map(plain).collect(),
        yaml::Value::Map(entries) => {
            entries.iter().map(|entry| (entry.key.to_string(), plain(&entry.value))).collect()
        }
    }
}

/// A block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr(pub IpNet);

impl Value for Cidr {
    fn schema() -> Json {
        json!({"type": "string", "pattern": "^[0-9A-Fa-f.:]+/[0-9]+$"})
    }

    fn read(reader: &mut Reader, path: &str, node: &Node) -> Option<Self> {
        let text = reader.text(path, node)?;
        let Ok(net) = text.parse::<IpNet>() else {
            let message = format!("`{}` is no block of addresses", clip(text));
            reader.wrong(path, node.span, message, "write a CIDR: `10.244.0.0/16`, `fd00::/48`");
            return None;
        };
        Some(Self(net.trunc()))
    }

    fn json(&self) -> Json {
        json!(self.0.to_string())
    }
}

/// Exact labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels(pub Vec<(String, String)>);

impl Labels {
    /// `app=nginx,tier=edge`, as `kubectl -l` takes them.
    ///
    /// # Errors
    /// A part is not `KEY=VALUE`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let label = |label: &str| match label.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
            _ => Err(format!("`{label}` is not `KEY=VALUE`")),
        };
        text.split(',').map(label).collect::<Result<Vec<_>, _>>().map(Self)
    }

    /// The labels themselves.
    pub fn labels(&self) -> space::Labels {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    /// What has all of these labels.
    pub fn selector(&self) -> Selector {
        Selector::new(
            self.0.iter().map(|(key, value)| Requirement::new(key.as_str(), Operator::In, [value.as_str()])),
        )
    }
}

/// As [`Labels::parse`] takes them.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.0.iter().enumerate() {
            write!(f, "{}{key}={value}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl Value for Labels {
    fn schema() -> Json {
        json!({"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}})
    }

    fn read(reader: &mut Reader, path: &str, node: &Node) -> Option<Self> {
        let entries = reader.entries(path, node)?;
        if entries.is_empty() {
            reader.wrong(
                path,
                node.span,
                format!("`{path}` has no label, and so would be every pod"),
                "write the labels of the pods: `app: nginx`, or leave the key out",
            );
            return None;
        }
        let label = |entry: &yaml::Entry| {
            let path = join(path, &entry.key);
            // An empty value is a label's value too.
            let yaml::Value::Str(value) = &entry.value.value else {
                reader.wrong_type(&path, &entry.value, "a string", "put it in quotes");
                return None;
            };
            Some((entry.key.to_string(), value.to_string()))
        };
        let labels: Vec<_> = entries.iter().map(label).collect();
        labels.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }

    fn json(&self) -> Json {
        self.0.iter().map(|(key, value)| (key.clone(), json!(value))).collect()
    }
}

/// A type with a few named values.
macro_rules! choice {
    ($(#[doc = $about:literal])+ pub enum $name:ident { $($(#[doc = $doc:literal])+ $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $name {
            /// Every value, as it is written.
            pub const NAMES: &[&str] = &[$($text),+];

            /// As it is written.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => {
                        let known: Vec<String> = Self::NAMES.iter().map(|name| format!("`{name}`")).collect();
                        Err(format!("write one of {}", known.join(", ")))
                    }
                }
            }
        }

        impl $crate::config::define::Value for $name {
            fn schema() -> serde_json::Value {
                serde_json::json!({"type": "string", "enum": Self::NAMES})
            }

            fn read(
                reader: &mut $crate::config::read::Reader,
                path: &str,
                node: &npv_models::yaml::Node,
            ) -> Option<Self> {
                // What YAML takes for a boolean is a wrong choice, not a missing quote.
                let text = match &node.value {
                    npv_models::yaml::Value::Bool(flag) => if *flag { "true" } else { "false" },
                    _ => reader.text(path, node)?,
                };
                match text.parse() {
                    Ok(value) => Some(value),
                    Err(help) => {
                        let text = npv_models::diagnostic::clip(text);
                        reader.wrong(path, node.span, format!("`{path}` cannot be `{text}`"), help);
                        None
                    }
                }
            }

            fn json(&self) -> serde_json::Value {
                serde_json::json!(self.name())
            }
        }
    };
}
pub(super) use choice;

choice! {
    /// What makes a run fail.
    pub enum FailOn {
        /// Any finding.
        Note = "note",
        /// Warnings and errors.
        Warning = "warning",
        /// Errors.
        Error = "error",
        /// No finding.
        Never = "never",
    }
}

impl FailOn {
    /// The mildest severity that fails the run, if any does.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Note => Some(Severity::Note),
            Self::Warning => Some(Severity::Warning),
            Self::Error => Some(Severity::Error),
            Self::Never => None,
        }
    }
}

choice! {
    /// What is reported.
    pub enum Threshold {
        /// Every finding.
        Note = "note",
        /// Warnings and errors.
        Warning = "warning",
        /// Errors.
        Error = "error",
    }
}

impl Threshold {
    /// The mildest severity that is reported.
    pub fn severity(self) -> Severity {
        match self {
            Self::Note => Severity::Note,
            Self::Warning => Severity::Warning,
            Self::Error => Severity::Error,
        }
    }
}

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// Today in UTC; where the environment has `SOURCE_DATE_EPOCH`, its day, so that runs can be repeated.
    ///
    /// # Errors
    /// The variable is no number of seconds since 1970.
    pub fn today(epoch: Option<&str>) -> Result<Self, String> {
        let seconds = match epoch {
            Some(text) => text
                .trim()
                .parse()
                .map_err(|_| format!("`SOURCE_DATE_EPOCH` is `{}`, no number of seconds", clip(text)))?,
            None => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        };
        Ok(Self::of_seconds(seconds))
    }

    /// The day, in UTC, of a number of seconds since 1970.
    pub fn of_seconds(seconds: u64) -> Self {
        let mut days = seconds / 86_400;
        let mut year: u16 = 1970;
        while days >= 365 + u64::from(is_leap(year)) && year < 9999 {
            days -= 365 + u64::from(is_leap(year));
            year += 1;
        }
        let mut month = 1;
        while month < 12 && days >= u64::from(days_in(year, month)) {
            days -= u64::from(days_in(year, month));
            month += 1;
        }
        let day = u8::try_from(days + 1).unwrap_or(31).min(days_in(year, month));
        Self { year, month, day }
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u16, month: u8) -> u8 {
    match month {
        2 => 28 + u8::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl FromStr for Date {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write a day that exists: `2026-12-31`".to_owned();
        let digits = |text: &str, count: usize| {
            let right = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
            if right { text.parse::<u16>().map_err(|_| wrong()) } else { Err(wrong()) }
        };
        let mut parts = text.split('-');
        let mut part = |count| digits(parts.next().unwrap_or_default(), count);
        let (year, month, day) = (part(4)?, part(2)? as u8, part(2)? as u8);
        let exists = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day);
        if exists && parts.next().is_none() { Ok(Self { year, month, day }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Value for Date {
    fn schema() -> Json {
        json!({"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"})
    }

    fn read(reader: &mut Reader, path: &str, node: &Node) -> Option<Self> {
        let text = reader.text(path, node)?;
        match text.parse() {
            Ok(date) => Some(date),
            Err(help) => {
                reader.wrong(path, node.span, format!("`{}` is no date", clip(text)), help);
                None
            }
        }
    }

    fn json(&self) -> Json {
        json!(self.to_string())
    }
}
