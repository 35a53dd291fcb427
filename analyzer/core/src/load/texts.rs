//! Reads what was found into texts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use npv_models::diagnostic::Finding;
use npv_models::source::{Origin, SourceId, SourceMap, Span, decode};

use super::discover::{Found, display, reason};
use super::render::{self, RenderError, Rendered};
use super::{Options, unreadable};

/// The texts that have been read so far.
pub(super) struct Texts<'o> {
    options: &'o Options<'o>,
    /// All texts, those that only findings refer to included.
    pub(super) sources: SourceMap,
    /// The texts that contain manifests.
    pub(super) ids: Vec<SourceId>,
    /// The texts that nobody has named: they were come upon in a directory, and may be anything.
    pub(super) searched: BTreeSet<SourceId>,
    /// What could not be read.
    pub(super) findings: Vec<Finding>,
    /// How many more bytes may be read.
    left: u64,
    /// Directories that are to be rendered and have not been, by what they are and why not.
    unrendered: BTreeMap<Unrendered, Vec<(PathBuf, PathBuf)>>,
}

/// Why a directory has not been rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Unrendered {
    /// A kustomization, without anybody having asked for it.
    Kustomization,
    /// A chart, without anybody having asked for it.
    Chart,
    /// A kustomization, for want of a program.
    NoKustomize,
    /// A chart, for want of a program.
    NoHelm,
}

/// So many names are listed before the rest is only counted.
const NAMED: usize = 3;

impl<'o> Texts<'o> {
    pub(super) fn new(options: &'o Options<'o>) -> Self {
        Self {
            options,
            sources: SourceMap::default(),
            ids: Vec::new(),
            searched: BTreeSet::new(),
            findings: Vec::new(),
            left: options.max_bytes,
            unrendered: BTreeMap::new(),
        }
    }

    /// What a path is called.
    fn called(&self, path: &Path) -> PathBuf {
        super::called(&self.options.names, path).unwrap_or_else(|| path.to_owned())
    }

    /// The same as text.
    pub(super) fn name(&self, path: &Path) -> String {
        display(&self.called(path))
    }

    /// A text about paths, with what they are called.
    fn renamed(&self, text: String) -> String {
        self.options
            .names
            .iter()
            .fold(text, |text, (real, name)| text.replace(&display(real), &display(name)))
    }

    /// Reads something, or says why not.
    pub(super) fn take(&mut self, found: Found) {
        match found {
            Found::File { path, searched } => {
                let bytes = read_file(&path, self.left);
                let known = self.ids.len();
                self.add_read(self.name(&path), Origin::File, bytes);
                if searched {
                    self.searched.extend(self.ids.iter().skip(known));
                }
            }
            Found::Stdin => {
                let bytes = match &self.options.stdin {
                    Some(bytes) => Ok(bytes.clone()),
                    None => read(std::io::stdin().lock(), 0, self.left),
                };
                self.add_read("<stdin>".to_owned(), Origin::Stdin, bytes);
            }
            Found::Kustomization { directory, file } => {
                if self.options.render {
                    let rendered = render::kustomize(&directory, self.left);
                    self.add_rendered(directory, file, rendered, Unrendered::NoKustomize);
                } else {
                    self.unrendered.entry(Unrendered::Kustomization).or_default().push((directory, file));
                }
            }
            Found::Chart { directory, file } => {
                if self.options.render {
                    let rendered = render::helm(&directory, &self.options.values, self.left);
                    self.add_rendered(directory, file, rendered, Unrendered::NoHelm);
                } else {
                    self.unrendered.entry(Unrendered::Chart).or_default().push((directory, file));
                }
            }
            Found::Unreadable { path, why } => {
                let span = self.empty(self.name(&path));
                let message = format!("cannot be read: {why}");
                self.findings.push(unreadable(
                    span,
                    message,
                    "mend the path, or leave it out: name it in `.gitignore`",
                ));
            }
        }
    }

    fn add_read(&mut self, name: String, origin: Origin, bytes: std::io::Result<Vec<u8>>) {
        match bytes {
            Ok(bytes) => self.add(name, origin, bytes),
            Err(error) => {
                let span = self.empty(name);
                let message = format!("cannot be read: {}", reason(&error));
                self.findings.push(unreadable(
                    span,
                    message,
                    "see to it that you may read the file, or leave it out",
                ));
            }
        }
    }

    /// Adds a text with manifests.
    fn add(&mut self, name: String, origin: Origin, bytes: Vec<u8>) {
        let length = bytes.len() as u64;
        if length > self.left {
            return self.leave_out(name);
        }
        let decoded = decode(bytes);
        let Ok(id) = self.sources.add(name.clone(), decoded.text, origin) else {
            return self.leave_out(name);
        };
        self.left -= length;
        self.ids.push(id);
        if let Some(at) = decoded.invalid {
            let start = u32::try_from(at).unwrap_or(u32::MAX);
            let span = Span::new(id, start, start + char::REPLACEMENT_CHARACTER.len_utf8() as u32);
            let message = format!("this is not valid {}", decoded.encoding);
            self.findings.push(unreadable(span, message, "save the file as UTF-8"));
        }
    }

    fn leave_out(&mut self, name: String) {
        let span = self.empty(name);
        let message = format!("left out: npv reads at most {} MB in all", self.options.max_bytes / 1_000_000);
        self.findings.push(unreadable(span, message, "run npv on fewer files at a time"));
    }

    fn add_rendered(
        &mut self,
        directory: PathBuf,
        file: PathBuf,
        rendered: Result<Rendered, RenderError>,
        missing: Unrendered,
    ) {
        match rendered {
            Ok(Rendered { command, output }) => {
                let command = self.renamed(command);
                self.add(self.name(&directory), Origin::Rendered { command }, output);
            }
            Err(RenderError::Missing) => {
                self.unrendered.entry(missing).or_default().push((directory, file));
            }
            Err(RenderError::Failed { message, help }) => {
                let span = self.marker(&file);
                self.findings.push(unreadable(span, self.renamed(message), self.renamed(help)));
            }
        }
    }

    /// Says what has not been rendered: one finding for each cause, however many directories have it.
    pub(super) fn finish(&mut self) {
        for (why, directories) in std::mem::take(&mut self.unrendered) {
            let Some((directory, file)) = directories.first() else { continue };
            let span = self.marker(file);
            let (message, help) = self.unrendered(why, &directories, directory);
            self.findings.push(unreadable(span, message, help));
        }
    }

    fn unrendered(
        &self,
        why: Unrendered,
        directories: &[(PathBuf, PathBuf)],
        first: &Path,
    ) -> (String, String) {
        let names: Vec<String> =
            directories.iter().map(|(directory, _)| format!("`{}`", self.name(directory))).collect();
        let count = names.len();
        let listed = match (count.saturating_sub(NAMED), names.get(..NAMED.min(count)).unwrap_or_default()) {
            (0, [all @ .., last]) if !all.is_empty() => format!("{} and {last}", all.join(", ")),
            (0, named) => named.concat(),
            (more, named) => format!("{} and {more} more", named.join(", ")),
        };
        let first = self.called(first);
        let or_by_hand = |command: String| format!("run npv with `--render`, or `{command} | npv check -`");
        match (why, count) {
            (Unrendered::Kustomization, 1) => (
                format!("{listed} is a kustomization, whose files do not say what will be deployed"),
                or_by_hand(render::kustomize_command(&first)),
            ),
            (Unrendered::Kustomization, _) => (
                format!("{count} kustomizations do not say themselves what will be deployed: {listed}"),
                "run npv with `--render`, which renders each and looks at what comes out".to_owned(),
            ),
            (Unrendered::Chart, 1) => (
                format!("{listed} is a Helm chart, whose templates are no manifests"),
                or_by_hand(render::helm_command(&first)),
            ),
            (Unrendered::Chart, _) => (
                format!("{count} Helm charts are templates, and no manifests: {listed}"),
                "run npv with `--render`, which renders each and looks at what comes out".to_owned(),
            ),
            (Unrendered::NoKustomize, _) => (
                format!("neither `kubectl` nor `kustomize` can be found to render {listed}"),
                "install one of them, or put it on the PATH".to_owned(),
            ),
            (Unrendered::NoHelm, _) => (
                format!("`helm` cannot be found to render {listed}"),
                "install helm, or put it on the PATH".to_owned(),
            ),
        }
    }

    /// The first line of the file that makes a directory a chart or a kustomization.
    fn marker(&mut self, file: &Path) -> Span {
        let text = read_file(file, 1 << 20).map(|bytes| decode(bytes).text).unwrap_or_default();
        let line = text.lines().next().map_or(0, str::len) as u32;
        let id = self.sources.add(self.name(file), text, Origin::File).unwrap_or(SourceId(0));
        Span::new(id, 0, line)
    }

    /// A place for findings about a text that is not there.
    fn empty(&mut self, name: String) -> Span {
        let id = self.sources.add(name, "", Origin::File).unwrap_or(SourceId(0));
        Span::new(id, 0, 0)
    }
}

/// Reads a file, but not more than `limit` bytes and one more, however long it says it is.
fn read_file(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    read(file, length, limit)
}

fn read(input: impl Read, length: u64, limit: u64) -> std::io::Result<Vec<u8>> {
    // One byte more than the length, to find the end without growing.
    let capacity = length.min(limit).saturating_add(1);
    let mut bytes = Vec::with_capacity(usize::try_from(capacity).unwrap_or(0));
    input.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
