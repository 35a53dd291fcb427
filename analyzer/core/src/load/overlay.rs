//! What a kustomization says of its parts.

use std::path::{Path, PathBuf};

use npv_models::source::{SourceId, decode};
use npv_models::yaml::{self, Node};

/// A kustomization is not longer than this; what is longer is none.
const LONGEST: u64 = 4 << 20;

/// The directories and files of the manifests that a kustomization takes in, seen from where its own is. What is fetched
/// from elsewhere is not among them.
pub(super) fn parts(directory: &Path, file: &Path) -> Vec<PathBuf> {
    let Some(root) = root(file) else { return Vec::new() };
    let listed = ["resources", "bases", "components", "crds", "patchesStrategicMerge"];
    let listed = listed.into_iter().filter_map(|key| root.get(key)).flat_map(Node::items);
    let patches = ["patches", "patchesJson6902"].into_iter().filter_map(|key| root.get(key));
    let patches = patches.flat_map(Node::items).filter_map(|patch| patch.get("path"));
    listed
        .chain(patches)
        .filter_map(Node::as_str)
        .filter(|path| !path.contains("://") && !path.contains('\n'))
        .map(|path| directory.join(path))
        .collect()
}

/// The only document of a kustomization.
pub(super) fn root(file: &Path) -> Option<Node> {
    let fits = file.metadata().is_ok_and(|about| about.len() <= LONGEST);
    let text = if fits { decode(std::fs::read(file).ok()?).text } else { return None };
    yaml::read(SourceId(0), &text, 0).roots.into_iter().next()
}
