//! Lines of the manifests with marks under them, as rustc shows source code.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Element, Origin, Renderer, Snippet};
use anstyle::Style;
use npv_models::source::{Source, SourceMap, Span};

use crate::report::visible::{visible, visible_source};
use crate::report::{Ink, Look, Page};

/// How many lines after the first one of a long entry are shown.
const LINES_SHOWN: u32 = 6;
/// Marks that are no further apart than this share an excerpt.
const LINES_BETWEEN: u32 = 6;
/// Lines longer than this are cut around the mark: JSON can be one line of a gigabyte.
const LONGEST_LINE: usize = 200;

/// A place to show.
pub(super) struct Mark<'a> {
    pub(super) span: Span,
    pub(super) primary: bool,
    pub(super) label: Cow<'a, str>,
}

/// The renderer for a page.
pub(super) fn renderer(look: Look) -> Renderer {
    let renderer = if look.color { Renderer::styled() } else { Renderer::plain() };
    // Nothing but a side of a flow that is allowed is of level `info`.
    let renderer = renderer.info(if look.color { Ink::Allowed.style().bold() } else { Style::new() });
    // Unicode box drawing belongs to terminals; in a file or a log it may be anything.
    renderer
        .decor_style(DecorStyle::Ascii)
        .term_width(super::columns(look).unwrap_or(annotate_snippets::renderer::DEFAULT_TERM_WIDTH))
}

/// Excerpts that show all marks, in the order of their first marks.
pub(super) fn elements<'a>(marks: &[Mark<'a>], sources: &'a SourceMap) -> Vec<Element<'a>> {
    let mut groups: Vec<Vec<&Mark<'a>>> = Vec::new();
    for mark in marks {
        let near = groups.iter_mut().find(|group| group.iter().any(|other| adjoin(mark, other, sources)));
        match near {
            Some(group) => group.push(mark),
            None => groups.push(vec![mark]),
        }
    }
    let mut elements = Vec::new();
    for group in groups {
        let Some(first) = group.first() else { continue };
        let Some(source) = sources.get(first.span.source) else { continue };
        match excerpt(source, &group) {
            Some(Excerpt { snippet, cut: false }) => {
                elements.push(snippet.path(visible(source.name())).into());
            }
            // The renderer counts columns in what it is given, so that of a cut line is told to it.
            excerpt => {
                let at = source.position(first.span.start);
                let origin = Origin::path(visible(source.name()));
                elements.push(origin.line(at.line as usize).char_column(at.column as usize).into());
                elements.extend(excerpt.map(|excerpt| Element::from(excerpt.snippet)));
            }
        }
    }
    elements
}

/// Whether two marks belong into one excerpt.
fn adjoin(left: &Mark<'_>, right: &Mark<'_>, sources: &SourceMap) -> bool {
    let Some(source) = sources.get(left.span.source) else { return false };
    let line = |mark: &Mark<'_>| source.position(mark.span.start).line;
    left.span.source == right.span.source
        && line(left).abs_diff(line(right)) <= LINES_BETWEEN
        && source.line(line(left)).len().max(source.line(line(right)).len()) <= LONGEST_LINE
}

/// Lines with marks.
struct Excerpt<'a> {
    snippet: Snippet<'a, Annotation<'a>>,
    /// The first line does not start where it starts in the source.
    cut: bool,
}

fn excerpt<'a>(source: &'a Source, marks: &[&Mark<'a>]) -> Option<Excerpt<'a>> {
    let text = source.text();
    let mut first = u32::MAX;
    let mut last = 0;
    for mark in marks {
        let line = source.position(mark.span.start).line;
        let end = source.position(mark.span.end.max(mark.span.start + 1) - 1).line;
        first = first.min(line);
        last = last.max(end.min(line + LINES_SHOWN));
    }
    let start = source.line_start(first)? as usize;
    let mut from = start;
    let mut to = source.line_start(last)? as usize + source.line(last).len();
    if let [only] = marks
        && text.get(from..to).is_none_or(|lines| lines.lines().any(|line| line.len() > LONGEST_LINE))
    {
        // Cut at characters, not inside them.
        let at = only.span.start as usize;
        from = from.max(boundary(text, at.saturating_sub(LONGEST_LINE / 2)));
        to = to.min(boundary(text, at + LONGEST_LINE / 2));
    }
    let lines = text.get(from..to)?;
    if lines.trim().is_empty() {
        return None;
    }
    let shown = visible_source(lines);
    let annotations: Vec<_> = marks
        .iter()
        .map(|mark| {
            let kind = if mark.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let label = if mark.label.is_empty() { None } else { Some(visible(&mark.label).into_owned()) };
            kind.span(underlined(lines, from, mark.span)).label(label)
        })
        .collect();
    let snippet = Snippet::source(shown).line_start(first as usize).fold(false).annotations(annotations);
    Some(Excerpt { snippet, cut: from != start })
}

/// The last offset up to this one at which a character starts.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|offset| text.is_char_boundary(*offset)).unwrap_or(0)
}

/// The part of a span on its first line: a mark across many lines hides more than it shows.
fn underlined(lines: &str, from: usize, span: Span) -> Range<usize> {
    let start = (span.start as usize).saturating_sub(from).min(lines.len());
    let end = (span.end as usize).saturating_sub(from).min(lines.len()).max(start);
    let written = lines.get(start..end).unwrap_or_default();
    let line = written.lines().next().unwrap_or_default().trim_end();
    start..start + line.len()
}

/// Writes what a renderer made, with a line break at its end.
pub(super) fn write(page: &mut Page<'_>, rendered: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    // What is left of the place of an excerpt that was told its own.
    for line in rendered.trim_end_matches('\n').lines().filter(|line| !is_bare_place(line)) {
        writeln!(page, "{line}")?;
    }
    Ok(())
}

/// `:::` and nothing behind it, styles apart.
fn is_bare_place(line: &str) -> bool {
    let mut styled = false;
    let plain = line.chars().filter(|character| {
        styled |= *character == '\u{1b}';
        let seen = !styled;
        styled &= *character != 'm';
        seen && !character.is_whitespace()
    });
    plain.eq(":::".chars())
}
