//! One parse of YAML and JSON into a tree that keeps a span for every node.

mod build;
mod dedent;
mod json;
mod read;
mod scalar;
mod separator;

use crate::source::Span;

pub use read::{Documents, Items, Remarks, TEMPLATE, read, read_each, read_items};
pub use scalar::resolve;
pub use separator::{content_start, is_separator, separator_after};

/// Collections nested deeper than this make a document unreadable. Real objects stay below 30, a
/// `CustomResourceDefinition` below 60; the bound keeps recursion over a tree safe.
pub const MAX_DEPTH: usize = 128;

/// What the tree of one document may take in memory, in bytes. A text of many tiny collections grows forty-fold;
/// real objects stay below a hundredth of this.
const MAX_TREE: usize = 512 << 20;

/// The first allocation of a collection has room for some items.
const COLLECTION: usize = 4 * size_of::<Entry>();

const TOO_LARGE: &str = "this document takes too much memory to be read";

/// A value together with where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What was written.
    pub value: Value,
    /// The bytes of the value itself, without its key.
    pub span: Span,
}

/// A YAML or JSON value, resolved the way kubectl resolves it (YAML 1.1 booleans and octals; see
/// `docs/input.md`).
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing at all.
    Null,
    /// A boolean; `on`, `yes` and `y` are booleans too.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A string.
    Str(Box<str>),
    /// A sequence.
    Seq(Vec<Node>),
    /// A mapping, in the order of the text, duplicate keys kept.
    Map(Vec<Entry>),
}

/// A key of a mapping with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key, as text.
    pub key: Box<str>,
    /// Where the key stands.
    pub key_span: Span,
    /// What it maps to.
    pub value: Node,
}

impl Node {
    /// The value of a mapping's key; the last one where the key is duplicated, as kubectl reads it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().rev().find(|entry| &*entry.key == key).map(|entry| &entry.value)
    }

    /// The entries of a mapping; none for any other value.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a sequence; none for any other value.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Seq(items) => items,
            _ => &[],
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number: an integer, or a float without a fraction, which kubectl takes for one too (`80.0`,
    /// `8e1`). `None` beyond 64 signed bits.
    pub fn as_int(&self) -> Option<i64> {
        match self.value {
            Value::Int(int) => Some(int),
            // Every whole float of this magnitude converts exactly.
            Value::Float(float) if float.fract() == 0.0 && float.abs() < 9.2e18 => Some(float as i64),
            _ => None,
        }
    }

    /// A boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// Whether nothing was written.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// What the value is, in the words of an error message.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Str(_) => "a string",
            Value::Seq(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}
