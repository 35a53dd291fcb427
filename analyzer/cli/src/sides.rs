//! What `npv diff` compares: paths, or revisions of a repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use npv_analyzer::config::{Configured, Plugin};
use npv_analyzer::load::git::{GitError, Repository};
use npv_analyzer::load::{LoadError, MAX_BYTES};
use npv_analyzer::report::Replay;
use npv_analyzer::snapshot::{Options, Snapshot};

use crate::args::{DiffArgs, LookArgs};
use crate::input;
use crate::outcome::Failure;
use crate::output::to_stderr;
use crate::verb::plugins::under;
use crate::witness;

/// One side, before it is read.
#[derive(Debug)]
pub(crate) struct Source {
    /// What the answer calls it.
    pub(crate) name: String,
    kind: Kind,
    /// The network plugin of this side, where the sides differ in that.
    plugin: Option<Plugin>,
    /// Whether staged policies are enforced on this side, where the sides differ in that.
    staged: Option<bool>,
}

#[derive(Debug)]
enum Kind {
    /// A path that the user names as a side.
    Path(PathBuf),
    /// The files of a commit.
    Commit { repository: Repository, commit: String },
    /// The files as they are on disk.
    WorkTree,
}

impl Source {
    /// How to see a flow of this side: what it was read from, and what to check out before.
    pub(crate) fn replay(&self, inputs: &[PathBuf], args: &DiffArgs) -> Replay {
        let checkout = matches!(self.kind, Kind::Commit { .. }).then(|| self.name.clone());
        let inputs = self.inputs(inputs);
        let arguments = match (&self.plugin, self.staged) {
            (Some(plugin), _) => witness::arguments_under(&inputs, &args.input, plugin),
            (None, Some(staged)) => witness::arguments_staged(&inputs, &args.input, staged),
            (None, None) => witness::arguments(&inputs, &args.input),
        };
        Replay { arguments, checkout, files: Vec::new() }
    }

    fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind, plugin: None, staged: None }
    }

    /// The paths to name for commands that ask of this side.
    pub(crate) fn inputs(&self, inputs: &[PathBuf]) -> Vec<PathBuf> {
        match &self.kind {
            Kind::Path(path) => vec![path.clone()],
            Kind::WorkTree | Kind::Commit { .. } => inputs.to_vec(),
        }
    }
}

/// The two sides that the arguments name.
///
/// # Errors
/// They name none, or a revision that is not there.
pub(crate) fn sides(args: &DiffArgs) -> Result<[Source; 2], Failure> {
    let exists = |side: &String| side == "-" || Path::new(side).symlink_metadata().is_ok();
    if let Some((from, to)) = args.input.plugins_of_sides() {
        return under_plugins(args, [from, to]);
    }
    if args.input.staged {
        return staged(args);
    }
    match args.sides.as_slice() {
        [base, head] if args.paths.is_empty() && exists(base) && exists(head) => {
            if base == "-" && head == "-" {
                return Err(Failure::usage(
                    "standard input can be one side only",
                    "name a path for the other",
                ));
            }
            Ok([base, head].map(|side| Source::new(side, Kind::Path(side.into()))))
        }
        [base, head] => {
            let mixed = args.paths.is_empty() && (exists(base) || exists(head));
            if mixed {
                let missing = if exists(base) { head } else { base };
                return Err(Failure::usage_with(
                    format!("no such file or directory: `{missing}`"),
                    vec![format!(
                        "check the spelling of the path; if it is a revision: `npv diff {missing} -- {}`",
                        if exists(base) { base } else { head }
                    )],
                ));
            }
            revisions(base, Some(head))
        }
        [one] if args.paths.is_empty() && exists(one) => {
            let mut help = vec![format!("name two paths, or a revision: `npv diff HEAD -- {one}`")];
            if args.fail_on_opened.iter().any(exists) {
                help.push(
                    "`--fail-on-opened` takes the next word for its filter: let it stand last".to_owned(),
                );
            }
            Err(Failure::usage_with(
                format!("`{one}` is a path, and there is nothing to compare it with"),
                help,
            ))
        }
        [range] => match range
            .split_once("...")
            .map(|ends| (ends, true))
            .or_else(|| range.split_once("..").map(|ends| (ends, false)))
        {
            None => revisions(range, None),
            Some(((base, head), since)) => {
                let or_head = |end: &str| if end.is_empty() { "HEAD".to_owned() } else { end.to_owned() };
                let (base, head) = (or_head(base), or_head(head));
                if since { branch(range, &base, &head) } else { revisions(&base, Some(&head)) }
            }
        },
        _ => revisions("HEAD", None),
    }
}

/// One set of manifests under two network plugins.
fn under_plugins(args: &DiffArgs, plugins: [&Plugin; 2]) -> Result<[Source; 2], Failure> {
    let path = single(args).ok_or_else(|| {
        Failure::usage(
            "two network plugins are compared on one set of manifests",
            "name one path: `npv diff --cni calico..cilium DIR`",
        )
    })?;
    let kind = || path.clone().map_or(Kind::WorkTree, Kind::Path);
    Ok(plugins
        .map(|plugin| Source { plugin: Some(plugin.clone()), ..Source::new(plugin.to_string(), kind()) }))
}

/// One set of manifests without the policies that are staged, and with these enforced.
fn staged(args: &DiffArgs) -> Result<[Source; 2], Failure> {
    let path = single(args).ok_or_else(|| {
        Failure::usage(
            "what staged policies would change is seen in one set of manifests",
            "name one path: `npv diff --staged DIR`",
        )
    })?;
    let kind = || path.clone().map_or(Kind::WorkTree, Kind::Path);
    let sides = [("as enforced", false), ("as staged", true)];
    Ok(sides.map(|(name, staged)| Source { staged: Some(staged), ..Source::new(name, kind()) }))
}

/// The one path that is named, if any; `None` where there are more.
fn single(args: &DiffArgs) -> Option<Option<PathBuf>> {
    match (args.sides.as_slice(), args.paths.as_slice()) {
        ([], [] | [_]) => Some(args.paths.first().cloned()),
        ([one], []) => Some(Some(PathBuf::from(one))),
        _ => None,
    }
}

/// Paths near which a configuration may be.
pub(crate) fn near(args: &DiffArgs) -> Vec<PathBuf> {
    let sides = args.sides.iter().rev().map(PathBuf::from);
    args.paths.iter().cloned().chain(sides).filter(|path| path.exists()).collect()
}

/// Two revisions, or one and the working tree.
fn revisions(base: &str, head: Option<&str>) -> Result<[Source; 2], Failure> {
    let repository = Repository::open(Path::new(".")).map_err(refused)?;
    let source = |revision: &str| -> Result<Source, Failure> {
        let commit = repository.commit(revision).map_err(refused)?;
        let kind = Kind::Commit { repository: repository.clone(), commit };
        Ok(Source::new(revision, kind))
    };
    let head = match head {
        Some(head) => source(head)?,
        None => Source::new("working tree", Kind::WorkTree),
    };
    Ok([source(base)?, head])
}

/// What a branch has done since it left another one.
fn branch(range: &str, base: &str, head: &str) -> Result<[Source; 2], Failure> {
    let [old, new] = revisions(base, Some(head))?;
    match (old.kind, new.kind) {
        (Kind::Commit { repository, commit: old }, Kind::Commit { commit, .. }) => {
            let since = repository.merge_base(&old, &commit).map_err(refused)?;
            let base = Kind::Commit { repository: repository.clone(), commit: since };
            let name = format!("merge base of {range}");
            Ok([Source::new(name, base), Source::new(new.name, Kind::Commit { repository, commit })])
        }
        (old_kind, new_kind) => Ok([Source { kind: old_kind, ..old }, Source { kind: new_kind, ..new }]),
    }
}

fn refused(error: GitError) -> Failure {
    Failure::usage_with(error.message, error.help)
}

/// Reads both sides.
///
/// # Errors
/// A path is not there, an object is missing, or neither revision has anything to read.
pub(crate) fn read(
    sides: &[Source; 2],
    args: &DiffArgs,
    configured: &Configured,
    look: LookArgs,
) -> Result<[Snapshot; 2], Failure> {
    let inputs = configured.inputs(&args.paths);
    let [base, head] = sides;
    if let (Some(from), Some(to)) = (&base.plugin, &head.plugin) {
        let read = one(base, &inputs, configured, look)?.map_err(|error| input::nothing(&error))?;
        let options = configured.options();
        let both = [from, to].map(|plugin| under(&read, plugin, &options));
        let [Some(old), Some(new)] = both else {
            return Err(Failure::usage("a text is too long", "npv reads texts of less than 4 GiB"));
        };
        return Ok([old, new]);
    }
    if head.staged.is_some() {
        let read = one(base, &inputs, configured, look)?.map_err(|error| input::nothing(&error))?;
        let options = Options { staged: true, ..configured.options() };
        let Ok(staged) = read.with_texts(&BTreeMap::new(), &options) else {
            return Err(Failure::usage("a text is too long", "npv reads texts of less than 4 GiB"));
        };
        return Ok([read, staged]);
    }
    let (old, new) = (one(base, &inputs, configured, look)?, one(head, &inputs, configured, look)?);
    match (old, new) {
        (Ok(base), Ok(head)) => Ok([base, head]),
        (Err(error), Err(_)) => Err(input::nothing(&error)),
        (Err(error), Ok(other)) => {
            note(base, &error, "everything is new", look);
            Ok([empty(&other), other])
        }
        (Ok(other), Err(error)) => {
            note(head, &error, "everything is gone", look);
            let empty = empty(&other);
            Ok([other, empty])
        }
    }
}

/// Reads one side; the inner error says that the revision, or the working tree, has nothing there.
fn one(
    source: &Source,
    inputs: &[PathBuf],
    configured: &Configured,
    look: LookArgs,
) -> Result<Result<Snapshot, LoadError>, Failure> {
    let read = match &source.kind {
        Kind::Path(path) => return input::load(std::slice::from_ref(path), configured, look).map(Ok),
        Kind::WorkTree => {
            let there = |input: &&PathBuf| input.symlink_metadata().is_ok();
            let (found, missing): (Vec<&PathBuf>, Vec<&PathBuf>) = inputs.iter().partition(there);
            lacks(source, &missing, found.is_empty(), look);
            let found: Vec<PathBuf> = found.into_iter().cloned().collect();
            if found.is_empty() {
                Err(missing_error(inputs))
            } else {
                input::load_as(&found, Vec::new(), Vec::new(), configured, look)
            }
        }
        Kind::Commit { repository, commit } => {
            let tree =
                repository.tree(commit, inputs, *configured.config.render, MAX_BYTES).map_err(refused)?;
            lacks(source, &tree.missing.iter().collect::<Vec<_>>(), tree.inputs.is_empty(), look);
            if tree.inputs.is_empty() {
                Err(missing_error(inputs))
            } else {
                input::load_as(&tree.inputs, tree.names.clone(), tree.unreadable.clone(), configured, look)
            }
        }
    };
    Ok(read)
}

fn missing_error(inputs: &[PathBuf]) -> LoadError {
    LoadError::Missing(inputs.iter().map(|input| input.display().to_string()).collect())
}

/// Says which inputs one side does not have, where it has others.
fn lacks(source: &Source, missing: &[&PathBuf], all: bool, look: LookArgs) {
    if all || missing.is_empty() || look.quiet {
        return;
    }
    let names: Vec<String> = missing.iter().map(|path| format!("`{}`", path.display())).collect();
    say(&format!("note: {} has no {}", quoted(source), names.join(", ")), look);
}

fn note(source: &Source, error: &LoadError, so: &str, look: LookArgs) {
    if !look.quiet {
        let names: Vec<String> = error.inputs().iter().map(|name| format!("`{name}`")).collect();
        say(&format!("note: {} has no manifests in {}: {so}", quoted(source), names.join(", ")), look);
    }
}

fn say(text: &str, look: LookArgs) {
    use std::io::Write as _;
    to_stderr(look, |page| writeln!(page, "{}", npv_analyzer::report::visible(text)));
}

fn quoted(source: &Source) -> String {
    match source.kind {
        Kind::WorkTree => "the working tree".to_owned(),
        Kind::Path(_) | Kind::Commit { .. } => format!("`{}`", source.name),
    }
}

/// No manifests, understood as the other side's are.
fn empty(other: &Snapshot) -> Snapshot {
    Snapshot { profile: other.profile, ..Snapshot::default() }
}
