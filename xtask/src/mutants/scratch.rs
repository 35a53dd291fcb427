//! A copy of the checkout in which mutants are built and tested.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Mutant;
use crate::command::{cargo, root, target_directory};

/// The copy. It stays between runs, so that only what has changed is built again.
pub(super) struct Scratch {
    folder: PathBuf,
}

/// What became of a run of tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All passed.
    Passed,
    /// One failed.
    Failed,
    /// They were stopped.
    TimedOut,
    /// They could not be built or started.
    NotBuilt,
}

/// The text with the mutant in it.
pub(super) fn apply(text: &str, mutant: &Mutant) -> Result<String, String> {
    match text.matches(mutant.find).count() {
        1 => Ok(text.replace(mutant.find, mutant.replace)),
        count => {
            let Mutant { about, file, find, .. } = mutant;
            Err(format!("`{about}` cannot be applied: `{find}` is {count} times in {file}"))
        }
    }
}

impl Scratch {
    /// Copies every file that git tracks or would track.
    pub(super) fn new() -> Result<Self, String> {
        let folder = target_directory().join("mutants");
        let files = Command::new("git")
            .current_dir(root())
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .output()
            .map_err(|error| format!("`git ls-files` cannot be started: {error}"))?;
        if !files.status.success() {
            return Err(format!("`git ls-files` ended with {}", files.status));
        }
        let names = String::from_utf8_lossy(&files.stdout);
        let mut kept = BTreeSet::new();
        for name in names.split('\0').filter(|name| !name.is_empty()) {
            let (from, to) = (root().join(name), folder.join(name));
            // Links and what is deleted but not yet staged.
            if from.is_file() {
                copy(&from, &to).map_err(|error| format!("`{name}` cannot be copied: {error}"))?;
                kept.insert(to);
            }
        }
        forget(&folder, &kept);
        Ok(Self { folder })
    }

    /// Runs something with a mutant in place, and takes it out again.
    pub(super) fn with<T>(&self, mutant: &Mutant, run: impl FnOnce() -> T) -> Result<T, String> {
        let path = self.folder.join(mutant.file);
        let io = |error: std::io::Error| format!("`{}`: {error}", path.display());
        let text = fs::read_to_string(&path).map_err(io)?;
        fs::write(&path, apply(&text, mutant)?).map_err(io)?;
        let result = run();
        fs::write(&path, text).map_err(io)?;
        Ok(result)
    }

    /// Builds and runs tests.
    pub(super) fn test(&self, arguments: &[&str], limit: Duration) -> Outcome {
        let command = |options: &[&str]| {
            let mut command = cargo(&["test", "--quiet"]);
            command
                .args(arguments)
                .args(options)
                .current_dir(&self.folder)
                .env("CARGO_TARGET_DIR", self.folder.join("target"))
                // One counterexample is enough, however large, and it is nobody's regression.
                .env("PROPTEST_MAX_SHRINK_ITERS", "0")
                .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true")
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command
        };
        if !matches!(command(&["--no-run"]).status(), Ok(status) if status.success()) {
            return Outcome::NotBuilt;
        }
        let mut tests = command(&[]);
        // Their own group: cargo starts the tests as its children, and they must end with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut tests, 0);
        let Ok(mut child) = tests.spawn() else { return Outcome::NotBuilt };
        let started = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Outcome::Passed,
                Ok(Some(_)) => return Outcome::Failed,
                Ok(None) if started.elapsed() > limit => {
                    end(&mut child);
                    return Outcome::TimedOut;
                }
                Ok(None) => thread::sleep(Duration::from_millis(50)),
                Err(_) => return Outcome::NotBuilt,
            }
        }
    }
}

/// Ends a group of processes. What cannot be ended has ended.
fn end(child: &mut Child) {
    #[cfg(unix)]
    let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status();
    let _ = child.kill();
    let _ = child.wait();
}

/// Copies a file unless the copy is the same already, which would make cargo build it again.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let text = fs::read(from)?;
    if fs::read(to).is_ok_and(|known| known == text) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(to, text)
}

/// Removes sources of an earlier copy that are no longer in the checkout.
fn forget(folder: &Path, kept: &BTreeSet<PathBuf>) {
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder_here) = open.pop() {
        for entry in fs::read_dir(&folder_here).into_iter().flatten().flatten() {
            let path = entry.path();
            if path == folder.join("target") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if !kept.contains(&path) {
                // Where that fails, cargo says what is wrong with the file.
                let _ = fs::remove_file(path);
            }
        }
    }
}
