//! Says what to do where the Z3 library is missing, before the linker says it less clearly, and lets this
//! crate's tests find it at run time.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-env-changed=Z3_LIBRARY_PATH_OVERRIDE");
    let has = |feature: &str| env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    if !has("Z3") || has("STATIC") {
        return;
    }
    let directory = env::var_os("Z3_LIBRARY_PATH_OVERRIDE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/z3/lib"), PathBuf::from);
    let names = ["libz3.so", "libz3.dylib", "libz3.lib"];
    let there = names.map(|name| directory.join(name).exists());
    let found = there.contains(&true);
    for (name, there) in names.iter().zip(there) {
        // A file that is missing counts as changed every time.
        if there || !found {
            println!("cargo::rerun-if-changed={}", directory.join(name).display());
        }
    }
    if found {
        if env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "unix") {
            println!("cargo::rustc-link-arg=-Wl,-rpath,{}", directory.display());
        }
    } else {
        println!(
            "cargo::error=Z3 is not there: run `cargo xtask setup` once, or build with `--features z3-static` (from \
             source) or with `--no-default-features` (without open-world proofs)"
        );
    }
}
