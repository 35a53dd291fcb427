//! Edits that take an object out of a file: its document, or its item of a list.

use std::collections::BTreeMap;

use npv_models::diagnostic::Edit;
use npv_models::source::{SourceId, SourceMap, Span};
use npv_models::yaml::{Node, is_separator, read};

use super::remove;

/// A text longer than this is a dump, which nobody edits by hand.
const LONGEST_LIST: usize = 16 << 20;

/// Finds the edits that remove objects, and remembers what it has read to find them.
pub struct Objects<'a> {
    sources: &'a SourceMap,
    /// The objects of texts in which some are items of lists, or written in braces.
    read: BTreeMap<SourceId, Vec<Object>>,
}

/// An object, or an item of a list of objects.
#[derive(Clone, Copy)]
struct Object {
    span: Span,
    in_list: bool,
}

impl<'a> Objects<'a> {
    /// Nothing has been read yet.
    pub const fn of(sources: &'a SourceMap) -> Self {
        Self { sources, read: BTreeMap::new() }
    }

    /// The edits that remove the object in which `inside` stands; `None` where it is all that its file holds, and
    /// where the text around it is not as expected.
    pub fn removal(&mut self, inside: Span) -> Option<Vec<Edit>> {
        let text = self.sources.get(inside.source)?.text();
        let document = around(text, inside.start as usize);
        if let Some((start, end)) = document {
            let content = text.get(start..end.unwrap_or(text.len()))?;
            let is_plain =
                !content.lines().any(|line| line.starts_with("items:") || line.starts_with(['{', '[']));
            if is_plain {
                return Some(vec![whole(text, inside.source, (start, end))?]);
            }
        }
        let objects = self.objects(inside.source);
        let holds = |object: &&Object| object.span.start <= inside.start && inside.end <= object.span.end;
        // A list may be an item of another one.
        let object =
            *objects.iter().filter(holds).min_by_key(|object| object.span.end - object.span.start)?;
        if object.in_list {
            return remove::item(self.sources, object.span);
        }
        let (start, end) = document?;
        let within = |other: &&Object| {
            !other.in_list
                && start <= other.span.start as usize
                && (other.span.start as usize) < end.unwrap_or(text.len())
        };
        // Objects in braces may follow each other without a separator.
        match objects.iter().filter(within).count() {
            1 => Some(vec![whole(text, inside.source, (start, end))?]),
            _ => Some(vec![among(text, object.span)?]),
        }
    }

    fn objects(&mut self, source: SourceId) -> &[Object] {
        let text = self.sources.get(source).map_or("", |source| source.text());
        self.read.entry(source).or_insert_with(|| {
            let mut objects = Vec::new();
            if text.len() <= LONGEST_LIST {
                let documents = read(source, text, 0);
                for root in &documents.roots {
                    collect(root, false, &mut objects);
                }
            }
            objects
        })
    }
}

fn collect(node: &Node, in_list: bool, objects: &mut Vec<Object>) {
    objects.push(Object { span: node.span, in_list });
    let is_list = node.get("kind").and_then(Node::as_str).is_some_and(|kind| kind.ends_with("List"));
    for item in node.get("items").filter(|_| is_list).map(Node::items).unwrap_or_default() {
        collect(item, true, objects);
    }
}

/// The edit that removes a whole document with one of its separators; `None` where it is the only one.
fn whole(text: &str, source: SourceId, (start, end): (usize, Option<usize>)) -> Option<Edit> {
    let first = text.get(..start)?.trim_start().is_empty();
    let content = text.get(start..end.unwrap_or(text.len()))?;
    let range = match (first, end) {
        (true, None) => return None,
        (true, Some(next)) => {
            let after = text.get(next..)?.find('\n')? + next + 1;
            // The separator of the removed document serves the next one.
            if content.starts_with("---") { (start, next) } else { (0, after) }
        }
        (false, end) => (start, end.unwrap_or(text.len())),
    };
    let span = Span::new(source, range.0 as u32, range.1 as u32);
    Some(Edit { span, replacement: String::new() })
}

/// The edit that removes an object in braces from among others, with the space after it.
fn among(text: &str, object: Span) -> Option<Edit> {
    let rest = text.get(object.end as usize..)?;
    let end = object.end + (rest.len() - rest.trim_start().len()) as u32;
    Some(Edit { span: Span::new(object.source, object.start, end), replacement: String::new() })
}

/// A document longer than this is no plain one; looking further would make the time for many
/// fixes in one file grow with its square.
const LONGEST: usize = 1 << 20;

/// The separator lines before and after a place, at which its document starts and the next one does; `None` where
/// they are too far away.
fn around(text: &str, place: usize) -> Option<(usize, Option<usize>)> {
    let bytes = text.as_bytes();
    let at_line = |at: usize| {
        let line = text.get(at..).and_then(|rest| rest.lines().next());
        (at == 0 || bytes.get(at - 1) == Some(&b'\n'))
            && line.is_some_and(|line| is_separator(line.trim_end()))
    };
    let (low, high) = (place.saturating_sub(LONGEST), place.saturating_add(LONGEST).min(text.len()));
    let mut before = memchr::memmem::rfind_iter(bytes.get(low..(place + 3).min(text.len()))?, b"---");
    let start = match before.find(|found| low + found <= place && at_line(low + found)) {
        Some(found) => low + found,
        None if low == 0 => 0,
        None => return None,
    };
    let from = (place + 1).min(text.len());
    let mut after = memchr::memmem::find_iter(bytes.get(from..high)?, b"---");
    match after.find(|found| at_line(from + found)) {
        Some(found) => Some((start, Some(from + found))),
        None if high == text.len() => Some((start, None)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use npv_models::source::Origin;

    use super::*;
    use crate::fix::edit::apply;

    /// The text without the object in which some words stand.
    fn gone(text: &str, words: &str) -> Option<String> {
        let mut sources = SourceMap::default();
        let id = sources.add("a.yaml", text, Origin::File).unwrap();
        let at = text.find(words).unwrap() as u32;
        let edits = Objects::of(&sources).removal(Span::new(id, at, at + words.len() as u32))?;
        apply(&sources, edits.iter()).and_then(|mut texts| texts.remove(&id))
    }

    #[test]
    fn documents_go_with_one_separator() {
        assert_eq!(gone("a: 1\n---\nb: 2\n---\nc: 3\n", "a").unwrap(), "b: 2\n---\nc: 3\n");
        assert_eq!(gone("a: 1\n---\nb: 2\n---\nc: 3\n", "b").unwrap(), "a: 1\n---\nc: 3\n");
        assert_eq!(gone("a: 1\n---\nb: 2\n---\nc: 3\n", "c").unwrap(), "a: 1\n---\nb: 2\n");
        assert_eq!(gone("---\na: 1\n---\nb: 2\n", "a").unwrap(), "---\nb: 2\n");
        assert_eq!(gone("a: 1\n", "a"), None);
        assert_eq!(gone("---\na: 1\n", "a"), None);
        // In braces it is a document like another.
        assert_eq!(gone("{a: 1}\n---\nb: 2\n", "a").unwrap(), "b: 2\n");
        assert_eq!(gone("{\"a\": 1}\n", "a"), None);
    }

    #[test]
    fn items_of_lists_go_alone() {
        let list =
            "apiVersion: v1\nkind: List\nitems:\n# the first\n- b: 1\n  # of b\n- c: 2\nmetadata: {}\n";
        assert_eq!(gone(list, "b: 1").unwrap(), "apiVersion: v1\nkind: List\nitems:\n- c: 2\nmetadata: {}\n");
        let left = "apiVersion: v1\nkind: List\nitems:\n# the first\n- b: 1\n  # of b\nmetadata: {}\n";
        assert_eq!(gone(list, "c: 2").unwrap(), left);
        assert_eq!(gone(&format!("a: 1\n---\n{list}"), "c: 2").unwrap(), format!("a: 1\n---\n{left}"));
        let json = "{\n  \"items\": [\n    {\n      \"b\": 1\n    },\n    {\n      \"c\": 2\n    }\n  ],\n  \"kind\": \"List\"\n}\n";
        let left = "{\n  \"items\": [\n    {\n      \"c\": 2\n    }\n  ],\n  \"kind\": \"List\"\n}\n";
        assert_eq!(gone(json, "\"b\"").unwrap(), left);
        let left = "{\n  \"items\": [\n    {\n      \"b\": 1\n    }\n  ],\n  \"kind\": \"List\"\n}\n";
        assert_eq!(gone(json, "\"c\"").unwrap(), left);
        // The last one leaves an empty list, and a list in a list loses its own item.
        assert_eq!(gone(&left.replace('\n', ""), "\"b\"").unwrap(), "{  \"items\": [],  \"kind\": \"List\"}");
        let nested = "{kind: List, items: [{kind: NetworkPolicyList, items: [{a: 1}, {b: 2}]}, {c: 3}]}";
        assert_eq!(gone(nested, "a: 1").unwrap(), nested.replace("{a: 1}, ", ""));
        assert_eq!(gone(nested, "c: 3").unwrap(), nested.replace(", {c: 3}", ""));
        // What is no list of objects has no items that are.
        assert_eq!(gone("kind: ConfigMap\nitems:\n- a: 1\n", "a: 1"), None);
    }

    #[test]
    fn objects_that_follow_each_other_go_alone() {
        let stream = "{\"a\": 1}\n{\"b\": 2}\n{\"c\": 3}\n";
        assert_eq!(gone(stream, "a").unwrap(), "{\"b\": 2}\n{\"c\": 3}\n");
        assert_eq!(gone(stream, "b").unwrap(), "{\"a\": 1}\n{\"c\": 3}\n");
        assert_eq!(gone(stream, "c").unwrap(), "{\"a\": 1}\n{\"b\": 2}\n");
    }
}
