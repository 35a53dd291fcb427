//! Revisions of a git repository, by the user's `git`. Nothing is checked out: the files of a revision are
//! written to a temporary directory, which goes with the [`Tree`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use tempfile::TempDir;

use super::discover::{is_configuration, is_manifest};

/// Why a revision cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitError {
    /// What is wrong: lower-case, no full stop, user input in backticks.
    pub message: String,
    /// What to do next.
    pub help: Vec<String>,
}

impl GitError {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: vec![help.into()] }
    }
}

/// The repository that a directory is in.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Where `git` runs: the user's directory.
    directory: PathBuf,
    /// The top of the working tree.
    top: PathBuf,
    /// The user's directory in it.
    prefix: PathBuf,
}

/// The manifests of one revision, on disk for as long as this lives.
#[derive(Debug)]
pub struct Tree {
    directory: TempDir,
    /// Where each input is.
    pub inputs: Vec<PathBuf>,
    /// What each input is called; positions name files as the working tree does.
    pub names: Vec<(PathBuf, PathBuf)>,
    /// What is in the revision and cannot be read from it, with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
    /// The inputs that the revision does not have.
    pub missing: Vec<PathBuf>,
}

impl Tree {
    /// The temporary directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// An entry of a revision's tree.
#[derive(Clone, Debug)]
struct Entry {
    mode: String,
    object: String,
}

const SYMLINK: &str = "120000";
const SUBMODULE: &str = "160000";

impl Repository {
    /// Finds the repository that a directory is in.
    ///
    /// # Errors
    /// There is none, or `git` cannot be run.
    pub fn open(directory: &Path) -> Result<Self, GitError> {
        let repository =
            Self { directory: directory.to_owned(), top: PathBuf::new(), prefix: PathBuf::new() };
        let top = repository.text(&["rev-parse", "--show-toplevel"]).map_err(|why| match why {
            Failed::Start(error) => GitError::new(
                format!("cannot run git: {error}"),
                "install git, or name two directories: `npv diff BASE HEAD`",
            ),
            Failed::Status(said) => GitError::new(
                format!("this directory is in no git repository that npv can read: {said}"),
                "run npv in the repository, or name two directories: `npv diff BASE HEAD`",
            ),
        })?;
        let prefix = repository.text(&["rev-parse", "--show-prefix"]).unwrap_or_default();
        Ok(Self { top: top.into(), prefix: prefix.into(), ..repository })
    }

    /// The commit that a revision names.
    ///
    /// # Errors
    /// It names none; the help tells what to fetch where the clone is shallow.
    pub fn commit(&self, revision: &str) -> Result<String, GitError> {
        // Whatever git would take for an option is no revision: names of branches and tags do not begin so.
        if revision.is_empty() || revision.starts_with('-') {
            return Err(GitError::new(
                format!("`{revision}` is no revision"),
                "name a branch, a tag or a commit: `npv diff main..HEAD -- deploy/`",
            ));
        }
        let wanted = format!("{revision}^{{commit}}");
        self.text(&["rev-parse", "--verify", "--quiet", &wanted]).map_err(|_| {
            let mut help = Vec::new();
            let remote = format!("origin/{revision}");
            if self.text(&["rev-parse", "--verify", "--quiet", &format!("{remote}^{{commit}}")]).is_ok() {
                help.push(format!("did you mean `{remote}`?"));
            } else if self.is_shallow() {
                help.push(format!(
                    "this clone is shallow: fetch the revision with `git fetch --depth=1 origin {revision}:{revision}`, \
                     or clone with the whole history"
                ));
            } else {
                help.push("`git branch --all` lists branches; `git fetch` gets new ones".to_owned());
            }
            GitError { message: format!("there is no revision `{revision}` in this repository"), help }
        })
    }

    /// The commit at which the histories of two commits part.
    ///
    /// # Errors
    /// They have nothing in common, as far as the clone goes back.
    pub fn merge_base(&self, one: &str, other: &str) -> Result<String, GitError> {
        let base = self.text(&["merge-base", one, other]);
        base.map_err(|_| {
            let help = if self.is_shallow() {
                "this clone is shallow: get the rest of the history with `git fetch --unshallow`"
            } else {
                "compare them as they are: `BASE..HEAD`, with two dots"
            };
            GitError::new("the two revisions have no commit in common", help)
        })
    }

    fn is_shallow(&self) -> bool {
        self.text(&["rev-parse", "--is-shallow-repository"]).is_ok_and(|text| text == "true")
    }

    /// Reads inputs from a commit. With `everything`, all other files are there too, for those who render.
    ///
    /// # Errors
    /// An input is outside of the repository, or an object is not there.
    pub fn tree(
        &self,
        commit: &str,
        inputs: &[PathBuf],
        everything: bool,
        max_bytes: u64,
    ) -> Result<Tree, GitError> {
        let failed = |error: io::Error| {
            GitError::new(
                format!("cannot write the files of the revision to a temporary directory: {error}"),
                "make room in it, or name another one in the environment: `TMPDIR`",
            )
        };
        let directory = tempfile::Builder::new().prefix("npv-").tempdir().map_err(failed)?;
        // Names of temporary directories differ, and a link among them must not lead astray.
        let root = directory.path().canonicalize().map_err(failed)?;
        // Here the search for files to ignore ends, as it does at the top of the repository.
        fs::create_dir(root.join(".git")).map_err(failed)?;
        let places: Vec<PathBuf> = inputs.iter().map(|input| self.place(input)).collect::<Result<_, _>>()?;
        let entries = self.entries(commit)?;
        let mut tree = Tree {
            directory,
            inputs: Vec::new(),
            names: Vec::new(),
            unreadable: Vec::new(),
            missing: Vec::new(),
        };
        for (input, place) in inputs.iter().zip(&places) {
            if under(&entries, place).next().is_none() {
                tree.missing.push(input.clone());
                continue;
            }
            tree.inputs.push(root.join(place));
            tree.names.push((root.join(place), input.clone()));
        }
        // What links lead to, and whatever a renderer reads beside the inputs.
        tree.names.push((root.clone(), self.way_up()));
        let wanted = wanted(&entries, &places, everything);
        self.write(&root, &wanted, &entries, max_bytes, &mut tree)?;
        for (path, why) in &mut tree.unreadable {
            *path = super::called(&tree.names, &root.join(&*path)).unwrap_or_else(|| path.clone());
            why.insert_str(0, "it is ");
        }
        Ok(tree)
    }

    /// The way from the user's directory to the top of the repository.
    fn way_up(&self) -> PathBuf {
        let up: PathBuf = self.prefix.components().map(|_| "..").collect();
        if up.as_os_str().is_empty() { PathBuf::from(".") } else { up }
    }

    /// The path of an input from the top of the repository.
    fn place(&self, input: &Path) -> Result<PathBuf, GitError> {
        let outside = || {
            GitError::new(
                format!("`{}` is outside of the repository", input.display()),
                "name paths in the repository, or compare two directories: `npv diff BASE HEAD`",
            )
        };
        let path = if input.is_absolute() {
            let canonical = input.canonicalize().unwrap_or_else(|_| input.to_owned());
            canonical.strip_prefix(&self.top).map_err(|_| outside())?.to_owned()
        } else {
            self.prefix.join(input)
        };
        normal(&path).ok_or_else(outside)
    }

    /// All entries of a commit, by path.
    fn entries(&self, commit: &str) -> Result<BTreeMap<PathBuf, Entry>, GitError> {
        let listed = self.run(&["ls-tree", "-r", "-z", "--full-tree", commit]).map_err(|why| {
            GitError::new(
                format!("cannot read `{commit}`: {why}"),
                "`git fsck` tells what the repository lacks",
            )
        })?;
        let mut entries = BTreeMap::new();
        for line in listed.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
            let Some(tab) = line.iter().position(|byte| *byte == b'\t') else { continue };
            let (about, path) = line.split_at(tab);
            let about = String::from_utf8_lossy(about);
            let mut words = about.split(' ');
            let (Some(mode), Some(object)) = (words.next(), words.nth(1)) else { continue };
            let path = path_of(path.get(1..).unwrap_or_default());
            // Git refuses such names, but a repository need not be of git's making.
            if normal(&path).as_deref() != Some(&*path) || path.starts_with(".git") {
                return Err(GitError::new(
                    format!("the revision has a file with the name `{}`", path.display()),
                    "`git fsck` tells what is wrong with the repository",
                ));
            }
            entries.insert(path, Entry { mode: mode.to_owned(), object: object.to_owned() });
        }
        Ok(entries)
    }

    /// Writes files, links and directories below `root`.
    fn write(
        &self,
        root: &Path,
        wanted: &[PathBuf],
        entries: &BTreeMap<PathBuf, Entry>,
        max_bytes: u64,
        tree: &mut Tree,
    ) -> Result<(), GitError> {
        let mut waiting: Vec<PathBuf> = wanted.to_vec();
        let mut written: std::collections::BTreeSet<PathBuf> = std::collections::BTreeSet::new();
        let mut left = max_bytes;
        while !waiting.is_empty() {
            let mut files: Vec<(&Path, &Entry)> = Vec::new();
            for path in &waiting {
                let Some(entry) = entries.get(path) else { continue };
                if !written.insert(path.clone()) {
                    continue;
                }
                if entry.mode == SUBMODULE {
                    let why = "a submodule, whose files are in another repository".to_owned();
                    tree.unreadable.push((path.clone(), why));
                } else {
                    files.push((path, entry));
                }
            }
            let mut links: Vec<PathBuf> = Vec::new();
            self.blobs(&files, &mut left, |path, entry, bytes| {
                let at = root.join(path);
                if let Some(parent) = at.parent() {
                    fs::create_dir_all(parent)?;
                }
                if entry.mode != SYMLINK {
                    return fs::write(at, bytes);
                }
                let target = path_of(&bytes);
                let inside = path.parent().map(|parent| parent.join(&target)).and_then(|path| normal(&path));
                match inside {
                    Some(inside) if target.is_relative() => {
                        links.push(inside);
                        link(&target, &at)
                    }
                    _ => {
                        let why = format!("a link out of the repository, to `{}`", target.display());
                        tree.unreadable.push((path.to_owned(), why));
                        Ok(())
                    }
                }
            })?;
            waiting = links
                .iter()
                .flat_map(|link| under(entries, link).map(|(path, _)| path.clone()).collect::<Vec<_>>())
                .filter(|path| !written.contains(path))
                .collect();
        }
        Ok(())
    }

    /// Hands on the contents of blobs.
    fn blobs(
        &self,
        files: &[(&Path, &Entry)],
        left: &mut u64,
        mut take: impl FnMut(&Path, &Entry, Vec<u8>) -> io::Result<()>,
    ) -> Result<(), GitError> {
        if files.is_empty() {
            return Ok(());
        }
        let failed = |error: &dyn std::fmt::Display| {
            GitError::new(
                format!("cannot read the files of the revision: {error}"),
                "`git fsck` tells what the repository lacks",
            )
        };
        let mut child = self
            .git(&["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(&error))?;
        let mut asked = String::new();
        for (_, entry) in files {
            let _ = writeln!(asked, "{}", entry.object);
        }
        let stdin = child.stdin.take();
        // Git answers while it is asked, and neither pipe holds everything.
        let asking =
            thread::spawn(move || stdin.map_or(Ok(()), |mut stdin| stdin.write_all(asked.as_bytes())));
        let mut read = || -> io::Result<()> {
            let mut answers = BufReader::new(child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
            for (path, entry) in files {
                let bytes = blob(&mut answers, left)?;
                take(path, entry, bytes)?;
            }
            Ok(())
        };
        let outcome = read();
        if outcome.is_err() {
            drop(child.kill());
        }
        drop(child.wait());
        drop(asking.join());
        outcome.map_err(|error| failed(&error))
    }

    fn git(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        // Paths are what they are: a `*` in one is no pattern.
        command.current_dir(&self.directory).env("GIT_LITERAL_PATHSPECS", "1").args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, Failed> {
        let output = self.git(arguments).stdin(Stdio::null()).output().map_err(Failed::Start)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let line = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("git says nothing");
        Err(Failed::Status(line.trim_start_matches("fatal: ").trim().to_owned()))
    }

    /// What git prints, without the line break at its end.
    fn text(&self, arguments: &[&str]) -> Result<String, Failed> {
        let bytes = self.run(arguments)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
    }
}

/// Why git has no answer.
#[derive(Debug)]
enum Failed {
    Start(io::Error),
    Status(String),
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Start(error) => error.fmt(f),
            Self::Status(said) => f.write_str(said),
        }
    }
}

/// One answer of `git cat-file --batch`: a header, so many bytes, and a line break.
fn blob(answers: &mut impl BufRead, left: &mut u64) -> io::Result<Vec<u8>> {
    let mut header = String::new();
    answers.read_line(&mut header)?;
    let size = match header.trim_end().split(' ').collect::<Vec<_>>().as_slice() {
        [_, "blob", size] => size.parse::<u64>().ok(),
        _ => None,
    };
    let Some(size) = size else {
        return Err(io::Error::other(format!("git answers `{}`", header.trim_end())));
    };
    *left = left.checked_sub(size).ok_or_else(|| io::Error::other("they are more than npv reads"))?;
    let mut bytes = Vec::new();
    answers.take(size).read_to_end(&mut bytes)?;
    let mut end = [0; 1];
    answers.read_exact(&mut end)?;
    Ok(bytes)
}

/// The entries that are a path or below it.
fn under<'e>(
    entries: &'e BTreeMap<PathBuf, Entry>,
    place: &'e Path,
) -> impl Iterator<Item = (&'e PathBuf, &'e Entry)> {
    // Paths compare by component, so all that is below a path follows it at once.
    entries.range(place.to_owned()..).take_while(move |(path, _)| path.starts_with(place))
}

/// What is written for some inputs: the files that npv would read there, what tells it to ignore some of them,
/// and links, submodules and the inputs themselves, whatever they are called.
fn wanted(entries: &BTreeMap<PathBuf, Entry>, places: &[PathBuf], everything: bool) -> Vec<PathBuf> {
    let mut wanted = Vec::new();
    for (path, entry) in entries {
        let inside = places.iter().any(|place| path.starts_with(place));
        let above = path.parent().is_some_and(|parent| places.iter().any(|place| place.starts_with(parent)));
        let read = is_manifest(path) || is_configuration(path);
        let linked = entry.mode == SYMLINK || entry.mode == SUBMODULE;
        let ignores = path.file_name().is_some_and(|name| name == ".gitignore" || name == ".ignore");
        if (everything && (inside || entry.mode != SUBMODULE))
            || (inside && (read || linked || ignores || places.contains(path)))
            || (above && ignores)
        {
            wanted.push(path.clone());
        }
    }
    wanted
}

/// A path without `.` and `..`; `None` where it leads out of where it starts.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut found = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => found.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !found.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(found)
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes).into()
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

#[cfg(unix)]
fn link(target: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, at)
}

#[cfg(windows)]
fn link(target: &Path, at: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, at)
}
