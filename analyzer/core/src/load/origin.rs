//! Where rendered objects come from: the file that a kustomization takes an object from, the template of a chart.
//!
//! What is rendered says the same as its origin, but for what has been changed on the way. So every value that stands
//! in both is said to stand where a person would edit it; what has been changed stands where it was rendered.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use npv_models::source::{SourceId, Span};
use npv_models::yaml::{Node, Value};

/// Where the objects of a rendered text come from.
#[derive(Clone, Debug)]
pub(super) enum Origins {
    /// Files with objects.
    Kustomization {
        /// The directory that was rendered.
        directory: PathBuf,
        /// What it takes in, directly or not.
        files: Vec<Arc<OriginFile>>,
    },
    /// Templates, by the name under which helm speaks of them.
    Chart(Vec<Template>),
}

/// A file that a kustomization takes in.
#[derive(Debug)]
pub(super) struct OriginFile {
    /// The file, without links.
    pub(super) path: PathBuf,
    /// Its objects.
    pub(super) objects: Vec<Node>,
}

/// A template of a chart.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// As helm calls it: `web/templates/deployment.yaml`.
    pub(super) name: String,
    pub(super) source: SourceId,
    pub(super) text: Arc<str>,
}

/// The annotation with which kustomize says where an object comes from.
const ORIGIN: &str = "config.kubernetes.io/origin";

impl Origins {
    /// Has an object, of a text that was rendered, stand where it comes from.
    pub(super) fn trace(&self, object: &mut Node, text: &str) {
        match self {
            Self::Kustomization { directory, files } => {
                if let Some(origin) = taken_from(object, directory, files) {
                    respan(object, origin);
                }
            }
            Self::Chart(templates) => {
                let start = object.span.start as usize;
                if let Some(template) = named_above(text, start)
                    .and_then(|name| templates.iter().find(|template| template.name == name))
                {
                    Lines::of(object, text, template).respan(object);
                }
            }
        }
    }
}

fn text<'n>(node: &'n Node, path: &[&str]) -> Option<&'n str> {
    path.iter().try_fold(node, |node, key| node.get(key)).and_then(Node::as_str)
}

/// The object that another one was rendered from: the one in the file that kustomize names; else the only one of its kind
/// and name, or of a name that has been given a prefix or a suffix.
fn taken_from<'f>(object: &Node, directory: &Path, files: &'f [Arc<OriginFile>]) -> Option<&'f Node> {
    let (kind, name) = (text(object, &["kind"])?, text(object, &["metadata", "name"])?);
    let noted = object.get("metadata").and_then(|metadata| text(metadata, &["annotations", ORIGIN]));
    let noted = noted.and_then(|note| note.lines().find_map(|line| line.trim().strip_prefix("path:")));
    let noted = noted.and_then(|path| directory.join(path.trim()).canonicalize().ok());
    let candidates: Vec<&Node> = files
        .iter()
        .filter(|file| noted.as_ref().is_none_or(|path| *path == file.path))
        .flat_map(|file| &file.objects)
        .filter(|candidate| text(candidate, &["kind"]) == Some(kind))
        .collect();
    let own = |candidate: &&&Node| text(candidate, &["metadata", "name"]) == Some(name);
    let similar = |candidate: &&&Node| {
        text(candidate, &["metadata", "name"]).is_some_and(|other| !other.is_empty() && name.contains(other))
    };
    let one = |found: Vec<&&'f Node>| match found.as_slice() {
        [only] => Some(**only),
        _ => None,
    };
    let exact: Vec<_> = candidates.iter().filter(own).collect();
    if !exact.is_empty() {
        return one(exact);
    }
    one(candidates.iter().filter(similar).collect())
}

/// Whether two values say the same, wherever they stand.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Seq(a), Value::Seq(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Map(_), Value::Map(_)) => {
            let (a, b) = (a.entries(), b.entries());
            let has = |key: &str, value: &Node| {
                b.iter().any(|entry| *entry.key == *key && same(value, &entry.value))
            };
            a.len() == b.len() && a.iter().all(|entry| has(&entry.key, &entry.value))
        }
        (a, b) => a == b,
    }
}

/// Gives what stands in the origin too its place there.
fn respan(node: &mut Node, origin: &Node) {
    match (&mut node.value, &origin.value) {
        (Value::Map(entries), Value::Map(_)) => {
            node.span = origin.span;
            for entry in entries {
                if let Some(from) = origin.entries().iter().rev().find(|from| from.key == entry.key) {
                    entry.key_span = from.key_span;
                    respan(&mut entry.value, &from.value);
                }
            }
        }
        (Value::Seq(items), Value::Seq(from)) => {
            node.span = origin.span;
            let alike = items.len() == from.len();
            for (index, item) in items.iter_mut().enumerate() {
                let name = text(item, &["name"]);
                let named = from.iter().find(|other| name.is_some() && text(other, &["name"]) == name);
                let equal = || from.iter().find(|other| same(item, other));
                let at_its_place = || from.get(index).filter(|_| alike);
                if let Some(from) = named.or_else(equal).or_else(at_its_place) {
                    respan(item, from);
                }
            }
        }
        (value, other) if *value == *other => node.span = origin.span,
        _ => {}
    }
}

/// The template that helm names above an object: `# Source: web/templates/deployment.yaml`.
fn named_above(text: &str, start: usize) -> Option<&str> {
    let before = text.get(..start)?;
    let from = before.rfind("\n---").unwrap_or(0);
    before.get(from..)?.lines().rev().find_map(|line| line.strip_prefix("# Source: ")).map(str::trim)
}

/// Which line of a template each line of an object comes from.
struct Lines<'t> {
    /// The text that was rendered, from the object's first line on.
    rendered: &'t str,
    start: usize,
    /// For each line of it, what it comes from: where the contents of that line start and end.
    spans: Vec<Span>,
}

impl<'t> Lines<'t> {
    fn of(object: &Node, text: &'t str, template: &Template) -> Self {
        let start = text
            .get(..object.span.start as usize)
            .and_then(|before| before.rfind('\n'))
            .map_or(0, |at| at + 1);
        let rendered = text.get(start..object.span.end as usize).unwrap_or_default();
        let mut written = Vec::new();
        let mut offset = 0;
        for line in template.text.split_inclusive('\n') {
            let content = line.trim();
            let from = offset + line.len() - line.trim_start().len();
            written.push((content, from, from + content.len()));
            offset += line.len();
        }
        let key = |line: &str| line.split_once(':').map(|(key, _)| key.to_owned());
        let mut spans: Vec<Span> = Vec::new();
        let mut at = 0;
        for line in rendered.lines() {
            let content = line.trim();
            let from = written.get(at..).unwrap_or_default();
            let equal = from.iter().position(|(other, ..)| *other == content && !content.is_empty());
            let by_key = || {
                let own = key(content)?;
                from.iter().position(|(other, ..)| key(other).as_ref() == Some(&own))
            };
            // A line that comes up much later is another one of the same words.
            let found =
                equal.filter(|&ahead| ahead < NEAR).or_else(|| by_key().filter(|&ahead| ahead < NEAR));
            if let Some(ahead) = found {
                at += ahead;
            }
            let (_, from, to) = written.get(at).copied().unwrap_or_default();
            spans.push(Span::new(template.source, from as u32, to as u32));
            if found.is_some() {
                at += 1;
            }
        }
        Self { rendered, start, spans }
    }

    fn respan(&self, node: &mut Node) {
        node.span = self.span(node.span);
        match &mut node.value {
            Value::Seq(items) => items.iter_mut().for_each(|item| self.respan(item)),
            Value::Map(entries) => {
                for entry in entries {
                    entry.key_span = self.span(entry.key_span);
                    self.respan(&mut entry.value);
                }
            }
            _ => {}
        }
    }

    fn span(&self, span: Span) -> Span {
        let before = (span.start as usize)
            .checked_sub(self.start)
            .and_then(|length| self.rendered.get(..length))
            .unwrap_or_default();
        let line = memchr::memchr_iter(b'\n', before.as_bytes()).count();
        self.spans.get(line).copied().unwrap_or(span)
    }
}

/// So many lines of a template may say nothing of what comes of them.
const NEAR: usize = 60;
