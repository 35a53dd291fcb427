//! Whether inputs have changed since they were read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ignore::WalkBuilder;

/// When each file was written last, and how long it is. Two that are equal stand for the same content.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Stamp(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

impl Stamp {
    /// The stamp of files, and of all files in directories but those that are hidden or that git ignores: charts
    /// and kustomizations depend on more than manifests. What is not there is left out.
    pub fn of<'a>(inputs: impl IntoIterator<Item = &'a Path>) -> Self {
        let mut files = BTreeMap::new();
        for input in inputs {
            let walk =
                WalkBuilder::new(input).follow_links(true).require_git(false).git_global(false).build();
            for entry in walk.flatten() {
                if let Ok(about) = entry.metadata()
                    && about.is_file()
                {
                    files.insert(entry.into_path(), (about.modified().ok(), about.len()));
                }
            }
        }
        Self(files)
    }

    /// The stamp without some files: those that the answer itself is written to.
    pub fn without<'a>(mut self, files: impl IntoIterator<Item = &'a Path>) -> Self {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let written: Vec<PathBuf> = files.into_iter().map(real).collect();
        if !written.is_empty() {
            self.0.retain(|path, _| !written.contains(&real(path)));
        }
        self
    }

    /// Number of files.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no file at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_change_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let stamp = || Stamp::of([root]);
        let file = root.join("sub/a.yaml");
        fs::create_dir(root.join("sub")).unwrap();
        let empty = stamp();
        assert!(empty.is_empty());
        fs::write(&file, "a: 1\n").unwrap();
        let one = stamp();
        assert_eq!((one.len(), &one), (1, &stamp()));
        fs::write(&file, "a: 12\n").unwrap();
        let longer = stamp();
        assert_ne!(longer, one);
        let touched = fs::File::options().write(true).open(&file).unwrap();
        touched.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_ne!(stamp(), longer);
        let before = stamp();
        // What npv does not read is not watched either.
        fs::create_dir(root.join(".git")).unwrap();
        fs::write(root.join(".git/index"), "x").unwrap();
        assert_eq!(stamp(), before);
        fs::write(root.join("values.txt"), "x").unwrap();
        assert_eq!(stamp().len(), 2);
        let dotted = root.join("sub/../values.txt");
        assert_eq!(stamp().without([dotted.as_path()]), before);
        fs::remove_file(&file).unwrap();
        fs::remove_file(root.join("values.txt")).unwrap();
        assert_eq!(stamp(), empty);
        assert!(Stamp::of([Path::new("no/such/file")]).is_empty());
    }
}
