//! From paths to objects: finds the files, reads them, and decodes their documents in parallel.
//!
//! The trees of the documents never exist all at once. Texts are cut into parts of about a megabyte, each part is
//! read by one thread, and every object is decoded and dropped before the next. The result is the same for every
//! number of threads.

mod discover;
mod environment;
mod exclude;
pub mod git;
mod gitops;
mod json_list;
mod list;
mod origin;
mod overlay;
pub mod progress;
mod read;
mod render;
mod split;
mod texts;
pub mod watch;
mod yaml_list;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use npv_models::diagnostic::{Finding, Severity};
use npv_models::source::{SourceId, SourceMap, Span};
use npv_models::yaml::{Node, TEMPLATE};
use rayon::prelude::*;

pub use exclude::Exclude;

use discover::Found;
pub(crate) use discover::{display, reason};
use gitops::Placement;
use origin::Origins;
use read::{Output, Reading, Work};
pub use render::{Ahead, Helm};
use texts::Texts;

/// The most bytes that are read in all, unless told otherwise.
pub const MAX_BYTES: u64 = 3 << 30;

/// How to read.
pub struct Options<'a> {
    /// Run `kubectl kustomize`, `kustomize` and `helm` on the directories that need it.
    pub render: bool,
    /// What `helm template` is told.
    pub helm: Helm,
    /// Read this environment alone, where overlays are environments; see [`environments`].
    pub environment: Option<String>,
    /// What has been rendered already; see [`ahead`].
    pub ahead: Option<Ahead>,
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
            helm: Helm::default(),
            environment: None,
            ahead: None,
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
    /// How to read the texts once more.
    pub plan: Plan,
    /// The texts in which there is no object, and none is meant to be: they were come upon in a directory, and are
    /// something else.
    pub skipped: Vec<SourceId>,
}

/// How texts are to be read, besides what they say.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The texts that nobody has named: they were come upon in a directory, and may be anything.
    searched: BTreeSet<SourceId>,
    /// Where the objects of rendered texts come from.
    origins: BTreeMap<SourceId, Arc<Origins>>,
    /// How the objects of texts are deployed; as they are written where nobody says.
    placements: BTreeMap<SourceId, Vec<Placement>>,
    /// The names of those who deploy what is among the texts.
    followed: BTreeSet<Span>,
    /// Comments that speak to npv, of files that rendered objects come from.
    comments: Vec<Span>,
}

impl Plan {
    /// Whether what an object deploys is among the texts: the span is that of the object's name.
    pub fn follows(&self, name: Span) -> bool {
        self.followed.contains(&name)
    }

    /// Has an object stand where it comes from.
    fn trace(&self, object: &mut Node, source: SourceId, text: &str) {
        if let Some(origins) = self.origins.get(&source) {
            origins.trace(object, text);
        }
    }

    /// Hands over an object as it is deployed, as often as it is.
    fn deploy(&self, mut object: Node, source: SourceId, text: &str, each: &mut dyn FnMut(Node)) {
        self.trace(&mut object, source, text);
        let Some(placements) = self.placements.get(&source) else { return each(object) };
        for placement in placements {
            let mut object = object.clone();
            placement.apply(&mut object);
            each(object);
        }
    }
}

/// Why there is nothing to work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// These inputs do not exist.
    Missing(Vec<String>),
    /// There is no manifest in any of these inputs.
    Empty {
        /// The inputs.
        inputs: Vec<String>,
        /// How many files have been looked at.
        files: usize,
        /// How many of them hold something else than Kubernetes objects; the others hold nothing.
        skipped: usize,
    },
}

impl LoadError {
    /// The inputs that it is about.
    pub fn inputs(&self) -> &[String] {
        match self {
            Self::Missing(inputs) | Self::Empty { inputs, .. } => inputs,
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list =
            |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        match self {
            Self::Missing(names) => {
                write!(f, "no such file or directory: {}; check the spelling of the path", list(names))
            }
            Self::Empty { inputs, .. } if inputs.iter().all(|input| input == "-") => f.write_str(
                "there are no objects on standard input, which is empty or holds nothing but comments; pipe manifests \
                 into npv, such as those that `kubectl get all,netpol,ns -A -o yaml` or `helm template` prints",
            ),
            Self::Empty { inputs, files: 0, .. } => write!(
                f,
                "no manifests in {}; in directories, npv reads the files that end in .yaml, .yml or .json and are \
                 neither hidden nor ignored by git",
                list(inputs)
            ),
            Self::Empty { inputs, files, skipped } => {
                let named = inputs.iter().all(|input| std::path::Path::new(input).is_file());
                let what = match (files, skipped) {
                    (_, 0) if named && inputs.len() == 1 => "it is empty or holds nothing but comments".to_owned(),
                    (1, 0) => "its file is empty or holds nothing but comments".to_owned(),
                    (files, 0) => format!("its {files} files are empty or hold nothing but comments"),
                    (1, _) => "its only file is something else".to_owned(),
                    (files, _) => format!("its {files} files are something else"),
                };
                write!(
                    f,
                    "no manifests in {}: {what}; name the files or directories that hold Kubernetes objects",
                    list(inputs)
                )
            }
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
    load_into(SourceMap::default(), inputs, options, decode)
}

/// As [`load`], and adds the texts to those that are there.
///
/// # Errors
/// As [`load`].
pub fn load_into<T: Send>(
    sources: SourceMap,
    inputs: &[PathBuf],
    options: &Options<'_>,
    decode: impl Fn(Node) -> T + Sync,
) -> Result<Loaded<T>, LoadError> {
    let mut found = discover::discover(inputs, &options.exclude, &options.names)?;
    if let Some(wanted) = &options.environment {
        let name = |path: &Path| options.name(path);
        let all = environment::all(&found, name);
        found.retain(|found| environment::holds(wanted, &all, found, name));
    }
    let ahead = match &options.ahead {
        Some(ahead) => ahead.clone(),
        None if options.render => Ahead::render(&found, &options.helm, options.max_bytes),
        None => Ahead::default(),
    };
    let mut texts = Texts::new(options, sources, ahead);
    for found in found {
        texts.take(found);
    }
    texts.follow(&options.roots(inputs));
    texts.finish();
    for (path, why) in &options.unreadable {
        texts.take(Found::Unreadable { path: path.clone(), why: why.clone() });
    }
    let named: Vec<String> = inputs.iter().map(|input| texts.name(input)).collect();
    let Texts { sources, findings, ids, plan, .. } = texts;
    let files = ids.len();
    let loaded = decode_all(sources, &ids, findings, plan, options.progress, decode);
    if loaded.objects.is_empty() && loaded.findings.is_empty() {
        return Err(LoadError::Empty { inputs: named, files, skipped: loaded.skipped.len() });
    }
    Ok(loaded)
}

/// The environments of these inputs: overlays that are variants of each other, by the paths of their kustomizations.
/// Each is a cluster of its own. Empty where there are not several, and where nothing is rendered.
///
/// # Errors
/// When an input does not exist.
pub fn environments(inputs: &[PathBuf], options: &Options<'_>) -> Result<Vec<String>, LoadError> {
    if !options.render {
        return Ok(Vec::new());
    }
    let found = discover::discover(inputs, &options.exclude, &options.names)?;
    Ok(environment::all(&found, |path| options.name(path)).into_iter().collect())
}

/// Renders what there is to render of these inputs, in parallel, for several calls of [`load`].
///
/// # Errors
/// When an input does not exist.
pub fn ahead(inputs: &[PathBuf], options: &Options<'_>) -> Result<Ahead, LoadError> {
    if !options.render {
        return Ok(Ahead::default());
    }
    let found = discover::discover(inputs, &options.exclude, &options.names)?;
    Ok(Ahead::render(&found, &options.helm, options.max_bytes))
}

impl Options<'_> {
    /// What a path is called, as text.
    fn name(&self, path: &Path) -> String {
        display(&called(&self.names, path).unwrap_or_else(|| path.to_owned()))
    }

    /// Where the root of the repository may be that inputs are of: their own directories, those that the working
    /// directory stands for, and that itself.
    fn roots(&self, inputs: &[PathBuf]) -> Vec<PathBuf> {
        let mut roots = Vec::new();
        for (real, name) in &self.names {
            let mut root = real.clone();
            if real.ends_with(name) {
                for _ in name.components() {
                    root.pop();
                }
                roots.push(root);
            }
        }
        if self.names.is_empty() {
            roots.push(PathBuf::from("."));
        }
        roots.extend(inputs.iter().filter(|input| input.is_dir()).cloned());
        roots
    }
}

/// Decodes every object in texts that are in memory already; otherwise like [`load`], but nothing to read is no
/// error.
pub fn load_texts<T: Send>(sources: SourceMap, decode: impl Fn(Node) -> T + Sync) -> Loaded<T> {
    let ids: Vec<SourceId> = sources.iter().map(|(id, _)| id).collect();
    decode_all(sources, &ids, Vec::new(), Plan::default(), None, decode)
}

/// As [`load_texts`], for texts of which only some hold manifests, with what was wrong about getting them.
pub fn load_some<T: Send>(
    sources: SourceMap,
    manifests: &[SourceId],
    not_got: Vec<Finding>,
    plan: Plan,
    decode: impl Fn(Node) -> T + Sync,
) -> Loaded<T> {
    decode_all(sources, manifests, not_got, plan, None, decode)
}

fn decode_all<T: Send>(
    sources: SourceMap,
    ids: &[SourceId],
    not_got: Vec<Finding>,
    plan: Plan,
    progress: Option<&(dyn Fn(u64, u64) + Sync)>,
    decode: impl Fn(Node) -> T + Sync,
) -> Loaded<T> {
    let texts: Vec<_> = ids.iter().filter_map(|&id| Some((id, sources.get(id)?.text()))).collect();
    let work = Work::new(progress, texts.iter().map(|(_, text)| text.len() as u64).sum());
    let parts: Vec<_> = texts
        .into_iter()
        .flat_map(|(id, text)| split::split(id, text).into_iter().map(move |part| (id, part)))
        .collect();
    let mut outputs: Vec<(SourceId, Output<T>)> = parts
        .into_par_iter()
        .map(|(id, part)| (id, read::read(&part, &Reading { decode: &decode, plan: &plan }, &work)))
        .collect();

    let mut objects = Vec::with_capacity(outputs.iter().map(|(_, output)| output.objects.len()).sum());
    let mut findings = Vec::new();
    let mut comments = Vec::new();
    let mut skipped = Vec::new();
    for texts in outputs.chunk_by_mut(|(a, _), (b, _)| a == b) {
        let Some(&(id, _)) = texts.first() else { continue };
        let all = || texts.iter().map(|(_, output)| output);
        let something = all().any(|output| !output.objects.is_empty() || !output.problems.is_empty());
        let other = all().any(|output| !output.strays.is_empty() || !output.doubtful.is_empty());
        if other && !something && plan.searched.contains(&id) {
            skipped.push(id);
            continue;
        }
        let mut problems = Vec::new();
        for (_, output) in texts {
            objects.append(&mut output.objects);
            objects.extend(output.strays.drain(..).map(&decode));
            problems.append(&mut output.problems);
            problems.append(&mut output.doubtful);
            comments.append(&mut output.comments);
        }
        findings.extend(one_template(problems));
    }
    comments.extend(&plan.comments);
    comments.sort();
    let got = |finding: &&Finding| finding.span().is_none_or(|span| !skipped.contains(&span.source));
    findings.extend(not_got.iter().filter(got).cloned());
    findings.sort_by_key(Finding::span);
    Loaded { sources, objects, findings, comments, manifests: ids.to_vec(), not_got, plan, skipped }
}

/// The problems of a text, of which no more than one says that it is a template.
fn one_template(mut problems: Vec<Finding>) -> Vec<Finding> {
    problems.sort_by_key(Finding::span);
    let mut templates = 0;
    problems.retain(|problem| {
        templates += usize::from(problem.key == TEMPLATE);
        problem.key != TEMPLATE || templates == 1
    });
    problems
}

/// A finding about something that could not be read.
fn unreadable(span: Span, message: impl Into<String>, help: impl Into<String>) -> Finding {
    let message = message.into();
    let key = message.clone();
    Finding::new("unreadable-document", Severity::Error, span, message).help(help).key(key).incomplete()
}
