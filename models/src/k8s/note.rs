//! What an object says to npv: annotations under `npv.dev/`.

use super::read::Reader;
use crate::source::Span;
use crate::yaml::{Entry, Value};

/// Annotations whose keys begin so speak to npv.
const PREFIX: &str = "npv.dev/";

/// An annotation that speaks to npv.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The key without `npv.dev/`.
    pub key: Box<str>,
    /// Where the key is written.
    pub key_span: Span,
    /// The value; empty where there is none.
    pub value: Box<str>,
    /// Where the value is written.
    pub value_span: Span,
}

/// An object with annotations that speak to npv.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// `Kind/namespace/name`, or `Kind/name`, as findings name it.
    pub object: Box<str>,
    /// The object, from its first key to its end.
    pub span: Span,
    /// The annotations, in the order of the text; never empty.
    pub notes: Vec<Note>,
}

/// Keeps the annotations that speak to npv.
pub(super) fn read(reader: &mut Reader<'_>, annotations: Option<&Entry>) {
    for entry in annotations.map_or(&[][..], |annotations| annotations.value.entries()) {
        let Some(key) = entry.key.strip_prefix(PREFIX) else { continue };
        let value = match &entry.value.value {
            Value::Str(text) => text.clone(),
            _ => Box::default(),
        };
        let (key_span, value_span) = (entry.key_span, entry.value.span);
        reader.notes.push(Note { key: key.into(), key_span, value, value_span });
    }
}
