//! Environments: overlays that are variants of each other, each a cluster of its own.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use super::discover::Found;

/// Directories whose own directories are variants of each other.
const OF_VARIANTS: &[&str] =
    &["overlays", "overlay", "environments", "environment", "envs", "env", "clusters", "stages", "variants"];

/// What environments are called, alone or with a region or a number.
const NAMES: &[&str] = &[
    "ci",
    "demo",
    "dev",
    "develop",
    "development",
    "e2e",
    "int",
    "integration",
    "live",
    "local",
    "nonprod",
    "preprod",
    "preview",
    "prd",
    "prod",
    "production",
    "qa",
    "sandbox",
    "stage",
    "staging",
    "stg",
    "test",
    "testing",
    "uat",
];

/// What stands beside variants and is none: their common part.
const COMMON: &[&str] = &["base", "bases", "common", "shared", "components", "default", "lib", "flux-system"];

/// The environment that a directory is of, as far as its path tells: `overlays/dev`, `apps/production`,
/// `clusters/eu-1`.
pub(super) fn named(directory: &Path) -> Option<String> {
    let parts: Vec<&str> = directory
        .components()
        .filter_map(|part| match part {
            Component::Normal(part) => part.to_str(),
            _ => None,
        })
        .collect();
    let variant = |part: &str| !COMMON.contains(&part);
    let of_variants = parts.windows(2).find_map(|pair| match pair {
        [parent, part] if OF_VARIANTS.contains(parent) && variant(part) => Some(*part),
        _ => None,
    });
    let by_name = || {
        let known = |part: &&&str| part.split(['-', '_', '.']).any(|word| NAMES.contains(&word));
        parts.iter().find(known).copied()
    };
    of_variants.or_else(by_name).map(str::to_owned)
}

/// The environments among what has been found: those of kustomizations, where there is more than one.
pub(super) fn all<'f>(
    found: impl IntoIterator<Item = &'f Found>,
    name: impl Fn(&Path) -> String,
) -> BTreeSet<String> {
    let of = |found: &Found| match found {
        Found::Kustomization { directory, .. } => named(Path::new(&name(directory))),
        _ => None,
    };
    let names: BTreeSet<String> = found.into_iter().filter_map(of).collect();
    if names.len() > 1 { names } else { BTreeSet::new() }
}

/// Whether something that has been found is part of an environment: what is of no other one.
pub(super) fn holds(
    environment: &str,
    all: &BTreeSet<String>,
    found: &Found,
    name: impl Fn(&Path) -> String,
) -> bool {
    let path = match found {
        Found::Stdin => return true,
        Found::Kustomization { directory, .. } | Found::Chart { directory, .. } => directory.as_path(),
        Found::File { path, .. } | Found::Unreadable { path, .. } => path.parent().unwrap_or(path),
    };
    named(Path::new(&name(path))).is_none_or(|own| own == environment || !all.contains(&own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_environments() {
        for (path, name) in [
            ("overlays/dev", Some("dev")),
            ("apps/web/overlays/eu-1", Some("eu-1")),
            ("apps/production", Some("production")),
            ("deploy/prod-eu/web", Some("prod-eu")),
            ("clusters/home", Some("home")),
            ("overlays/base", None),
            ("apps/web", None),
            ("clusters", None),
            ("products/devices", None),
            ("", None),
        ] {
            assert_eq!(named(Path::new(path)).as_deref(), name, "{path}");
        }
    }

    #[test]
    fn one_environment_is_none() {
        let kustomization = |path: &str| Found::Kustomization { directory: path.into(), file: path.into() };
        let plain = Found::File { path: "overlays/test/x.yaml".into(), searched: true };
        let name = |path: &Path| path.to_string_lossy().into_owned();
        let mut found = vec![kustomization("overlays/dev"), kustomization("apps/a"), plain];
        assert_eq!(all(&found, name), BTreeSet::new());
        found.push(kustomization("overlays/prod"));
        let names = all(&found, name);
        assert_eq!(names.iter().collect::<Vec<_>>(), ["dev", "prod"]);
        let held: Vec<bool> = found.iter().map(|found| holds("dev", &names, found, name)).collect();
        assert_eq!(held, [true, true, true, false]);
    }
}
