//! The build script of every package whose binaries or tests hold Z3: lets them find the library at run
//! time, where `cargo xtask setup` put it, and next to the binary in a packaged release.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
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
    let checkout =
        || Path::new(file!()).parent().map_or_else(PathBuf::new, |here| here.join("../../target/z3/lib"));
    let built = env::var_os("Z3_LIBRARY_PATH_OVERRIDE").map_or_else(checkout, PathBuf::from);
    // Relative first, so that a checkout can move: of binaries, of tests, of a packaged release.
    let relative = ["../z3/lib", "../../z3/lib", "../lib/npv"].map(|path| format!("{here}/{path}"));
    for directory in relative.into_iter().chain([built.display().to_string()]) {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{directory}");
    }
}
