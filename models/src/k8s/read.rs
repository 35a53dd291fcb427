//! Reading fields out of a [`Node`] tree, so that *every* error of an object becomes a finding at its
//! own place and decoding goes on behind it.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::fmt;

use super::note::Note;
use super::syntax::{self, Malformed};
use super::{Decoder, Spanned};
pub(super) use crate::diagnostic::clip;
use crate::diagnostic::{Applicability, Edit, Finding, Fix, Severity};
use crate::source::Span;
use crate::yaml::{Entry, Node, Value};

/// Where a value stands in its object. Lives on the stack; text is made only when something is to be said.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    /// The object itself.
    Root,
    /// A field of a mapping.
    Field(&'a Path<'a>, &'a str),
    /// An item of a list, counted from 0.
    Item(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    pub(super) fn field(&'a self, name: &'a str) -> Self {
        Self::Field(self, name)
    }

    pub(super) fn item(&'a self, index: usize) -> Self {
        Self::Item(self, index)
    }
}

/// `spec.ingress[0].from[1]`; keys that are no plain words stand in brackets and quotes.
impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Root => Ok(()),
            Self::Field(parent, name) => {
                let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !name.is_empty();
                let name = clip(name);
                match (parent, plain) {
                    (Self::Root, true) => f.write_str(&name),
                    (_, true) => write!(f, "{parent}.{name}"),
                    (_, false) => write!(f, "{parent}[{name:?}]"),
                }
            }
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// Whether a mapping may have fields that its reader does not know.
#[derive(Clone, Copy)]
pub(super) enum Unknown {
    /// They are nobody's business here.
    Allowed,
    /// They are findings, but for these, which are known and of no interest.
    Refused(&'static [&'static str]),
}

/// How the help for an error begins where nothing better is known.
pub(super) const REFUSED: &str = "the API server would refuse it";

/// More errors of one object than this are counted, not listed.
const MOST_FINDINGS: usize = 1000;

/// What decoding one object has found wrong so far.
pub(super) struct Reader<'d> {
    pub(super) decoder: &'d Decoder,
    /// The object is a policy.
    pub(super) policy: bool,
    pub(super) findings: Vec<Finding>,
    unlisted: usize,
    /// Keys of findings about fields that are missing, where everybody reads that the same way.
    pub(super) clear: Vec<String>,
    /// The annotations that speak to npv.
    pub(super) notes: Vec<Note>,
    /// Values that somebody has yet to fill in.
    pub(super) placeholders: Vec<Spanned<Box<str>>>,
    /// A placeholder stands where only its value could tell what the object means.
    pub(super) in_doubt: bool,
}

impl<'d> Reader<'d> {
    pub(super) fn new(decoder: &'d Decoder) -> Self {
        Self {
            decoder,
            policy: false,
            findings: Vec::new(),
            unlisted: 0,
            clear: Vec::new(),
            notes: Vec::new(),
            placeholders: Vec::new(),
            in_doubt: false,
        }
    }

    /// Keeps the placeholder in a value, where there is one: no error, but nobody knows what it stands for.
    pub(super) fn placeholder(&mut self, text: &str, span: Span) -> bool {
        let Some(found) = syntax::placeholder(text) else { return false };
        if !self.placeholders.iter().any(|known| known.span == span) {
            self.placeholders.push(Spanned::new(clip(found).into(), span));
        }
        true
    }

    /// Drops what is only wrong because somebody has yet to fill it in.
    pub(super) fn drop_unfilled(&mut self, object: &Node) {
        if self.findings.is_empty() {
            return;
        }
        let before = self.findings.len();
        let mut unfilled = Vec::new();
        gather_unfilled(object, &mut unfilled);
        let findings = std::mem::take(&mut self.findings);
        for finding in findings {
            let of = unfilled.iter().find(|value| finding.span() == Some(value.span));
            match of {
                Some(value) => {
                    self.placeholder(&value.value, value.span);
                }
                None => self.findings.push(finding),
            }
        }
        self.in_doubt |= self.findings.len() < before;
    }

    /// What has been found, in the order of the text.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        self.findings.sort_by_key(Finding::span);
        if self.unlisted > 0
            && let Some(last) = self.findings.last()
            && let Some(span) = last.span()
        {
            let message = format!("there are {} more errors in this object", self.unlisted);
            let more = Finding {
                object: last.object.clone(),
                ..Finding::new(last.rule, Severity::Error, span, message)
            };
            self.findings.push(more.key("more").help("correct the errors before these first"));
        }
        self.findings
    }

    /// Names the object in all that has been found.
    pub(super) fn name(&mut self, object: &str) {
        for finding in &mut self.findings {
            finding.object = Some(object.to_owned());
        }
    }

    /// How many errors there are, listed or not.
    pub(super) fn count(&self) -> usize {
        self.findings.len() + self.unlisted
    }

    /// Notes an error that is not to be listed. Asked before the work of describing it where there can be many.
    fn full(&mut self) -> bool {
        let full = self.findings.len() >= MOST_FINDINGS;
        self.unlisted += usize::from(full);
        full
    }

    /// The rule of a value that has the right type and may not be: policies have one of their own.
    pub(super) fn invalid(&self) -> &'static str {
        if self.policy { "invalid-policy" } else { "wrong-type" }
    }

    /// Reports a text that its field's syntax does not admit.
    pub(super) fn malformed(&mut self, path: &Path<'_>, span: Span, text: &str, wrong: Malformed) {
        if self.placeholder(text, span) {
            // Who can go by the text as it is written has asked before.
            self.in_doubt = true;
            return;
        }
        if self.full() {
            return;
        }
        let message = format!("`{}` {}", clip(text), wrong.why);
        let finding = fault(self.invalid(), path, span, message);
        self.findings.push(match wrong.instead {
            Some(instead) => finding.help(format!("write `{instead}`")).fix(replace(
                span,
                text,
                &instead,
                format!("write `{instead}`"),
            )),
            None => finding.help(format!("{REFUSED}: write one that fits")),
        });
    }

    /// Adds a finding. One without a next step gets the only one that is always right.
    pub(super) fn report(&mut self, mut finding: Finding) {
        if self.full() {
            return;
        }
        if finding.help.is_empty() {
            finding.help.push(format!("{REFUSED}: correct it, or leave it out"));
        }
        self.findings.push(finding);
    }

    /// Reports a value that is not what its field takes.
    pub(super) fn wrong_type(&mut self, path: &Path<'_>, node: &Node, wanted: &str) {
        if !self.full() {
            let help = match wanted {
                "a list" => "write a list: one entry behind each `-`",
                "a mapping" => "write fields: `name: value`",
                "a boolean" => "write `true` or `false`, without quotes",
                "a whole number" => "write digits, without quotes",
                "a number" => "write a number, without quotes",
                "a string" => "write one text in place of it",
                _ => "write a number, or a name in lower case with at least one letter",
            };
            self.findings.push(wrong_type(path, node, wanted).help(help));
        }
    }

    /// Reports an item of a list that is null, with what kubectl would take it for (S-47).
    pub(super) fn null_item(&mut self, path: &Path<'_>, item: &Node, meaning: &str) {
        self.report(
            fault("null-rule", path, item.span, format!("`{path}` is null"))
                .help(format!("kubectl would read it as {meaning}: remove it, or write what you mean")),
        );
    }

    /// The named fields of a mapping; a field whose value is null counts as left out. Reports what is no
    /// mapping, repeated keys and, where they are refused, unknown fields.
    pub(super) fn fields<'n, const N: usize>(
        &mut self,
        path: &Path<'_>,
        node: &'n Node,
        names: [&'static str; N],
        unknown: Unknown,
    ) -> [Option<&'n Entry>; N] {
        let mut found = [None; N];
        let entries = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => return found,
            _ => {
                self.wrong_type(path, node, "a mapping");
                return found;
            }
        };
        self.duplicates(path, entries);
        for entry in entries {
            if let Some(slot) = names.iter().position(|name| **name == *entry.key) {
                if let Some(slot) = found.get_mut(slot) {
                    *slot = (!entry.value.is_null()).then_some(entry);
                }
            } else if let Unknown::Refused(others) = unknown
                && !others.contains(&&*entry.key)
            {
                self.unknown_field(path, entry, names.iter().chain(others).copied());
            }
        }
        found
    }

    /// Reports every repetition of a key.
    pub(super) fn duplicates(&mut self, path: &Path<'_>, entries: &[Entry]) {
        // Nearly all mappings are small, where comparing is cheaper than hashing.
        if entries.len() <= 16 {
            for (index, entry) in entries.iter().enumerate() {
                let first = entries.iter().take(index).find(|other| other.key == entry.key);
                if let Some(first) = first {
                    self.duplicate(path, first, entry);
                }
            }
            return;
        }
        let mut seen: HashMap<&str, &Entry> = HashMap::with_capacity(entries.len());
        for entry in entries {
            match seen.entry(&entry.key) {
                MapEntry::Occupied(first) => self.duplicate(path, first.get(), entry),
                MapEntry::Vacant(slot) => {
                    slot.insert(entry);
                }
            }
        }
    }

    fn duplicate(&mut self, path: &Path<'_>, first: &Entry, again: &Entry) {
        if self.full() {
            return;
        }
        let here = path.field(&again.key);
        let message = format!("the key `{}` is there twice", clip(&again.key));
        self.report(
            fault("duplicate-key", &here, again.key_span, message)
                .label("here again")
                .related(first.key_span, "first here")
                .help("kubectl would silently use the last one: keep one and remove the others"),
        );
    }

    fn unknown_field(&mut self, path: &Path<'_>, entry: &Entry, known: impl Iterator<Item = &'static str>) {
        if self.full() {
            return;
        }
        let here = path.field(&entry.key);
        let parent = path.to_string();
        let place = if parent.is_empty() { "the object".to_owned() } else { format!("`{parent}`") };
        let message = format!("{place} has no field `{}`", clip(&entry.key));
        let mut names: Vec<&str> = known.collect();
        let guess = closest(&entry.key, &names);
        let finding = fault("unknown-field", &here, entry.key_span, message);
        self.report(if let Some(guess) = guess {
            finding.help(format!("did you mean `{guess}`?")).fix(replace(
                entry.key_span,
                &entry.key,
                guess,
                format!("rename the field to `{guess}`"),
            ))
        } else {
            names.sort_unstable();
            finding.help(format!("its fields are {}", listing(&names)))
        });
    }

    /// The entries of a mapping whose keys are data, such as labels.
    pub(super) fn entries<'n>(&mut self, path: &Path<'_>, node: &'n Node) -> &'n [Entry] {
        match &node.value {
            Value::Map(entries) => {
                self.duplicates(path, entries);
                entries
            }
            Value::Null => &[],
            _ => {
                self.wrong_type(path, node, "a mapping");
                &[]
            }
        }
    }

    /// The items of a list.
    pub(super) fn items<'n>(&mut self, path: &Path<'_>, node: &'n Node) -> &'n [Node] {
        match &node.value {
            Value::Seq(items) => items,
            Value::Null => &[],
            _ => {
                self.wrong_type(path, node, "a list");
                &[]
            }
        }
    }

    /// The items of a list that is somebody's field.
    pub(super) fn list<'n>(&mut self, path: &Path<'_>, entry: Option<&'n Entry>) -> &'n [Node] {
        entry.map_or(&[], |entry| self.items(path, &entry.value))
    }

    /// A text. A null is `""`, as the API machinery reads it.
    pub(super) fn text<'n>(&mut self, path: &Path<'_>, node: &'n Node) -> Option<&'n str> {
        match &node.value {
            Value::Str(text) => {
                self.placeholder(text, node.span);
                Some(text)
            }
            Value::Null => Some(""),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
                self.report(wrong_type(path, node, "a string").help("put it in quotes").fix(quote(node)));
                None
            }
            Value::Seq(_) | Value::Map(_) => {
                self.wrong_type(path, node, "a string");
                None
            }
        }
    }

    /// The text of somebody's field.
    pub(super) fn string<'n>(&mut self, path: &Path<'_>, entry: Option<&'n Entry>) -> Option<&'n str> {
        entry.and_then(|entry| self.text(path, &entry.value))
    }

    /// The truth value of somebody's field; false where it is left out.
    pub(super) fn flag(&mut self, path: &Path<'_>, entry: Option<&Entry>) -> bool {
        match entry.map(|entry| (&entry.value.value, &entry.value)) {
            None => false,
            Some((Value::Bool(flag), _)) => *flag,
            Some((_, node)) => {
                self.wrong_type(path, node, "a boolean");
                false
            }
        }
    }

    /// The whole number of somebody's field. `80.0` and `8e1` are 80, as the API machinery reads them.
    pub(super) fn integer(&mut self, path: &Path<'_>, entry: Option<&Entry>) -> Option<i64> {
        let node = &entry?.value;
        let number = node.as_int();
        if number.is_none() {
            match unquote(node) {
                Some(fix) => {
                    let finding = wrong_type(path, node, "a whole number");
                    self.report(finding.help("write it without quotes").fix(fix));
                }
                None => self.wrong_type(path, node, "a whole number"),
            }
        }
        number
    }
}

/// The texts in a tree that contain placeholders.
fn gather_unfilled(node: &Node, found: &mut Vec<Spanned<Box<str>>>) {
    match &node.value {
        Value::Str(text) if syntax::placeholder(text).is_some() => {
            found.push(Spanned::new(text.clone(), node.span));
        }
        Value::Seq(items) => items.iter().for_each(|item| gather_unfilled(item, found)),
        Value::Map(entries) => entries.iter().for_each(|entry| gather_unfilled(&entry.value, found)),
        _ => {}
    }
}

/// An error about the value at `path`.
pub(super) fn fault(rule: &'static str, path: &Path<'_>, span: Span, message: impl Into<String>) -> Finding {
    Finding::new(rule, Severity::Error, span, message).key(path.to_string())
}

/// The error that a value is not what its field takes.
pub(super) fn wrong_type(path: &Path<'_>, node: &Node, wanted: &str) -> Finding {
    fault("wrong-type", path, node.span, format!("`{path}` is {}, not {wanted}", node.kind()))
}

/// A fix that puts a scalar in quotes.
pub(super) fn quote(node: &Node) -> Fix {
    let at = |offset| Edit { span: Span::new(node.span.source, offset, offset), replacement: "\"".into() };
    Fix {
        description: "put the value in quotes".into(),
        applicability: Applicability::Unsafe,
        edits: vec![at(node.span.start), at(node.span.end)],
        example: None,
    }
}

/// A fix that takes a number out of its quotes, where the text is one.
pub(super) fn unquote(node: &Node) -> Option<Fix> {
    let number: i64 = node.as_str()?.parse().ok()?;
    Some(replace(node.span, "", &number.to_string(), "write a number instead of a string"))
}

/// A fix that replaces a text, in quotes where the old one was in quotes; numbers stand without them.
pub(super) fn replace(span: Span, old: &str, new: &str, description: impl Into<String>) -> Fix {
    // A text that takes more room than its characters is in quotes.
    let bare = (span.end - span.start) as usize == old.len() || new.parse::<i64>().is_ok();
    let replacement = if bare { new.to_owned() } else { format!("\"{new}\"") };
    Fix {
        description: description.into(),
        applicability: Applicability::Unsafe,
        edits: vec![Edit { span, replacement }],
        example: None,
    }
}

/// A fix that removes an item of a list. The edit empties its place; what is around it goes with it where the
/// text is at hand.
pub(super) fn remove(item: &Node) -> Fix {
    Fix {
        description: "remove the entry".into(),
        applicability: Applicability::Unsafe,
        edits: vec![Edit { span: item.span, replacement: String::new() }],
        example: None,
    }
}

/// The known name that a misspelt one most likely means.
pub(super) fn closest<'k>(misspelt: &str, known: &[&'k str]) -> Option<&'k str> {
    if misspelt.len() > 64 {
        return None;
    }
    let lower = misspelt.to_lowercase();
    known
        .iter()
        .map(|name| (strsim::osa_distance(&lower, &name.to_lowercase()), *name))
        .filter(|(distance, name)| *distance <= name.len().div_ceil(4).min(3))
        .min()
        .map(|(_, name)| name)
}

/// `a`, `b` and `c`, each in backticks.
pub(super) fn listing(names: &[&str]) -> String {
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        let separator = match index {
            0 => "",
            _ if index + 1 == names.len() => " and ",
            _ => ", ",
        };
        text.push_str(separator);
        text.push('`');
        text.push_str(name);
        text.push('`');
    }
    text
}
