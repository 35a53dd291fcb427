//! From the events of the YAML parser to a tree: scalars resolved, aliases copied, merge keys applied.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{Event, ScalarStyle, StructureStyle, Tag};
use rustc_hash::FxHashMap;

use super::read::too_deep;
use super::{COLLECTION, Entry, MAX_DEPTH, MAX_TREE, Node, TOO_LARGE, Value, dedent, scalar};
use crate::diagnostic::clip;
use crate::source::{SourceId, Span};

/// Why a document is refused although its syntax is right.
pub(super) struct Refusal {
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) help: &'static str,
}

/// Refusals of one document beyond this number are not collected.
const MAX_REFUSALS: usize = 20;

/// What copies of anchored nodes may cost, in bytes of memory. Every copy counts: the one that is kept for the
/// aliases, and one for each alias.
struct Budget {
    /// Left for this document: 8 MiB and 32 times the text, at most 256 MiB.
    document: usize,
    /// Left for this text: twice that.
    text: usize,
    per_document: usize,
}

impl Budget {
    fn new(text_length: usize) -> Self {
        let base: usize = 8 << 20;
        let per_document = base.saturating_add(text_length.saturating_mul(32)).min(256 << 20);
        Self { document: per_document, text: per_document * 2, per_document }
    }

    fn spend(&mut self, cost: usize) -> bool {
        if cost > self.document || cost > self.text {
            return false;
        }
        self.document -= cost;
        self.text -= cost;
        true
    }
}

struct Anchored {
    node: Node,
    cost: usize,
    height: usize,
}

/// Builds the tree of one document at a time.
pub(super) struct Builder<'t> {
    source: SourceId,
    offset: u32,
    text: &'t str,
    stack: Vec<Frame>,
    root: Option<Node>,
    anchors: FxHashMap<usize, Anchored>,
    budget: Budget,
    refusals: Vec<Refusal>,
    fatal: bool,
    /// About how much memory the tree takes.
    size: usize,
    /// Whether the text contains line breaks of YAML 1.1 that are none in YAML 1.2.
    odd_breaks: bool,
    /// Whether the items of a sequence at the root are given away instead of kept.
    gives_items: bool,
    item: Option<Node>,
    /// Which lines have been joined to read it.
    joined: Option<&'t dedent::Joined<'t>>,
}

struct Frame {
    shape: Shape,
    start: u32,
    /// The end of the last child so far; of the closing bracket in the end.
    end: u32,
    flow: bool,
    anchor: usize,
}

enum Shape {
    Seq(Vec<Node>),
    Map(MapFrame),
}

#[derive(Default)]
struct MapFrame {
    entries: Vec<Entry>,
    /// A key that waits for its value.
    key: Option<Key>,
    /// Which entries come from merge keys.
    merged: Vec<Range<usize>>,
}

struct Key {
    text: Box<str>,
    span: Span,
    merge: bool,
}

impl<'t> Builder<'t> {
    pub(super) fn new(
        source: SourceId,
        offset: u32,
        text: &'t str,
        gives_items: bool,
        joined: Option<&'t dedent::Joined<'t>>,
    ) -> Self {
        Self {
            source,
            offset,
            text,
            stack: Vec::new(),
            root: None,
            anchors: FxHashMap::default(),
            budget: Budget::new(text.len()),
            refusals: Vec::new(),
            fatal: false,
            size: 0,
            odd_breaks: has_odd_break(text),
            gives_items,
            item: None,
            joined,
        }
    }

    /// The item of the sequence at the root that the last event completed.
    pub(super) fn take_item(&mut self) -> Option<Node> {
        let item = self.item.take()?;
        self.size = 0;
        Some(item)
    }

    /// Forgets the document that is being built.
    pub(super) fn abandon(&mut self) {
        self.stack.clear();
        self.root = None;
        self.anchors.clear();
        self.budget.document = self.budget.per_document;
        self.refusals.clear();
        self.fatal = false;
        self.size = 0;
    }

    /// Ends the document and returns its root.
    pub(super) fn finish(&mut self) -> Option<Node> {
        let root = self.root.take();
        self.abandon();
        root
    }

    pub(super) fn take_refusals(&mut self) -> Vec<Refusal> {
        std::mem::take(&mut self.refusals)
    }

    /// Whether the rest of the document must not be read.
    pub(super) fn is_fatal(&self) -> bool {
        self.fatal
    }

    fn at(&self, offset: usize) -> u32 {
        self.offset.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX))
    }

    fn refuse(&mut self, span: Span, message: impl Into<String>, help: &'static str) {
        self.refusals.push(Refusal { span, message: message.into(), help });
        self.fatal |= self.refusals.len() >= MAX_REFUSALS;
    }

    /// Counts memory, and refuses the document when it is too much.
    fn grow(&mut self, bytes: usize, span: Span) {
        self.size += bytes;
        if self.size > MAX_TREE && !self.fatal {
            self.refuse(span, TOO_LARGE, "split it into several documents");
            self.fatal = true;
        }
    }

    /// Takes an event that belongs to a document.
    pub(super) fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        let span = Span::new(self.source, self.at(range.start), self.at(range.end));
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(text, style, anchor, tag.as_deref(), range);
            }
            Event::SequenceStart(style, anchor, _) => {
                self.open(Shape::Seq(Vec::new()), style, anchor, span);
            }
            Event::MappingStart(style, anchor, _) => {
                self.open(Shape::Map(MapFrame::default()), style, anchor, span);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(id) => self.alias(id, span),
            Event::UnresolvedAlias(name) => {
                let name = clip(&name);
                let message = format!("the alias `*{name}` has no anchor `&{name}` before it");
                self.refuse(
                    span,
                    message,
                    "define the anchor earlier in the same document, or quote the value",
                );
                self.put(Node { value: Value::Null, span }, false, span.end, span);
            }
            _ => {}
        }
    }

    fn open(&mut self, shape: Shape, style: StructureStyle, anchor: usize, span: Span) {
        if self.stack.len() >= MAX_DEPTH {
            self.refuse(span, too_deep(), "no Kubernetes object nests that deep; correct the file");
            self.fatal = true;
            return;
        }
        self.grow(COLLECTION, span);
        // `[a: 1]` contains a flow mapping without brackets of its own.
        let flow = style == StructureStyle::Flow && span.start < span.end;
        let mut start = span.start;
        let in_mapping = matches!(self.stack.last(), Some(Frame { shape: Shape::Map(_), .. }));
        if !flow && in_mapping && matches!(shape, Shape::Seq(_)) {
            start = self.first_dash(start).unwrap_or(start);
        }
        self.stack.push(Frame { shape, start, end: span.end, flow, anchor });
    }

    /// Where a block sequence starts that the parser says to start at `start`: for one that is not indented
    /// more than its key, that is behind the first dash.
    fn first_dash(&self, start: u32) -> Option<u32> {
        let relative = |at: u32| at.saturating_sub(self.offset) as usize;
        let from = relative(self.stack.last()?.end);
        let mut line_start = from;
        for line in self.text.get(from..relative(start))?.split_inclusive('\n') {
            let content = line.trim_start_matches([' ', '\t']);
            if content
                .strip_prefix('-')
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
            {
                return Some(self.at(line_start + line.len() - content.len()));
            }
            line_start += line.len();
        }
        None
    }

    fn close(&mut self, closing: Span) {
        let Some(frame) = self.stack.pop() else {
            return;
        };
        let end = if frame.flow { closing.end } else { frame.end };
        let span = Span::new(self.source, frame.start, end);
        let value = match frame.shape {
            Shape::Seq(items) => Value::Seq(items),
            Shape::Map(map) => Value::Map(map.into_entries()),
        };
        let node = Node { value, span };
        self.define(frame.anchor, &node);
        self.put(node, false, end, span);
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        range: Range<usize>,
    ) {
        let plain = style == ScalarStyle::Plain;
        let text = match self.joined {
            Some(joined) if !plain => {
                let written = self.text.get(range.clone()).unwrap_or_default();
                Cow::Owned(joined.fold(&text, written, range.clone()))
            }
            _ => text,
        };
        if self.odd_breaks && !matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) {
            self.check_breaks(range.clone());
        }
        let merge = plain && tag.is_none() && text == "<<";
        // The parser spells a missing value `~`, at a place where nothing stands.
        let missing = plain && range.is_empty();
        let range = match style {
            ScalarStyle::Literal | ScalarStyle::Folded => header_start(self.text, range.start)..range.end,
            _ if missing => {
                let at = behind_colon(self.text, range.start);
                at..at
            }
            _ => range,
        };
        let span = Span::new(self.source, self.at(range.start), self.at(range.end));
        self.grow(size_of::<Entry>() + text.len(), span);
        let value = match tag {
            None if missing => Value::Null,
            None if plain => scalar::resolve(&text),
            None => Value::Str(text.into()),
            Some(tag) => {
                let text = if missing { "" } else { &*text };
                let resolved = match tag.core_suffix() {
                    Some(suffix) => scalar::tagged(suffix, text),
                    None => Some(Value::Str(text.into())),
                };
                resolved.unwrap_or_else(|| {
                    let message =
                        format!("`{}` is no value of the tag `{}`", clip(text), clip(&tag.original()));
                    self.refuse(span, message, "delete the tag, or correct the value");
                    Value::Null
                })
            }
        };
        let node = Node { value, span };
        self.define(anchor, &node);
        self.put(node, merge, span.end, span);
    }

    /// Whether the parser must tell of comments, because they may end where it does not know.
    pub(super) fn wants_comments(&self) -> bool {
        self.odd_breaks
    }

    /// Refuses text outside of quotes in which kubectl sees a line break that the parser does not see.
    pub(super) fn check_breaks(&mut self, range: Range<usize>) {
        let text = self.text.get(range.clone()).unwrap_or_default();
        if let Some((at, character)) =
            text.char_indices().find(|(_, character)| ODD_BREAKS.contains(character))
        {
            let start = range.start + at;
            let span = Span::new(self.source, self.at(start), self.at(start + character.len_utf8()));
            let message = format!("kubectl takes the character U+{:04X} for a line break", character as u32);
            self.refuse(span, message, "delete the character, or write it as an escape in double quotes");
        }
    }

    /// Keeps a copy of an anchored node.
    fn define(&mut self, anchor: usize, node: &Node) {
        if anchor == 0 {
            return;
        }
        let (cost, height) = measure(node);
        if self.budget.spend(cost) {
            self.anchors.insert(anchor, Anchored { node: node.clone(), cost, height });
        } else {
            self.exhausted(node.span);
        }
    }

    fn alias(&mut self, id: usize, span: Span) {
        let Some(anchored) = self.anchors.get(&id) else {
            // The parser knows the anchor, but its node is not complete.
            self.refuse(span, "this alias is inside the value that it stands for", "write the value out");
            self.put(Node { value: Value::Null, span }, false, span.end, span);
            return;
        };
        if self.stack.len() + anchored.height > MAX_DEPTH {
            self.refuse(span, too_deep(), "write fewer aliases inside of each other");
            self.fatal = true;
        } else if self.budget.spend(anchored.cost) {
            let node = anchored.node.clone();
            self.put(node, false, span.end, span);
        } else {
            self.exhausted(span);
        }
    }

    fn exhausted(&mut self, span: Span) {
        self.refuse(
            span,
            "the aliases of this document expand to too much data",
            "use fewer aliases, or write the values out",
        );
        self.fatal = true;
    }

    /// Adds a complete node to the innermost collection. `end` and `site` tell where it is written, which for
    /// an alias is not where its value stands.
    fn put(&mut self, node: Node, merge: bool, end: u32, site: Span) {
        let at_root = self.stack.len() == 1;
        let Some(frame) = self.stack.last_mut() else {
            // A sequence whose items have been given away is nothing more.
            let given = self.gives_items && matches!(node.value, Value::Seq(_));
            self.root = Some(node).filter(|_| !given);
            return;
        };
        frame.end = frame.end.max(end);
        let map = match &mut frame.shape {
            Shape::Seq(_) if at_root && self.gives_items => {
                self.item = Some(node);
                return;
            }
            Shape::Seq(items) => {
                items.push(node);
                return;
            }
            Shape::Map(map) => map,
        };
        let Some(key) = map.key.take() else {
            let kind = node.kind();
            let text = scalar::key_text(node.value);
            let refused = text.is_none();
            map.key = Some(Key { text: text.unwrap_or_default(), span: site, merge });
            // An unknown alias has been reported already.
            let reported = self.refusals.last().is_some_and(|refusal| refusal.span == site);
            if refused && !reported {
                let message = format!("{kind} cannot be the key of a mapping");
                self.refuse(site, message, "quote the key, or quote the value if this was meant to be one");
            }
            return;
        };
        if key.merge {
            if let Err(kind) = map.merge(node) {
                let message = format!("`<<` merges mappings, this is {kind}");
                self.refuse(site, message, "refer to an anchored mapping, or quote the key: `\"<<\"`");
            }
        } else {
            map.entries.push(Entry { key: key.text, key_span: key.span, value: node });
        }
    }
}

impl MapFrame {
    /// Adds the entries of a mapping, or of a list of mappings of which the first wins.
    fn merge(&mut self, node: Node) -> Result<(), &'static str> {
        let start = self.entries.len();
        let kind = node.kind();
        match node.value {
            Value::Map(entries) => self.entries.extend(entries),
            Value::Seq(items) => {
                for item in items.into_iter().rev() {
                    let kind = item.kind();
                    let Value::Map(entries) = item.value else {
                        return Err(kind);
                    };
                    self.entries.extend(entries);
                }
            }
            _ => return Err(kind),
        }
        self.merged.push(start..self.entries.len());
        Ok(())
    }

    /// The entries, with those dropped that a merge key overrides or that override a merged one: the last of a
    /// key wins, whether it was merged or written. Keys that are written twice stay.
    fn into_entries(self) -> Vec<Entry> {
        if self.merged.is_empty() {
            return self.entries;
        }
        let mut is_merged = vec![false; self.entries.len()];
        for range in self.merged {
            is_merged.get_mut(range).into_iter().flatten().for_each(|merged| *merged = true);
        }
        let last: FxHashMap<&str, usize> =
            self.entries.iter().enumerate().map(|(index, entry)| (&*entry.key, index)).collect();
        let winner_merged = |entry: &Entry| {
            let index = last.get(&*entry.key).copied().unwrap_or(usize::MAX);
            (index, is_merged.get(index).copied().unwrap_or(false))
        };
        let keep: Vec<bool> = self
            .entries
            .iter()
            .zip(&is_merged)
            .enumerate()
            .map(|(index, (entry, &merged))| {
                let (winner, winner_is_merged) = winner_merged(entry);
                if merged || winner_is_merged { index == winner } else { true }
            })
            .collect();
        self.entries.into_iter().zip(keep).filter_map(|(entry, keep)| keep.then_some(entry)).collect()
    }
}

/// What a copy of the node costs in memory, and how many collections are nested in it.
fn measure(node: &Node) -> (usize, usize) {
    let own = size_of::<Node>();
    match &node.value {
        Value::Str(text) => (own + text.len(), 0),
        Value::Seq(items) => items.iter().map(measure).fold((own, 1), |(cost, height), (more, inner)| {
            (cost.saturating_add(more), height.max(inner + 1))
        }),
        Value::Map(entries) => entries.iter().fold((own, 1), |(cost, height), entry| {
            let (more, inner) = measure(&entry.value);
            let key = size_of::<Entry>() + entry.key.len();
            (cost.saturating_add(more).saturating_add(key), height.max(inner + 1))
        }),
        _ => (own, 0),
    }
}

/// Next line, line separator, paragraph separator.
const ODD_BREAKS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

fn has_odd_break(text: &str) -> bool {
    let bytes = text.as_bytes();
    [&b"\xC2\x85"[..], b"\xE2\x80\xA8", b"\xE2\x80\xA9"]
        .iter()
        .any(|pattern| memchr::memmem::find(bytes, pattern).is_some())
}

/// Where a missing value would stand: the parser says behind the key, this is behind the colon.
fn behind_colon(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let colon = rest.trim_start_matches([' ', '\t']);
    if colon.starts_with(':') { at + rest.len() - colon.len() + 1 } else { at }
}

/// Where a block scalar starts: at its `|` or `>`, which the parser leaves out of the scalar's span.
fn header_start(text: &str, content: usize) -> usize {
    let before = text.get(..content).unwrap_or_default().trim_end_matches([' ', '\t', '\n', '\r']);
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    let header = before.get(line..).unwrap_or_default();
    header
        .match_indices(['|', '>'])
        .find(|(at, _)| {
            let rest = header.get(at + 1..).unwrap_or_default();
            let rest = rest.trim_start_matches(['+', '-', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
            let comment = rest.trim_start_matches([' ', '\t']);
            comment.is_empty() || (comment.len() < rest.len() && comment.starts_with('#'))
        })
        .map_or(content, |(at, _)| line + at)
}
