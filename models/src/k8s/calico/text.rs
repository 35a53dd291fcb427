//! Texts from which Calico's fields are made: selectors, names, words out of a few.

use super::super::Spanned;
use super::super::read::{Path, Reader, closest, fault, listing, replace};
use super::super::syntax::Malformed;
use super::{Expression, spanned};
use crate::source::Span;
use crate::yaml::{Entry, Node};

/// Where `global()` may stand (C-41, C-90).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    /// Nowhere in the field.
    Refused,
    /// As all of the field.
    Alone,
    /// Nobody looks.
    Ignored,
}

/// The text of a field; `None` where it is left out or empty, which is the same.
pub(super) fn text<'n>(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    entry: Option<&'n Entry>,
) -> Option<Spanned<&'n str>> {
    let entry = entry?;
    let text = reader.text(path, &entry.value)?;
    (!text.is_empty()).then(|| spanned(text, entry))
}

/// Reads a selector (C-30); `None` where it is left out, empty, or wrong, which has been reported.
pub(super) fn selector(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    entry: Option<&Entry>,
    global: Global,
) -> Option<Spanned<Expression>> {
    let text = text(reader, path, entry)?;
    let expression = match Expression::parse(text.value) {
        Ok(expression) => expression,
        Err(error) => {
            let at = within(text.span, text.value, error.at.start, error.at.end);
            let finding = fault(reader.invalid(), path, at, error.message);
            let help = error
                .help
                .unwrap_or_else(|| "Calico reads selectors such as `app == 'web' && !has(canary)`".into());
            // The selector begins where its value does, which may be another line.
            reader.report(
                if at == text.span { finding } else { finding.related(text.span, "in this selector") }
                    .help(help),
            );
            return None;
        }
    };
    let wrong = match global {
        Global::Refused => text.value.find("global()"),
        Global::Alone if Expression::is_bare_global(text.value) => None,
        Global::Alone => text.value.find("global("),
        Global::Ignored => None,
    };
    if let Some(start) = wrong {
        let at = within(text.span, text.value, start, start + "global()".len());
        let (message, help) = match global {
            Global::Alone => (
                "`global()` stands alone or not at all",
                "write a rule for what is in no namespace, and another one for the rest",
            ),
            Global::Refused | Global::Ignored => (
                "`global()` has a meaning only as the `namespaceSelector` of a rule's source or destination",
                "leave it out: a policy that selects no namespace applies to host endpoints too",
            ),
        };
        reader.report(fault(reader.invalid(), path, at, message).help(help));
        return None;
    }
    Some(Spanned::new(expression, text.span))
}

/// Where a part of a value stands in the source; the whole value where its writing is not that of its text.
fn within(span: Span, text: &str, start: usize, end: usize) -> Span {
    let length = (span.end - span.start) as usize;
    let quotes = match length.checked_sub(text.len()) {
        Some(0) => 0,
        Some(2) => 1,
        _ => return span,
    };
    let at = |offset: usize| span.start + quotes + u32::try_from(offset).unwrap_or(0);
    // What is missing at the end is shown by the last character.
    if start == end && start > 0 {
        let last = text.get(..start).and_then(|text| text.char_indices().next_back());
        return Span::new(span.source, at(last.map_or(0, |(index, _)| index)), at(start));
    }
    Span::new(span.source, at(start), at(end))
}

/// One of a few words; `None` where it is another one, which has been reported.
pub(super) fn choice<T: Copy>(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    node: &Node,
    what: &str,
    choices: &[(&'static str, T)],
) -> Option<T> {
    let text = reader.text(path, node)?;
    if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == text) {
        return Some(*choice);
    }
    let names: Vec<&'static str> = choices.iter().map(|(name, _)| *name).collect();
    let message = format!("`{}` is none of the {what} {}", super::super::read::clip(text), listing(&names));
    let finding = fault(reader.invalid(), path, node.span, message);
    reader.report(match closest(text, &names) {
        Some(name) => finding.help(format!("did you mean `{name}`?")).fix(replace(
            node.span,
            text,
            name,
            format!("write `{name}`"),
        )),
        None => finding,
    });
    None
}

/// A text that must be well-formed, whole. Reports what is wrong and keeps the text.
pub(super) fn checked<'n>(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    entry: Option<&'n Entry>,
    check: fn(&str) -> Result<(), Malformed>,
) -> Option<Spanned<&'n str>> {
    let text = text(reader, path, entry)?;
    if let Err(wrong) = check(text.value) {
        reader.malformed(path, text.span, text.value, wrong);
    }
    Some(text)
}

/// Whether a mapping says yes; `None` where it is left out.
pub(super) fn flag(reader: &mut Reader<'_>, path: &Path<'_>, entry: Option<&Entry>) -> Option<Spanned<bool>> {
    let entry = entry?;
    Some(spanned(reader.flag(path, Some(entry)), entry))
}
