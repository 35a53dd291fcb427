//! Finds what there is to read: files, standard input, and directories that have to be rendered first.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{Exclude, LoadError, overlay};
use crate::config;
use ignore::WalkBuilder;

/// Something to read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A file of manifests.
    File {
        /// The file.
        path: PathBuf,
        /// It was come upon in a directory, and may be anything; nobody has named it.
        searched: bool,
    },
    /// Standard input.
    Stdin,
    /// A directory with a `kustomization.yaml`.
    Kustomization {
        /// The directory.
        directory: PathBuf,
        /// The file.
        file: PathBuf,
    },
    /// A Helm chart.
    Chart {
        /// The directory.
        directory: PathBuf,
        /// Its `Chart.yaml`.
        file: PathBuf,
    },
    /// A place that cannot be searched.
    Unreadable {
        /// The place.
        path: PathBuf,
        /// Why, as in `permission denied`.
        why: String,
    },
}

impl Found {
    /// The path that it stands at.
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdin => None,
            Self::File { path, .. }
            | Self::Kustomization { file: path, .. }
            | Self::Chart { file: path, .. }
            | Self::Unreadable { path, .. } => Some(path),
        }
    }
}

/// A path as messages and positions name it: with forward slashes, and without a leading `./`.
pub(crate) fn display(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text = if std::path::MAIN_SEPARATOR == '\\' { text.replace('\\', "/") } else { text.into_owned() };
    match text.strip_prefix("./") {
        Some("") | None => text,
        Some(rest) => rest.to_owned(),
    }
}

/// Finds what the inputs consist of, each file once, in an order that does not depend on that of the inputs:
/// standard input, then by path. What is excluded is left out of directories.
///
/// # Errors
/// When inputs do not exist.
pub(super) fn discover(
    inputs: &[PathBuf],
    exclude: &Exclude,
    names: &[(PathBuf, PathBuf)],
) -> Result<Vec<Found>, LoadError> {
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for input in inputs {
        if input == Path::new("-") {
            found.push(Found::Stdin);
        } else if input.is_dir() {
            search(input, exclude, names, &mut found);
        } else if input.symlink_metadata().is_err() {
            missing.push(display(input));
        } else {
            found.push(classify(input, false));
        }
    }
    if !missing.is_empty() {
        return Err(LoadError::Missing(missing));
    }
    // What is named as well as come upon is named.
    let order = |found: &Found| {
        (found.path().map(Path::to_owned), matches!(found, Found::File { searched: true, .. }))
    };
    found.sort_by_cached_key(order);
    let mut seen = HashSet::new();
    found.retain(|found| match found {
        Found::File { path, .. }
        | Found::Kustomization { file: path, .. }
        | Found::Chart { file: path, .. } => path.canonicalize().map_or(true, |path| seen.insert(Some(path))),
        Found::Stdin => seen.insert(None),
        Found::Unreadable { .. } => true,
    });
    Ok(found)
}

/// Whether a file makes its directory a kustomization or a chart.
pub(super) fn is_configuration(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    overlay::FILES.contains(&name) || name == "Chart.yaml"
}

/// What a file stands for.
fn classify(file: &Path, searched: bool) -> Found {
    let name = file.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let directory = || match file.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    if overlay::FILES.contains(&name) {
        Found::Kustomization { directory: directory(), file: file.to_owned() }
    } else if name == "Chart.yaml" {
        Found::Chart { directory: directory(), file: file.to_owned() }
    } else {
        Found::File { path: file.to_owned(), searched }
    }
}

/// Searches a directory.
fn search(root: &Path, exclude: &Exclude, names: &[(PathBuf, PathBuf)], found: &mut Vec<Found>) {
    let mut entries = Vec::new();
    let walk = WalkBuilder::new(root)
        .follow_links(true)
        .require_git(false)
        .git_global(false)
        .sort_by_file_name(Ord::cmp)
        .filter_entry({
            let (exclude, names) = (exclude.clone(), names.to_owned());
            move |entry| {
                let path = entry.path();
                let directory = entry.file_type().is_some_and(|kind| kind.is_dir());
                let name = super::called(&names, path);
                let left_out = || {
                    config::is_configuration(path)
                        || (directory && entry.file_name() == "node_modules")
                        || exclude.matches(name.as_deref().unwrap_or(path), directory)
                };
                entry.depth() == 0 || !left_out()
            }
        })
        .build();
    for entry in walk {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                let entry = classify(entry.path(), true);
                if !matches!(&entry, Found::File { path, .. } if !is_manifest(path)) {
                    entries.push(entry);
                }
            }
            Ok(_) => {}
            Err(error) => entries.extend(unreadable(root, &error)),
        }
    }
    // What belongs to a chart or a kustomization is no manifest of its own.
    let mut charts: Vec<PathBuf> = Vec::new();
    let mut kustomizations = Vec::new();
    for entry in &entries {
        match entry {
            Found::Chart { directory, .. } => charts.push(directory.clone()),
            Found::Kustomization { directory, file } => {
                kustomizations.push((directory.clone(), file.clone()));
            }
            _ => {}
        }
    }
    let outermost = |directory: &Path| {
        charts.iter().filter(|chart| directory.starts_with(chart)).all(|chart| chart == directory)
    };
    let used = referenced(&kustomizations);
    found.extend(entries.into_iter().filter(|entry| match entry {
        Found::Chart { directory, .. } => {
            outermost(directory) && !kustomizations.iter().any(|(other, _)| directory.starts_with(other))
        }
        Found::Kustomization { directory, .. } => {
            let in_chart = charts.iter().any(|chart| directory.starts_with(chart) && directory != chart);
            !in_chart && directory.canonicalize().map_or(true, |directory| !used.contains(&directory))
        }
        Found::File { path, .. } => {
            let within = |directory: &PathBuf| path.starts_with(directory);
            !charts.iter().any(within)
                && !kustomizations.iter().any(|(directory, _)| within(directory))
                && (used.is_empty() || path.canonicalize().map_or(true, |path| !used.contains(&path)))
        }
        Found::Stdin | Found::Unreadable { .. } => true,
    }));
}

/// Whether a file in a directory counts as one of manifests.
pub(super) fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// The directories and files that one of the kustomizations includes: they are rendered as part of it, and are not on
/// their own.
fn referenced(kustomizations: &[(PathBuf, PathBuf)]) -> HashSet<PathBuf> {
    let mut used = HashSet::new();
    for (directory, file) in kustomizations {
        used.extend(overlay::parts(directory, file).into_iter().filter_map(|path| path.canonicalize().ok()));
    }
    used
}

/// What an error of the search means; `None` where it concerns nothing that would have been read.
fn unreadable(root: &Path, error: &ignore::Error) -> Option<Found> {
    let (path, cause) = cause(error);
    let path = path.unwrap_or(root).to_owned();
    let why = match cause {
        ignore::Error::Loop { ancestor, .. } => {
            format!("it is a symbolic link to `{}`, in which it stands itself", display(ancestor))
        }
        ignore::Error::Io(error) => {
            // A link to nowhere, of a name that npv would not have read.
            if error.kind() == std::io::ErrorKind::NotFound && !is_manifest(&path) {
                return None;
            }
            reason(error)
        }
        other => other.to_string(),
    };
    Some(Found::Unreadable { path, why })
}

/// The innermost error, and the innermost path on the way to it.
fn cause(error: &ignore::Error) -> (Option<&Path>, &ignore::Error) {
    match error {
        ignore::Error::WithPath { path, err } => {
            let (inner, cause) = cause(err);
            (inner.or(Some(path)), cause)
        }
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => cause(err),
        ignore::Error::Loop { child, .. } => (Some(child), error),
        _ => (None, error),
    }
}

/// An error of the operating system in plain words, without its number and the path that others put before it.
pub(crate) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.rsplit(": ").next().unwrap_or_default().to_lowercase()
}
