//! `cargo xtask bench`: measures on generated clusters, in a release build of its own.

use crate::command::{self, cargo};

/// Builds and runs the benchmark program with these arguments.
///
/// # Errors
/// When the build or a measurement fails.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let mut command = cargo(&["run", "--quiet", "--release", "--package", "npv-bench", "--"]);
    command::run(command.args(arguments))
}
