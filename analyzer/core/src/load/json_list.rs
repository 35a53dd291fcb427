//! Cuts long JSON, such as `kubectl get pods -A -o json` prints, between the items of a list.
//!
//! No JSON string contains a line break, so in indented JSON the lines alone tell where an item ends. Pieces that
//! parse as items with commas between them are the items, whatever the text looked like; whoever reads them goes
//! back to the whole list when any of them does not. JSON on one line is scanned by `serde_json`.

use npv_models::yaml::{Items, Node, Value, read};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::list::Inherited;
use super::split::{List, PART, Part, Piece, undivided};

/// Cuts JSON objects that follow each other; those that are long lists, between their items.
pub(super) fn split<'t>(piece: &Piece<'t>, parts: &mut Vec<Part<'t>>) {
    if let Some(list) = indented(piece) {
        parts.push(Part::List(list));
        return;
    }
    let text = piece.text();
    let before = parts.len();
    let mut start = piece.range.start;
    let mut end = start;
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    while let Some(value) = values.next() {
        let next = piece.range.start + values.byte_offset();
        if value.is_err() {
            // Not JSON, or not all of it: to be read as a whole, which says what is wrong.
            parts.truncate(before);
            parts.push(undivided(piece.clone()));
            return;
        }
        if next - end > 2 * PART {
            if end > start {
                parts.push(Part::Documents(piece.at(start..end)));
            }
            let long = piece.at(end..next);
            parts.push(scanned(&long).map_or_else(|| undivided(long), Part::List));
            start = next;
        } else if next - start > PART {
            parts.push(Part::Documents(piece.at(start..next)));
            start = next;
        }
        end = next;
    }
    if piece.range.end > start {
        parts.push(Part::Documents(piece.at(start..piece.range.end)));
    }
}

/// A list in kubectl's style: every item on lines of its own, indented more than `"items": [`.
fn indented<'t>(piece: &Piece<'t>) -> Option<List<'t>> {
    let text = piece.text();
    let bytes = text.as_bytes();
    let find = |from: usize, pattern: &str| {
        memchr::memmem::find(bytes.get(from..)?, pattern.as_bytes()).map(|at| from + at)
    };
    let indent_at =
        |at: usize| bytes.get(at..).unwrap_or_default().iter().take_while(|&&byte| byte == b' ').count();

    let outer = " ".repeat(indent_at(find(0, "\n")? + 1));
    let key = format!("\n{outer}\"items\": [\n");
    let first = find(0, &key)? + key.len();
    let inner = " ".repeat(indent_at(first));
    let close = find(first - 1, &format!("\n{outer}]"))?;

    let end_of_item = memchr::memmem::Finder::new(&format!("\n{inner}}},")).into_owned();
    let mut runs = Vec::new();
    let mut run = first;
    while let Some(at) = bytes.get(run + PART..close).and_then(|rest| end_of_item.find(rest)) {
        let end = run + PART + at + end_of_item.needle().len() - 1;
        runs.push(run..end);
        run = end + 1;
    }
    runs.push(run..close);
    list(piece, first, close, runs)
}

/// A list that is found by scanning the whole value.
fn scanned<'t>(piece: &Piece<'t>) -> Option<List<'t>> {
    #[derive(Deserialize)]
    struct RawList<'a> {
        #[serde(borrow)]
        items: Vec<&'a RawValue>,
    }
    let text = piece.text();
    let raw: RawList<'_> = serde_json::from_str(text).ok()?;
    // A raw value is a slice of the text.
    let offset = |item: &RawValue| (item.get().as_ptr() as usize).checked_sub(text.as_ptr() as usize);
    let first = offset(raw.items.first()?)?;
    let mut runs = Vec::new();
    let mut run = first;
    let mut end = first;
    for item in raw.items {
        let start = offset(item)?;
        if end - run > PART {
            runs.push(run..end);
            run = start;
        }
        end = start + item.get().len();
    }
    runs.push(run..end);
    let close = end + text.get(end..)?.find(']')?;
    list(piece, first, close, runs)
}

/// The list of which the items stand in `first..close`, in runs with a comma between two of them.
fn list<'t>(
    piece: &Piece<'t>,
    first: usize,
    close: usize,
    runs: Vec<std::ops::Range<usize>>,
) -> Option<List<'t>> {
    let text = piece.text();
    let base = piece.range.start;
    // The list without its items must be a list.
    let (head, tail) = (text.get(..first)?, text.get(close..)?);
    let documents = read(piece.source, &format!("{head}{tail}"), piece.offset());
    let mut roots = documents.roots;
    let (Some(mut root), None, []) = (roots.pop(), roots.pop(), documents.problems.as_slice()) else {
        return None;
    };
    let lists = root.entries().iter().filter(|entry| &*entry.key == "items").count();
    let empty =
        root.get("items").is_some_and(|items| matches!(&items.value, Value::Seq(items) if items.is_empty()));
    if lists != 1 || !empty {
        return None;
    }
    let removed = u32::try_from(close - first).ok()?;
    let seam = u32::try_from(base + first).ok()?;
    restore(&mut root, seam, removed);
    Some(List {
        whole: piece.clone(),
        inherited: Inherited::of(&root)?,
        items: runs.into_iter().map(|run| piece.at(base + run.start..base + run.end)).collect(),
        syntax: Items::Json,
        comments: Vec::new(),
    })
}

/// Moves the spans of the values that stand behind the items to where they were before those were cut out.
fn restore(root: &mut Node, seam: u32, removed: u32) {
    let Value::Map(entries) = &mut root.value else {
        return;
    };
    for span in entries.iter_mut().map(|entry| &mut entry.value.span).filter(|span| span.start >= seam) {
        span.start += removed;
        span.end += removed;
    }
}
