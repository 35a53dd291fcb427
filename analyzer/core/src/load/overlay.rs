//! What a kustomization says of its parts.

use std::path::{Component, Path, PathBuf};

use npv_models::source::{SourceId, decode};
use npv_models::yaml::{self, Node};

/// What the file of a kustomization is called.
pub(super) const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A kustomization is not longer than this; what is longer is none.
const LONGEST: u64 = 4 << 20;

/// The directories and files that a kustomization takes objects from, seen from where its own is. What is fetched from
/// elsewhere is not among them.
pub(super) fn resources(directory: &Path, file: &Path) -> Vec<PathBuf> {
    let root = root(file);
    let lists = ["resources", "bases", "components", "crds"];
    let lists = lists.into_iter().filter_map(|key| root.as_ref()?.get(key)).flat_map(Node::items);
    paths(directory, lists)
}

/// The same with the files of its patches.
pub(super) fn parts(directory: &Path, file: &Path) -> Vec<PathBuf> {
    let mut parts = resources(directory, file);
    let Some(root) = root(file) else { return parts };
    let listed = root.get("patchesStrategicMerge").map_or(&[][..], Node::items);
    let patches = ["patches", "patchesJson6902"].into_iter().filter_map(|key| root.get(key));
    let patches = patches.flat_map(Node::items).filter_map(|patch| patch.get("path"));
    parts.extend(paths(directory, listed.iter().chain(patches)));
    parts
}

fn paths<'n>(directory: &Path, listed: impl Iterator<Item = &'n Node>) -> Vec<PathBuf> {
    listed
        .filter_map(Node::as_str)
        .filter(|path| !path.contains("://") && !path.contains('\n'))
        .map(|path| plain(&directory.join(path)))
        .collect()
}

/// A path without `.` and `..`, as far as that goes without asking where links lead: `overlays/dev/../../base` is `base`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    if plain.as_os_str().is_empty() { PathBuf::from(".") } else { plain }
}

/// The only document of a kustomization.
fn root(file: &Path) -> Option<Node> {
    let fits = file.metadata().is_ok_and(|about| about.len() <= LONGEST);
    let text = if fits { decode(std::fs::read(file).ok()?).text } else { return None };
    yaml::read(SourceId(0), &text, 0).roots.into_iter().next()
}
