//! Reads a part of a text: documents, to objects, to whatever the decoder makes of them.

use std::sync::atomic::{AtomicU64, Ordering};

use npv_models::diagnostic::Finding;
use npv_models::source::Span;
use npv_models::yaml::{self, Node, Remarks};
use rayon::prelude::*;

use super::list::{self, Inherited};
use super::split::{List, MAX_DOCUMENT, Part, Piece};
use super::unreadable;

/// What a part contains.
#[derive(Debug)]
pub(super) struct Output<T> {
    pub(super) objects: Vec<T>,
    pub(super) problems: Vec<Finding>,
    pub(super) comments: Vec<Span>,
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
    decode: &(impl Fn(Node) -> T + Sync),
    work: &Work<'_>,
) -> Output<T> {
    let output = match part {
        Part::Documents(piece) => documents(piece, decode),
        Part::List(list) => return in_parallel(list, decode, work),
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
            Output { objects: Vec::new(), problems: vec![problem], comments: Vec::new() }
        }
    };
    work.done(part.len());
    output
}

fn documents<T>(piece: &Piece<'_>, decode: &impl Fn(Node) -> T) -> Output<T> {
    let mut objects = Vec::new();
    let mut refused = Vec::new();
    let mut each = |object: Result<Node, Finding>| match object {
        Ok(object) => objects.push(decode(object)),
        Err(problem) => refused.push(problem),
    };
    let Remarks { mut problems, comments } =
        yaml::read_each(piece.source, piece.text(), piece.offset(), |root| list::flatten(root, &mut each));
    problems.append(&mut refused);
    Output { objects, problems, comments }
}

/// Reads the items of a list on all threads; the whole list at once where they do not stand on their own.
fn in_parallel<T: Send>(list: &List<'_>, decode: &(impl Fn(Node) -> T + Sync), work: &Work<'_>) -> Output<T> {
    let runs: Vec<(Output<T>, bool)> = list
        .items
        .par_iter()
        .map(|piece| {
            let run = items(piece, list.syntax, &list.inherited, decode);
            work.done(piece.len());
            run
        })
        .collect();
    if runs.iter().any(|(_, sound)| !sound) && list.whole.len() <= MAX_DOCUMENT {
        return documents(&list.whole, decode);
    }
    let mut all = Output { objects: Vec::new(), problems: Vec::new(), comments: list.comments.clone() };
    for (run, _) in runs {
        all.objects.extend(run.objects);
        all.problems.extend(run.problems);
        all.comments.extend(run.comments);
    }
    all.comments.sort();
    all
}

/// Reads a run of items. The second value tells whether it is one.
fn items<T>(
    piece: &Piece<'_>,
    syntax: yaml::Items,
    inherited: &Inherited,
    decode: &impl Fn(Node) -> T,
) -> (Output<T>, bool) {
    let mut objects = Vec::new();
    let mut refused = Vec::new();
    let mut each = |object: Result<Node, Finding>| match object {
        Ok(object) => objects.push(decode(object)),
        Err(problem) => refused.push(problem),
    };
    let Remarks { mut problems, comments } =
        yaml::read_items(piece.source, piece.text(), piece.offset(), syntax, |item| {
            inherited.item(item, &mut each);
        });
    let sound = problems.is_empty();
    problems.append(&mut refused);
    (Output { objects, problems, comments }, sound)
}
