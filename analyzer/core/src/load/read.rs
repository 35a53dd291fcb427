//! Reads a part of a text: documents, to objects, to whatever the decoder makes of them.

use std::sync::atomic::{AtomicU64, Ordering};

use npv_models::diagnostic::Finding;
use npv_models::source::Span;
use npv_models::yaml::{self, Node, Remarks, Value};
use rayon::prelude::*;

use super::list::{self, Inherited};
use super::split::{List, MAX_DOCUMENT, Part, Piece};
use super::{Plan, unreadable};

/// What becomes of the objects that are read.
pub(super) struct Reading<'a, F> {
    pub(super) decode: &'a F,
    pub(super) plan: &'a Plan,
}

/// What a part contains.
#[derive(Debug)]
pub(super) struct Output<T> {
    pub(super) objects: Vec<T>,
    pub(super) problems: Vec<Finding>,
    pub(super) comments: Vec<Span>,
    /// Documents that do not look like objects at all, as far as it takes to say so.
    pub(super) strays: Vec<Node>,
    /// Problems of documents that do not look like objects either.
    pub(super) doubtful: Vec<Finding>,
}

impl<T> Output<T> {
    fn new() -> Self {
        Self {
            objects: Vec::new(),
            problems: Vec::new(),
            comments: Vec::new(),
            strays: Vec::new(),
            doubtful: Vec::new(),
        }
    }

    /// Takes a document in: what looks like an object is decoded.
    fn take(
        &mut self,
        object: Result<Node, Finding>,
        piece: &Piece<'_>,
        reading: &Reading<'_, impl Fn(Node) -> T>,
    ) {
        match object {
            Ok(object) if looks_like_object(&object) => {
                let mut each = |object| self.objects.push((reading.decode)(object));
                reading.plan.deploy(object, piece.source, piece.text, &mut each);
            }
            Ok(stray) => self.strays.push(shallow(&stray)),
            Err(problem) => self.problems.push(problem),
        }
    }

    fn append(&mut self, other: Self) {
        self.objects.extend(other.objects);
        self.problems.extend(other.problems);
        self.comments.extend(other.comments);
        self.strays.extend(other.strays);
        self.doubtful.extend(other.doubtful);
    }
}

/// Whether a document may be meant to be an object: it has an `apiVersion`, or a `kind` as Kubernetes calls its own. Other
/// programs number the versions of their files.
fn looks_like_object(node: &Node) -> bool {
    let has = |key: &str| node.get(key).is_some_and(|value| !value.is_null());
    let kind = || match node.get("kind").map(|kind| &kind.value) {
        Some(Value::Str(text)) => text.starts_with(|c: char| c.is_ascii_uppercase()) || has("metadata"),
        Some(_) => has("metadata"),
        None => has("metadata") && has("spec"),
    };
    let versioned = || match node.get("apiVersion").map(|version| &version.value) {
        Some(Value::Int(_) | Value::Float(_)) | None => false,
        Some(_) => has("apiVersion"),
    };
    versioned() || kind()
}

/// A document without its contents.
fn shallow(node: &Node) -> Node {
    let value = match &node.value {
        Value::Map(_) => Value::Map(Vec::new()),
        Value::Seq(_) => Value::Seq(Vec::new()),
        other => other.clone(),
    };
    Node { value, span: node.span }
}

/// Whether the text of a document that cannot be read may be meant to be an object, as far as its lines tell.
fn mentions_object(document: &str) -> bool {
    let json = document.trim_start().starts_with(['{', '[']);
    if json {
        return document.contains("\"apiVersion\"") && document.contains("\"kind\"");
    }
    document.lines().any(|line| {
        let line = line.trim_start_matches('\u{feff}');
        let key = line.strip_prefix("- ").unwrap_or(line).trim_start_matches(['"', '\'']);
        let key = key.strip_prefix("apiVersion").or_else(|| {
            let rest = key.strip_prefix("kind")?;
            let value = rest.trim_start_matches(['"', '\'', ':', ' ']);
            value.starts_with(|c: char| c.is_ascii_uppercase() || c == '{' || c == '$').then_some(rest)
        });
        key.is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
    })
}

/// Parts the problems of a text: those of documents that may be meant to be objects, and the others.
fn sort_out(piece: &Piece<'_>, problems: Vec<Finding>) -> (Vec<Finding>, Vec<Finding>) {
    problems.into_iter().partition(|problem| {
        let at = problem.span().map_or(0, |span| span.start as usize);
        let (before, after) = piece.text.split_at_checked(at).unwrap_or((piece.text, ""));
        let start = before.rfind("\n---").map_or(0, |start| start + 1);
        let end = after.find("\n---").map_or(piece.text.len(), |end| at + end);
        piece.text.get(start..end).is_some_and(mentions_object)
    })
}

/// How far reading has come.
pub(super) struct Work<'a> {
    report: Option<&'a (dyn Fn(u64, u64) + Sync)>,
    done: AtomicU64,
    total: u64,
}

impl<'a> Work<'a> {
    pub(super) fn new(report: Option<&'a (dyn Fn(u64, u64) + Sync)>, total: u64) -> Self {
        Self { report, done: AtomicU64::new(0), total }
    }

    fn done(&self, bytes: usize) {
        if let Some(report) = self.report {
            let before = self.done.fetch_add(bytes as u64, Ordering::Relaxed);
            report(before + bytes as u64, self.total);
        }
    }
}

/// Reads a part.
pub(super) fn read<T: Send>(
    part: &Part<'_>,
    reading: &Reading<'_, impl Fn(Node) -> T + Sync>,
    work: &Work<'_>,
) -> Output<T> {
    let output = match part {
        Part::Documents(piece) => documents(piece, reading),
        Part::List(list) => return in_parallel(list, reading, work),
        Part::TooLong(piece) => {
            let span = Span::new(piece.source, piece.offset(), piece.offset());
            let message =
                format!("a document of {} MB is more than npv reads at once", piece.len() / 1_000_000);
            let problem = unreadable(
                span,
                message,
                "only lists can be that long, and only when their items are indented alike; write the objects as \
                 documents with `---` between them",
            );
            Output { problems: vec![problem], ..Output::new() }
        }
    };
    work.done(part.len());
    output
}

fn documents<T>(piece: &Piece<'_>, reading: &Reading<'_, impl Fn(Node) -> T>) -> Output<T> {
    let mut output = Output::new();
    let Remarks { problems, comments } =
        yaml::read_each(piece.source, piece.text(), piece.offset(), |root| {
            list::flatten(root, &mut |object| output.take(object, piece, reading));
        });
    finish(output, piece, problems, comments)
}

fn finish<T>(
    mut output: Output<T>,
    piece: &Piece<'_>,
    problems: Vec<Finding>,
    comments: Vec<Span>,
) -> Output<T> {
    let (mut problems, doubtful) = sort_out(piece, problems);
    problems.append(&mut output.problems);
    Output { problems, doubtful, comments, ..output }
}

/// Reads the items of a list on all threads; the whole list at once where they do not stand on their own.
fn in_parallel<T: Send>(
    list: &List<'_>,
    reading: &Reading<'_, impl Fn(Node) -> T + Sync>,
    work: &Work<'_>,
) -> Output<T> {
    let runs: Vec<(Output<T>, bool)> = list
        .items
        .par_iter()
        .map(|piece| {
            let run = items(piece, list.syntax, &list.inherited, reading);
            work.done(piece.len());
            run
        })
        .collect();
    if runs.iter().any(|(_, sound)| !sound) && list.whole.len() <= MAX_DOCUMENT {
        return documents(&list.whole, reading);
    }
    let mut all = Output { comments: list.comments.clone(), ..Output::new() };
    for (run, _) in runs {
        all.append(run);
    }
    all.comments.sort();
    all
}

/// Reads a run of items. The second value tells whether it is one.
fn items<T>(
    piece: &Piece<'_>,
    syntax: yaml::Items,
    inherited: &Inherited,
    reading: &Reading<'_, impl Fn(Node) -> T>,
) -> (Output<T>, bool) {
    let mut output = Output::new();
    let Remarks { problems, comments } =
        yaml::read_items(piece.source, piece.text(), piece.offset(), syntax, |item| {
            inherited.item(item, &mut |object| output.take(object, piece, reading));
        });
    let sound = problems.is_empty();
    (finish(output, piece, problems, comments), sound)
}
