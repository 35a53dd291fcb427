//! Reads what was found into texts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use npv_models::diagnostic::Finding;
use npv_models::source::{Origin, SourceId, SourceMap, Span, decode};
use npv_models::yaml::{self, Node};

use super::discover::{Found, display, reason};
use super::gitops::{self, Placement};
use super::origin::{OriginFile, Origins, Template};
use super::render::{self, Ahead, RenderError, Rendered};
use super::{Options, Plan, list, overlay, unreadable};

/// The texts that have been read so far.
pub(super) struct Texts<'o> {
    options: &'o Options<'o>,
    /// All texts, those that only findings refer to included.
    pub(super) sources: SourceMap,
    /// The texts that contain manifests.
    pub(super) ids: Vec<SourceId>,
    /// How they are to be read.
    pub(super) plan: Plan,
    /// Where each of them lies: a file, or the directory that was rendered.
    pub(super) places: BTreeMap<SourceId, PathBuf>,
    /// What has been rendered ahead, by directory.
    ahead: Ahead,
    /// The files that rendered objects may come from.
    origins: BTreeMap<PathBuf, Option<Arc<OriginFile>>>,
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
    pub(super) fn new(options: &'o Options<'o>, sources: SourceMap, ahead: Ahead) -> Self {
        Self {
            options,
            sources,
            ids: Vec::new(),
            plan: Plan::default(),
            places: BTreeMap::new(),
            ahead,
            origins: BTreeMap::new(),
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
                for &id in self.ids.iter().skip(known) {
                    if searched {
                        self.plan.searched.insert(id);
                    }
                    self.places.insert(id, path.clone());
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
                    let rendered = self.ahead.kustomization(&directory, self.left);
                    self.add_rendered(directory, file, rendered, Unrendered::NoKustomize);
                } else {
                    self.unrendered.entry(Unrendered::Kustomization).or_default().push((directory, file));
                }
            }
            Found::Chart { directory, file } => {
                if self.options.render {
                    let rendered = self.ahead.chart(&directory, &self.options.helm, self.left);
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
                let known = self.ids.len();
                self.add(self.name(&directory), Origin::Rendered { command }, output);
                if let Some(&id) = self.ids.get(known) {
                    let origins = match missing {
                        Unrendered::NoHelm | Unrendered::Chart => self.templates(&directory, id),
                        Unrendered::NoKustomize | Unrendered::Kustomization => self.files(&directory, &file),
                    };
                    self.plan.origins.insert(id, Arc::new(origins));
                    self.places.insert(id, directory);
                }
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

    /// The files that a kustomization takes in, directly or not.
    fn files(&mut self, directory: &Path, file: &Path) -> Origins {
        let mut files = Vec::new();
        let mut seen = BTreeSet::new();
        let mut left = overlay::resources(directory, file);
        while let Some(path) = left.pop() {
            let Ok(real) = path.canonicalize() else { continue };
            if !seen.insert(real.clone()) {
                continue;
            }
            if path.is_dir() {
                let kustomization =
                    overlay::FILES.iter().map(|name| path.join(name)).find(|file| file.is_file());
                left.extend(kustomization.into_iter().flat_map(|file| overlay::resources(&path, &file)));
            } else if let Some(file) = self.origin(path, real) {
                files.push(file);
            }
        }
        // The order of a search is not that of the names.
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Origins::Kustomization { directory: directory.to_owned(), files }
    }

    fn origin(&mut self, path: PathBuf, real: PathBuf) -> Option<Arc<OriginFile>> {
        if let Some(known) = self.origins.get(&real) {
            return known.clone();
        }
        let file = self.read_origin(&path, &real).map(Arc::new);
        self.origins.insert(real, file.clone());
        file
    }

    fn read_origin(&mut self, path: &Path, real: &Path) -> Option<OriginFile> {
        let bytes = read_file(path, LONGEST_ORIGIN).ok()?;
        if bytes.len() as u64 > LONGEST_ORIGIN {
            return None;
        }
        let id = self.sources.add(self.name(path), decode(bytes).text, Origin::File).ok()?;
        let documents = yaml::read(id, self.sources.get(id)?.text(), 0);
        let mut objects = Vec::new();
        for root in documents.roots {
            list::flatten(root, &mut |object| objects.extend(object));
        }
        self.plan.comments.extend(documents.comments);
        Some(OriginFile { path: real.to_owned(), objects })
    }

    /// The templates that helm names in what it has printed.
    fn templates(&mut self, directory: &Path, rendered: SourceId) -> Origins {
        let text = self.sources.get(rendered).map_or("", |source| source.text());
        let names: BTreeSet<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# Source: "))
            .map(|name| name.trim().to_owned())
            .collect();
        let mut templates = Vec::new();
        for name in names {
            // The first part is the name of the chart, which need not be that of its directory.
            let Some((_, path)) = name.split_once('/') else { continue };
            let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
            let path = directory.join(path);
            let Some(text) = inside.then(|| read_file(&path, LONGEST_ORIGIN).ok()).flatten() else {
                continue;
            };
            let text = decode(text).text;
            if let Ok(source) = self.sources.add(self.name(&path), text.clone(), Origin::File) {
                templates.push(Template { name, source, text: text.into() });
            }
        }
        Origins::Chart(templates)
    }

    /// Follows those who deploy what lies below a path.
    pub(super) fn follow(&mut self, roots: &[PathBuf]) {
        let sources = &self.sources;
        let texts = self.ids.iter().filter_map(|&id| Some((id, sources.get(id)?.text())));
        let plan = &self.plan;
        let trace = |object: &mut Node, source: SourceId, text: &str| plan.trace(object, source, text);
        let deployers = gitops::deployers(texts, trace);
        if deployers.is_empty() {
            return;
        }
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let unrendered = self.unrendered.values().flatten().map(|(directory, _)| real(directory));
        let unrendered: Vec<PathBuf> = unrendered.collect();
        let places: Vec<(SourceId, PathBuf)> =
            self.places.iter().map(|(&id, place)| (id, real(place))).collect();
        let mut below: Vec<(PathBuf, &gitops::Deployer)> = Vec::new();
        let mut followed = BTreeSet::new();
        for deployer in &deployers {
            let own = self.places.get(&deployer.source);
            let candidates = own.and_then(|file| repository(file)).into_iter().chain(roots.iter().cloned());
            let directory = candidates.map(|root| real(&root.join(&deployer.path))).find(|directory| {
                places
                    .iter()
                    .map(|(_, place)| place)
                    .chain(&unrendered)
                    .any(|place| place.starts_with(directory))
            });
            if let Some(directory) = directory {
                followed.insert(deployer.name);
                below.push((directory, deployer));
            }
        }
        let mut placements = BTreeMap::new();
        for (id, place) in places {
            let longest = below
                .iter()
                .filter(|(directory, _)| place.starts_with(directory))
                .map(|(directory, _)| directory.as_os_str().len())
                .max();
            let mut own: Vec<Placement> = Vec::new();
            for (directory, deployer) in &below {
                if Some(directory.as_os_str().len()) == longest
                    && place.starts_with(directory)
                    && !own.contains(&deployer.placement)
                {
                    own.push(deployer.placement.clone());
                }
            }
            if !own.is_empty() {
                placements.insert(id, own);
            }
        }
        self.plan.placements = placements;
        self.plan.followed = followed;
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

/// The root of the repository that a file is in.
fn repository(file: &Path) -> Option<PathBuf> {
    let file = file.canonicalize().ok()?;
    file.ancestors().find(|directory| directory.join(".git").exists()).map(Path::to_owned)
}

/// A file that rendered objects come from is not longer than this.
const LONGEST_ORIGIN: u64 = 16 << 20;

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
