//! JSON: `serde_json` decides what the text says, and a cursor that follows it decides where.
//!
//! The cursor only moves over text that `serde_json` has accepted, so it need not check anything.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::separator::skip_blank;
use super::{COLLECTION, Entry, MAX_TREE, Node, TOO_LARGE, Value};
use crate::source::{SourceId, Span};

/// Something that is not JSON.
pub(super) struct JsonError {
    /// Offset in the text.
    pub(super) at: usize,
    /// What `serde_json` says.
    pub(super) message: String,
}

/// What stands between two values.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Between {
    /// Nothing but blanks.
    Blanks,
    /// A comma, as in an array.
    Commas,
}

/// Reads the values that follow each other from `start` to the end, or to an error.
pub(super) fn read(
    source: SourceId,
    text: &str,
    start: usize,
    offset: u32,
    between: Between,
    each: &mut dyn FnMut(Node),
) -> Result<(), JsonError> {
    let mut at = start;
    let mut first = true;
    loop {
        at = skip_blank(text, at);
        if between == Between::Commas && !std::mem::take(&mut first) {
            match text.as_bytes().get(at) {
                Some(b',') => at = skip_blank(text, at + 1),
                Some(_) => {
                    return Err(JsonError { at, message: "expected `,` between two items".to_owned() });
                }
                None => return Ok(()),
            }
        }
        let rest = text.get(at..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
        let mut cursor = Cursor { text: text.as_bytes(), at, source, offset, size: 0 };
        let mut deserializer = serde_json::Deserializer::from_str(rest);
        let value = (Seed { cursor: &mut cursor }).deserialize(&mut deserializer).map_err(|error| {
            // The position at the end of the message is given as a span.
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default().to_lowercase();
            JsonError { at: at + error_offset(rest, &error), message }
        })?;
        at = cursor.at;
        Some(value).filter(|value| !value.is_null()).into_iter().for_each(&mut *each);
    }
}

/// The offset of a `serde_json` error, which counts lines from 1 and columns in bytes.
fn error_offset(text: &str, error: &serde_json::Error) -> usize {
    let line = error.line().max(1);
    let start = if line == 1 {
        0
    } else {
        memchr::memchr_iter(b'\n', text.as_bytes()).nth(line - 2).map_or(0, |at| at + 1)
    };
    let at = (start + error.column().saturating_sub(1)).min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

struct Cursor<'t> {
    text: &'t [u8],
    /// The end of what has been read.
    at: usize,
    source: SourceId,
    offset: u32,
    /// About how much memory the tree takes.
    size: usize,
}

impl Cursor<'_> {
    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Moves to the next token that is a value, a key or the end of a collection.
    fn skip_punctuation(&mut self) -> usize {
        while let Some(b' ' | b'\n' | b'\r' | b'\t' | b',' | b':') = self.byte() {
            self.at += 1;
        }
        self.at
    }

    fn span(&self, start: usize) -> Span {
        let at = |offset: usize| self.offset.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX));
        Span::new(self.source, at(start), at(self.at))
    }

    /// Counts memory.
    fn grow<E: Error>(&mut self, bytes: usize) -> Result<(), E> {
        self.size += bytes;
        if self.size > MAX_TREE { Err(E::custom(TOO_LARGE)) } else { Ok(()) }
    }

    /// Moves behind a string that starts here and whose value is `text`.
    fn skip_string(&mut self, text: &str) {
        self.at += 1;
        // Without escapes the string ends where its value does; with escapes it is longer.
        let plain = self.at + text.len();
        if self.text.get(self.at..plain) == Some(text.as_bytes()) && self.text.get(plain) == Some(&b'"') {
            self.at = plain + 1;
            return;
        }
        while let Some(byte) = self.byte() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                break;
            }
        }
    }

    fn skip_number(&mut self) {
        while let Some(b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E') = self.byte() {
            self.at += 1;
        }
    }
}

struct Seed<'c, 't> {
    cursor: &'c mut Cursor<'t>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        self.cursor.skip_punctuation();
        deserializer.deserialize_any(self)
    }
}

impl Seed<'_, '_> {
    fn number(self, value: Value) -> Node {
        let start = self.cursor.at;
        self.cursor.skip_number();
        Node { value, span: self.cursor.span(start) }
    }

    fn word(self, value: Value, length: usize) -> Node {
        let start = self.cursor.at;
        self.cursor.at += length;
        Node { value, span: self.cursor.span(start) }
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_> {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(self.word(Value::Bool(value), if value { 4 } else { 5 }))
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(self.word(Value::Null, 4))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(self.number(Value::Int(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(self.number(Value::from(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Ok(self.number(Value::Float(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        let start = self.cursor.at;
        self.cursor.skip_string(value);
        self.cursor.grow(value.len())?;
        Ok(Node { value: Value::Str(value.into()), span: self.cursor.span(start) })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let start = self.cursor.at;
        self.cursor.at += 1;
        self.cursor.grow(COLLECTION)?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Seed { cursor: self.cursor })? {
            self.cursor.grow(size_of::<Node>())?;
            items.push(item);
        }
        self.cursor.skip_punctuation();
        self.cursor.at += 1;
        Ok(Node { value: Value::Seq(items), span: self.cursor.span(start) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let start = self.cursor.at;
        self.cursor.at += 1;
        self.cursor.grow(COLLECTION)?;
        let mut entries = Vec::new();
        while let Some((key, key_span)) = map.next_key_seed(KeySeed { cursor: self.cursor })? {
            let value = map.next_value_seed(Seed { cursor: self.cursor })?;
            self.cursor.grow(size_of::<Entry>() + key.len())?;
            entries.push(Entry { key, key_span, value });
        }
        self.cursor.skip_punctuation();
        self.cursor.at += 1;
        Ok(Node { value: Value::Map(entries), span: self.cursor.span(start) })
    }
}

struct KeySeed<'c, 't> {
    cursor: &'c mut Cursor<'t>,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_, '_> {
    type Value = (Box<str>, Span);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_, '_> {
    type Value = (Box<str>, Span);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key in double quotes")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        let start = self.cursor.skip_punctuation();
        self.cursor.skip_string(key);
        Ok((key.into(), self.cursor.span(start)))
    }
}
