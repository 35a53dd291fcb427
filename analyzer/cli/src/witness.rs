//! Counterexamples as files, and the command that shows them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use npv_analyzer::config::Plugin;
use npv_analyzer::query::prove::{Counterexample, quoted};

use crate::args::InputArgs;
use crate::outcome::Failure;

/// Keeps the files from being read as manifests, or committed, with the directory that they are in.
const IGNORE: &str = "# Written by npv: witnesses are no manifests of yours\n*\n";

/// The switches and inputs of a run, as a shell takes them.
pub(crate) fn arguments(paths: &[PathBuf], input: &InputArgs) -> String {
    with(paths, input, input.plugin(), input.staged)
}

/// The same under another network plugin.
pub(crate) fn arguments_under(paths: &[PathBuf], input: &InputArgs, plugin: &Plugin) -> String {
    with(paths, input, Some(plugin), input.staged)
}

/// The same with staged policies enforced, or not.
pub(crate) fn arguments_staged(paths: &[PathBuf], input: &InputArgs, staged: bool) -> String {
    with(paths, input, input.plugin(), staged)
}

fn with(paths: &[PathBuf], input: &InputArgs, plugin: Option<&Plugin>, staged: bool) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut switch = |name: &str, value: Option<&OsStr>| {
        words.push(name.to_owned());
        words.extend(value.map(|value| quoted(&value.to_string_lossy())));
    };
    if let Some(file) = &input.config {
        switch("--config", Some(file.as_os_str()));
    }
    if input.no_config {
        switch("--no-config", None);
    }
    if let Some(namespace) = &input.namespace {
        switch("--namespace", Some(namespace.as_ref()));
    }
    if input.render {
        switch("--render", None);
    }
    for values in &input.values {
        switch("--values", Some(values.as_os_str()));
    }
    for value in &input.set {
        switch("--set", Some(value.as_ref()));
    }
    if let Some(version) = &input.kube_version {
        switch("--kube-version", Some(version.as_ref()));
    }
    if let Some(name) = &input.environment {
        switch("--environment", Some(name.as_ref()));
    }
    if let Some(labels) = &input.ingress_controller {
        switch("--ingress-controller", Some(labels.to_string().as_ref()));
    }
    if let Some(plugin) = plugin {
        switch("--cni", Some(plugin.to_string().as_ref()));
    }
    if staged {
        switch("--staged", None);
    }
    if input.blocks_skip_pods {
        switch("--blocks-skip-pods", None);
    }
    if input.selectors_see_host_network {
        switch("--selectors-see-host-network", None);
    }
    words.extend(paths.iter().map(|path| quoted(&path.to_string_lossy())));
    words.join(" ")
}

/// Writes the manifests of counterexamples, each to a file of its own that is named after what it contradicts.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn write<'a>(
    directory: &Path,
    found: impl IntoIterator<Item = (&'a str, Option<&'a Counterexample>)>,
) -> Result<Vec<Option<String>>, Failure> {
    let mut taken = BTreeSet::new();
    let mut files = Vec::new();
    for (name, counterexample) in found {
        let Some(manifests) = counterexample.and_then(|found| found.manifests.as_deref()) else {
            files.push(None);
            continue;
        };
        let stem = stem(name);
        let numbered = (1_u32..).map(|number| match number {
            1 => stem.clone(),
            number => format!("{stem}-{number}"),
        });
        let Some(stem) = numbered.into_iter().find(|stem| taken.insert(stem.clone())) else { continue };
        let path = directory.join(stem).with_extension("yaml");
        save(directory, &path, manifests).map_err(|error| {
            Failure::usage(
                format!("cannot write `{}`: {error}", path.display()),
                "name a directory that may be written to",
            )
        })?;
        files.push(Some(quoted(&path.to_string_lossy())));
    }
    Ok(files)
}

fn save(directory: &Path, path: &Path, manifests: &str) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    let ignore = directory.join(".gitignore");
    // A directory that holds something else already is not npv's to hide.
    if fs::read_dir(directory)?.next().is_none() {
        fs::write(ignore, IGNORE)?;
    }
    fs::write(path, manifests)
}

/// A file's name for an assertion's.
fn stem(name: &str) -> String {
    let mut stem = String::new();
    for character in name.chars() {
        if character.is_ascii_alphanumeric() {
            stem.push(character.to_ascii_lowercase());
        } else if character != '\'' && !stem.ends_with('-') && !stem.is_empty() {
            stem.push('-');
        }
        if stem.len() >= 60 {
            break;
        }
    }
    let stem = stem.trim_end_matches('-');
    if stem.is_empty() { "witness".to_owned() } else { stem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn files_are_named_after_what_they_contradict() {
        assert_eq!(
            stem("only the shop's API reaches its database"),
            "only-the-shops-api-reaches-its-database"
        );
        assert_eq!(stem("deny any pod -> 169.254.169.254"), "deny-any-pod-169-254-169-254");
        assert_eq!(stem("../../etc/passwd"), "etc-passwd");
        assert_eq!(stem("„…“"), "witness");
        assert!(stem(&"long ".repeat(100)).len() <= 60);
    }
}
