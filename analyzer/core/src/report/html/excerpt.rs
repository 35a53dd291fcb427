//! Lines of the manifests, each excerpt once.

use npv_models::diagnostic::{Finding, Role};
use npv_models::source::{SourceId, SourceMap, Span};
use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::report::visible::visible_source;

/// How many lines of a long entry are shown.
const MOST_LINES: u32 = 14;
/// Longer lines are cut: JSON can be one line of a gigabyte.
const LONGEST_LINE: usize = 160;
/// Lines around what a finding speaks of.
const AROUND: u32 = 2;
/// Places of one finding that are shown.
const MOST_PLACES: usize = 6;

/// Some lines of a manifest.
#[derive(Serialize)]
pub(in crate::report) struct Excerpt<'a> {
    file: &'a str,
    /// The number of the first line.
    line: u32,
    text: String,
    /// The first and the last line of what it is about.
    marked: (u32, u32),
    /// There is more of what it is about.
    cut: bool,
}

impl Excerpt<'_> {
    /// The file and the number of the line that it is about.
    pub(super) fn place(&self) -> (&str, u32) {
        (self.file, self.marked.0)
    }

    /// Its lines.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// Excerpts by number.
pub(super) struct Excerpts<'a> {
    sources: &'a SourceMap,
    numbers: FxHashMap<(SourceId, u32, u32, u32), u32>,
    all: Vec<Excerpt<'a>>,
}

impl<'a> Excerpts<'a> {
    pub(super) fn new(sources: &'a SourceMap) -> Self {
        Self { sources, numbers: FxHashMap::default(), all: Vec::new() }
    }

    /// All excerpts.
    pub(super) fn finish(self) -> Vec<Excerpt<'a>> {
        self.all
    }

    /// The texts.
    pub(super) fn sources(&self) -> &'a SourceMap {
        self.sources
    }

    /// The lines that a span is in; `None` where it is of no source.
    pub(super) fn of(&mut self, span: Span, around: u32) -> Option<u32> {
        let source = self.sources.get(span.source)?;
        let first = source.position(span.start).line;
        // A block ends at the start of the line after it.
        let end = source.position(span.end.max(span.start + 1) - 1).line;
        let last = end.min(first + MOST_LINES - 1);
        let key = (span.source, first, last, around);
        if let Some(number) = self.numbers.get(&key) {
            return Some(*number);
        }
        let from = first.saturating_sub(around).max(1);
        let mut lines: Vec<String> = Vec::new();
        for line in from..=last + around {
            // Nothing but what is there: a text may end before the lines around do.
            if line > last && source.line_start(line).is_none() {
                break;
            }
            let text = visible_source(source.line(line));
            let cut = text.char_indices().nth(LONGEST_LINE).and_then(|(end, _)| text.get(..end));
            lines.push(cut.map_or_else(|| text.clone().into_owned(), |cut| format!("{cut} ...")));
        }
        while lines.len() > (last - from + 1) as usize
            && lines.last().is_some_and(|line| line.trim().is_empty())
        {
            lines.pop();
        }
        let number = self.all.len() as u32;
        self.all.push(Excerpt {
            file: source.name(),
            line: from,
            text: lines.join("\n"),
            marked: (first, last),
            cut: last < end,
        });
        self.numbers.insert(key, number);
        Some(number)
    }

    /// The excerpts that show a finding, the primary one first.
    pub(super) fn of_finding(&mut self, finding: &Finding) -> Vec<u32> {
        let mut shown: Vec<u32> = Vec::new();
        for location in
            finding.locations.iter().filter(|location| location.role != Role::Hidden).take(MOST_PLACES)
        {
            if let Some(number) = self.of(location.span, AROUND)
                && !shown.contains(&number)
            {
                shown.push(number);
            }
        }
        shown
    }
}
