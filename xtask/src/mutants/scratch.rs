//! A copy of the checkout in which mutants are built and tested.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Mutant;
use super::batch::CHOICE;
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
    /// They could not be started.
    NotStarted,
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

    /// Where the copy is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs something with other texts in place of some files, and puts the files back.
    pub(super) fn with<T>(
        &self,
        files: &BTreeMap<&'static str, String>,
        run: impl FnOnce() -> T,
    ) -> Result<T, String> {
        let mut before = Vec::new();
        for (file, text) in files {
            let path = self.folder.join(file);
            let io = |error: std::io::Error| format!("`{}`: {error}", path.display());
            before.push((path.clone(), fs::read_to_string(&path).map_err(io)?));
            fs::write(&path, text).map_err(io)?;
        }
        let result = run();
        for (path, text) in before {
            fs::write(&path, text).map_err(|error| format!("`{}`: {error}", path.display()))?;
        }
        Ok(result)
    }

    /// A run of tests in the copy.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = cargo(&["test"]);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            // One counterexample is enough, however large, and it is nobody's regression.
            .env("PROPTEST_MAX_SHRINK_ITERS", "0")
            .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true")
            // Nor is a new snapshot anybody's.
            .env("INSTA_UPDATE", "no")
            .env_remove(CHOICE)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Builds tests.
    ///
    /// # Errors
    /// The compiler's messages, one a line.
    pub(super) fn build(&self, arguments: &[&str]) -> Result<(), String> {
        let mut command = self.command(arguments);
        command.args(["--no-run", "--message-format=short"]).stderr(Stdio::piped());
        match command.output() {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Runs tests that have been built, with the mutant of this number alive where a batch of them is in
    /// place. They are stopped when one fails.
    pub(super) fn test(&self, arguments: &[&str], alive: Option<usize>, limit: Duration) -> Outcome {
        let mut tests = self.command(arguments);
        tests.envs(alive.map(|number| (CHOICE, number.to_string()))).stdout(Stdio::piped());
        // Their own group: cargo starts the tests as its children, and they must end with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut tests, 0);
        let Ok(mut child) = tests.spawn() else { return Outcome::NotStarted };
        let failed = Arc::new(AtomicBool::new(false));
        let reader = child.stdout.take().map(|output| {
            let failed = Arc::clone(&failed);
            thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if line.starts_with("test ") && line.ends_with(" ... FAILED") {
                        failed.store(true, Ordering::Relaxed);
                    }
                }
            })
        });
        let started = Instant::now();
        let outcome = loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => break Outcome::Passed,
                Ok(Some(_)) => break Outcome::Failed,
                Ok(None) if failed.load(Ordering::Relaxed) => {
                    end(&mut child);
                    break Outcome::Failed;
                }
                Ok(None) if started.elapsed() > limit => {
                    end(&mut child);
                    break Outcome::TimedOut;
                }
                Ok(None) => thread::sleep(Duration::from_millis(20)),
                Err(_) => break Outcome::NotStarted,
            }
        };
        // It ends with the tests.
        drop(reader.map(thread::JoinHandle::join));
        outcome
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
