//! `cargo xtask test`: every test of the project.

use crate::command::{self, cargo};
use crate::z3;

/// Runs all tests; further arguments go to `cargo test`.
///
/// # Errors
/// When a test fails.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    z3::provide()?;
    // The tests of the command line run the real binary, which `cargo test` alone would not build.
    command::run(&mut cargo(&["build", "--package", "npv"]))?;
    command::run(cargo(&["test", "--workspace"]).args(arguments))
}
