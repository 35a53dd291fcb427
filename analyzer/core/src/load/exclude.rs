//! What is left out of directories.

use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::config::whole;

/// Patterns as in `.gitignore`, relative to a directory, and files that are npv's own.
#[derive(Clone, Debug)]
pub struct Exclude {
    patterns: Gitignore,
    /// The directory, without links.
    root: PathBuf,
    files: Vec<PathBuf>,
}

impl Default for Exclude {
    fn default() -> Self {
        Self { patterns: Gitignore::empty(), root: PathBuf::new(), files: Vec::new() }
    }
}

impl Exclude {
    /// Patterns relative to a directory, and files by their paths. A pattern that is none matches nothing.
    pub fn new<'p>(
        directory: &Path,
        patterns: impl IntoIterator<Item = &'p str>,
        files: impl IntoIterator<Item = PathBuf>,
    ) -> Self {
        let directory = if directory == Path::new("") { Path::new(".") } else { directory };
        let root = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
        let mut builder = GitignoreBuilder::new(&root);
        for pattern in patterns {
            // Refused when the configuration was read.
            let _ = builder.add_line(None, pattern);
        }
        let files = files.into_iter().filter_map(|file| file.canonicalize().ok()).collect();
        Self { patterns: builder.build().unwrap_or_else(|_| Gitignore::empty()), root, files }
    }

    /// Whether something that a directory holds is left out, by the name that findings give it.
    pub(super) fn matches(&self, name: &Path, directory: bool) -> bool {
        if self.patterns.is_empty() && self.files.is_empty() {
            return false;
        }
        let path = whole(name);
        let within = path.strip_prefix(&self.root);
        self.files.contains(&path)
            || within.is_ok_and(|path| self.patterns.matched(path, directory).is_ignore())
    }

    /// Whether a file, by the name that findings give it, matches one of the patterns or is in a directory that
    /// does.
    pub fn holds(&self, name: &str) -> bool {
        let path = whole(Path::new(name));
        let within = path.strip_prefix(&self.root);
        within.is_ok_and(|path| self.patterns.matched_path_or_any_parents(path, false).is_ignore())
    }
}
