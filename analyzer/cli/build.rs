//! Lets the binary find the Z3 library at run time: where `cargo xtask setup` put it, and next to the
//! binary in a packaged release.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=Z3_LIBRARY_PATH_OVERRIDE");
    let has = |name: &str| env::var_os(name).is_some();
    let unix = env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "unix");
    if !unix || !has("CARGO_FEATURE_Z3") || has("CARGO_FEATURE_Z3_STATIC") {
        return;
    }
    let here = if env::var("CARGO_CFG_TARGET_VENDOR").is_ok_and(|vendor| vendor == "apple") {
        "@loader_path"
    } else {
        "$ORIGIN"
    };
    let built = env::var_os("Z3_LIBRARY_PATH_OVERRIDE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/z3/lib"), PathBuf::from);
    // Relative first, so that a checkout can move.
    let relative = [format!("{here}/../z3/lib"), format!("{here}/../lib/npv")];
    for directory in relative.into_iter().chain([built.display().to_string()]) {
        println!("cargo::rustc-link-arg-bins=-Wl,-rpath,{directory}");
    }
}
