//! The documentation of all plugins.

use std::path::Path;

use npv_models::cni::{SHEETS, markdown};

/// Set by `cargo xtask docs`: write the page in place of comparing it.
const UPDATE: &str = "NPV_UPDATE_DOCS";

#[test]
fn the_published_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cni.md");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(path, markdown()).unwrap();
        return;
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(published == markdown(), "docs/cni.md is out of date: run `cargo xtask docs`");
}

#[test]
fn every_plugin_has_a_name_of_its_own_and_sources() {
    let names: Vec<&str> =
        SHEETS.iter().flat_map(|sheet| sheet.aliases.iter().chain([&sheet.name])).copied().collect();
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), names.len(), "{names:?}");
    for fact in SHEETS.iter().flat_map(|sheet| sheet.facts) {
        assert!(!fact.source.is_empty() && !fact.text.ends_with('.'), "{fact:?}");
    }
}
