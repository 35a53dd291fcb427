//! `cargo xtask demo`: what a new user wants to see, in one command.

use std::process::Command;

use crate::command::{self, cargo, root, target_directory};

/// A small shop with three mistakes that people really make.
const SCENARIO: &str = "corpus/demo/manifests";

/// Builds npv and runs `check` and `reach` on a scenario.
///
/// # Errors
/// When the build fails, or when npv ends with a status that the scenario does not call for.
pub(crate) fn run(_arguments: &[String]) -> Result<(), String> {
    command::run(&mut cargo(&["build", "--quiet", "--package", "npv"]))?;
    let npv = target_directory().join("debug").join("npv");
    // The scenario has findings, so the gate must fail: 1 is the right answer here.
    for (arguments, expected) in [
        (["check", SCENARIO].as_slice(), 1),
        (&["reach", SCENARIO], 0),
        (&["trace", "shop/api", "shop/db:5432", SCENARIO], 0),
    ] {
        println!("\n$ npv {}\n", arguments.join(" "));
        let status = Command::new(&npv)
            .current_dir(root())
            .args(arguments)
            .status()
            .map_err(|error| format!("`{}` cannot be started: {error}", npv.display()))?;
        if status.code() != Some(expected) {
            return Err(format!("`npv {}` ended with {status}, not with {expected}", arguments.join(" ")));
        }
    }
    Ok(())
}
