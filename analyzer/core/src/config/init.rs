//! `npv init`: a commented configuration, fitted to what the manifests show.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Component, Path};

use npv_models::source::{Origin, Span};

use crate::report::visible;
use crate::snapshot::Snapshot;

/// So many names are listed before the rest is only counted.
const NAMED: usize = 6;

/// The text of a first `npv.yaml` for what has been read in the directory that it is for.
pub fn init(snapshot: &Snapshot) -> String {
    let cluster = &snapshot.cluster;
    let namespaces: Vec<&str> = cluster.namespaces.iter().map(|namespace| &*namespace.name).collect();
    let mut text = String::from(
        "# What npv reads, assumes and reports here. All keys: `npv config schema`; what is in force: `npv config show`.\n\n\
         # What is read where nothing is named on the command line.\n",
    );
    // Writing to a string cannot fail.
    let _ = writeln!(text, "paths: [{}]\n", directories(snapshot).join(", "));
    text.push_str(
        "# What to leave out of these, as in .gitignore.\n# exclude: [test/, \"*.gen.yaml\"]\n\n\
         # The namespace of objects that name none.\n",
    );
    let others: Vec<&str> = namespaces.iter().copied().filter(|name| *name != "default").collect();
    match others.as_slice() {
        [only] if !namespaces.contains(&"default") => {
            let _ = writeln!(text, "namespace: {only}\n");
        }
        _ => {
            let _ = writeln!(text, "# namespace: default  # there is {}\n", listed(&namespaces));
        }
    }
    text.push_str(&environments(snapshot));
    let external = super::external::proposals(snapshot);
    if !external.is_empty() {
        text.push_str(
            "# Pods that others make, such as operators: policies name these, and no manifest shows them.\n# externalPods:\n",
        );
        text.push_str(&external);
        text.push('\n');
    }
    text.push_str(
        "# What no manifest tells of the cluster.\ncluster:\n  \
         # The addresses of pods and of Services; they are not outside.\n  \
         # podCidrs: [10.244.0.0/16]\n  # serviceCidrs: [10.96.0.0/12]\n",
    );
    text.push_str(&super::assumed::proposals(cluster));
    text.push_str(
        "  blocksSkipPods: false # `true` where the network plugin never matches a pod by an ipBlock\n\n\
         # Levels of rules and categories, as in `npv rule`: allow, note, warning, error.\nrules: {}\n\
         # no-policy: note\n# exposure: error\n\n\
         # Findings that are as they should be. Or `# npv: ignore[RULE] REASON` beside the line.\nignore: []\n\
         # - rule: no-policy\n#   object: Deployment/shop/web\n#   reason: why\n#   expires: 2099-12-31\n\n\
         # What must hold, in every cluster or, with `world: snapshot`, in this one: `npv prove --help`.\n# assertions:\n",
    );
    let _ = writeln!(text, "# - {{{}}}\n", super::assumed::assertion(cluster));
    text.push_str("output:\n  failOn: warning # the mildest finding that makes `npv check` fail\n");
    text
}

/// Directories that hold variants of the same objects: the section `environments`, all of it comments. Empty where there
/// are none.
fn environments(snapshot: &Snapshot) -> String {
    let parent = |span: Option<Span>| {
        let file = snapshot.sources.get(span?.source)?.name();
        Some(Path::new(file).parent()?.to_owned())
    };
    let mut variants: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in snapshot.findings.iter().filter(|finding| finding.rule == "duplicate-object") {
        let mut spans = finding.locations.iter().map(|location| location.span);
        let (Some(one), Some(other)) = (parent(spans.next()), parent(spans.next())) else { continue };
        // The part in which two directories differ says which variant each is.
        let differ = one.components().zip(other.components()).find(|(one, other)| one != other);
        let Some((a, b)) = differ else { continue };
        for (name, directory) in [(a, &one), (b, &other)] {
            let end = directory.components().position(|part| part == name).map_or(0, |at| at + 1);
            let path: std::path::PathBuf = directory.components().take(end).collect();
            let name = name.as_os_str().to_string_lossy().into_owned();
            variants.entry(name).or_default().insert(crate::load::display(&path));
        }
    }
    let mut text = String::new();
    if variants.len() > 1 {
        text.push_str("# Variants of the same objects, each a cluster of its own.\n# environments:\n");
        for (name, paths) in variants {
            let paths: Vec<String> = paths.iter().map(|path| super::show::scalar(&visible(path))).collect();
            let name = super::show::scalar(&visible(&name));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# - {{name: {name}, paths: [{}]}}", paths.join(", "));
        }
        text.push('\n');
    }
    text
}

/// The directories that hold manifests, one below the working directory each.
fn directories(snapshot: &Snapshot) -> Vec<String> {
    let mut found = BTreeSet::new();
    for (_, source) in snapshot.sources.iter().filter(|(_, source)| *source.origin() != Origin::Stdin) {
        let mut parts = Path::new(source.name()).components();
        let first = match (parts.next(), parts.next()) {
            (Some(Component::Normal(first)), Some(_)) => first.to_string_lossy().into_owned(),
            // A file that stands here itself; a rendered text has the name of its directory.
            (Some(Component::Normal(first)), None) if Path::new(first).is_dir() => {
                first.to_string_lossy().into_owned()
            }
            _ => return vec![".".to_owned()],
        };
        found.insert(first);
    }
    if found.is_empty() {
        found.insert(".".to_owned());
    }
    found.into_iter().map(|name| super::show::scalar(&visible(&name))).collect()
}

/// `a, b and 3 more`.
pub(super) fn listed(names: &[&str]) -> String {
    let shown: Vec<_> = names.iter().take(NAMED).map(|name| visible(name)).collect();
    match names.len().saturating_sub(NAMED) {
        0 if names.is_empty() => "none".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
