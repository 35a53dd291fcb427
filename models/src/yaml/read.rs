//! From text to trees: JSON through the fast path, everything else through the YAML parser.

use std::ops::Range;

use granit_parser::{ErrorKind, Event, Options, Parser, ScanError, StrInput};

use super::build::{Builder, Refusal};
use super::separator::{content_start, is_separator, separator_after};
use super::{MAX_DEPTH, Node, TOO_LARGE, dedent, json};
use crate::diagnostic::{Finding, Severity, clip};
use crate::source::{SourceId, Span};

/// What a text, or a chunk of one, contains.
#[derive(Debug, Default)]
pub struct Documents {
    /// The root of every document that could be read and is not empty, in the order of the text.
    pub roots: Vec<Node>,
    /// See [`Remarks::problems`].
    pub problems: Vec<Finding>,
    /// See [`Remarks::comments`].
    pub comments: Vec<Span>,
}

/// What there is to say about a text beside its documents.
#[derive(Debug, Default)]
pub struct Remarks {
    /// What could not be read: findings of the rule `unreadable-document`, each incomplete.
    pub problems: Vec<Finding>,
    /// The comments that speak to npv: every `#` comment of a YAML document with `npv:` in it, from the `#` to
    /// the end of its line. Looked for only where `npv:` occurs in the text at all, so that others cost nothing.
    pub comments: Vec<Span>,
}

/// Problems of one text beyond this number are counted, not listed.
const MAX_PROBLEMS: usize = 1000;

/// Reads the documents of a text: YAML, JSON, or one after the other.
///
/// `text` stands at byte `offset` of `source`; spans are in terms of the source. A document that cannot be read
/// becomes a problem and the others are still read. Time is linear in the text, memory too: nesting is limited
/// to [`MAX_DEPTH`] levels, and what aliases may add to a document and to a text is limited (`docs/input.md`).
///
/// A text whose first character is `{` or `[` is read as JSON, and as YAML where it turns out not to be JSON.
pub fn read(source: SourceId, text: &str, offset: u32) -> Documents {
    let mut roots = Vec::new();
    let Remarks { problems, comments } = read_each(source, text, offset, |root| roots.push(root));
    Documents { roots, problems, comments }
}

/// Reads like [`read`], and hands over each root as soon as it is complete: only one tree need be in memory.
pub fn read_each(source: SourceId, text: &str, offset: u32, mut each: impl FnMut(Node)) -> Remarks {
    let mut reader = Reader::new(source, offset, &mut each);
    reader.read(text);
    reader.finish()
}

/// How the items of a list are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Items {
    /// As a block sequence of YAML.
    Yaml,
    /// As JSON values with a comma between two of them: a part of an array.
    Json,
}

/// Reads a run of items of a list, and hands over each as soon as it is complete. `text` and `offset` are as in
/// [`read_each`].
///
/// Text that is no run of items is a problem. Items before it may have been handed over by then.
pub fn read_items(
    source: SourceId,
    text: &str,
    offset: u32,
    syntax: Items,
    mut each: impl FnMut(Node),
) -> Remarks {
    match syntax {
        Items::Json => {
            let read = json::read(source, text, 0, offset, json::Between::Commas, &mut each);
            let mut reader = Reader::new(source, offset, &mut each);
            if let Err(error) = read {
                let problem = reader.json_error(text, &error);
                reader.problem(problem);
            }
            reader.finish()
        }
        Items::Yaml => {
            let mut stray = None;
            let mut whole = |root: Node| stray = Some(root.span);
            let mut reader = Reader::new(source, offset, &mut whole);
            reader.each_item = Some(&mut each);
            reader.read_yaml(text, 0, text.len());
            let mut remarks = reader.finish();
            if let Some(span) = stray {
                let problem = Reader::unreadable(span, "this is not an item of the list around it");
                remarks.problems.push(problem.help("correct the indentation"));
            }
            remarks
        }
    }
}

struct Reader<'e> {
    source: SourceId,
    offset: u32,
    each: &'e mut dyn FnMut(Node),
    /// Takes the items of sequences at the root, one by one, instead of the sequences.
    each_item: Option<&'e mut dyn FnMut(Node)>,
    remarks: Remarks,
    unlisted: usize,
    /// Which lines have been joined to read it.
    joined: Option<&'e dedent::Joined<'e>>,
}

impl<'e> Reader<'e> {
    fn new(source: SourceId, offset: u32, each: &'e mut dyn FnMut(Node)) -> Self {
        Self { source, offset, each, each_item: None, remarks: Remarks::default(), unlisted: 0, joined: None }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let at = |offset: usize| self.offset.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX));
        Span::new(self.source, at(start), at(end))
    }

    /// The span of the character at `at`; empty at the end.
    fn char_span(&self, text: &str, at: usize) -> Span {
        let width = text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        self.span(at, at + width)
    }

    fn read(&mut self, text: &str) {
        let mut at = 0;
        loop {
            let start = content_start(text, at);
            if !text.get(start..).is_some_and(|rest| rest.starts_with(['{', '['])) {
                return self.read_yaml(text, at, text.len());
            }
            let end = separator_after(text, start);
            self.read_json(text, start, end.unwrap_or(text.len()));
            match end {
                Some(end) => at = end,
                None => return,
            }
        }
    }

    fn read_json(&mut self, text: &str, start: usize, end: usize) {
        let json = text.get(..end).unwrap_or(text);
        let mut count = 0_usize;
        let read = json::read(self.source, json, start, self.offset, json::Between::Blanks, &mut |value| {
            count += 1;
            (self.each)(value);
        });
        let Err(error) = read else {
            return;
        };
        // Flow YAML looks like JSON at first. The reader that gets further knows what the text is.
        if count == 0 && error.message != TOO_LARGE {
            let mut roots = Vec::new();
            let mut push = |root| roots.push(root);
            let mut yaml = Reader::new(self.source, self.offset, &mut push);
            yaml.read_yaml(text, start, end);
            let remarks = yaml.finish();
            let failed = remarks.problems.first().and_then(Finding::span).map(|span| span.start);
            if failed.is_none_or(|failed| failed > self.span(error.at, error.at).start) {
                roots.into_iter().for_each(&mut self.each);
                self.remarks.comments.extend(remarks.comments);
                remarks.problems.into_iter().for_each(|problem| self.problem(problem));
                return;
            }
        }
        self.problem(self.json_error(text, &error));
    }

    fn json_error(&self, text: &str, error: &json::JsonError) -> Finding {
        if error.message == TOO_LARGE {
            let span = self.char_span(text, error.at);
            return Self::unreadable(span, TOO_LARGE).help("split it into several documents");
        }
        if let Some(template) = self.template(text, error.at) {
            return template;
        }
        let span = self.char_span(text, error.at);
        Self::unreadable(span, format!("this is not valid JSON: {}", error.message)).help(CHECK_HELP)
    }

    /// YAML in pieces: kubectl takes a byte order mark after a separator for the start of a stream, the parser
    /// only at the start of a text.
    fn read_yaml(&mut self, text: &str, start: usize, end: usize) {
        let text = text.get(..end).unwrap_or(text);
        let mut start = start;
        while let Some(at) = next_mark(text, start) {
            self.read_stream(text, start, at);
            start = at;
        }
        self.read_stream(text, start, end);
    }

    fn read_stream(&mut self, whole: &str, start: usize, end: usize) {
        let text = whole.get(start..end).unwrap_or_default();
        let base = self.span(start, start).start;
        let wants_comments = memchr::memmem::find(text.as_bytes(), b"npv:").is_some();
        let mut builder = Builder::new(self.source, base, text, self.each_item.is_some(), self.joined);
        let mut parser = parser(text, wants_comments || builder.wants_comments());
        let mut first = true;
        while let Some(event) = parser.next_event() {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => {
                    self.refused(builder.take_refusals(), whole);
                    builder.abandon();
                    if !self.read_dedented(&error, start, text) {
                        self.syntax_error(&error, whole, start, text);
                    }
                    if !matches!(parser.proceed_next_document(), Ok(true)) {
                        return;
                    }
                    first = false;
                    continue;
                }
            };
            let range = span.byte_range().unwrap_or(0..0);
            match event {
                Event::DocumentStart(explicit, _) => {
                    if !explicit && !first {
                        self.dropped_document(start + range.start);
                        if !matches!(parser.proceed_next_document(), Ok(true)) {
                            return;
                        }
                    }
                    first = false;
                }
                Event::DocumentEnd => {
                    let refused = builder.take_refusals();
                    let root = builder.finish();
                    if refused.is_empty() {
                        root.filter(|root| !root.is_null()).into_iter().for_each(&mut self.each);
                    }
                    self.refused(refused, whole);
                }
                Event::Comment(comment, _) => {
                    builder.check_breaks(range.clone());
                    if comment.contains("npv:") {
                        let span = self.span(start + range.start, start + range.end);
                        self.remarks.comments.push(span);
                    }
                }
                event => {
                    builder.event(event, range);
                    if let Some(each) = &mut self.each_item {
                        builder.take_item().into_iter().for_each(each);
                    }
                    // Deep or huge documents are not followed to their end.
                    if builder.is_fatal() {
                        self.refused(builder.take_refusals(), whole);
                        builder.abandon();
                        if !matches!(parser.proceed_next_document(), Ok(true)) {
                            return;
                        }
                    }
                }
            }
        }
        self.refused(builder.take_refusals(), whole);
    }

    /// Reads a document with quoted values whose further lines are not indented more than their key, which kubectl
    /// accepts and the grammar does not. Whether it is one.
    fn read_dedented(&mut self, error: &ScanError, start: usize, text: &str) -> bool {
        if !matches!(error.kind(), ErrorKind::InvalidQuotedScalarIndent) {
            return false;
        }
        let Some(at) = error.marker().byte_offset() else { return false };
        let from = dedent::document_start(text, at);
        let to = separator_after(text, at).unwrap_or(text.len());
        let Some(document) = text.get(from..to) else { return false };
        let mend = |document: &str| match first_error(document) {
            Some(error) if matches!(error.kind(), ErrorKind::InvalidQuotedScalarIndent) => {
                error.marker().byte_offset()
            }
            _ => None,
        };
        let Some((mended, joined)) = dedent::join_lines(document, mend) else { return false };
        // Its spans are in terms of the whole text, of which it is a piece of the same length.
        let offset = self.span(start + from, start + from).start;
        let mut reader = Reader::new(self.source, offset, &mut *self.each);
        reader.each_item = self.each_item.as_deref_mut().map(|each| each as &mut dyn FnMut(Node));
        reader.joined = Some(&joined);
        reader.read_stream(&mended, 0, mended.len());
        let remarks = reader.finish();
        self.remarks.comments.extend(remarks.comments);
        remarks.problems.into_iter().for_each(|problem| self.problem(problem));
        true
    }

    fn unreadable(span: Span, message: impl Into<String>) -> Finding {
        let message = message.into();
        Finding::new("unreadable-document", Severity::Error, span, message.clone()).key(message).incomplete()
    }

    fn problem(&mut self, finding: Finding) {
        // However often a template is no YAML, it is one template.
        let again = |last: &Finding| last.key == TEMPLATE && last.span() == finding.span();
        if self.remarks.problems.last().is_some_and(again) {
            return;
        }
        if self.remarks.problems.len() < MAX_PROBLEMS {
            self.remarks.problems.push(finding);
        } else {
            self.unlisted += 1;
        }
    }

    /// What keeps the document around `at` from being YAML where it is a template: one finding, at its first action.
    fn template(&self, text: &str, at: usize) -> Option<Finding> {
        let action = action(text, at).or_else(|| marked(text, at))?;
        let written = clip(text.get(action.clone()).unwrap_or_default());
        let message = format!("this is a template: `{written}` must be filled in before it is a manifest");
        let span = self.span(action.start, action.end);
        Some(Self::unreadable(span, message).key(TEMPLATE).help(TEMPLATE_HELP))
    }

    fn syntax_error(&mut self, error: &ScanError, whole: &str, start: usize, text: &str) {
        let mut at = error.marker().byte_offset().unwrap_or(0).min(text.len());
        if let Some(template) = self.template(whole, start + at) {
            return self.problem(template);
        }
        if is_tab_error(error.kind()) {
            at = find_tab(text, at);
        }
        let span = self.char_span(whole, start + at);
        let (message, help) = explain(error);
        let finding = Self::unreadable(span, message).help(help);
        self.problem(finding);
    }

    fn refused(&mut self, refusals: Vec<Refusal>, text: &str) {
        for refusal in refusals {
            let at = refusal.span.start.saturating_sub(self.offset) as usize;
            let finding = match self.template(text, at) {
                Some(template) => template,
                None => Self::unreadable(refusal.span, refusal.message).help(refusal.help),
            };
            self.problem(finding);
        }
    }

    fn dropped_document(&mut self, at: usize) {
        let message = "kubectl silently drops this document: it follows `...` without a `---`";
        let finding = Self::unreadable(self.span(at, at), message)
            .help("put `---` on a line of its own before the document, or delete it");
        self.problem(finding);
    }

    fn finish(mut self) -> Remarks {
        if self.unlisted > 0 {
            let last = self.remarks.problems.last().and_then(Finding::span);
            let span = last.unwrap_or_else(|| self.span(0, 0));
            let message = format!("{} more documents cannot be read", self.unlisted);
            let finding = Self::unreadable(span, message).help("correct the first ones and run npv again");
            self.remarks.problems.push(finding);
        }
        self.remarks
    }
}

/// The first error of a document, wherever else it has some.
fn first_error(document: &str) -> Option<ScanError> {
    let mut parser = parser(document, false);
    while let Some(event) = parser.next_event() {
        if let Err(error) = event {
            return Some(error);
        }
    }
    None
}

fn parser(text: &str, comments: bool) -> Parser<'_, StrInput<'_>> {
    let mut options = Options::default();
    options.disallow_directives = true;
    options.emit_unresolved_aliases = true;
    options.set_emit_comments(comments);
    // Comments are only kept while the parser looks ahead; the text bounds their number.
    options.max_buffered_comment_events = usize::MAX;
    options.block_nesting_limit = MAX_DEPTH;
    options.flow_nesting_limit = MAX_DEPTH;
    Parser::new_from_str_with_options(text, options)
}

/// The next byte order mark after `from` that starts the content of a document: at the start of the line that
/// follows a `---` line.
fn next_mark(text: &str, from: usize) -> Option<usize> {
    const MARK: &str = "\u{feff}";
    let bytes = text.as_bytes();
    memchr::memmem::find_iter(bytes.get(from..)?, MARK.as_bytes()).map(|at| from + at).find(|&at| {
        let before = text.get(from..at).unwrap_or_default();
        at > from
            && before.ends_with('\n')
            && before.trim_end_matches(['\n', '\r']).rsplit('\n').next().is_some_and(is_separator)
    })
}

const CHECK_HELP: &str =
    "correct the document; `kubectl apply --dry-run=client -f` on the file shows what kubectl makes of it";

/// The key of findings about templates.
pub const TEMPLATE: &str = "template";

const TEMPLATE_HELP: &str = "render it first: `helm template CHART | npv check -` or `--render` for a chart, else whatever fills in its values";

/// The first template action of the document around `at`: `{{ .. }}` as in Helm and Jinja, `{% .. %}`, or `${..}`.
fn action(text: &str, at: usize) -> Option<Range<usize>> {
    let at = (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    let start = before.rfind("\n---").unwrap_or(0);
    let end = after.find("\n---").map_or(text.len(), |end| at + end);
    let document = text.get(start..end)?.as_bytes();
    memchr::memmem::find_iter(document, b"{").map(|at| start + at).find_map(|at| {
        let (at, close, rest) = match text.as_bytes().get(at..at + 2)? {
            b"{{" => (at, "}}", text.get(at + 2..end)?),
            b"{%" => (at, "%}", text.get(at + 2..end)?),
            _ if text.get(..at)?.ends_with('$') => (at - 1, "}", text.get(at + 1..end)?),
            _ => return None,
        };
        // An action is short: a text full of brackets is looked at once.
        let line = rest.get(..rest.floor_char_boundary(LONGEST_ACTION))?.lines().next()?;
        let inside = line.trim_start_matches(['-', ' ']);
        if !inside.starts_with(|c: char| c.is_alphabetic() || matches!(c, '.' | '$' | '/' | '"' | '(' | '_'))
        {
            return None;
        }
        let length = match line.find(close) {
            Some(found) => found + close.len(),
            // A comment may go on.
            None if inside.starts_with('/') => line.len(),
            None => return None,
        };
        // `{{a: 1}: b}` is flow YAML, if anybody writes it.
        let words = line.get(..length).is_some_and(|inside| !inside.contains(": "));
        words.then_some(at..at + 2 + length)
    })
}

/// A placeholder of the form `@NAME@` at `at`, as build tools fill it in.
fn marked(text: &str, at: usize) -> Option<Range<usize>> {
    let inside = text.get(at..)?.strip_prefix('@')?;
    let length = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')?;
    let named = length > 0 && inside.get(length..)?.starts_with('@');
    named.then_some(at..at + length + 2)
}

/// The longest template action that is recognised.
const LONGEST_ACTION: usize = 200;

/// A message and a next step for an error of the parser.
fn explain(error: &ScanError) -> (String, &'static str) {
    match error.kind() {
        ErrorKind::DirectiveDisallowed => (
            "kubectl refuses YAML directives such as `%YAML` and `%TAG`".to_owned(),
            "delete the directive and the `---` line that ends it",
        ),
        ErrorKind::RecursionLimitExceeded => {
            (too_deep(), "no Kubernetes object nests that deep; correct the file")
        }
        ErrorKind::InvalidQuotedScalarIndent => (
            "the lines that continue a quoted value must be indented more than its key".to_owned(),
            "indent them: kubectl lets this pass, but these are more than npv puts up with",
        ),
        kind if is_tab_error(kind) => {
            ("a tab cannot indent YAML".to_owned(), "indent with spaces instead of tabs")
        }
        ErrorKind::UnexpectedCharacter { character } if *character < ' ' => (
            format!("the control character U+{:04X} cannot stand in YAML", *character as u32),
            "delete the character, or write it as an escape in double quotes",
        ),
        ErrorKind::UnexpectedCharacter { character } => {
            (format!("`{character}` cannot start a value"), "put the value in quotes")
        }
        _ => (format!("this is not valid YAML: {}", tidy(&error.info())), CHECK_HELP),
    }
}

fn is_tab_error(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar
    )
}

pub(super) fn too_deep() -> String {
    format!("nested more than {MAX_DEPTH} levels deep")
}

/// The parser quotes code as `'x'` or `` `x' ``, npv in backticks.
fn tidy(info: &str) -> String {
    let mut text = String::with_capacity(info.len());
    let mut rest = info.trim_end_matches('.');
    while let Some(open) = rest.find(['\'', '`']) {
        let (before, quoted) = rest.split_at(open);
        text.push_str(before);
        text.push('`');
        // The first character may be a quote itself.
        let inside = quoted.get(1..).unwrap_or_default();
        let skip = inside.chars().next().map_or(0, char::len_utf8);
        let Some(close) = inside.get(skip..).and_then(|rest| rest.find('\'')) else {
            text.push_str(inside);
            return text;
        };
        text.push_str(inside.get(..skip + close).unwrap_or_default());
        text.push('`');
        rest = inside.get(skip + close + 1..).unwrap_or_default();
    }
    text + rest
}

/// Where the tab stands that the parser complains about: before the place it names on the same line, or at the
/// start of a line behind it.
fn find_tab(text: &str, at: usize) -> usize {
    let line = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let before = text.get(line..at).and_then(|before| before.find('\t')).map(|tab| line + tab);
    let behind = || {
        let rest = text.get(at..)?;
        let mut start = at;
        for line in rest.split_inclusive('\n') {
            let content = line.trim_start_matches(' ');
            if content.starts_with('\t') {
                return Some(start + line.len() - content.len());
            }
            start += line.len();
        }
        None
    };
    before.or_else(behind).unwrap_or(at)
}
