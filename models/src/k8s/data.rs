//! ConfigMaps and Secrets, as far as they name somebody: what a workload reads there it needs.

use super::meta::Root;
use super::needs::{self, Mention};
use super::read::Reader;
use super::{Meta, Object};
use crate::yaml::Node;

/// A ConfigMap or Secret that names somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// `ConfigMap` or `Secret`.
    pub kind: &'static str,
    /// Its name and place.
    pub meta: Meta,
    /// Whom its values name, each with its key.
    pub mentions: Vec<Mention>,
}

/// Values longer than this are files that nobody wrote by hand.
const LONGEST: usize = 1 << 18;

/// Decodes a ConfigMap; `None` where it names nobody.
pub(super) fn config_map(_: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let mut mentions = Vec::new();
    values(&root, "data", |key, text, node| needs::mentions(key, text, node.span, &mut mentions));
    finish(root, mentions)
}

/// Decodes a Secret; `None` where it names nobody. What it holds besides names is not kept.
pub(super) fn secret(_: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let mut mentions = Vec::new();
    values(&root, "stringData", |key, text, node| needs::mentions(key, text, node.span, &mut mentions));
    let mut hidden = Vec::new();
    values(&root, "data", |key, text, node| {
        if let Some(text) = base64(text).and_then(|bytes| String::from_utf8(bytes).ok()) {
            needs::mentions(key, &text, node.span, &mut hidden);
        }
    });
    // In base64 there is no place for the name alone.
    for mention in &mut hidden {
        mention.written = Box::default();
    }
    mentions.append(&mut hidden);
    finish(root, mentions)
}

fn finish(root: Root<'_>, mentions: Vec<Mention>) -> Option<Object> {
    let kind = root.kind.name;
    (!mentions.is_empty()).then(|| Object::Data(Box::new(Data { kind, meta: root.meta, mentions })))
}

/// Every text of a mapping that stands beside `metadata`.
fn values<'n>(root: &Root<'n>, field: &str, mut each: impl FnMut(&str, &'n str, &'n Node)) {
    for entry in root.node.get(field).map(Node::entries).unwrap_or_default() {
        if let Some(text) = entry.value.as_str().filter(|text| text.len() <= LONGEST) {
            each(&entry.key, text, &entry.value);
        }
    }
}

/// The bytes that a text stands for in base64, line breaks left out.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut filled) = (0_u32, 0_u32);
    for char in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let six = match char {
            b'A'..=b'Z' => char - b'A',
            b'a'..=b'z' => char - b'a' + 26,
            b'0'..=b'9' => char - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => break,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(six);
        filled += 6;
        if filled >= 8 {
            filled -= 8;
            bytes.push((bits >> filled) as u8);
            bits &= (1 << filled) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_as_everywhere() {
        for (text, wanted) in [
            ("", Some("")),
            ("Zg==", Some("f")),
            ("Zm8=", Some("fo")),
            ("Zm9v\nYmFy", Some("foobar")),
            ("cmVkaXM6Ly9yZWRpczo2Mzc5", Some("redis://redis:6379")),
            ("Zm9v!", None),
        ] {
            assert_eq!(base64(text), wanted.map(|text| text.as_bytes().to_vec()), "{text}");
        }
    }
}
