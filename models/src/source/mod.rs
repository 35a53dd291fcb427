//! Input texts, byte spans into them, and the line and column of an offset.

mod encoding;

use std::sync::OnceLock;

use serde::Serialize;

pub use encoding::{Decoded, decode, encode_like};

/// Identifies a [`Source`] in its [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SourceId(pub u32);

/// A half-open range of bytes, `start..end`, in one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// The text that the offsets index.
    pub source: SourceId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset one past the last byte.
    pub end: u32,
}

impl Span {
    /// The span of `start..end` in `source`.
    pub fn new(source: SourceId, start: u32, end: u32) -> Self {
        Self { source, start, end: end.max(start) }
    }

    /// The smallest span that covers both; `self` where they are in different sources.
    pub fn to(self, other: Self) -> Self {
        if self.source != other.source {
            return self;
        }
        Self { source: self.source, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A place as people and editors name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Position {
    /// Line, counted from 1.
    pub line: u32,
    /// Column in Unicode code points, counted from 1.
    pub column: u32,
}

/// Where a text came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file on disk; the source's name is its path.
    File,
    /// Standard input.
    Stdin,
    /// The output of a renderer (`kubectl kustomize`, `helm template`); positions refer to that output.
    Rendered {
        /// The command line that printed it.
        command: String,
    },
}

/// One input text. Always valid UTF-8: other encodings are converted before they get here, and
/// positions refer to the converted text.
#[derive(Debug)]
pub struct Source {
    name: String,
    text: String,
    origin: Origin,
    line_starts: OnceLock<Vec<u32>>,
}

impl Source {
    /// The name to print: a path with forward slashes, `<stdin>`, or the rendered directory's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the text came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            std::iter::once(0)
                .chain(memchr::memchr_iter(b'\n', self.text.as_bytes()).map(|at| at as u32 + 1))
                .collect()
        })
    }

    /// Line and column of a byte offset. Offsets past the end name the end; an offset inside a
    /// character names that character.
    pub fn position(&self, offset: u32) -> Position {
        let starts = self.line_starts();
        let offset = (offset as usize).min(self.text.len());
        let index = starts.partition_point(|&start| start as usize <= offset).saturating_sub(1);
        let start = starts.get(index).copied().unwrap_or(0) as usize;
        let before = self.text.as_bytes().get(start..offset).unwrap_or_default();
        // Continuation bytes do not start a character; a BOM is no column of its own.
        let mut column = before.iter().filter(|&&byte| byte & 0xC0 != 0x80).count() as u32 + 1;
        if before.starts_with("\u{feff}".as_bytes()) {
            column -= 1;
        }
        Position { line: index as u32 + 1, column }
    }

    /// The text of a line, counted from 1, without its line break; empty past the end.
    pub fn line(&self, line: u32) -> &str {
        let starts = self.line_starts();
        let Some(&start) = (line as usize).checked_sub(1).and_then(|index| starts.get(index)) else {
            return "";
        };
        let end = starts.get(line as usize).map_or(self.text.len(), |&next| next as usize);
        self.text.get(start as usize..end).unwrap_or_default().trim_end_matches(['\n', '\r'])
    }

    /// Byte offset at which a line, counted from 1, starts.
    pub fn line_start(&self, line: u32) -> Option<u32> {
        self.line_starts().get((line as usize).checked_sub(1)?).copied()
    }
}

/// All input texts of one run. Sources are only ever added, so a [`SourceId`] stays valid.
#[derive(Debug, Default)]
pub struct SourceMap {
    sources: Vec<Source>,
}

impl SourceMap {
    /// Adds a text and returns its id.
    ///
    /// # Errors
    /// Returns the text's length when it is 4 GiB or more: spans are 32 bits wide.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        text: impl Into<String>,
        origin: Origin,
    ) -> Result<SourceId, usize> {
        let text = text.into();
        if u32::try_from(text.len()).is_err() {
            return Err(text.len());
        }
        let id = SourceId(self.sources.len() as u32);
        self.sources.push(Source { name: name.into(), text, origin, line_starts: OnceLock::new() });
        Ok(id)
    }

    /// The source with this id, if it is of this map.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.sources.get(id.0 as usize)
    }

    /// All sources, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.sources.iter().enumerate().map(|(index, source)| (SourceId(index as u32), source))
    }

    /// The text that a span covers; empty when the span is not of this map.
    pub fn slice(&self, span: Span) -> &str {
        self.get(span.source)
            .and_then(|source| source.text().get(span.start as usize..span.end as usize))
            .unwrap_or_default()
    }

    /// A span as file, start and end position.
    pub fn locate(&self, span: Span) -> Option<Located<'_>> {
        let source = self.get(span.source)?;
        Some(Located {
            file: source.name(),
            start: source.position(span.start),
            end: source.position(span.end),
        })
    }

    /// Number of sources.
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// Whether there is no source at all.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }
}

/// A span in terms of file, line and column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located<'a> {
    /// Name of the source.
    pub file: &'a str,
    /// Position of the first character.
    pub start: Position,
    /// Position one past the last character.
    pub end: Position,
}

impl std::fmt::Display for Located<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.start.line, self.start.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_code_points_and_lines_end_at_newlines() {
        let mut map = SourceMap::default();
        let id = map.add("a.yaml", "\u{feff}a: ü€x\r\nb: 1", Origin::File).unwrap();
        let source = map.get(id).unwrap();
        let at = |needle: &str| source.position(source.text().find(needle).unwrap() as u32);
        assert_eq!(at("a:"), Position { line: 1, column: 1 });
        assert_eq!(at("x"), Position { line: 1, column: 6 });
        assert_eq!(at("b"), Position { line: 2, column: 1 });
        assert_eq!(source.position(9999), Position { line: 2, column: 5 });
        assert_eq!(source.line(1), "\u{feff}a: ü€x");
        assert_eq!(source.line(2), "b: 1");
        assert_eq!(source.line(3), "");
    }
}
