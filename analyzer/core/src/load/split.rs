//! Cuts texts into parts that can be read on their own.

use std::ops::Range;

use npv_models::source::{SourceId, Span};
use npv_models::yaml::{Items, content_start, is_separator, separator_after};

use super::{json_list, yaml_list};

/// How long a part should be, in bytes: long enough to cost little, short enough to keep all threads busy.
pub(super) const PART: usize = 1 << 20;

/// Longer documents that cannot be cut are not read: their tree may take ten times their size.
pub(super) const MAX_DOCUMENT: usize = 32 << 20;

/// A piece of a text that one call reads.
#[derive(Debug)]
pub(super) enum Part<'t> {
    /// Whole documents.
    Documents(Piece<'t>),
    /// A long `List` whose items are read in parallel.
    List(List<'t>),
    /// A document that is too long, and cannot be cut.
    TooLong(Piece<'t>),
}

impl Part<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Documents(piece) | Self::TooLong(piece) => piece.len(),
            Self::List(list) => list.whole.len(),
        }
    }
}

/// Where a piece stands.
#[derive(Clone, Debug)]
pub(super) struct Piece<'t> {
    pub(super) source: SourceId,
    /// The whole text.
    pub(super) text: &'t str,
    pub(super) range: Range<usize>,
}

impl<'t> Piece<'t> {
    pub(super) fn text(&self) -> &'t str {
        self.text.get(self.range.clone()).unwrap_or_default()
    }

    pub(super) fn offset(&self) -> u32 {
        u32::try_from(self.range.start).unwrap_or(u32::MAX)
    }

    /// Another piece of the same text.
    pub(super) fn at(&self, range: Range<usize>) -> Self {
        Self { range, ..self.clone() }
    }

    pub(super) fn len(&self) -> usize {
        self.range.len()
    }
}

/// A list that has been cut between its items.
#[derive(Debug)]
pub(super) struct List<'t> {
    /// The whole list, to be read at once where the items turn out not to stand on their own.
    pub(super) whole: Piece<'t>,
    /// What the items inherit.
    pub(super) inherited: super::list::Inherited,
    /// Runs of items.
    pub(super) items: Vec<Piece<'t>>,
    /// How the items are written.
    pub(super) syntax: Items,
    /// The comments for npv before and behind the items.
    pub(super) comments: Vec<Span>,
}

/// Cuts a text into parts, in order, that cover it.
pub(super) fn split(source: SourceId, text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let piece = |range| Piece { source, text, range };
        if text.len() - at <= 2 * PART {
            parts.push(Part::Documents(piece(at..text.len())));
            break;
        }
        let end = separator_after(text, at + PART).unwrap_or(text.len());
        if end - at <= 2 * PART {
            parts.push(Part::Documents(piece(at..end)));
        } else {
            // A long document: cut off the short ones before it.
            let start = last_separator(text, at, at + PART).unwrap_or(at);
            if start > at {
                parts.push(Part::Documents(piece(at..start)));
            }
            long(&piece(start..end), &mut parts);
        }
        at = end;
    }
    parts
}

/// Cuts one long document, or JSON objects that follow each other.
fn long<'t>(piece: &Piece<'t>, parts: &mut Vec<Part<'t>>) {
    let start = content_start(piece.text, piece.range.start);
    if piece.text.get(start..).is_some_and(|rest| rest.starts_with(['{', '['])) {
        json_list::split(&piece.at(start..piece.range.end), parts);
    } else {
        parts.push(match yaml_list::split(piece) {
            Some(list) => Part::List(list),
            None => undivided(piece.clone()),
        });
    }
}

/// A piece that has to be read at once.
pub(super) fn undivided(piece: Piece<'_>) -> Part<'_> {
    if piece.len() <= MAX_DOCUMENT { Part::Documents(piece) } else { Part::TooLong(piece) }
}

/// The last separator line that starts in `from + 1..to`.
fn last_separator(text: &str, from: usize, to: usize) -> Option<usize> {
    let range = text.as_bytes().get(from..to)?;
    let mut end = range.len();
    while let Some(found) = memchr::memmem::rfind(range.get(..end)?, b"\n---") {
        let start = from + found + 1;
        if text.get(start..).and_then(|rest| rest.lines().next()).is_some_and(is_separator) {
            return Some(start);
        }
        end = found;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts in a few letters: `d` for documents, `t` for what is too long, and a list as the number of its
    /// runs. Together they must cover the text.
    fn shape(text: &str) -> String {
        let parts = split(SourceId(0), text);
        let covered: usize = parts.iter().map(Part::len).sum();
        assert_eq!(covered, text.len());
        let letters = parts.iter().map(|part| match part {
            Part::Documents(_) => "d".to_owned(),
            Part::TooLong(_) => "t".to_owned(),
            Part::List(list) => format!("[{}]", list.items.len()),
        });
        letters.collect()
    }

    #[test]
    fn long_texts_are_cut() {
        let value = "v".repeat(1000);
        let document = format!("---\nkind: Pod\nx: {value}\n");
        let item = format!("- kind: Pod\n  x: {value}\n");
        let json = format!("{{\"kind\": \"Pod\", \"x\": \"{value}\"}}");
        let pretty = format!("        {{\n            \"x\": \"{value}\"\n        }}");
        assert_eq!(shape(""), "");
        assert_eq!(shape(&document), "d");
        assert_eq!(shape(&document.repeat(5000)), "dddd");
        let list = format!("kind: List\nitems:\n{}", item.repeat(5000));
        assert_eq!(shape(&list), "[5]");
        assert_eq!(shape(&format!("{}{list}---\n{document}", document.repeat(10))), "d[5]d");
        assert_eq!(shape(&list.replace("kind: List", "kind: ConfigMap")), "d");
        assert_eq!(shape(&list.replace("kind: List", "kind: ConfigMap").repeat(7)), "t");
        let pretty = vec![pretty; 5000].join(",\n");
        let pretty = format!("{{\n    \"items\": [\n{pretty}\n    ],\n    \"kind\": \"List\"\n}}\n");
        assert_eq!(shape(&pretty), "[5]");
        let one_line =
            format!("{{\"kind\": \"List\", \"items\": [{}]}}", vec![json.as_str(); 5000].join(", "));
        assert_eq!(shape(&one_line), "[5]");
        assert_eq!(shape(&vec![json.as_str(); 5000].join("\n")), "ddddd");
        assert_eq!(shape(&vec![json.as_str(); 5000].join("\n---\n")), "dddd");
        assert_eq!(shape(&format!("[{}]", vec![json.as_str(); 5000].join(","))), "d");
        // Not JSON after all.
        assert_eq!(shape(&format!("{{kind: List, {}", &one_line["{\"kind\": \"List\", ".len()..])), "d");
    }
}
