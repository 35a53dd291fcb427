//! Cuts a long YAML list, such as `kubectl get pods -A -o yaml` prints, between its items.
//!
//! The cut goes by the indentation of lines alone, and proves itself: a line that starts with the dash of an item
//! can only be part of something else when a quote or a bracket is open, and then the piece before it does not
//! parse. Whoever reads the pieces goes back to the whole list when any of them does not.

use npv_models::yaml::{Items, Node, Value, read};

use super::list::Inherited;
use super::split::{List, PART, Piece};

/// Cuts a document that is a list with its keys at the start of the line. `None` where it is something else.
pub(super) fn split<'t>(piece: &Piece<'t>) -> Option<List<'t>> {
    let text = piece.text();
    let (head, indent) = items_start(text)?;
    let (runs, tail) = runs(text, head, indent);
    let base = piece.range.start;
    let mut comments = Vec::new();
    let mut read_part = |range: std::ops::Range<usize>| {
        let part = piece.at(base + range.start..base + range.end);
        let documents = read(part.source, part.text(), part.offset());
        comments.extend(documents.comments);
        documents.problems.is_empty().then_some(documents.roots)
    };
    let mut roots = read_part(0..head)?;
    let [root] = roots.as_mut_slice() else {
        return None;
    };
    // The head ends behind `items:`, the tail must not have them once more.
    if !root.get("items").is_some_and(Node::is_null) {
        return None;
    }
    let mut rest = read_part(tail..text.len())?;
    if rest.len() > 1 {
        return None;
    }
    if let Some(rest) = rest.pop() {
        let (Value::Map(entries), Value::Map(more)) = (&mut root.value, rest.value) else {
            return None;
        };
        if more.iter().any(|entry| &*entry.key == "items") {
            return None;
        }
        entries.extend(more);
    }
    Some(List {
        whole: piece.clone(),
        inherited: Inherited::of(root)?,
        items: runs.into_iter().map(|run| piece.at(base + run.start..base + run.end)).collect(),
        syntax: Items::Yaml,
        comments,
    })
}

/// The offset of the line behind `items:`, and the indentation of the first item.
fn items_start(text: &str) -> Option<(usize, usize)> {
    let line_end = |at: usize| memchr::memchr(b'\n', text.as_bytes().get(at..)?).map(|length| at + length);
    let key = memchr::memmem::find(text.as_bytes(), b"\nitems:")? + 1;
    let end = line_end(key)?;
    if !is_blank(text.get(key + "items:".len()..end)?) {
        return None;
    }
    let head = end + 1;
    let mut at = head;
    loop {
        let end = line_end(at)?;
        let line = text.get(at..end)?;
        let content = line.trim_start_matches(' ');
        if is_item(content.as_bytes()) {
            return Some((head, line.len() - content.len()));
        }
        if !is_blank(content) {
            return None;
        }
        at = end + 1;
    }
}

/// Whether there is nothing but blanks and a comment.
fn is_blank(text: &str) -> bool {
    let text = text.trim_start();
    text.is_empty() || text.starts_with('#')
}

fn is_item(content: &[u8]) -> bool {
    matches!(content, [b'-', b' ' | b'\t' | b'\r' | b'\n', ..] | [b'-'])
}

/// Runs of whole items from `start` on, and where the line behind the last one starts.
fn runs(text: &str, start: usize, indent: usize) -> (Vec<std::ops::Range<usize>>, usize) {
    let bytes = text.as_bytes();
    let mut runs = Vec::new();
    let mut run = start;
    let mut end = text.len();
    for line in memchr::memchr_iter(b'\n', bytes.get(start..).unwrap_or_default()).map(|at| start + at + 1) {
        let rest = bytes.get(line..).unwrap_or_default();
        let spaces = rest.iter().take(indent).take_while(|&&byte| byte == b' ').count();
        let content = rest.get(spaces..).unwrap_or_default();
        match content.first() {
            Some(b' ' | b'\t' | b'\n' | b'\r' | b'#') => {}
            Some(_) if spaces == indent && is_item(content) => {
                if line - run > PART {
                    runs.push(run..line);
                    run = line;
                }
            }
            _ => {
                end = line;
                break;
            }
        }
    }
    runs.push(run..end);
    (runs, end)
}
