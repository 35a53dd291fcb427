//! Reads what was found into texts.

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
    /// What could not be read.
    pub(super) findings: Vec<Finding>,
    /// How many more bytes may be read.
    left: u64,
}

impl<'o> Texts<'o> {
    pub(super) fn new(options: &'o Options<'o>) -> Self {
        Self {
            options,
            sources: SourceMap::default(),
            ids: Vec::new(),
            findings: Vec::new(),
            left: options.max_bytes,
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
            Found::File(path) => {
                let bytes = read_file(&path, self.left);
                self.add_read(self.name(&path), Origin::File, bytes);
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
                    self.add_rendered(&directory, &file, rendered);
                } else {
                    let command = render::kustomize_command(&self.called(&directory));
                    let message = format!(
                        "`{}` is a kustomization, whose files do not say what will be deployed",
                        self.name(&directory)
                    );
                    self.refuse_directory(&file, message, &command);
                }
            }
            Found::Chart { directory, file } => {
                if self.options.render {
                    let rendered = render::helm(&directory, &self.options.values, self.left);
                    self.add_rendered(&directory, &file, rendered);
                } else {
                    let command = render::helm_command(&self.called(&directory));
                    let message = format!(
                        "`{}` is a Helm chart, whose templates are no manifests",
                        self.name(&directory)
                    );
                    self.refuse_directory(&file, message, &command);
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

    fn add_rendered(&mut self, directory: &Path, file: &Path, rendered: Result<Rendered, RenderError>) {
        match rendered {
            Ok(Rendered { command, output }) => {
                let command = self.renamed(command);
                self.add(self.name(directory), Origin::Rendered { command }, output);
            }
            Err(RenderError { message, help }) => {
                let span = self.marker(file);
                self.findings.push(unreadable(span, self.renamed(message), self.renamed(help)));
            }
        }
    }

    fn refuse_directory(&mut self, file: &Path, message: String, command: &str) {
        let span = self.marker(file);
        let help = format!("run npv with `--render`, or `{command} | npv check -`");
        self.findings.push(unreadable(span, message, help));
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
