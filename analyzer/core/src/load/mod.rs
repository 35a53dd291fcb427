//! From paths to objects: finds the files, reads them, and decodes their documents in parallel.
//!
//! The trees of the documents never exist all at once. Texts are cut into parts of about a megabyte, each part is
//! read by one thread, and every object is decoded and dropped before the next. The result is the same for every
//! number of threads.

mod discover;
mod exclude;
pub mod git;
mod json_list;
mod list;
pub mod progress;
mod read;
mod render;
mod split;
mod texts;
pub mod watch;
mod yaml_list;

use std::fmt;
use std::path::{Path, PathBuf};

use npv_models::diagnostic::{Finding, Severity};
use npv_models::source::{SourceId, SourceMap, Span};
use npv_models::yaml::Node;
use rayon::prelude::*;

pub use exclude::Exclude;

use discover::Found;
pub(crate) use discover::{display, reason};
use read::{Output, Work};
use texts::Texts;

/// The most bytes that are read in all, unless told otherwise.
pub const MAX_BYTES: u64 = 3 << 30;

/// How to read.
pub struct Options<'a> {
    /// Run `kubectl kustomize`, `kustomize` and `helm` on the directories that need it.
    pub render: bool,
    /// Values files for `helm template`.
    pub values: Vec<PathBuf>,
    /// What to leave out of directories.
    pub exclude: Exclude,
    /// Told how many bytes of how many have been decoded; called from several threads, about once for each
    /// megabyte. See [`progress::Bar`].
    pub progress: Option<&'a (dyn Fn(u64, u64) + Sync)>,
    /// The most bytes to read in all. A text that exceeds what is left is left out, with a finding.
    pub max_bytes: u64,
    /// What to read instead of standard input.
    pub stdin: Option<Vec<u8>>,
    /// What files and directories are called where that is not what their paths are, with all below them; the
    /// first that applies counts.
    pub names: Vec<(PathBuf, PathBuf)>,
    /// What else is to be read and cannot be, by name, with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// What a path is called.
fn called(names: &[(PathBuf, PathBuf)], path: &Path) -> Option<PathBuf> {
    names.iter().find_map(|(real, name)| {
        let rest = path.strip_prefix(real).ok()?;
        Some(if rest.as_os_str().is_empty() { name.clone() } else { name.join(rest) })
    })
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            render: false,
            values: Vec::new(),
            exclude: Exclude::default(),
            progress: None,
            max_bytes: MAX_BYTES,
            stdin: None,
            names: Vec::new(),
            unreadable: Vec::new(),
        }
    }
}

/// What has been read.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The texts: standard input, then files by path.
    pub sources: SourceMap,
    /// What the decoder made of each object, in the order of the texts.
    pub objects: Vec<T>,
    /// What could not be read, in the order of the texts: rule `unreadable-document`, each incomplete.
    pub findings: Vec<Finding>,
    /// The comments with `npv:` in them, in the order of the texts.
    pub comments: Vec<Span>,
    /// The texts that hold manifests; the others are there for the findings about them.
    pub manifests: Vec<SourceId>,
    /// Those of the findings that are about getting the texts, not about what they say.
    pub not_got: Vec<Finding>,
}

/// Why there is nothing to work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// These inputs do not exist.
    Missing(Vec<String>),
    /// There is no manifest in any of these inputs.
    Empty(Vec<String>),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list =
            |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        match self {
            Self::Missing(names) => {
                write!(f, "no such file or directory: {}; check the spelling of the path", list(names))
            }
            Self::Empty(names) => write!(
                f,
                "no manifests in {}; in directories, npv reads the files that end in .yaml, .yml or .json and are \
                 neither hidden nor ignored by git",
                list(names)
            ),
        }
    }
}

impl std::error::Error for LoadError {}

/// Reads the inputs and decodes every object in them.
///
/// An input is a file, a directory to search (without hidden files and those that git ignores), or `-` for
/// standard input. `decode` gets the objects of all documents, those in a `List` one by one; it also gets
/// documents that are no objects, to say so.
///
/// # Errors
/// When an input does not exist, or when there is nothing to read in any of them. Everything else that is wrong
/// is a finding.
pub fn load<T: Send>(
    inputs: &[PathBuf],
    options: &Options<'_>,
    decode: impl Fn(Node) -> T + Sync,
) -> Result<Loaded<T>, LoadError> {
    let mut texts = Texts::new(options);
    for found in discover::discover(inputs, &options.exclude, &options.names)? {
        texts.take(found);
    }
    for (path, why) in &options.unreadable {
        texts.take(Found::Unreadable { path: path.clone(), why: why.clone() });
    }
    let named: Vec<String> = inputs.iter().map(|input| texts.name(input)).collect();
    let Texts { sources, findings, ids, .. } = texts;
    let loaded = decode_all(sources, &ids, findings, options.progress, decode);
    if loaded.objects.is_empty() && loaded.findings.is_empty() {
        return Err(LoadError::Empty(named));
    }
    Ok(loaded)
}

/// Decodes every object in texts that are in memory already; otherwise like [`load`], but nothing to read is no
/// error.
pub fn load_texts<T: Send>(sources: SourceMap, decode: impl Fn(Node) -> T + Sync) -> Loaded<T> {
    let ids: Vec<SourceId> = sources.iter().map(|(id, _)| id).collect();
    decode_all(sources, &ids, Vec::new(), None, decode)
}

/// As [`load_texts`], for texts of which only some hold manifests, with what was wrong about getting them.
pub fn load_some<T: Send>(
    sources: SourceMap,
    manifests: &[SourceId],
    not_got: Vec<Finding>,
    decode: impl Fn(Node) -> T + Sync,
) -> Loaded<T> {
    decode_all(sources, manifests, not_got, None, decode)
}

fn decode_all<T: Send>(
    sources: SourceMap,
    ids: &[SourceId],
    mut findings: Vec<Finding>,
    progress: Option<&(dyn Fn(u64, u64) + Sync)>,
    decode: impl Fn(Node) -> T + Sync,
) -> Loaded<T> {
    let not_got = findings.clone();
    let texts: Vec<_> = ids.iter().filter_map(|&id| Some((id, sources.get(id)?.text()))).collect();
    let work = Work::new(progress, texts.iter().map(|(_, text)| text.len() as u64).sum());
    let parts: Vec<_> = texts.into_iter().flat_map(|(id, text)| split::split(id, text)).collect();
    let outputs: Vec<Output<T>> =
        parts.into_par_iter().map(|part| read::read(&part, &decode, &work)).collect();

    let mut objects = Vec::with_capacity(outputs.iter().map(|output| output.objects.len()).sum());
    let mut comments = Vec::new();
    for output in outputs {
        objects.extend(output.objects);
        findings.extend(output.problems);
        comments.extend(output.comments);
    }
    findings.sort_by_key(Finding::span);
    Loaded { sources, objects, findings, comments, manifests: ids.to_vec(), not_got }
}

/// A finding about something that could not be read.
fn unreadable(span: Span, message: impl Into<String>, help: impl Into<String>) -> Finding {
    let message = message.into();
    let key = message.clone();
    Finding::new("unreadable-document", Severity::Error, span, message).help(help).key(key).incomplete()
}
