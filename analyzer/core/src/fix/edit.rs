//! From edits to texts.

use std::borrow::Cow;
use std::collections::BTreeMap;

use npv_models::diagnostic::Edit;
use npv_models::source::{SourceId, SourceMap, Span};

/// Whether two edits want the same place. Edits that touch count: which of them comes first would matter.
pub(super) fn collide(one: &Edit, other: &Edit) -> bool {
    one.span.source == other.span.source
        && one.span.start <= other.span.end
        && other.span.start <= one.span.end
}

/// The texts that the edits change, as they are afterwards; `None` where edits collide or are not within
/// their text.
pub(super) fn apply<'e>(
    sources: &SourceMap,
    edits: impl Iterator<Item = &'e Edit>,
) -> Option<BTreeMap<SourceId, String>> {
    let mut by_source: BTreeMap<SourceId, Vec<&Edit>> = BTreeMap::new();
    for edit in edits {
        by_source.entry(edit.span.source).or_default().push(edit);
    }
    let mut texts = BTreeMap::new();
    for (source, mut edits) in by_source {
        edits.sort_by_key(|edit| edit.span);
        if edits.windows(2).any(|pair| matches!(pair, [one, other] if collide(one, other))) {
            return None;
        }
        let text = sources.get(source)?.text();
        let crlf = has_crlf(text);
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for edit in edits {
            out.push_str(text.get(at..edit.span.start as usize)?);
            out.push_str(&line_breaks(&edit.replacement, crlf));
            at = edit.span.end as usize;
        }
        out.push_str(text.get(at..)?);
        texts.insert(source, out);
    }
    Some(texts)
}

/// Where edits have been applied: what they replaced, and how many bytes stand there now.
#[derive(Debug, Default)]
pub(super) struct Trail(Vec<(Span, usize)>);

impl Trail {
    /// Of edits that do not collide.
    pub(super) fn new<'e>(sources: &SourceMap, edits: impl Iterator<Item = &'e Edit>) -> Self {
        let length = |edit: &Edit| {
            let crlf = sources.get(edit.span.source).is_some_and(|source| has_crlf(source.text()));
            line_breaks(&edit.replacement, crlf).len()
        };
        let mut trail: Vec<(Span, usize)> = edits.map(|edit| (edit.span, length(edit))).collect();
        trail.sort_by_key(|(span, _)| *span);
        Self(trail)
    }

    /// Where in the text before the edits an offset of the text after them was; what is new was where it is put.
    pub(super) fn back(&self, source: SourceId, offset: u32) -> u32 {
        let offset = offset as usize;
        // How many bytes the edits so far have put in, and how many they have taken out.
        let (mut added, mut removed) = (0, 0);
        for (span, length) in self.0.iter().filter(|(span, _)| span.source == source) {
            let start = span.start as usize + added - removed;
            if offset < start {
                break;
            }
            if offset < start + length {
                return span.start;
            }
            added += length;
            removed += (span.end - span.start) as usize;
        }
        (offset + removed).saturating_sub(added) as u32
    }
}

fn has_crlf(text: &str) -> bool {
    text.split_once('\n').is_some_and(|(line, _)| line.ends_with('\r'))
}

/// The replacement with the line breaks of its file.
fn line_breaks(replacement: &str, crlf: bool) -> Cow<'_, str> {
    if crlf && replacement.contains('\n') {
        return replacement.replace("\r\n", "\n").replace('\n', "\r\n").into();
    }
    replacement.into()
}

#[cfg(test)]
mod tests {
    use npv_models::source::Origin;

    use super::*;

    fn edited(text: &str, edits: &[(u32, u32, &str)]) -> Option<String> {
        let mut sources = SourceMap::default();
        let id = sources.add("a.yaml", text, Origin::File).unwrap();
        let edits: Vec<Edit> = edits
            .iter()
            .map(|&(start, end, new)| Edit { span: Span::new(id, start, end), replacement: new.to_owned() })
            .collect();
        apply(&sources, edits.iter()).and_then(|mut texts| texts.remove(&id))
    }

    #[test]
    fn edits_apply_in_any_order_and_never_collide() {
        assert_eq!(edited("a: 1\nb: 2\n", &[(8, 9, "3"), (0, 1, "c")]).unwrap(), "c: 1\nb: 3\n");
        assert_eq!(edited("a: 1\n", &[(0, 2, "x"), (1, 3, "y")]), None);
        assert_eq!(edited("a: 1\n", &[(3, 3, "x"), (3, 4, "y")]), None);
        assert_eq!(edited("a", &[(0, 2, "x")]), None);
        assert_eq!(edited("\u{e4}", &[(1, 2, "x")]), None);
    }

    #[test]
    fn a_trail_leads_back() {
        let text = "a: 1\r\nb: 2\r\nc: 3\r\n";
        let mut sources = SourceMap::default();
        let id = sources.add("a.yaml", text, Origin::File).unwrap();
        let edit =
            |start, end, new: &str| Edit { span: Span::new(id, start, end), replacement: new.to_owned() };
        // Takes out the first line, and puts one in before the last.
        let edits = [edit(12, 12, "n: 1\n"), edit(0, 6, "")];
        let after = apply(&sources, edits.iter()).unwrap().remove(&id).unwrap();
        assert_eq!(after, "b: 2\r\nn: 1\r\nc: 3\r\n");
        let trail = Trail::new(&sources, edits.iter());
        let back = |of: &str| trail.back(id, after.find(of).unwrap() as u32);
        assert_eq!(
            [back("b:"), back("2"), back("n:"), back("1"), back("c:"), back("3")],
            [6, 9, 12, 12, 12, 15]
        );
        assert_eq!(trail.back(SourceId(7), 3), 3);
    }

    #[test]
    fn inserted_lines_end_as_the_others_do() {
        assert_eq!(edited("a:\r\n- b\r\n", &[(7, 7, "\n- c")]).unwrap(), "a:\r\n- b\r\n- c\r\n");
        assert_eq!(edited("a:\n- b\n", &[(6, 6, "\n- c")]).unwrap(), "a:\n- b\n- c\n");
    }
}
